"""How well the course's ResNet18 points at an object in a wide scene, and how well its box fits.

    python benchmarks/localisation.py [--tuning] [--first N]

500 scenes of 387×1024 pixels with one object anywhere (``SCENE_SEEDS``, used for nothing else), five kinds of map
(``networks.fcn.KINDS``), the box by ``localise`` as it is. Pointing counts as right when the map's best cell names
the right class and the middle of its window is inside the true box: stricter than the pointing game (Zhang et al. 2016,
https://arxiv.org/abs/1608.00507), which is told the class and forgives 15 pixels. The box's IoU counts whatever class
was named.

With ``--tuning``: what the kinds and the threshold were chosen from, on other scenes (``SCENE_TUNING_SEEDS``).
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import mean
from typing import Any

from course_lib.models.classifier import load_classifier
from course_lib.networks.fcn import KINDS, THRESHOLD, ResponseMap, convert, iou, localise, locating_scene, response_map
from course_lib.progress import track
from picturebook import Scene
from tools.weight_seeds import SCENE_SEEDS, SCENE_TUNING_SEEDS

POINTING, IOU = 0.95, 0.5
THRESHOLDS = (0.3, 0.35, 0.4, 0.45, 0.5, 0.6)
TRIED: dict[str, Mapping[str, Any]] = {
    "plain": {},
    **{f"dense, pool {pool}×{pool}": {"dense": True, "pool": pool} for pool in (7, 5, 4, 3, 2, 1)},
    **{f"dilated once, pool {pool}×{pool}": {"dilated": 1, "pool": pool} for pool in (7, 4, 3)},
    **{
        f"pyramid {' '.join(map(str, scales))}, pool {pool}×{pool}": {"dense": True, "pool": pool, "pyramid": scales}
        for scales in ((1.0, 0.75), (1.0, 0.5), (1.0, 0.75, 0.5))
        for pool in (4, 3, 2)
    },
}


@dataclass(frozen=True)
class Hit:
    """One scene, one map: is the class right, is the best window's middle in the box, how well does each box fit."""

    named: bool
    inside: bool
    fits: tuple[float, ...]


def judge(cells: ResponseMap, scene: Scene, thresholds: Sequence[float]) -> Hit:
    x, y = cells.middle_of(*cells.cell)
    x, y = min(x, scene.picture.width - 1), min(y, scene.picture.height - 1)
    left, top, right, bottom = scene.box
    fits = tuple(iou(localise(cells, threshold=one).box, scene.box) for one in thresholds)
    return Hit(cells.label == scene.label, left <= x < right and top <= y < bottom, fits)


def hits(
    kinds: Mapping[str, Mapping[str, Any]],
    seeds: Sequence[int],
    thresholds: Sequence[float],
    views: Mapping[str, Callable[[ResponseMap], ResponseMap]],
) -> dict[tuple[str, str], list[Hit]]:
    """(kind, view) → a hit for every seed; every scene is drawn once."""
    classifier = load_classifier("resnet18", weights="course")
    networks = {name: convert(classifier, **options) for name, options in kinds.items()}
    found: dict[tuple[str, str], list[Hit]] = defaultdict(list)

    def maps(scene: Scene) -> Iterator[tuple[str, str, ResponseMap]]:
        for name, fcn in networks.items():
            cells = response_map(fcn, scene.picture)
            for view, seen_as in views.items():
                yield name, view, seen_as(cells)

    for seed in track(seeds, f"{len(seeds)} scenes"):
        scene = locating_scene(seed)
        for name, view, cells in maps(scene):
            found[name, view].append(judge(cells, scene, thresholds))
    return found


def measure(seeds: Sequence[int]) -> int:
    found = hits(KINDS, seeds, (THRESHOLD,), {"logits": lambda cells: cells})
    print(f"course resnet18, {len(seeds)} scenes of 387×1024, threshold {THRESHOLD}")
    print(f"{'':<34} class  inside  pointing  mean IoU  IoU ≥ 0.5")
    for (name, _), row in found.items():
        named, inside = mean(one.named for one in row), mean(one.inside for one in row)
        both = mean(one.named and one.inside for one in row)
        fits = [one.fits[0] for one in row]
        half = mean(one >= 0.5 for one in fits)
        print(f"{name:<34} {named:5.1%}  {inside:6.1%}  {both:8.1%}  {mean(fits):8.3f}  {half:9.1%}", flush=True)
    small = found["pool of 4", "logits"]
    pointing, fit = mean(one.named and one.inside for one in small), mean(one.fits[0] for one in small)
    print(f"bars for the pool of 4: pointing {pointing:.1%} (≥ {POINTING:.0%}), mean IoU {fit:.3f} (≥ {IOU})")
    return 0 if pointing >= POINTING and fit >= IOU else 1


def tune(seeds: Sequence[int]) -> int:
    views: dict[str, Callable[[ResponseMap], ResponseMap]] = {
        "logits": lambda cells: cells,
        "probabilities": lambda cells: replace(cells, logits=cells.probabilities),
    }
    found = hits(TRIED, seeds, THRESHOLDS, views)
    print(f"course resnet18, {len(seeds)} tuning scenes; mean IoU for each threshold")
    print(f"{'':<32} {'':<14} pointing  " + "  ".join(f"{one:4.2f}" for one in THRESHOLDS))
    for (name, view), row in found.items():
        fits = "  ".join(f"{mean(one.fits[k] for one in row):4.2f}" for k in range(len(THRESHOLDS)))
        print(f"{name:<32} {view:<14} {mean(one.named and one.inside for one in row):8.0%}  {fits}")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tuning", action="store_true")
    parser.add_argument("--first", type=int, default=None, help="so many scenes only")
    options = parser.parse_args()
    seeds = (SCENE_TUNING_SEEDS if options.tuning else SCENE_SEEDS)[: options.first]
    return tune(seeds) if options.tuning else measure(seeds)


if __name__ == "__main__":
    sys.exit(main())
