"""A laid-out graph as a picture: boxes, lines, words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.path import Path

from course_lib.drawing.graph.graph import Graph, Node
from course_lib.drawing.graph.layout import Layout, Place
from course_lib.drawing.graph.lettering import BAR, LINE, PAD, Lettering, end_words
from course_lib.drawing.sheet import Sheet
from course_lib.drawing.still import BLUE, GREY, INK, Still
from course_lib.drawing.text_width import words_width, wrapped

__all__ = ["paint"]

RED = "#B3001B"  # darker than any other colour here, and never without words
EDGE = 8.0  # round the whole
_DIM = "#5A5A5A"
_FILLS = {
    "weight": "#D3E5F3", "norm": "#ECECEC", "activation": "#FBE3D4", "pool": "#CDEBDF", "reshape": "#F7F3DC",
    "module": "#E6EEF6", "other": "#F6F6F6",
}  # fmt: skip


def paint(
    graph: Graph, layout: Layout, lettering: Lettering, title: str, facts: Mapping[str, Any], reason: str, widest: float
) -> Still:
    """The picture with its title, its sums, and the reason why it failed, where it did.

    ``facts`` has "inputs" and "outputs" in words, and "ops", "parameters" and "macs"; or "counted": a line instead.
    """
    counted = facts.get("counted") or (
        f"{facts['ops']} ops · {facts['parameters']:,} parameters · {facts['macs']:,} multiply-adds"
    )
    if not lettering.words and facts.get("parameters"):
        counted += " · in the boxes: parameters"
    need = max(layout.width, words_width(title, 11, bold=True), words_width(counted, 9)) + 2 * EDGE
    wide = min(max(need, 420 if reason else 0), max(widest, layout.width + 2 * EDGE))
    said = wrapped(reason, wide - 2 * EDGE - 14) if reason else []
    head = 44.0
    sheet = Sheet(wide, head + layout.height + 2 * EDGE + (17 * len(said) + 12 if said else 0))
    sheet.middle_text(EDGE, EDGE + 6, title, size=11, bold=True)
    sheet.middle_text(EDGE, EDGE + 25, counted, color=_DIM)
    dx, dy = (wide - layout.width) / 2, head + EDGE
    _draw_wires(sheet, layout, dx, dy)
    for place in layout.places:
        _draw_node(sheet, graph.nodes[place.key], place, lettering, dx, dy)
    if said:
        top = dy + layout.height + 8
        mark = Path([(EDGE + 2, top), (EDGE + 2, top + 17 * len(said))])
        sheet.path(mark, facecolor="none", edgecolor=RED, linewidth=2.5)
        for number, line in enumerate(said):
            sheet.middle_text(EDGE + 12, top + 17 * number + 8.5, line, color=RED)
    return sheet.still(_alt(graph, title, facts, reason))


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
        heads.setdefault(color, []).append(_head(points))
        if wire.label is not None:
            x, y = wire.label[0] + dx, wire.label[1] + dy
            if edge.note:
                sheet.middle_text(x, y - 7, edge.note, size=8.5, color=color, bold=True)
                y += 7
            sheet.middle_text(x, y, edge.label, size=8.5, color=color if edge.bad else _DIM, bold=edge.bad)
    for (color, role, bad), paths in lines.items():
        how = {"linestyle": (0, (3, 1.6))} if role == "projection" else {}
        thick = role != "plain" or bad
        sheet.path(Path.make_compound_path(*paths), facecolor="none", edgecolor=color, linewidth=1.8 if thick else 0.9,
                   zorder=2.2 if thick else 2.0, **how)  # fmt: skip
    for color, paths in heads.items():
        sheet.path(Path.make_compound_path(*paths), facecolor=color, edgecolor="none", linewidth=0, zorder=2.5)
    circles = [_round_box(x + dx - 2.4, y + dy - 2.4, 4.8, 4.8, 2.4) for x, y in layout.dots]
    if circles:
        sheet.path(Path.make_compound_path(*circles), facecolor=INK, edgecolor="none", linewidth=0, zorder=2.6)


def _draw_node(sheet: Sheet, node: Node, place: Place, lettering: Lettering, dx: float, dy: float) -> None:
    x, y, wide, tall = place.left + dx, place.top + dy, place.width, place.height
    ink = RED if node.failed else INK
    if node.kind == "join":
        sheet.path(_round_box(x, y, wide, tall, tall / 2), facecolor="white", edgecolor=ink,
                   linewidth=2 if node.failed else 1.2, zorder=3)  # fmt: skip
        sign = node.rows[0].title
        sheet.middle_text(x + wide / 2, y + tall / 2 + (0.6 if len(sign) == 1 else 0), sign,
                          size=13 if len(sign) == 1 else 9, color=ink, bold=True, align="center")  # fmt: skip
        return
    if node.kind in ("input", "output"):
        sheet.path(_round_box(x, y, wide, tall, tall / 2), facecolor="white", edgecolor=GREY, linewidth=0.9, zorder=3)
        parts = end_words(node)
        if len(parts) == 1:
            sheet.middle_text(x + wide / 2, y + tall / 2, parts[0], bold=True, align="center")
        else:
            sheet.middle_text(x + 10, y + tall / 2, parts[0], bold=True)
            sheet.middle_text(x + wide - 10, y + tall / 2, parts[1].strip(), color=_DIM, align="right")
        return
    top = y
    for row in node.rows:
        high = lettering.height(row)
        fill = "#FCE4E6" if node.failed else _FILLS[row.family]
        sheet.path(_round_box(x, top, wide, high, 3), facecolor=fill, edgecolor=ink,
                   linewidth=2 if node.failed else 0.8, zorder=3)  # fmt: skip
        for number, (left, right) in enumerate(lettering.lines(row)):
            middle = top + (high / 2 if high == BAR else 3 + LINE * (number + 0.5))
            if left:
                sheet.middle_text(x + PAD, middle, left, color=ink, bold=number == 0 and row.tall)
            if right:
                sheet.middle_text(
                    x + wide - PAD, middle, right, size=8.5, color=_DIM if number == 0 else INK, align="right"
                )
        top += high


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


def _alt(graph: Graph, title: str, facts: Mapping[str, Any], reason: str) -> str:
    ends = f"{' and '.join(facts['inputs'])} → {' and '.join(facts['outputs'])}" if facts["outputs"] else ""
    counted = facts.get("counted") or f"{facts['ops']} ops, {facts['parameters']:,} parameters"
    start = f"{title}: {counted}" + (f", {ends}" if ends else "")
    rows = [row.words for node in graph.nodes if node.kind not in ("input", "output") for row in node.rows]
    listed = ", ".join(rows[:16]) + (f" and {len(rows) - 16} more" if len(rows) > 16 else "")
    roles = {edge.role for edge in graph.edges} - {"plain"}
    short = f" Shortcut: {' and '.join(sorted(roles))}." if roles else ""
    return f"{start}. {listed or 'The input goes through as it is'}.{short}{' Failed: ' + reason if reason else ''}"
