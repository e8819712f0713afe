"""How hard a scene is: four named settings of one dial, each a range for everything that makes seeing hard."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DIFFICULTIES", "Difficulty"]

Range = tuple[float, float]


@dataclass(frozen=True)
class Difficulty:
    """Ranges that a scene draws from.

    Attributes:
        size: the object's square, as a share of the picture's shorter side.
        cut: how much of the square may lie outside the picture, as a share of it.
        turn: how far it is turned, degrees either way.
        distractors: how many other things stand about.
        covered: the chance that something stands in front.
        at_home: the chance of a place that suits the class; else any place.
        blur: standard deviation in pixels of a 224-pixel picture.
        noise: standard deviation, of values from 0 to 1.
        contrast: factor round the picture's mean.
        light: how strongly the light falls from one side.
        fade: how far the object's colours go towards its surroundings.
    """

    size: Range
    cut: float
    turn: float
    distractors: tuple[int, int]
    covered: float
    at_home: float
    blur: Range
    noise: Range
    contrast: Range
    light: Range
    fade: Range


#: The dial.
DIFFICULTIES: dict[str, Difficulty] = {
    "easy": Difficulty((0.72, 0.95), 0.0, 6, (0, 1), 0.0, 0.9, (0, 0), (0, 0.01), (0.95, 1.1), (0.05, 0.25), (0, 0)),
    "standard": Difficulty(
        (0.42, 0.95), 0.05, 16, (0, 4), 0.25, 0.5, (0, 0.7), (0, 0.03), (0.75, 1.15), (0.05, 0.45), (0, 0.15)
    ),
    "hard": Difficulty(
        (0.26, 0.65), 0.08, 32, (2, 6), 0.6, 0.3, (0.2, 1.5), (0.02, 0.09), (0.5, 1.0), (0.1, 0.6), (0.05, 0.35)
    ),
    "extreme": Difficulty(
        (0.2, 0.6), 0.2, 40, (3, 8), 0.75, 0.3, (0.3, 1.8), (0.03, 0.11), (0.4, 0.95), (0.1, 0.6), (0.1, 0.45)
    ),
}
