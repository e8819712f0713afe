"""Build a model around a state dict without filling memory twice, or say why the state dict does not fit.

Torchvision's own way constructs the model (random numbers for every weight), reads the file into memory, and copies it
over. Here the model is constructed on PyTorch's meta device (shapes without memory), and the tensors that were read
become the weights: no first random numbers, no second copy. Where ``reader`` mapped them, kernels on one machine share
their pages, and changing a weight changes this process's copy, never the file.

Where the state dict does not fit, the likely cause is found by comparing names and shapes, and each cause is checked
before it is named: a prefix, because all names and shapes fit without it; another number of classes, because all but
the last layer fit; another depth or architecture, because a model of torchvision's registry has exactly these names and
shapes. The error clinic asks here too.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
import torchvision
from torch import Tensor, nn
from torchvision.models import get_model_builder, get_model_weights, list_models

from course_lib.errors import CheckpointError, CourseError
from course_lib.models.checkpoints.layouts import PREFIXES, versions_of

__all__ = [
    "OtherHead",
    "OtherModel",
    "Shapes",
    "Wrapped",
    "load_model",
    "other_head",
    "other_model",
    "shapes_of",
    "wrapped",
]


def load_model(builder: Callable[..., nn.Module], state_dict: Mapping[str, Tensor], /, **kwargs: Any) -> nn.Module:
    """Build a model around the tensors of a state dict.

    The model takes the tensors over instead of copying them: for a second, independent model read the file again.
    Numbers in another precision than the model's own (a half-precision file), and whole ones, are converted; tensors
    that share memory with each other, or with themselves (expanded ones), are copied. The global random number
    generator is left as it was.

    Args:
        builder: what makes the model, such as ``torchvision.models.resnet18``.
        state_dict: names → tensors, as ``read_state_dict`` gives them.
        kwargs: what the builder takes, such as ``num_classes=10``.

    Returns:
        The model on the CPU, in eval mode.

    Raises:
        CheckpointError: this isn't a state dict, or its tensors do not fit the model; the sentence names the first that
            do not, the likely cause and the repair.

    Example:
        >>> from torchvision.models import squeezenet1_1
        >>> state_dict = squeezenet1_1(num_classes=10).state_dict()
        >>> model = load_model(squeezenet1_1, state_dict, num_classes=10)
        >>> model.training, next(model.parameters()).device.type
        (False, 'cpu')
    """
    if not isinstance(state_dict, Mapping):
        raise CheckpointError(
            f"load_model expects a state dict, names and their tensors; it was given {type(state_dict).__name__}. "
            "A file is read by read_state_dict(path)."
        )
    for name, tensor in state_dict.items():
        if not isinstance(name, str):
            raise CheckpointError(
                f"load_model expects a state dict, names and their tensors; {str(name)[:80]} isn't a name but of type "
                f"{type(name).__name__}."
            )
        if isinstance(tensor, Tensor) and tensor.is_meta:
            raise CheckpointError(f"{name} has no numbers, it is on the meta device: read the file they are in.")
    with torch.random.fork_rng(devices=[]):
        model = _on_meta(builder, kwargs)
        tied = model is not None and _shares_layers(model)
        if model is not None:
            _fill(model, state_dict, builder, assign=True)
        if model is None or tied or any(tensor.is_meta for tensor in _tensors(model)):
            # The constructor computes with real numbers, keeps some that the file does not hold, or ties two weights.
            model = builder(**kwargs)
            _fill(model, state_dict, builder, assign=False)
    return model.eval()


def _on_meta(builder: Callable[..., nn.Module], kwargs: dict[str, Any]) -> nn.Module | None:
    try:
        with torch.device("meta"):
            return builder(**kwargs)
    except Exception:  # whatever it is: the ordinary construction will raise it again if it is a real mistake
        return None


def _fill(
    model: nn.Module, state_dict: Mapping[str, Tensor], builder: Callable[..., nn.Module], *, assign: bool
) -> None:
    own = model.state_dict()
    fitting: OrderedDict[str, Tensor] = OrderedDict()
    used: set[int] = set()  # where the memory of the tensors before begins
    for name, tensor in state_dict.items():
        if isinstance(tensor, Tensor) and name in own and tensor.shape == own[name].shape:
            if own[name].is_floating_point() and not tensor.is_complex():
                tensor = tensor.to(own[name].dtype)
            if assign and tensor.layout is torch.strided and tensor.numel():
                expanded = any(step == 0 and size > 1 for step, size in zip(tensor.stride(), tensor.shape, strict=True))
                if expanded or tensor.data_ptr() in used:
                    tensor = tensor.clone(memory_format=torch.contiguous_format)
                used.add(tensor.data_ptr())
        fitting[name] = tensor
    # Layers read their format's version here: BatchNorm's num_batches_tracked is newer than many files.
    fitting._metadata = versions_of(state_dict) or None  # type: ignore[attr-defined]
    try:
        model.load_state_dict(fitting, assign=assign)
    except RuntimeError:
        # PyTorch's own message, a line for every name, says less than the sentence and hides it.
        name = getattr(builder, "__name__", "")
        raise CheckpointError(_misfit(model, state_dict, name if name.isidentifier() else "builder")) from None


def _shares_layers(model: nn.Module) -> bool:
    """Whether one parameter has two names in the model: taking over a tensor for each would untie them."""
    return len(list(model.named_parameters(remove_duplicate=False))) > len(list(model.parameters()))


def _tensors(model: nn.Module) -> Iterator[Tensor]:
    """Every tensor a model holds: parameters, buffers (also those that no file keeps) and plain attributes."""
    for module in model.modules():
        yield from module.parameters(recurse=False)
        yield from module.buffers(recurse=False)
        yield from (value for value in vars(module).values() if isinstance(value, Tensor))


# -- why a state dict does not fit ------------------------------------------------------------------------------------
Shapes = dict[str, tuple[int, ...]]
_SOME_PREFIXES = (*PREFIXES, "model.", "net.", "backbone.", "state_dict.")
#: How many times more or fewer parameters another head can make: of ShuffleNet ×0.5, three quarters are in it.
_FACTOR = 6
#: How many models are built to compare names with, beside those of the family: a few dozen take seconds.
_BUILT = 6


@dataclass(frozen=True, slots=True)
class Wrapped:
    """The state dict fits once it is taken out of a dict, or a prefix is taken off.

    Attributes:
        key: under which it lies in what was given; None where that is the state dict itself.
        prefix: what every name begins with; "" for nothing.
        in_model: the model's names begin with it, not the state dict's.
    """

    key: Any
    prefix: str
    in_model: bool = False

    @property
    def wrapper(self) -> str:
        """Who writes such a prefix; "" where nobody is known for it."""
        return PREFIXES.get(self.prefix, "")


@dataclass(frozen=True, slots=True)
class OtherHead:
    """All fits but the last layer, which answers with another number of classes.

    Attributes:
        paths: the last layer's, and helper heads'.
        given, own: the numbers of classes in the state dict and in the model.
    """

    paths: tuple[str, ...]
    given: int
    own: int


@dataclass(frozen=True, slots=True)
class OtherModel:
    """The state dict is that of another model of the registry.

    Attributes:
        name: torchvision's name of it.
        num_classes: what its builder must be given to have the same head; None for ImageNet's 1000.
        same_family: whether the model that it does not fit is of the same family.
    """

    name: str
    num_classes: int | None
    same_family: bool


def shapes_of(state: Mapping[Any, Any]) -> Shapes:
    """Names and shapes of a state dict's tensors.

    Example:
        >>> shapes_of(nn.Linear(3, 2).state_dict())
        {'weight': (2, 3), 'bias': (2,)}
    """
    return {str(key): tuple(value.shape) for key, value in state.items() if isinstance(value, Tensor)}


def wrapped(own: Shapes, given: Mapping[Any, Any]) -> Wrapped | None:
    """Whether the state dict lies inside what was given, or fits but for a prefix.

    Example:
        >>> wrapped({"bias": (2,)}, nn.DataParallel(nn.Linear(3, 2, bias=True)).state_dict()) is None
        True
        >>> wrapped({"weight": (2, 3), "bias": (2,)}, {"epoch": 3, "net": nn.Linear(3, 2).state_dict()})
        Wrapped(key='net', prefix='', in_model=False)
    """
    inner: list[tuple[Any, Any]] = [(None, given)]
    inner += [(key, value) for key, value in given.items() if isinstance(value, Mapping)]
    for key, state in inner:
        shapes = shapes_of(state)
        if key is not None and shapes == own:
            return Wrapped(key, "")
        for prefix in _SOME_PREFIXES:
            if shapes and {f"{prefix}{name}": shape for name, shape in own.items()} == shapes:
                return Wrapped(key, prefix)
            if {f"{prefix}{name}": shape for name, shape in shapes.items()} == own and prefix != "state_dict.":
                return Wrapped(key, prefix, in_model=True)
    return None


def other_head(model: nn.Module, own: Shapes, given: Shapes) -> OtherHead | None:
    """Whether all fits but the number of classes.

    Example:
        >>> model = nn.Sequential(nn.Linear(4, 10))
        >>> other_head(model, shapes_of(model.state_dict()), {"0.weight": (2, 4), "0.bias": (2,)})
        OtherHead(paths=('0',), given=2, own=10)
    """
    if own.keys() != given.keys():
        return None
    paths = tuple(dict.fromkeys(name.rpartition(".")[0] for name in own if own[name] != given[name]))
    counts = set()
    for path in paths:
        ours, theirs = own.get(f"{path}.weight", ()), given.get(f"{path}.weight", ())
        layer = isinstance(model.get_submodule(path), nn.Linear | nn.Conv2d)
        if not layer or not ours or not theirs or ours[1:] != theirs[1:]:
            return None
        counts.add((theirs[0], ours[0]))
    if len(counts) != 1:
        return None
    return OtherHead(paths, *counts.pop())


def other_model(model: nn.Module, given: Shapes) -> OtherModel | None:
    """Which model of torchvision's registry these are the weights of, its last layer left out.

    Example:
        >>> from torchvision.models import resnet18, resnet34, vgg11
        >>> given = shapes_of(resnet18(num_classes=7).state_dict())
        >>> other_model(nn.Linear(1, 1), given)
        OtherModel(name='resnet18', num_classes=7, same_family=False)
    """
    numbers = _with_1000_classes(given)
    home = type(model).__module__
    # The model's own family first; those that the registry lists beside the classifiers only as its family.
    family = [name for name in list_models() if get_model_builder(name).__module__ == home]
    near = _nearest(list_models(module=torchvision.models), numbers)
    for name in dict.fromkeys([*near[:1], *_nearest(family, numbers), *near[:_BUILT]]):
        there = _shapes_by_name(name)
        if there.keys() != given.keys():
            continue
        other = {key for key in there if there[key] != given[key]}
        heads = sorted(key for key in other if key.endswith("weight"))
        if len({key.rpartition(".")[0] for key in other}) > 1 or (other and not heads):
            continue
        return OtherModel(name, given[heads[0]][0] if heads else None, name in family)
    return None


def _with_1000_classes(given: Shapes) -> int:
    """How many parameters a state dict would hold with ImageNet's classes: what torchvision's account counts."""
    weights = {key: shape for key, shape in given.items() if "running_" not in key and "num_batches" not in key}
    numbers = sum(map(math.prod, weights.values()))
    last = next((shape for key, shape in reversed(weights.items()) if len(shape) > 1), ())
    return numbers + (1000 - last[0]) * (math.prod(last[1:]) + 1) if last else numbers


def _nearest(names: list[str], numbers: int) -> list[str]:
    """Those of about that many parameters, by torchvision's own account, so that few have to be built."""
    sizes = {name: get_model_weights(name).DEFAULT.meta.get("num_params", 0) for name in names}
    far = {name: abs(math.log(max(size, 1) / max(numbers, 1))) for name, size in sizes.items()}
    return sorted((name for name in names if far[name] < math.log(_FACTOR)), key=far.__getitem__)


