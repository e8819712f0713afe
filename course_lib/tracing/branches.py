"""Branches that meet in an addition: in which dimensions they differ, and the projection that makes a shortcut fit."""

from __future__ import annotations

from dataclasses import dataclass

from course_lib.tracing.records import Shape

__all__ = ["Projection", "differences", "projection"]

_MAPS = ("batch", "channels", "height", "width")
_STRIDES = range(1, 9)


@dataclass(frozen=True, slots=True)
class Projection:
    """A 1×1 convolution and a BatchNorm that make one map of another (He et al. 2015, section 3.3, option B).

    Attributes:
        stride: of the convolution.
        code: the line that makes it, without a name for it.
    """

    stride: int
    code: str


def projection(short: Shape, out: Shape) -> Projection | None:
    """What makes a map of shape ``out`` of ``short``; None where they are equal, or no stride up to 8 does it.

    Args:
        short: of the shortcut, (B, C, H, W).
        out: of the residual path, (B, C, H, W).

    Example:
        >>> projection((1, 64, 56, 56), (1, 128, 28, 28)).code
        'nn.Sequential(nn.Conv2d(64, 128, kernel_size=1, stride=2, bias=False), nn.BatchNorm2d(128))'
        >>> projection((1, 64, 28, 28), (1, 64, 56, 56)) is None
        True
    """
    if len(short) != 4 or len(out) != 4 or short == out or short[0] != out[0]:
        return None
    sides = list(zip(short[2:], out[2:], strict=True))
    stride = next((s for s in _STRIDES if all(-(-before // s) == after for before, after in sides)), 0)
    if not stride:
        return None
    conv = f"nn.Conv2d({short[1]}, {out[1]}, kernel_size=1, stride={stride}, bias=False)"
    return Projection(stride, f"nn.Sequential({conv}, nn.BatchNorm2d({out[1]}))")


def differences(first: Shape, second: Shape) -> str:
    """The dimensions that keep two shapes from being added; a size of 1 is repeated, so it is none of them.

    Maps (B, C, H, W) have names for their dimensions; those of other shapes are counted from 0, as PyTorch does.

    Example:
        >>> differences((1, 128, 28, 28), (1, 64, 56, 56))
        'the channels (128 and 64), height and width (28 and 56)'
        >>> differences((2, 196, 192), (1, 197, 192))
        'dimension 1 (196 and 197)'
    """
    rank = max(len(first), len(second))
    one, two = ((1,) * (rank - len(shape)) + tuple(shape) for shape in (first, second))
    unlike = [dim for dim in range(rank) if one[dim] != two[dim] and 1 not in (one[dim], two[dim])]
    maps = len(first) == len(second) == 4
    if maps and unlike[-2:] == [2, 3] and (one[2], two[2]) == (one[3], two[3]):
        parts = [f"{_MAPS[dim]} ({one[dim]} and {two[dim]})" for dim in unlike[:-2]]
        parts.append(f"height and width ({one[2]} and {two[2]})")
    else:
        parts = [f"{_MAPS[dim] if maps else f'dimension {dim}'} ({one[dim]} and {two[dim]})" for dim in unlike]
    return ("the " if maps else "") + ", ".join(parts)
