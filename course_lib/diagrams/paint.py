"""A laid-out graph as a picture: boxes, lines, words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from matplotlib.artist import Artist
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.transforms import Affine2D

from course_lib.diagrams.graph import Edge, Graph, Node
from course_lib.diagrams.layout import Layout, Place, Wire
from course_lib.diagrams.names import Row
from course_lib.diagrams.sheet import text_width
from course_lib.stills import BLUE, GREY, INK, Still, new_figure, still

__all__ = ["Lettering", "paint"]

RED = "#B3001B"  # darker than any other colour here, and never without words
TALL, BAR = 34.0, 18.0  # a row of two lines, of one
PAD, SPACE = 8.0, 12.0
EDGE = 8.0  # round the whole
_DIM = "#5A5A5A"
_FILLS = {
    "weight": "#D3E5F3", "norm": "#ECECEC", "activation": "#FBE3D4", "pool": "#CDEBDF", "reshape": "#F7F3DC",
    "module": "#E6EEF6", "other": "#F6F6F6",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Lettering:
    """What is written in a box.

    Attributes:
        names: what the code calls each op.
        words: "73,728 parameters" instead of "73,728".
    """

    names: bool = True
    words: bool = True

    def parameters(self, row: Row) -> str:
        """A row's parameters in words."""
        if not row.parameters:
            return ""
        return f"{row.parameters:,}" + (" parameters" if self.words and row.tall else "")

    def lines(self, row: Row) -> list[tuple[str, str]]:
        """(left, right) of each line."""
        name = row.name if self.names else ""
        if not row.tall:
            return [(row.title, "  ".join(one for one in (name, self.parameters(row)) if one))]
        return [(row.title, name), (row.note, self.parameters(row))]

    def size(self, node: Node) -> tuple[float, float]:
        """A box's width and height in CSS pixels."""
        if node.kind == "join":
            return (24.0, 24.0) if len(node.rows[0].title) == 1 else (text_width(node.rows[0].title, 9) + 18, 24.0)
        if node.kind in ("input", "output"):
            return sum(text_width(one, 9) for one in _end(node)) + 20, 21.0
        wide = 60.0
        for row in node.rows:
            for number, (left, right) in enumerate(self.lines(row)):
                line = text_width(left, 9, bold=number == 0) + (SPACE + text_width(right, 8.5) if right else 0)
                wide = max(wide, line + 2 * PAD)
        return wide, sum(TALL if row.tall else BAR for row in node.rows)

    def label(self, edge: Edge) -> float:
        """The width of an edge's words."""
        return max(text_width(edge.label, 8.5, bold=edge.bad), text_width(edge.note, 8.5, bold=True)) + 4


class _Sheet:
    """A figure in CSS pixels from the top left corner."""

    def __init__(self, width: float, height: float) -> None:
        self.figure = new_figure(width / 100, height / 100)
        self._place = Affine2D().scale(1 / width, -1 / height).translate(0, 1) + self.figure.transFigure

    def add(self, artist: Artist) -> None:
        artist.set_transform(self._place)
        self.figure.add_artist(artist)

    def text(self, x: float, y: float, words: str, *, size: float, color: str = INK, **how: Any) -> None:
        how = {"va": "top", "zorder": 4, **how}
        self.figure.text(x, y, words, fontsize=size, color=color, transform=self._place, **how)


def _end(node: Node) -> list[str]:
    row = node.rows[0]
    return [row.title] + ([f"  from {row.name}"] if row.name else [])


