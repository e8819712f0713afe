"""The picture book: what is drawn depends on the arguments alone, and the truth about a picture is true.

Oracles: another process, NumPy on the mask, the same place drawn without the object, torchvision's ImageNet names and
its ImageFolder.
"""

from __future__ import annotations

import csv
import hashlib
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter
from torchvision.datasets import ImageFolder
from torchvision.models import ResNet18_Weights

from picturebook import (
    ALL_CLASSES,
    CLASSES,
    DIFFICULTIES,
    HELD_BACK,
    IMAGENET,
    Scene,
    counts_as,
    datasets,
    scene,
    sheet,
    write_folder,
)
from picturebook.canvas import Brush, polygon
from picturebook.errors import PictureBookError

ROOT = Path(__file__).parents[1]
IMAGENET_NAMES: list[str] = ResNet18_Weights.DEFAULT.meta["categories"]
SMALL = (48, 64)

LABELS, DIALS = st.sampled_from(ALL_CLASSES), st.sampled_from(list(DIFFICULTIES))
SEEDS, EDGES = st.integers(0, 10**6), st.integers(16, 400)
# Long and thin, tiny, odd, ordinary.
SIZES = st.one_of(st.tuples(EDGES, EDGES), st.sampled_from([(16, 400), (400, 16), (16, 16), (17, 31), (224, 224)]))


def print_of(drawn: Scene) -> str:
    """A fingerprint of everything that a scene says."""
    said = [(thing.label, thing.box) for thing in drawn.things], drawn.seed, drawn.difficulty
    masks = b"".join(np.packbits(thing.mask).tobytes() for thing in drawn.things)
    return hashlib.sha256(drawn.picture.tobytes() + masks + repr(said).encode()).hexdigest()


# -- a pure function --------------------------------------------------------------------------------------------------
ASKED: list[tuple[Any, dict[str, Any]]] = [
    *((label, {"seed": 5, "size": SMALL}) for label in ALL_CLASSES),
    *(("dog", {"seed": 6, "size": (61, 47), "difficulty": dial}) for dial in DIFFICULTIES),
    (("cat", "car", "bee"), {"seed": 7, "size": (60, 180)}),
    ((), {"seed": 8, "size": SMALL}),
    ("camel", {"seed": 9, "size": SMALL, "where": (0.7, 0.6, 0.5)}),
]


def test_the_same_arguments_give_the_same_bytes_whatever_was_drawn_before() -> None:
    state = np.random.get_state()[1]
    first = [print_of(scene(label, **how)) for label, how in ASKED]
    again = [print_of(scene(label, **how)) for label, how in reversed(ASKED)]
    assert first == again[::-1] and len(set(first)) == len(first)
    assert np.array_equal(np.random.get_state()[1], state)  # nobody else's chance is touched


def test_another_process_draws_the_same_bytes() -> None:
    code = (
        "import hashlib\nfrom picturebook import scene\n"
        f"for label, how in reversed({ASKED!r}):\n"
        "    print(hashlib.sha256(scene(label, **how).picture.tobytes()).hexdigest())\n"
    )
    fresh = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout.split()
    assert fresh[::-1] == [hashlib.sha256(scene(label, **how).picture.tobytes()).hexdigest() for label, how in ASKED]


@pytest.mark.parametrize("label", ALL_CLASSES)
def test_every_seed_is_another_picture_with_the_object_drawn_anew(label: str) -> None:
    drawn = [scene(label, seed=seed, size=SMALL, where=(0.5, 0.5, 0.9), difficulty="easy") for seed in range(12)]
    assert len({one.picture.tobytes() for one in drawn}) == len({one.mask.tobytes() for one in drawn}) == 12
    pixels = np.stack([np.asarray(one.picture, np.float32) for one in drawn])
    gaps = [np.abs(pixels[i] - pixels[j]).mean() for i in range(12) for j in range(i)]
    assert min(gaps) > 8  # not the same picture with a little noise


@settings(max_examples=25, deadline=None)
@given(LABELS, LABELS, SEEDS)
def test_label_and_difficulty_matter(one: str, other: str, seed: int) -> None:
    pictures = {scene(label, seed=seed, size=(32, 32)).picture.tobytes() for label in {one, other}}
    pictures |= {scene(one, seed=seed, size=(32, 32), difficulty=dial).picture.tobytes() for dial in ("easy", "hard")}
    assert len(pictures) == len({one, other}) + 2


# -- label, box and mask ----------------------------------------------------------------------------------------------
def tight_box(mask: np.ndarray) -> tuple[int, ...]:
    """Pillow's own idea of the smallest box round what is there."""
    return Image.fromarray(mask.astype(np.uint8) * 255).getbbox() or (0, 0, 0, 0)


