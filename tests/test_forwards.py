"""Forwards as people write them: each is traced, tabled and drawn, and nothing of the model has changed.

PyTorch is the oracle: a real forward with hooks says which modules ran, in which order, and what came out of them, and
``FlopCounterMode`` counts the multiply-adds of convolutions and matrix products. What cannot be traced or drawn stands
in a table of its own with the words of the reason.
"""

from __future__ import annotations

import copy
import functools
import warnings
from collections import namedtuple
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations, prune
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from torch.utils._pytree import tree_leaves
from torch.utils.checkpoint import checkpoint
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.others import tables
from course_lib import drawing
from course_lib.errors import CourseError
from course_lib.tracing import TraceError, trace

PICTURE = torch.rand(2, 3, 16, 16)
ROWS = torch.rand(2, 6, 8)
WORDS = torch.tensor([[1, 2, 3, 4], [5, 6, 0, 0]])
Pair = namedtuple("Pair", "left right")


class Written(nn.Module):
    """A module with these parts, whose forward is this function of itself and the inputs."""

    def __init__(self, code: Callable[..., Any], /, **parts: Any) -> None:
        super().__init__()
        self.code = code
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, *given: Any, **named: Any) -> Any:
        return self.code(self, *given, **named)


def conv(inputs: int = 3, outputs: int = 4, **settings: Any) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1, **settings)


def weight(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.rand(shape))


def in_order(self: Any, x: Tensor) -> Tensor:
    for layer in self.layers:
        x = layer(x) if layer is not None else x
    return x


def again(self: Any, x: Tensor) -> Tensor:
    for _ in range(3):
        x = self.act(self.conv(self.conv(x)))
    return x


def unroll(self: Any, words: Tensor) -> Tensor:
    embedded = self.embedding(words)
    state = torch.zeros(len(words), 5, device=embedded.device)
    states = []
    for step in range(words.shape[1]):
        state = self.cell(embedded[:, step], state)
        states.append(state)
    return torch.stack(states, 1)


def u_shape(self: Any, x: Tensor) -> Tensor:
    fine = self.down(x)
    coarse = self.middle(F.max_pool2d(fine, 2))
    return self.up(torch.cat([F.interpolate(coarse, scale_factor=2), fine], 1))


def growing(self: Any, x: Tensor) -> Tensor:
    maps = [x]
    for layer in self.layers:
        maps.append(layer(torch.cat(maps, 1)))
    return torch.cat(maps, 1)


def packed(self: Any, words: Tensor) -> Tensor:
    rows = pack_padded_sequence(self.embedding(words), torch.tensor([4, 2]), batch_first=True)
    output, _ = self.lstm(rows)
    rows, _ = pad_packed_sequence(output, batch_first=True)
    return self.head(rows)


def unpooled(self: Any, x: Tensor) -> Tensor:
    x, places = self.pool(self.encoder(x))
    return self.decoder(self.unpool(x, places))


def written_into(self: Any, x: Tensor) -> Tensor:
    y = torch.zeros(len(x), 4, 16, 16, device=x.device)
    y[:, :, 1:] = self.conv(x)[:, :, 1:]
    y += 1
    y[y > 1] = 0
    return y


def attention(self: Any, x: Tensor) -> Tensor:
    query, key, value = self.qkv(x).unflatten(-1, (3, 2, 4)).permute(2, 0, 3, 1, 4)
    shares = (query @ key.transpose(-2, -1) / 2).softmax(-1)
    return self.out((shares @ value).transpose(1, 2).flatten(2))


class Squares(torch.autograd.Function):
    """A function with a backward of its own."""

    @staticmethod
    def forward(context: Any, x: Tensor) -> Tensor:
        context.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(context: Any, *gradients: Any) -> Any:
        return 2 * context.saved_tensors[0] * gradients[0]


def quietly(build: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    """The same, without what lazy layers and TorchScript say of themselves."""

    def built() -> nn.Module:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return build()

    return built


def deep(levels: int) -> nn.Module:
    return functools.reduce(lambda inner, _: nn.Sequential(inner, nn.ReLU()), range(levels), conv())


@quietly
def lazy() -> nn.Module:
    return nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(5))


def half_frozen() -> nn.Module:
    return nn.Sequential(conv().requires_grad_(False), nn.ReLU(), conv(4, 4))


def holding(layer: nn.Module) -> Callable[..., Any]:
    return lambda self, x: layer(x)


@quietly
def scripted() -> nn.Module:
    return torch.jit.script(nn.Sequential(conv(), nn.ReLU()))  # type: ignore[no-any-return,unused-ignore]


@quietly
def jitted() -> nn.Module:
    return torch.jit.trace(conv(), PICTURE)  # type: ignore[no-any-return,unused-ignore]


