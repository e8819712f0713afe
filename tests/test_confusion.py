"""Confusion matrices: counted by hand, by a loop, and through a folder's predictions; and what their pictures say.

The oracles: tables written out by hand, a plain double loop over every pair, fractions, torch's own argmax.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from torchvision.models import ResNet18_Weights

from course_lib.drawing import confusion_table
from course_lib.drawing.confusion_table import draw_confusion, gathered
from course_lib.drawing.folder_pages import select
from course_lib.drawing.sheet import Sheet
from course_lib.drawing.still import BLUE
from course_lib.errors import CourseError
from course_lib.measuring.confusion_matrix import Confusion, confusion, tally
from course_lib.measuring.scoring import accuracy_under, is_right
from course_lib.models.classifier import load_classifier
from course_lib.models.predictions import FolderPredictions, FolderRow, from_logits
from course_lib.pictures.truth import right_outputs
from picturebook import ALL_CLASSES, CLASSES, IMAGENET, counts_as, write_folder

from . import stills as checks

NAMES = ("ant", "bee", "cat", "dog", "eel")
LONG = ("soft-coated wheaten terrier", "hot dog", "coffee cup", "German short-haired pointer", "strawberry")
PAIRS = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), min_size=1, max_size=60)


@pytest.fixture(autouse=True)
def nothing_out_of_place(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Figure]]:
    seen = checks.watch(monkeypatch)
    yield seen
    assert [fault for figure in seen for fault in checks.faults(figure)] == []


# -- counting ---------------------------------------------------------------------------------------------------------
@given(PAIRS, st.permutations(NAMES))
def test_every_pair_is_counted_once(pairs: list[tuple[str, str]], order: list[str]) -> None:
    true, said = zip(*pairs, strict=True)
    found = tally(true, said, classes=order)
    assert found.classes == tuple(order)
    for i, one in enumerate(order):
        for j, other in enumerate(order):
            assert found.counts[i, j] == sum(pair == (one, other) for pair in pairs)
    assert found.total == len(pairs)
    assert found.right == sum(t == s for t, s in pairs)
    assert Fraction(found.accuracy).limit_denominator(100) == Fraction(found.right, len(pairs))
    for name in order:
        hits = sum(pair == (name, name) for pair in pairs)
        for share, of in ((found.recall[name], true.count(name)), (found.precision[name], said.count(name))):
            assert math.isnan(share) if of == 0 else Fraction(share).limit_denominator(100) == Fraction(hits, of)


@given(PAIRS)
def test_mix_ups_are_the_mistakes_the_most_frequent_first(pairs: list[tuple[str, str]]) -> None:
    found = tally(*zip(*pairs, strict=True))
    wrong = [pair for pair in pairs if pair[0] != pair[1]]
    assert {(t, s): n for t, s, n in found.mix_ups} == {pair: wrong.count(pair) for pair in wrong}
    counts = [n for *_, n in found.mix_ups]
    assert counts == sorted(counts, reverse=True) and sum(counts) == found.total - found.right
    assert found.classes == tuple(sorted({name for pair in pairs for name in pair}))


def test_a_table_that_was_counted_by_hand() -> None:
    found = tally(["bee"] * 5 + ["ant"] * 3, ["bee", "bee", "ant", "bee", "wasp", "ant", "ant", "bee"])
    assert (found.classes, found.counts.tolist()) == (("ant", "bee", "wasp"), [[2, 1, 0], [1, 3, 1], [0, 0, 0]])
    assert found.recall["bee"] == 0.6 and found.precision["bee"] == 0.75 and math.isnan(found.recall["wasp"])
    assert found.precision["wasp"] == 0
    assert str(found).splitlines() == [
        "      ant  bee  wasp  pictures  recall",
        "ant     2    1     0         3   66.7%",
        "bee     1    3     1         5   60.0%",
        "wasp    0    0     0         0       –",
        "said    3    4     1         8",
        "rows: what it is; columns: what was said; right: 5 of 8, 62.5%",
    ]
    assert repr(found) == (
        "Confusion matrix of 8 pictures, 3 classes: 5 right (62.5%); "
        "ant taken for bee 1, bee taken for ant 1, bee taken for wasp 1"
    )


@pytest.mark.parametrize(
    "true, said, classes, match",
    [
        ([], [], None, "0 truths and 0 answers"),
        (["ant"], [], None, "1 truths and 0 answers"),
        (["ant"], ["bees"], ("ant", "bee"), "'bees' was said, and is not among the classes given: ant, bee.*'bee'"),
        (["wasp"], ["ant"], ("ant", "bee"), "'wasp' was shown"),
    ],
)
def test_what_cannot_be_counted(true: list[str], said: list[str], classes: Any, match: str) -> None:
    with pytest.raises(CourseError, match=match):
        tally(true, said, classes=classes)


# -- a folder's predictions -------------------------------------------------------------------------------------------
def folder(logits: torch.Tensor, truths: list[int], *, k: int, names: tuple[str, ...] = NAMES) -> FolderPredictions:
    rows = [
        FolderRow(Path("val") / names[truth] / f"{n:05d}.png", from_logits(row, names, k=k), 0.01)
        for n, (row, truth) in enumerate(zip(logits, truths, strict=True))
    ]
    return FolderPredictions(tuple(rows), (), 0.5, "cpu")


@settings(max_examples=30)
@given(st.integers(0, 2**31), st.integers(1, 40), st.integers(1, 5))
def test_a_folder_is_counted_as_argmax_counts(seed: int, n: int, k: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits, truth = torch.randn(n, 5, generator=generator), torch.randint(0, 5, (n,), generator=generator)
    found = folder(logits, truth.tolist(), k=k)
    expected = torch.zeros(5, 5, dtype=torch.int64)
    expected.index_put_((truth, logits.argmax(1)), torch.ones_like(truth), accumulate=True)
    matrix = confusion(found, classes=NAMES)
    assert torch.equal(matrix.counts, expected)
    assert matrix.accuracy == found.accuracy() == pytest.approx((logits.argmax(1) == truth).double().mean().item())
    tellings: list[Any] = [
        lambda path: path.parent.name,
        lambda path: {path.parent.name},
        {str(row.path): row.path.parent.name for row in found.rows},
        {f"{row.path.parent.name}/{row.path.name}": row.path.parent.name for row in found.rows},
    ]
    if k == 5:  # every class has been named, so that an index says which one it is
        tellings += [
            lambda path: np.int64(NAMES.index(path.parent.name)),
            {row.path: NAMES.index(row.path.parent.name) for row in found.rows},
        ]
    for told in tellings:
        assert torch.equal(confusion(found, told, classes=NAMES).counts, expected)


def test_several_right_answers_count_as_the_one_that_was_said() -> None:
    found = folder(torch.eye(5)[[0, 1, 2, 0]], [0, 0, 0, 3], k=1)
    matrix = confusion(found, lambda path: ("ant", "bee") if path.parent.name == "ant" else ())
    assert matrix.classes == ("ant", "bee", "cat", "none of the classes")
    assert matrix.counts.tolist() == [[1, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0]]
    assert [one.right for one in found.judged(lambda path: ("ant", 1))] == [True, True, False, True]


def test_two_classes_of_the_same_name_are_told_apart() -> None:
    names = ("crane", "bee", "crane")  # as in ImageNet: the bird and the machine
    found = folder(torch.eye(3), [0, 1, 0], k=3, names=names)
    assert [one.said for one in found.judged()] == ["crane (0)", "bee", "crane (2)"]
    matrix = confusion(found, lambda path: names.index(path.parent.name))
    assert matrix.mix_ups == (("crane (0)", "crane (2)", 1),) and matrix.right == 2
    assert found.accuracy(lambda path: names.index(path.parent.name)) == pytest.approx(2 / 3)


@pytest.mark.parametrize("told", [None, 1.5, object()])
def test_a_truth_that_is_none(told: Any) -> None:
    with pytest.raises(CourseError, match=r"The truth of 00000\.png is .*: give a label, an index, or several"):
        confusion(folder(torch.eye(5)[:1], [0], k=1), lambda path: told)


def test_a_folder_of_skipped_files_has_no_matrix() -> None:
    with pytest.raises(CourseError, match="every file of this folder was skipped"):
        confusion(FolderPredictions((), ((Path("a.png"), "is empty"),), 0.1, "cpu"))


# -- the picture ------------------------------------------------------------------------------------------------------
def random_matrix(n: int, most: int, *, names: tuple[str, ...] | None = None) -> Confusion:
    table = torch.randint(0, most, (n, n), generator=torch.Generator().manual_seed(n))
    table += torch.eye(n, dtype=torch.int64) * most * 5
    return Confusion(names or tuple(f"class number {k}" for k in range(n)), table)


@pytest.mark.parametrize(
    "matrix",
    [
        random_matrix(1, 5), random_matrix(2, 9), random_matrix(4, 3), random_matrix(5, 40, names=LONG),
        random_matrix(10, 90), random_matrix(25, 9), random_matrix(90, 700),
        Confusion(LONG[:2], torch.tensor([[0, 0], [0, 7]])),
    ],
    ids=lambda matrix: f"{len(matrix.classes)}",
)  # fmt: skip
@pytest.mark.parametrize("title", ["", "ResNet18 on ants and bees", "a title that is much longer than the table " * 4])
def test_the_picture_says_every_number(matrix: Confusion, title: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    wide: list[tuple[float, float]] = []

    def marks(self: Sheet, marks: Any, **how: Any) -> None:
        for x, _, words, _ in marks:
            half = confusion_table.text_width(words, how["size"], bold=how.get("bold", False)) / 2
            wide.append((x - half, x + half - self.width))
            said.append(words)
        drawn(self, marks, **how)

    drawn = Sheet.marks
    monkeypatch.setattr(Sheet, "marks", marks)
    shown = draw_confusion(matrix, title=title)
    checks.is_picture(shown, kind="png")
    assert shown.alt == (f"{title}. " if title else "") + repr(matrix)
    assert shown.width <= 1125 and min(a for a, _ in wide) > 0 and max(b for _, b in wide) < 0
    n = len(matrix.classes)
    if n <= 10:
        numbers = [str(int(value)) for value in matrix.counts.flatten() if value or n <= 4]
        sums = [str(int(value)) for axis in (0, 1) for value in matrix.counts.sum(axis)]
        for needed in (numbers, sums, [str(matrix.total)]):
            for one in needed:
                assert one in said
        shares = [*matrix.recall.values(), *(matrix.precision.values() if n <= 4 else ())]
        assert {"–" if math.isnan(one) else f"{100 * one:.1f}%" for one in shares} <= set(said)


@settings(max_examples=40)
@given(st.integers(2, 12), st.integers(2, 12), st.integers(0, 2**31))
def test_classes_without_room_are_summed_up_and_nothing_is_lost(n: int, most: int, seed: int) -> None:
    table = np.random.default_rng(seed).integers(0, 9, (n, n))
    few = gathered([str(k) for k in range(n)], table, most)
    assert few.table.sum() == table.sum() and few.right.sum() == np.trace(table)
    assert len(few.names) == len(few.table) == min(n, most) and few.others == (n > most)
    kept = [int(name) for name in few.names if "others" not in name]
    assert (few.table[: len(kept), : len(kept)] == table[np.ix_(kept, kept)]).all()
    assert few.table.sum(1)[: len(kept)].tolist() == table.sum(1)[kept].tolist()
    often = table.sum(0) + table.sum(1)
    assert min(often[kept]) >= max((often[k] for k in range(n) if k not in kept), default=0)


def test_what_is_right_is_blue_and_mistakes_are_orange() -> None:
    pixels = np.asarray(draw_confusion(tally(["a"] * 9 + ["b"] * 9, ["a"] * 9 + ["a"] * 9)).open().convert("RGB"), int)
    blue = tuple(int(BLUE[k : k + 2], 16) for k in (1, 3, 5))
    like = np.abs(pixels - (0.85 * np.array(blue) + 0.15 * 255)).max(2) < 12  # a full row's share
    orange = (pixels[..., 0] > 200) & (pixels[..., 2] < 90)
    assert like.sum() > 5000 and orange.sum() > 5000
    assert np.nonzero(like)[0].mean() < np.nonzero(orange)[0].mean() - 50  # a was recognised, b below it taken for a
    assert abs(np.nonzero(like)[1].mean() - np.nonzero(orange)[1].mean()) < 4  # in the same column


def test_a_notebook_shows_a_table() -> None:
    matrix = tally(["<b>ant", "bee", "bee"], ["<b>ant", "bee", "<b>ant"])
    page = matrix._repr_html_()
    assert page.count("<tr") == 4 and "<b>" not in page and 'scope="row"' in page
    for cell in ("&lt;b&gt;ant", "100.0%", "50.0%", "right: 2 of 3, 66.7%"):
        assert cell in page
    many = random_matrix(90, 700)
    page = many._repr_html_()
    assert page.count("<tr") == 31 and all(str(part) in page for part in many.mix_ups[0])


# -- the picture book's classes among ImageNet's ----------------------------------------------------------------------
IMAGENET_NAMES = tuple(ResNet18_Weights.DEFAULT.meta["categories"])


def answers_of(*pairs: tuple[str, str], names: tuple[str, ...] = IMAGENET_NAMES) -> FolderPredictions:
    """A classifier's answers: (folder, what is said of its picture) of each."""
    rows = [
        FolderRow(Path(label) / f"{n}.png", from_logits(torch.eye(len(names))[names.index(said)], names, k=1), 0.01)
        for n, (label, said) in enumerate(pairs)
    ]
    return FolderPredictions(tuple(rows), (), 0.1, "cpu")


