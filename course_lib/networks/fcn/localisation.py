"""From a response map to a box: enlarge the map, keep what is above a threshold, put a box around it.

The scores are the class's logits, scaled to 0 … 1 over the map. Its probabilities are worse to threshold, since they
stay near 1 as long as the class leads at all (``benchmarks/localisation.py --tuning``). Of the regions above the
threshold, only the one with the best pixel counts.

``locating_scene`` draws scenes to try it on: one object anywhere, its true box known.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from skimage import measure
from torch import Tensor
from torchvision.ops import box_iou, masks_to_boxes

from course_lib.errors import CourseError
from course_lib.networks.fcn.fully_convolutional import FcnError, FullyConvolutional, interpolate
from course_lib.networks.fcn.response_maps import Box, ResponseMap, response_map
from picturebook import CLASSES, Scene, scene

__all__ = ["SCENE_SIZE", "THRESHOLD", "Localisation", "iou", "localise", "locating_scene"]

#: The score from which a pixel counts as the object, chosen on the same scenes as ``KINDS``.
THRESHOLD = 0.4

#: (height, width) in pixels of the scenes that localisation is tried on: that of the camel's picture in lesson 06.
SCENE_SIZE = (387, 1024)
_OBJECT_SIDES = (0.30, 0.85)  # of the object's square, as shares of the picture's height


@dataclass(frozen=True, eq=False, repr=False)
class Localisation:
    """Where a class is in a picture.

    Attributes:
        label: the class.
        cell: (row, column) of the map's best cell for it.
        score: the logit of this cell.
        score_map: (H, W), the class's score for every pixel of the picture, from 0 (lowest) to 1 (highest).
        threshold: the score from which a pixel belongs to the object.
        mask: (H, W), true in the connected region around the best pixel whose scores reach the threshold.
        contour: (n, 2), the x and y of the region's outline in pixels, a closed line.
        box: the smallest box around the mask: (left, top, right, bottom); right and bottom are outside it.
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
        label: the class to look for, by name or index; the map's winner when left out.
        threshold: the score from which a pixel belongs to the object: above 0, at most 1. The map's lowest score is 0,
            its highest 1.

    Raises:
        FcnError: the threshold is out of range, there is no such class, or a network came without a picture.
        PictureError: this is not a picture.

    Example:
        >>> logits = torch.tensor([[[0.0, 0.0, 4.0, 0.0]]])
        >>> cells = ResponseMap(logits, ("camel",), size=(128, 32), stride=32, window=32)
        >>> place = localise(cells, threshold=0.5)
        >>> place.label, place.cell, place.score_map.shape, place.box
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
    scores = _scaled_scores(_enlarged(cells, index))
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
    """A class's logits for every pixel, (H, W): a cell's is at its window's middle, between them it is interpolated."""
    width, height = cells.size
    rows, columns = ((torch.arange(pixels) + 0.5 - cells.window / 2) / cells.stride for pixels in (height, width))
    return interpolate(cells.logits[None, index : index + 1], rows, columns)[0, 0]


def _scaled_scores(logits: Tensor) -> NDArray[np.float32]:
    """From 0 at the lowest to 1 at the highest; 1 everywhere in a flat map, which tells what is there but not where."""
    low, high = float(logits.min()), float(logits.max())
    scores = (logits - low) / (high - low) if high > low else torch.ones_like(logits)
    array: NDArray[np.float32] = scores.numpy()
    return array


def _region(scores: NDArray[np.float32], threshold: float) -> NDArray[np.bool_]:
    """The pixels that reach the threshold and are connected with the best one by their sides."""
    regions = measure.label(scores >= threshold, connectivity=1)  # type: ignore[no-untyped-call]
    region: NDArray[np.bool_] = regions == regions.flat[int(scores.argmax())]
    return region


def _outline(scores: NDArray[np.float32], mask: NDArray[np.bool_], threshold: float) -> NDArray[np.float64]:
    """The region's outer contour as (n, 2) x and y, closed along the picture's edge where it touches it."""
    height, width = mask.shape
    others = (scores >= threshold) & ~mask
    alone = np.pad(np.where(others, 0, scores), 1)  # a rim of zeros closes the line along the picture's edge
    # Pixels at the threshold itself belong to the region, so the line runs just below it.
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
        FcnError: one of them is not a box.

    Example:
        >>> round(iou((0, 0, 10, 10), (5, 0, 15, 10)), 4)
        0.3333
    """
    first, second = (torch.tensor([_edges(edges)], dtype=torch.float64) for edges in (box, other))
    shared = float(box_iou(first, second)[0, 0])
    return 0.0 if math.isnan(shared) else shared  # two boxes without an area: 0 / 0


def _edges(box: Sequence[float]) -> list[float]:
    try:
        edges = [float(edge) for edge in box]
    except (TypeError, ValueError):
        edges = []
    if len(edges) != 4 or not np.isfinite(edges).all() or edges[0] > edges[2] or edges[1] > edges[3]:
        raise FcnError(
            f"{box!r} isn't a box: give (left, top, right, bottom) in pixels, with left ≤ right and top ≤ bottom."
        )
    return edges


def locating_scene(seed: int, *, difficulty: str = "standard") -> Scene:
    """Draw a wide scene with one object, whole and anywhere; ten seeds in a row show the ten classes.

    The object's square has a side of 30 to 85% of the picture's height.

    Args:
        seed: any whole number from 0. ``tools.weight_seeds.SCENE_SEEDS`` are reserved for the published figures.
        difficulty: as in ``picturebook.scene``.

    Raises:
        CourseError: the seed is not a whole number from 0, or there is no such difficulty.

    Example:
        >>> drawn = locating_scene(40)
        >>> drawn.picture.size, drawn.label
        ((1024, 387), 'camel')
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise CourseError(f"seed={seed!r}: a seed is a whole number from 0, such as seed=7.")
    generator = np.random.default_rng(int(seed))
    height, width = SCENE_SIZE
    share = generator.uniform(*_OBJECT_SIDES)
    half = share * height / 2
    x, y = generator.uniform(half, width - half) / width, generator.uniform(half, height - half) / height
    label = CLASSES[int(seed) % len(CLASSES)]
    return scene(label, seed=int(seed), size=SCENE_SIZE, difficulty=difficulty, where=(x, y, share))
