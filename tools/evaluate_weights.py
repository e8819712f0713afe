"""Measure the course's weights on pictures that nothing was ever learnt from or tuned on.

    python -m tools.evaluate_weights [MODEL ...]

Every class of the picture book is drawn with each of ``EVAL_SEEDS``, at every difficulty and 224 px, and goes through
the weights' own transforms. Accuracy and confusion matrices are written to ``figures.json``, where the enums' ``meta``
reads them, so that no figure is ever typed. This is a script: nothing in the course imports it.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from torchvision.models import get_model

from course_lib.errors import CourseError, WeightsError, closest
from course_lib.models.weights import CourseWeightsEnum, make_enum
from course_lib.models.weights.weight_files import FOLDER, read_figures, write_figures
from course_lib.progress import track
from tools.weight_seeds import EVAL_SEEDS

__all__ = ["DIFFICULTIES", "README", "evaluate", "markdown", "stamped", "table"]

DIFFICULTIES = ("easy", "standard", "hard", "extreme")
#: Of these the confusion matrix is kept: with easy pictures there is nothing to see.
CONFUSIONS = ("standard", "hard")
SIZE = (224, 224)
_BATCH = 50
_OPENING = "<!-- figures: written by python -m tools.evaluate_weights -->"
_CLOSING = "<!-- /figures -->"
README = Path(__file__).resolve().parents[1] / "README.md"


def evaluate(
    names: Sequence[str] = (),
    *,
    folder: Path = FOLDER,
    seeds: Sequence[int] = EVAL_SEEDS,
    difficulties: Sequence[str] = DIFFICULTIES,
    processes: int | None = None,
) -> dict[str, dict[str, Any]]:
    """Evaluate models of a shelf and write what was found to its ``figures.json``.

    Args:
        names: torchvision's names; none means all of the shelf.
        folder: where the files and ``figures.json`` lie.
        seeds: each class is drawn once with each of them.
        difficulties: of the pictures.
        processes: how many draw at the same time; one a core when None.

    Returns:
        The rows of ``figures.json``, with ``accuracy`` (percent, by difficulty) and ``confusion`` (rows: true class,
        columns: predicted class, in the order of ``categories``).

    Raises:
        WeightsError: a name that is not on the shelf, or a file that is missing or was changed.
    """
    figures = read_figures(folder)
    for name in names:
        if name not in figures:
            raise WeightsError(f"{name!r} is not on the shelf {folder}.{closest(name, figures)}")
    loaded = {name: _load(name, figures[name], folder) for name in names or figures}
    if not loaded:
        return figures
    categories = next(iter(figures.values()))["categories"]
    square = (len(categories), len(categories))  # rows: true, columns: predicted
    counts = {(name, level): torch.zeros(square, dtype=torch.int64) for name in loaded for level in difficulties}
    jobs = [(level, label, seed) for level in difficulties for seed in seeds for label in categories]
    with multiprocessing.get_context("spawn").Pool(processes or os.cpu_count()) as pool:
        drawn = track(pool.imap(_draw, jobs, chunksize=8), "evaluating", total=len(jobs))
        for level, truth, pictures in _batches(zip(jobs, drawn, strict=True), categories):
            batches: dict[str, Tensor] = {}
            for name, (model, weights) in loaded.items():
                transforms = weights.transforms()
                key = repr(transforms)
                if key not in batches:  # the four models share theirs
                    batches[key] = torch.stack([transforms(one) for one in pictures])
                with torch.inference_mode():
                    answers = model(batches[key]).argmax(dim=1)
                counts[name, level].index_put_((truth, answers), torch.ones_like(truth), accumulate=True)
    figures = read_figures(folder)  # again: somebody may have stored another model in the meantime
    for name in loaded:
        row = figures[name]
        for level in difficulties:
            matrix = counts[name, level]
            row["accuracy"][level] = round(100 * matrix.trace().item() / matrix.sum().item(), 3)
            if level in CONFUSIONS:
                row["confusion"][level] = matrix.tolist()
        row["evaluated"] = {"seeds": [seeds[0], seeds[-1]], "a_class": len(seeds), "size": list(SIZE)}
    write_figures(figures, folder)
    return figures


def table(figures: dict[str, dict[str, Any]]) -> str:
    """The figures as text: one line a model, then the classes that a model confuses most.

    Example:
        >>> row = {"accuracy": {"easy": 100.0, "hard": 90.0}, "confusion": {"hard": [[9, 1], [1, 9]]},
        ...        "categories": ["cat", "dog"], "num_params": 1000000, "file_size": 2.0}
        >>> print(table({"tinynet": row}))
        model              parameters     MB     easy  standard      hard   extreme
        tinynet                  1.0M    2.0   100.00         -     90.00         -
          hard: cat taken for dog 1, dog taken for cat 1
    """
    head = "  ".join(f"{level:>8}" for level in DIFFICULTIES)
    lines = [f"{'model':<18} {'parameters':>10} {'MB':>6} {head}"]
    for name, row in figures.items():
        found = row["accuracy"]
        cells = [f"{found[level]:.2f}" if level in found else "-" for level in DIFFICULTIES]
        levels = "  ".join(f"{cell:>8}" for cell in cells)
        lines.append(f"{name:<18} {row['num_params'] / 1e6:>9.1f}M {row['file_size']:>6.1f} {levels}")
        for level, matrix in row["confusion"].items():
            lines.append(f"  {level}: {_worst(matrix, row['categories'])}")
    return "\n".join(lines)


def markdown(figures: dict[str, dict[str, Any]]) -> str:
    """The table of the README, between its two markers.

    Example:
        >>> row = {"accuracy": {"easy": 100.0, "standard": 97.5, "hard": 90.0, "extreme": 80.0},
        ...        "num_params": 1200000, "file_size": 2.0}
        >>> print(markdown({"tinynet": row}))
        | model | parameters | file | easy | standard | hard | extreme |
        |---|---|---|---|---|---|---|
        | `course_tinynet` | 1.2 M | 2.0 MB | 100.0% | 97.5% | 90.0% | 80.0% |
    """
    lines = [
        f"| model | parameters | file | {' | '.join(DIFFICULTIES)} |",
        "|---|---|---|" + "---|" * len(DIFFICULTIES),
    ]
    for name, row in figures.items():
        levels = " | ".join(f"{row['accuracy'].get(level, float('nan')):.1f}%" for level in DIFFICULTIES)
        size = f"{row['num_params'] / 1e6:.1f} M | {row['file_size']:.1f} MB"
        lines.append(f"| `course_{name}` | {size} | {levels} |")
    return "\n".join(lines)


def stamped(text: str, figures: dict[str, dict[str, Any]]) -> str:
    """``text`` with the table between its markers made anew; unchanged when it has no markers."""
    head, opening, rest = text.partition(_OPENING)
    _, closing, tail = rest.partition(_CLOSING)
    return f"{head}{opening}\n{markdown(figures)}\n{closing}{tail}" if opening and closing else text


def _worst(matrix: list[list[int]], categories: list[str]) -> str:
    pairs = [
        (count, categories[true], categories[taken])
        for true, row in enumerate(matrix)
        for taken, count in enumerate(row)
        if count and true != taken
    ]
    pairs.sort(key=lambda pair: (-pair[0], pair[1:]))
    return ", ".join(f"{true} taken for {taken} {count}" for count, true, taken in pairs[:5]) or "no mistakes"


def _load(name: str, row: dict[str, Any], folder: Path) -> tuple[nn.Module, CourseWeightsEnum]:
    weights: CourseWeightsEnum = make_enum(name, row, folder, module=__name__).DEFAULT
    model: nn.Module = get_model(name, weights=None, num_classes=len(row["categories"]))
    model.load_state_dict(weights.get_state_dict())
    return model.eval(), weights


def _draw(job: tuple[str, str, int]) -> Image.Image:
    from picturebook import scene

    level, label, seed = job
    picture: Image.Image = scene(label, seed=seed, size=SIZE, difficulty=level).picture
    return picture


def _batches(
    drawn: Iterable[tuple[tuple[str, str, int], Image.Image]], categories: Sequence[str]
) -> Iterator[tuple[str, Tensor, list[Image.Image]]]:
    """Batches of one difficulty each: the difficulty, the true classes' indices (B,), the pictures."""
    drawn = iter(drawn)
    while group := list(islice(drawn, _BATCH)):
        for level in dict.fromkeys(job[0] for job, _ in group):
            same = [(categories.index(job[1]), picture) for job, picture in group if job[0] == level]
            yield level, torch.tensor([truth for truth, _ in same]), [picture for _, picture in same]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the evaluation from a command line; the exit status is 1 when a name or a file is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tools.evaluate_weights", description=__doc__.split("\n")[0])
    parser.add_argument("model", nargs="*", help="torchvision's name of a model with course weights; none means all")
    try:
        figures = evaluate(parser.parse_args(arguments).model)
        print(table(figures))
        if README.is_file():  # a checkout, not an installed copy
            README.write_text(stamped(README.read_text(encoding="utf-8"), figures), encoding="utf-8")
    except CourseError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