def paint(
    graph: Graph, layout: Layout, lettering: Lettering, title: str, facts: Mapping[str, Any], reason: str, widest: float
) -> Still:
    """The picture with its title, its sums, and the reason why it failed, where it did."""
    counted = f"{facts['ops']} ops · {facts['parameters']:,} parameters · {facts['macs']:,} multiply-adds"
    need = max(layout.width, text_width(title, 11, bold=True), text_width(counted, 9)) + 2 * EDGE
    wide = min(max(need, 420 if reason else 0), max(widest, layout.width + 2 * EDGE))
    said = _wrapped(reason, wide - 2 * EDGE - 14, 9) if reason else []
    head = 46.0
    sheet = _Sheet(wide, head + layout.height + 2 * EDGE + (17 * len(said) + 10 if said else 0))
    sheet.text(EDGE, EDGE, title, size=11, weight="bold")
    sheet.text(EDGE, EDGE + 19, counted, size=9, color=_DIM)
    dx, dy = (wide - layout.width) / 2, head + EDGE / 2
    _draw_wires(sheet, layout.wires, layout.dots, dx, dy)
    for place in layout.places:
        _draw_node(sheet, graph.nodes[place.key], place, lettering, dx, dy)
    if said:
        top = dy + layout.height + 10
        mark = Path([(EDGE + 2, top), (EDGE + 2, top + 17 * len(said))])
        _add(sheet, mark, facecolor="none", edgecolor=RED, linewidth=2.5)
        for number, line in enumerate(said):
            sheet.text(EDGE + 12, top + 17 * number + 2, line, size=9, color=RED)
    return still(sheet.figure, _alt(graph, title, facts, reason))


def _draw_wires(
    sheet: _Sheet, wires: Iterable[Wire], dots: Iterable[tuple[float, float]], dx: float, dy: float
) -> None:
    heads: dict[str, list[Path]] = {}
    for wire in wires:
        edge = wire.edge
        color = RED if edge.bad else BLUE if edge.role != "plain" else INK
        points = [(x + dx, y + dy) for x, y in wire.points]
        line = 1.8 if edge.role != "plain" or edge.bad else 0.9
        how = {"linestyle": (0, (3, 1.6))} if edge.role == "projection" else {}
        level = 2.2 if edge.role != "plain" or edge.bad else 2.0
        _add(sheet, _rounded(points), facecolor="none", edgecolor=color, linewidth=line, zorder=level, **how)
        heads.setdefault(color, []).append(_head(points))
        if wire.label is not None:
            x, y = wire.label[0] + dx, wire.label[1] + dy
            low = 6.5 if edge.note else 0
            if edge.note:
                sheet.text(x, y - low, edge.note, size=8.5, color=color, weight="bold", va="center")
            sheet.text(x, y + low, edge.label, size=8.5, color=color if edge.bad else _DIM, va="center",
                       weight="bold" if edge.bad else "normal")  # fmt: skip
    for color, paths in heads.items():
        _add(sheet, Path.make_compound_path(*paths), facecolor=color, edgecolor="none", linewidth=0, zorder=2.5)
    circles = [_round_box(x + dx - 2.4, y + dy - 2.4, 4.8, 4.8, 2.4) for x, y in dots]
    if circles:
        _add(sheet, Path.make_compound_path(*circles), facecolor=INK, edgecolor="none", linewidth=0, zorder=2.6)


def _draw_node(sheet: _Sheet, node: Node, place: Place, lettering: Lettering, dx: float, dy: float) -> None:
    x, y, wide, tall = place.left + dx, place.top + dy, place.width, place.height
    edge, line = (RED, 2.0) if node.failed else (INK, 0.8)
    if node.kind == "join":
        shape = _round_box(x, y, wide, tall, tall / 2)
        _add(sheet, shape, facecolor="white", edgecolor=edge, linewidth=max(line, 1.2), zorder=3)
        big = len(node.rows[0].title) == 1
        sheet.text(x + wide / 2, y + tall / 2 - (0.5 if big else 0), node.rows[0].title, size=13 if big else 9,
                   color=RED if node.failed else INK, ha="center", va="center_baseline" if big else "center",
                   weight="bold")  # fmt: skip
        return
    if node.kind in ("input", "output"):
        _add(sheet, _round_box(x, y, wide, tall, tall / 2), facecolor="white", edgecolor=GREY, linewidth=0.9, zorder=3)
        parts = _end(node)
        sheet.text(x + 10, y + tall / 2, parts[0], size=9, weight="bold" if len(parts) == 1 else "normal", va="center")
        if len(parts) > 1:
            sheet.text(x + wide - 10, y + tall / 2, parts[1].strip(), size=9, color=_DIM, ha="right", va="center")
        return
    top = y
    for row in node.rows:
        high = TALL if row.tall else BAR
        fill = "#FCE4E6" if node.failed else _FILLS[row.family]
        _add(sheet, _round_box(x, top, wide, high, 3), facecolor=fill, edgecolor=edge, linewidth=line, zorder=3)
        for number, (left, right) in enumerate(lettering.lines(row)):
            middle = top + (high / 2 if not row.tall else 10.5 + 14 * number)
            if left:
                weight = "bold" if number == 0 and row.tall else "normal"
                sheet.text(x + PAD, middle, left, size=9, weight=weight, va="center", color=RED if node.failed else INK)
            if right:
                color = _DIM if number == 0 and row.tall else INK
                sheet.text(x + wide - PAD, middle, right, size=8.5, color=color, ha="right", va="center")
        top += high