def test_an_arabian_camel_is_a_camel_everywhere() -> None:
    found = answers_of(
        ("camel", "Arabian camel"), ("camel", "llama"), ("cat", "tabby"), ("cat", "Arabian camel"), ("dog", "tench")
    )
    right = [True, False, True, False, False]
    assert [is_right(row) for row in found.rows] == [picture.right for picture in found.judged()] == right
    assert [picture.truth for picture in found.judged()] == ["camel", "camel", "cat", "cat", "dog"]
    assert [picture.said for picture in found.judged()][:3] == ["Arabian camel", "llama", "tabby"]
    assert found.accuracy() == confusion(found).accuracy == 0.4
    matrix = confusion(found)
    assert matrix.classes == ("camel", "cat", "dog", "llama", "tench")
    assert matrix.counts.tolist()[:2] == [[1, 0, 0, 1, 0], [1, 1, 0, 0, 0]]
    assert matrix.precision["camel"] == matrix.recall["camel"] == 0.5
    assert [picture.file for picture in select(found.judged(), verdict="right", order="by file")] == [
        "camel/0.png", "cat/2.png"
    ]  # fmt: skip


@pytest.mark.parametrize("label", ALL_CLASSES)
def test_every_counterpart_of_a_class_is_right_and_nothing_else(label: str) -> None:
    right = right_outputs((label,), IMAGENET_NAMES)
    assert right >= set(IMAGENET[label]) and right == set(counts_as(label, IMAGENET_NAMES))
    assert right_outputs((label,), (*CLASSES, "ant", "bee")) == {(*CLASSES, "ant", "bee").index(label)}
    assert not is_right(answers_of((label, "toilet tissue")).rows[0])


