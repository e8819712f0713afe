"""Any tensor of a forward as channels × rows × columns, and a network's operations grouped by the size of its maps.

A convolution's output has maps as it is; tokens of a transformer are laid out as their patches lie in the picture; a
vector is one number a channel; anything else is shown slice by slice, as its last two dimensions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isqrt, prod

import torch
from torch import Tensor

from course_lib.tracing.activations import Activations
from course_lib.tracing.layer_maps import LayerError, map_orders
from course_lib.tracing.ops import Op

__all__ = ["Layouts", "MapLayout", "MapStage", "map_stages"]

_MOST = 6  # stages of maps
_LONG, _PARTS = 15, 5  # from how many ops on a single stage is cut, and into how many
_PLAIN = (0, 1, 2, 3)
_ARRANGING = frozenset({"view", "reshape", "permute", "transpose", "contiguous", "dropout", "getitem", "chunk", "pad",
                        "roll", "unsqueeze", "expand", "batch_norm", "layer_norm"})  # fmt: skip


@dataclass(frozen=True, slots=True)
class MapLayout:
    """How a tensor is looked at.

    Attributes:
        shape: the tensor's.
        kind: "maps"; "tokens", of which one that stands for no patch fills the first row; "vector"; or "slices".
        order: where (batch, channels, rows, columns) stand, for maps; (batch, tokens, channels) for tokens.
        channels, rows, columns: what it looks like.
        extra: whether the first row is the token that stands for no patch.
    """

    shape: tuple[int, ...]
    kind: str
    order: tuple[int, ...]
    channels: int
    rows: int
    columns: int
    extra: bool = False

    def cell(self, channel: int, row: int, column: int) -> tuple[int, ...]:
        """Where a number stands in the tensor.

        Raises:
            LayerError: there is no such channel, row or column.
        """
        inside = 0 <= channel < self.channels and 0 <= row < self.rows and 0 <= column < self.columns
        if not inside:
            raise LayerError(
                f"There is no number at channel {channel}, row {row}, column {column}: there are {self.channels} "
                f"channels of {self.rows}×{self.columns}, counted from 0."
            )
        if self.kind == "maps":
            place = dict(zip(self.order, (0, channel, row, column), strict=True))
            return tuple(place[dim] for dim in range(4))
        if self.kind == "tokens":
            token = row * self.columns + column
            if self.extra:
                token = 0 if row == 0 else 1 + token - self.columns
            where = dict(zip(self.order, (0, token, channel), strict=True))
            return tuple(where[dim] for dim in range(3))
        flat = (channel * self.rows + row) * self.columns + column
        cell: list[int] = []
        for many in reversed(self.shape):
            cell.insert(0, flat % many)
            flat //= many
        return tuple(cell)

    def place(self, cell: Sequence[int]) -> tuple[int, int, int]:
        """The channel, row and column of a number; of a cell in the padding, too."""
        if self.kind == "maps":
            _, channel, row, column = (cell[dim] for dim in self.order)
            return channel, row, column
        if self.kind == "tokens":
            _, token, channel = (cell[dim] for dim in self.order)
            if self.extra:
                token = token + self.columns - 1 if token else 0
            return channel, *divmod(token, self.columns)
        flat = 0
        for n, many in zip(cell, self.shape, strict=True):
            flat = flat * many + n
        channel, inside = divmod(flat, self.rows * self.columns)
        return channel, *divmod(inside, self.columns)

    def maps(self, tensor: Tensor) -> Tensor:
        """The tensor as (channels, rows, columns)."""
        if self.kind == "maps":
            return tensor.permute(self.order)[0]
        if self.kind == "tokens":
            tokens = tensor.permute(self.order)[0].T  # (channels, tokens)
            if self.extra:
                tokens = torch.cat([tokens[:, :1].expand(-1, self.columns), tokens[:, 1:]], 1)
            return tokens.reshape(self.channels, self.rows, self.columns)
        return tensor.reshape(self.channels, self.rows, self.columns)


# -- layouts ----------------------------------------------------------------------------------------------------------
class Layouts:
    """The layouts of all tensors of one forward."""

    def __init__(self, seen: Activations) -> None:
        self.seen = seen
        self._orders = map_orders(seen.ops, *seen.batch.shape[-2:])

    def of(self, source: int | None, shape: Sequence[int]) -> MapLayout:
        """How to look at a tensor.

        Args:
            source: the index of the op that it came from; -1 for the picture, None for a weight.
            shape: its shape: an op may give several tensors.
        """
        shape = tuple(shape)
        order = (0, 1, 2, 3) if source == -1 else None
        if source is not None and source >= 0:
            order = self._orders.get(self.seen.ops[source].name)
        if order is not None and len(shape) == 4:
            _, channels, tall, wide = (shape[dim] for dim in order)
            return MapLayout(shape, "maps", order, channels, tall, wide)
        if prod(shape) == max(shape, default=1):  # one dimension that is longer than 1, or none
            return MapLayout(shape, "vector", _PLAIN, prod(shape), 1, 1)
        if source is not None and len(shape) == 3 and 1 in shape[:2]:
            batch = shape.index(1)
            many = shape[1 - batch]
            for extra in (0, 1):
                side = isqrt(many - extra)
                if side > 1 and side * side == many - extra:
                    places = (batch, 1 - batch, 2)
                    return MapLayout(shape, "tokens", places, shape[2], side + extra, side, bool(extra))
        tall, wide = shape[-2:]
        return MapLayout(shape, "slices", _PLAIN, prod(shape[:-2]), tall, wide)

    def output(self, op: Op) -> MapLayout:
        """How to look at an op's (first) output."""
        return self.of(op.index, op.output)


