"""The sample pictures: the ten classes of the picture book, and the photographs of the packages installed here."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torchvision.models import ResNet18_Weights

import picturebook
from course_lib.pictures import open_image, samples
from course_lib.pictures import sample_pictures as module


def test_every_class_has_a_drawn_sample_and_the_photographs_are_there() -> None:
    found = samples()
    drawn = [sample for sample in found.values() if sample.origin == "drawn"]
    assert [sample.label for sample in drawn] == list(picturebook.CLASSES)
    assert {"chelsea", "coffee", "rocket", "astronaut", "grace hopper", "motorcycle"} <= set(found)
    origins = [sample.origin for sample in found.values()]
    assert origins == sorted(origins, reverse=True) and next(iter(found)) == "chelsea"  # photographs first
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
    if sample.origin == "photograph":
        assert sample.credit and set(sample.answers) <= set(ResNet18_Weights.DEFAULT.meta["categories"])
    if sample.origin == "drawn":
        assert picture.width != picture.height and np.array_equal(np.asarray(sample.open()), values)


def test_a_missing_package_leaves_its_photographs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = [(*row[:4], "no_such_package", *row[5:]) for row in module.PHOTOGRAPHS]
    monkeypatch.setattr(module, "PHOTOGRAPHS", elsewhere)
    assert all(sample.origin == "drawn" for sample in samples().values())


def test_photographs_of_a_package_that_is_installed_are_found_without_importing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "sklearn"
    (folder / "datasets" / "images").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('imported')")
    for name in ("china", "flower"):
        Image.new("RGB", (320, 240), "red").save(folder / "datasets" / "images" / f"{name}.jpg")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "sklearn", raising=False)
    pictures = samples()
    assert pictures["china"].open().size == (320, 240) and pictures["flower"].answers == ()
    assert list(pictures).index("flower") < list(pictures).index("camel")
