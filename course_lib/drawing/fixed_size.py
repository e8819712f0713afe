"""What a fixed input size costs: a picture squashed, shrunk or cropped to it, or cropped around its object.

Each way to make a wide picture fit a classifier, with what is left of the object and what the live model says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image
from torchvision.transforms import functional

from course_lib.drawing.charts import draw_bars
from course_lib.drawing.overlay import numbered, put
from course_lib.drawing.sheet import Sheet
from course_lib.drawing.still import Still, still
from course_lib.models.classifier import Classifier
from course_lib.models.predictions import Prediction, from_logits
from course_lib.pictures.preprocessing import seen_box, transform_settings

__all__ = ["Fitted", "draw_fixed_size", "fitted"]

_WIDTH, _EDGE, _GAP = 860.0, 6.0, 16.0
_AROUND = 1.25  # the side of a window around the object, in the object's longer side


@dataclass(frozen=True, eq=False)
class Fitted:
    """A picture made to fit.

    Attributes:
        way: how: "squashed", "shrunk", "centre crop" or "cropped around it".
        picture: as large as the classifier expects it.
        box: where the true box lies on it now (left, top, right, bottom), cut off at its edges; None if not known.
        left: the share of the object's box that is still on it.
    """

    way: str
    picture: Image.Image
    box: tuple[float, float, float, float] | None
    left: float


def fitted(picture: Image.Image, transforms: object, truth: Sequence[float] | None = None) -> tuple[Fitted, ...]:
    """A picture brought to a classifier's size in every way there is; the last one, around the object, needs the truth.

    Args:
        picture: of any size.
        transforms: the weights' own; size, crop and interpolation are theirs.
        truth: the object's box (left, top, right, bottom) in the picture's pixels.

    Example:
        >>> from torchvision.models import ResNet18_Weights
        >>> wide = Image.new("RGB", (1024, 387))
        >>> for view in fitted(wide, ResNet18_Weights.DEFAULT.transforms(), (700, 100, 900, 300)):
        ...     print(view.way, view.picture.size, [round(edge) for edge in view.box], round(view.left, 2))
        squashed (224, 224) [153, 58, 197, 174] 1.0
        shrunk (224, 224) [153, 92, 197, 135] 1.0
        centre crop (224, 224) [224, 50, 224, 182] 0.0
        cropped around it (224, 224) [22, 22, 202, 202] 1.0
    """
    side = transform_settings(transforms).crop_hw[0]
    wide, tall = picture.size
    longest = max(wide, tall)
    views = {
        "squashed": (0.0, 0.0, float(wide), float(tall)),
        "shrunk": ((wide - longest) / 2, (tall - longest) / 2, (wide + longest) / 2, (tall + longest) / 2),
        "centre crop": seen_box((wide, tall), transforms),
    }
    if truth is not None:
        half = min(_AROUND * max(truth[2] - truth[0], truth[3] - truth[1]), wide, tall) / 2
        x = min(max((truth[0] + truth[2]) / 2, half), wide - half)
        y = min(max((truth[1] + truth[3]) / 2, half), tall - half)
        views["cropped around it"] = (x - half, y - half, x + half, y + half)
    return tuple(_seen(way, picture.convert("RGB"), view, side, truth) for way, view in views.items())


def _seen(
    way: str, picture: Image.Image, view: tuple[float, float, float, float], side: int, truth: Sequence[float] | None
) -> Fitted:
    """The part ``view`` of a picture as ``side`` × ``side`` pixels; what lies beyond the picture is grey."""
    left, top, right, bottom = view
    inner = (max(left, 0.0), max(top, 0.0), min(right, float(picture.width)), min(bottom, float(picture.height)))
    across, down = side / (right - left), side / (bottom - top)
    size = max(1, round((inner[2] - inner[0]) * across)), max(1, round((inner[3] - inner[1]) * down))
    shown = Image.new("RGB", (side, side), (124, 116, 104))  # ImageNet's mean colour: all zeros for the network
    made = picture.resize(size, Image.Resampling.BILINEAR, box=inner)
    shown.paste(made, (round((inner[0] - left) * across), round((inner[1] - top) * down)))
    if truth is None:
        return Fitted(way, shown, None, 0.0)
    xs = [min(max((edge - left) * across, 0.0), float(side)) for edge in truth[::2]]
    ys = [min(max((edge - top) * down, 0.0), float(side)) for edge in truth[1::2]]
    whole = (truth[2] - truth[0]) * across * (truth[3] - truth[1]) * down
    left_over = (xs[1] - xs[0]) * (ys[1] - ys[0]) / whole if whole > 0 else 0.0
    return Fitted(way, shown, (xs[0], ys[0], xs[1], ys[1]), min(left_over, 1.0))


def draw_fixed_size(
    classifier: Classifier, picture: Image.Image, truth: Sequence[float] | None = None, *, label: str = "object"
) -> Still:
    """A picture squashed, shrunk and cropped to the classifier's size, and what the live model says to each.

    Args:
        classifier: its own size, mean and std are used.
        picture: the whole picture.
        truth: the true box (left, top, right, bottom); with it, a fourth panel cuts the object out.
        label: the class that is right; its bar is blue.

    Example:
        >>> from course_lib.models.classifier import load_classifier
        >>> from picturebook import scene
        >>> drawn = scene("camel", seed=21, size=(387, 1024), where=(0.8, 0.66, 0.6))
        >>> classifier = load_classifier("resnet18", weights="course", device="cpu")
        >>> draw_fixed_size(classifier, drawn.picture, drawn.box, label=drawn.label)
        387×1024 made to fit 224×224. Squashed: ...; shrunk: ...; centre crop: ...; cropped around it: ...
    """
    views = fitted(picture, classifier.transforms, truth)
    answers = [_answer(classifier, view.picture) for view in views]
    side = (_WIDTH - 2 * _EDGE - 3 * _GAP) / 4
    sheet = Sheet(_WIDTH, 58 + side + 122)
    size = views[0].picture.size
    by = f"{picture.height}×{picture.width} made to fit {size[1]}×{size[0]}"
    sheet.text(_EDGE, 7, by, size=10.5, bold=True)
    for k, (view, answer) in enumerate(zip(views, answers, strict=True)):
        left = _EDGE + k * (side + _GAP)
        numbered(sheet, left + 10, 41, str(k + 1))
        sheet.middle_text(left + 26, 41, view.way, size=9.5, bold=True)
        shown = put(sheet, view.picture, (left, 56, side, side))
        if view.box is not None and view.left > 0:
            shown.frame(view.box, "dashed")
        sheet.text(left, 56 + side + 7, _rest(view, label), size=8.5)
        place = (
            (left + 84) / _WIDTH,
            1 - (56 + side + 34 + 66) / sheet.height,
            (side - 86) / _WIDTH,
            66 / sheet.height,
        )
        blue = [j for j, name in enumerate(answer.labels) if name == label]
        written = [f"{100 * share:.0f}%" for share in answer.probabilities]
        short = [name if len(name) <= 11 else name[:10] + "…" for name in answer.labels]
        draw_bars(sheet.figure, place, short, [100 * share for share in answer.probabilities], written,
                  span=(0, 135), blue=blue, size=9)  # fmt: skip
    alt = "; ".join(f"{view.way}: {a.label} {100 * a.probability:.0f}%" for view, a in zip(views, answers, strict=True))
    return still(sheet.figure, f"{by}. {alt[0].upper()}{alt[1:]}", photo=True, dots=1.5)


def _answer(classifier: Classifier, picture: Image.Image) -> Prediction:
    found = transform_settings(classifier.transforms)
    tensor = functional.normalize(functional.to_tensor(picture), list(found.mean), list(found.std))
    return from_logits(classifier.logits(tensor[None])[0], classifier.categories, k=3)


def _rest(view: Fitted, label: str) -> str:
    if view.box is None:
        return ""
    if view.left <= 0:
        return f"no {label} left"
    wide, tall = view.box[2] - view.box[0], view.box[3] - view.box[1]
    words = f"the {label}: {tall:.0f}×{wide:.0f} pixels"
    return words if view.left > 0.995 else f"{words}, {100 * view.left:.0f}% of it"
