"""A cfg followed token by token: the maps so far, the layers that a token adds, torchvision's lines that add them.

Numbers are those of ``vgg.steps``, a trace; lines those of the installed torchvision,
watched while they run (``models.torchvision_source``).
"""

from __future__ import annotations

from collections.abc import Sequence

from course_lib.drawing.cfg_row import HEIGHT, QUIET, SIDE, Seen, draw_row, wrapped
from course_lib.drawing.sheet import Sheet, text_width
from course_lib.drawing.still import BLUE, GREY, INK, ORANGE, Still
from course_lib.errors import CourseError
from course_lib.models.torchvision_source import SourceLine, token_lines
from course_lib.networks.vgg import Step, steps

__all__ = ["amount", "cfg_steps"]

_WIDTH, _LINE, _BEFORE, _ADDED = 860, 14, 2, 3  # CSS pixels; lines of layers made before and now
_PALE = "#FBE6D8"


def cfg_steps(
    what: str | Sequence[Step],
    number: int = 1,
    *,
    name: str | None = None,
    input_size: tuple[int, int, int] = (3, 224, 224),
    batch_norm: bool = False,
    answer: bool = True,
) -> Still:
    """One token of a cfg being turned into layers.

    Args:
        what: a column's name or a line of tokens; or its steps from ``vgg.steps``, made with the same ``input_size``
            and ``batch_norm``.
        number: which token, from 1.
        name: of the network in the title; made from ``what`` when left out.
        input_size: (channels, height, width) of the picture.
        batch_norm: as for ``vgg.make_layers``.
        answer: whether to say what comes out; without it there is something to guess.

    Raises:
        CfgError: the cfg cannot be read or built.
        CourseError: there is no such token.

    Example:
        >>> cfg_steps("A", 2)
        VGG A, token 2 of 13, M: 64×224×224 → 64×112×112, 0 parameters, 1,792 so far. 2×2 max pooling, stride 2: ...
    """
    found = steps(what, input_size, batch_norm=batch_norm) if isinstance(what, str) else tuple(what)
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= len(found):
        raise CourseError(f"There is no token {number!r}: this cfg has {len(found)}, from 1 to {len(found)}.")
    if name is None:
        name = f"VGG {what.strip().upper()}" if isinstance(what, str) and len(what.strip()) < 6 else "This cfg"
    step = found[number - 1]
    before = found[number - 2].shape if number > 1 else input_size
    code = token_lines(step.token, step.in_channels, batch_norm=batch_norm)
    why = wrapped(step.why if answer else _question(step), _WIDTH - 2 * SIDE, 9.5)
    layers_at = HEIGHT + 134
    code_at = layers_at + 24 + _LINE * (_BEFORE + _ADDED)
    sheet = Sheet(_WIDTH, code_at + 28 + _LINE * len(code) if code else code_at)
    sheet.text(SIDE, 8, f"{name}: token {number} of {len(found)}: {step.token}", size=11, bold=True)
    key = "filled: made    orange: this token    outline: to come    under it: the map's side"
    sheet.text(_WIDTH - SIDE, 11, key, size=8.5, color=QUIET, align="right")
    draw_row(sheet, found, input_size, 38, seen=Seen(number, answer))
    _facts(sheet, step, before, HEIGHT + 34, answer)
    sheet.text(SIDE, HEIGHT + 78, "\n".join(why), size=9.5)
    _layers(sheet, found[:number], layers_at)
    if code:
        _code(sheet, step, code_at, code)
    said = f"{name}, token {number} of {len(found)}, {step.token}: {_times(before)}"
    if not answer:
        return sheet.still(f"{said}; what comes out?")
    grown = f"{step.parameters:,} parameters, {step.total_parameters:,} so far"
    return sheet.still(f"{said} → {_times(step.shape)}, {grown}. {step.why}")


def amount(number: int) -> str:
    """Multiply-adds in words.

    Example:
        >>> amount(0), amount(86_704_128), amount(15_346_630_656)
        ('0', '86.7 M', '15.35 G')
    """
    return f"{number / 1e9:,.2f} G" if number >= 1e9 else f"{number / 1e6:,.1f} M" if number >= 5e4 else f"{number:,}"


def _times(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape))


def _question(step: Step) -> str:
    return f"What comes out of {step.token}: how many channels, how high and wide? And how many parameters are new?"


def _facts(sheet: Sheet, step: Step, before: Sequence[int], y: float, answer: bool) -> None:
    cells = [
        ("token", str(step.token)), ("goes in", _times(before)), ("comes out", _times(step.shape)),
        ("parameters", f"{step.parameters:,}"), ("so far", f"{step.total_parameters:,}"),
        ("multiply-adds", amount(step.macs)), ("so far", amount(step.total_macs)),
        ("a cell sees", f"{step.field} pixels"),
    ]  # fmt: skip
    if not answer:
        cells = [*cells[:2], *((head, "?") for head, _ in cells[2:])]
    room = [max(text_width(head, 8.5), text_width(value, 9.5, bold=True), 62) for head, value in cells]
    gap = (_WIDTH - 2 * SIDE - sum(room)) / (len(cells) - 1)
    x: float = SIDE
    for (head, value), wide in zip(cells, room, strict=True):
        sheet.text(x, y, head, size=8.5, color=QUIET)
        sheet.text(x, y + 16, value, size=9.5, bold=True, color=ORANGE if head == "comes out" else INK)
        x += wide + gap


def _layers(sheet: Sheet, found: Sequence[Step], y: float) -> None:
    """The last lines of the nn.Sequential, the new ones marked."""
    lines = [line for step in found for line in step.added]
    new = len(found[-1].added)
    sheet.lines([[(SIDE, y - 8), (_WIDTH - SIDE, y - 8)]], color=GREY)
    sheet.text(
        SIDE, y, f"the nn.Sequential so far: {len(lines)} layers    + added by this token", size=8.5, color=QUIET
    )
    shown = list(enumerate(lines))[-new - _BEFORE :]
    sheet.boxes([(SIDE - 4, y + 16 + _LINE * (len(shown) - new), _WIDTH - 2 * SIDE + 8, _LINE * new)], fill=_PALE)
    for row, (k, line) in enumerate(shown):
        mark = "+" if row >= len(shown) - new else " "
        color = INK if mark == "+" else QUIET
        sheet.text(SIDE, y + 18 + _LINE * row, f"{mark} ({k}): {line}", size=8.5, mono=True, color=color)


def _code(sheet: Sheet, step: Step, y: float, lines: Sequence[SourceLine]) -> None:
    head = "torchvision's make_layers    ▸ runs for this token    "
    if not any(line.runs for line in lines):
        head = (
            f"torchvision's make_layers has no line for {step.token}: course_lib.networks.vgg.make_layers has one    "
        )
    sheet.lines([[(SIDE, y - 4), (_WIDTH - SIDE, y - 4)]], color=GREY)
    sheet.text(SIDE, y + 4, head, size=8.5, color=QUIET)
    if any(line.runs for line in lines):
        sheet.text(SIDE + text_width(head, 8.5), y + 4, "# what the names stand for", size=8.5, color=BLUE)
    for k, line in enumerate(lines):
        text, top = f"{'▸' if line.runs else ' '} {line.text}", y + 22 + _LINE * k
        sheet.text(SIDE, top, text, size=8.5, mono=True, color=INK if line.runs else QUIET)
        if line.value:
            x = SIDE + text_width(f"{text}  ", 8.5, mono=True)
            sheet.text(x, top, f"# {line.value}", size=8.5, mono=True, color=BLUE)
