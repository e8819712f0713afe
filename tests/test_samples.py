"""The sample pictures: the ten classes of the picture book, and the photographs of the packages installed here."""

from __future__ import annotations

import numpy as np
import pytest

import picturebook
from course_lib.pictures import open_image, samples
from course_lib.pictures import sample_pictures as module


def test_every_class_has_a_drawn_sample_and_the_photographs_are_there() -> None:
    found = samples()
    drawn = [sample for sample in found.values() if sample.origin == "drawn"]
    assert [sample.label for sample in drawn] == list(picturebook.CLASSES)
    assert {"chelsea", "coffee", "rocket", "astronaut", "grace hopper"} <= set(found)
    assert {sample.label for sample in found.values()} == {*picturebook.CLASSES, None}


@pytest.mark.parametrize("name", samples())
def test_a_sample_opens(name: str) -> None:
    sample = samples()[name]
    picture = sample.open()
    values = np.asarray(picture)
    assert sample.name == name and sample.caption and sample.origin in ("drawn", "photograph")
    assert picture.mode == "RGB" and min(picture.size) >= 200
    assert values.std() > 10  # not a blank sheet
    assert np.array_equal(np.asarray(open_image(sample)), values)
    if sample.origin == "drawn":
        assert picture.width != picture.height and np.array_equal(np.asarray(sample.open()), values)


def test_a_missing_package_leaves_its_photographs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PHOTOGRAPHS", (("x", "X", None, "no_such_package", "x.png"),))
    assert all(sample.origin == "drawn" for sample in samples().values())
