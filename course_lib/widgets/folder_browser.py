"""A folder's predictions, leafed through: the right and the wrong ones, class by class, by how sure the model was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from course_lib.drawing.folder_pages import ORDERS, VERDICTS, draw_closer, draw_page, page_count, select
from course_lib.drawing.still import Still
from course_lib.errors import CourseError
from course_lib.models.predictions import FolderPredictions
from course_lib.pictures.truth import Truths
from course_lib.widgets.declaration import widget
from course_lib.widgets.explorer import Explorer, choice, number

__all__ = ["ANY", "folder_browser"]

#: The value of "any class" among the classes; None would leave the list without a choice, and its box empty.
ANY = ""


@widget(
    example=lambda given: {"predictions": given.folder, "per_page": 5},
    moves=[
        {"page": 2},
        {"verdict": "all"},
        {"order": "least sure first"},
        {"truth": "bee"},
        {"said": "ant"},
        {"verdict": "right"},
        {"said": ANY},
        {"order": "by file"},
        {"closer": 2},
        {"closer": 0},
        {"truth": ANY, "page": 2},
    ],
    refuses=[({"per_page": 0}, "from 1 to 20"), ({"verdict": "maybe"}, "maybe"), ({"order": "by colour"}, "by colour")],
)
def folder_browser(
    predictions: FolderPredictions,
    truth: Truths | None = None,
    *,
    verdict: str | None = None,
    order: str = "surest first",
    per_page: int = 10,
) -> Explorer:
    """Right or wrong × what it is × what was said × order × page.

    Args:
        predictions: from ``Classifier.predict_folder``.
        truth: what the pictures show, as ``FolderPredictions.judged`` takes it; their folders' names when left out.
        verdict: "all", "right" or "wrong", at first; the wrong ones when left out, if there are any.
        order: one of ``folder_pages.ORDERS``, at first.
        per_page: how many pictures are shown at once.

    Raises:
        CourseError: no picture, a truth that does not know one of them, or a setting that there is not.
    """
    if isinstance(per_page, bool) or not isinstance(per_page, int) or not 1 <= per_page <= 20:
        raise CourseError(f"per_page={per_page!r}: how many pictures are shown at once is a whole number from 1 to 20.")
    judged = predictions.judged(truth)
    if verdict is None:
        verdict = "all" if all(answer.right for answer in judged) else "wrong"
    pages = page_count(len(select(judged, verdict=verdict, order=order)), per_page)

    def draw(verdict: str, truth: str, said: str, order: str, page: int, closer: int) -> Still:
        kept = select(judged, verdict=verdict, truth=truth or None, said=said or None, order=order)
        if closer and (page - 1) * per_page + closer <= len(kept):
            return draw_closer(kept[(page - 1) * per_page + closer - 1])
        return draw_page(
            predictions, judged, page, verdict=verdict, truth=truth or None, said=said or None, order=order,
            per_page=per_page,
        )  # fmt: skip

    counts = {name: len(select(judged, verdict=name)) for name in VERDICTS}
    controls = {
        "verdict": choice("show", [(f"{name} ({count})", name) for name, count in counts.items()], verdict),
        "truth": choice("what it is", _classes(one.truth for one in judged)),
        "said": choice("what was said", _classes(one.said for one in judged)),
        "order": choice("order", ORDERS, order),
        "page": number("page", 1, pages, 1),
        "closer": choice(
            "look closer at", [("the whole page", 0), *((f"picture {k}", k) for k in range(1, per_page + 1))]
        ),
    }

    def settle(moved: str, _before: Any) -> None:
        if moved != "closer":
            controls["closer"].value = 0
        if moved in ("page", "closer"):
            return
        verdict, truth, said = (controls[name].value for name in ("verdict", "truth", "said"))
        kept = select(judged, verdict=verdict, truth=truth or None, said=said or None)
        controls["page"].value = 1
        controls["page"].max = page_count(len(kept), per_page)

    return Explorer(draw, controls, settle=settle, touch={"picture": "closer", "close": "closer"})


def _classes(names: Iterable[str]) -> list[tuple[str, str]]:
    counts = Counter(names)
    return [("any class", ANY), *((f"{name} ({counts[name]})", name) for name in sorted(counts))]
