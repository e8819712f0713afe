"""Lesson 05's exercises beside torchvision: its entries, its verify, its downloads; and what a notebook has is enough.

What is wrong is in exercise_mistakes/lesson05.py, what is right in other ways in exercise_rights.py.
"""

import hashlib
import inspect
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlparse
from urllib.request import url2pathname

import pytest
import torch
import torchvision
from torch import nn
from torchvision.models import Weights, WeightsEnum, get_model_weights, list_models
from torchvision.transforms._presets import ImageClassification

from course_lib.exercises.checks.weights_checks import CFG
from course_lib.exercises.lessons import lesson05
from course_lib.models import catalog
from course_lib.models.weights import COURSE_MODELS, course_weights_for
from course_lib.networks import vgg

NAMES = list_models(module=torchvision.models)


def test_the_best_entry_is_the_one_with_the_smallest_error_in_the_catalogue() -> None:
    for name in NAMES:
        rows = [row for row in catalog().where(builder=name) if row.top1 is not None]
        assert lesson05.best_entry(get_model_weights(name)) is min(rows, key=lambda row: row.top1).weights
    surprising = [name for name in NAMES if catalog()[name].weights is not lesson05.best_entry(get_model_weights(name))]
    assert "vit_b_16" in surprising  # what the praise says


def test_entries_are_prepared_alike_where_the_catalogues_numbers_agree() -> None:
    rows = list(catalog())
    for row in rows:
        numbers = (row.crop, row.resize, row.interpolation, row.mean, row.std)
        for other in rows[:: len(rows) // 20]:
            same = numbers == (other.crop, other.resize, other.interpolation, other.mean, other.std)
            assert lesson05.same_preprocessing(row.weights, other.weights) == same


def test_hashes_fit_where_torch_hub_takes_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in COURSE_MODELS:
        path = Path(url2pathname(urlparse(course_weights_for(name).url).path))
        assert lesson05.hash_fits(path)
    content = path.read_bytes()
    for number, (data, fits) in enumerate(((content, True), (content[:-1] + b"?", False))):
        copy = tmp_path / f"{number}" / path.name
        copy.parent.mkdir()
        copy.write_bytes(data)
        assert lesson05.hash_fits(copy) == fits
        try:
            torch.hub.load_state_dict_from_url(
                copy.as_uri(), str(tmp_path / f"hub{number}"), progress=False, check_hash=True
            )
        except RuntimeError as error:
            assert not fits and "invalid hash value" in str(error)
        else:
            assert fits
    assert capsys.readouterr()


def test_the_solutions_as_shown_need_no_more_than_the_notebook_has_imported() -> None:
    notebook: dict[str, Any] = {
        "torch": torch, "nn": nn, "Weights": Weights, "WeightsEnum": WeightsEnum, "hashlib": hashlib, "Path": Path,
        "urlparse": urlparse, "url2pathname": url2pathname, "partial": partial, "vgg": vgg, "CFG": CFG,
        "ImageClassification": ImageClassification, "Callable": Callable,
    }  # fmt: skip
    for name in ("best_entry", "same_preprocessing", "verify", "hash_fits", "own_model"):
        exercise = getattr(lesson05, name)
        exec(compile(exercise.solution().words, "a cell", "exec", dont_inherit=True), notebook)
        assert exercise.check(notebook[name]).state == "correct"
    exec(compile(lesson05.read_in_place.solution().words, "a cell", "exec", dont_inherit=True), notebook)
    assert lesson05.read_in_place.check(notebook["ReadInPlace"]).state == "correct"
    text = Path(__file__).parents[1] / "notebooks" / "source" / "05_weight_enums.py"
    if text.exists():
        imported = re.findall(r"^(?:from|import) .*", text.read_text(encoding="utf-8"), flags=re.M)
        for name in set(notebook) - {"CFG", "best_entry", "same_preprocessing", "verify", "hash_fits", "own_model"}:
            assert name in ("__builtins__", "ReadInPlace") or any(
                re.search(rf"\b{name}\b", line) for line in imported
            ), name


def test_a_check_leaves_hub_and_registry_as_they_were(tmp_path: Path) -> None:
    before, directory, kind = list_models(), torch.hub.get_dir(), inspect.getsource(torch.hub.get_dir)
    lesson05.own_model.check(lesson05.own_model), lesson05.own_model.check(lambda path, categories: path)
    lesson05.read_in_place.check(lesson05.ReadInPlace)
    assert (list_models(), torch.hub.get_dir(), inspect.getsource(torch.hub.get_dir)) == (before, directory, kind)