def _add(sheet: _Sheet, path: Path, **how: Any) -> None:
    sheet.add(PathPatch(path, joinstyle="round", **how))


def _round_box(x: float, y: float, wide: float, tall: float, r: float) -> Path:
    r = min(r, wide / 2, tall / 2)
    k = 0.4477 * r  # a circle's quarter as a Bézier curve
    points = [
        (x + r, y), (x + wide - r, y), (x + wide - k, y), (x + wide, y + k), (x + wide, y + r),
        (x + wide, y + tall - r), (x + wide, y + tall - k), (x + wide - k, y + tall), (x + wide - r, y + tall),
        (x + r, y + tall), (x + k, y + tall), (x, y + tall - k), (x, y + tall - r), (x, y + r), (x, y + k), (x + k, y),
        (x + r, y), (x + r, y),
    ]  # fmt: skip
    c = Path.CURVE4
    codes = [Path.MOVETO, *([Path.LINETO, c, c, c] * 4), Path.CLOSEPOLY]
    return Path(points, codes)


def _rounded(points: list[tuple[float, float]], radius: float = 6.0) -> Path:
    """A line with round corners."""
    verts, codes = [points[0]], [Path.MOVETO]
    for before, here, after in zip(points, points[1:], points[2:], strict=False):
        a, b = _toward(here, before, radius), _toward(here, after, radius)
        verts += [a, here, b]
        codes += [Path.LINETO, Path.CURVE3, Path.CURVE3]
    return Path([*verts, points[-1]], [*codes, Path.LINETO])


def _toward(a: tuple[float, float], b: tuple[float, float], far: float) -> tuple[float, float]:
    long = abs(b[0] - a[0]) + abs(b[1] - a[1])
    share = min(far, long / 2) / long if long else 0.0
    return a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])


def _head(points: list[tuple[float, float]]) -> Path:
    """An arrow's head at the end of a line."""
    (ax, ay), (x, y) = points[-2:]
    long = abs(x - ax) + abs(y - ay) or 1.0
    ux, uy = (x - ax) / long, (y - ay) / long
    back, side = 6.0, 3.2
    base = (x - back * ux, y - back * uy)
    corners = [(x, y), (base[0] - side * uy, base[1] + side * ux), (base[0] + side * uy, base[1] - side * ux)]
    return Path([*corners, corners[0]], closed=True)


def _wrapped(words: str, wide: float, size: float) -> list[str]:
    lines, line = [], ""
    for word in words.split():
        longer = f"{line} {word}".strip()
        if line and text_width(longer, size) > wide:
            lines.append(line)
            line = word
        else:
            line = longer
    return [*lines, line]


def _alt(graph: Graph, title: str, facts: Mapping[str, Any], reason: str) -> str:
    ends = f"{' and '.join(facts['inputs'])} → {' and '.join(facts['outputs'])}" if facts["outputs"] else ""
    start = f"{title}: {facts['ops']} ops, {facts['parameters']:,} parameters" + (f", {ends}" if ends else "")
    rows = [row.title for node in graph.nodes if node.kind not in ("input", "output") for row in node.rows]
    listed = ", ".join(rows[:16]) + (f" and {len(rows) - 16} more" if len(rows) > 16 else "")
    roles = {edge.role for edge in graph.edges} - {"plain"}
    short = f" Shortcut: {' and '.join(sorted(roles))}." if roles else ""
    return f"{start}. {listed}.{short}{' Failed: ' + reason if reason else ''}"
