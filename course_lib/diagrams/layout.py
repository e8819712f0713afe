"""Where the boxes of a graph lie and how the tensors run between them: numbers only, in CSS pixels, y down.

The way of the picture runs straight down. Branches lie side by side; at an add the longest one stays on the axis and a
shortcut runs round it on the right; at a product the tensor that keeps its size stays there. Lines leave a box at its
bottom and come in at the top, or at a side where branches meet. A chain too long for the page goes on in a new column.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from course_lib.diagrams.geometry import GUTTER, STEP, Place, Point, Wire
from course_lib.diagrams.graph import Edge, Graph
from course_lib.diagrams.placing import Planner
from course_lib.diagrams.series import END, START, Chain, Direct, Gap

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
            if sum(one.left + one.right for one in measured) + GUTTER * (len(cut) - 1) > widest:
                break
            if max(one.height for one in measured) < tall - 1:  # else what is tall cannot be cut
                parts, tall = cut, max(one.height for one in measured)
            if tall <= tallest:
                break
    left, height, before = 0.0, 0.0, None
    for number, part in enumerate(parts):
        size = planner.measure(part, START, END)
        x, top = left + size.left, STEP if number else 0.0
        planner.place(part, START, END, x, top, size.height)
        if number and before is not None and isinstance(part, Chain):
            planner.carry(before, part.waists[0], left - GUTTER / 2, top)
        before = part.waists[-1] if isinstance(part, Chain) else None
        left += size.left + size.right + GUTTER
        height = max(height, top + size.height + (12 if number < len(parts) - 1 else 0))
    return Layout(
        tuple(planner.places[key] for key in sorted(planner.places)),
        tuple(planner.wires),
        tuple(dict.fromkeys(planner.dots)),
        left - GUTTER,
        height,
    )


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
