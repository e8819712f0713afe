"""Two weights entries side by side: what differs stands out, by a sign, by words and by weight."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from course_lib.drawing.cards.card_picture import QUIET, draw_seen, seen_height, wrapped
from course_lib.drawing.sheet import Sheet, text_width
from course_lib.drawing.still import BLUE, INK, Still, shortened, still
from course_lib.models.registry.card_entries import Card
from course_lib.models.registry.card_facts import NOT_SAID, Fact, facts

__all__ = ["Difference", "differences", "draw_pair"]

_WIDTH, _EDGE, _LINE = 860.0, 12.0, 17.0  # CSS pixels
_SIGN, _ONE, _OTHER = 30.0, 230.0, 550.0  # where labels and the two entries begin
_ROOM = _WIDTH - _OTHER - _EDGE
_TALL, _BAND = 112.0, 46.0  # of the pictures, of the names above them
_COLUMNS = 3  # of the lines that are the same
_SHADE = "#FFF3C4"
_ABOVE = ("model", "entry", "hash prefix")
_FACTORS = ("parameters", "file size", "work")  # what is compared by a factor


@dataclass(frozen=True)
class Difference:
    """A line of a comparison: a label, what each entry says, whether that differs, and by how much in words."""

    label: str
    one: str
    other: str
    differs: bool
    change: str = ""


def differences(one: Card, other: Card) -> tuple[Difference, ...]:
    """Two cards line by line, without their names, which stand above them, and the hash that a file's name ends with.

    Example:
        >>> from course_lib.models.registry.card_entries import card
        >>> first, second = card("ResNet50_Weights.IMAGENET1K_V1"), card("ResNet50_Weights.IMAGENET1K_V2")
        >>> for line in differences(first, second):
        ...     if line.differs and line.label in ("resize", "acc@1, ImageNet-1K"):
        ...         print(line.label, "|", line.one, "|", line.other, line.change)
        acc@1, ImageNet-1K | 76.13 % | 80.858 % +4.73 points
        resize | shorter side to 256 | shorter side to 232
    """
    mine, theirs = ({fact.label: fact for fact in facts(card) if fact.label not in _ABOVE} for card in (one, other))
    found = []
    for label in _labels(list(mine), list(theirs)):
        a, b = (side.get(label, Fact(label, NOT_SAID, None)) for side in (mine, theirs))
        differs = a.words != b.words or (label == "categories" and a.value != b.value)
        found.append(Difference(label, a.words, b.words, differs, _change(a, b) if differs else ""))
    return tuple(found)


def _labels(first: list[str], second: list[str]) -> list[str]:
    """The labels of both, each of the second's after the one that it follows there."""
    merged = list(first)
    for k, label in enumerate(second):
        if label not in merged:
            merged.insert(merged.index(second[k - 1]) + 1 if k else 0, label)
    return merged


def _change(one: Fact, other: Fact) -> str:
    a, b = one.value, other.value
    if not isinstance(a, (int, float)) or not isinstance(b, (int, float)) or math.isnan(a) or math.isnan(b):
        return ""
    if one.label.startswith("acc@"):
        return f"{b - a:+.2f} points".replace("-", "\N{MINUS SIGN}")
    factor = f"{b / a:.3g}" if one.label in _FACTORS and a > 0 and b > 0 else "1"
    return f"× {factor}" if factor != "1" else ""


