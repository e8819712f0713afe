"""A VGG cfg as pictures: its maps as boxes in a row, one token becoming layers, and a table of all tokens.

A box is drawn as in ``volumes``: up is the map's height, into the page its width, to the right its channels; all as
square roots. Numbers come from ``vgg.steps``, a trace; those of the head are counted in the network that is built, and
the code is that of the installed torchvision, watched while it runs (``models.torchvision_source``).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import sqrt

import torch

from course_lib.drawing.sheet import FAINT, SLANT, Box, Mark, Sheet, fitted_words, text_width, wrapped
from course_lib.drawing.still import BLUE, GREEN, GREY, INK, ORANGE, Still, shortened
from course_lib.errors import CourseError
from course_lib.models.torchvision_source import SourceLine, token_lines
from course_lib.networks.vgg import Step, build, steps
from course_lib.tracing.records import times

__all__ = ["amount", "cfg_steps", "cfg_table"]

_WIDTH, _SIDE = 860, 12  # CSS pixels: the sheet's width, its margin
_PALE = "#FBE6D8"
_COLORS = {"M": GREEN, "LRN": GREY}
#: The row of boxes: its height, a map's largest height, the most boxes, a box's largest width.
_ROW, _TALL, _MOST, _WIDEST = 140, 66.0, 22, 76.0
_CODE, _BEFORE, _ADDED = 14, 2, 3  # CSS pixels: a line of code; lines of layers made before and now
#: The table: a line, and where the columns end (numbers) or begin (words), and the longest bar.
_LINE, _NUMBER, _TOKEN, _LAYERS, _MAP, _PARAMETERS, _WORK, _FIELD, _BAR = 16, 30, 42, 120, 474, 572, 730, 848, 68


# -- one token becoming layers ---------------------------------------------------------------------------------------
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
    question = f"What comes out of {step.token}: how many channels, how high and wide? And how many parameters are new?"
    why = wrapped(step.why if answer else question, _WIDTH - 2 * _SIDE, 9.5)
    layers_at = _ROW + 134
    code_at = layers_at + 24 + _CODE * (_BEFORE + _ADDED)
    sheet = Sheet(_WIDTH, code_at + 28 + _CODE * len(code) if code else code_at)
    sheet.text(_SIDE, 8, f"{name}: token {number} of {len(found)}: {step.token}", size=11, bold=True)
    key = "filled: done    orange: this token    outline: to come    under it: the map's width"
    sheet.text(_WIDTH - _SIDE, 11, key, size=8.5, color=FAINT, align="right")
    _draw_row(sheet, found, input_size, 38, now=number, answer=answer)
    _draw_facts(sheet, step, before, _ROW + 34, answer)
    sheet.text(_SIDE, _ROW + 78, "\n".join(why), size=9.5)
    _draw_layers(sheet, found[:number], layers_at)
    if code:
        _draw_code(sheet, step, code, code_at)
    alt = f"{name}, token {number} of {len(found)}, {step.token}: {times(before)}"
    if not answer:
        return sheet.still(f"{alt}; what comes out?")
    grown = f"{step.parameters:,} parameters, {step.total_parameters:,} so far"
    return sheet.still(f"{alt} → {times(step.shape)}, {grown}. {step.why}")


def amount(number: int) -> str:
    """Multiply-adds in words.

    Example:
        >>> amount(0), amount(86_704_128), amount(15_346_630_656)
        ('0', '86.7 M', '15.35 G')
    """
    return f"{number / 1e9:,.2f} G" if number >= 1e9 else f"{number / 1e6:,.1f} M" if number >= 5e4 else f"{number:,}"


def _draw_facts(sheet: Sheet, step: Step, before: tuple[int, ...], y: float, answer: bool) -> None:
    cells = [
        ("token", str(step.token)), ("goes in", times(before)), ("comes out", times(step.shape)),
        ("new parameters", f"{step.parameters:,}"), ("in all", f"{step.total_parameters:,}"),
        ("new multiply-adds", amount(step.macs)), ("in all", amount(step.total_macs)),
        ("a cell sees", f"{step.field} pixels"),
    ]  # fmt: skip
    if not answer:
        cells = [*cells[:2], *((head, "?") for head, _ in cells[2:])]
    room = [max(text_width(head, 8.5), text_width(value, 9.5, bold=True), 62) for head, value in cells]
    gap = (_WIDTH - 2 * _SIDE - sum(room)) / (len(cells) - 1)
    x: float = _SIDE
    for (head, value), wide in zip(cells, room, strict=True):
        sheet.text(x, y, head, size=8.5, color=FAINT)
        sheet.text(x, y + 16, value, size=9.5, bold=True, color=ORANGE if head == "comes out" else INK)
        x += wide + gap


def _draw_layers(sheet: Sheet, found: Sequence[Step], y: float) -> None:
    """The last lines of the nn.Sequential, the new ones marked."""
    lines = [line for step in found for line in step.added]
    new = len(found[-1].added)
    sheet.lines([[(_SIDE, y - 8), (_WIDTH - _SIDE, y - 8)]], color=GREY)
    sheet.text(
        _SIDE, y, f"the nn.Sequential so far: {len(lines)} layers    + added by this token", size=8.5, color=FAINT
    )
    shown = list(enumerate(lines))[-new - _BEFORE :]
    sheet.boxes([(_SIDE - 4, y + 16 + _CODE * (len(shown) - new), _WIDTH - 2 * _SIDE + 8, _CODE * new)], fill=_PALE)
    for row, (k, line) in enumerate(shown):
        mark = "+" if row >= len(shown) - new else " "
        color = INK if mark == "+" else FAINT
        sheet.text(_SIDE, y + 18 + _CODE * row, f"{mark} ({k}): {line}", size=8.5, mono=True, color=color)


def _draw_code(sheet: Sheet, step: Step, lines: Sequence[SourceLine], y: float) -> None:
    """The lines of torchvision's ``make_layers``, those that run for this token marked."""
    head = f"torchvision's make_layers has no line for {step.token}: course_lib.networks.vgg.make_layers has one    "
    runs = any(line.runs for line in lines)
    if runs:
        head = "torchvision's make_layers    ▸ runs for this token    "
    sheet.lines([[(_SIDE, y - 4), (_WIDTH - _SIDE, y - 4)]], color=GREY)
    sheet.text(_SIDE, y + 4, head, size=8.5, color=FAINT)
    if runs:
        sheet.text(_SIDE + text_width(head, 8.5), y + 4, "# what the names stand for", size=8.5, color=BLUE)
    for k, line in enumerate(lines):
        text, top = f"{'▸' if line.runs else ' '} {line.text}", y + 22 + _CODE * k
        sheet.text(_SIDE, top, text, size=8.5, mono=True, color=INK if line.runs else FAINT)
        if line.value:
            x = _SIDE + text_width(f"{text}  ", 8.5, mono=True)
            sheet.text(x, top, f"# {line.value}", size=8.5, mono=True, color=BLUE)


