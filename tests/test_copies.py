"""A model is as before whatever its forward does: parameters, buffers, hooks, mode, random numbers, the user's objects.

Forwards are put together from habits, each of which changes something somewhere; everything that can be reached from
the model is compared before and after, object by object.
"""

from __future__ import annotations

import functools
import random
import types
import weakref
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models import resnet18

from course_lib.clinic import check_input
from course_lib.drawing.tensorboard.event_files import write_graph
from course_lib.errors import CourseError
from course_lib.measuring.memory import forward_bytes, twin
from course_lib.networks.fcn.fx_graph import take_apart
from course_lib.tracing.copies import copy_model, meta_tensor, own_tensor, shared_tensor
from course_lib.tracing.copy_runs import run_copy
from course_lib.tracing.layer_maps import feature_maps, layers
from course_lib.tracing.receptive import field_of, gradient_field
from course_lib.tracing.tracer import trace

SIZE = (3, 16, 16)
BATCH = torch.rand(2, *SIZE, generator=torch.Generator().manual_seed(0))
Pair = namedtuple("Pair", "first second")


class Slotted:
    __slots__ = ("seen",)

    def __init__(self) -> None:
        self.seen: list[Any] = []


@dataclass
class Notes:
    """An object of a user's own class, with a lock-free list and a module of its own."""

    lines: list[Any] = field(default_factory=list)
    norm: nn.Module = field(default_factory=lambda: nn.BatchNorm2d(4))


class Norm(nn.BatchNorm2d):
    """As timm's BatchNormAct2d: a forward of its own, which counts batches in train mode."""

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.num_batches_tracked.add_(1)
        statistics = self.running_mean, self.running_var
        return F.batch_norm(x, *statistics, self.weight, self.bias, self.training, 0.1, self.eps)


# -- habits: what is made in __init__, and what the forward does with it ----------------------------------------------
Make = Callable[[nn.Module], Any]
Act = Callable[[Any, Any, Tensor], Any]
HABITS: dict[str, tuple[Make, Act]] = {}


def habit(name: str, make: Make) -> Callable[[Act], Act]:
    def add(act: Act) -> Act:
        HABITS[name] = make, act
        return act

    return add


def counting(net: nn.Module) -> Callable[[], int]:
    count = 0

    def count_up() -> int:
        nonlocal count
        count += 1
        return count

    return count_up


def remembering(net: nn.Module) -> Callable[[Tensor], Tensor]:
    kept: list[Tensor] = []
    return lambda x: (kept.append(x), net.norm(net.conv(x)))[1]


def apply(layer: nn.Module, x: Tensor) -> Any:
    return layer(x)


def chain(net: nn.Module) -> list[Any]:
    """A ring: a list that holds a dict that holds the list."""
    ring: list[Any] = []
    ring.append({"ring": ring, "seen": Counter()})
    return ring


habit("deque", lambda net: deque(maxlen=3))(lambda net, own, x: own.append(x))
habit("defaultdict", lambda net: defaultdict(list))(lambda net, own, x: own["seen"].append(x))
habit("namespace", lambda net: types.SimpleNamespace(last=None))(lambda net, own, x: setattr(own, "last", x))
habit("ordered", lambda net: OrderedDict(a=[]))(lambda net, own, x: own["a"].append(x))
habit("set", lambda net: {1})(lambda net, own, x: own.add(2))
habit("pair", lambda net: Pair([], {}))(lambda net, own, x: own.first.append(x))
habit("slots", lambda net: Slotted())(lambda net, own, x: own.seen.append(x))
habit("ring", chain)(lambda net, own, x: own[0]["ring"][0]["seen"].update("a"))
habit("array", lambda net: np.zeros(3))(lambda net, own, x: own.__iadd__(1))
habit("counter in a closure", counting)(lambda net, own, x: own())
habit("layers in a closure", remembering)(lambda net, own, x: own(x[:, :3]))
habit("layers in a partial", lambda net: functools.partial(apply, net.norm))(lambda net, own, x: own(x))
habit("layers in a bound method", lambda net: net.norm.forward)(lambda net, own, x: own(x))
habit("method of a list", lambda net: [].append)(lambda net, own, x: own(x))
habit("default argument", lambda net: lambda x, kept=[]: kept.append(x))(lambda net, own, x: own(x))
habit("module in an object", lambda net: Notes())(lambda net, own, x: (own.lines.append(x), own.norm.train()(x)))
habit("module in a list", lambda net: [nn.BatchNorm2d(4)])(lambda net, own, x: own[0].train()(x))
habit("keyed by a module", lambda net: {net.norm: []})(lambda net, own, x: own[net.norm].append(x))
habit("weak reference", lambda net: weakref.ref(net.norm))(lambda net, own, x: own().train()(x))
habit("random", lambda net: random.Random(1))(lambda net, own, x: own.random())
habit("numpy's random", lambda net: np.random.default_rng(1))(lambda net, own, x: own.random())
habit("generator", lambda net: torch.Generator().manual_seed(1))(lambda net, own, x: torch.rand(1, generator=own))
habit("global random", lambda net: 0)(lambda net, own, x: (random.random(), np.random.rand(), torch.rand(1)))
habit("tensor", lambda net: torch.zeros(4))(lambda net, own, x: own.add_(1))
habit("attribute", lambda net: None)(lambda net, own, x: setattr(net, "last", x.mean((2, 3))))
habit("class attribute", lambda net: None)(lambda net, own, x: net.everyone.append(x))
habit("buffer", lambda net: net.register_buffer("total", torch.zeros(4)))(lambda net, own, x: net.total.add_(1))
habit("new buffer", lambda net: 0)(lambda net, own, x: net.register_buffer("late", torch.zeros(1), persistent=False))
habit("new hook", lambda net: 0)(lambda net, own, x: net.norm.register_forward_hook(lambda *_: None) and None)
habit("mode", lambda net: 0)(lambda net, own, x: net.train())
habit("frozen", lambda net: 0)(lambda net, own, x: net.conv.requires_grad_(False))
habit("removed", lambda net: [0])(lambda net, own, x: net.__dict__.pop("spare", None))
WRITING = ["weight", "data", "renorm"]
habit("weight", lambda net: 0)(lambda net, own, x: net.conv.weight.detach().mul_(0.5))
habit("data", lambda net: 0)(lambda net, own, x: net.conv.bias.data[:2].fill_(3))
habit("renorm", lambda net: 0)(lambda net, own, x: F.embedding(torch.tensor([0]), net.rows, max_norm=0.01))