def tied() -> nn.Module:
    model = nn.Sequential(nn.Embedding(7, 5), nn.Linear(5, 7, bias=False))
    model[1].weight = model[0].weight
    return model


def pruned() -> nn.Module:
    model = nn.Sequential(conv(), nn.Flatten(), nn.Linear(1024, 5))
    prune.l1_unstructured(model[0], "weight", 0.5)
    return model


def repeated() -> nn.Module:
    act, layer = nn.LeakyReLU(inplace=True), conv(3, 3)
    return nn.Sequential(layer, act, nn.Identity(), layer, act)


#: What it is → a model and the inputs of its forward: a list in order, or a dict by name.
FORWARDS: dict[str, tuple[nn.Module, Any]] = {
    # layers used in every way
    "an identity": (nn.Identity(), [PICTURE]),
    "arithmetic alone": (Written(lambda self, x: (x + 1).pow(2).sum(1)), [PICTURE]),
    "one convolution six times": (Written(again, conv=conv(3, 3), act=nn.ReLU(inplace=True)), [PICTURE]),
    "layers that stand twice in a Sequential": (repeated(), [PICTURE]),
    "twelve levels": (deep(12), [PICTURE]),
    "a list with a gap": (Written(in_order, layers=nn.ModuleList([conv(), None, nn.ReLU()])), [PICTURE]),
    "a Sequential, whole and in parts": (
        Written(
            lambda self, x: in_order(self, self.layers[1](self.layers(x))), layers=nn.Sequential(conv(3, 3), nn.ReLU())
        ),
        [PICTURE],
    ),
    "empty containers": (
        Written(lambda self, x: self.none(in_order(self, x)), none=nn.Sequential(), layers=nn.ModuleList()),
        [PICTURE],
    ),
    "layers in a plain list": (
        Written(lambda self, x: sum(layer(x) for layer in self.hidden), hidden=[conv(), conv()]),
        [PICTURE],
    ),
    "layers in a dict, chosen by a word": (
        Written(lambda self, x, which: self.ways[which](x), ways=nn.ModuleDict({"a": conv(), "b": nn.ReLU()})),
        {"x": PICTURE, "which": "a"},
    ),
    "a layer that never runs": (Written(lambda self, x: self.used(x), used=conv(), idle=conv()), [PICTURE]),
    "a layer in a closure": (Written(holding(conv())), [PICTURE]),
    "a layer in a partial": (Written(lambda self, x: self.run(x), run=functools.partial(conv())), [PICTURE]),
    "lazy layers": (lazy(), [PICTURE]),
    "tied weights": (tied(), [WORDS]),
    "half frozen": (half_frozen(), [PICTURE]),
    "pruned": (pruned(), [PICTURE]),
    "weight norm": (nn.Sequential(parametrizations.weight_norm(conv()), nn.ReLU()), [PICTURE]),
    "spectral norm": (nn.Sequential(parametrizations.spectral_norm(nn.Linear(8, 4))), [ROWS]),
    "a scripted layer": (nn.Sequential(scripted(), nn.ReLU()), [PICTURE]),
    "a traced layer": (nn.Sequential(jitted(), nn.ReLU()), [PICTURE]),
    # parameters
    "a list of parameters": (
        Written(lambda self, x: x @ self.rows[0] + self.rows[1], rows=nn.ParameterList([weight(8, 4), weight(4)])),
        [ROWS],
    ),
    "a dict of parameters, one idle": (
        Written(lambda self, x: x * self.by["a"], by=nn.ParameterDict({"a": weight(8), "b": weight(3)})),
        [ROWS],
    ),
    "a parameter is the answer": (Written(lambda self, x: self.weight, weight=weight(3, 4)), [PICTURE]),
    "a parameter without a layer": (Written(lambda self: self.weight.sum(), weight=weight(3, 4)), []),
    # inputs and outputs
    "two inputs, one tower": (
        Written(lambda self, a, b: (self.tower(a) - self.tower(b)).abs(), tower=nn.Sequential(conv(), nn.ReLU())),
        [PICTURE, PICTURE],
    ),
    "inputs of two dtypes": (
        Written(
            lambda self, x, words: self.rows(x) + self.words(words).mean(1),
            rows=nn.Linear(8, 4),
            words=nn.Embedding(7, 4),
        ),
        {"words": WORDS, "x": ROWS[:, 0]},
    ),
    "a number decides": (
        Written(lambda self, x, n: self.a(x) if n == 5 else self.b(x), a=conv(), b=conv(3, 2)),
        [PICTURE, 5],
    ),
    "an input that is left": (Written(lambda self, x, y: self.a(x), a=conv()), [PICTURE, ROWS]),
    "a dict of numbers": (
        Written(lambda self, maps, scale: scale * (maps[256] + maps[512][0])),
        [{256: PICTURE, 512: [PICTURE]}, 3],
    ),
    "a named tuple": (
        Written(lambda self, pair: self.a(pair.left) + pair.right, a=conv(3, 3)),
        [Pair(PICTURE, PICTURE)],
    ),
    "anything goes in": (Written(lambda self, *all, **more: more["x"] + more["y"]), {"x": ROWS, "y": ROWS}),
    "a dict of everything comes out": (
        Written(
            lambda self, x: {"maps": [y := self.a(x)], "deep": (y.mean(), {"b": Pair(y + 1, None)}), "n": 3}, a=conv()
        ),
        [PICTURE],
    ),
    "a word comes out": (Written(lambda self, x: self.a(x) is None or "word", a=conv()), [PICTURE]),
    "the input comes out": (Written(lambda self, x: (x, self.a(x)), a=conv()), [PICTURE]),
    "the input is written over": (Written(lambda self, x: self.a(x.mul_(2)), a=conv()), [PICTURE]),
    # architectures
    "a U": (Written(u_shape, down=conv(), middle=conv(4, 4), up=conv(8, 4)), [PICTURE]),
    "maps that grow": (Written(growing, layers=nn.ModuleList([conv(3, 2), conv(5, 2), conv(7, 2)])), [PICTURE]),
    "towers of several lengths": (
        Written(lambda self, x: self.a(x) + self.b(x), a=conv(), b=nn.Sequential(conv(), conv(4, 4))),
        [PICTURE],
    ),
    "pooled with places, and back": (
        Written(
            unpooled,
            encoder=conv(),
            pool=nn.MaxPool2d(2, return_indices=True),
            unpool=nn.MaxUnpool2d(2),
            decoder=conv(4, 3),
        ),
        [PICTURE],
    ),
    "an LSTM and its states": (
        Written(
            lambda self, words: self.lstm(self.embedding(words)),
            embedding=nn.Embedding(7, 8),
            lstm=nn.LSTM(8, 5, num_layers=2, bidirectional=True, batch_first=True),
        ),
        [WORDS],
    ),
    "a cell, step by step": (Written(unroll, embedding=nn.Embedding(7, 8), cell=nn.GRUCell(8, 5)), [WORDS]),
    "packed rows": (
        Written(packed, embedding=nn.Embedding(7, 8), lstm=nn.LSTM(8, 5, batch_first=True), head=nn.Linear(5, 2)),
        [WORDS],
    ),
    "attention by hand": (Written(attention, qkv=nn.Linear(8, 24), out=nn.Linear(8, 8)), [ROWS]),
    "an encoder": (
        nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2, enable_nested_tensor=False),
        [ROWS],
    ),
    "an encoder and a decoder": (nn.Transformer(8, 2, 1, 1, 16, batch_first=True), [ROWS, ROWS[:, :3]]),
    "attention with a mask": (
        Written(
            lambda self, x: self.a(x, x, x, attn_mask=torch.ones(6, 6, device=x.device).triu(1).bool()),
            a=nn.MultiheadAttention(8, 2, batch_first=True),
        ),
        [ROWS],
    ),
    # what leaves the graph, or looks at numbers
    "tensors made inside": (Written(lambda self, x: self.a(x) + torch.ones(1, 1).abs().to(x), a=conv()), [PICTURE]),
    "numbers drawn inside": (Written(lambda self, x: self.a(x + torch.rand_like(x)), a=conv()), [PICTURE]),
    "written in place": (Written(written_into, conv=conv()), [PICTURE]),
    "detached": (Written(lambda self, x: self.b(self.a(x).detach().data), a=conv(), b=conv(4, 4)), [PICTURE]),
    "without gradients": (Written(torch.no_grad()(lambda self, x: self.a(x)), a=conv()), [PICTURE]),
    "a branch on a value": (Written(lambda self, x: self.a(x) if x.mean().item() > 0 else x, a=conv()), [PICTURE]),
    "through numpy": (
        Written(lambda self, x: self.b(torch.from_numpy(np.tanh(self.a(x).detach().numpy()))), a=conv(), b=conv(4, 4)),
        [PICTURE],
    ),
    "through a list": (Written(lambda self, x: torch.tensor(self.a(x).mean((1, 2, 3)).tolist()), a=conv()), [PICTURE]),
    "as many as there are": (
        Written(lambda self, x: self.a(x)[x[:, :1].expand(-1, 4, -1, -1) > 0.5], a=conv()),
        [PICTURE],
    ),
    "a function with its own backward": (Written(lambda self, x: Squares.apply(self.a(x)), a=conv()), [PICTURE]),
    "a checkpointed block": (Written(lambda self, x: checkpoint(self.a, x, use_reentrant=False), a=conv()), [PICTURE]),
    "a call with other weights": (
        Written(
            lambda self, x: torch.func.functional_call(self.a, {"weight": self.w}, (x,)), a=conv(), w=weight(4, 3, 3, 3)
        ),
        [PICTURE],
    ),
    "one picture at a time": (
        Written(lambda self, x: pad_sequence([self.a(p[None])[0].flatten() for p in x]), a=conv()),
        [PICTURE],
    ),
    "mapped over the batch": (
        Written(lambda self, x: torch.vmap(lambda p: (p * self.w).sum())(x), w=weight(8)),
        [ROWS],
    ),
    # other dimensions and dtypes
    "sound": (nn.Sequential(nn.Conv1d(6, 4, 3), nn.MaxPool1d(2), nn.Flatten(), nn.Linear(12, 2)), [ROWS]),
    "volumes": (nn.Sequential(nn.Conv3d(1, 2, 3), nn.ConvTranspose3d(2, 1, 3)), [torch.rand(1, 1, 5, 6, 7)]),
    "float64": (conv().double(), [PICTURE.double()]),
    "bfloat16": (nn.Sequential(nn.Linear(8, 4), nn.ReLU()).bfloat16(), [ROWS.bfloat16()]),
    "channels last": (conv().to(memory_format=torch.channels_last), [PICTURE]),
    "spectra": (Written(lambda self, x: torch.fft.irfft2(torch.fft.rfft2(x) * 2)), [PICTURE]),
    "functions of rows": (
        Written(lambda self, x: F.one_hot(x.topk(2).indices).sum(-1).cumsum(1).sort().values.argmax(1)),
        [ROWS],
    ),
}