# -- all tokens in a table -------------------------------------------------------------------------------------------
def cfg_table(
    what: str | Sequence[Step],
    *,
    input_size: tuple[int, int, int] = (3, 224, 224),
    batch_norm: bool = False,
    name: str = "",
) -> Still:
    """A cfg's maps in a row, and under them a table of its tokens.

    Args:
        what: a line of tokens or a column's name; or its steps from ``vgg.steps``, made with the same ``input_size``
            and ``batch_norm``.
        input_size: (channels, height, width) of the picture.
        batch_norm: as for ``vgg.make_layers``.
        name: of the network in the title.

    Raises:
        CfgError: the cfg cannot be read or built.

    Example:
        >>> cfg_table("64, M, 128, M", input_size=(3, 32, 32))
        64, M, 128, M at 32×32: 2 convolutions, 2 pools, 128×8×8, 75,648 parameters, 20.6 M multiply-adds, a cell sees
        10 pixels; with VGG's head 46,648,168 parameters
    """
    found = steps(what, input_size, batch_norm=batch_norm) if isinstance(what, str) else tuple(what)
    rows, last = _fitting(found), found[-1]
    top = _ROW + 46
    sheet = Sheet(_WIDTH, top + 17 + _LINE * len(rows) + 70)
    tokens = ", ".join(str(step.token) for step in found)
    convs = sum("Conv2d" in step.added[0] for step in found)
    pools = sum(step.token == "M" for step in found)
    made = f"{_count(convs, 'convolution')}, {_count(pools, 'pool')}"
    norm = " with batch norm" if batch_norm else ""
    about = f"{made}{norm}; under each box: the token and the map's width"
    sheet.text(_WIDTH - _SIDE, 11, about, size=8.5, color=FAINT, align="right")
    title = fitted_words(name or tokens, _WIDTH - 3 * _SIDE - text_width(about, 8.5), 11, bold=True)
    sheet.text(_SIDE, 8, title, size=11, bold=True)
    _draw_row(sheet, found, input_size, 36)
    _draw_head(sheet, top)
    _draw_rows(sheet, rows, found, top + 17)
    bottom = top + 17 + _LINE * len(rows)
    sheet.lines([[(_SIDE, bottom + 2), (_WIDTH - _SIDE, bottom + 2)]])
    _draw_totals(sheet, last, bottom + 8)
    whole = last.total_parameters + _in_head(last.shape[0])
    share = f"{_in_head(last.shape[0]) / whole:.1%}"
    with_head = f"With VGG's head (7×7 pool, linear {last.shape[0] * 49} → 4096 → 4096 → 1000): {whole:,} parameters"
    sheet.text(_LAYERS, bottom + 30, f"{with_head}, {share} of them in the head.")
    beyond = next((step for step in found if step.field > max(input_size[1:])), None)
    if beyond is not None:
        words = f"From token {beyond.number} on the field is larger than the picture ({max(input_size[1:])} pixels)."
        sheet.text(_LAYERS, bottom + 48, words)
    alt = f"{name or shortened(tokens, 120)} at {times(input_size[1:])}{norm}: {made}, {times(last.shape)}, "
    alt += f"{last.total_parameters:,} parameters, {amount(last.total_macs)} multiply-adds, a cell sees {last.field} "
    return sheet.still(f"{alt}pixels; with VGG's head {whole:,} parameters")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


