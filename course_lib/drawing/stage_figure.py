"""``_make_layer`` stepped through: the blocks of all stages in a row, one of them being made, and the code that does.

Blocks that are made are filled, the one being made is framed, those to come are outlines; over each block stands its
shortcut, solid where it is x itself and dashed where it has a conv (He et al. 2015, https://arxiv.org/abs/1512.03385,
figure 3). The code is torchvision's own, watched while it runs (``models.torchvision_source``).
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from itertools import pairwise

from matplotlib.path import Path
from torch import nn

from course_lib.drawing.sheet import FAINT, Sheet, text_width
from course_lib.drawing.still import BLUE, GREY, INK, ORANGE, Still, shortened
from course_lib.errors import CourseError
from course_lib.models.torchvision_source import SourceLine, stage_lines
from course_lib.networks.resnet.stages import StageStep
from course_lib.networks.resnet.stages import stage_steps as steps_of
from course_lib.tracing.records import times

__all__ = ["draw_stages", "make_layer_lines", "shortcut_question"]

_SIDE, _GAP, _LEAST = 10.0, 16.0, 104.0  # CSS pixels: margin, between stages, the least width of a stage's words
_PALE = "#CFE3F1"  # of blocks that are made
_CODE, _LINE = 8.5, 14.0  # the code's letters in points, and its lines
_KAPPA = 0.5523  # of a Bézier curve that is nearly a quarter of a circle


def draw_stages(
    what: nn.Module | str | Sequence[StageStep],
    number: int = 1,
    *,
    name: str | None = None,
    answer: bool = True,
    code: bool = True,
) -> Still:
    """One step of building a ResNet's stages.

    Args:
        what: a ResNet by name or as a module, or its steps from ``networks.stage_steps``.
        number: which block is being made, from 1.
        name: of the network in the title; its own where it is left out.
        answer: whether to say what the shortcut of this block is; without it there is something to guess.
        code: whether to show torchvision's ``_make_layer`` below, with numbers beside the lines that run.

    Raises:
        CourseError: there is no such block; the sentence says how many there are.
        BlockError: the model has no residual blocks.

    Example:
        >>> draw_stages("resnet18", 3)
        resnet18, block 3 of 8, layer2.0: BasicBlock, 1×64×56×56 → 1×128×28×28, stride 2, projection: stride 2 makes
        the map smaller and 64 channels become 128: x fits after a 1×1 conv with stride 2
    """
    given = isinstance(what, str | nn.Module)
    steps = steps_of(what) if isinstance(what, str | nn.Module) else tuple(what)
    if not isinstance(number, int) or not 1 <= number <= len(steps):
        raise CourseError(f"There is no block {number!r}: this network has {len(steps)}, from 1 to {len(steps)}.")
    if name is None:
        name = what if isinstance(what, str) else type(what).__name__ if given else "ResNet"
    step = steps[number - 1]
    lines = make_layer_lines(steps, number) if code else ()
    sheet = Sheet(860, 222 + (_height(lines) if lines else 0))
    _title(sheet, name, step, len(steps))
    _row(sheet, steps, step, answer)
    _facts(sheet, step, answer)
    if lines:
        _code(sheet, lines, answer)
    shapes = f"{times(step.input)} → {times(step.output)}"
    said = f"{name}, block {number} of {len(steps)}, {step.path}: {step.kind}, {shapes}, stride {step.stride}"
    return sheet.still(f"{said}, {_shortcut(step)}: {step.why}" if answer else f"{said}; what is its shortcut?")


def make_layer_lines(steps: Sequence[StageStep], number: int) -> tuple[SourceLine, ...]:
    """Torchvision's ``_make_layer`` while block ``number`` (from 1) of ``steps`` is made; empty without its source.

    Example:
        >>> [line.value for line in make_layer_lines(steps_of("resnet18"), 3) if line.text.startswith("if stride")]
        ['2 != 1 or 64 != 128 * 1 → True']
    """
    step = steps[number - 1]
    first = steps[number - 1 - step.block]
    later = steps[first.number : first.number - 1 + first.blocks] or steps[first.number - 1 + first.blocks :]
    dilation = later[0].dilation if later else first.dilation  # that of the stage's other blocks, or of the next stage
    grown = dilation // first.dilation if dilation % first.dilation == 0 else 1
    return stage_lines(
        step.kind, first.planes, first.blocks, first.stride * grown, block=step.block, inplanes=first.in_channels,
        expansion=first.expansion, dilate=grown > 1, dilation=first.dilation, groups=first.groups,
        base_width=first.base_width,
    )  # fmt: skip


def shortcut_question(lines: Sequence[SourceLine]) -> int | None:
    """The index of the line that asks whether the shortcut needs a conv; None where there is no such line.

    Example:
        >>> lines = stage_lines("BasicBlock", 128, 2, stride=2)
        >>> lines[shortcut_question(lines)].text
        'if stride != 1 or self.inplanes != planes * block.expansion:'
    """
    for place, (line, following) in enumerate(pairwise(lines)):
        if line.text.startswith("if ") and following.text.lstrip().startswith("downsample ="):
            return place
    return None


def _shortcut(step: StageStep) -> str:
    return "projection" if step.downsample else "identity"


def _title(sheet: Sheet, name: str, step: StageStep, count: int) -> None:
    sheet.standing_text(_SIDE, 19, f"{shortened(name, 18)}: block {step.number} of {count}", size=11, bold=True)
    key = "filled: done    framed: being made    outline: to come    arc: the shortcut, dashed where it has a conv"
    sheet.standing_text(sheet.width - _SIDE, 19, key, size=8.5, color=FAINT, align="right")


# -- the blocks in a row ----------------------------------------------------------------------------------------------
def _places(sheet: Sheet, steps: Sequence[StageStep]) -> list[tuple[float, float]]:
    """Left edge and width of every block's cell: stages get room for their words, the rest is shared by the blocks."""
    stages = [step for step in steps if step.block == 0]
    room = sheet.width - 2 * _SIDE - _GAP * (len(stages) - 1)
    least = min(_LEAST, room / len(stages))
    each = (room - least * len(stages)) / len(steps)
    found, left = [], _SIDE
    for stage in stages:
        cell = (least + each * stage.blocks) / stage.blocks
        found += [(left + k * cell, cell) for k in range(stage.blocks)]
        left += cell * stage.blocks + _GAP
    return found


