"""A graph as a picture: what is written in its boxes, which way of drawing it fits the page, and the painting.

``fitted`` chooses the lettering and the layout, ``paint`` makes the ``Still``. Both know only ``Graph``: the block
diagram and TensorBoard's graph are drawn by the same two functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from matplotlib.path import Path

from course_lib.drawing.graph.layout import Layout, Place, Point, lay_out
from course_lib.drawing.graph.module_graph import Edge, Graph, Node
from course_lib.drawing.graph.op_names import Row
from course_lib.drawing.graph.series_parallel import Gap
from course_lib.drawing.sheet import FAINT, Sheet, text_width, wrapped
from course_lib.drawing.still import BLUE, GREY, INK, Still, shortened
from course_lib.errors import CourseError
from course_lib.tracing.ops import Op
from course_lib.tracing.records import times

__all__ = ["RED", "Lettering", "Plan", "Way", "a_or_an", "fitted", "paint"]

RED = "#B3001B"  # darker than any other colour here, and never without words
_FILLS = {
    "weight": "#D3E5F3", "norm": "#ECECEC", "activation": "#FBE3D4", "pool": "#CDEBDF", "reshape": "#F7F3DC",
    "module": "#E6EEF6", "other": "#F6F6F6",
}  # fmt: skip
_EDGE = 8.0  # around the whole picture
_TALLEST = 32_000.0  # of a picture, in CSS pixels: matplotlib draws at most 65,535 pixels, two to each of these
_LINE, _BAR = 14.0, 18.0  # from a line to the next; the height of a row with a single line
_PAD, _SPACE = 8.0, 12.0  # left and right of a line, and between its two ends
_SENTENCES, _LONGEST = 8, 390  # of what is said about an op
_SHORT = {"BatchNorm": "BN", "LayerNorm": "LN", "GroupNorm": "GN"}


# -- lettering --------------------------------------------------------------------------------------------------------
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
        if self.stacked and (row.tall or row.how):
            return [(line, "") for line in (row.title, row.how, row.note, counted) if line]
        title = _SHORT.get(row.title, row.title) if self.stacked else row.title
        words = f"{title}, {row.how}" if row.how else title
        if not row.tall:
            return [(", ".join(filter(None, (words, counted))), row.name if self.names > 1 else "")]
        return [(words, row.name if self.names else ""), (row.note, counted)]

    def height(self, row: Row) -> float:
        """The height of a row in CSS pixels."""
        count = len(self.lines(row))
        return _BAR if count == 1 else _LINE * count + 6

    def size(self, node: Node) -> tuple[float, float]:
        """A box's width and height in CSS pixels."""
        title = node.rows[0].title
        if node.kind == "join":
            return (24.0, 24.0) if len(title) == 1 else (text_width(title, 9, bold=True) + 18, 24.0)
        if node.kind in ("input", "output"):
            origin = _origin(node)
            return text_width(title, 9, bold=True) + (text_width(f"  {origin}", 9) if origin else 0) + 22, 21.0
        wide = 60.0
        for row in node.rows:
            for number, (left, right) in enumerate(self.lines(row)):
                line = text_width(left, 9, bold=number == 0 and row.tall)
                wide = max(wide, line + (_SPACE + text_width(right, 8.5) if right else 0) + 2 * _PAD)
        return wide, sum(self.height(row) for row in node.rows)

    def label(self, edge: Edge) -> float:
        """The width of an edge's label in CSS pixels."""
        return max(text_width(edge.label, 8.5, bold=edge.bad), text_width(edge.note, 8.5, bold=True)) + 4


#: From the fullest to the narrowest.
_LETTERINGS = (Lettering(), Lettering(1, False), Lettering(0, False), Lettering(0, False, True))


def _origin(node: Node) -> str:
    """Where the tensor of an input comes from."""
    return f"from {node.rows[0].name}" if node.rows[0].name else ""


def a_or_an(kind: str) -> str:
    """The class of a module with its article.

    Example:
        >>> a_or_an("BasicBlock"), a_or_an("InceptionA"), a_or_an("_DenseBlock")
        ('a BasicBlock', 'an InceptionA', 'a _DenseBlock')
    """
    return f"{'an' if kind.lstrip('_')[:1] in 'AEIOU' else 'a'} {kind}"