def draw_pair(one: Card, other: Card, picture: Image.Image | None = None, *, word: str = "") -> Still:
    """Draw two cards side by side.

    Args:
        one, other: what ``card(weights)`` read.
        picture: drawn twice, with what each entry's transforms keep of it.
        word: the categories with it in their names are listed for both.

    Example:
        >>> from course_lib.models.registry.card_entries import card
        >>> draw_pair(card("ResNet50_Weights.IMAGENET1K_V1"), card("ResNet50_Weights.IMAGENET1K_V2"))
        ResNet50_Weights.IMAGENET1K_V1 beside ResNet50_Weights.IMAGENET1K_V2: 5 of 16 lines differ: acc@1, ...
    """
    lines = list(differences(one, other))
    if word.strip():
        a, b = (_with(card, word) for card in (one, other))
        after = next(k for k, line in enumerate(lines) if line.label == "categories") + 1
        lines.insert(after, Difference(f"with “{shortened(word.strip(), 14)}”", a, b, a != b))
    different = [line for line in lines if line.differs]
    same = [line for line in lines if not line.differs]
    rows = [_Row(line) for line in different]
    shown = picture is not None and (one.settings is not None or other.settings is not None)
    tall = seen_height(picture, _ROOM - 16, _TALL) if picture is not None and shown else 0.0
    top = _BAND + (max(tall, 60.0) + 46 if shown else 8)
    said = wrapped(_said(one, other, len(different), len(lines)), _WIDTH - 2 * _EDGE, 9, bold=True)
    begin = top + _LINE * len(said) + 8
    end = begin + sum(row.high for row in rows)
    listed = _listed(same)
    sheet = Sheet(_WIDTH, end + (_LINE * (len(listed) + 1) + 14 if same else 0) + 8)
    _heads(sheet, one, other)
    seen = []
    if picture is not None and shown:
        for card, x in ((one, _ONE), (other, _OTHER)):
            if card.settings is not None:
                seen.append(draw_seen(sheet, (x, _BAND + 8, _ROOM - 16, _TALL), card, picture))
                caption = "\n".join(wrapped(seen[-1], _ROOM, 8.5, most=2))
                sheet.text(x, _BAND + tall + 13, caption, size=8.5, color=QUIET)
        sheet.text(_EDGE, _BAND + 10, "How to use", bold=True)
        sheet.text(_EDGE, _BAND + 10 + _LINE, "in grey: thrown\naway by the crop", color=QUIET)
    for k, words in enumerate(said):
        sheet.text(_EDGE, top + _LINE * k, words, bold=True)
    for row in rows:
        row.draw(sheet, begin)
        begin += row.high
    if same:
        sheet.text(_EDGE, end + 10, "The same in both", bold=True, color=QUIET)
        for k, columns in enumerate(listed):
            for column, words in enumerate(columns):
                sheet.text(_EDGE + column * _WIDTH / _COLUMNS, end + 10 + _LINE * (k + 1), words, color=QUIET)
    sheet.boxes([(0.75, 0.75, _WIDTH - 1.5, sheet.height - 1.5)], edge=INK, line=1.2, level=6)
    named = ", ".join(f"{line.label}{f' ({line.one} → {line.other})' if line.change else ''}" for line in different)
    words = f"{len(different)} of {len(lines)} lines differ{f': {named}' if named else ''}"
    return still(sheet.figure, "; ".join([f"{one.name} beside {other.name}: {words}", *seen]), photo=shown)


def _said(one: Card, other: Card, count: int, whole: int) -> str:
    said = f"{count} of {whole} lines differ, marked ≠." if count else "Every line is the same."
    if one.model == other.model and one.model and count:
        said += " One network, two sets of weights."
    if one.metrics and other.metrics and not set(one.metrics) & set(other.metrics):
        said += " Their accuracies were measured on different pictures: they do not compare."
    return said


def _listed(same: Sequence[Difference]) -> list[tuple[str, ...]]:
    """The lines that are equal, in columns."""
    room = _WIDTH / _COLUMNS - 1.5 * _EDGE
    told = [wrapped(f"{line.label}: {line.one.removeprefix('https://')}", room, 9, most=1)[0] for line in same]
    deep = -(-len(told) // _COLUMNS)
    return [tuple(told[k::deep]) for k in range(deep)]


class _Row:
    """A line that differs, as it is written: label, one, other."""

    def __init__(self, line: Difference) -> None:
        change = f"  ({line.change})" if line.change else ""
        parts = ((line.label, _ONE - _SIGN - 8), (line.one, _OTHER - _ONE - 12), (line.other + change, _ROOM))
        self.parts = [wrapped(words.removeprefix("https://"), room, 9, most=3, bold=True) for words, room in parts]
        self.high = _LINE * max(map(len, self.parts)) + 5

    def draw(self, sheet: Sheet, y: float) -> None:
        sheet.boxes([(2, y - 3, _WIDTH - 4, self.high - 1)], fill=_SHADE, level=0.5)
        sheet.text(_EDGE, y, "≠", bold=True, size=10)
        for x, lines in zip((_SIGN, _ONE, _OTHER), self.parts, strict=True):
            for k, words in enumerate(lines):
                sheet.text(x, y + _LINE * k, words, bold=True)


def _with(card: Card, word: str) -> str:
    found = card.find(word)
    named = ", ".join(f"{name} ({k})" for k, name in found[:2])
    return f"{named}{f' and {len(found) - 2} more' if len(found) > 2 else ''}" if found else "none"


def _heads(sheet: Sheet, one: Card, other: Card) -> None:
    sheet.boxes([(0, 0, _WIDTH, _BAND)], fill=BLUE)
    for card, x in ((one, _ONE), (other, _OTHER)):
        size = 11.0
        name = card.model or card.enum
        while text_width(name, size, bold=True) > _ROOM and size > 8.5:
            size -= 0.5
        sheet.text(x, 7, name, size=size, color="white", bold=True)
        entry = card.entry + ("  DEFAULT" if card.default else "")
        sheet.text(x, 26, entry, size=9, color="white", mono=True)