def _row(sheet: Sheet, steps: Sequence[StageStep], now: StageStep, answer: bool) -> None:
    top, bottom = 78.0, 106.0
    made: list[Path] = []
    coming: list[Path] = []
    arcs: dict[bool, list[Path]] = {True: [], False: []}
    for step, (left, cell) in zip(steps, _places(sheet, steps), strict=True):
        margin = min(4.0, 0.14 * cell)
        known = answer or step.number < now.number
        sheet.spot("block", (left, top - 26, cell, bottom - top + 30), _block_words(step, known), step.number)
        box = _rectangle(left + margin, top, left + cell - margin, bottom)
        if step.number < now.number or (step is now and answer):
            arcs[step.downsample].append(_arc(left + margin + 1, left + cell - margin - 1, top - 2, _rise(cell)))
        if step is now:
            sheet.path(box, facecolor="#FBE3D3", edgecolor=ORANGE, linewidth=2.2, joinstyle="miter", zorder=3)
            path = shortened(now.path, 24)
            half = text_width(path, bold=True) / 2
            middle = min(max(left + cell / 2, _SIDE + half), sheet.width - _SIDE - half)
            sheet.standing_text(middle, top - 9 - _rise(cell), path, align="center", bold=True, color=ORANGE)
        else:
            (made if step.number < now.number else coming).append(box)
        if cell >= 22:
            sheet.standing_text(left + cell / 2, bottom - 10, str(step.block), align="center", size=8.5)
        if step.block == 0:
            _stage(sheet, step, left, cell * step.blocks, bottom)
    for paths, how in ((made, {"facecolor": _PALE, "edgecolor": BLUE}), (coming, {"facecolor": "white"})):
        if paths:
            style = {"edgecolor": GREY, "linewidth": 1.0, **how}
            sheet.path(Path.make_compound_path(*paths), joinstyle="miter", **style)
    for dashed, paths in arcs.items():
        if paths:
            style = {"linestyle": (0, (2.2, 1.6)) if dashed else "-", "edgecolor": INK, "linewidth": 1.3}
            sheet.path(Path.make_compound_path(*paths), facecolor="none", joinstyle="miter", **style)


def _block_words(step: StageStep, known: bool) -> str:
    """The words about a block; what its shortcut is only where it is not to be guessed."""
    facts = [f"{step.path}, a {step.kind}", f"{times(step.input)} → {times(step.output)}", f"stride {step.stride}"]
    return "\n".join([*facts, f"shortcut: {_shortcut(step)}", f"{step.parameters:,} parameters"] if known else facts)