@lru_cache(maxsize=128)
def _shapes_by_name(name: str) -> Shapes:
    """Names and shapes of a model of the registry, built without memory; nothing where it cannot be built so."""
    from course_lib.tracing import inputs  # needed only once something has gone wrong

    try:
        return shapes_of(inputs.build(name).state_dict())
    except CourseError:
        return {}


def _misfit(model: nn.Module, given: Mapping[Any, Any], builder: str) -> str:
    """One sentence on what does not fit, and one on the likely cause with the repair.

    Args:
        model: what the tensors should have gone into.
        given: what was given as its state dict.
        builder: how the learner calls the function that built the model.
    """
    own, shapes = shapes_of(model.state_dict()), shapes_of(given)
    kinds = [
        [f"{name} is missing" for name in own if name not in shapes],
        [f"{str(name)[:80]} is not in the model" for name in given if name not in own],
        [f"{name} is {shapes[name]} in it and {size} in the model" for name, size in own.items()
         if shapes.get(name, size) != size],
    ]  # fmt: skip
    firsts = [kind[0] for kind in kinds if kind]  # one of each kind, or two of the only one
    shown = firsts[:2] if len(firsts) > 1 else [fault for kind in kinds for fault in kind[:2]]
    rest = sum(map(len, kinds)) - len(shown)
    more = f" (and {rest} more)" if rest else ""
    first = f"This checkpoint does not fit {type(model).__name__}: {'; '.join(shown)}{more}."
    return f"{first} {_cause(model, own, shapes, given, builder)}".rstrip()


