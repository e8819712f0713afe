"""Which tensors of a file fit a model: two columns of boxes, a box for each block, and what lies between.

What fits is joined by a line. A block whose tensors have another shape, one that the file lacks and one that the model
doesn't have are each drawn in a way of their own, and the last line counts them, tensor by tensor.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from course_lib.drawing.sheet import FAINT, Box, Sheet, fitted_words
from course_lib.drawing.still import BLUE, GREEN, GREY, INK, ORANGE, PAGE, Still
from course_lib.models.checkpoints.fitting import Shapes

__all__ = ["Entry", "Fit", "draw_fit", "fit_of"]

_ROW, _TOP, _BOX, _LEFT, _RIGHT = 23.0, 52.0, 19.0, 300.0, 560.0


@dataclass(frozen=True)
class Fit:
    """The names of a state dict beside those of a model.

    Attributes:
        fits: names of both, with the same shape.
        other_shape: names of both, with another shape.
        missing: names of the model alone.
        unexpected: names of the state dict alone.
    """

    fits: tuple[str, ...]
    other_shape: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Whether ``load_state_dict`` takes it."""
        return not (self.other_shape or self.missing or self.unexpected)


@dataclass(frozen=True)
class Entry:
    """Something in a file that isn't a tensor.

    Attributes:
        name: its key.
        words: what it is.
        opens: whether a state dict may be inside.
    """

    name: str
    words: str
    opens: bool


def fit_of(given: Shapes, own: Shapes, others: Iterable[str] = ()) -> Fit:
    """Compare names and shapes.

    Args:
        given: the state dict's.
        own: the model's.
        others: names of what lies beside the tensors.

    Example:
        >>> fit_of({"fc.bias": (2,), "x": (1,)}, {"fc.bias": (3,), "fc.weight": (3, 4)}, ["epoch"])
        Fit(fits=(), other_shape=('fc.bias',), missing=('fc.weight',), unexpected=('x', 'epoch'))
    """
    both = [name for name in own if name in given]
    return Fit(
        tuple(name for name in both if given[name] == own[name]),
        tuple(name for name in both if given[name] != own[name]),
        tuple(name for name in own if name not in given),
        (*(name for name in given if name not in own), *others),
    )


def draw_fit(
    given: Shapes,
    own: Shapes,
    others: Sequence[Entry] = (),
    *,
    file: str,
    model: str,
    verdict: str,
    holds: str = "what the file holds",
    back: str | None = None,
) -> Still:
    """The blocks of a state dict at the left, those of a model at the right.

    Args:
        given: the state dict's names and shapes.
        own: the model's.
        others: what lies in the file beside them.
        file, model: what stands above the columns.
        verdict: what ``load_state_dict`` says, for the last line.
        holds: what stands above the left column.
        back: the entry that a click on the file's name goes back to.

    Example:
        >>> draw_fit({"fc.bias": (2,)}, {"fc.bias": (3,)}, file="a.pth", model="net", verdict="It raises an error.")
        a.pth beside net: 0 of 1 tensors fit, 1 of a different shape, 0 missing, 0 unexpected. It raises an error.
    """
    fit = fit_of(given, own, [entry.name for entry in others])
    left, right = _blocks(given), _blocks(own)
    lines = _lines(left, right, others)
    sheet = Sheet(PAGE, _TOP + len(lines) * _ROW + 34)
    sheet.text(0, 4, fitted_words(file, _LEFT, 10.5, bold=True), size=10.5, color=BLUE, bold=True)
    if back is not None:
        sheet.spot("entry", (0, 0, _LEFT, 22), f"click to go back to {back}", back)
    sheet.text(_RIGHT, 4, fitted_words(model, PAGE - _RIGHT, 10.5, bold=True), size=10.5, color=BLUE, bold=True)
    sheet.text(0, 27, holds, size=9, color=FAINT)
    sheet.text(_RIGHT, 27, "what the model expects", size=9, color=FAINT)
    for number, (held, wanted) in enumerate(lines):
        y = _TOP + number * _ROW
        if isinstance(held, Entry):
            _draw_entry(sheet, y, held)
        elif held and held == wanted:
            _draw_pair(sheet, y, held, left[held], right[held])
        elif held:
            _draw_unexpected(sheet, y, held, left[held])
        if wanted and held != wanted:
            _draw_missing(sheet, y, wanted, right[wanted])
    kinds = {"of a different shape": fit.other_shape, "missing": fit.missing, "unexpected": fit.unexpected}
    counts = ", ".join(
        [f"{len(fit.fits)} of {len(own)} tensors fit", *(f"{len(names)} {kind}" for kind, names in kinds.items())]
    )
    bottom = _TOP + len(lines) * _ROW + 8
    sheet.text(0, bottom, fitted_words(f"{counts}. {verdict}", PAGE, 9.5, bold=True), size=9.5, bold=True)
    return sheet.still(f"{file} beside {model}: {counts}. {verdict}")