class Net(nn.Module):
    """A convolution, a norm, and habits."""

    everyone: list[Any] = []  # noqa: RUF012

    def __init__(self, habits: list[str], needs_numbers: bool) -> None:
        super().__init__()
        self.conv, self.norm, self.spare = nn.Conv2d(3, 4, 3, padding=1), Norm(4), 7
        self.rows = nn.Parameter(torch.ones(2, 3))
        self.needs_numbers, self.habits = needs_numbers, habits
        for name in habits:
            self.__dict__[f"own {name}"] = HABITS[name][0](self)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.conv(x))
        for name in self.habits:
            HABITS[name][1](self, self.__dict__[f"own {name}"], x)
        if self.needs_numbers and float(x.detach().sum()) < -1e9:
            x = x + 1
        return F.relu(x).mean((2, 3))


class Wrapped(nn.Module):
    """A model around another, so that the habits are a child's."""

    def __init__(self, habits: list[str], needs_numbers: bool) -> None:
        super().__init__()
        self.body = Net(habits, needs_numbers)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)  # type: ignore[no-any-return]


# -- everything that can be reached from a model ----------------------------------------------------------------------
def everything(value: Any, seen: dict[int, Any]) -> Any:
    """Plain data that says which objects there are and what they hold; ``seen`` keeps them alive."""
    if value is None or isinstance(value, int | float | str | bytes | type | types.ModuleType):
        return value
    if id(value) in seen:
        return id(value)
    seen[id(value)] = value
    inside: Any
    if isinstance(value, Tensor):
        plain = value.detach()
        inside = (value._version, value.requires_grad, value.data_ptr(), plain.flatten().tolist())
    elif isinstance(value, np.ndarray):
        inside = value.tolist()
    elif isinstance(value, dict):
        inside = [(everything(key, seen), everything(item, seen)) for key, item in value.items()]
    elif isinstance(value, tuple | list | set | frozenset | deque):
        inside = [everything(item, seen) for item in value]
    elif isinstance(value, types.FunctionType):
        cells = [cell.cell_contents for cell in value.__closure__ or ()]
        inside = [everything(held, seen) for held in (*cells, *(value.__defaults__ or ()))]
    elif isinstance(value, types.MethodType | types.BuiltinFunctionType):
        inside = everything(value.__self__, seen)
    elif isinstance(value, functools.partial):
        inside = [everything(held, seen) for held in (value.func, *value.args)]
    elif isinstance(value, weakref.ref):
        inside = everything(value(), seen)
    elif isinstance(value, torch.Generator):
        inside = value.get_state().tolist()
    elif isinstance(value, random.Random):
        inside = value.getstate()
    elif isinstance(value, np.random.Generator):
        inside = str(value.bit_generator.state)
    elif isinstance(value, Slotted):
        inside = everything(value.seen, seen)
    else:
        inside = everything(vars(value), seen) if hasattr(value, "__dict__") else repr(value)
    return id(value), type(value).__name__, inside