#: What it is → the words with which it is refused.
REFUSED = {
    "lazy layers": "'0.weight' is lazily initialised",
    "a scripted layer": "0 is a TorchScript module: Python cannot see inside",
    "a traced layer": "0 is a TorchScript module: Python cannot see inside",
}
#: What it is → why it is not drawn as boxes.
NO_BOXES = {"a parameter without a layer": "takes no input"}
#: What it is → multiply-adds that ``FlopCounterMode`` has no formula for, by hand.
BY_HAND = {"spectral norm": 4 * 8 + 4}  # u · (W v): a matrix with a vector, and two vectors


def hooked(model: nn.Module, given: Any) -> tuple[Any, list[tuple[str, list[tuple[int, ...]]]], int]:
    """A real forward: what came out, (class, shapes) of each call of a module, and multiply-adds."""
    calls: list[tuple[str, list[tuple[int, ...]]]] = []

    def listen(module: nn.Module, _: Any, output: Any) -> None:
        calls.append((type(module).__name__, shapes(output)))

    listening = nn.modules.module.register_module_forward_hook(listen)  # registered layers and others
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # a whole encoder layer as one function, which is not counted
    try:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            output = model(**given) if isinstance(given, dict) else model(*given)
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        listening.remove()
    return output, calls, counter.get_total_flops() // 2


