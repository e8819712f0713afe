"""How a widget declares itself: what it is built from in tests and the benchmark, how it is moved, what it refuses.

Tests and benchmark find every widget by its declaration, so that a new one is an edit in its own file alone:

    @widget(
        example=lambda given: {"picture": given.pictures["dog"]},
        moves=[{"percent": 40}],
        refuses=[({"percent": 500}, "from 0 to 95")],
    )
    def crop_explorer(picture, *, percent=0) -> Explorer: ...
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from PIL import Image

from course_lib.measuring.choosing import Point
from course_lib.measuring.clock import Timing
from course_lib.models.classifier import Classifier
from course_lib.models.predictions import FolderPredictions
from course_lib.networks.training import Epoch
from picturebook import Scene

__all__ = ["Declaration", "Given", "widget"]

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Given:
    """What examples are made from: small things in the tests, a learner's own sizes in the benchmark.

    Attributes:
        classifiers: "shufflenet_v2_x0_5" and "squeezenet1_1", which answer.
        resnet, squeezenet: a ResNet of the ten classes and a SqueezeNet, which can be looked into.
        pictures: "dog" and "car".
        scenes: "camel" and "empty", wide.
        folder: 24 or more pictures of ants and bees, some of them taken for the other.
        points: models to choose from, "resnet50" among them.
        measure: times models by their names, at once.
        epochs: a training's history.
    """

    classifiers: Sequence[Classifier]
    resnet: Classifier
    squeezenet: Classifier
    pictures: Mapping[str, Image.Image]
    scenes: Mapping[str, Scene]
    folder: FolderPredictions
    points: Sequence[Point]
    measure: Callable[..., Mapping[str, Timing]]
    epochs: Sequence[Epoch]


@dataclass(frozen=True)
class Declaration:
    """Attributes:
    example: the arguments to build it with.
    moves: what its controls are moved to, one after the other; each move changes the picture, each control is moved.
    refuses: (arguments, words of the sentence): instead of the example's, what must be answered with a CourseError.
    """

    example: Callable[[Given], Mapping[str, Any]]
    moves: Sequence[Mapping[str, Any]]
    refuses: Sequence[tuple[Mapping[str, Any], str]]


def widget(
    *,
    example: Callable[[Given], Mapping[str, Any]] = lambda given: {},
    moves: Sequence[Mapping[str, Any]],
    refuses: Sequence[tuple[Mapping[str, Any], str]],
) -> Callable[[Function], Function]:
    """Declare a function that makes an ``Explorer`` to be one of the course's widgets."""

    def declared(function: Function) -> Function:
        function.declaration = Declaration(example, moves, refuses)  # type: ignore[attr-defined]
        return function

    return declared
