"""A labelled folder: torchvision's ImageFolder is the oracle for what lies in it, Pillow for what is broken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image
from torchvision.datasets import ImageFolder

from course_lib.errors import CourseError, PictureError
from course_lib.pictures.folders import LabelledFolder, open_folder


def fill(path: Path, **counts: int) -> Path:
    """``counts`` pictures of each class, numbered."""
    for label, count in counts.items():
        (path / label).mkdir(parents=True)
        for k in range(count):
            Image.new("RGB", (20, 16), (10 * k, 100, 0)).save(path / label / f"{k:02}.png")
    return path


def test_classes_and_pictures_are_those_of_torchvision(tmp_path: Path) -> None:
    fill(tmp_path, bee=3, ant=2, Cat=1)
    (tmp_path / "ant" / "more").mkdir()
    Image.new("RGB", (9, 9)).save(tmp_path / "ant" / "more" / "one.JPG", "jpeg")
    (tmp_path / "ant" / "notes.txt").write_text("no picture, and none is expected")
    (tmp_path / "truth.csv").write_text("file,label")
    (tmp_path / ".ipynb_checkpoints").mkdir()
    folder, theirs = open_folder(tmp_path), ImageFolder(str(tmp_path), allow_empty=True)
    assert list(folder.classes) == [name for name in theirs.classes if not name.startswith(".")]
    expected = {(Path(path), theirs.classes[index]) for path, index in theirs.imgs}
    assert {(path, folder.classes[index]) for path, index in folder.pictures} == expected
    assert len(folder) == len(expected) == 7 and not folder.skipped
    assert folder.counts == {"Cat": 1, "ant": 3, "bee": 3}
    assert folder.truth == dict(expected)
    assert repr(folder) == f"LabelledFolder({str(tmp_path)!r}, 1 Cat, 3 ant, 3 bee, 0 skipped)"


def test_broken_files_among_good_ones_are_left_out_and_named(tmp_path: Path) -> None:
    fill(tmp_path, ant=2, bee=2)
    whole = (tmp_path / "ant" / "00.png").read_bytes()
    broken = {
        "ant/cut.png": (whole[:-30], "damaged or cut-off"),
        "ant/empty.jpg": (b"", "empty"),
        "bee/page.jpg": (b"<!DOCTYPE html><html>", "web page"),
        "bee/text.png": (b"hello there", "it contains text"),
    }
    for name, (content, _) in broken.items():
        (tmp_path / name).write_bytes(content)
    folder = open_folder(tmp_path)
    assert folder.counts == {"ant": 2, "bee": 2}
    assert [path.relative_to(tmp_path).as_posix() for path, _ in folder.skipped] == list(broken)
    for (_, reason), (_, word) in zip(folder.skipped, broken.values(), strict=True):
        assert word in reason and reason.endswith(".") and "\n" not in reason
    said = str(folder)
    assert said.startswith("4 pictures of 2 classes: 2 ant, 2 bee\n") and said.count("skipped") == 4
    for path, _ in folder.pictures:
        with Image.open(path) as picture:
            picture.load()


def empty_class(path: Path) -> Path:
    (fill(path, ant=2) / "bee").mkdir()
    return path


def broken_class(path: Path) -> Path:
    fill(path, ant=2, bee=1)
    whole = path / "bee" / "00.png"
    whole.write_bytes(whole.read_bytes()[:-30])
    return path


def a_file(path: Path) -> Path:
    path.mkdir()
    (path / "picture.png").write_bytes(b"")
    return path / "picture.png"


def both_splits(path: Path) -> Path:
    fill(path / "train", ant=1, bee=1)
    fill(path / "val", ant=1, bee=1)
    return path


@pytest.mark.parametrize(
    "make, says",
    [
        (lambda path: path, "does not exist"),
        (a_file, "is a file, not a folder"),
        (lambda path: fill(path, ant=3), "at least two classes .* there is only one, ant"),
        (lambda path: fill(path, ant=0) / "ant", "there is none"),
        (both_splits, r"holds train and val, the parts of a data set, .* such as open_folder\('.*train'\)"),
        (empty_class, "No picture in .*bee"),
        (broken_class, "The class bee has no picture that can be opened. .*00.png is a damaged"),
    ],
)
def test_folders_that_cannot_be_learnt_from(make: Callable[[Path], Path], says: str, tmp_path: Path) -> None:
    with pytest.raises(PictureError, match=says) as caught:
        open_folder(make(tmp_path / "data"))
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")


# -- splitting --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("share, aside", [(0.2, {"ant": 2, "bee": 1}), (0.01, {"ant": 1, "bee": 1}),
                                          (0.99, {"ant": 9, "bee": 2})])  # fmt: skip
def test_a_split_takes_a_share_of_every_class(share: float, aside: dict[str, int], tmp_path: Path) -> None:
    folder = open_folder(fill(tmp_path, ant=10, bee=3))
    train, val = folder.split(share, seed=1)
    assert val.counts == aside
    assert sorted(train.pictures + val.pictures) == sorted(folder.pictures)
    assert not set(train.pictures) & set(val.pictures) and train.classes == val.classes == folder.classes


def test_a_split_is_the_same_for_the_same_seed_and_leaves_the_random_numbers_alone(tmp_path: Path) -> None:
    folder, before = open_folder(fill(tmp_path, ant=12, bee=12)), torch.random.get_rng_state()
    assert folder.split(seed=3) == folder.split(seed=3) != folder.split(seed=4)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("share", [0, 1, -0.5, 2, float("nan")])
def test_a_share_that_is_none(share: float) -> None:
    pictures = tuple((Path(f"{k}.png"), k % 2) for k in range(8))
    with pytest.raises(CourseError, match=f"share={share}: put a share between 0 and 1 aside"):
        LabelledFolder(Path(), ("a", "b"), pictures).split(share)


def test_a_class_of_one_picture_cannot_be_split(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="bee has only 1 picture"):
        open_folder(fill(tmp_path, ant=5, bee=1)).split()
