"""A cfg and what becomes of it: its maps as boxes, and a line for every token with its map, parameters, work and field.

Numbers are those of ``vgg.steps``, a trace; those of the head are counted in the network that is built.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch

from course_lib.drawing.cfg_figure import amount
from course_lib.drawing.cfg_row import HEIGHT, QUIET, SIDE, draw_row, kept
from course_lib.drawing.sheet import Mark, Sheet, text_width
from course_lib.drawing.still import BLUE, GREY, INK, ORANGE, Still, shortened
from course_lib.networks.vgg import Step, build, steps

__all__ = ["cfg_table"]

_WIDTH, _LINE = 860, 16  # CSS pixels
#: Where the columns end (numbers) or begin (words).
_NUMBER, _TOKEN, _LAYERS, _MAP, _PARAMETERS, _WORK, _FIELD = 30, 42, 120, 474, 572, 730, 848
_BAR = 68  # the longest


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
    rows, last = kept(found), found[-1]
    top = HEIGHT + 46
    sheet = Sheet(_WIDTH, top + 17 + _LINE * len(rows) + 70)
    tokens = ", ".join(str(step.token) for step in found)
    convs = sum("Conv2d" in step.added[0] for step in found)
    pools = sum(step.token == "M" for step in found)
    made = f"{_count(convs, 'convolution')}, {_count(pools, 'pool')}"
    norm = " with batch norm" if batch_norm else ""
    about = f"{made}{norm}; under each box: token, map's side"
    sheet.text(_WIDTH - SIDE, 11, about, size=8.5, color=QUIET, align="right")
    room = _WIDTH - 3 * SIDE - text_width(about, 8.5)
    letters = next(n for n in range(90, 0, -1) if text_width(shortened(name or tokens, n), 11, bold=True) < room)
    sheet.text(SIDE, 8, shortened(name or tokens, letters), size=11, bold=True)
    draw_row(sheet, found, input_size, 36)
    _head(sheet, top)
    _rows(sheet, rows, found, top + 17)
    bottom = top + 17 + _LINE * len(rows)
    sheet.lines([[(SIDE, bottom + 2), (_WIDTH - SIDE, bottom + 2)]])
    _totals(sheet, last, bottom + 8)
    whole = last.total_parameters + _in_head(last.shape[0])
    share = f"{_in_head(last.shape[0]) / whole:.1%}".replace("%", " %")
    with_head = f"With VGG's head (7×7 pool, linear {last.shape[0] * 49} → 4096 → 4096 → 1000): {whole:,} parameters"
    sheet.text(_LAYERS, bottom + 30, f"{with_head}, {share} of them in the head.")
    beyond = next((step for step in found if step.field > max(input_size[1:])), None)
    if beyond is not None:
        words = f"From token {beyond.number} on the field is larger than the picture ({max(input_size[1:])} pixels)."
        sheet.text(_LAYERS, bottom + 48, words)
    size = "×".join(map(str, last.shape))
    said = f"{name or shortened(tokens, 120)} at {input_size[1]}×{input_size[2]}{norm}: {made}, {size}, "
    said += f"{last.total_parameters:,} parameters, {amount(last.total_macs)} multiply-adds, a cell sees {last.field} "
    return sheet.still(f"{said}pixels; with VGG's head {whole:,} parameters")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


@lru_cache(maxsize=128)
def _in_head(channels: int) -> int:
    """Parameters of the three linear layers behind so many channels."""
    with torch.device("meta"):
        return sum(one.numel() for one in build((channels,), init_weights=False).classifier.parameters())


def _head(sheet: Sheet, y: float) -> None:
    ends: list[Mark] = [(_NUMBER, y, "#", QUIET), (_MAP, y, "map", QUIET), (_PARAMETERS, y, "parameters", QUIET),
            (_WORK, y, "multiply-adds", QUIET), (_FIELD, y, "a cell sees", QUIET)]  # fmt: skip
    sheet.marks(ends, size=8.5, align="right")
    sheet.marks([(_TOKEN, y, "token", QUIET), (_LAYERS, y, "layers", QUIET)], size=8.5, align="left")
    sheet.lines([[(SIDE, y + 10), (_WIDTH - SIDE, y + 10)]])


def _rows(sheet: Sheet, rows: Sequence[Step | None], found: Sequence[Step], top: float) -> None:
    begin: list[Mark] = []  # the words of a line
    tokens: list[Mark] = []
    end: list[Mark] = []
    most = max(1, *(step.parameters for step in found)), max(1, *(step.macs for step in found))
    bars: tuple[list[tuple[float, float, float, float]], ...] = ([], [])
    pools = [(SIDE, top + _LINE * k - 2, _WIDTH - 2 * SIDE, _LINE) for k, step in enumerate(rows)
             if step is not None and step.token == "M"]  # fmt: skip
    if pools:
        sheet.boxes([(x, y - 1, w, h) for x, y, w, h in pools], fill="#E6F4EE")
    for k, step in enumerate(rows):
        y = top + _LINE * (k + 0.5) - 3
        if step is None:
            words = f"… {len(found) - len(rows) + 1} tokens are left out here and counted below"
            begin.append((_LAYERS, y, words, QUIET))
            continue
        tokens.append((_TOKEN, y, str(step.token), INK))
        begin.append((_LAYERS, y, _layers(step), INK))
        end += [
            (_NUMBER, y, str(step.number), QUIET),
            (_MAP, y, "×".join(map(str, step.shape)), INK),
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


def _totals(sheet: Sheet, last: Step, y: float) -> None:
    sheet.marks([(_LAYERS, y + 6, "all of them", INK)], bold=True, align="left")
    ends = ((_MAP, "×".join(map(str, last.shape))), (_PARAMETERS, f"{last.total_parameters:,}"),
            (_WORK, amount(last.total_macs)), (_FIELD, f"{last.field} px"))  # fmt: skip
    sheet.marks([(x, y + 6, words, INK) for x, words in ends], bold=True, align="right")
