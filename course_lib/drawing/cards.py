"""Weights entries as pictures: one entry like the label on a medicine box, or two side by side with what differs.

``draw_card`` draws what an ``Entry`` says, and what its transforms do to a picture: what is kept, what is thrown away,
and what the network gets. ``draw_pair`` marks the lines in which two entries differ by a sign, by words and by weight.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from course_lib.drawing.sheet import Box, Sheet, text_width
from course_lib.drawing.still import BLUE, GREY, INK, ORANGE, Place, Still, draw_kept, draw_picture, shortened, still
from course_lib.models.entries import NOT_STATED, Entry, Fact, per_cent
from course_lib.pictures.preprocessing import rgb, seen_box, settings_and_steps

__all__ = ["Difference", "differences", "draw_card", "draw_pair", "lines_of"]

_QUIET, _SHADE = "#5A5A5A", "#FFF3C4"
# CSS pixels, from the left or the top.
_WIDTH, _EDGE, _LINE, _ARROW = 860.0, 12.0, 17.0, 26.0
_HEAD, _LEFT, _RIGHT = 40.0, 112.0, 500.0  # a card's band; where the left column's words and the right column begin
_RIGHT_ROOM, _PICTURE = _WIDTH - _EDGE - _RIGHT, 150.0  # the right column's width, a card's picture's height
_SIGN, _FIRST, _SECOND = 30.0, 230.0, 550.0  # of a pair: where labels and the two entries begin
_ROOM, _BAND, _PAIR_PICTURE = _WIDTH - _SECOND - _EDGE, 46.0, 112.0
_COLUMNS = 3  # of the lines that are the same in both

_MATCHES = 3  # categories named for a word
_FACTORS = ("parameters", "file size", "work")  # compared by a factor
#: Facts that a pair does not list: what is in its heading, what follows from the model, what another line says already.
_UNLISTED = (
    "model", "entry", "default", "registered by", "class", "family", "kind", "year", "paper", "about", "top-1 error",
    "top-5 error", "hash prefix",
)  # fmt: skip


# -- one entry --------------------------------------------------------------------------------------------------------
def draw_card(entry: Entry, picture: Image.Image | None = None, *, word: str = "") -> Still:
    """Draw an entry's card.

    Args:
        entry: from ``entry_of(weights)`` or ``catalog()``.
        picture: drawn with what the entry's transforms keep of it; without one, the transforms are told in words.
        word: categories with it in their names are listed.

    Example:
        >>> from course_lib.models import entry_of
        >>> draw_card(entry_of("alexnet"), word="camel")
        AlexNet_Weights.IMAGENET1K_V1 (DEFAULT) of alexnet: acc@1 56.522%, acc@5 79.066% on ImageNet-1K; 61,100,840
        parameters, 233.1 MB, 0.714 GMACs a picture; shorter side to 256, middle 224×224; 1,000 categories; with
        'camel': 354 Arabian camel
    """
    told = {fact.label: fact.words for fact in entry.facts()}
    about = lines_of(entry.about, _WIDTH - 2 * _EDGE, most=3) if entry.about else []
    matches = entry.categories_with(word)
    sections = _sections(entry, told, word, matches)
    top = _HEAD + 8 + _LINE * len(about) + (8 if about else 0)
    accuracies = _LINE * max(1, len(_accuracies(entry)) + (len(entry.metrics) == 1)) + 9
    left = accuracies + sum(_LINE * len(lines) + 9 for _, lines in sections)
    pictured = _pictured_height(picture, _RIGHT_ROOM, _PICTURE) + 38 if picture is not None and entry.settings else 0
    right = 30 + pictured + _LINE * (7 if entry.settings else 3)
    sheet = Sheet(_WIDTH, top + max(left, right) + 4)
    _draw_band(sheet, entry)
    for k, line in enumerate(about):
        sheet.text(_EDGE, _HEAD + 9 + _LINE * k, line, color=_QUIET)
    sheet.lines([[(_RIGHT - 14, top + 2), (_RIGHT - 14, sheet.height - 10)]], color=GREY)
    y = _draw_accuracies(sheet, entry, top)
    for number, (heading, lines) in enumerate(sections):
        sheet.lines([[(_EDGE, y - 4), (_RIGHT - 26, y - 4)]], color="#D8D8D8")
        sheet.text(_EDGE, y, heading, bold=True)
        for k, line in enumerate(lines):
            sheet.text(_LEFT, y + _LINE * k, line, bold=k == 0 and number == 0)
        y += _LINE * len(lines) + 9
    seen = _draw_use(sheet, entry, told, picture, top)
    sheet.boxes([(0.75, 0.75, _WIDTH - 1.5, sheet.height - 1.5)], edge=INK, line=1.2, level=6)
    alt = _card_alt(entry, told, word, matches, seen)
    return still(sheet.figure, alt, photo=picture is not None, spots=sheet.spots, links=addresses_of(entry))


def addresses_of(*entries: Entry) -> list[tuple[str, str]]:
    """(words, address) of an entry's paper, recipe and file, as far as they are on the web.

    Example:
        >>> from course_lib.models import entry_of
        >>> [words for words, _ in addresses_of(entry_of("ResNet18_Weights.IMAGENET1K_V1"))]
        ['paper', 'recipe of IMAGENET1K_V1', 'resnet18-f37072fd.pth']
    """
    found = {}
    for entry in entries:
        for words, address in (
            ("paper", entry.paper),
            (f"recipe of {entry.entry}", entry.recipe),
            (entry.file, entry.url),
        ):
            if address.startswith(("https://", "http://")):
                found[address] = words
    return [(words, address) for address, words in found.items()]


def _draw_band(sheet: Sheet, entry: Entry) -> None:
    sheet.boxes([(0, 0, _WIDTH, _HEAD)], fill=BLUE)
    sheet.text(_EDGE, 11.5, entry.builder or "no registered model", size=13, color="white", bold=True)
    wide = 0.0
    if entry.default:
        sheet.text(_WIDTH - _EDGE, 14, "DEFAULT", size=9.5, color="white", bold=True, align="right")
        word = text_width("DEFAULT", 9.5, bold=True)
        sheet.boxes([(_WIDTH - _EDGE - word - 5, 9, word + 10, 22)], edge="white", line=1.0, level=2)
        wide = text_width("   DEFAULT", 9.5, bold=True) + 6
    sheet.text(_WIDTH - _EDGE - wide, 14, entry.name, size=9.5, color="white", mono=True, align="right")


def _accuracies(entry: Entry) -> list[tuple[str, float]]:
    """Each figure with its label; the data set is part of the label where there are several."""
    several = len(entry.metrics) > 1
    return [
        (f"{name}, {data}" if several else name, value)
        for data, figures in entry.metrics.items()
        for name, value in figures.items()
    ]


def _draw_accuracies(sheet: Sheet, entry: Entry, y: float) -> float:
    """Accuracies as bars of a whole; returns where the next section begins."""
    sheet.text(_EDGE, y, "How good", bold=True)
    rows = _accuracies(entry)
    if not rows:
        sheet.text(_LEFT, y, f"accuracy {NOT_STATED}")
        return y + _LINE + 9
    if len(entry.metrics) == 1:
        sheet.text(_LEFT, y, f"on {next(iter(entry.metrics))}", color=_QUIET)
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
        words = f"{label}: {per_cent(value)}" + ("" if math.isnan(value) else f"\nerror {100 - value:.2f}%")
        sheet.spot("accuracy", (_LEFT, y - 2, x + whole + 60 - _LEFT, _LINE), words)
        y += _LINE
    return y + 9


def _sections(
    entry: Entry, told: dict[str, str], word: str, matches: Sequence[tuple[int, str]]
) -> list[tuple[str, list[str]]]:
    """The sections under the accuracies: each heading with its lines."""

    def lines(words: str, most: int = 2) -> list[str]:
        return lines_of(words, _RIGHT - 26 - _LEFT, most=most)

    work = told["work"].replace("a picture", "(10⁹ multiply-adds) a picture")
    size = f"parameters {NOT_STATED}" if entry.parameters is None else f"{told['parameters']} parameters"
    categories = lines(told["categories"], 1)
    if word.strip():
        named = ", ".join(f"{name} ({k})" for k, name in matches[:_MATCHES])
        more = f" and {len(matches) - _MATCHES} more" if len(matches) > _MATCHES else ""
        categories += lines(f"with “{word.strip()}”: {named or 'none'}{more}", 3)
    file = told["file"]
    if entry.url:
        file = entry.url.split("://")[-1] if entry.url.startswith("http") else f"on this disk: {file}"
    hashed = "no hash in the name: nothing to check a download against" if entry.file else ""
    if entry.hash:
        hashed = f"{entry.hash}: the first {len(entry.hash)} digits of the file's SHA-256, checked after the download"
    return [
        ("How big", [size, f"file {told['file size']}, {work}"]),
        ("Trained", lines(entry.recipe.removeprefix("https://") or f"recipe {NOT_STATED}")),
        ("Categories", categories),
        ("File", [*lines(file), *(lines(hashed) if hashed else [])]),
        ("Licence", lines(entry.license.removeprefix("https://") or "none of its own in the metadata")),
    ]


def _draw_use(sheet: Sheet, entry: Entry, told: dict[str, str], picture: Image.Image | None, y: float) -> str:
    """The right column: the transforms on the picture and in words; returns what is seen on the picture."""
    sheet.text(_RIGHT, y, "How to use", bold=True)
    sheet.text(_WIDTH - _EDGE, y, "weights.transforms()", mono=True, size=8.5, color=_QUIET, align="right")
    y += 24
    if entry.settings is None:
        other = "Its transforms are not a classifier's resize, crop and normalise: ask the people who made them."
        for k, line in enumerate(lines_of(other, _RIGHT_ROOM)):
            sheet.text(_RIGHT, y + _LINE * k, line)
        return ""
    seen = ""
    if picture is not None:
        seen = _draw_kept_and_seen(sheet, (_RIGHT, y, _RIGHT_ROOM, _PICTURE), entry, picture)
        y += _pictured_height(picture, _RIGHT_ROOM, _PICTURE)
        sheet.text(_RIGHT, y + 5, "\n".join(lines_of(seen, _RIGHT_ROOM, 8.5, most=2)), size=8.5, color=_QUIET)
        y += 38
    antialiased = {True: ", antialiased", False: ", not antialiased", None: ""}[entry.settings.antialias]
    for step, words in (
        ("1 resize", f"{told['resize']}, {told['interpolation']}{antialiased}"),
        ("2 crop", told["crop"]),
        ("3 to tensor", "values ÷ 255, channels first"),
        ("4 normalise", f"− mean {told['mean']}"),
        ("", f"÷ std {told['std']}"),
    ):
        sheet.text(_RIGHT, y, step, bold=True)
        sheet.text(_RIGHT + 92, y, words)
        y += _LINE
    if entry.min_size:
        sheet.text(_RIGHT, y + 5, f"smallest picture it takes: {told['smallest picture']}", color=_QUIET)
    return seen


def _card_alt(entry: Entry, told: dict[str, str], word: str, matches: Sequence[tuple[int, str]], seen: str) -> str:
    accuracies = "; ".join(
        ", ".join(f"{name} {per_cent(value)}" for name, value in figures.items()) + f" on {data}"
        for data, figures in entry.metrics.items()
    )
    parts = [accuracies or f"accuracy {NOT_STATED}"]
    parts += [f"{told['parameters']} parameters, {told['file size']}, {told['work']}"]
    parts += [f"{told['resize']}, {told['crop']}"] if entry.settings else ["transforms of a different kind"]
    parts += [seen] if seen else []
    parts += [f"{len(entry.categories):,} categories"]
    if word.strip():
        named = ", ".join(f"{k} {name}" for k, name in matches[:_MATCHES])
        parts.append(f"with {word.strip()!r}: {named or 'none'}")
    default, model = " (DEFAULT)" if entry.default else "", f" of {entry.builder}" if entry.builder else ""
    return f"{entry.name}{default}{model}: {'; '.join(parts)}"


# -- two entries ------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Difference:
    """A line of a comparison: a label, what each entry says, whether that differs, and by how much in words."""

    label: str
    first: str
    second: str
    differs: bool
    change: str = ""


def differences(first: Entry, second: Entry) -> tuple[Difference, ...]:
    """Two entries line by line, without what their headings say.

    Example:
        >>> from course_lib.models import entry_of
        >>> old, new = entry_of("ResNet50_Weights.IMAGENET1K_V1"), entry_of("ResNet50_Weights.IMAGENET1K_V2")
        >>> for line in differences(old, new):
        ...     if line.differs and line.label in ("resize", "acc@1, ImageNet-1K"):
        ...         print(line.label, "|", line.first, "|", line.second, line.change)
        acc@1, ImageNet-1K | 76.13% | 80.858% +4.73 points
        resize | shorter side to 256 | shorter side to 232
    """
    mine, theirs = (
        {fact.label: fact for fact in entry.facts() if fact.label not in _UNLISTED} for entry in (first, second)
    )
    labels = list(mine)  # of both, each of the second's after the one that it follows there
    for k, label in enumerate(theirs):
        if label not in labels:
            labels.insert(labels.index(list(theirs)[k - 1]) + 1 if k else 0, label)
    lines = []
    for label in labels:
        a, b = (facts.get(label, Fact(label, NOT_STATED, None)) for facts in (mine, theirs))
        differs = a.words != b.words or (label == "categories" and a.value != b.value)
        lines.append(Difference(label, a.words, b.words, differs, _change(a, b) if differs else ""))
    return tuple(lines)


def _change(first: Fact, second: Fact) -> str:
    a, b = first.value, second.value
    if not isinstance(a, (int, float)) or not isinstance(b, (int, float)) or math.isnan(a) or math.isnan(b):
        return ""
    if first.label.startswith("acc@"):
        return f"{b - a:+.2f} points".replace("-", "\N{MINUS SIGN}")
    factor = f"{b / a:.3g}" if first.label in _FACTORS and a > 0 and b > 0 else "1"
    return f"× {factor}" if factor != "1" else ""


def draw_pair(first: Entry, second: Entry, picture: Image.Image | None = None, *, word: str = "") -> Still:
    """Draw two entries side by side.

    Args:
        first, second: from ``entry_of(weights)`` or ``catalog()``.
        picture: drawn twice, with what each entry's transforms keep of it.
        word: the categories with it in their names are listed for both.

    Example:
        >>> from course_lib.models import entry_of
        >>> draw_pair(entry_of("ResNet50_Weights.IMAGENET1K_V1"), entry_of("ResNet50_Weights.IMAGENET1K_V2"))
        ResNet50_Weights.IMAGENET1K_V1 beside ResNet50_Weights.IMAGENET1K_V2: 5 of 16 lines differ: acc@1, ...
    """
    lines = list(differences(first, second))
    if word.strip():
        a, b = (_matches(entry, word) for entry in (first, second))
        after = next(k for k, line in enumerate(lines) if line.label == "categories") + 1
        lines.insert(after, Difference(f"with “{shortened(word.strip(), 14)}”", a, b, a != b))
    different = [line for line in lines if line.differs]
    same = _in_columns([line for line in lines if not line.differs])
    rows = [_Row(line) for line in different]
    pictured = picture if first.settings is not None or second.settings is not None else None
    tall = _pictured_height(pictured, _ROOM - 16, _PAIR_PICTURE) if pictured is not None else 0.0
    top = _BAND + (max(tall, 60.0) + 46 if pictured is not None else 8)
    summary = lines_of(_summary(first, second, len(different), len(lines)), _WIDTH - 2 * _EDGE, bold=True)
    y = top + _LINE * len(summary) + 8
    end = y + sum(row.high for row in rows)
    sheet = Sheet(_WIDTH, end + (_LINE * (len(same) + 1) + 14 if same else 0) + 8)
    _draw_headings(sheet, first, second)
    seen = []
    if pictured is not None:
        for entry, x in ((first, _FIRST), (second, _SECOND)):
            if entry.settings is not None:
                seen.append(_draw_kept_and_seen(sheet, (x, _BAND + 8, _ROOM - 16, _PAIR_PICTURE), entry, pictured))
                caption = "\n".join(lines_of(seen[-1], _ROOM, 8.5, most=2))
                sheet.text(x, _BAND + tall + 13, caption, size=8.5, color=_QUIET)
        sheet.text(_EDGE, _BAND + 10, "How to use", bold=True)
        sheet.text(_EDGE, _BAND + 10 + _LINE, "grey: cut off\nby the crop", color=_QUIET)
    for k, words in enumerate(summary):
        sheet.text(_EDGE, top + _LINE * k, words, bold=True)
    for row in rows:
        row.draw(sheet, y)
        y += row.high
    if same:
        sheet.text(_EDGE, end + 10, "The same in both", bold=True, color=_QUIET)
        for k, columns in enumerate(same):
            for column, words in enumerate(columns):
                sheet.text(_EDGE + column * _WIDTH / _COLUMNS, end + 10 + _LINE * (k + 1), words, color=_QUIET)
    sheet.boxes([(0.75, 0.75, _WIDTH - 1.5, sheet.height - 1.5)], edge=INK, line=1.2, level=6)
    named = ", ".join(f"{line.label}{f' ({line.first} → {line.second})' if line.change else ''}" for line in different)
    count = f"{len(different)} of {len(lines)} lines differ{f': {named}' if named else ''}"
    alt = "; ".join([f"{first.name} beside {second.name}: {count}", *seen])
    return still(sheet.figure, alt, photo=pictured is not None, links=addresses_of(first, second))


def _matches(entry: Entry, word: str) -> str:
    matches = entry.categories_with(word)
    named = ", ".join(f"{name} ({k})" for k, name in matches[:2])
    return f"{named} and {len(matches) - 2} more" if len(matches) > 2 else named or "none"


def _summary(first: Entry, second: Entry, count: int, whole: int) -> str:
    summary = f"{count} of {whole} lines differ, marked ≠." if count else "Every line is the same."
    if first.builder == second.builder and first.builder and count:
        summary += " One network, two sets of weights."
    if first.metrics and second.metrics and not set(first.metrics) & set(second.metrics):
        summary += " Their accuracies were measured on different pictures: they do not compare."
    return summary


def _in_columns(same: Sequence[Difference]) -> list[tuple[str, ...]]:
    """The lines that are equal, in columns."""
    room = _WIDTH / _COLUMNS - 1.5 * _EDGE
    told = [lines_of(f"{line.label}: {line.first.removeprefix('https://')}", room, most=1)[0] for line in same]
    deep = -(-len(told) // _COLUMNS)
    return [tuple(told[k::deep]) for k in range(deep)]


class _Row:
    """A line that differs, broken into the lines of its three cells: label, first, second."""

    def __init__(self, line: Difference) -> None:
        change = f"  ({line.change})" if line.change else ""
        cells = (
            (line.label, _FIRST - _SIGN - 8), (line.first, _SECOND - _FIRST - 12), (line.second + change, _ROOM),
        )  # fmt: skip
        self.cells = [lines_of(words.removeprefix("https://"), room, most=3, bold=True) for words, room in cells]
        self.high = _LINE * max(map(len, self.cells)) + 5

    def draw(self, sheet: Sheet, y: float) -> None:
        sheet.boxes([(2, y - 3, _WIDTH - 4, self.high - 1)], fill=_SHADE, level=0.5)
        sheet.text(_EDGE, y, "≠", bold=True, size=10)
        for x, lines in zip((_SIGN, _FIRST, _SECOND), self.cells, strict=True):
            for k, words in enumerate(lines):
                sheet.text(x, y + _LINE * k, words, bold=True)


def _draw_headings(sheet: Sheet, first: Entry, second: Entry) -> None:
    sheet.boxes([(0, 0, _WIDTH, _BAND)], fill=BLUE)
    for entry, x in ((first, _FIRST), (second, _SECOND)):
        size, name = 11.0, entry.builder or entry.enum
        while text_width(name, size, bold=True) > _ROOM and size > 8.5:
            size -= 0.5
        sheet.text(x, 7, name, size=size, color="white", bold=True)
        sheet.text(x, 26, entry.entry + "  DEFAULT" * entry.default, size=9, color="white", mono=True)


# -- parts of both ----------------------------------------------------------------------------------------------------
def _draw_kept_and_seen(sheet: Sheet, box: Box, entry: Entry, picture: Image.Image) -> str:
    """Draw the picture, grey where it is thrown away, an arrow, and what is left, as large as the crop makes it.

    Args:
        box: the room for all of it, in CSS pixels.
        entry: one that has settings.
        picture: any PIL picture.

    Returns:
        What is shown, in a sentence.
    """
    picture = rgb(picture)
    transforms = entry.weights.value.transforms()
    edges, steps = seen_box(picture.size, transforms), settings_and_steps(transforms)[1]
    resized = steps["resize"](picture)
    cropped = steps["crop"](resized)
    left, top, wide, tall = box
    side, high = _sides(picture, wide, tall)
    middle = top + max(side, high) / 2
    room = (left, middle - high / 2, high * picture.width / picture.height, high)
    x, _, w, _ = _box_of(sheet, draw_kept(sheet.figure, _place_of(sheet, room), picture, edges))
    begin, end = x + w, x + w + _ARROW
    sheet.lines([[(begin + 5, middle), (end - 5, middle)]], color=INK, line=1.2)
    sheet.lines([[(end - 10, middle - 4), (end - 5, middle), (end - 10, middle + 4)]], color=INK, line=1.2)
    place = _place_of(sheet, (end, middle - side / 2, side, side))
    sheet.boxes([_box_of(sheet, draw_picture(sheet.figure, place, cropped))], edge=ORANGE, line=2.0, level=5)
    lost = 1 - (edges[2] - edges[0]) * (edges[3] - edges[1]) / (picture.width * picture.height)
    sizes = " → ".join(f"{shown.height}×{shown.width}" for shown in (picture, resized, cropped))
    return f"{sizes}, {100 * lost:.0f}% cut off"


def _pictured_height(picture: Image.Image, wide: float, tall: float) -> float:
    """How high ``_draw_kept_and_seen`` draws in a box of that size, in CSS pixels."""
    return max(_sides(picture, wide, tall))


def _sides(picture: Image.Image, wide: float, tall: float) -> tuple[float, float]:
    """The side of what is left, and the height of the whole picture."""
    side = min(0.36 * wide, tall)
    return side, min(tall, (wide - side - _ARROW) * picture.height / picture.width)


def _place_of(sheet: Sheet, box: Box) -> Place:
    """A box in CSS pixels from the top as a place of the figure: shares of it, from the bottom."""
    x, y, w, h = box
    return x / sheet.width, 1 - (y + h) / sheet.height, w / sheet.width, h / sheet.height


def _box_of(sheet: Sheet, place: Place) -> Box:
    x, y, w, h = place
    return x * sheet.width, (1 - y - h) * sheet.height, w * sheet.width, h * sheet.height


def lines_of(words: str, wide: float, size: float = 9.0, *, most: int = 9, bold: bool = False) -> list[str]:
    """At most ``most`` lines of ``wide`` CSS pixels; addresses break at their slashes, a line cut off ends with "…".

    Example:
        >>> lines_of("one two three", 60)
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