@settings(max_examples=150, deadline=None)
@given(LABELS, SEEDS, SIZES, DIALS)
def test_the_truth_fits_the_picture(label: str, seed: int, size: tuple[int, int], dial: str) -> None:
    with warnings.catch_warnings(), np.errstate(all="raise", under="ignore"):
        warnings.simplefilter("error")
        drawn = scene(label, seed=seed, size=size, difficulty=dial)
    assert drawn.picture.mode == "RGB" and drawn.picture.size == size[::-1]
    assert drawn.label == label and drawn.seed == seed and drawn.difficulty == dial and len(drawn.things) == 1
    assert drawn.mask.shape == size and drawn.mask.dtype == bool
    assert drawn.box == tight_box(drawn.mask) and all(type(edge) is int for edge in drawn.box)
    assert np.asarray(drawn.picture).std() > 2
    if dial in ("easy", "standard"):
        assert drawn.mask.sum() >= 0.01 * min(size) ** 2  # there is something to be seen
        assert not drawn.mask.all()


@pytest.mark.parametrize("label", ALL_CLASSES)
def test_no_seed_warns_and_easy_objects_are_large_and_whole(label: str) -> None:
    with warnings.catch_warnings(), np.errstate(all="raise", under="ignore"):
        warnings.simplefilter("error")
        for seed in range(10):  # test_the_truth_fits_the_picture draws other seeds each time
            for dial in DIFFICULTIES:
                scene(label, seed=1000 + seed, size=(40, 56), difficulty=dial)
    covers = [scene(label, seed=seed, size=(64, 64), difficulty="easy").mask.mean() for seed in range(12)]
    assert min(covers) > 0.03 and np.median(covers) > 0.1


@pytest.mark.parametrize("label", ALL_CLASSES)
def test_the_mask_is_the_objects_own(label: str) -> None:
    # The oracle is the same place without the object: once more the same scene, the object moved out of the picture.
    # At "easy" nothing stands in front. The last touches follow the picture's mean, so all else moves by one constant
    # at most, and a shadow darkens; nothing else outside the mask may change, and inside nearly everything does.
    inside, outside = [], []
    for seed in range(4):
        with_it, without = (
            np.asarray(scene(label, seed=seed, size=(128, 160), difficulty="easy", where=(x, 0.5, 0.7)).picture, float)
            for x in (0.5, -0.9)
        )
        mask = scene(label, seed=seed, size=(128, 160), difficulty="easy", where=(0.5, 0.5, 0.7)).mask
        around = np.asarray(Image.fromarray(mask).convert("L").filter(ImageFilter.MaxFilter(7))) > 0  # its soft rim
        change = with_it - without
        change -= np.median(change[~around], axis=0)
        inside.append((np.abs(change[mask]).max(1) > 8).mean())
        outside.append((change[~around].max(1) > 8).mean())  # brighter than before: no shadow does that
    assert np.mean(inside) > 0.85, inside
    assert max(outside) < 0.01, outside


@settings(max_examples=60, deadline=None)
@given(LABELS, SEEDS, st.floats(0.25, 0.75), st.floats(0.25, 0.75), st.floats(0.2, 0.45))
def test_a_placed_object_is_where_it_was_asked(label: str, seed: int, x: float, y: float, side: float) -> None:
    height, width = 128, 192
    drawn = scene(label, seed=seed, size=(height, width), difficulty="easy", where=(x, y, side))
    left, top, right, bottom = drawn.box
    reach = side * height
    across, down = (left + right) / 2 - x * width, (top + bottom) / 2 - y * height
    assert max(abs(across), abs(down)) <= 0.3 * reach + 2
    assert 0.35 * reach <= max(right - left, bottom - top) <= 1.35 * reach + 2


def test_lesson_06s_scene_holds_its_object_at_the_lower_right() -> None:
    for label in CLASSES:
        drawn = scene(label, seed=3, size=(387, 1024), where=(0.8, 0.68, 0.6))
        left, top, right, bottom = drawn.box
        assert drawn.picture.size == (1024, 387)
        assert (left + right) / 2 > 0.65 * 1024 and (top + bottom) / 2 > 0.5 * 387


