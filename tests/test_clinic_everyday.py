"""Everyday errors, as in a notebook: each snippet raises, is named rightly, and its repair repairs.

A snippet of ``clinic_snippets`` begins with a line ``# %% name | where the repair goes | words``: the diagnosis' name,
where its code is pasted, and words of the answer. The code is pasted ``instead`` of the statement that failed,
``before`` the line of the program that failed, or ``for`` a line of the snippet; then the snippet must run. They also
run on the lowest versions and on Colab's (.ci/run), so they hold to kinds of errors, not to PyTorch's words.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path
from textwrap import indent
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, TensorDataset
from torchvision import datasets, models
from torchvision import transforms as T

from course_lib import clinic
from course_lib.clinic import Diagnosis
from course_lib.clinic.rules import RULES
from course_lib.clinic.tracebacks import RaisedError

FOLDER = Path(__file__).parent / "clinic_snippets"


@dataclass(frozen=True)
class Snippet:
    """A program that raises: its diagnosis, where the repair goes, words of the answer, and the code."""

    name: str
    where: str
    words: tuple[str, ...]
    code: str


def snippets() -> dict[str, Snippet]:
    table = {}
    for path in sorted(FOLDER.glob("*.txt")):
        for number, text in enumerate(path.read_text(encoding="utf-8").split("# %% ")[1:]):
            head, code = text.split("\n", 1)
            name, where, words = head.split(" | ", 2)
            snippet = Snippet(name, where, tuple(filter(None, words.split("; "))), code)
            table[f"{path.stem} {number + 1} {name}"] = snippet
    return table


SNIPPETS = snippets()


def quick(builder: Any, **settings: Any) -> nn.Module:
    """A model without the time that initialising takes; its numbers are zero."""
    with torch.device("meta"):
        model: nn.Module = builder(**settings)
    model = model.to_empty(device="cpu").eval()
    for tensor in (*model.parameters(), *model.buffers()):
        tensor.data.zero_()
    return model


def space() -> dict[str, Any]:
    """What a learner has imported."""
    return {
        "__name__": "lesson", "torch": torch, "torchvision": torchvision, "nn": nn, "F": F, "models": models, "T": T,
        "datasets": datasets, "DataLoader": DataLoader, "Dataset": Dataset, "TensorDataset": TensorDataset, "np": np,
        "Image": Image, "Path": Path, "quick": quick, "pickle": __import__("pickle"),
    }  # fmt: skip


def run(code: str, name: str = "lesson.py") -> BaseException | None:
    """Run a program from a file, so that its lines can be shown; what it raised."""
    path = Path(name).resolve()
    path.write_text(code, encoding="utf-8")
    torch.manual_seed(0)
    try:
        exec(compile(code, str(path), "exec"), space())
    except Exception as error:
        return error
    return None


def pasted(snippet: Snippet, found: Diagnosis) -> str:
    """The snippet with the repair where it belongs."""
    lines, where = snippet.code.splitlines(), snippet.where
    if where.startswith("before"):
        place, count = found.lines[0].number - 1, 0
    elif where == "instead":
        place, count = found.lines[-1].number - 1, 1
    else:
        wanted = where.removeprefix("for ").removeprefix("ahead of ")
        place, count = next(number for number, line in enumerate(lines) if line.strip() == wanted), 1
        if wanted.startswith("with "):
            count = 1 + sum(line.startswith("    ") for line in lines)
        if wanted == "opt.step()":
            count = 2
        count = 0 if where.startswith("ahead of ") else count
    margin = re.match(r" *", lines[place])
    new = indent(found.repair, margin.group() if margin else "").splitlines()
    return "\n".join([*lines[:place], *new, *lines[place + count :]]) + "\n"


def normal(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("name", SNIPPETS)
def test_an_everyday_error_is_named_and_its_repair_repairs(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    snippet = SNIPPETS[name]
    if snippet.name == "no GPU" and torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    error = run(snippet.code)
    assert error is not None, "nothing is raised"
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    found = clinic.explain(error)
    assert found is not None, f"silence about {type(error).__name__}: {error}"
    assert found.name == snippet.name, f"{found}\n{type(error).__name__}: {error}"
    for word in snippet.words:
        assert word in normal(str(found)) or word in normal(found.repair + found.what + found.why), f"{word!r}\n{found}"
    assert found.lines and found.lines[0].place == "lesson.py"
    assert "\n" not in found.what and len(found.what) < 600
    assert not re.search(r"torch\.save|unlink|rmtree|os\.remove|rename\(", found.repair)
    assert {path: path.read_bytes() for path in before} == before
    if snippet.where in ("no code", "no run"):
        assert bool(found.repair) == (snippet.where == "no run")
        return
    assert found.repair
    (tmp_path / "again").mkdir()
    monkeypatch.chdir(tmp_path / "again")
    again = run(_used(snippet, pasted(snippet, found)), "repaired.py")
    assert again is None, f"{found}\nthen {type(again).__name__}: {again}"


def _used(snippet: Snippet, code: str) -> str:
    """ "before and use net": the failing line then takes the model that the repair filled."""
    match = re.match(r"before and use (\w+)", snippet.where)
    if match is None:
        return code
    *head, last = code.rstrip().splitlines()
    return "\n".join([*head, re.sub(r"\b(model|checkpoint)\b", match.group(1), last)]) + "\n"


def test_there_are_at_least_a_hundred_kinds() -> None:
    assert len({snippet.name for snippet in SNIPPETS.values()}) >= 100
    assert len(SNIPPETS) >= 150


def test_an_explanation_takes_less_than_a_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Processor seconds of the slowest kind: weights of a model that must be found among torchvision's."""
    monkeypatch.chdir(tmp_path)
    error = run(
        "source = models.resnet18(num_classes=2)\n"
        "source.fc = nn.Sequential(nn.Dropout(0.2), nn.Linear(512, 2))\n"
        "models.resnet18(num_classes=2).load_state_dict(source.state_dict())\n"
    )
    assert error is not None
    start = time.process_time()
    clinic.explain(error)
    assert time.process_time() - start < 1


