"""Checks of what a VGG is made of: a learner's row of layers beside torchvision's, and a whole network on meta.

A row that is nearly right has a mistake with a name: the ReLU that is missing, the padding, in_channels that were never
updated. These are looked for first; weights are loaded and values compared only when every layer is the right one.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import partial
from itertools import zip_longest
from typing import Any, cast

import torch
from torch import Tensor, nn
from torchvision.models import vgg as torchvision_vgg

from course_lib.exercises.checks import random_arguments
from course_lib.exercises.checks.module_checks import build, load, same_output, scrambled
from course_lib.exercises.engine.credit import part, unexamined
from course_lib.exercises.engine.requirements import Wrong, call, need_class, need_function
from course_lib.exercises.engine.sandbox import on_meta
from course_lib.networks import vgg
from course_lib.tracing.records import times
from course_lib.tracing.result import TraceError
from course_lib.tracing.tracer import trace

__all__ = ["LAYERS_PROPERTIES", "check_column_c", "check_make_layers"]

_LAYERS, _VALUES = "the layers of the cfg, in its order", "with torchvision's weights they give torchvision's values"
_COLUMN = "torchvision's whole columns fit"
#: What the check of make_layers examines → its share of the points.
LAYERS_PROPERTIES = {_LAYERS: 2, _VALUES: 1, _COLUMN: 1}

#: cfgs and what is given as batch_norm: nothing is as good as False.
_CFGS: tuple[tuple[tuple[Any, ...], tuple[bool, ...]], ...] = (
    ((4, "M", 8, 8, "M"), (False,)),
    ((6, "M", 4), (True,)),
    (("M", 5, "M"), ()),
)
_COLUMNS = (("A", False), ("B", True))  # vgg11 and vgg13_bn


# -- a function that makes layers from a cfg --------------------------------------------------------------------------
def check_make_layers(answer: Any, source: random.Random | None = None) -> None:
    """Check a learner's ``make_layers(cfg, batch_norm)``: layer by layer, then weights and values, then whole columns.

    Args:
        answer: the learner's.
        source: draws other cases than the open ones.

    Raises:
        Wrong: with the property that fails.
    """
    need_function(answer)
    for cfg, norm in _CFGS if source is None else _drawn_cfgs(source):
        case = f"make_layers({', '.join(map(str, (list(cfg), *norm)))})"
        seed = source.getrandbits(32) if source else 0
        truth = cast(nn.Sequential, scrambled(partial(_true_layers, cfg, any(norm)), seed))
        made = _made(answer, cfg, norm, case)
        with part(_LAYERS) as layered:
            _compare_layers(made, truth, case)
        size = (source.randint(8, 14), source.randint(8, 14)) if source else (12, 9)
        batch = random_arguments.tensor(source or random.Random(0), 2, 3, *size)
        if not layered.holds:
            unexamined(_VALUES)
            continue
        with part(_VALUES):
            load(made, truth, case=case)
            same_output(made, truth, batch, case=case)
    for column, batch_norm in _COLUMNS if source is None else [(source.choice("ADE"), source.random() < 0.5)]:
        case = f"make_layers of column {column}{' with BatchNorm' if batch_norm else ''}"
        with part(_COLUMN), on_meta():  # without memory
            made = _made(answer, vgg.COLUMNS[column], (batch_norm,), case)
            load(made, _true_layers(vgg.COLUMNS[column], batch_norm), case=case)


def _drawn_cfgs(source: random.Random) -> Iterator[tuple[tuple[Any, ...], tuple[bool, ...]]]:
    for norm in ((True,), (False,), (), source.choice(((True,), ()))):
        yield tuple(random_arguments.cfg(source)), norm


def _true_layers(cfg: tuple[Any, ...], batch_norm: bool) -> nn.Sequential:
    layers: nn.Sequential = torchvision_vgg.make_layers(list(cfg), batch_norm=batch_norm)
    return layers


def _made(answer: Callable[..., Any], cfg: tuple[Any, ...], norm: tuple[bool, ...], case: str) -> nn.Sequential:
    given = list(cfg)
    made = call(answer, given, *norm, case=case)
    if given != list(cfg):
        raise Wrong(f"{case} changed the list that it was given, which is now {given}. Only read it.")
    if isinstance(made, (list, tuple)):
        raise Wrong(f"{case} gives a {type(made).__name__} of layers; nn.Sequential(*layers) makes a module of them.")
    if not isinstance(made, nn.Sequential):
        raise Wrong(f"{case} should be a torch.nn.Sequential, but it is a value of type {type(made).__name__}.")
    return made


def _compare_layers(made: nn.Sequential, truth: nn.Sequential, case: str) -> None:
    nested = next((k for k, layer in enumerate(made) if isinstance(layer, nn.Sequential)), None)
    if nested is not None:
        raise Wrong(
            f"In {case} layer {nested} is an nn.Sequential of its own. Its layers would be called {nested}.0, "
            f"{nested}.1, …, and torchvision's weights wouldn't fit: put all layers side by side into one."
        )
    _nothing_forgotten(made, truth, case)
    channels = 3
    for k, (mine, right) in enumerate(zip_longest(made, truth)):
        if right is None:
            raise Wrong(f"{case} has too many layers: after layer {k - 1}, the last one, comes {_kind(mine)}.")
        if type(mine) is not type(right):
            raise Wrong(f"In {case} layer {k} should be {_kind(right)}, but it is {_kind(mine)}.")
        if isinstance(mine, nn.Conv2d) and isinstance(right, nn.Conv2d):
            _compare_convs(mine, right, channels, f"In {case} layer {k}, a convolution,")
            channels = right.out_channels
        if isinstance(mine, nn.MaxPool2d) and isinstance(right, nn.MaxPool2d):
            sizes = {name: _pair(getattr(mine, name)) for name in ("kernel_size", "stride", "padding")}
            if sizes != {"kernel_size": (2, 2), "stride": (2, 2), "padding": (0, 0)} or mine.ceil_mode:
                raise Wrong(f"In {case} layer {k} should be a 2×2 pool with stride 2, which halves the map.")


def _nothing_forgotten(made: nn.Sequential, truth: nn.Sequential, case: str) -> None:
    for kind, words in (
        (nn.MaxPool2d, 'no pool, though the cfg has an "M"'),
        (nn.ReLU, "no ReLU; without one in between, several convolutions could be written as one"),
        (nn.BatchNorm2d, "no BatchNorm2d, though batch_norm is True"),
    ):
        if any(isinstance(layer, kind) for layer in truth) and not any(
            isinstance(layer, kind) for layer in made.modules()
        ):
            raise Wrong(f"{case} has {words}.")
    if any(isinstance(layer, nn.BatchNorm2d) for layer in made) > any(
        isinstance(layer, nn.BatchNorm2d) for layer in truth
    ):
        raise Wrong(f"{case} has a BatchNorm2d, though batch_norm is False.")


def _compare_convs(mine: nn.Conv2d, right: nn.Conv2d, channels: int, case: str) -> None:
    if mine.in_channels != channels:
        hint = " Update in_channels after each convolution." if mine.in_channels == 3 else ""
        raise Wrong(f"{case} takes {mine.in_channels} channels, but {channels} come in.{hint}")
    if mine.out_channels != right.out_channels:
        raise Wrong(f"{case} gives {mine.out_channels} channels, but its token says {right.out_channels}.")
    if mine.kernel_size != right.kernel_size:
        raise Wrong(f"{case} has a kernel of {times(mine.kernel_size)}; VGG's are 3×3.")
    if _pair(mine.padding) not in ((1, 1), ("same", "same")):
        raise Wrong(f"{case} has padding {_pair(mine.padding)[0]}; a 3×3 kernel keeps the map's size with padding 1.")
    if mine.bias is None:
        raise Wrong(f"{case} has no bias; torchvision's VGG keeps it even before BatchNorm (ResNet does not).")
    if mine.stride != (1, 1) or mine.dilation != (1, 1) or mine.groups != 1:
        raise Wrong(f"{case} should have stride 1, dilation 1 and one group: in VGG only the pools make maps smaller.")


def _pair(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value, value)


def _kind(layer: nn.Module | None) -> str:
    name = type(layer).__name__
    return "missing" if layer is None else f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"


# -- a whole network --------------------------------------------------------------------------------------------------
def check_column_c(answer: Any, source: random.Random | None = None) -> None:
    """Check a learner's column C: the names and shapes of its weights, then every op that runs, all on meta.

    Args:
        answer: the learner's.
        source: draws numbers of classes and sizes of pictures other than the open ones.

    Raises:
        Wrong: with the property that fails.
    """
    need_class(answer)
    sizes = [(224, 224), (256, 256)]
    if source:
        sizes = [
            (source.randint(32, 223), source.randint(32, 223)),
            (source.randint(240, 400), source.randint(32, 400)),
        ]
    some = source.randint(2, 2000) if source else 10
    for classes, given in ((1000, ()), (some, (some,))):  # 1000 is the default
        case = f"ColumnC({', '.join(map(str, given))})"
        with on_meta():
            made, truth = build(answer, *given, case=case), vgg.build("C", num_classes=classes)
        _compare_weights(made, truth, case)
        for size in sizes:
            try:
                trace(made, (3, *size), mode="eval")  # it says more than torch where shapes do not meet
            except TraceError as error:
                remedy = " (an adaptive pool to 7×7 makes any map fit)" if size != (224, 224) else ""
                told = f"{case} can't take pictures of {times(size)}{remedy}: {error}"
                raise Wrong(told if len(told) < 380 else told[: told.rindex(". ", 0, 380) + 1]) from error
            picture = torch.empty(2, 3, *size, device="meta")
            with torch.no_grad():
                logits = call(made.eval(), picture, case=f"{case} with pictures of {times(size)}")
            if not isinstance(logits, Tensor) or tuple(logits.shape) != (2, classes):
                got = tuple(logits.shape) if isinstance(logits, Tensor) else f"a value of type {type(logits).__name__}"
                raise Wrong(f"{case} should give (2, {classes}) for two pictures of {times(size)}, but it gives {got}.")
        _compare_ops(made, truth, sizes[0], case)


def _compare_weights(made: nn.Module, truth: nn.Module, case: str) -> None:
    mine, theirs = ({key: tuple(tensor.shape) for key, tensor in net.state_dict().items()} for net in (made, truth))
    for other, words in (
        ("D", "has a 3×3 at the end of stages 3, 4 and 5: that's column D; C has a 1×1 there"),
        ("B", "has ten convolutions: that's column B; C adds a 1×1 to stages 3, 4 and 5"),
    ):
        with torch.device("meta"):
            convs = [shape for shape in _shapes(vgg.make_layers(other)) if len(shape) == 4]
        if [shape for shape in _shapes(made) if len(shape) == 4] == convs:
            raise Wrong(f"{case} {words}.")
    if _shapes(made) == _shapes(truth) and [*mine] != [*theirs]:
        key, other = next((a, b) for a, b in zip(theirs, mine, strict=True) if a != b)
        raise Wrong(f"{case} has the right weights, but {other} should be {key}: is every ReLU and pool there?")
    for key in (*theirs, *mine):
        if key not in mine:
            raise Wrong(f"{case} has no {key}; its parts are features, avgpool and classifier, numbered as in VGG16.")
        if key not in theirs:
            raise Wrong(f"{case} has {key}, but column C has no such weight.")
        if mine[key] != theirs[key]:
            raise Wrong(f"In {case} the shape of {key} should be {theirs[key]}, but it is {mine[key]}.")


def _shapes(module: nn.Module) -> list[tuple[int, ...]]:
    return [tuple(tensor.shape) for tensor in module.state_dict().values()]


def _compare_ops(made: nn.Module, truth: nn.Module, size: tuple[int, int], case: str) -> None:
    """Every op but dropout, which does nothing in eval mode: its kind and the shape it gives."""
    mine, right = ([op for op in trace(net, (3, *size)) if op.plain != "dropout"] for net in (made, truth))
    before = "the picture"
    for ran, other in zip_longest(mine, right):
        if ran is None or other is None or ran.plain != other.plain:
            should, does = (f"a {op.plain}" if op else "nothing" for op in (other, ran))
            raise Wrong(f"In {case}, {should} should follow after {before}, but {does} follows.")
        if ran.output != other.output:
            raise Wrong(f"In {case} {ran.name} should give {times(other.output)}, but it gives {times(ran.output)}.")
        before = f"{ran.name} ({ran.plain})" if ran.plain not in ran.name else ran.name
    if sum(isinstance(layer, nn.Dropout) for layer in made.modules()) != 2:
        raise Wrong(f"{case} should have two dropouts, one after each hidden linear layer's ReLU.")