def test_all_classes_of_one_name_are_right_for_it() -> None:
    assert right_outputs(("crane",), ("crane", "bee", "crane")) == {0, 2}
    assert right_outputs((7, "none such"), IMAGENET_NAMES) == {7} and right_outputs((), IMAGENET_NAMES) == set()


def test_accuracy_over_a_folder_agrees_with_the_folders_predictions(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "few", ("camel", "cat", "dog"), 2)
    classifier = load_classifier("squeezenet1_1", weights="course", device="cpu")
    found = classifier.predict_folder(folder)
    assert accuracy_under(classifier, folder) == pytest.approx(found.accuracy())
    imagenet = replace(classifier, categories=IMAGENET_NAMES, model=Always(IMAGENET_NAMES.index("Arabian camel")))
    assert accuracy_under(imagenet, folder) == pytest.approx(1 / 3)
    assert imagenet.predict_folder(folder).accuracy() == pytest.approx(1 / 3)
    (folder / "cat").rename(folder / "no such class")
    with pytest.raises(CourseError, match="lies in a folder named 'no such class'; expected one of camel"):
        accuracy_under(classifier, folder)


class Always(torch.nn.Module):
    """Says one and the same class of every picture."""

    def __init__(self, index: int) -> None:
        super().__init__()
        self.index = index

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.eye(1000)[self.index].expand(len(x), -1)
