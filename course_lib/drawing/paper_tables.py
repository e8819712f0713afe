"""The tables 1 of the ResNet and VGG papers, read from live models: every number in them was built and traced.

He, Zhang, Ren and Sun, "Deep residual learning for image recognition", CVPR 2016, https://arxiv.org/abs/1512.03385.
Torchvision's bottlenecks have their stride in the 3×3 convolution and not in the first 1×1, and so need a little more
work than the paper's: the table shows what is counted here.

Simonyan and Zisserman, "Very deep convolutional networks for large-scale image recognition", ICLR 2015,
https://arxiv.org/abs/1409.1556: table 1 (the columns; what is new in bold) with the parameters of table 2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch

from course_lib.drawing.drawn_table import Cell, Line, Row, cell, new_against, set_table
from course_lib.drawing.sheet import FAINT
from course_lib.drawing.still import Still
from course_lib.errors import CourseError, closest
from course_lib.networks import vgg
from course_lib.networks.resnet import count_layers
from course_lib.networks.vgg import COLUMNS, PAPER_ERRORS, CfgError
from course_lib.tracing.ops import Op
from course_lib.tracing.records import times
from course_lib.tracing.result import Trace
from course_lib.tracing.tracer import trace

__all__ = ["resnet_table", "vgg_table"]

_RESNETS = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")
_STAGES = ("layer1", "layer2", "layer3", "layer4")
_MOST_RESNETS, _MOST_VGGS = 6, 8  # columns that there is room for


def _figures(columns: Sequence[_ResNet] | Sequence[_Vgg]) -> dict[str, tuple[Cell, ...]]:
    """The last rows of both tables."""
    return {
        "parameters, millions": tuple(cell(f"{column.parameters / 1e6:.2f}") for column in columns),
        "multiply-adds, 10⁹": tuple(cell(f"{column.gmacs:.2f}") for column in columns),
    }


def _merged(contents: Sequence[tuple[str, ...]]) -> tuple[Cell, ...]:
    """A cell for each column, or one over all columns where all are alike."""
    if len(set(contents)) == 1:
        return (cell(*contents[0], span=len(contents)),)
    return tuple(cell(*lines) for lines in contents)


# -- ResNet -----------------------------------------------------------------------------------------------------------
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
class _ResNet:
    name: str
    stem: tuple[str, tuple[int, int]]
    pool: str
    stages: tuple[_Stage, ...]
    head: tuple[str, ...]
    layers: str
    parameters: int
    gmacs: float


def resnet_table(names: Sequence[str] = _RESNETS) -> Still:
    """ResNets side by side: stages, blocks, layers counted, parameters, multiply-adds.

    Args:
        names: torchvision's names of one to six ResNets, ResNeXts or wide ResNets.

    Raises:
        CourseError: one of them isn't a ResNet, there is another number of them, or they do not fit side by side.
        ModelNameError: torchvision has no such model.

    Example:
        >>> resnet_table(["resnet18", "resnet50"])
        ResNets read from live models: resnet18 1 + 2·(2 + 2 + 2 + 2) + 1 = 18 layers, 11.69 million parameters, 1.81
        billion multiply-adds; resnet50 1 + 3·(3 + 4 + 6 + 3) + 1 = 50 layers, 25.56 million parameters, 4.09 billion
        multiply-adds
    """
    names = [names] if isinstance(names, str) else list(names)
    if not 1 <= len(names) <= _MOST_RESNETS:
        raise CourseError(f"{len(names)} models: the table has room for 1 to {_MOST_RESNETS}.")
    columns = [_resnet(name) for name in names]
    sizes = [times(stage.size) for stage in columns[0].stages]
    rows = [Row((cell("layer"), cell("maps"), *(cell(column.name, bold=True) for column in columns)), 1.6)]
    rows.append(_whole_row("conv1", times(columns[0].stem[1]), [(column.stem[0],) for column in columns], 1.0))
    rows.append(_whole_row("maxpool", sizes[0], [(column.pool,) for column in columns], 0.5))
    for k, stage in enumerate(_STAGES):
        befores = [None, *(column.stages[k] for column in columns[:-1])]
        cells = [_stage_cell(column.stages[k], before) for column, before in zip(columns, befores, strict=True)]
        left = Cell((Line(f"conv{k + 2}_x"), Line(stage, color=FAINT)))
        rows.append(Row((left, cell(sizes[k], color=FAINT), *cells), 0.5 if k else 0.0))
    rows.append(_whole_row("head", "1×1", [column.head for column in columns], 0.5))
    counted = [column.layers.rpartition(" = ") for column in columns]
    rows.append(Row((cell("layers", span=2, color=FAINT),
                     *(Cell((Line(how.replace(" ", ""), color=FAINT), Line(f"= {total}", True)))
                       for how, _, total in counted)), 1.0))  # fmt: skip
    rows += [Row((cell(name, span=2, color=FAINT), *cells)) for name, cells in _figures(columns).items()]
    alt = "ResNets read from live models: " + "; ".join(
        f"{column.name} {column.layers} layers, {column.parameters / 1e6:.2f} million parameters, {column.gmacs:.2f} "
        "billion multiply-adds" for column in columns)  # fmt: skip
    return set_table(rows, alt, notes=_resnet_notes(columns))


def _whole_row(left: str, size: str, contents: Sequence[tuple[str, ...]], rule: float) -> Row:
    return Row((cell(left), cell(size, color=FAINT), *_merged(contents)), rule)


def _stage_cell(stage: _Stage, before: _Stage | None) -> Cell:
    """A bracket around one block; bold where it differs from the column before."""
    old = before.blocks if before else stage.blocks
    if len(stage.blocks) != 1:
        return cell(*(f"{', '.join(lines)}  ×{count}" for lines, count in stage.blocks))
    lines, count = stage.blocks[0]
    fresh = new_against([old[0][0]] if before else None, [lines])[0]
    more = len(old) != 1 or old[0][1] != count
    return Cell(tuple(Line(words, new) for words, new in zip(lines, fresh, strict=True)), times=Line(f"×{count}", more))


def _resnet_notes(columns: Sequence[_ResNet]) -> tuple[str, ...]:
    strided = [(stage.stride, len(stage.blocks[0][0])) for column in columns for stage in column.stages if stage.stride]
    where = [f"the {which[0]} of its {count} convolutions ({which[1]})" for which, count in dict.fromkeys(strided)]
    stride = (
        f"Where the maps get smaller, a stage's first block has stride 2 in {' or '.join(where)}. " if where else ""
    )
    layers = "Layers: the convolutions on the main path and the linear layers, without norms and the shortcuts' 1×1. "
    return (stride + layers + "Bold: differs from the column on its left.",)


def _resnet(name: str) -> _ResNet:
    traced = trace(name)
    if not all(traced.within(stage) for stage in _STAGES):
        raise CourseError(
            f"{name} isn't a ResNet: it has no layer1 to layer4. Give names such as {', '.join(_RESNETS[:3])}."
        )
    at = traced.within("layer1")[0].index
    stem = [op for op in traced.ops[:at] if op.plain == "conv2d"]
    pools = [op for op in traced.ops[:at] if "pool" in op.kind]
    end = traced.within("layer4")[-1].index
    head = tuple(words for op in traced.ops[end:] if (words := _tail(op)))
    pool = ", ".join(f"{_kernel(op)} max pool{_stride(op)}" for op in pools) or "none"
    words = ", ".join(f"{_conv(op)}{_stride(op)}" for op in stem)
    size = (stem[-1].output[-2], stem[-1].output[-1])
    stages = tuple(_stage(traced, stage) for stage in _STAGES)
    return _ResNet(name, (words, size), pool, stages, head, str(count_layers(name)), traced.parameters, traced.gmacs)


def _stage(traced: Trace, stage: str) -> _Stage:
    ops = traced.within(stage)
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


# -- VGG ---------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class _Vgg:
    """A traced network: its blocks as the paper writes them, and its figures."""

    name: str
    blocks: tuple[tuple[str, ...], ...]
    sizes: tuple[tuple[int, int], ...]
    pools: int
    head: tuple[str, ...]
    layers: int
    parameters: int
    gmacs: float


def vgg_table(columns: Sequence[str] | Mapping[str, str | Sequence[Any]] | None = None) -> Still:
    """VGG's columns side by side; bold is what is new against the column before.

    Args:
        columns: names of the paper's columns; or names and cfgs, one's own too; all six of the paper when left out.

    Raises:
        CfgError: no such column, no column at all, too many, or a cfg that cannot be built.

    Example:
        >>> vgg_table(["A", "B"])
        VGG's columns, built and traced: A 11 weight layers, 132.86 million parameters; B 13 weight layers, 133.05
        million parameters, new: conv3-64, conv3-128
    """
    cfgs = _chosen(columns)
    found = [_vgg(name, cfg) for name, cfg in cfgs.items()]
    befores = [None, *(column.blocks for column in found[:-1])]
    bold = [new_against(before, column.blocks) for before, column in zip(befores, found, strict=True)]
    rows = [
        Row((cell("maps", color=FAINT), *(cell(column.name, bold=True) for column in found)), 1.6),
        Row((cell("weight layers", color=FAINT), *(cell(str(column.layers)) for column in found))),
    ]
    for block in range(max(len(column.blocks) for column in found)):
        sizes = {column.sizes[block] for column in found if block < len(column.blocks)}
        size = times(sizes.pop()) if len(sizes) == 1 else ""
        cells = [_block_cell(column.blocks[block], new[block]) if block < len(column.blocks) else cell("")
                 for column, new in zip(found, bold, strict=True)]  # fmt: skip
        if any(column.blocks[block] for column in found if block < len(column.blocks)):
            rows.append(Row((cell(size, color=FAINT), *cells), 0.5 if block else 1.0))
        pooled = [("maxpool" if block < column.pools else "",) for column in found]
        if any(words for (words,) in pooled):
            rows.append(Row((cell(""), *_merged(pooled)), 0.5))
    rows.append(Row((cell("vector", color=FAINT), *_merged([column.head for column in found])), 0.5))
    for k, (name, figures) in enumerate(_figures(found).items()):
        rows.append(Row((cell(name, color=FAINT), *figures), 0.0 if k else 1.0))
    notes: tuple[str, ...] = (
        "conv3-64: 3×3 convolution to 64 channels, then ReLU. LRN: local response normalisation. FC: linear layer. "
        "Bold: new compared with the column on its left. Every column was built and run at 3×224×224.",
    )
    if any(cfg == COLUMNS.get(name) for name, cfg in cfgs.items()):
        errors = [f"{PAPER_ERRORS[name]:.1f}" if cfg == COLUMNS.get(name) else "–" for name, cfg in cfgs.items()]
        rows.append(Row((cell("top-1 error, %", color=FAINT), *(cell(error) for error in errors)), 0.5))
        notes += (
            "Error: on ImageNet's validation pictures, trained and tested at one scale of 256 (the paper's table 3).",
        )
    return set_table(rows, _vgg_alt(found, bold), notes=notes)


def _chosen(columns: Sequence[str] | Mapping[str, str | Sequence[Any]] | None) -> dict[str, Any]:
    if columns is None:
        return dict(COLUMNS)
    if isinstance(columns, Mapping):
        cfgs = {str(name): cfg for name, cfg in columns.items()}
    else:
        names = [columns] if isinstance(columns, str) else list(columns)
        for name in names:
            if name not in COLUMNS:
                near = closest(name, COLUMNS) or f" There are {', '.join(COLUMNS)}."
                raise CfgError(
                    f"The paper has no column {name!r}.{near} A cfg of your own: vgg_table({{'mine': cfg}})."
                )
        cfgs = {name: COLUMNS[name] for name in names}
    if not 1 <= len(cfgs) <= _MOST_VGGS:
        raise CfgError(f"{len(cfgs)} columns: the table has room for 1 to {_MOST_VGGS}.")
    return cfgs


def _block_cell(layers: Sequence[str], new: Sequence[bool]) -> Cell:
    return Cell(tuple(Line(words, bold) for words, bold in zip(layers, new, strict=True)))


def _vgg(name: str, cfg: Any) -> _Vgg:
    vgg.steps(cfg)  # a map that gets too small is named with its token
    with torch.device("meta"):
        model = vgg.build(cfg)
    return _read_vgg(name, trace(model, (3, 224, 224), mode="eval"))


def _read_vgg(name: str, found: Trace) -> _Vgg:
    blocks: list[list[str]] = [[]]
    sizes = [found.sizes[0][-2:]]
    head: list[str] = []
    for op in found.ops:
        if op.plain == "max_pool2d":
            blocks.append([])
            sizes.append((op.output[-2], op.output[-1]))
        elif op.plain == "linear":
            head.append(f"FC-{op.output[-1]}")
        elif written := _vgg_layer(op):
            blocks[-1].append(written)
    layers = sum(1 for op in found.ops if op.plain in ("conv2d", "linear"))
    pools = len(blocks) - 1
    if not blocks[-1]:
        del blocks[-1], sizes[-1]
    both = tuple((h, w) for h, w in sizes)
    return _Vgg(name, tuple(map(tuple, blocks)), both, pools, tuple(head), layers, found.parameters, found.gmacs)


def _vgg_layer(op: Op) -> str:
    weight = op.operand("weight")
    if op.plain == "conv2d" and weight is not None:
        return f"conv{weight[-1]}-{weight[0]}"
    return "LRN" if op.path and op.module == "LocalResponseNorm" and op.output == op.inputs[0] else ""


def _vgg_alt(columns: Sequence[_Vgg], bold: Sequence[Sequence[Sequence[bool]]]) -> str:
    parts = []
    for column, new in zip(columns, bold, strict=True):
        added = [words for block, marks in zip(column.blocks, new, strict=True)
                 for words, mark in zip(block, marks, strict=True) if mark]  # fmt: skip
        more = f", new: {', '.join(added)}" if added else ""
        size = f"{column.parameters / 1e6:.2f} million parameters"
        parts.append(f"{column.name} {column.layers} weight layers, {size}{more}")
    return "VGG's columns, built and traced: " + "; ".join(parts)
