"""The ResNet paper's table 1, read from live models: what stands in it is what torchvision builds.

He, Zhang, Ren and Sun, "Deep residual learning for image recognition", CVPR 2016, https://arxiv.org/abs/1512.03385,
table 1. Torchvision's bottlenecks take the stride in the 3×3 and not in the first 1×1, and so need a little more work
than the paper's: the table shows what is counted here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from course_lib.drawing.drawn_table import Cell, Line, Row, cell, new_against, set_table
from course_lib.drawing.sheet import FAINT
from course_lib.drawing.still import Still
from course_lib.errors import CourseError
from course_lib.networks.resnet import count_layers
from course_lib.tracing import Op, Trace, trace

__all__ = ["resnet_table"]

NAMES = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")
_STAGES = ("layer1", "layer2", "layer3", "layer4")
_MOST = 6  # columns that have room


@dataclass(frozen=True, slots=True)
class _Stage:
    """A stage as the paper writes it: the convolutions of its blocks, and how many blocks are alike.

    Attributes:
        size: (height, width) of its maps.
        blocks: (the lines of one block, how many follow each other), mostly one.
        stride: which convolution of its first block has a stride, such as ("second", "3×3"); None where none has.
    """

    size: tuple[int, int]
    blocks: tuple[tuple[tuple[str, ...], int], ...]
    stride: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    stem: tuple[str, tuple[int, int]]
    pool: str
    stages: tuple[_Stage, ...]
    head: tuple[str, ...]
    layers: str
    parameters: int
    gmacs: float


def resnet_table(names: Sequence[str] = NAMES) -> Still:
    """ResNets side by side: stages, blocks, layers counted, parameters, multiply-adds.

    Args:
        names: torchvision's names of one to six ResNets, ResNeXts or wide ResNets.

    Raises:
        CourseError: one of them is no ResNet, there is another number of them, or they do not fit side by side.
        ModelNameError: torchvision has no such model.

    Example:
        >>> resnet_table(["resnet18", "resnet50"])
        ResNets read from live models: resnet18 1 + 2·(2 + 2 + 2 + 2) + 1 = 18 layers, 11.69 million parameters, 1.81
        billion multiply-adds; resnet50 1 + 3·(3 + 4 + 6 + 3) + 1 = 50 layers, 25.56 million parameters, 4.09 billion
        multiply-adds
    """
    names = [names] if isinstance(names, str) else list(names)
    if not 1 <= len(names) <= _MOST:
        raise CourseError(f"{len(names)} models: the table has room for 1 to {_MOST}.")
    found = [_column(name) for name in names]
    rows = [Row((cell("layer"), cell("maps"), *(cell(one.name, bold=True) for one in found)), 1.6)]
    rows.append(_shared(["conv1"], _size(found[0].stem[1]), [(one.stem[0],) for one in found], 1.0))
    rows.append(_shared(["maxpool"], _size(found[0].stages[0].size), [(one.pool,) for one in found], 0.5))
    for k, stage in enumerate(_STAGES):
        cells = [_stage_cell(one.stages[k], found[at - 1].stages[k] if at else None) for at, one in enumerate(found)]
        left = Cell((Line(f"conv{k + 2}_x"), Line(stage, color=FAINT)))
        rows.append(Row((left, cell(_size(found[0].stages[k].size), color=FAINT), *cells), 0.5 if k else 0.0))
    rows.append(_shared(["head"], "1×1", [one.head for one in found], 0.5))
    counted = [one.layers.rpartition(" = ") for one in found]
    rows.append(Row((cell("layers", span=2, color=FAINT),
                     *(Cell((Line(how.replace(" ", ""), color=FAINT), Line(f"= {total}", True)))
                       for how, _, total in counted)), 1.0))  # fmt: skip
    for name, written in (("parameters, millions", [f"{one.parameters / 1e6:.2f}" for one in found]),
                          ("multiply-adds, 10⁹", [f"{one.gmacs:.2f}" for one in found])):  # fmt: skip
        rows.append(Row((cell(name, span=2, color=FAINT), *(cell(words) for words in written))))
    alt = "ResNets read from live models: " + "; ".join(
        f"{one.name} {one.layers} layers, {one.parameters / 1e6:.2f} million parameters, {one.gmacs:.2f} billion "
        "multiply-adds" for one in found)  # fmt: skip
    return set_table(rows, alt, notes=_notes(found))


def _shared(left: Sequence[str], size: str, contents: Sequence[tuple[str, ...]], rule: float) -> Row:
    """One cell over all columns where all are alike."""
    start = (cell(*left), cell(size, color=FAINT))
    if len(set(contents)) == 1:
        return Row((*start, cell(*contents[0], span=len(contents))), rule)
    return Row((*start, *(cell(*one) for one in contents)), rule)


def _stage_cell(stage: _Stage, before: _Stage | None) -> Cell:
    """A bracket round one block; bold where it is not as in the column before."""
    old = before.blocks if before else stage.blocks
    if len(stage.blocks) != 1:
        return cell(*(f"{', '.join(lines)}  ×{count}" for lines, count in stage.blocks))
    lines, count = stage.blocks[0]
    fresh = new_against([old[0][0]] if before else None, [lines])[0]
    more = len(old) != 1 or old[0][1] != count
    return Cell(tuple(Line(words, new) for words, new in zip(lines, fresh, strict=True)), times=Line(f"×{count}", more))


def _size(size: tuple[int, int]) -> str:
    return "×".join(str(n) for n in size)


def _notes(found: Sequence[_Column]) -> tuple[str, ...]:
    strided = [(stage.stride, len(stage.blocks[0][0])) for one in found for stage in one.stages if stage.stride]
    where = [f"the {which[0]} of its {count} convolutions ({which[1]})" for which, count in dict.fromkeys(strided)]
    said = f"Where the maps get smaller, a stage's first block has stride 2 in {' or '.join(where)}. " if where else ""
    counted = (
        "Layers: convolutions on the way through the blocks and linear layers; not norms, not the shortcuts' 1×1. "
    )
    return (said + counted + "Bold: not as in the column to its left.",)


def _column(name: str) -> _Column:
    found = trace(name)
    if not all(found.within(stage) for stage in _STAGES):
        raise CourseError(
            f"{name} is no ResNet: it has no layer1 to layer4. Give names such as {', '.join(NAMES[:3])}."
        )
    at = found.within("layer1")[0].index
    stem = [op for op in found.ops[:at] if op.plain == "conv2d"]
    pools = [op for op in found.ops[:at] if "pool" in op.kind]
    end = found.within("layer4")[-1].index
    head = tuple(words for op in found.ops[end:] if (words := _tail(op)))
    pool = ", ".join(f"{_kernel(op)} max pool{_stride(op)}" for op in pools) or "none"
    words = ", ".join(f"{_conv(op)}{_stride(op)}" for op in stem)
    size = (stem[-1].output[-2], stem[-1].output[-1])
    stages = tuple(_stage(found, stage) for stage in _STAGES)
    return _Column(name, (words, size), pool, stages, head, str(count_layers(name)), found.parameters, found.gmacs)


def _stage(found: Trace, stage: str) -> _Stage:
    ops = found.within(stage)
    convs = [op for op in ops if op.plain == "conv2d" and ".downsample" not in op.path]
    blocks = [list(group) for _, group in groupby(convs, key=lambda op: op.path.split(".")[1])]
    written = [tuple(_conv(op) for op in block) for block in blocks]
    alike = tuple((lines, len(list(group))) for lines, group in groupby(written))
    strided = [(k, op) for k, op in enumerate(blocks[0]) if _stride(op)]
    places = ("first", "second", "third", "fourth")
    which = tuple((places[k], _kernel(op)) for k, op in strided[:1] if k < len(places))
    return _Stage((ops[-1].output[-2], ops[-1].output[-1]), alike, which[0] if which else None)


def _conv(op: Op) -> str:
    weight, groups = op.operand("weight") or (0, 0, 0, 0), int(op.setting("groups", 1))
    return f"{_kernel(op)}, {weight[0]}" + (f", C={groups}" if groups > 1 else "")


def _kernel(op: Op) -> str:
    weight = op.operand("weight")
    size = weight[-2:] if weight else op.setting("kernel_size")
    return "×".join(str(n) for n in (size if isinstance(size, tuple | list) else (size, size)))


def _stride(op: Op) -> str:
    stride = op.setting("stride")
    first = stride[0] if isinstance(stride, tuple | list) else stride
    return f", stride {first}" if first and first > 1 else ""


def _tail(op: Op) -> str:
    if "pool" in op.kind:
        return "average pool"
    return f"{op.output[-1]}-d fc" if op.plain == "linear" else ""