def shapes(output: Any) -> list[tuple[int, ...]]:
    return [tuple(leaf.shape) for leaf in tree_leaves(output) if isinstance(leaf, Tensor)]


@pytest.mark.parametrize("name", FORWARDS)
def test_a_forward(name: str) -> None:
    model, given = FORWARDS[name]
    model.eval()
    size = copy.deepcopy(given)
    state = {key: str(value) for key, value in model.state_dict().items()}
    draws = torch.get_rng_state()
    if name in REFUSED:
        with pytest.raises(TraceError, match=REFUSED[name]):
            trace(model, size)
        return

    run = trace(model, size)
    assert torch.equal(torch.get_rng_state(), draws)
    assert str(size) == str(given)
    assert {key: str(value) for key, value in model.state_dict().items()} == state
    tables(run)
    assert drawing.block(run).data
    if name in NO_BOXES:
        with pytest.raises(CourseError, match=NO_BOXES[name]):
            drawing.volumes(run)
    else:
        assert drawing.volumes(run).data

    output, calls, macs = hooked(model, copy.deepcopy(given))
    assert list(run.outputs) == shapes(output)
    parameters = {id(parameter): parameter.numel() for parameter in model.parameters()}
    assert run.parameters == sum(parameters.values())
    if not any(isinstance(module, nn.RNNBase | nn.RNNCellBase) for module in model.modules()):
        assert run.macs == macs + BY_HAND.get(name, 0)
    assert [(call.kind, list(call.outputs)) for call in run.calls] == calls