@lru_cache(maxsize=128)
def _in_head(channels: int) -> int:
    """The number of parameters of the three linear layers behind so many channels."""
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in build((channels,), init_weights=False).classifier.parameters())


def _draw_head(sheet: Sheet, y: float) -> None:
    ends: list[Mark] = [(_NUMBER, y, "#", FAINT), (_MAP, y, "map", FAINT), (_PARAMETERS, y, "parameters", FAINT),
            (_WORK, y, "multiply-adds", FAINT), (_FIELD, y, "a cell sees", FAINT)]  # fmt: skip
    sheet.marks(ends, size=8.5, align="right")
    sheet.marks([(_TOKEN, y, "token", FAINT), (_LAYERS, y, "layers", FAINT)], size=8.5, align="left")
    sheet.lines([[(_SIDE, y + 10), (_WIDTH - _SIDE, y + 10)]])


def _draw_rows(sheet: Sheet, rows: Sequence[Step | None], found: Sequence[Step], top: float) -> None:
    begin: list[Mark] = []  # the words of a line
    tokens: list[Mark] = []
    end: list[Mark] = []
    most = max(1, *(step.parameters for step in found)), max(1, *(step.macs for step in found))
    bars: tuple[list[Box], ...] = ([], [])
    pools = [(_SIDE, top + _LINE * k - 2, _WIDTH - 2 * _SIDE, _LINE) for k, step in enumerate(rows)
             if step is not None and step.token == "M"]  # fmt: skip
    if pools:
        sheet.boxes([(x, y - 1, w, h) for x, y, w, h in pools], fill="#E6F4EE")
    for k, step in enumerate(rows):
        y = top + _LINE * (k + 0.5) - 3
        if step is None:
            words = f"… {len(found) - len(rows) + 1} tokens are left out here and counted below"
            begin.append((_LAYERS, y, words, FAINT))
            continue
        sheet.spot("token", (_SIDE, top + _LINE * k - 3, _WIDTH - 2 * _SIDE, _LINE), step.why, step.number)
        tokens.append((_TOKEN, y, str(step.token), INK))
        begin.append((_LAYERS, y, _layers(step), INK))
        end += [
            (_NUMBER, y, str(step.number), FAINT),
            (_MAP, y, times(step.shape), INK),
            (_PARAMETERS, y, f"{step.parameters:,}", INK if step.parameters else GREY),
            (_WORK, y, amount(step.macs), INK if step.macs else GREY),
            (_FIELD, y, f"{step.field} px", INK),
        ]
        for place, (bar, number, largest) in enumerate(zip(bars, (step.parameters, step.macs), most, strict=True)):
            x = (_PARAMETERS, _WORK)[place] + 8
            if number:
                bar.append((x, y - 5, max(1.5, _BAR * number / largest), 10))
    for bar, color in zip(bars, (BLUE, ORANGE), strict=True):
        if bar:
            sheet.boxes(bar, fill=color)
    sheet.marks(begin, size=8.5, align="left")
    sheet.marks(tokens, bold=True, align="left")
    sheet.marks(end, align="right")


def _layers(step: Step) -> str:
    """The layers of a token in a few words, from how PyTorch prints them."""
    names = [layer.split("(")[0] for layer in step.added]
    if names[0] == "Conv2d":
        kernel = step.added[0].split("kernel_size=(")[1].split(",")[0]
        names[0] += f" {kernel}×{kernel}, {step.in_channels} → {step.shape[0]}"
    return "  ".join(names)


