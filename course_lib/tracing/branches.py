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
        short, out: the shapes of the shortcut and of the residual path, (B, C, H, W).
        stride: the convolution's.
    """

    short: Shape
    out: Shape
    stride: int

    @property
    def code(self) -> str:
        """The expression that builds it."""
        conv = f"nn.Conv2d({self.short[1]}, {self.out[1]}, kernel_size=1, stride={self.stride}, bias=False)"
        return f"nn.Sequential({conv}, nn.BatchNorm2d({self.out[1]}))"


def projection(short: Shape, out: Shape) -> Projection | None:
    """What makes a map of shape ``out`` of ``short``; None where they are equal, or no stride up to 8 does it.

    Args:
        short: the shape of the shortcut, (B, C, H, W).
        out: the shape of the residual path, (B, C, H, W).

    Example:
        >>> projection((1, 64, 56, 56), (1, 128, 28, 28)).code
        'nn.Sequential(nn.Conv2d(64, 128, kernel_size=1, stride=2, bias=False), nn.BatchNorm2d(128))'
        >>> projection((1, 64, 28, 28), (1, 64, 56, 56)) is None
        True
    """
    if len(short) != 4 or len(out) != 4 or short == out or short[0] != out[0]:
        return None
    sides = list(zip(short[2:], out[2:], strict=True))
    strides = (s for s in _STRIDES if all(-(-before // s) == after for before, after in sides))
    stride = next(strides, 0)
    return Projection(short, out, stride) if stride else None


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
    left, right = ((1,) * (rank - len(shape)) + tuple(shape) for shape in (first, second))
    unlike = [dim for dim in range(rank) if left[dim] != right[dim] and 1 not in (left[dim], right[dim])]
    maps = len(first) == len(second) == 4
    square = maps and unlike[-2:] == [2, 3] and (left[2], right[2]) == (left[3], right[3])
    parts = [
        f"{_MAPS[dim] if maps else f'dimension {dim}'} ({left[dim]} and {right[dim]})"
        for dim in (unlike[:-2] if square else unlike)
    ]
    parts += [f"height and width ({left[2]} and {right[2]})"] if square else []
    return ("the " if maps else "") + ", ".join(parts)