# -- the way that fits ------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Way:
    """A way to draw something.

    Attributes:
        graph: the boxes and tensors.
        structure: what ``structure_of`` made of it.
        columns: in how many columns it may be set.
        tallest: how high a column may be, in CSS pixels.
    """

    graph: Graph
    structure: Gap
    columns: int = 1
    tallest: float = 640.0


class Plan(NamedTuple):
    """What is drawn, where, and how it is lettered."""

    graph: Graph
    layout: Layout
    lettering: Lettering


def fitted(ways: Iterable[Way], width: float = 860.0, *, enough: float = 1.0) -> Plan:
    """The first way that fits the page, or the one that comes nearest.

    Args:
        ways: from the fullest to the sparsest; at least one.
        width: of the page, in CSS pixels.
        enough: by what factor a picture may be too tall (or, to the fourth power, too wide) to count as fitting.
    """
    best: tuple[float, Plan] | None = None
    room = width - 2 * _EDGE
    for way in ways:
        for lettering in _LETTERINGS:
            sizes = {node.key: lettering.size(node) for node in way.graph.nodes}
            labels = {edge: lettering.label(edge) for edge in way.graph.edges}
            layout = lay_out(way.graph, way.structure, sizes, labels, tallest=way.tallest, widest=room,
                             columns=way.columns)  # fmt: skip
            wide, tall = max(layout.width / room, 1), max(layout.height / way.tallest, 1)
            over = wide**4 * tall  # a page has an end on the right, and none below
            if best is None or over < best[0] - 0.01:
                best = over, Plan(way.graph, layout, lettering)
            if over <= enough or (wide == 1 and way.columns == 1):  # narrower letters do not make it less tall
                break
        if best is not None and best[0] <= enough:
            break
    if best is None:
        raise ValueError("There is no way to draw it.")
    return best[1]


# -- painting ---------------------------------------------------------------------------------------------------------
def paint(plan: Plan, title: str, facts: str, alt: str, *, reason: str = "", width: float = 860.0) -> Still:
    """The picture, with its title and facts above it and, where a forward failed, the reason below it.

    Args:
        plan: from ``fitted``.
        title: the first line.
        facts: the second line.
        alt: the title and facts as the description begins; what the boxes say is added.
        reason: why the forward failed.
        width: of the page, in CSS pixels.

    Raises:
        CourseError: the picture would be taller or wider than can be drawn.
    """
    graph, layout = plan.graph, plan.layout
    if max(layout.width, layout.height) > _TALLEST:
        raise CourseError(
            f"{title} would be a picture of {layout.width:,.0f}×{layout.height:,.0f} pixels, more than can be drawn: "
            "draw a part of it with path=…; detail='auto' folds what can be folded."
        )
    if not plan.lettering.words and any(row.parameters for node in graph.nodes for row in node.rows):
        facts += " · in the boxes: parameters"
    need = max(layout.width, text_width(title, 11, bold=True), text_width(facts, 9)) + 2 * _EDGE
    wide = min(max(need, 420 if reason else 0), max(width, layout.width + 2 * _EDGE))
    lines = wrapped(reason, wide - 2 * _EDGE - 14) if reason else []
    head = 44.0
    sheet = Sheet(wide, head + layout.height + 2 * _EDGE + (17 * len(lines) + 12 if lines else 0))
    sheet.middle_text(_EDGE, _EDGE + 6, title, size=11, bold=True)
    sheet.middle_text(_EDGE, _EDGE + 25, facts, color=FAINT)
    dx, dy = (wide - layout.width) / 2, head + _EDGE
    _draw_wires(sheet, layout, dx, dy)
    for place in layout.places:
        _draw_node(sheet, graph.nodes[place.key], place, plan.lettering, dx, dy)
    if lines:
        top = dy + layout.height + 8
        bar = Path([(_EDGE + 2, top), (_EDGE + 2, top + 17 * len(lines))])
        sheet.path(bar, facecolor="none", edgecolor=RED, linewidth=2.5)
        for number, line in enumerate(lines):
            sheet.middle_text(_EDGE + 12, top + 17 * number + 8.5, line, color=RED)
    return sheet.still(_description(graph, alt) + (f" Failed: {reason}" if reason else ""))


