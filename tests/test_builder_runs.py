"""Builders watched while they run, beside Python's own ``trace`` module, torchvision's metadata and plain calls."""

from __future__ import annotations

import ast
import contextlib
import inspect
import linecache
import sys
import textwrap
import trace
from collections.abc import Callable
from html import escape
from typing import Any

import pytest
import torch
import torchvision
from torch import nn
from torchvision.models import WeightsEnum, get_model_builder, get_model_weights, list_models

from course_lib.models.builder_runs import BuilderRun, follow
from course_lib.models.builders import class_of
from course_lib.models.spellings import FileRequest, Weightless, stopped_at_files

ONE_EACH = {class_of(name): name for name in reversed(list_models(module=torchvision.models))}.values()


def body(function: Callable[..., Any]) -> list[ast.stmt]:
    """The statements of a function without its docstring, outermost first, in the order of the source."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    assert isinstance(tree, ast.FunctionDef)
    ast.increment_lineno(tree, function.__code__.co_firstlineno - 1)
    inside = [one for one in ast.walk(tree) if isinstance(one, ast.stmt) and one is not tree]
    first = [tree.body[0]] if ast.get_docstring(tree) else []
    return sorted((one for one in inside if one not in first), key=lambda one: one.lineno)


@pytest.mark.filterwarnings("ignore:The default weight initialization")
@pytest.mark.parametrize("given", [{}, {"weights": "DEFAULT"}], ids=["none", "default"])
@pytest.mark.parametrize("name", ["resnet18", "vgg11_bn", "alexnet", "mobilenet_v2", "inception_v3", "googlenet"])
def test_the_statements_that_run_are_those_that_pythons_own_trace_counts(name: str, given: dict[str, Any]) -> None:
    builder = inspect.unwrap(get_model_builder(name))
    counter = trace.Trace(count=1, trace=0)
    with stopped_at_files(), Weightless(), contextlib.suppress(FileRequest):
        counter.runfunc(get_model_builder(name), **given)
    counted = {line for file, line in counter.results().counts if file == builder.__code__.co_filename}
    lines = {one.text.strip(): one.runs for one in follow(name, **given).lines}
    checked = 0
    for statement in body(builder):
        text = ast.unparse(statement).split("\n")[0] if hasattr(statement, "body") else ast.unparse(statement)
        if "get_state_dict" in text or text.startswith(("return model", "if not original_aux_logits", "model.aux")):
            continue  # the counted run stops at the file
        if lines and sum(ast.unparse(one).startswith(text) for one in body(builder)) == 1:
            assert lines[text] == (statement.lineno in counted), text
            checked += 1
    assert checked >= 2


@pytest.mark.parametrize("name", ONE_EACH)
def test_every_family_is_followed_to_its_end(name: str) -> None:
    entry = get_model_weights(name).DEFAULT
    found = follow(name, weights="DEFAULT")
    assert found.error is None and found.model is not None
    if name not in ("googlenet", "inception_v3"):  # their helper heads are not counted in the metadata
        assert sum(one.numel() for one in found.model.parameters()) == entry.meta["num_params"]
    text = str(found)
    assert text.startswith(f"{name}(weights='DEFAULT')") and repr(entry) in text and entry.url.split("/")[-1] in text
    assert all(line.text and "\n" not in line.text for line in found.lines)
    assert follow(name).model is not None


def test_values_are_those_of_the_variables() -> None:
    lines = {one.text.strip(): one for one in follow("vgg11_bn", weights="DEFAULT").lines}
    assert lines["kwargs['init_weights'] = False"].value == "kwargs = {'init_weights': False}"
    assert lines["if weights.meta['categories'] is not None:"].value == "True"
    assert lines["weights = VGG11_BN_Weights.verify(weights)"].value == "weights = VGG11_BN_Weights.IMAGENET1K_V1"
    features = {one.text.strip(): one for one in follow("vgg16", weights="IMAGENET1K_FEATURES").lines}
    assert features["if weights.meta['categories'] is not None:"].value == "False"
    nothing = follow("vgg11_bn").lines
    assert [one.value for one in nothing if one.text.strip() == "if weights is not None:"] == ["False", "False"]
    assert not any(one.value for one in nothing if not one.runs)


def test_an_error_is_shown_where_it_was_raised() -> None:
    with pytest.raises(ValueError) as caught:
        get_model_builder("resnet18")(weights="DEFAULT", num_classes=10)
    found = follow("resnet18", weights="DEFAULT", num_classes=10)
    assert str(found.error) == str(caught.value) and found.model is None
    failed = [one for one in found.lines if one.failed]
    assert failed[-1].text.strip().startswith("_ovewrite_named_param") and str(caught.value) in failed[-1].value
    assert "✕" in str(found) and escape(str(caught.value)) in found._repr_html_()
    with pytest.raises(ValueError, match="Unknown model"):
        follow("resnet-18")


OWN = '''
def own(*, weights=None, progress=True, **kwargs):
    """A learner's."""
    if weights is None:
        kwargs["num_classes"] = 3
    else:
        kwargs["num_classes"] = 4
    for size in (8, 16):
        layer = nn.Linear(size, kwargs["num_classes"])
    return layer
'''


def test_a_learners_own_builder_is_followed_too() -> None:
    space: dict[str, Any] = {"nn": nn}
    linecache.cache["<a cell>"] = (len(OWN), None, OWN.splitlines(keepends=True), "<a cell>")
    exec(compile(OWN, "<a cell>", "exec", dont_inherit=True), space)
    runs = {one.text.strip(): (one.runs, one.value) for one in follow(space["own"]).lines}
    assert runs["kwargs['num_classes'] = 3"] == (True, "kwargs = {'num_classes': 3}")
    assert runs["kwargs['num_classes'] = 4"] == (False, "") and runs["else:"] == (False, "")
    assert runs["for size in (8, 16):"][0] and runs["layer = nn.Linear(size, kwargs['num_classes'])"][0]
    other = {one.text.strip(): one.runs for one in follow(space["own"], weights="x").lines}
    assert other["kwargs['num_classes'] = 4"] and other["else:"] and not other["kwargs['num_classes'] = 3"]


def test_nothing_is_left_behind() -> None:
    def mine(*given: Any) -> None:
        return None

    torch.manual_seed(1)
    before = (WeightsEnum.get_state_dict, torch.get_rng_state().tolist())
    old = sys.gettrace()
    sys.settrace(mine)
    try:
        follow("squeezenet1_0", weights="DEFAULT"), follow("squeezenet1_0", nonsense=1)
        assert sys.gettrace() is mine
    finally:
        sys.settrace(old)
    assert (WeightsEnum.get_state_dict, torch.get_rng_state().tolist()) == before


def test_it_reads_as_text_and_as_html() -> None:
    found = follow("resnet18", weights="DEFAULT")
    page = found._repr_html_()
    for line in found.lines:
        assert line.text in str(found) and escape(line.text.strip()) in page and escape(line.value) in page
    assert page.count("<tr") == len(found.lines) and "<script" not in BuilderRun("<script>", ())._repr_html_()
    assert all(len(line) <= 200 for line in str(found).splitlines())