# -- several, and none ------------------------------------------------------------------------------------------------
@settings(max_examples=40, deadline=None)
@given(st.lists(LABELS, min_size=2, max_size=4), SEEDS, DIALS)
def test_several_objects_stand_side_by_side_each_with_its_own_truth(labels: list[str], seed: int, dial: str) -> None:
    drawn = scene(labels, seed=seed, size=(96, 96 * len(labels)), difficulty=dial)
    assert [thing.label for thing in drawn.things] == labels
    assert (drawn.label, drawn.box) == (labels[0], drawn.things[0].box)
    assert sum(thing.mask.astype(int) for thing in drawn.things).max() <= 1  # no pixel belongs to two of them
    for thing in drawn.things:
        assert thing.mask.shape == (96, 96 * len(labels)) and thing.box == tight_box(thing.mask)
    if dial == "easy":
        middles = [(thing.box[0] + thing.box[2]) / 2 for thing in drawn.things]
        assert middles == sorted(middles) and all(thing.mask.any() for thing in drawn.things)


def test_what_stands_in_front_hides_what_is_behind() -> None:
    alone = scene("cat", seed=4, size=(96, 96), difficulty="easy", where=(0.5, 0.5, 0.8))
    both = scene(("cat", "car"), seed=4, size=(96, 96), difficulty="easy", where=[(0.5, 0.5, 0.8), (0.5, 0.6, 0.6)])
    behind, front = both.things
    assert front.mask.any() and not (behind.mask & front.mask).any()
    assert 0 < behind.mask.sum() < 0.95 * alone.mask.sum()


def test_an_empty_place() -> None:
    drawn = scene((), seed=2, size=SMALL)
    assert (drawn.label, drawn.box, drawn.things) == ("nothing", (0, 0, 0, 0), ())
    assert drawn.mask.shape == SMALL and not drawn.mask.any() and np.asarray(drawn.picture).std() > 5


# -- the classes ------------------------------------------------------------------------------------------------------
#: What ImageNet's names of a class must say; torchvision's list is the oracle for the indices.
SAYS = {
    "camel": {"Arabian camel"},
    "car": {
        "beach wagon", "cab", "convertible", "jeep", "limousine", "minivan", "Model T", "pickup", "racer", "sports car",
    },
    "cat": {"tabby", "tiger cat", "Persian cat", "Siamese cat", "Egyptian cat"},
    "coffee cup": {"coffee mug", "cup", "espresso"},
    "goldfish": {"goldfish"},
    "hot dog": {"hotdog"},
    "mushroom": {"mushroom", "agaric", "bolete"},
    "sailboat": {"catamaran", "schooner", "trimaran", "yawl"},
    "strawberry": {"strawberry"},
    "ant": {"ant"},
    "bee": {"bee"},
}  # fmt: skip


@pytest.mark.parametrize("label", ALL_CLASSES)
def test_imagenets_counterparts(label: str) -> None:
    names = {IMAGENET_NAMES[index] for index in IMAGENET[label]}
    if label == "dog":  # from the first breed of the list to the last, all of them and no wolf
        assert IMAGENET["dog"] == tuple(range(151, 269))
        assert (IMAGENET_NAMES[151], IMAGENET_NAMES[268]) == ("Chihuahua", "Mexican hairless")
        assert IMAGENET_NAMES[269] == "timber wolf" and "African hunting dog" not in names
    else:
        assert names == SAYS[label]
    assert counts_as(label, IMAGENET_NAMES) == IMAGENET[label]


def test_every_index_counts_for_one_class_only() -> None:
    every = [index for indices in IMAGENET.values() for index in indices]
    assert len(every) == len(set(every)) and set(IMAGENET) == set(ALL_CLASSES)


def test_the_order_of_the_classes_is_that_of_the_weights() -> None:
    from course_lib.models.weights import CATEGORIES

    assert CLASSES == CATEGORIES and (*CLASSES, *HELD_BACK) == ALL_CLASSES and HELD_BACK == ("ant", "bee")
    assert list(CLASSES) == sorted(CLASSES)  # as ImageFolder numbers folders
    for index, label in enumerate(CLASSES):
        assert counts_as(label, CLASSES) == (index,)


