"""Torchvision's lines with numbers for names, beside Python's own ``eval``; installations without a source."""

from __future__ import annotations

import ast
import inspect
import sys
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision.models import ResNet, vgg

from course_lib.models.builder_runs import follow
from course_lib.models.torchvision_source import _stage_run, put_in, stage_lines, syntax_tree, token_lines

NAMES = st.fixed_dictionaries({name: st.integers(-3, 300) for name in ("stride", "planes", "scale")})
SUMS = st.recursive(
    st.sampled_from(["stride", "planes", "scale", "1", "64"]),
    lambda inner: st.tuples(inner, st.sampled_from(["+", "-", "*"]), inner).map(lambda one: f"({' '.join(one)})"),
    max_leaves=6,
)
TESTS = st.tuples(SUMS, st.sampled_from(["==", "!=", "<", ">="]), SUMS).map(" ".join)
WHOLE = st.one_of(SUMS, TESTS, TESTS.map("not {}".format), st.tuples(TESTS, TESTS).map(" or ".join))


def read(code: str) -> ast.expr:
    return ast.parse(code, mode="eval").body


@given(WHOLE, NAMES)
def test_an_expression_with_numbers_is_worth_what_it_is_with_names(code: str, known: dict[str, int]) -> None:
    expected = eval(code, dict(known))
    written = put_in(read(code), known)
    assert not any(name in written for name in known) and eval(written) == expected
    dotted = {f"self.{name}": number for name, number in known.items()}
    for name in known:
        code = code.replace(name, f"self.{name}")
    assert put_in(read(code), dotted) == written


@pytest.mark.parametrize(("code", "written"), [("f(known)", "f(3)"), ("known.attribute", "known.attribute"),
                                               ("unknown + kind(known)", "unknown + int(3)")])  # fmt: skip
def test_names_without_a_value_stay(code: str, written: str) -> None:
    assert put_in(read(code), {"known": 3, "kind": int}) == written


@pytest.mark.parametrize("function", [ResNet._make_layer, vgg.make_layers, vgg.make_layers.__code__])
def test_a_function_is_found_by_itself_and_by_its_code(function: Any) -> None:
    tree = syntax_tree(function)
    assert tree is not None and tree.name == getattr(function, "__name__", "make_layers")
    code = getattr(function, "__code__", function)
    assert tuple(one.arg for one in tree.args.args) == code.co_varnames[: code.co_argcount]


def test_without_sources_there_are_no_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: Any) -> str:
        raise OSError("could not get source code")

    monkeypatch.setattr(inspect, "getsource", missing)
    assert syntax_tree(vgg.make_layers) is None
    found = follow("vgg11")
    assert found.lines == () and found.model is not None
    try:
        assert stage_lines("BasicBlock", 61, 2) == token_lines(61, 3) == ()  # nobody has asked for these before
    finally:
        for function in (stage_lines, token_lines, _stage_run):
            function.cache_clear()


def test_a_stage_that_torchvision_cannot_make_has_lines_of_which_none_ran() -> None:
    lines = stage_lines("BasicBlock", 64, 2, stride=-1, inplanes=-3)
    assert len(lines) > 9 and not any(line.runs or line.value for line in lines)


def test_watching_leaves_random_numbers_and_the_trace_function_alone() -> None:
    def mine(*_: Any) -> None:
        return None

    torch.manual_seed(1)
    state, before = torch.get_rng_state().tolist(), sys.gettrace()
    sys.settrace(mine)
    try:
        stage_lines("BasicBlock", 37, 3, 2), token_lines(37, 5)
        assert sys.gettrace() is mine
    finally:
        sys.settrace(before)
    assert torch.get_rng_state().tolist() == state
