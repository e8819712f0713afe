"""How the table of times was made: every model measured in rounds, and written to ``timings.json``.

    python -m tools.timing_survey [--check | --more] [--models "resnet*" "vgg*"] [--seconds 420]

Every weights entry's model and size, one picture, on the CPU and on a GPU where there is one. Other work on a machine
only ever adds: so the models are measured in rounds, of a model's rounds the fastest is kept, and it takes part until
its two fastest agree or the time is over. With ``--check`` the medians are compared with the table, and nothing is
written; with ``--more`` the faster of the two stays, which is what a machine with other work to do needs; with
``--models`` only these are measured, and the other rows stay as they are.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from fnmatch import fnmatch
from typing import Any

import torch
import torchvision
from torchvision.models import get_model_weights, list_models

from course_lib.measuring import timing_table
from course_lib.measuring.clock import Timing, devices, machine_name
from course_lib.measuring.quick_models import quick_model
from course_lib.measuring.timing import measure
from course_lib.measuring.timing_table import side_of
from course_lib.progress import track

__all__ = ["main", "rounds", "spread", "wanted"]

_SECONDS, _BUDGET, _SLOW, _AGREE = 420.0, 0.6, 1.0, 0.04


def wanted() -> list[tuple[str, int]]:
    """Every model of torchvision with every size that one of its weights entries expects.

    Example:
        >>> ("resnet18", 224) in wanted(), ("vit_b_16", 384) in wanted()
        (True, True)
    """
    return [
        (name, side)
        for name in list_models(module=torchvision.models)
        for side in sorted({side_of(entry) for entry in get_model_weights(name)})
    ]


def rounds(
    todo: Sequence[tuple[str, int]], device: str = "cpu", limit: float = _SECONDS
) -> dict[tuple[str, int], list[Timing]]:
    """Every model's timings, one for each round that it took part in; rounds end when all are settled, or at a time."""
    found: dict[tuple[str, int], list[Timing]] = {key: [] for key in todo}
    end = time.monotonic() + limit

    def turns() -> Iterable[tuple[str, int]]:
        while left := [key for key in todo if not _settled(found[key])]:
            for key in left:
                if found[key] and time.monotonic() > end:
                    return
                yield key

    for name, side in track(turns(), f"timing {len(todo)} models on the {device}"):
        model = quick_model(name, side=side)
        found[name, side].append(measure(model, (1, 3, side, side), device=device, budget=_BUDGET, spread=0.03))
    return found


def _settled(timings: Sequence[Timing]) -> bool:
    """Whether another round would say the same: the two fastest agree. What takes long has one round only."""
    first, *second = sorted(one.median for one in timings)[:2] or [0.0]
    return first > _SLOW or (bool(second) and second[0] <= (1 + _AGREE) * first)


def spread(timings: Iterable[Sequence[Timing]]) -> tuple[float, float]:
    """How far the two fastest rounds of a model are apart, as a share of the faster: in the middle, and at worst."""
    pairs = [sorted(one.median for one in row)[:2] for row in timings if len(row) > 1]
    each = [slower / faster - 1 for faster, slower in pairs]
    return (statistics.median(each), max(each)) if each else (math.nan, math.nan)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and write the table or compare with it."""
    parser = argparse.ArgumentParser(prog="python -m tools.timing_survey", description="Measure every model's forward.")
    parser.add_argument("--check", action="store_true", help="compare with the stored table and write nothing")
    parser.add_argument("--more", action="store_true", help="keep what is stored where it is faster")
    parser.add_argument("--models", nargs="+", default=["*"], help="patterns; the rows of other models stay")
    parser.add_argument("--seconds", type=float, default=_SECONDS, help="no second round after so long")
    asked = parser.parse_args(arguments)
    todo = [key for key in wanted() if any(fnmatch(key[0], pattern) for pattern in asked.models)]
    best: dict[tuple[str, int, str], Timing] = {}
    for device in devices():
        found = rounds(todo, device, asked.seconds)
        middle, worst = spread(found.values())
        print(f"{device}: {len(found)} models and sizes, two fastest rounds {middle:.1%} apart, worst {worst:.1%}")
        best |= {(*key, device): min(row, key=lambda one: one.median) for key, row in found.items()}
    if asked.check or asked.more:
        ratios = [best[key].median / one.median for key, one in timing_table.table().items() if key in best]
        print(f"{len(ratios)} of them stored: {statistics.median(ratios):.2f} times as long as in the table")
    if asked.more:
        best = {
            key: min(one, timing_table.table().get(key, one), key=lambda each: each.median) for key, one in best.items()
        }
    if not asked.check:
        if len(todo) < len(wanted()):
            best = timing_table.table() | best
        _write(best)
        print(f"{len(best)} rows written to {timing_table.PATH}")


def _write(best: dict[tuple[str, int, str], Timing]) -> None:
    """One line a row, so that a new measurement can be read as a difference."""
    common: dict[str, dict[str, Any]] = {}
    rows = []
    for (name, _, device), one in sorted(best.items()):
        row = asdict(one)
        row |= {key: float(f"{row[key]:.4g}") for key in ("median", "low", "high")}
        row = {key: value for key, value in row.items() if key not in ("stored", "rounds")}
        common[device] = {key: row.pop(key) for key in ("threads", "machine")}
        common[device]["machine"] = f"{machine_name(device)}, PyTorch {torch.__version__.split('+')[0]}"
        rows.append(json.dumps({"model": name, **row}))
    timing_table.PATH.write_text(f'{{"common": {json.dumps(common)},\n"rows": [\n' + ",\n".join(rows) + "\n]}\n")
    timing_table.table.cache_clear()


if __name__ == "__main__":
    main()