# -- bad input --------------------------------------------------------------------------------------------------------
BAD: dict[str, tuple[Any, dict[str, Any], str]] = {
    "a typing error": ("camle", {}, "no 'camle'.*Did you mean 'camel'"),
    "capitals": ("Hot Dog", {}, "no 'Hot Dog'.*Did you mean 'hot dog'"),
    "no label": (None, {}, "no None"),
    "a number": (3, {}, "no 3"),
    "a list in a list": ([["camel"]], {}, r"no \['camel'\]"),
    "one of two": (("camel", "lion"), {}, "no 'lion'"),
    "a negative seed": ("camel", {"seed": -1}, "seed=-1"),
    "half a seed": ("camel", {"seed": 0.5}, "whole number"),
    "a word for a seed": ("camel", {"seed": "7"}, "seed='7'"),
    "yes for a seed": ("camel", {"seed": True}, "seed=True"),
    "one number for a size": ("camel", {"size": 224}, "give \\(height, width\\)"),
    "three numbers for a size": ("camel", {"size": (3, 224, 224)}, "give \\(height, width\\)"),
    "no size": ("camel", {"size": None}, "size=None"),
    "too small": ("camel", {"size": (15, 64)}, "from 16 to 4096"),
    "too large": ("camel", {"size": (64, 4097)}, "from 16 to 4096"),
    "fractions of pixels": ("camel", {"size": (64.0, 64)}, "pixels"),
    "another difficulty": ("camel", {"difficulty": "medium"}, "'medium' is none of easy, standard, hard"),
    "a level": ("camel", {"difficulty": ["hard"]}, "none of easy, standard, hard"),
    "pixels for a place": ("camel", {"where": (160, 120, 80)}, "shares of the picture, not pixels"),
    "two numbers for a place": ("camel", {"where": (0.5, 0.5)}, "give \\(x, y, side\\)"),
    "a word for a place": ("camel", {"where": "left"}, "give \\(x, y, side\\)"),
    "one place for two": (("camel", "dog"), {"where": (0.5, 0.5, 0.5)}, "each of the 2"),
    "uneven places": (("camel", "dog"), {"where": [(0.5, 0.5, 0.5), (1,)]}, "each of the 2"),
    "nan": ("camel", {"where": (0.5, float("nan"), 0.5)}, "shares"),
    "a side of nothing": ("camel", {"where": (0.5, 0.5, 0)}, "side"),
    "a side beyond all measure": ("camel", {"where": (0.5, 0.5, 1e6)}, "at most 4"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_answered_with_a_sentence(case: str) -> None:
    label, how, says = BAD[case]
    with pytest.raises(PictureBookError, match=says) as caught:
        scene(label, **{"seed": 1, "size": SMALL, **how})
    assert "\n" not in str(caught.value) and str(caught.value).rstrip().endswith((".", "?"))


# -- folders ----------------------------------------------------------------------------------------------------------
def truth_of(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / "truth.csv").open(newline="", encoding="utf-8") as file:
        return {row["file"]: row for row in csv.DictReader(file)}


def test_a_written_folder_is_torchvisions_image_folder_with_its_truth(tmp_path: Path) -> None:
    folder = write_folder(
        tmp_path, ("hot dog", "ant"), n=3, split="val", size=(40, 56), difficulty="easy", first_seed=7
    )
    assert folder == tmp_path / "val"
    read = ImageFolder(str(folder))
    assert read.classes == ["ant", "hot dog"] and [target for _, target in read] == [0, 0, 0, 1, 1, 1]
    truth = truth_of(folder)
    assert len(truth) == 6
    for (path, target), (picture, _) in zip(read.samples, read, strict=True):
        row = truth[Path(path).relative_to(folder).as_posix()]
        drawn = scene(row["label"], seed=int(row["seed"]), size=(40, 56), difficulty="easy")
        assert row["label"] == read.classes[target] and row["difficulty"] == "easy" and row["size"] == "40x56"
        assert picture.tobytes() == drawn.picture.tobytes()  # PNG: not one value is changed
        assert tuple(int(row[edge]) for edge in ("left", "top", "right", "bottom")) == drawn.box
    assert {int(row["seed"]) for row in truth.values()} == {7, 8, 9}


@pytest.fixture()
def drawn_again(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """What was drawn, by label and seed."""
    drawn: list[tuple[str, int]] = []

    def counted(label: str, **how: Any) -> Scene:
        drawn.append((label, how["seed"]))
        return scene(label, **how)

    monkeypatch.setattr(datasets, "scene", counted)
    return drawn


ALSO = {"split": "train", "size": (24, 24)}


def test_what_is_there_is_not_drawn_again(tmp_path: Path, drawn_again: list[tuple[str, int]]) -> None:
    folder = write_folder(tmp_path, ("ant",), n=2, **ALSO)
    write_folder(tmp_path, ("ant",), n=4, **ALSO)
    assert drawn_again == [("ant", 0), ("ant", 1), ("ant", 2), ("ant", 3)]
    write_folder(tmp_path, ("bee",), n=1, **ALSO)  # the ants stay known
    assert set(truth_of(folder)) == {*(f"ant/0000{k}.png" for k in range(4)), "bee/00000.png"}
    before = len(drawn_again)
    write_folder(tmp_path, ("ant",), n=4, **{**ALSO, "size": (24, 32)})  # another size: all of them anew
    assert len(drawn_again) == before + 4 and {row["size"] for row in truth_of(folder).values()} == {"24x32", "24x24"}


def test_an_interrupted_run_goes_on_where_it_was(
    tmp_path: Path, drawn_again: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = datasets.scene

    def stopped(label: str, **how: Any) -> Scene:
        if len(drawn_again) == 3:
            raise KeyboardInterrupt
        return whole(label, **how)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(datasets, "scene", stopped)
        write_folder(tmp_path, ("ant", "bee"), n=3, **ALSO)
    assert len(truth_of(tmp_path / "train")) == 3 and len(ImageFolder(str(tmp_path / "train"), allow_empty=True)) == 3
    write_folder(tmp_path, ("ant", "bee"), n=3, **ALSO)
    assert sorted(drawn_again) == [(label, seed) for label in ("ant", "bee") for seed in range(3)]
    assert len(ImageFolder(str(tmp_path / "train"))) == len(truth_of(tmp_path / "train")) == 6


@pytest.mark.parametrize("broken", ["cut off", "emptied", "removed", "another size", "no truth", "truth of rubbish"])
def test_a_damaged_folder_is_mended(broken: str, tmp_path: Path, drawn_again: list[tuple[str, int]]) -> None:
    folder = write_folder(tmp_path, ("bee",), n=2, **ALSO)
    first, truth = folder / "bee/00000.png", folder / "truth.csv"
    right = first.read_bytes(), truth.read_bytes()
    if broken == "cut off":
        first.write_bytes(right[0][:-30])
    elif broken == "emptied":
        first.write_bytes(b"")
    elif broken == "removed":
        first.unlink()
    elif broken == "another size":
        Image.new("RGB", (30, 30)).save(first)
    elif broken == "no truth":
        truth.unlink()
    else:
        truth.write_bytes(b"\xff\xfe\0file,label\nbee/00000.png")
    write_folder(tmp_path, ("bee",), n=2, **ALSO)
    assert (first.read_bytes(), truth.read_bytes()) == right
    assert len(drawn_again) == (4 if "truth" in broken else 3)


def test_nothing_half_written_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(PictureBookError, match="No space left on device"):
        write_folder(tmp_path, ("bee",), n=1, **ALSO)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_folders_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "taken/train").mkdir(parents=True)
    (tmp_path / "taken/train/bee").write_text("")
    for path, how, says in [
        (tmp_path / "file", {}, "cannot be written"),
        (tmp_path / "taken", {}, "cannot be written"),
        (None, {}, "path=None"),
        (tmp_path, {"classes": ("bee", "lion")}, "no 'lion'"),
        (tmp_path, {"classes": ()}, "at least one picture of one class"),
        (tmp_path, {"n": 0}, "at least one picture"),
        (tmp_path, {"n": "3"}, "n='3'"),
        (tmp_path, {"split": "../elsewhere"}, "plain name"),
        (tmp_path, {"size": 24}, "give \\(height, width\\)"),
        (tmp_path, {"difficulty": "medium"}, "none of easy"),
        (tmp_path, {"first_seed": -1}, "seed=-1"),
    ]:
        with pytest.raises(PictureBookError, match=says):
            write_folder(path, **{"classes": ("bee",), "n": 1, "size": (24, 24), **how})
    assert not (tmp_path / "train").exists()  # what is wrong is said before anything is written


def test_the_sheet_shows_the_scenes_at_half_size() -> None:
    page = sheet(("camel", "bee"), (3, 8), side=40, gap=4)
    assert page.size == (92, 92) and page.getpixel((1, 1)) == (255, 255, 255)
    cell = scene("bee", seed=3, size=(80, 80)).picture.reduce(2)
    assert page.crop((4, 48, 44, 88)).tobytes() == cell.tobytes()


# -- the brush --------------------------------------------------------------------------------------------------------
def test_every_outline_clips_where_it_is_also_when_others_are_long_gone() -> None:
    # Agg knows its last mask by the address of the outline's array; a new array may come to lie where an old one was.
    brush = Brush(200, 10)
    for k in range(0, 200, 2):  # every other column, each through an outline that lives no longer than this line
        with brush.inside(polygon([(k, 0), (k + 1, 0), (k + 1, 10), (k, 10)])):
            brush.fill(polygon([(0, 0), (200, 0), (200, 10), (0, 10)]), (1, 1, 1))
    alpha = brush.pixels()[:, :, 3]
    assert (alpha[:, ::2] == 255).all() and (alpha[:, 1::2] == 0).all()
