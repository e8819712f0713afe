"""One weights entry as a picture, laid out like the label on a medicine box."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PIL import Image

from course_lib.drawing.cards.card_picture import QUIET, draw_seen, seen_height, wrapped
from course_lib.drawing.sheet import Sheet, text_width
from course_lib.drawing.still import BLUE, GREY, INK, Still, shortened, still
from course_lib.models.registry.card_entries import Card
from course_lib.models.registry.card_facts import NOT_SAID, facts, per_cent
from course_lib.pictures.preprocessing import TransformSettings

__all__ = ["draw_card"]

_WIDTH, _EDGE, _LINE = 860.0, 12.0, 17.0  # CSS pixels
_HEAD, _LEFT, _RIGHT = 40.0, 112.0, 500.0  # the band's height; where the left column's words and the right one begin
_FOUND = 3  # categories named for a word


def draw_card(one: Card, picture: Image.Image | None = None, *, word: str = "") -> Still:
    """Draw a card.

    Args:
        one: what ``card(weights)`` read.
        picture: drawn with what the entry's transforms keep of it; without one, the transforms are told in words.
        word: categories with it in their names are listed.

    Example:
        >>> from course_lib.models.registry.card_entries import card
        >>> draw_card(card("alexnet"), word="camel")
        AlexNet_Weights.IMAGENET1K_V1 (DEFAULT) of alexnet: acc@1 56.522 %, acc@5 79.066 % on ImageNet-1K; 61,100,840
        parameters, 233.1 MB, 0.714 GMACs a picture; shorter side to 256, middle 224×224; 1,000 categories; with
        'camel': 354 Arabian camel
    """
    about = wrapped(one.about, _WIDTH - 2 * _EDGE, 9, most=3) if one.about else []
    top = _HEAD + 8 + _LINE * len(about) + (8 if about else 0)
    found = one.find(word)
    sections = _sections(one, word, found)
    left = sum(_LINE * len(lines) + 9 for _, lines in sections)
    good = _LINE * max(1, len(_rows(one)) + (len(one.metrics) == 1)) + 9
    right = 30 + (_tall(picture) + 38 if picture is not None and one.settings else 0) + _LINE * _lines_of(one.settings)
    sheet = Sheet(_WIDTH, top + max(good + left, right) + 4)
    _band(sheet, one)
    for k, line in enumerate(about):
        sheet.text(_EDGE, _HEAD + 9 + _LINE * k, line, color=QUIET)
    sheet.lines([[(_RIGHT - 14, top + 2), (_RIGHT - 14, sheet.height - 10)]], color=GREY)
    y = _good(sheet, one, top)
    for number, (name, lines) in enumerate(sections):
        sheet.lines([[(_EDGE, y - 4), (_RIGHT - 26, y - 4)]], color="#D8D8D8")
        sheet.text(_EDGE, y, name, bold=True)
        for k, line in enumerate(lines):
            sheet.text(_LEFT, y + _LINE * k, line, bold=k == 0 and number == 0)
        y += _LINE * len(lines) + 9
    seen = _how_to_use(sheet, one, picture, top)
    sheet.boxes([(0.75, 0.75, _WIDTH - 1.5, sheet.height - 1.5)], edge=INK, line=1.2, level=6)
    return still(sheet.figure, _alt(one, word, found, seen), photo=picture is not None)


def _tall(picture: Image.Image) -> float:
    return seen_height(picture, _WIDTH - _EDGE - _RIGHT, 150.0)


def _band(sheet: Sheet, one: Card) -> None:
    sheet.boxes([(0, 0, _WIDTH, _HEAD)], fill=BLUE)
    sheet.text(_EDGE, 11.5, one.model or "no registered model", size=13, color="white", bold=True)
    default = "   DEFAULT" if one.default else ""
    wide = text_width(default, 9.5, bold=True)
    if default:
        sheet.text(_WIDTH - _EDGE, 14, default.strip(), size=9.5, color="white", bold=True, align="right")
        word = text_width(default.strip(), 9.5, bold=True)
        sheet.boxes([(_WIDTH - _EDGE - word - 5, 9, word + 10, 22)], edge="white", line=1.0, level=2)
        wide += 6
    sheet.text(_WIDTH - _EDGE - wide, 14, one.name, size=9.5, color="white", mono=True, align="right")


def _rows(one: Card) -> list[tuple[str, float]]:
    """Each figure with its label; the data set is part of the label where there are several."""
    several = len(one.metrics) > 1
    return [
        (f"{name}, {data}" if several else name, value)
        for data, figures in one.metrics.items()
        for name, value in figures.items()
    ]


def _good(sheet: Sheet, one: Card, y: float) -> float:
    """Its accuracies as bars of a whole; gives back where the next section begins."""
    sheet.text(_EDGE, y, "How good", bold=True)
    rows = _rows(one)
    if not rows:
        sheet.text(_LEFT, y, f"accuracy {NOT_SAID}")
        return y + _LINE + 9
    if len(one.metrics) == 1:
        sheet.text(_LEFT, y, f"on {next(iter(one.metrics))}", color=QUIET)
        y += _LINE
    labels = [shortened(label, 30) for label, _ in rows]
    x = _LEFT + max(text_width(label, 9) for label in labels) + 10
    whole = min(150.0, _RIGHT - 26 - x - text_width("not measured", 9, bold=True) - 10)
    for label, (_, value) in zip(labels, rows, strict=True):
        sheet.text(_LEFT, y, label)
        if not math.isnan(value):
            sheet.boxes([(x, y + 1, whole, 10)], fill="#E4E4E4")
            sheet.boxes([(x, y + 1, whole * max(0.0, min(value, 100.0)) / 100, 10)], fill=BLUE, level=1.5)
        sheet.text(x + whole + 8, y, per_cent(value), bold=True)
        y += _LINE
    return y + 9


def _sections(one: Card, word: str, found: Sequence[tuple[int, str]]) -> list[tuple[str, list[str]]]:
    """What stands under the accuracies: each heading with its lines."""
    room = _RIGHT - 26 - _LEFT
    told = {fact.label: fact.words for fact in facts(one)}

    def lines(words: str, most: int = 2) -> list[str]:
        return wrapped(words, room, 9, most=most)

    size = [f"{one.parameters:,} parameters" if one.parameters is not None else f"parameters {NOT_SAID}"]
    size.append(
        ", ".join([f"file {told['file size']}", told["work"].replace("a picture", "(10⁹ multiply-adds) a picture")])
    )
    categories = lines(told["categories"], 1)
    if word.strip():
        shown = ", ".join(f"{name} ({k})" for k, name in found[:_FOUND])
        more = f" and {len(found) - _FOUND} more" if len(found) > _FOUND else ""
        categories += lines(f"with “{word.strip()}”: {shown or 'none'}{more}", 3)
    address = one.url.split("://")[-1] if one.url.startswith("http") else f"on this disk: {told['file']}"
    file = lines(address if one.url else told["file"], 2)
    if one.hash:
        file += lines(
            f"{one.hash}: the first {len(one.hash)} digits of the file's SHA-256, checked when it is fetched", 2
        )
    elif one.file:
        file += lines("no hash in the name: nothing to check a download against", 2)
    return [
        ("How big", size),
        ("Trained", lines(one.recipe.removeprefix("https://") or f"recipe {NOT_SAID}")),
        ("Categories", categories),
        ("File", file),
        ("Licence", lines(one.license.removeprefix("https://") or "none of its own in the metadata")),
    ]


def _use(seen: TransformSettings | None, told: dict[str, str]) -> list[tuple[str, str]]:
    if seen is None:
        return []
    way = told["interpolation"] + {True: ", antialiased", False: ", not antialiased", None: ""}[seen.antialias]
    return [
        ("1 resize", f"{told['resize']}, {way}"),
        ("2 crop", told["crop"]),
        ("3 to tensor", "values ÷ 255, channels first"),
        ("4 normalise", f"− mean {told['mean']}"),
        ("", f"÷ std {told['std']}"),
    ]


def _lines_of(seen: TransformSettings | None) -> int:
    return 3 if seen is None else 7


def _how_to_use(sheet: Sheet, one: Card, picture: Image.Image | None, y: float) -> str:
    told = {fact.label: fact.words for fact in facts(one)}
    sheet.text(_RIGHT, y, "How to use", bold=True)
    sheet.text(_WIDTH - _EDGE, y, "weights.transforms()", mono=True, size=8.5, color=QUIET, align="right")
    y += 24
    if one.settings is None:
        for k, line in enumerate(wrapped("Its transforms are not a classifier's resize, crop and normalise: ask the "
                                         "people who made them.", _WIDTH - _EDGE - _RIGHT, 9)):  # fmt: skip
            sheet.text(_RIGHT, y + _LINE * k, line)
        return ""
    seen = ""
    if picture is not None:
        tall = _tall(picture)
        seen = draw_seen(sheet, (_RIGHT, y, _WIDTH - _EDGE - _RIGHT, 150.0), one, picture)
        caption = wrapped(seen, _WIDTH - _EDGE - _RIGHT, 8.5, most=2)
        sheet.text(_RIGHT, y + tall + 5, "\n".join(caption), size=8.5, color=QUIET)
        y += tall + 38
    for name, words in _use(one.settings, told):
        sheet.text(_RIGHT, y, name, bold=True)
        sheet.text(_RIGHT + 92, y, words)
        y += _LINE
    if one.min_size:
        sheet.text(_RIGHT, y + 5, f"smallest picture it takes: {told['smallest picture']}", color=QUIET)
    return seen


def _alt(one: Card, word: str, found: Sequence[tuple[int, str]], seen: str) -> str:
    good = "; ".join(
        ", ".join(f"{name} {per_cent(value)}" for name, value in figures.items()) + f" on {data}"
        for data, figures in one.metrics.items()
    )
    told = {fact.label: fact.words for fact in facts(one)}
    parts = [good or "accuracy not stated", f"{told['parameters']} parameters, {told['file size']}, {told['work']}"]
    parts += [f"{told['resize']}, {told['crop']}"] if one.settings else ["transforms of another kind"]
    parts += [seen] if seen else []
    parts.append(f"{len(one.categories):,} categories")
    if word.strip():
        named = ", ".join(f"{k} {name}" for k, name in found[:_FOUND])
        parts.append(f"with {word.strip()!r}: {named or 'none'}")
    default = " (DEFAULT)" if one.default else ""
    return f"{one.name}{default}{f' of {one.model}' if one.model else ''}: " + "; ".join(parts)
