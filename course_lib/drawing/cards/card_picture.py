"""A weights entry's transforms on a picture: what is kept, what is thrown away, and what the network gets."""

from __future__ import annotations

from PIL import Image

from course_lib.drawing.sheet import Box, Sheet, text_width
from course_lib.drawing.still import INK, ORANGE, Place, draw_kept, draw_picture
from course_lib.models.registry.card_entries import Card
from course_lib.pictures.preprocessing import rgb, seen_box, settings_and_steps

__all__ = ["QUIET", "draw_seen", "place_of", "seen_height", "wrapped"]

QUIET = "#5A5A5A"
_ARROW = 26.0


def draw_seen(sheet: Sheet, box: Box, one: Card, picture: Image.Image) -> str:
    """Draw the picture, grey where it is thrown away, an arrow, and what is left, as large as the crop makes it.

    Args:
        box: the room for all of it, in CSS pixels.
        one: a card that has settings.
        picture: any PIL picture.

    Returns:
        What is shown, in a sentence.
    """
    picture = rgb(picture)
    transforms = one.weights.value.transforms()
    edges = seen_box(picture.size, transforms)
    resized, cropped = _after(one, picture)
    left, top, wide, tall = box
    side, high = _sides(picture, wide, tall)
    middle = top + max(side, high) / 2
    room = (left, middle - high / 2, high * picture.width / picture.height, high)
    x, _, w, _ = _drawn(sheet, draw_kept(sheet.figure, place_of(sheet, room), picture, edges))
    begin, end = x + w, x + w + _ARROW
    sheet.lines([[(begin + 5, middle), (end - 5, middle)]], color=INK, line=1.2)
    sheet.lines([[(end - 10, middle - 4), (end - 5, middle), (end - 10, middle + 4)]], color=INK, line=1.2)
    out = place_of(sheet, (end, middle - side / 2, side, side))
    sheet.boxes([_drawn(sheet, draw_picture(sheet.figure, out, cropped))], edge=ORANGE, line=2.0, level=5)
    lost = 1 - (edges[2] - edges[0]) * (edges[3] - edges[1]) / (picture.width * picture.height)
    return (
        f"{picture.width}×{picture.height} → {resized[0]}×{resized[1]} → {cropped.width}×{cropped.height}, "
        f"{100 * lost:.0f} % of it lost"
    )


def seen_height(picture: Image.Image, wide: float, tall: float) -> float:
    """How high ``draw_seen`` draws in a box of that size, in CSS pixels.

    Example:
        >>> seen_height(Image.new("RGB", (300, 300)), 340, 150), round(seen_height(Image.new("RGB", (90, 9)), 340, 150))
        (150, 122)
    """
    return max(_sides(picture, wide, tall))


def _sides(picture: Image.Image, wide: float, tall: float) -> tuple[float, float]:
    """The side of what is left, and the height of the whole picture."""
    side = min(0.36 * wide, tall)
    return side, min(tall, (wide - side - _ARROW) * picture.height / picture.width)


def _after(one: Card, picture: Image.Image) -> tuple[tuple[int, int], Image.Image]:
    """The size after the entry's own resize, and the picture after its own crop."""
    steps = settings_and_steps(one.weights.value.transforms())[1]
    resized = steps["resize"](picture)
    return resized.size, steps["crop"](resized)


def place_of(sheet: Sheet, box: Box) -> Place:
    """A box in CSS pixels from the top as a place of the figure: shares of it, from the bottom."""
    x, y, w, h = box
    return x / sheet.width, 1 - (y + h) / sheet.height, w / sheet.width, h / sheet.height


def _drawn(sheet: Sheet, place: Place) -> Box:
    x, y, w, h = place
    return x * sheet.width, (1 - y - h) * sheet.height, w * sheet.width, h * sheet.height


def wrapped(words: str, wide: float, size: float, *, most: int = 9, bold: bool = False) -> list[str]:
    """Words in lines of at most ``wide`` CSS pixels; addresses break at their slashes, the last line ends with "…".

    Example:
        >>> wrapped("one two three", 60, 9)
        ['one two', 'three']
    """
    lines, line = [], ""
    for word in words.replace("/", "/\u200b").replace("#", "\u200b#").replace(" ", " \u200b").split("\u200b"):
        if line and text_width((line + word).rstrip(), size, bold=bold) > wide:
            lines.append(line.rstrip())
            line = ""
        line += word
    lines = [*lines, line.rstrip()]
    if len(lines) <= most:
        return lines
    last = lines[most - 1]
    while last and text_width(last + "…", size, bold=bold) > wide:
        last = last[:-1]
    return [*lines[: most - 1], last.rstrip(" ,;") + "…"]
