"""A folder's predictions to look at: which pictures, in which order, page by page; the most confident mistakes.

The pictures behind the numbers of a confusion matrix. How they are drawn is in ``prediction_tiles``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from course_lib.drawing.prediction_tiles import prediction_grid
from course_lib.drawing.still import Still
from course_lib.errors import CourseError
from course_lib.models.predictions import FolderPredictions, Judged
from course_lib.pictures.truth import Truths

__all__ = ["ORDERS", "VERDICTS", "chosen", "draw_page", "most_confident_mistakes", "page_count", "prediction_grid"]

VERDICTS = ("all", "right", "wrong")
#: How pictures can be put in order; those that are alike keep the order of their files.
ORDERS: Mapping[str, Callable[[Judged], Any]] = {
    "surest first": lambda one: -one.probability,
    "least sure first": lambda one: one.probability,
    "slowest first": lambda one: -one.row.seconds,
    "by file": lambda one: 0,
}


def chosen(
    judged: Sequence[Judged],
    *,
    verdict: str = "all",
    truth: str | None = None,
    said: str | None = None,
    order: str = "surest first",
) -> tuple[Judged, ...]:
    """Some of a folder's pictures, in order.

    Args:
        judged: from ``FolderPredictions.judged``.
        verdict: one of ``VERDICTS``: "all", "right" or "wrong".
        truth: only pictures that show this class.
        said: only pictures that were taken for this class.
        order: one of ``ORDERS``.

    Raises:
        CourseError: there is no such verdict or order.

    Example:
        >>> import torch
        >>> from pathlib import Path
        >>> from course_lib.models.predictions import FolderRow, from_logits
        >>> answers = [from_logits(torch.tensor([0.0, sure]), ("ant", "bee"), k=1) for sure in (1.0, 3.0, 2.0)]
        >>> rows = tuple(FolderRow(Path(f"bee/{k}.png"), one, 0.01) for k, one in enumerate(answers))
        >>> [one.file for one in chosen(FolderPredictions(rows, (), 0.1, "cpu").judged())]
        ['bee/1.png', 'bee/2.png', 'bee/0.png']
    """
    for what, given, known in (("verdict", verdict, VERDICTS), ("order", order, tuple(ORDERS))):
        if given not in known:
            raise CourseError(f"{what}={given!r}: choose one of {', '.join(map(repr, known))}.")
    kept = [
        one
        for one in judged
        if (verdict == "all" or one.right == (verdict == "right"))
        and truth in (None, one.truth)
        and said in (None, one.said)
    ]
    return tuple(sorted(kept, key=ORDERS[order]))


def most_confident_mistakes(
    predictions: FolderPredictions, truth: Truths | None = None, k: int = 10
) -> tuple[Judged, ...]:
    """The pictures that the model was wrong about and most sure of; what do they share?

    Args:
        predictions: from ``Classifier.predict_folder``.
        truth: what the pictures show, as ``FolderPredictions.judged`` takes it; their folders' names when left out.
        k: how many; fewer when there are not so many mistakes, and none when there are none.

    Raises:
        CourseError: no picture, a truth that does not know one of them, or a ``k`` below 1.
    """
    if isinstance(k, bool) or not isinstance(k, int) or k < 1:
        raise CourseError(f"k is how many mistakes to give, a whole number of at least 1, not {k!r}.")
    return chosen(predictions.judged(truth), verdict="wrong")[:k]


def page_count(pictures: int, per_page: int) -> int:
    """How many pages so many pictures fill; the page that says that there is none counts as one.

    Example:
        >>> [page_count(n, 10) for n in (0, 1, 10, 11)]
        [1, 1, 1, 2]
    """
    return max(1, -(-pictures // per_page))


def draw_page(
    predictions: FolderPredictions,
    judged: Sequence[Judged],
    page: int = 1,
    *,
    verdict: str = "all",
    truth: str | None = None,
    said: str | None = None,
    order: str = "surest first",
    per_page: int = 10,
) -> Still:
    """One page of a folder's pictures.

    Args:
        predictions: for how long it took, and what was skipped.
        judged: all of its pictures, from ``FolderPredictions.judged``.
        page: counted from 1.
        verdict, truth, said, order: which pictures, and in which order, as for ``chosen``.
        per_page: how many pictures are on a page.

    Raises:
        CourseError: there is no such verdict, order or page.
    """
    some = chosen(judged, verdict=verdict, truth=truth, said=said, order=order)
    pages = page_count(len(some), per_page)
    if not 1 <= page <= pages:
        raise CourseError(f"There is no page {page}: these {len(some)} pictures fill {pages}.")
    first = (page - 1) * per_page
    shown = some[first : first + per_page]
    of = [f"{name} {one}" for name, one in (("truth", truth), ("said", said)) if one is not None]
    which = [f"{verdict.capitalize()} pictures", *of, order]
    place = f"{first + 1} to {first + len(shown)} of {len(some)}" if shown else "none"
    right = sum(one.right for one in judged)
    note = f"Altogether {right} of {len(judged)} right, {100 * right / max(len(judged), 1):.1f} %; "
    note += (
        f"{predictions.total_seconds:.1f} s, {1000 * predictions.mean_seconds:.1f} ms a picture on {predictions.device}"
    )
    if predictions.skipped:
        note += f"; {len(predictions.skipped)} files could not be opened and were skipped"
    empty = f"There is no such picture among the {len(judged)} of this folder."
    return prediction_grid(shown, title=f"{', '.join(which)}: {place}", note=note, empty=empty)