def _blocks(shapes: Shapes) -> dict[str, Shapes]:
    """The tensors of each block: "module.layer1.0" and "layer1.0" are blocks, "conv1" is one."""
    blocks: dict[str, Shapes] = {}
    for name, shape in shapes.items():
        parts = name.split(".")
        last = next((place for place, part in enumerate(parts) if part.isdigit()), None)
        deep = sum(part in ("module", "_orig_mod") for part in parts[:2]) + 1 if last is None else last + 1
        blocks.setdefault(".".join(parts[:deep]), {})[name] = shape
    return blocks


def _lines(
    left: Mapping[str, Shapes], right: Mapping[str, Shapes], others: Sequence[Entry]
) -> list[tuple[str | Entry | None, str | None]]:
    """What stands side by side: blocks of the same name; the rest of the file where there is room."""
    lines: list[tuple[str | Entry | None, str | None]] = [(name if name in left else None, name) for name in right]
    rest: list[str | Entry] = [*(name for name in left if name not in right), *others]
    for number, (held, wanted) in enumerate(lines):
        if held is None and rest:
            lines[number] = (rest.pop(0), wanted)
    return [*lines, *((held, None) for held in rest)]


def _draw_pair(sheet: Sheet, y: float, block: str, given: Shapes, own: Shapes) -> None:
    """A block that both have, and a line, or what differs."""
    fit = fit_of(given, own)
    _draw_box(sheet, _at(y, left=True), block, given, GREEN if fit.whole else ORANGE)
    _draw_box(sheet, _at(y, left=False), block, own, GREEN if fit.whole else ORANGE)
    middle = y + _BOX / 2
    if fit.whole:
        sheet.lines([[(_LEFT + 4, middle), (_RIGHT - 4, middle)]], color=GREEN, line=1.8)
        return
    name = (*fit.other_shape, *fit.missing, *fit.unexpected)[0]
    shapes = [" × ".join(map(str, side[name])) if name in side else "nothing" for side in (given, own)]
    sheet.lines([[(_LEFT + 4, middle), (_LEFT + 22, middle)], [(_RIGHT - 22, middle), (_RIGHT - 4, middle)]],
                color=ORANGE, line=1.8, dashed=True)  # fmt: skip
    words = fitted_words(f"{shapes[0]} is not {shapes[1]}", _RIGHT - _LEFT - 52, 9)
    sheet.middle_text((_LEFT + _RIGHT) / 2, middle, words, color=ORANGE, align="center")


def _draw_unexpected(sheet: Sheet, y: float, block: str, given: Shapes) -> None:
    _draw_box(sheet, _at(y, left=True), block, given, ORANGE, prefix=block.startswith(("module.", "_orig_mod.")))
    sheet.middle_text(_LEFT + 8, y + _BOX / 2, "unexpected", color=ORANGE)


def _draw_missing(sheet: Sheet, y: float, block: str, own: Shapes) -> None:
    _draw_box(sheet, _at(y, left=False), block, own, GREY)
    sheet.middle_text(_RIGHT - 8, y + _BOX / 2, "missing", color=FAINT, align="right")


def _at(y: float, *, left: bool) -> Box:
    return (1.0, y, _LEFT - 1, _BOX) if left else (_RIGHT, y, PAGE - _RIGHT - 8, _BOX)


def _draw_entry(sheet: Sheet, y: float, entry: Entry) -> None:
    """What isn't a tensor: a box with a double edge where something is inside."""
    box = _at(y, left=True)
    sheet.boxes([box], fill="white", edge=ORANGE, line=1.4)
    if entry.opens:
        sheet.boxes([(4.0, y + 3, _LEFT - 7, _BOX - 6)], edge=ORANGE, line=0.8)
    words = fitted_words(f"{entry.name}: {entry.words}", _LEFT - 20, 9)
    sheet.middle_text(10, y + _BOX / 2, words, color=INK)
    sheet.middle_text(_LEFT + 8, y + _BOX / 2, "unexpected", color=ORANGE)
    tip = f"{entry.name[:80]}: {entry.words}" + ("\nclick to look inside" if entry.opens else "")
    sheet.spot("entry" if entry.opens else "value", box, tip, entry.name)


def _draw_box(sheet: Sheet, box: Box, block: str, shapes: Shapes, edge: str, *, prefix: bool = False) -> None:
    """A block's name and how many tensors it has; a click takes its prefix off, where it has one."""
    sheet.boxes([box], fill="white", edge=edge, line=1.4)
    words = f"{len(shapes)} tensor{'s' if len(shapes) > 1 else ''}"
    left, top, width, height = box
    sheet.middle_text(left + 8, top + height / 2, fitted_words(block, width - 90, 9), color=INK)
    sheet.middle_text(left + width - 8, top + height / 2, words, color=FAINT, align="right")
    tip = _tip(shapes) + ("\nclick to remove the prefix" if prefix else "")
    sheet.spot("prefix" if prefix else "block", box, tip, prefix or block)


def _tip(shapes: Mapping[str, Any]) -> str:
    """The first names with their shapes."""
    shown = [f"{name[:60]}: {'×'.join(map(str, shape)) or 'a number'}" for name, shape in list(shapes.items())[:5]]
    return "\n".join([*shown, *([f"and {len(shapes) - 5} more"] if len(shapes) > 5 else [])])
