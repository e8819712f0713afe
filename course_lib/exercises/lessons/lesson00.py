"""The exercises of lesson 00: fool a network with a crop, and count the numbers that it gets."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from PIL import Image

from course_lib.exercises.engine.exercise import exercise
from course_lib.exercises.engine.requirements import Wrong, need_number, need_shape
from course_lib.exercises.engine.variants import Variants
from course_lib.models.classifier import Classifier, load_classifier
from course_lib.pictures.sample_pictures import samples

_LEAST = 0.4  # of the picture has to be left


# -- 1: a crop that fools the network ---------------------------------------------------------------------------------
@exercise(
    id="00_fooling_crop",
    title="Fool the network",
    background='`load_classifier("efficientnet_lite0")` loads the network, and `.predict(picture).label` is its '
    'answer. `samples()["coffee"].open()` opens the photograph, and `picture.crop(box)` cuts it. Both '
    "functions come from `course_lib`.",
    minutes=4,
    difficulty="medium",
    cell_name="box",
    hints=[
        "The box is (left, top, right, bottom): the whole picture is (0, 0, 600, 400), the left half (0, 0, 300, 400).",
        "Cutting from the left doesn't get you far, as you've seen. What lies at the top of this picture?",
        "Let a loop try: for each number of pixels, cut that many off each side in turn, and ask the network.",
    ],
    praise="You fooled it with a picture that still shows plenty. Can you do it and keep even more?",
)
def fooling_crop() -> tuple[int, int, int, int]:
    """Cut a little more off each side in turn until the answer changes."""
    from course_lib import load_classifier, samples

    classifier = load_classifier("efficientnet_lite0", device="cpu")
    picture = samples()["coffee"].open()
    width, height = picture.size
    for cut in range(20, height, 20):
        for box in [(0, cut, width, height), (0, 0, width, height - cut), (0, 0, width - cut, height)]:
            if classifier.predict(picture.crop(box)).label not in ("espresso", "cup"):
                return box
    raise ValueError("no such crop fools it")


@lru_cache(maxsize=1)
def _asked() -> tuple[Classifier, Image.Image, tuple[str, ...]]:
    coffee = samples()["coffee"]
    return load_classifier("efficientnet_lite0", device="cpu"), coffee.open(), coffee.answers


@fooling_crop.checker
def _(answer: Any) -> None:
    if not isinstance(answer, (tuple, list)) or len(answer) != 4:
        raise Wrong("The answer is a box of four numbers, left, top, right and bottom, such as (0, 0, 600, 400).")
    box = need_shape(answer)
    classifier, picture, answers = _asked()
    left, top, right, bottom = box
    if not (0 <= left < right <= picture.width and 0 <= top < bottom <= picture.height):
        raise Wrong(
            f"The box has to lie inside the picture: 0 ≤ left < right ≤ {picture.width}, and "
            f"0 ≤ top < bottom ≤ {picture.height}."
        )
    kept = (right - left) * (bottom - top) / (picture.width * picture.height)
    if kept < _LEAST:
        raise Wrong(f"Only {100 * kept:.0f}% of the picture is left. Keep at least {100 * _LEAST:.0f}% of it.")
    prediction = classifier.predict(picture.crop((left, top, right, bottom)), k=1)
    if prediction.label in answers:
        sure = 100 * prediction.probability
        raise Wrong(
            f"With {100 * kept:.0f}% of the picture left, it still says {prediction.label}, {sure:.0f}% sure. Cut "
            "somewhere else, or a bit more."
        )


# -- 2: how many numbers ----------------------------------------------------------------------------------------------
@exercise(
    id="00_count_values",
    title="How many numbers",
    minutes=1,
    difficulty="mild",
    cell_name="count",
    hints=[
        "Each channel is a table of numbers, with as many rows and columns as the picture has.",
        "Multiply channels, rows and columns, and let Python do it.",
    ],
    praise="That's how many numbers enter the network for each picture, whatever the picture was before.",
    variants=Variants(
        lambda source: dict(zip(("height", "width"), source.sample(range(96, 400, 16), 2), strict=True)),
        "{height} × {width} values",
    ),
)
def count_values(*, height: int = 224, width: int = 224) -> int:
    """Three channels of so many rows of so many values."""
    return 3 * height * width


@count_values.checker
def _(answer: Any, height: int, width: int) -> None:
    number = need_number(answer, whole=True)
    if number == height * width:
        raise Wrong("That's one channel. How many channels does a colour picture have?")
    if number == 3 * width:
        raise Wrong("That's one row of every channel. How many rows are there?")
    if number != count_values(height=height, width=width):
        raise Wrong(f"{number:g} isn't it. Multiply channels, rows and columns.")