def _stage(sheet: Sheet, step: StageStep, left: float, width: float, under: float) -> None:
    sheet.lines([[(left + 2, under + 6), (left + width - 2, under + 6)]], color=GREY, line=1.0)
    sheet.standing_text(
        left + width / 2, under + 20, f"{shortened(step.stage, 11)} × {step.blocks}", align="center", bold=True
    )
    sheet.standing_text(left + width / 2, under + 33, times(step.output[1:]), align="center", size=8.5, color=FAINT)


def _rise(cell: float) -> float:
    return min(max(0.75 * cell, 14.0), 24.0)


def _rectangle(left: float, top: float, right: float, bottom: float) -> Path:
    return Path([(left, top), (right, top), (right, bottom), (left, bottom), (left, top)], closed=True)


def _arc(left: float, right: float, foot: float, rise: float) -> Path:
    middle, half = (left + right) / 2, (right - left) / 2
    top, bend = foot - rise, _KAPPA
    points = [
        (left, foot), (left, foot - bend * rise), (middle - bend * half, top), (middle, top),
        (middle + bend * half, top), (right, foot - bend * rise), (right, foot),
    ]  # fmt: skip
    return Path(points, [Path.MOVETO, *[Path.CURVE4] * 6])


# -- words ------------------------------------------------------------------------------------------------------------
def _facts(sheet: Sheet, step: StageStep, answer: bool) -> None:
    cells = [
        ("block", shortened(step.kind, 14)), ("goes in", times(step.input)), ("planes", str(step.planes)),
        ("stride", str(step.stride)), ("comes out", times(step.output)),
        ("self.inplanes", f"{step.in_channels} → {step.inplanes_after}"),
        ("shortcut", _shortcut(step) if answer else "?"), ("parameters", f"{step.parameters:,}" if answer else "?"),
    ]  # fmt: skip
    shares = [max(len(head) * 5.6, len(value) * 6.6) + 14 for head, value in cells]
    scale = (sheet.width - 2 * _SIDE) / sum(shares)
    x = _SIDE
    for (head, value), share in zip(cells, shares, strict=True):
        sheet.standing_text(x, 164, head, size=8.5, color=FAINT)
        sheet.standing_text(x, 180, value, size=9.5, bold=True, color=ORANGE if head == "shortcut" else INK)
        x += share * scale
    why = (
        step.why if answer else "Does this block need a conv on its shortcut? Compare what goes in with what comes out."
    )
    sheet.standing_text(_SIDE, 203, why[:1].upper() + why[1:] + ("." if answer else ""), size=9.5)


def _height(lines: Sequence[SourceLine]) -> float:
    return 27 + _LINE * (len(lines) + 3)  # the same for every step: a picture that jumps cannot be compared


def _code(sheet: Sheet, lines: Sequence[SourceLine], answer: bool) -> None:
    letter = text_width("m", _CODE, mono=True)
    letters = math.floor((sheet.width - 2 * _SIDE) / letter) - 2
    sheet.lines([[(_SIDE, 216), (sheet.width - _SIDE, 216)]], color=GREY)
    y = 233.0
    key = "torchvision's ResNet._make_layer    ▸ runs in this step    shaded: the test that decides    "
    sheet.standing_text(_SIDE, y, key, size=8.5, color=FAINT)
    sheet.standing_text(_SIDE + text_width(key, 8.5), y, "# what the names stand for", size=8.5, color=BLUE)
    known, question = True, shortcut_question(lines)
    for place, line in enumerate(lines):
        value, runs = line.value if known else "", line.runs and known
        asks = place == question and line.runs
        if asks and not answer:
            value, known = f"{value.rsplit(' → ', 1)[0]} → ?", False
        indent = len(line.text) - len(line.text.lstrip())
        rows = textwrap.wrap(line.text, letters, subsequent_indent=" " * (indent + 8), drop_whitespace=True)
        for k, row in enumerate(rows):
            y += _LINE
            if asks:
                corner = (_SIDE - 4, y - 0.78 * _LINE, sheet.width - _SIDE + 4, y + 0.28 * _LINE)
                sheet.path(_rectangle(*corner), facecolor="#FBE3D3", edgecolor="none", zorder=1)
            if runs and not k:
                sheet.standing_text(_SIDE, y, "▸", size=_CODE, mono=True)
            sheet.standing_text(_SIDE + 2 * letter, y, row, size=_CODE, mono=True, color=INK if runs else FAINT)
        if value:
            column = len(rows[-1]) + 2
            if column + len(value) + 2 > letters:
                y, column = y + _LINE, indent + 4
            sheet.standing_text(_SIDE + (2 + column) * letter, y, f"# {value}", size=_CODE, mono=True, color=BLUE)