def _description(graph: Graph, alt: str) -> str:
    inputs, outputs = graph.labels("input"), graph.labels("output")
    ends = f", {' and '.join(inputs)} → {' and '.join(outputs)}" if outputs else ""
    rows = [row.words for node in graph.nodes if node.kind not in ("input", "output") for row in node.rows]
    listed = ", ".join(rows[:16]) + (f" and {len(rows) - 16} more" if len(rows) > 16 else "")
    roles = sorted({edge.role for edge in graph.edges} - {"plain"})
    shortcut = f" Shortcut: {' and '.join(roles)}." if roles else ""
    return f"{alt}{ends}. {listed or 'The input goes through as it is'}.{shortcut}"


def _draw_wires(sheet: Sheet, layout: Layout, dx: float, dy: float) -> None:
    heads: dict[str, list[Path]] = {}
    lines: dict[tuple[str, str, bool], list[Path]] = {}
    divided = set(layout.dots)
    for wire in layout.wires:
        edge = wire.edge
        color = RED if edge.bad else BLUE if edge.role != "plain" else INK
        own = wire.points
        if edge.role != "plain" and own[1] in divided:
            own = own[1:]  # the stem before the line divides belongs to all
        points = [(x + dx, y + dy) for x, y in own]
        lines.setdefault((color, edge.role, edge.bad), []).append(_rounded(points))
        heads.setdefault(color, []).append(_arrow_head(points))
        if wire.label is not None:
            x, y = wire.label[0] + dx, wire.label[1] + dy
            if edge.note:
                sheet.middle_text(x, y - 7, edge.note, size=8.5, color=color, bold=True)
                y += 7
            sheet.middle_text(x, y, edge.label, size=8.5, color=color if edge.bad else FAINT, bold=edge.bad)
    for (color, role, bad), paths in lines.items():
        style = {"linestyle": (0, (3, 1.6))} if role == "projection" else {}
        thick = role != "plain" or bad
        sheet.path(Path.make_compound_path(*paths), facecolor="none", edgecolor=color, linewidth=1.8 if thick else 0.9,
                   zorder=2.2 if thick else 2.0, **style)  # fmt: skip
    for color, paths in heads.items():
        sheet.path(Path.make_compound_path(*paths), facecolor=color, edgecolor="none", linewidth=0, zorder=2.5)
    dots = [_round_box(x + dx - 2.4, y + dy - 2.4, 4.8, 4.8, 2.4) for x, y in layout.dots]
    if dots:
        sheet.path(Path.make_compound_path(*dots), facecolor=INK, edgecolor="none", linewidth=0, zorder=2.6)


def _draw_node(sheet: Sheet, node: Node, place: Place, lettering: Lettering, dx: float, dy: float) -> None:
    x, y, wide, tall = place.left + dx, place.top + dy, place.width, place.height
    ink = RED if node.failed else INK
    title = node.rows[0].title
    if node.kind in ("join", "module"):
        sheet.spot("op", (x, y, wide, tall), _node_words(node), node.ops[0].name if node.ops else title)
    if node.kind == "join":
        sheet.path(_round_box(x, y, wide, tall, tall / 2), facecolor="white", edgecolor=ink,
                   linewidth=2 if node.failed else 1.2, zorder=3)  # fmt: skip
        down, size = (0.6, 13) if len(title) == 1 else (0.0, 9)
        sheet.middle_text(x + wide / 2, y + tall / 2 + down, title, size=size, color=ink, bold=True, align="center")
        return
    if node.kind in ("input", "output"):
        sheet.path(_round_box(x, y, wide, tall, tall / 2), facecolor="white", edgecolor=GREY, linewidth=0.9, zorder=3)
        origin = _origin(node)
        at, align = (x + 10, "left") if origin else (x + wide / 2, "center")
        sheet.middle_text(at, y + tall / 2, title, bold=True, align=align)
        sheet.middle_text(x + wide - 10, y + tall / 2, origin, color=FAINT, align="right")
        return
    top = y
    own: Sequence[Op | None] = (
        node.ops if node.kind == "ops" and len(node.ops) == len(node.rows) else [None] * len(node.rows)
    )
    for row, op in zip(node.rows, own, strict=True):
        high = lettering.height(row)
        if op is not None:
            sheet.spot("op", (x, top, wide, high), _op_words(op, node.failed), op.name)
        fill = "#FCE4E6" if node.failed else _FILLS[row.family]
        sheet.path(_round_box(x, top, wide, high, 3), facecolor=fill, edgecolor=ink,
                   linewidth=2 if node.failed else 0.8, zorder=3)  # fmt: skip
        for number, (left, right) in enumerate(lettering.lines(row)):
            middle = top + (high / 2 if high == _BAR else 3 + _LINE * (number + 0.5))
            sheet.middle_text(x + _PAD, middle, left, color=ink, bold=number == 0 and row.tall)
            color = FAINT if number == 0 else INK
            sheet.middle_text(x + wide - _PAD, middle, right, size=8.5, color=color, align="right")
        top += high


