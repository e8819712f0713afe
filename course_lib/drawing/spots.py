"""``Spot``: a region of a finished picture that answers to the pointer, with the words that it shows.

A drawing says what can be touched, in shares of the picture, so that a spot stays in its place at every size. A widget
says which of its controls a spot moves (``widgets/explorer.py``); without a widget a spot has its words alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["Gesture", "Shares", "Spot", "box_at"]

Gesture = Literal["click", "drag", "hover"]
Shares = tuple[float, float, float, float]


@dataclass(frozen=True)
class Spot:
    """One region, or a grid of ``rows`` × ``columns`` equal regions.

    Attributes:
        of: what kind of thing it is, such as "cell"; a widget names the control of each kind that it answers to.
        box: left, top, width and height as shares of the picture, from its top left corner.
        tip: the words shown beside the pointer; or a function of row and column, asked when it is needed (words that
            take long, and those of a grid).
        value: what the control is set to; of a grid it is (row, column), and this is not used.
        rows, columns: of a grid.
        gesture: "click"; "drag", which also follows a pressed pointer from region to region of the same kind; or
            "hover", which follows the pointer without a click.
        round: whether it is the ellipse inside its box.
        outline: width and height, as shares of the picture, of the frame that is drawn around the middle of the region
            under the pointer, such as a cell's window; the region's own edge when left out.

    Example:
        >>> cells = Spot("cell", (0, 0, 1, 0.5), lambda row, column: f"row {row}", rows=7, columns=7)
        >>> cells.words(2, 3), cells.chosen(2, 3)
        ('row 2', (2, 3))
        >>> Spot("model", (0.1, 0.1, 0.2, 0.2), "ResNet-50", "resnet50").chosen()
        'resnet50'
    """

    of: str
    box: Shares
    tip: str | Callable[[int, int], str] = ""
    value: Any = None
    rows: int = 1
    columns: int = 1
    gesture: Gesture = "click"
    round: bool = False
    outline: tuple[float, float] | None = None

    @property
    def grid(self) -> bool:
        """Whether it has several regions."""
        return self.rows * self.columns > 1

    def words(self, row: int = 0, column: int = 0) -> str:
        """The tip of a region."""
        return self.tip if isinstance(self.tip, str) else self.tip(row, column)

    def chosen(self, row: int = 0, column: int = 0) -> Any:
        """What a region stands for: the spot's value, or its own row and column in a grid."""
        return (row, column) if self.grid or self.value is None else self.value


def box_at(place: Shares) -> Shares:
    """A spot's box from matplotlib's (left, bottom, width, height), such as what ``draw_picture`` returns.

    Example:
        >>> box_at((0.25, 0.5, 0.5, 0.25))
        (0.25, 0.25, 0.5, 0.25)
    """
    left, bottom, width, height = place
    return left, 1 - bottom - height, width, height