def test_every_rule_is_provoked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule that no snippet needs is a rule that no test checks."""
    monkeypatch.chdir(tmp_path)
    needed = set()
    for number, snippet in enumerate(SNIPPETS.values()):
        (tmp_path / str(number)).mkdir()
        monkeypatch.chdir(tmp_path / str(number))
        error = run(snippet.code)
        if error is not None:
            raised = RaisedError(error)
            needed |= {rule.explain for rule in RULES if rule.fits(raised) and rule.explain(raised) is not None}
    elsewhere = ("shape_errors", "tensor_errors", "checkpoint_errors")  # test_clinic has them
    beyond = {"out_of_memory", "start_of_workers", "download"}  # a GPU, Windows or no network raise these
    rest = {rule.explain.__name__ for rule in RULES if rule.explain not in needed
            and rule.explain.__module__.rpartition(".")[2] not in elsewhere}  # fmt: skip
    assert rest <= beyond


@pytest.mark.parametrize(
    ("kind", "message", "name"),
    [
        (torch.OutOfMemoryError, "CUDA out of memory. Tried to allocate 2 GiB.", "GPU out of memory"),
        (RuntimeError, "CUDA error: device-side assert triggered", "index out of range on the GPU"),
        (RuntimeError, "DataLoader worker (pid 3) is killed by signal: Killed.", "worker that ended"),
        (RuntimeError, "An attempt has been made to start a new process before the current process has finished its "
                       "bootstrapping phase.", "workers that start workers"),
        (RuntimeError, "Found no NVIDIA driver on your system.", "no GPU"),
    ],
)  # fmt: skip
def test_what_only_another_machine_raises(kind: type[Exception], message: str, name: str, tmp_path: Path) -> None:
    """Raised by a library's file, as there; the learner's line calls it."""
    library = tmp_path / "site-packages" / "torch" / "cuda.py"
    library.parent.mkdir(parents=True)
    library.write_text("def call(error):\n    raise error\n")
    scope: dict[str, Any] = {}
    exec(compile(library.read_text(), str(library), "exec"), scope)
    with pytest.raises(kind) as caught:
        scope["call"](kind(message))
    found = clinic.explain(caught.value)
    assert found is not None and found.name == name