def _cause(model: nn.Module, own: Shapes, shapes: Shapes, given: Mapping[Any, Any], builder: str) -> str:
    outside = wrapped(own, given)
    if outside is not None:
        part = "state_dict" if outside.key is None else f"state_dict[{outside.key!r}]"
        lies = "" if outside.key is None else f"Its state dict is under {outside.key!r}"
        if not outside.prefix:
            return f"{lies}: load_model({builder}, {part}), or read the file with read_state_dict(path)."
        if outside.in_model:
            inside = outside.prefix.rstrip(".")
            return f"The model's names begin with {outside.prefix!r}, its own don't: load it into model.{inside}."
        by = f" (from {outside.wrapper})" if outside.wrapper else ""
        clean = f"{{name.removeprefix({outside.prefix!r}): tensor for name, tensor in {part}.items()}}"
        return f"{lies + '; every' if lies else 'Every'} name begins with {outside.prefix!r}{by}: give {clean}."
    head = other_head(model, own, shapes)
    if head is not None:
        classes = f"{head.given} class{'es' if head.given > 1 else ''}"
        return (
            f"It was trained for {classes}, the model is for {head.own}: "
            f"load_model({builder}, state_dict, num_classes={head.given}), then replace_head for another number."
        )
    other = other_model(model, shapes)
    if other is not None:
        classes = "" if other.num_classes is None else f", num_classes={other.num_classes}"
        kind = "a different depth or width" if other.same_family else "a different architecture"
        return (
            f"It comes from a network of {kind}: the names and shapes match {other.name}; use "
            f"load_model(torchvision.models.{other.name}, state_dict{classes})."
        )
    if not own.keys() & shapes.keys():
        theirs, ours = _beginnings(shapes), _beginnings(own)
        return f"It comes from a different architecture: its names begin with {theirs}, the model's with {ours}."
    return "It comes from a different model: build the model that it was saved from."


def _beginnings(names: Iterable[str]) -> str:
    firsts = list(dict.fromkeys(name.partition(".")[0][:40] for name in names))
    return ", ".join(firsts[:3]) + (", …" if len(firsts) > 3 else "") if firsts else "nothing"
