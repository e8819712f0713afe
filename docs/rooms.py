"""A Sphinx extension: one page a room, with everything that the room exports, written afresh before every build."""

from __future__ import annotations

import importlib
import inspect
import sys
from pathlib import Path
from typing import Any

import course_lib

FOLDER = Path(__file__).parent / "api"


def public(name: str) -> str:
    """The reStructuredText of a room's or a package's page."""
    module = importlib.import_module(name)
    lines = [name, "=" * len(name), "", inspect.getdoc(module) or "", ""]
    for member in sorted(module.__all__, key=str.lower):
        value = getattr(module, member)
        if inspect.ismodule(value):
            lines += [f"Also: ``{name}.{member}``", ""]
            continue
        home = getattr(value, "__module__", "")
        if not (inspect.isclass(value) or inspect.isroutine(value)) or home not in sys.modules:
            lines += [f".. py:data:: {name}.{member}", ""]
            continue
        kind = "autoclass" if inspect.isclass(value) else "autofunction"
        lines += [f".. {kind}:: {name}.{member}", "   :no-index:"]
        lines += ["   :members:", ""] if kind == "autoclass" else [""]
    return "\n".join(lines)


def write(_app: Any) -> None:
    FOLDER.mkdir(exist_ok=True)
    home = Path(course_lib.__path__[0])
    rooms = [f"course_lib.{name}" for name in sorted(course_lib.__all__) if (home / name).is_dir()]
    for name in ["course_lib", *rooms, "picturebook"]:
        (FOLDER / f"{name}.rst").write_text(public(name), encoding="utf-8")


def setup(app: Any) -> dict[str, bool]:
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True}
