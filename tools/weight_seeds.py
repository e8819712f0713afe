"""Which seeds of the picture book are for what: nothing that was learnt from is ever used to measure.

A seed is counted per class: every class draws each of these seeds once; only a locating scene's seed is one picture.
The ranges do not meet (a test says so), and there is no other place where they are written down.
"""

from __future__ import annotations

__all__ = ["EVAL_SEEDS", "SCENE_SEEDS", "SCENE_TUNING_SEEDS", "TRAINING_SEEDS", "TUNING_SEEDS"]

#: What the weights learnt from.
TRAINING_SEEDS = range(500_000)

#: What the recipe was chosen on: learning rate, number of steps, difficulty mix.
TUNING_SEEDS = range(900_000, 900_200)

#: What the published figures are measured on, once, at the end.
EVAL_SEEDS = range(1_000_000, 1_000_200)

#: What the kinds of response maps and the threshold of lesson 06 were chosen on: ``fcn.locating_scene`` of each.
SCENE_TUNING_SEEDS = range(920_000, 920_100)

#: What locating is measured on (``benchmarks/localisation.py``), and nothing else.
SCENE_SEEDS = range(1_100_000, 1_100_500)