def _draw_totals(sheet: Sheet, last: Step, y: float) -> None:
    sheet.marks([(_LAYERS, y + 6, "all of them", INK)], bold=True, align="left")
    ends = ((_MAP, times(last.shape)), (_PARAMETERS, f"{last.total_parameters:,}"),
            (_WORK, amount(last.total_macs)), (_FIELD, f"{last.field} px"))  # fmt: skip
    sheet.marks([(x, y + 6, words, INK) for x, words in ends], bold=True, align="right")


# -- the maps in a row -----------------------------------------------------------------------------------------------
def _fitting(steps: Sequence[Step]) -> list[Step | None]:
    """The steps that there is room for; None stands for those that are left out in the middle."""
    if len(steps) <= _MOST:
        return list(steps)
    return [*steps[: _MOST // 2], None, *steps[-_MOST // 2 :]]


def _draw_row(sheet: Sheet, steps: Sequence[Step], picture: tuple[int, int, int], top: float, *,
              now: int | None = None, answer: bool = True) -> None:  # fmt: skip
    """Draw a box for the picture and one for every token; their sides and tokens stand under them.

    Args:
        sheet: what they are drawn on.
        steps: all tokens of the cfg.
        picture: (channels, height, width) of what goes in.
        top: where the row begins, in CSS pixels.
        now: the token that is being made; those after it are still to come. All are made when left out.
        answer: whether the map of that token is shown.
    """
    shown = _fitting(steps)
    cell = min(_WIDEST, (sheet.width - 2 * _SIDE) / (len(shown) + 1))
    most = max(64, picture[0], *(step.shape[0] for step in steps))
    scale = _TALL / sqrt(max(picture[1:]))
    deep = min(34.0, cell - _TALL * SLANT - 5) / sqrt(most)
    middle = top + (1 + SLANT) * _TALL / 2
    under = top + (1 + SLANT) * _TALL + 8

    def box(shape: Sequence[int], place: int) -> tuple[float, float, float, float, float]:
        right, up, away = deep * sqrt(shape[0]), scale * sqrt(shape[1]), scale * sqrt(shape[2]) * SLANT
        right, up, away = max(right, 2.5), max(up, 5.0), max(away, 5.0 * SLANT)
        left = _SIDE + (place + 0.5) * cell - (right + away) / 2
        return left, middle + (up + away) / 2, right, up, away

    sheet.cuboids([box(picture, 0)], color=GREY)
    tokens: list[Mark] = []
    small: list[Mark] = []  # tokens that are too long for one line
    sides: list[Mark] = [
        (_SIDE + cell / 2, under + 4, "input", FAINT),
        (_SIDE + cell / 2, under + 21, _side(picture), FAINT),
    ]
    before = picture
    for place, step in enumerate(shown, 1):
        x = _SIDE + (place + 0.5) * cell
        if step is None:
            sheet.text(x, middle - 8, "…", size=12, bold=True, align="center")
            continue
        known = answer or now is None or step.number < now
        sheet.spot("token", (x - cell / 2, top, cell, under + 28 - top), _step_words(step, known), step.number)
        coming, current = now is not None and step.number > now, step.number == now
        color = _COLORS.get(str(step.token), BLUE)
        if coming:
            if answer:  # otherwise their sizes would tell
                sheet.cuboids([box(step.shape, place)], color="white", edge=GREY)
        elif current:
            shape, fill = (step.shape, color) if answer else (before, "white")
            sheet.cuboids([box(shape, place)], color=fill, edge=ORANGE, line=1.7)
        else:
            sheet.cuboids([box(step.shape, place)], color=color)
        ink = GREY if coming else ORANGE if current else INK
        if text_width(str(step.token), 9, bold=True) < cell - 2:
            tokens.append((x, under + 4, str(step.token), ink))
        else:  # conv1-256
            kind, _, width = str(step.token).partition("-")
            small += [(x, under - 3, f"{kind}-", ink), (x, under + 8, width, ink)]
        if not coming and (answer or not current):
            sides.append((x, under + 21, _side(step.shape), ink if current else FAINT))
        before = step.shape
    sheet.marks(tokens, bold=True)
    sheet.marks(small, size=8)
    sheet.marks(sides, size=8)


def _step_words(step: Step, known: bool) -> str:
    """The words about a token: what it makes, or only its name where that is to be guessed."""
    if not known:
        return f"token {step.number}: {step.token}"
    facts = [
        f"token {step.number}: {step.token}", _layers(step), f"gives {times(step.shape)}",
        f"{step.parameters:,} parameters, {amount(step.macs)} multiply-adds", f"a cell sees {step.field} pixels",
    ]  # fmt: skip
    return "\n".join(facts)


def _side(shape: tuple[int, int, int]) -> str:
    """The map's size: its side where it is square."""
    return str(shape[1]) if shape[1] == shape[2] else f"{shape[1]}×{shape[2]}"
