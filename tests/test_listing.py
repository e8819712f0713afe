"""Expressions of torchvision's source with numbers for names, beside Python's own ``eval``; code without a source."""

from __future__ import annotations

import ast
import inspect
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torchvision.models import ResNet, vgg

from course_lib.models.following import follow
from course_lib.models.listing import put_in, syntax_tree, worked_out

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
def test_what_is_worked_out_is_what_python_makes_of_it(code: str, known: dict[str, int]) -> None:
    expected = eval(code, dict(known))
    assert worked_out(read(code), known) == expected
    written = put_in(read(code), known)
    assert not any(name in written for name in known) and eval(written) == expected
    dotted = {f"self.{name}": number for name, number in known.items()}
    for name in known:
        code = code.replace(name, f"self.{name}")
    assert worked_out(read(code), dotted) == expected


@pytest.mark.parametrize(
    "code", ["print(known)", "[known]", "known.attribute", "unknown", "known == unknown", "'a' < known"]
)
def test_nothing_else_is_worked_out(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert worked_out(read(code), {"known": 3}) is None and capsys.readouterr().out == ""


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
