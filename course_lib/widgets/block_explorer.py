"""One residual block with every setting of torchvision's: its drawing, or the reason why there is no such block."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch

from course_lib.drawing.graph.block_diagram import block
from course_lib.drawing.still import Still
from course_lib.errors import CourseError, closest
from course_lib.networks.resnet import make_block
from course_lib.widgets.declaration import widget
from course_lib.widgets.explorer import Explorer, choice

__all__ = ["SHORTCUTS", "block_explorer", "draw_block"]

#: What may stand on the shortcut, and what ``make_block`` calls it.
SHORTCUTS: dict[str, bool | None] = {
    "as torchvision makes it": None,
    "x itself, fits or not": False,
    "always a 1×1 conv": True,
}
_OFFERED: dict[str, Sequence[int]] = {
    "in_channels": (64, 128, 256, 512, 1024, 2048),
    "planes": (64, 128, 256, 512),
    "stride": (1, 2),
    "groups": (1, 2, 32, 64),
    "base_width": (4, 8, 64, 128),
    "dilation": (1, 2, 4),
}
_START: dict[str, Any] = {
    "kind": "basic", "in_channels": 64, "planes": 64, "stride": 1, "groups": 1, "base_width": 64, "dilation": 1,
    "shortcut": "as torchvision makes it",
}  # fmt: skip


def draw_block(
    *,
    kind: str,
    in_channels: int,
    planes: int,
    stride: int,
    groups: int,
    base_width: int,
    dilation: int,
    shortcut: str = "as torchvision makes it",
    side: int = 56,
) -> Still:
    """The block at work on one map of ``in_channels`` × ``side`` × ``side``; an addition that fails is drawn in red.

    Args:
        kind: "basic" or "bottleneck".
        in_channels, planes, stride, groups, base_width, dilation: as ``networks.make_block`` takes them.
        shortcut: a key of ``SHORTCUTS``.
        side: of the map, in cells.

    Raises:
        BlockError: there is no such block; a sentence says why.

    Example:
        >>> draw_block(kind="basic", in_channels=64, planes=64, stride=1, groups=2, base_width=64, dilation=1)
        Traceback (most recent call last):
        course_lib.networks.resnet.blocks.BlockError: A BasicBlock cannot have groups=2: ...
    """
    with torch.device("meta"):
        made = make_block(
            kind, in_channels, planes, stride=stride, groups=groups, base_width=base_width, dilation=dilation,
            downsample=SHORTCUTS[shortcut],
        )  # fmt: skip
    plain = {"stride": (stride, 1), "groups": (groups, 1), "base_width": (base_width, 64), "dilation": (dilation, 1)}
    said = [f"{name}={value}" for name, (value, usual) in plain.items() if value != usual]
    title = f"{type(made).__name__}({', '.join([str(in_channels), str(planes), *said])})"
    return block(made, (in_channels, side, side), title=title)


@widget(
    moves=[
        {"planes": 128},
        {"stride": 2},
        {"kind": "bottleneck"},
        {"groups": 32},
        {"base_width": 4},
        {"dilation": 2},
        {"in_channels": 256},
        {"shortcut": "x itself, fits or not"},
        {"shortcut": "always a 1×1 conv"},
    ],
    refuses=[({"planez": 3}, "planes"), ({"kind": "basik"}, "basic")],
)
def block_explorer(*, side: int = 56, **start: Any) -> Explorer:
    """Kind × channels × planes × stride × groups × width × dilation × shortcut.

    Args:
        side: of the square map that goes in.
        start: where the controls stand at first; a number that is not among those offered is added to them.

    Raises:
        CourseError: a control that there is not, or a first block that cannot be made.
    """
    for name in start:
        if name not in _START:
            raise CourseError(f"This widget has no control {name!r}.{closest(name, _START)}")
    begin = {**_START, **start}
    if begin["shortcut"] not in SHORTCUTS:
        raise CourseError(f"shortcut={begin['shortcut']!r}: choose one of {', '.join(map(repr, SHORTCUTS))}.")

    @lru_cache(maxsize=256)
    def draw(**state: Any) -> Still:
        return draw_block(side=side, **state)

    draw(**begin)  # says what is wrong with a number before a control is made of it
    controls = {"kind": choice("kind", ["basic", "bottleneck"], begin["kind"])}
    for name, offered in _OFFERED.items():
        controls[name] = choice(name, sorted({*offered, begin[name]}), begin[name])
    controls["shortcut"] = choice("shortcut", SHORTCUTS, begin["shortcut"])
    return Explorer(draw, controls)
