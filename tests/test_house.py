"""The house keeps its rules: imports point down and in no circle, names occur once, libraries stay in their rooms.

A room is a package of ``course_lib``, or one of the modules beside them. Every import counts: at the head of a file,
inside a function, and under ``TYPE_CHECKING``.
"""

from __future__ import annotations

import ast
import importlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[1]
LIBRARY, BOOK = ROOT / "course_lib", ROOT / "picturebook"
# From the top floor down; rooms on one floor know nothing of each other.
FLOORS = (
    {"widgets", "cli"},
    {"exercises", "drawing"},
    {"clinic", "measuring", "networks"},
    {"models"},
    {"pictures", "tracing"},
    {"errors", "progress", "tables"},
)
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
#: cli is the command line; ``assign`` needs the exercises, ``doctor`` the pictures' network look-up.
OWNERS = {
    "matplotlib": {"course_lib.drawing"},
    "ipywidgets": {"course_lib.widgets"},
    "anywidget": {"course_lib.widgets"},
    "nbgrader": {"course_lib.exercises.assignments", "course_lib.exercises.grading"},
}


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_of(path): path for folder in (LIBRARY, BOOK) for path in sorted(folder.rglob("*.py"))}


def imports(path: Path) -> Iterator[tuple[str, str]]:
    """(module, name) of every import in a file; the name is empty for ``import module``."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from ((node.module, alias.name) for alias in node.names)


def needs() -> dict[str, set[str]]:
    """Module → the modules of this project that it imports."""
    found: dict[str, set[str]] = {}
    for module, path in MODULES.items():
        names = {f"{home}.{name}" if f"{home}.{name}" in MODULES else home for home, name in imports(path)}
        found[module] = {name for name in names if name in MODULES} - {module}
    return found


NEEDS = needs()


def room_of(module: str) -> str:
    return module.split(".")[1] if module.startswith("course_lib.") else ""


def test_imports_point_down() -> None:
    assert len(NEEDS) > 100
    assert {room_of(module) for module in NEEDS} - {"", "__main__"} <= set(FLOOR)
    wrong = [
        f"{module} -> {other}"
        for module, others in NEEDS.items()
        for other in others
        if (room := room_of(module)) in FLOOR and (below := room_of(other)) in FLOOR
        if room != below and FLOOR[room] >= FLOOR[below]
    ]
    assert wrong == []


def test_there_is_no_circle() -> None:
    """A package's own ``__init__`` hands names on; it stands above what it hands on, and nothing inside imports it."""
    left = {module: set(others) for module, others in NEEDS.items()}
    while free := [module for module, others in left.items() if not others & left.keys()]:
        for module in free:
            del left[module]
    assert left == {}


def test_the_picture_book_knows_nothing_of_the_course() -> None:
    assert [
        m for m, others in NEEDS.items() if m.startswith("picturebook") for o in others if o.startswith("course_lib")
    ] == []


def test_a_library_that_one_room_owns_is_imported_there_alone() -> None:
    users: dict[str, set[str]] = defaultdict(set)
    for module, path in MODULES.items():
        if not module.startswith("picturebook"):
            for home, _ in imports(path):
                users[home.partition(".")[0]].add(module)
    for library, rooms in OWNERS.items():
        assert {m for m in users[library] if not any(m.startswith(f"{room}") for room in rooms)} == set(), library
    assert not [
        path for path in MODULES.values() if any("pyplot" in (*home.split("."), name) for home, name in imports(path))
    ]


def test_no_file_name_occurs_twice() -> None:
    names = Counter(path.name for path in LIBRARY.rglob("*.py") if path.name != "__init__.py")
    assert {name for name, times in names.items() if times > 1} == set()


ROOMS = sorted({room for room in FLOOR if (LIBRARY / room).is_dir()})


def exports(room: str) -> list[str]:
    names: list[str] = importlib.import_module(f"course_lib.{room}").__all__
    return names


def test_no_public_name_occurs_in_two_rooms() -> None:
    names = Counter(name for room in ROOMS for name in exports(room))
    assert {name for name, times in names.items() if times > 1} == set()


@pytest.mark.parametrize("room", ["", *ROOMS])
def test_what_a_room_names_is_there_and_no_module_hides_it(room: str) -> None:
    """A function that is called as a file beside it would be the file for whoever imported that first."""
    package = importlib.import_module(f"course_lib.{room}".rstrip("."))
    assert package.__all__ and [name for name in package.__all__ if not hasattr(package, name)] == []
    if room != "widgets":
        files = {path.stem for path in Path(package.__file__ or "").parent.iterdir()}
        hidden = {name for name in package.__all__ if name in files and not hasattr(getattr(package, name), "__path__")}
        assert {name for name in hidden if callable(getattr(package, name))} == set()


def test_every_widget_is_declared_and_exported() -> None:
    """A file of the room that makes an Explorer declares a widget; what is forgotten is named."""
    widgets = importlib.import_module("course_lib.widgets")
    machinery = {
        "__init__",
        "calibration",
        "cell_controls",
        "declaration",
        "explorer",
        "pointer",
        "progress_bar",
        "question",
    }
    for path in (LIBRARY / "widgets").glob("*.py"):
        if path.stem in machinery:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        makers = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name[0] != "_"]
        makers = [node for node in makers if node.returns and "Still" not in ast.unparse(node.returns)]
        module = importlib.import_module(f"course_lib.widgets.{path.stem}")
        assert makers, f"{path.name} makes no widget"
        for node in makers:
            decorated = any(ast.unparse(mark).startswith("widget(") for mark in node.decorator_list)
            assert decorated, f"{path.name}: {node.name} is not declared with @widget(...)"
            assert node.name in module.__all__, f"{path.name}: {node.name} is missing in __all__"
            assert node.name in widgets.__all__


def test_lessons_and_docs_use_the_front_door() -> None:
    deep = re.compile(r"^\s*(?:from|import) (course_lib\.\w+\.[\w.]+)", re.MULTILINE)
    texts = {
        path.name: "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells)
        for path in (ROOT / "notebooks").glob("*.ipynb")
    }
    texts |= {
        path.name: path.read_text(encoding="utf-8") for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    }
    found = {name: deep.findall(text) for name, text in texts.items()}
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_no_test_imports_another() -> None:
    tests = [path for path in (ROOT / "tests").rglob("*.py") if path.name.startswith("test_")]
    wrong = {
        path.name
        for path in tests
        for home, name in imports(path)
        if "test_" in f"{home}.{name}".replace("pytest_", "")
    }
    assert len(tests) > 50 and wrong == set()
