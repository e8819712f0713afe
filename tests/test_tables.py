"""The table writer against Python's own HTML parser: what goes in as cells comes out as cells."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.tables import Column, Markup, html_table, text_table


class Cells(HTMLParser):
    """The table's cells as a browser reads them: row by row, with tag and attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self.inside = True

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.rows[-1][-1] += data


def read(html: str) -> Cells:
    cells = Cells()
    cells.feed(html)
    return cells


WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12)


@given(st.lists(st.lists(WORDS, min_size=2, max_size=2), max_size=5), WORDS, WORDS)
def test_what_goes_in_comes_out(rows: list[list[str]], left: str, right: str) -> None:
    found = read(html_table(rows, [left, Column(right, number=True)], label=left))
    heads = [[left, right]] if left or right else []
    assert found.rows == heads + rows
    assert found.seen[0] == ("table", {"aria-label": left} if left else {})


def test_heads_numbers_titles_and_markup() -> None:
    html = html_table(
        [["a", Markup("<b>1</b>")]], ["x", Column("n", number=True, style="color:red")], row_heads=True, titles=["t"]
    )
    tags = read(html).seen
    assert ("th", {"scope": "row", "style": "text-align:left"}) in tags and ("b", {}) in tags
    assert ("td", {"style": "text-align:right;color:red"}) in tags and ("tr", {"title": "t"}) in tags
    assert [attrs["scope"] for tag, attrs in tags if tag == "th"] == ["col", "col", "row"]


@pytest.mark.parametrize("rule", [False, True])
def test_text_has_the_columns_under_each_other(rule: bool) -> None:
    text = text_table([["conv1", 9408], ["a", 1]], ["layer", Column("weights", number=True)], rule=rule)
    lines = text.splitlines()
    assert lines[0] == "layer  weights" and lines[-1] == "a            1" and len(lines) == 3 + rule
    assert all(line == line.rstrip() for line in lines) and text_table([]) == ""
