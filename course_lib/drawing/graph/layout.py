"""Where the boxes of a graph lie and how the tensors run between them: numbers only, in CSS pixels, y down.

The way of the picture runs straight down. Branches lie side by side; at an add the longest one stays on the axis and a
shortcut runs round it on the right; at a product the tensor that keeps its size stays there. Lines leave a box at its
bottom and come in at the top, or at a side where branches meet. A chain too long for the page goes on in a new column.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from course_lib.drawing.graph.geometry import GAP, GUTTER, STEP, Place, Point, Wire
from course_lib.drawing.graph.graph import Edge, Graph
from course_lib.drawing.graph.placing import Planner
from course_lib.drawing.graph.series import END, START, Chain, Direct, Gap

__all__ = ["Layout", "Place", "Wire", "lay_out"]


@dataclass(frozen=True, slots=True)
class Layout:
    """A drawing's boxes, lines, and the dots where lines divide; nothing lies left of or above 0."""

    places: tuple[Place, ...]
    wires: tuple[Wire, ...]
    dots: tuple[Point, ...]
    width: float
    height: float


def lay_out(
    graph: Graph,
    structure: Gap,
    sizes: Mapping[int, Point],
    labels: Mapping[Edge, float],
    *,
    tallest: float = 640.0,
    widest: float = 860.0,
    columns: int = 1,
) -> Layout:
    """Place everything.

    Args:
        graph: boxes and edges.
        structure: what ``take_apart`` made of it.
        sizes: each box's (width, height).
        labels: how wide each edge's words are.
        tallest, widest: a chain that is taller than this goes on in new columns, as long as they fit.
        columns: how many there may be.

    Returns:
        A layout; it may be larger than asked for where nothing else can be done.
    """
    planner = Planner(graph, dict(sizes), labels)
    planner.even(structure, START, END)
    whole = planner.measure(structure, START, END)
    parts, tall = [structure], whole.height
    if whole.height > tallest and isinstance(structure, Chain):
        for count in range(2, columns + 1):
            cut = _cut(structure, planner, count)
            measured = [planner.measure(part, START, END) for part in cut]
            if sum(one.left + _right(planner, cut, number) for number, one in enumerate(measured)) > widest:
                break
            highest = max(one.height for one in measured)
            if highest < 0.8 * tall:  # else what is tall cannot be cut
                parts, tall = cut, highest
            if tall <= tallest:
                break
    left, height = 0.0, 0.0
    for number, part in enumerate(parts):
        size = planner.measure(part, START, END)
        top = STEP if number else 0.0
        planner.place(part, START, END, left + size.left, top, size.height)
        if number:
            planner.carry(*_joint(parts, number), left - GUTTER / 2)
        left += size.left + _right(planner, parts, number)
        height = max(height, top + size.height + (12 if number < len(parts) - 1 else 0))
    return Layout(
        tuple(planner.places[key] for key in sorted(planner.places)),
        tuple(planner.wires),
        tuple(dict.fromkeys(planner.dots)),
        left,
        height,
    )


def _joint(parts: list[Gap], number: int) -> tuple[int, int]:
    """The last box of the column before, and the first of this one."""
    above, below = parts[number - 1], parts[number]
    if not isinstance(above, Chain) or not isinstance(below, Chain):  # pragma: no cover - only chains are cut
        raise TypeError("A column that is no chain.")
    return above.waists[-1], below.waists[0]


def _right(planner: Planner, parts: list[Gap], number: int) -> float:
    """How far a column reaches to the right: also the words at its head, and the gutter to the next."""
    reach = planner.measure(parts[number], START, END).right
    if number:
        reach = max(reach, GAP + planner.labels[planner.edges[_joint(parts, number)]])
    return reach + (GUTTER if number < len(parts) - 1 else 0)


def _cut(chain: Chain, planner: Planner, count: int) -> list[Gap]:
    """The chain in ``count`` columns of about the same height; only where a single tensor passes."""
    stops = (START, *chain.waists, END)
    heights = []
    for number, waist in enumerate(chain.waists):
        gap = planner.measure(chain.gaps[number], stops[number], waist)
        heights.append(gap.height + planner.sizes[waist][1])
    share, filled = sum(heights) / count, 0.0
    starts = [0]
    for number, height in enumerate(heights):
        alone = isinstance(chain.gaps[number], Direct) and number
        if alone and filled + height / 2 > share * len(starts) and len(starts) < count:
            starts.append(number)
        filled += height
    parts: list[Gap] = []
    for a, b in zip(starts, [*starts[1:], len(chain.waists)], strict=True):
        last = chain.gaps[b] if b == len(chain.waists) else Direct()
        parts.append(Chain(chain.waists[a:b], (chain.gaps[0] if a == 0 else Direct(), *chain.gaps[a + 1 : b], last)))
    return parts
