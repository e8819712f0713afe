"""The VGG paper's table 1, read back from networks that were built and traced: what stands in it has run.

Simonyan and Zisserman, "Very deep convolutional networks for large-scale image recognition", ICLR 2015,
https://arxiv.org/abs/1409.1556: tables 1 (the columns; what is new in bold) and 2 (parameters).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from course_lib.drawing.drawn_table import Cell, Line, Row, cell, new_against, set_table
from course_lib.drawing.sheet import FAINT
from course_lib.drawing.still import Still
from course_lib.errors import closest
from course_lib.networks import vgg
from course_lib.networks.vgg import COLUMNS, CfgError
from course_lib.tracing import Op, Trace, trace

__all__ = ["vgg_table"]

_MOST = 8  # columns that have room


@dataclass(frozen=True, slots=True)
class _Column:
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
    found = [_column(name, cfg) for name, cfg in cfgs.items()]
    bold = [new_against(found[k - 1].blocks if k else None, one.blocks) for k, one in enumerate(found)]
    count = len(found)
    rows = [
        Row((cell("maps", color=FAINT), *(cell(one.name, bold=True) for one in found)), 1.6),
        Row((cell("weight layers", color=FAINT), *(cell(str(one.layers)) for one in found))),
    ]
    for block in range(max(len(one.blocks) for one in found)):
        sizes = {one.sizes[block] for one in found if block < len(one.blocks)}
        size = "×".join(str(n) for n in sizes.pop()) if len(sizes) == 1 else ""
        cells = [_block(one.blocks[block], new[block]) if block < len(one.blocks) else cell("")
                 for one, new in zip(found, bold, strict=True)]  # fmt: skip
        if any(one.blocks[block] for one in found if block < len(one.blocks)):
            rows.append(Row((cell(size, color=FAINT), *cells), 0.5 if block else 1.0))
        pooled = [block < one.pools for one in found]
        if all(pooled):
            rows.append(Row((cell(""), cell("maxpool", span=count)), 0.5))
        elif any(pooled):
            rows.append(Row((cell(""), *(cell("maxpool" if one else "") for one in pooled)), 0.5))
    if len({one.head for one in found}) == 1:
        rows.append(Row((cell("vector", color=FAINT), cell(*found[0].head, span=count)), 0.5))
    else:
        rows.append(Row((cell("vector", color=FAINT), *(cell(*one.head) for one in found)), 0.5))
    figures = {
        "parameters, millions": [f"{one.parameters / 1e6:.2f}" for one in found],
        "multiply-adds, 10⁹": [f"{one.gmacs:.2f}" for one in found],
    }
    for k, (name, written) in enumerate(figures.items()):
        rows.append(Row((cell(name, color=FAINT), *(cell(words) for words in written)), 0.0 if k else 1.0))
    notes = (
        "conv3-64: 3×3 convolution to 64 channels, then ReLU. LRN: local response normalisation. FC: linear layer. "
        "Bold: new against the column to its left. Every column was built and run at 3×224×224.",
    )
    return set_table(rows, _alt(found, bold), notes=notes)


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
    if not 1 <= len(cfgs) <= _MOST:
        raise CfgError(f"{len(cfgs)} columns: the table has room for 1 to {_MOST}.")
    return cfgs


def _block(layers: Sequence[str], new: Sequence[bool]) -> Cell:
    return Cell(tuple(Line(words, bold) for words, bold in zip(layers, new, strict=True)))


def _column(name: str, cfg: Any) -> _Column:
    vgg.steps(cfg)  # a map that gets too small is named with its token
    with torch.device("meta"):
        model = vgg.build(cfg)
    return _read(name, trace(model, (3, 224, 224), mode="eval"))


def _read(name: str, found: Trace) -> _Column:
    blocks: list[list[str]] = [[]]
    sizes = [found.sizes[0][-2:]]
    head: list[str] = []
    for op in found.ops:
        if op.plain == "max_pool2d":
            blocks.append([])
            sizes.append((op.output[-2], op.output[-1]))
        elif op.plain == "linear":
            head.append(f"FC-{op.output[-1]}")
        elif written := _written(op):
            blocks[-1].append(written)
    layers = sum(1 for op in found.ops if op.plain in ("conv2d", "linear"))
    pools = len(blocks) - 1
    if not blocks[-1]:
        del blocks[-1], sizes[-1]
    both = tuple((h, w) for h, w in sizes)
    return _Column(name, tuple(map(tuple, blocks)), both, pools, tuple(head), layers, found.parameters, found.gmacs)


def _written(op: Op) -> str:
    weight = op.operand("weight")
    if op.plain == "conv2d" and weight is not None:
        return f"conv{weight[-1]}-{weight[0]}"
    return "LRN" if op.path and op.module == "LocalResponseNorm" and op.output == op.inputs[0] else ""


def _alt(found: Sequence[_Column], bold: Sequence[Sequence[Sequence[bool]]]) -> str:
    said = []
    for column, new in zip(found, bold, strict=True):
        added = [words for block, marks in zip(column.blocks, new, strict=True)
                 for words, mark in zip(block, marks, strict=True) if mark]  # fmt: skip
        more = f", new: {', '.join(added)}" if added else ""
        said.append(
            f"{column.name} {column.layers} weight layers, {column.parameters / 1e6:.2f} million parameters{more}"
        )
    return "VGG's columns, built and traced: " + "; ".join(said)