def state(model: nn.Module, seen: dict[int, Any]) -> list[Any]:
    randomness = random.getstate(), str(np.random.get_state()), torch.get_rng_state().tolist()
    return [everything(model, seen), everything(Net.everyone, seen), randomness]


def looks() -> Iterator[tuple[str, Callable[[nn.Module], Any]]]:
    yield "trace", lambda model: trace(model, (2, *SIZE))
    yield "trace in train mode", lambda model: trace(model, (2, *SIZE), mode="train")
    yield "maps", lambda model: feature_maps(model, BATCH, "body.relu")
    yield "gradient", lambda model: gradient_field(model, BATCH[:1], "body.relu", 3, 4)
    yield "memory", lambda model: forward_bytes(model, (2, *SIZE))
    yield "fully convolutional", lambda model: take_apart(model, 16)
    yield "input", lambda model: check_input(model, torch.cat([BATCH] * 4))


LOOKS = dict(looks())


def looked_at(name: str, habits: list[str], needs_numbers: bool, train: bool, act: Callable[[nn.Module], Any]) -> None:
    model = Wrapped(habits, needs_numbers).train(train)
    model.body.norm.eval()  # frozen by itself
    fired: list[str] = []
    hooks = [module.register_forward_hook(lambda *_: fired.append("after")) for module in model.modules()]
    hooks += [module.register_forward_pre_hook(lambda *_: fired.append("before")) for module in model.modules()]
    seen: dict[int, Any] = {}
    before = state(model, seen)
    try:
        act(model)
    except CourseError:
        assert name in ("fully convolutional", "tensorboard"), (name, habits)  # which cannot follow every forward
    except RuntimeError as error:  # as autograd refuses such a forward anyway
        assert name == "gradient" and set(habits) & set(WRITING) and "modified by an inplace operation" in str(error)
    seen_again: dict[int, Any] = {}
    assert state(model, seen_again) == before, (name, habits)
    assert fired == []


@pytest.mark.parametrize("name", LOOKS)
@settings(deadline=None, max_examples=25)
@given(
    habits=st.lists(st.sampled_from(sorted(HABITS)), min_size=1, max_size=5, unique=True),
    needs_numbers=st.booleans(),
    train=st.booleans(),
)
def test_looking_changes_nothing(name: str, habits: list[str], needs_numbers: bool, train: bool) -> None:
    if name == "fully convolutional":  # its network shares the model's weights on purpose
        habits = [habit for habit in habits if habit not in WRITING]
    looked_at(name, habits, needs_numbers, train, LOOKS[name])


@pytest.mark.parametrize("name", sorted(HABITS))
def test_each_habit_alone(name: str) -> None:
    for look in ("trace", "trace in train mode", "maps", "gradient"):
        for needs_numbers in (False, True):
            looked_at(look, [name], needs_numbers, True, LOOKS[look])


def test_tensorboard_changes_nothing(tmp_path: Any) -> None:
    pytest.importorskip("tensorboard")
    for group in (
        "deque,buffer,mode",
        "layers in a closure,module in an object",
        "weight,renorm",
        "data,global random",
    ):
        habits = group.split(",")
        looked_at("tensorboard", habits, False, True, lambda model: write_graph(model, (2, *SIZE), tmp_path))


# -- what a copy is ---------------------------------------------------------------------------------------------------
def test_tensors_of_a_copy() -> None:
    model = resnet18().train()
    shared, own, meta = (copy_model(model, made) for made in (shared_tensor, own_tensor, meta_tensor))
    names = [name for name, _ in model.named_parameters()]
    assert all([name for name, _ in other.named_parameters()] == names for other in (shared, own))
    for theirs, one, two in zip(model.parameters(), shared.parameters(), own.parameters(), strict=True):
        assert one.data_ptr() == theirs.data_ptr() != two.data_ptr() and torch.equal(two, theirs)
    memory = {buffer.data_ptr() for buffer in model.buffers()}
    assert not memory & {buffer.data_ptr() for other in (shared, own) for buffer in other.buffers()}
    assert meta.conv1.weight.is_meta and meta.bn1.running_mean.is_meta and shared.training
    with torch.no_grad():
        assert torch.equal(shared.eval()(BATCH), own.eval()(BATCH))
    assert isinstance(shared, type(model)) and shared.layer1[0] is not model.layer1[0]


def test_one_object_has_one_copy_and_shared_tensors_stay_shared() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4))
    model[2].weight = model[0].weight
    log: list[Any] = []
    model.a, model[1].b, model.c = log, (log, [log]), functools.partial(print, log)
    copied = copy_model(model)
    assert copied[2].weight is copied[0].weight
    assert copied.a is copied[1].b[0] is copied[1].b[1][0] is copied.c.args[0] and copied.a is not log


