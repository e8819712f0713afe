"""What a better recipe was worth: the accuracy of two entries of the same network, for many networks at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from course_lib.drawing.chart_axes import (
    WIDTH,
    add_axes,
    chart_figure,
    draw_legend,
    draw_title,
    round_ticks,
    set_ticks,
    write,
)
from course_lib.drawing.sheet import FAINT, text_width
from course_lib.drawing.still import BLUE, INK, Still, still
from course_lib.errors import CourseError
from course_lib.models.entries import Entry

__all__ = ["recipe_gains"]

_OLD, _NEW = "IMAGENET1K_V1", "IMAGENET1K_V2"
_ROW = 21.0  # CSS pixels


def recipe_gains(entries: Iterable[Entry]) -> Still:
    """One line a network: from its V1's top-1 accuracy on ImageNet to its V2's, the largest step first.

    Args:
        entries: such as ``catalog()``; networks that lack one of the two entries, or its accuracy, are left out.

    Raises:
        CourseError: no network has both.

    Example:
        >>> from course_lib.models import catalog
        >>> recipe_gains(entry for entry in catalog() if entry.builder in ("resnet50", "mobilenet_v2"))
        Top-1 accuracy of 2 networks with V1 and V2: resnet50 76.1% → 80.9%, +4.7; mobilenet_v2 71.9% → 72.2%, +0.3
    """
    found: dict[str, dict[str, float]] = {}
    for entry in entries:
        if entry.entry in (_OLD, _NEW) and entry.top1 is not None:
            found.setdefault(entry.builder, {})[entry.entry] = 100 - entry.top1
    pairs = {name: (both[_OLD], both[_NEW]) for name, both in found.items() if len(both) == 2}
    if not pairs:
        raise CourseError(f"None of the networks has accuracies for both {_OLD} and {_NEW}: give catalog().")
    order = sorted(pairs, key=lambda name: pairs[name][0] - pairs[name][1])
    ends = [value for pair in pairs.values() for value in pair]
    ticks = round_ticks(min(ends), max(ends))
    left, right, top = max(text_width(name, 9.6) for name in order) + 24, 60.0, 62.0
    figure = chart_figure(top + _ROW * len(order) + 52)
    draw_title(figure, f"The same {len(order)} networks, trained twice")
    axes = add_axes(figure, (left, top, WIDTH - left - right, _ROW * len(order)))
    axes.set(xlim=(ticks[0], ticks[-1]), ylim=(len(order) - 0.5, -0.5))
    set_ticks(axes, "x", ticks)
    axes.spines["left"].set_visible(False)
    new_look: dict[str, Any] = {"marker": "o", "markersize": 7, "color": BLUE}
    old_look: dict[str, Any] = {**new_look, "markerfacecolor": "white", "markeredgewidth": 1.6}
    for row, name in enumerate(order):
        old, new = pairs[name]
        axes.plot([old, new], [row, row], color=BLUE, linewidth=2)
        axes.plot([old], [row], **old_look)
        axes.plot([new], [row], **new_look)
        write(axes, ticks[0], row, f"{name}  ", ha="right", transform=axes.transData)
        write(axes, ticks[-1], row, f"  {new - old:+.1f}", color=INK, bold=True, transform=axes.transData)
    draw_legend(figure, {"V1, the first recipe": old_look, "V2, the newer recipe": new_look}, left=left, top=30)
    write(figure, WIDTH - right + 8, 40, "points", color=FAINT)
    write(figure, left + (WIDTH - left - right) / 2, top + _ROW * len(order) + 30, "top-1 accuracy on ImageNet, %",
          ha="center", va="top")  # fmt: skip
    told = [f"{name} {old:.1f}% → {new:.1f}%, {new - old:+.1f}" for name in order for old, new in [pairs[name]]]
    return still(figure, f"Top-1 accuracy of {len(order)} networks with V1 and V2: {'; '.join(told)}")