# -- stages -----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class MapStage:
    """Operations whose maps have the same size.

    Attributes:
        ops: in the order they ran.
        shown: the one whose maps stand for the stage.
    """

    ops: tuple[Op, ...]
    shown: Op


def map_stages(layouts: Layouts) -> tuple[MapStage, ...]:
    """A forward's ops by the size of their maps, from the largest to what comes after the last map.

    Ops on something else, such as a squeeze-and-excitation's vectors, belong to the stage that feeds them. There are at
    most six stages of maps; a network whose maps all have one size, such as a ViT, is cut into five equal parts.

    Example:
        >>> import torch
        >>> from torchvision.models import resnet18
        >>> from course_lib.tracing.activations import activations
        >>> stages = map_stages(Layouts(activations(resnet18(), torch.zeros(1, 3, 224, 224))))
        >>> [stage.shown.name for stage in stages]
        ['relu', 'layer1.1.relu_1', 'layer2.1.relu_1', 'layer3.1.relu_1', 'layer4.1.relu_1', 'flatten']
    """
    ops = layouts.seen.followed
    sizes = {op.index: _size(layouts.output(op)) for op in ops}
    last = max((index for index, size in sizes.items() if size != (1, 1)), default=-1)
    keys: dict[int, tuple[int, int]] = {}
    for op in ops:
        size = None if op.plain == "pad" else sizes[op.index]
        fed = [keys[source] for source in op.sources if source in keys]
        joins = size is None or (size == (1, 1) and op.index < last)
        keys[op.index] = fed[0] if joins and fed else sizes[op.index] or (1, 1)
    groups: dict[tuple[int, int], list[Op]] = {}
    for op in ops:
        groups.setdefault(keys[op.index], []).append(op)
    ordered = [groups[key] for key in sorted(groups, key=lambda key: -key[0] * key[1]) if key != (1, 1)]
    while True:
        idle = [place for place, group in enumerate(ordered[:-1]) if all(op.plain in _ARRANGING for op in group)]
        if not idle and len(ordered) <= _MOST:
            break
        least = idle[0] if idle else min(range(len(ordered) - 1), key=lambda place: len(ordered[place]))
        ordered[least : least + 2] = [sorted(ordered[least] + ordered[least + 1], key=lambda op: op.index)]
    if len(ordered) == 1 and len(ordered[0]) >= _LONG:
        (only,) = ordered
        cuts = [round(k * len(only) / _PARTS) for k in range(_PARTS + 1)]
        ordered = [only[a:b] for a, b in pairwise(cuts)]
    stages = [MapStage(tuple(group), _shown(group, layouts)) for group in ordered]
    vectors = groups.get((1, 1), [])
    if vectors:
        before = [op for op in vectors if op.output != vectors[-1].output] or vectors
        stages.append(MapStage(tuple(vectors), before[-1]))
    return tuple(stages)


def _size(layout: MapLayout) -> tuple[int, int] | None:
    """Rows and columns of maps; None for what has none."""
    if layout.kind == "slices":
        return None
    return layout.rows - layout.extra, layout.columns


def _shown(group: Sequence[Op], layouts: Layouts) -> Op:
    """The last op with maps of the smallest size of its stage that doesn't only arrange or rescale."""
    with_maps = [op for op in group if layouts.output(op).kind in ("maps", "tokens") and layouts.output(op).rows > 1]
    smallest = min((layouts.output(op).rows for op in with_maps), default=0)
    good = [op for op in with_maps if layouts.output(op).rows == smallest and op.plain not in _ARRANGING]
    return (good or with_maps or list(group))[-1]
