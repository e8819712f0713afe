"""From a response map to a box: enlarge the map, keep what is above a threshold, put a box round it.

The scores are the class's logits, brought to 0 … 1 over the map; its probabilities are worse to threshold, since they
stay near 1 as long as the class leads at all (``benchmarks/localisation.py --tuning``). The region is the connected one
that holds the best place: a map of a class has other hills, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from skimage import measure
from torch import Tensor
from torch.nn import functional as F
from torchvision.ops import box_iou, masks_to_boxes

from course_lib.networks.fcn.fcn_error import FcnError
from course_lib.networks.fcn.fully import FullyConvolutional
from course_lib.networks.fcn.response_map import Box, ResponseMap, response_map

__all__ = ["THRESHOLD", "Localisation", "iou", "localise"]

#: Where a score counts as the object: chosen on the picture book's scenes, see ``course_lib.networks.fcn.kinds``.
THRESHOLD = 0.4


@dataclass(frozen=True, eq=False, repr=False)
class Localisation:
    """Where a class is in a picture.

    Attributes:
        label: the class.
        cell: (row, column) of the map's best cell for it.
        score: the logit of this cell.
        score_map: (H, W), the class's score for every pixel of the picture, from 0 (lowest) to 1 (highest).
        threshold: from which score on a pixel belongs to the object.
        mask: (H, W), true in the connected region round the best place whose scores reach the threshold.
        contour: (n, 2), the x and y of the region's outline in pixels, a closed line.
        box: the smallest box round the mask: (left, top, right, bottom), the last two outside.
    """

    label: str
    cell: tuple[int, int]
    score: float
    score_map: NDArray[np.float32]
    threshold: float
    mask: NDArray[np.bool_]
    contour: NDArray[np.float64]
    box: Box

    def __repr__(self) -> str:
        return f"Localisation({self.label!r}, box={self.box}, threshold={self.threshold:g})"


def localise(
    map_or_fcn: ResponseMap | FullyConvolutional,
    picture: object = None,
    *,
    label: str | int | None = None,
    threshold: float = THRESHOLD,
) -> Localisation:
    """Find where a class is.

    Args:
        map_or_fcn: a response map; or a fully convolutional network, and the picture to run through it.
        picture: anything ``images.open_image`` takes; only with a network.
        label: the class to look for, by name or place; the map's winner when left out.
        threshold: above 0, at most 1: which scores belong to the object, between the map's lowest (0) and highest (1).

    Raises:
        FcnError: the threshold is none, there is no such class, or a network came without a picture.
        PictureError: this is no picture.

    Example:
        >>> logits = torch.tensor([[[0.0, 0.0, 4.0, 0.0]]])
        >>> cells = ResponseMap(logits, ("camel",), size=(128, 32), stride=32, window=32)
        >>> found = localise(cells, threshold=0.5)
        >>> found.label, found.cell, found.score_map.shape, found.box
        ('camel', (0, 2), (32, 128), (64, 0, 96, 32))
    """
    if isinstance(map_or_fcn, ResponseMap):
        if picture is not None:
            raise FcnError("A response map has its picture behind it: give localise the map alone, or fcn and picture.")
        cells = map_or_fcn
    elif picture is None:
        raise FcnError(
            "localise needs a response map, or a fully convolutional network and a picture: "
            f"localise(fcn, picture). It got a {type(map_or_fcn).__name__} and no picture."
        )
    else:
        cells = response_map(map_or_fcn, picture)
    if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not 0 < threshold <= 1:
        raise FcnError(
            f"threshold={threshold!r}: give a number above 0 and at most 1. 0 is the map's lowest score, 1 its highest."
        )
    index = cells.index if label is None else cells.index_of(label)
    row, column = cells.cell_of(index)
    scores = _between(_enlarged(cells, index))
    mask = _region(scores, threshold)
    left, top, right, bottom = (int(edge) for edge in masks_to_boxes(torch.from_numpy(mask)[None])[0])
    return Localisation(
        label=cells.categories[index],
        cell=(row, column),
        score=float(cells.logits[index, row, column]),
        score_map=scores,
        threshold=float(threshold),
        mask=mask,
        contour=_outline(scores, mask, threshold),
        box=(left, top, right + 1, bottom + 1),  # masks_to_boxes names the last pixels, we the first ones outside
    )


def _enlarged(cells: ResponseMap, index: int) -> Tensor:
    """A class's logits for every pixel: (H, W). A cell's logit stands at the middle of its window; linear between."""
    layer = cells.logits[index]
    width, height = cells.size
    grid = []
    for pixels, count in ((height, layer.shape[0]), (width, layer.shape[1])):
        cell = (torch.arange(pixels) + 0.5 - cells.window / 2) / cells.stride  # the pixel's place, counted in cells
        grid.append(2 * cell / max(count - 1, 1) - 1)  # as grid_sample counts: -1 the first cell, 1 the last
    rows, columns = torch.meshgrid(*grid, indexing="ij")
    places = torch.stack([columns, rows], -1)[None]
    # Beyond the outermost middles nothing is known: the nearest cell's logit stays.
    return F.grid_sample(layer[None, None], places, padding_mode="border", align_corners=True)[0, 0]


def _between(logits: Tensor) -> NDArray[np.float32]:
    """From 0 at the lowest to 1 at the highest; 1 everywhere in a map that is flat: it says what, not where."""
    low, high = float(logits.min()), float(logits.max())
    scores = (logits - low) / (high - low) if high > low else torch.ones_like(logits)
    found: NDArray[np.float32] = scores.numpy()
    return found


def _region(scores: NDArray[np.float32], threshold: float) -> NDArray[np.bool_]:
    """The pixels that reach the threshold and hang together, side by side, with the best one."""
    regions = measure.label(scores >= threshold, connectivity=1)  # type: ignore[no-untyped-call]
    found: NDArray[np.bool_] = regions == regions.flat[int(scores.argmax())]
    return found


def _outline(scores: NDArray[np.float32], mask: NDArray[np.bool_], threshold: float) -> NDArray[np.float64]:
    """The region's outer contour as (n, 2) x and y, closed along the picture's edge where it touches it."""
    height, width = mask.shape
    others = (scores >= threshold) & ~mask
    alone = np.pad(np.where(others, 0, scores), 1)  # a rim of zeros closes what is cut by the edge
    # Pixels at the threshold itself belong to the region, so the line runs just below.
    level = np.nextafter(np.float32(threshold), np.float32(0))
    lines = measure.find_contours(alone, level)  # type: ignore[no-untyped-call]
    longest = max(lines, key=lambda line: float(np.prod(np.ptp(line, axis=0))))  # the others are holes in it
    outline: NDArray[np.float64] = np.clip(
        longest[:, ::-1] - 0.5, 0, (width, height)
    )  # a pixel's middle is at 0.5; the rim is one pixel
    return outline


def iou(box: Sequence[float], other: Sequence[float]) -> float:
    """How well two boxes agree: the area that both cover, divided by the area that either does.

    Args:
        box, other: (left, top, right, bottom).

    Returns:
        From 0 (they do not meet, or one has no area) to 1 (they are the same).

    Raises:
        FcnError: one of them is no box.

    Example:
        >>> round(iou((0, 0, 10, 10), (5, 0, 15, 10)), 4)
        0.3333
    """
    pair = [_as_box(one) for one in (box, other)]
    shared = float(box_iou(*(torch.tensor([one], dtype=torch.float64) for one in pair))[0, 0])
    return shared if shared == shared else 0.0  # two boxes without an area: 0 / 0


def _as_box(box: Sequence[float]) -> list[float]:
    try:
        edges = [float(edge) for edge in box]
    except (TypeError, ValueError):
        edges = []
    if len(edges) != 4 or not np.isfinite(edges).all() or edges[0] > edges[2] or edges[1] > edges[3]:
        raise FcnError(
            f"{box!r} is no box: give (left, top, right, bottom) in pixels, with left ≤ right and top ≤ bottom."
        )
    return edges