@pytest.mark.filterwarnings("ignore:.*weight_norm:FutureWarning")
def test_a_weight_that_a_hook_computes_is_computed_in_the_copy() -> None:
    model = nn.Sequential(nn.utils.spectral_norm(nn.Conv2d(3, 4, 3)), nn.utils.weight_norm(nn.Linear(14, 2)))
    with torch.no_grad():
        expected = model.eval()(BATCH)
        assert torch.allclose(copy_model(model)(BATCH), expected)


def test_what_cannot_be_copied_stays() -> None:
    model = nn.Linear(2, 2)
    model.lock, model.both, model.lines = Lock(), {"lock": Lock(), "list": []}, [memoryview(b"abc")]
    copied = copy_model(model)
    assert copied.lock is model.lock and copied.both["lock"] is model.both["lock"] and copied.lines is model.lines
    assert copied.both["list"] is not model.both["list"]


def test_a_forward_that_would_write_to_weights_gets_its_own() -> None:
    layer = nn.Linear(2, 2)
    before, runs = layer.weight.clone(), []

    def run(copied: nn.Module) -> Tensor:
        runs.append(copied.weight.data_ptr() == layer.weight.data_ptr())
        with torch.no_grad():
            return copied.weight.zero_()

    assert not run_copy(layer, run).any() and runs == [True, False]
    assert torch.equal(layer.weight, before)


def test_a_timed_copy_has_buffers_of_its_own_and_no_hooks() -> None:
    model, fired = nn.Sequential(Norm(3), nn.ReLU()), []
    model[1].register_forward_hook(lambda *_: fired.append(1))
    copied = twin(model, torch.device("cpu"))
    copied.train()(BATCH)
    assert int(model[0].num_batches_tracked) == 0 and not model[0].running_mean.any() and fired == []


# -- names ------------------------------------------------------------------------------------------------------------
def test_layers_in_a_closure_have_their_names_and_weights() -> None:
    for numbers in (False, True):
        found = trace(Wrapped(["layers in a closure"], numbers), (2, *SIZE))
        assert [op.name for op in found][:4] == ["body.conv", "body.norm", "body.getitem", "body.conv_1"]
        assert found.parameters == sum(p.numel() for p in Net([], False).parameters())
        assert found["body.conv_1"].shared == ("body.conv.weight", "body.conv.bias")


class Counts(nn.Module):
    """Counts with shapes between its additions, which are one kind of op for Python and another for PyTorch."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        side = x.shape[2] + 2
        x = self.first(x) + 1
        x = self.second(x) + 1
        return F.interpolate(x, size=(side, side))


def test_a_name_means_one_layer() -> None:
    model = Counts().eval()
    names = layers(model, SIZE)
    assert list(names) == [op.name for op in trace(model, SIZE)] == ["first", "add", "second", "add_1", "interpolate"]
    with torch.no_grad():
        first = model.first(BATCH) + 1
        expected = {"add": first, "add_1": model.second(first) + 1, "interpolate": model(BATCH)}
    for name, maps in expected.items():
        assert torch.equal(feature_maps(model, BATCH, name), maps), name
    left, top, right, bottom = field_of(model, "add_1", 8, 8, SIZE[1:]) or (0, 0, 0, 0)
    rows, columns = (gradient_field(model, BATCH[:1], "add_1", 8, 8) > 0).nonzero().T
    assert (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1) == (left, top, right, bottom)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.sampled_from(["conv", "add", "count", "relu", "again", "mul"]), min_size=1, max_size=8))
def test_the_maps_of_every_op_are_what_the_forward_computes(steps: list[str]) -> None:
    """The oracle is the forward itself, which keeps a copy of every map that it makes."""
    kept: list[Tensor] = []

    class Steps(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.relu = nn.Conv2d(3, 3, 3, padding=1), nn.ReLU(inplace=True)
            self.keep = False

        def forward(self, x: Tensor) -> Tensor:
            for step in steps:
                size = x.shape[-1] + 1
                if step == "conv" or step == "again":
                    x = self.conv(x)
                elif step == "add":
                    x = x + 1
                elif step == "mul":
                    x = x * (size - 1)
                elif step == "relu":
                    x = self.relu(x)
                else:
                    size *= 2
                    continue
                if self.keep:
                    kept.append(x.clone())
            return x

    model = Steps().eval()
    found = trace(model, SIZE)
    model.keep = True
    with torch.no_grad():
        model(BATCH.clone())
    model.keep = False
    assert len(found) == len(kept)
    for op, expected in zip(found, kept, strict=True):
        assert torch.equal(feature_maps(model, BATCH, op.name), expected), op.name
