"""What is written in a diagram's boxes, and how much room it takes."""

from __future__ import annotations

from dataclasses import dataclass

from course_lib.drawing.graph.graph import Edge, Node
from course_lib.drawing.graph.op_names import Row
from course_lib.drawing.text_width import words_width

__all__ = ["BAR", "LETTERINGS", "LINE", "PAD", "Lettering", "end_words"]

LINE, BAR = 14.0, 18.0  # from a line to the next; the height of a row with a single line
PAD, SPACE = 8.0, 12.0  # left and right of a line, and between its two ends
_SHORT = {"BatchNorm": "BN", "LayerNorm": "LN", "GroupNorm": "GN"}


@dataclass(frozen=True, slots=True)
class Lettering:
    """What is written in a box.

    Attributes:
        names: what the code calls each op; 2: of all, 1: of those with two lines, 0: of none.
        words: "73,728 parameters" instead of "73,728".
        stacked: everything below each other, for narrow boxes.
    """

    names: int = 2
    words: bool = True
    stacked: bool = False

    def lines(self, row: Row) -> list[tuple[str, str]]:
        """(left, right) of each line; a name is always at the right end of the first.

        Example:
            >>> Lettering().lines(Row("3×3 conv", "stride 2", "conv1", "64 → 128", 73728, "weight"))
            [('3×3 conv, stride 2', 'conv1'), ('64 → 128', '73,728 parameters')]
        """
        counted = f"{row.parameters:,}{' parameters' if self.words else ''}" if row.parameters else ""
        title = _SHORT.get(row.title, row.title) if self.stacked else row.title
        if self.stacked and (row.tall or row.how):
            lines = [row.title, row.how, row.note, counted]
            return [(line, "") for line in lines if line]
        words = f"{title}, {row.how}" if row.how else title
        if not row.tall:
            return [(", ".join(one for one in (words, counted) if one), row.name if self.names > 1 else "")]
        return [(words, row.name if self.names else ""), (row.note, counted)]

    def height(self, row: Row) -> float:
        """Of a row, in CSS pixels."""
        count = len(self.lines(row))
        return BAR if count == 1 else LINE * count + 6

    def size(self, node: Node) -> tuple[float, float]:
        """A box's width and height in CSS pixels."""
        if node.kind == "join":
            sign = node.rows[0].title
            return (24.0, 24.0) if len(sign) == 1 else (words_width(sign, 9, bold=True) + 18, 24.0)
        if node.kind in ("input", "output"):
            return sum(words_width(one, 9, bold=not k) for k, one in enumerate(end_words(node))) + 22, 21.0
        wide = 60.0
        for row in node.rows:
            for number, (left, right) in enumerate(self.lines(row)):
                line = words_width(left, 9, bold=number == 0 and row.tall)
                wide = max(wide, line + (SPACE + words_width(right, 8.5) if right else 0) + 2 * PAD)
        return wide, sum(self.height(row) for row in node.rows)

    def label(self, edge: Edge) -> float:
        """The width of an edge's words."""
        return max(words_width(edge.label, 8.5, bold=edge.bad), words_width(edge.note, 8.5, bold=True)) + 4


#: From the fullest to the narrowest.
LETTERINGS = (Lettering(), Lettering(1, False), Lettering(0, False), Lettering(0, False, True))


def end_words(node: Node) -> list[str]:
    """What is written in an input or an output."""
    row = node.rows[0]
    return [row.title] + ([f"  from {row.name}"] if row.name else [])
