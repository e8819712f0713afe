"""One picture's way through a VGG, token by token: the strongest map after each, and what one of its cells can see.

A panel a token: the channel that differs most from place to place, in its own range of colours, and beside its corner
the picture with the receptive field of one cell. All the cells lie over the same point of the picture, so that the
field grows around it: that point is where the last map's channel is strongest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor
from torchvision.models import VGG

from course_lib.drawing.overlay import put, tiled
from course_lib.drawing.sheet import FAINT, Sheet, text_width
from course_lib.drawing.still import BLUE, GREEN, INK, ORANGE, Still, still
from course_lib.errors import CourseError
from course_lib.networks.vgg import Token, read_cfg
from course_lib.tracing import receptive
from course_lib.tracing.records import times

__all__ = ["token_journey"]

_WIDTH, _EDGE, _COLUMNS, _GAP = 860.0, 8.0, 7, 12.0  # CSS pixels; panels in a row
_SIDE = (_WIDTH - 2 * _EDGE - (_COLUMNS - 1) * _GAP) / _COLUMNS  # of a panel's two pictures
_TOP, _ROW = 34.0, 2 * _SIDE + 92  # where the first row begins; a row's height
_MOST = 4 * _COLUMNS - 1
_COLORS = {"M": GREEN}

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class _Stop:
    """What is drawn of one token: the map (H, W) of one channel, the shape of all, and a cell's field.

    ``field`` is (left, top, right, bottom), cut off at the picture's edges; ``sees`` its whole (height, width).
    """

    token: Token
    map: Tensor
    shape: tuple[int, ...]
    field: Box | None
    sees: tuple[int, int] | None


def token_journey(
    model: VGG, cfg: str | Sequence[Token], picture: Image.Image, batch: Tensor, *, answer: str = ""
) -> Still:
    """Every token's strongest map, with the field of one cell on the picture.

    Args:
        model: torchvision's ``VGG`` of this cfg, without BatchNorm, in eval mode. It is only run.
        cfg: its tokens, at most 27.
        picture: what the batch shows, of the same size.
        batch: (1, 3, H, W), normalised.
        answer: what the network says in the end, such as "camel, 98%"; it stands in the title.

    Raises:
        CourseError: the model's layers aren't those of the cfg, or the cfg is too long.

    Example:
        >>> from course_lib.networks import vgg
        >>> model = vgg.build("8 M 16", hidden=8, num_classes=2).eval()
        >>> token_journey(model, "8 M 16", Image.new("RGB", (32, 32)), torch.rand(1, 3, 32, 32))
        The picture, 3×32×32, through 3 tokens: 8 gives 8×32×32, a cell sees 3×3 pixels; M 8×16×16, 4×4; 16 16×16×16,
        8×8
    """
    tokens = read_cfg(cfg)
    if len(tokens) > _MOST:
        raise CourseError(f"The cfg has {len(tokens)} tokens; there is room for {_MOST}.")
    if len(model.features) != sum(1 if token == "M" else 2 for token in tokens):
        raise CourseError(f"This model has {len(model.features)} layers before its head; they aren't those of the cfg.")
    stops = _stops(model, tokens, batch)
    rows = -(-(len(stops) + 1) // _COLUMNS)
    sheet = Sheet(_WIDTH, _TOP + rows * _ROW - 10)
    title = f"One picture, {len(tokens)} tokens" + (f": {answer}" if answer else "")
    sheet.text(_EDGE, 6, title, size=11, bold=True)
    words = "above: the channel that varies most    below: what one cell of it can see, framed"
    sheet.text(_WIDTH - _EDGE, 8, words, size=9, color=FAINT, align="right")
    _draw_picture(sheet, picture)
    for number, stop in enumerate(stops, 1):
        _draw_stop(sheet, number, stop, picture)
    first, *others = stops
    told = [f"{first.token} gives {times(first.shape)}, a cell sees {_seen(first)} pixels"]
    told += [f"{stop.token} {times(stop.shape)}, {_seen(stop)}" for stop in others]
    alt = f"The picture, {times(batch.shape[1:])}, through {len(tokens)} tokens: {'; '.join(told)}"
    return still(sheet.figure, f"{alt}; the answer: {answer}" if answer else alt, photo=True)


def _stops(model: VGG, tokens: Sequence[Token], batch: Tensor) -> list[_Stop]:
    size = (int(batch.shape[-2]), int(batch.shape[-1]))
    maps, layers, place = [], [], -1
    with torch.inference_mode():
        values = batch
        for token in tokens:
            for _ in range(1 if token == "M" else 2):
                place += 1
                values = model.features[place](values)
            maps.append(values[0].float().cpu())
            layers.append(f"features.{place}")
    chosen = [values[int(values.flatten(1).std(1).argmax())] for values in maps]
    last = chosen[-1]
    row, column = divmod(int(last.argmax()), last.shape[1])
    point = (row + 0.5) / last.shape[0], (column + 0.5) / last.shape[1]  # as shares of the picture
    stops = []
    for token, values, channel, layer in zip(tokens, maps, chosen, layers, strict=True):
        cell = (int(point[0] * channel.shape[0]), int(point[1] * channel.shape[1]))
        field, sees = receptive.field_of(model, layer, *cell, size), receptive.field_size(model, layer, size)
        stops.append(_Stop(token, channel, tuple(values.shape), field, sees))
    return stops


def _seen(stop: _Stop) -> str:
    return "what can't be followed" if stop.sees is None else times(stop.sees)


def _corner(number: int) -> tuple[float, float]:
    row, column = divmod(number, _COLUMNS)
    return _EDGE + column * (_SIDE + _GAP), _TOP + row * _ROW


def _draw_picture(sheet: Sheet, picture: Image.Image) -> None:
    x, y = _corner(0)
    sheet.text(x + _SIDE / 2, y, "the picture", size=10, bold=True, align="center")
    put(sheet, picture, (x, y + 20, _SIDE, _SIDE))
    shape = times((3, picture.height, picture.width))
    sheet.text(x + _SIDE / 2, y + 24 + _SIDE, shape, size=9, align="center")


def _draw_stop(sheet: Sheet, number: int, stop: _Stop, picture: Image.Image) -> None:
    x, y = _corner(number)
    color = _COLORS.get(str(stop.token), BLUE)
    word = str(stop.token)
    wide = text_width(word, 10, bold=True) + 14
    sheet.boxes([(x + (_SIDE - wide) / 2, y - 2, wide, 19)], fill=color)
    sheet.text(x + _SIDE / 2, y + 1, word, size=10, bold=True, color="white", align="center")
    dots = round(2 * _SIDE)
    values = stop.map.numpy()
    put(sheet, tiled(values, float(values.min()), float(values.max()), dots, dots), (x, y + 20, _SIDE, _SIDE))
    sheet.text(x + _SIDE / 2, y + 24 + _SIDE, times(stop.shape), size=9, align="center")
    shown = put(sheet, picture, (x, y + 42 + _SIDE, _SIDE, _SIDE))
    if stop.field is not None:
        shown.frame(stop.field, color=ORANGE)
    sheet.text(x + _SIDE / 2, y + 46 + 2 * _SIDE, f"{_seen(stop)} pixels", size=9, color=INK, align="center")
