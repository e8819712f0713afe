"""Where is the camel? Scene × class × kind of map × scale × threshold → overlay, outline, box, IoU with the truth."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache

from PIL import Image

from course_lib.drawing.response_figure import coloured_scores, draw_response
from course_lib.drawing.still import Still
from course_lib.errors import CourseError
from course_lib.models.classifier import Classifier
from course_lib.networks.fcn import KINDS, THRESHOLD, FullyConvolutional, ResponseMap, convert, localise, response_map
from course_lib.tracing.layer_maps import fingerprint
from course_lib.widgets.declaration import widget
from course_lib.widgets.explorer import Explorer, choice, number
from picturebook import Scene, counts_as

__all__ = ["BEST", "SCALES", "response_map_explorer"]

#: The class with the largest score anywhere, whichever that is.
BEST = "the strongest one"
#: Name → by how much the picture is made larger or smaller before the network sees it.
SCALES: dict[str, float] = {"its own size": 1.0, "3/4 of it": 0.75, "half of it": 0.5, "a third of it": 1 / 3}
_KEPT = 64  # response maps in memory, a few kB each
_PAINTED = 12  # pictures with their scores, 3 MB each


@widget(
    example=lambda given: {"scenes": given.scenes, "classifier": given.resnet},
    moves=[
        {"kind": "dense"},
        {"threshold": 0.7},
        {"scene": "empty"},
        {"label": "cat"},
        {"scale": "3/4 of it"},
        {"kind": "pyramid"},
        {"label": BEST},
        {"scene": "camel"},
        {"kind": "plain"},
    ],
    refuses=[({"scenes": {}}, "no scene"), ({"kind": "denser"}, "denser"), ({"label": "unicorn"}, "unicorn")],
)
def response_map_explorer(
    scenes: Mapping[str, Scene],
    classifier: Classifier,
    *,
    kind: str = "plain",
    scale: str = "its own size",
    label: str = BEST,
    threshold: float = THRESHOLD,
) -> Explorer:
    """A scene, a class, a kind of map, the picture's size and a threshold; the found box against the true one.

    Args:
        scenes: by name; their boxes are the truth.
        classifier: its live model is converted.
        kind: one of ``fcn.KINDS``.
        scale: one of ``SCALES``.
        label: one of the classifier's categories, or ``BEST``.
        threshold: from 0.05 to 0.95, as ``networks.localise`` takes it.

    Raises:
        CourseError: no scene, no such kind, scale or class, or a model that cannot be converted.
    """
    if not scenes:
        raise CourseError("There is no scene to look at: give at least one, by name.")
    for value, known, what in ((kind, KINDS, "kind"), (scale, SCALES, "scale")):
        if value not in known:
            raise CourseError(f"{what}={value!r}: choose one of {', '.join(map(repr, known))}.")
    if label not in (BEST, *classifier.categories):
        raise CourseError(f"label={label!r} isn't a class of {classifier.name}; {BEST!r} is always there.")

    @cache
    def network(kind: str, scale: str) -> FullyConvolutional:
        how = dict(KINDS[kind])
        how["pyramid"] = tuple(SCALES[scale] * one for one in how.get("pyramid", (1.0,)))
        return convert(classifier, **how)

    @lru_cache(maxsize=_KEPT)
    def mapped(scene: str, kind: str, scale: str, _weights: int) -> ResponseMap:
        return response_map(network(kind, scale), scenes[scene].picture)

    @lru_cache(maxsize=_PAINTED)
    def painted(scene: str, kind: str, scale: str, label: str, weights: int) -> Image.Image:
        return coloured_scores(scenes[scene].picture, localise(mapped(scene, kind, scale, weights), label=label))

    def draw(scene: str, label: str, kind: str, scale: str, threshold: float) -> Still:
        weights = fingerprint(classifier.model)
        cells = mapped(scene, kind, scale, weights)
        found = localise(cells, label=None if label == BEST else label, threshold=threshold)
        drawn = scenes[scene]
        # Of ImageNet's classes several count as a dog, and none is called so.
        right = [classifier.categories[index] for index in counts_as(drawn.label, classifier.categories)]
        return draw_response(
            drawn.picture,
            found,
            drawn.box if drawn.things else None,
            cells=cells,
            title=f"{kind}, {scale}" if scale != "its own size" else kind,
            true_label=found.label if found.label in right else drawn.label,
            painted=painted(scene, kind, scale, found.label, weights),
        )

    def named(place: tuple[int, int]) -> dict[str, str]:
        """The class that the touched cell names."""
        scene, kind, scale = (controls[name].value for name in ("scene", "kind", "scale"))
        return {"label": mapped(scene, kind, scale, fingerprint(classifier.model)).labels[place[0]][place[1]]}

    def level(place: tuple[int, int]) -> dict[str, float]:
        return {"threshold": round(0.05 * (place[1] + 1), 2)}

    controls = {
        "scene": choice("scene", scenes),
        "label": choice("class", [BEST, *classifier.categories], label),
        "kind": choice("map", KINDS, kind),
        "scale": choice("picture at", SCALES, scale),
        "threshold": number("threshold", 0.05, 0.95, threshold, step=0.05),
    }
    return Explorer(draw, controls, touch={"cell": named, "threshold": level})