def _op_words(op: Op, failed: bool) -> str | Callable[[int, int], str]:
    """What an op does and why its shape is what it is; its sentences are only made when they are asked for."""
    if failed:
        return f"{op.name}: {op.kind}\nIt could not run: the reason stands below."

    def words(_row: int, _column: int) -> str:
        lines = op.explain().split("\n")[:_SENTENCES]
        while len(lines) > 2 and len("\n".join(lines)) > _LONGEST:
            lines.pop()
        return shortened("\n".join(lines), _LONGEST)

    return words


def _node_words(node: Node) -> str | Callable[[int, int], str]:
    """The words of a circle or of a module's box."""
    if len(node.ops) == 1:
        return _op_words(node.ops[0], node.failed)
    parameters, macs = sum(op.parameters for op in node.ops), sum(op.macs for op in node.ops)
    facts = [node.rows[0].words, f"{len(node.ops)} ops, {parameters:,} parameters", f"{macs:,} multiply-adds"]
    return "\n".join([*facts, f"gives {times(node.ops[-1].output)}"] if node.ops else [node.rows[0].words])


def _round_box(x: float, y: float, wide: float, tall: float, r: float) -> Path:
    r = min(r, wide / 2, tall / 2)
    k = 0.4477 * r  # a quarter of a circle as a Bézier curve
    points = [
        (x + r, y), (x + wide - r, y), (x + wide - k, y), (x + wide, y + k), (x + wide, y + r),
        (x + wide, y + tall - r), (x + wide, y + tall - k), (x + wide - k, y + tall), (x + wide - r, y + tall),
        (x + r, y + tall), (x + k, y + tall), (x, y + tall - k), (x, y + tall - r), (x, y + r), (x, y + k), (x + k, y),
        (x + r, y), (x + r, y),
    ]  # fmt: skip
    c = Path.CURVE4
    return Path(points, [Path.MOVETO, *([Path.LINETO, c, c, c] * 4), Path.CLOSEPOLY])


def _rounded(points: list[Point], radius: float = 6.0) -> Path:
    """A line with round corners."""
    verts, codes = [points[0]], [Path.MOVETO]
    for before, here, after in zip(points, points[1:], points[2:], strict=False):
        verts += [_toward(here, before, radius), here, _toward(here, after, radius)]
        codes += [Path.LINETO, Path.CURVE3, Path.CURVE3]
    return Path([*verts, points[-1]], [*codes, Path.LINETO])


def _toward(a: Point, b: Point, far: float) -> Point:
    long = abs(b[0] - a[0]) + abs(b[1] - a[1])
    share = min(far, long / 2) / long if long else 0.0
    return a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])


def _arrow_head(points: list[Point]) -> Path:
    """The arrow head at the end of a line."""
    (ax, ay), (x, y) = points[-2:]
    long = abs(x - ax) + abs(y - ay) or 1.0
    ux, uy = (x - ax) / long, (y - ay) / long
    back, side = 6.0, 3.2
    base = (x - back * ux, y - back * uy)
    corners = [(x, y), (base[0] - side * uy, base[1] + side * ux), (base[0] + side * uy, base[1] - side * ux)]
    return Path([*corners, corners[0]], closed=True)
