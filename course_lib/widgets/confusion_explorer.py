"""A confusion matrix, and the pictures behind its numbers: touch a cell to see them. (lesson 07)"""

from __future__ import annotations

from functools import lru_cache

from course_lib.drawing.confusion_table import draw_confusion
from course_lib.drawing.folder_pages import page_count, prediction_grid, select
from course_lib.drawing.still import Still, stacked
from course_lib.errors import CourseError, closest
from course_lib.measuring.confusion_matrix import confusion
from course_lib.models.predictions import FolderPredictions
from course_lib.pictures.truth import Truths
from course_lib.widgets.declaration import widget
from course_lib.widgets.explorer import Explorer, choice, number

__all__ = ["confusion_explorer"]


@widget(
    example=lambda given: {"predictions": given.folder},
    moves=[{"truth": "bee"}, {"said": "ant"}, {"truth": "ant"}, {"page": 2}],
    refuses=[({"per_page": 0}, "from 1 to 20"), ({"cell": ("ant", "wasp")}, "wasp")],
)
def confusion_explorer(
    predictions: FolderPredictions,
    truth: Truths | None = None,
    *,
    cell: tuple[str, str] | None = None,
    per_page: int = 5,
) -> Explorer:
    """What it is × what was said × page; it begins with the commonest mistake.

    Args:
        predictions: from ``Classifier.predict_folder``.
        truth: what the pictures show, as ``FolderPredictions.judged`` takes it; their folders' names when left out.
        cell: (what it is, what was said) at first; the commonest mistake when left out.
        per_page: how many of its pictures are shown at once.

    Raises:
        CourseError: no picture, no such class, or a truth that does not know a picture.
    """
    if isinstance(per_page, bool) or not isinstance(per_page, int) or not 1 <= per_page <= 20:
        raise CourseError(f"per_page={per_page!r}: how many pictures are shown at once is a whole number from 1 to 20.")
    judged = predictions.judged(truth)
    matrix = confusion(predictions, truth)
    names = matrix.classes
    if cell is None:
        cell = matrix.mix_ups[0][:2] if matrix.mix_ups else (names[0], names[0])
    for name in cell:
        if name not in names:
            raise CourseError(f"There is no class {name!r} in this matrix.{closest(str(name), names)}")

    @lru_cache(maxsize=8)
    def table(truth: str, said: str) -> Still:
        return draw_confusion(matrix, cell=(truth, said))

    def draw(truth: str, said: str, page: int) -> Still:
        kept = select(judged, truth=truth, said=said)
        first = (page - 1) * per_page
        title = f"{truth} called {said}: {len(kept)} picture{'' if len(kept) == 1 else 's'}, surest first"
        below = prediction_grid(kept[first : first + per_page], title=title, empty="There is no such picture.")
        return stacked(table(truth, said), below)

    controls = {
        "truth": choice("what it is", names, cell[0]),
        "said": choice("what was said", names, cell[1]),
        "page": number("page", 1, page_count(len(select(judged, truth=cell[0], said=cell[1])), per_page), 1),
    }

    def settle(moved: str, _before: object) -> None:
        if moved != "page":
            kept = select(judged, truth=controls["truth"].value, said=controls["said"].value)
            controls["page"].value = 1
            controls["page"].max = page_count(len(kept), per_page)

    def chosen(names: tuple[str, str]) -> dict[str, str]:
        known = controls["truth"].options  # the row that stands for several classes has no pictures of its own
        return dict(zip(("truth", "said"), names, strict=True)) if set(names) <= set(known) else {}

    return Explorer(draw, controls, settle=settle, touch={"cell": chosen})
