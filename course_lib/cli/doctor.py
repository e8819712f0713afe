"""Is this set-up fit for the course? One line for each thing that can be wrong, and what to do about it.

`python -m course_lib doctor` prints the lines; lesson 00 shows :func:`report`. Nothing is changed and nothing is
downloaded; the network check opens one connection and sends nothing. It does not import a notebook front end: it
reads the versions that are installed.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from course_lib.cli.badges import unset
from course_lib.tables import html_table

__all__ = ["Report", "Row", "report"]

#: ipywidgets' major version -> the major versions its front ends must have (their names in the package index).
FRONT_ENDS = {
    7: {"jupyterlab_widgets": 1, "widgetsnbextension": 3},
    8: {"jupyterlab_widgets": 3, "widgetsnbextension": 4},
}
SPACE_NEEDED, SPACE_WISHED = 1.0, 4.0  # GB: the largest single download, and every model of the course


@dataclass(frozen=True)
class Row:
    """One thing that was looked at.

    Attributes:
        name: what was looked at.
        status: "ok", "note" (the course works, with less) or "problem".
        found: what is there.
        advice: what to do; empty when there is nothing to do.
    """

    name: str
    status: str
    found: str
    advice: str = ""

    def __str__(self) -> str:
        return f"{self.status:8}{self.name:13}{self.found}" + (f" -> {self.advice}" if self.advice else "")


@dataclass(frozen=True)
class Report:
    """All rows; prints as lines, shows as a table in a notebook."""

    rows: tuple[Row, ...]

    @property
    def healthy(self) -> bool:
        """Whether nothing is a problem (notes are none)."""
        return all(row.status != "problem" for row in self.rows)

    def __str__(self) -> str:
        return "\n".join(map(str, self.rows))

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        rows = [(row.status, row.name, row.found, row.advice) for row in self.rows]
        return html_table(rows, ["status", "what", "found", "what to do"], label="what the doctor found")


def report(*, timeout: float = 3.0) -> Report:
    """Look at everything the course needs.

    Args:
        timeout: seconds the network may take to answer.

    Example:
        >>> rows = report(timeout=0.1).rows
        >>> rows[0].name, rows[0].status
        ('Python', 'ok')
    """
    looks: list[Callable[[], Row]] = [
        _python, _packages, _torch, _widgets, _course_weights, _cache, _disk, lambda: _network(timeout), _gpu, _address,
    ]  # fmt: skip
    return Report(tuple(look() for look in looks))


def _python(version: tuple[int, ...] = sys.version_info[:3]) -> Row:
    found = ".".join(map(str, version))
    if version < (3, 10):
        return Row("Python", "problem", found, "the course needs Python 3.10 or newer; install one from python.org")
    return Row("Python", "ok", found)


def _packages(requires: Iterable[str] | None = None) -> Row:
    from packaging.requirements import Requirement

    if requires is None:
        try:
            requires = metadata.requires("course_lib") or []
        except metadata.PackageNotFoundError:
            advice = "run `make lab` in the course's folder, or `python -m pip install -e .` there"
            return Row("packages", "problem", "course_lib is not installed, only found", advice)
    needs = [Requirement(line) for line in requires]
    wanted = [need for need in needs if need.marker is None or need.marker.evaluate({"extra": ""})]
    short = []
    for need in wanted:
        version = _version(need.name)
        if version is None:
            short.append(f"{need.name} is missing")
        elif not need.specifier.contains(version, prereleases=True):
            short.append(f"{need.name} {version} is not {need.specifier}")
    if short:
        advice = "run `make lab` in the course's folder, or `python -m pip install -e .` there"
        return Row("packages", "problem", "; ".join(short), advice)
    return Row("packages", "ok", f"{len(wanted)} of {len(wanted)} that the course needs")


def _torch() -> Row:
    """Compiled operators of torchvision fail when it was built against another torch (or for another device)."""
    advice = "install both again, from the same place: python -m pip install --force-reinstall torch torchvision"
    try:
        import torch

        found = f"torch {torch.__version__}"
        import torchvision

        found += f", torchvision {torchvision.__version__}"
        boxes = torch.tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 2.0]])
        kept = importlib.import_module("torchvision.ops").nms(boxes, torch.tensor([0.9, 0.8]), 0.5).tolist()
    except ModuleNotFoundError as problem:
        return Row("torch", "problem", f"{problem.name} is missing", "python -m pip install torch torchvision")
    except (ImportError, RuntimeError, OSError, AttributeError) as problem:
        return Row("torch", "problem", f"torch and torchvision are not from one build: {_first_line(problem)}", advice)
    if kept != [0]:
        return Row("torch", "problem", f"{found}: torchvision.ops.nms gives {kept} instead of [0]", advice)
    return Row("torch", "ok", f"{found}: their compiled parts fit")


def _widgets(
    kernel: str | None = None, front: dict[str, str] | None = None, shadow: tuple[Path, str] | None = None
) -> Row:
    """The kernel's ipywidgets against the front ends' halves that are installed beside it."""
    kernel = kernel or _version("ipywidgets")
    if kernel is None:
        return Row("widgets", "problem", "ipywidgets is missing", "python -m pip install ipywidgets")
    if front is None:
        names = ("jupyterlab_widgets", "widgetsnbextension")
        front = {name: version for name in names if (version := _version(name))}
        shadow = _shadowing()
    found = f"kernel: ipywidgets {kernel}; front end: " + (
        ", ".join(f"{n} {v}" for n, v in front.items()) or "none here"
    )
    expected = FRONT_ENDS.get(_major(kernel))
    if expected is None:
        return Row(
            "widgets", "problem", found, 'the course knows ipywidgets 7 and 8: python -m pip install "ipywidgets>=8"'
        )
    wrong = [name for name, version in front.items() if _major(version) != expected[name]]
    if wrong:
        parts = " ".join(f'"{name}=={expected[name]}.*"' for name in wrong)
        return Row(
            "widgets",
            "problem",
            found,
            f"the two halves do not fit: python -m pip install {parts}, then reload the page",
        )
    if shadow and _major(shadow[1]) != {7: 3, 8: 5}[_major(kernel)]:
        advice = f"an older widget manager ({shadow[1]}) hides the installed one: remove the folder {shadow[0]}"
        return Row("widgets", "problem", found, advice)
    lab = _version("jupyterlab")
    if lab and _major(lab) < 4:
        return Row("widgets", "note", f"{found}; JupyterLab {lab}", "the course is tested with JupyterLab 4")
    if "jupyterlab_widgets" not in front and "google.colab" not in sys.modules:
        return Row("widgets", "note", found, "fine where the front end runs elsewhere; for JupyterLab here: make lab")
    return Row("widgets", "ok", found + (f", JupyterLab {lab}" if lab else ""))


def _shadowing() -> tuple[Path, str] | None:
    """The widget manager that a JupyterLab started here serves: the first on Jupyter's path, and its version."""
    try:
        from jupyter_core.paths import jupyter_path
    except ImportError:
        return None
    for folder in map(Path, jupyter_path("labextensions")):
        manager = folder / "@jupyter-widgets" / "jupyterlab-manager"
        try:
            return manager, str(json.loads((manager / "package.json").read_text(encoding="utf-8"))["version"])
        except (OSError, ValueError, KeyError):
            continue
    return None


def _course_weights() -> Row:
    files = sorted((Path(__file__).parents[1] / "models" / "weights").glob("*.pth"))
    if not files:
        advice = "the package is incomplete: get the repository again, and install it again"
        return Row("weights", "problem", "none of the course's own weights are here", advice)
    size = sum(file.stat().st_size for file in files) / 1e6
    return Row("weights", "ok", f"the course's own: {len(files)} models, {size:.0f} MB")


def _cache(folder: Path | None = None) -> Row:
    folder = folder or _hub() / "checkpoints"
    there = _nearest(folder)
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as problem:
        advice = "make it writable, or set the variable TORCH_HOME to a folder that is"
        return Row("cache", "problem", f"{_short(folder)} cannot be written ({problem.strerror})", advice)
    return Row("cache", "ok", f"{_short(folder)} is writable")


def _disk(folder: Path | None = None) -> Row:
    folder = folder or _hub()
    free = shutil.disk_usage(_nearest(folder)).free / 1e9
    found = f"{free:.1f} GB free for {_short(folder)}"
    if free < SPACE_NEEDED:
        return Row("disk", "problem", found, f"make {SPACE_NEEDED:.0f} GB free, or set TORCH_HOME to a larger disk")
    if free < SPACE_WISHED:
        return Row("disk", "note", found, f"all ImageNet weights of the course need about {SPACE_WISHED:.0f} GB")
    return Row("disk", "ok", found)


def _network(timeout: float) -> Row:
    from course_lib.pictures.downloads import is_online

    try:
        from torchvision.models import ResNet18_Weights
    except (ImportError, RuntimeError):
        return Row("network", "note", "not tried, since torchvision does not import")
    if is_online(ResNet18_Weights.DEFAULT.url, timeout=timeout):
        return Row("network", "ok", "the host of the ImageNet weights answers")
    return Row(
        "network", "note", "the host of the ImageNet weights does not answer", "the course's own weights are used"
    )


def _gpu() -> Row:
    try:
        import torch
    except (ImportError, OSError):
        return Row("GPU", "note", "not tried, since torch does not import")
    if torch.cuda.is_available():
        return Row("GPU", "ok", torch.cuda.get_device_name(0))
    if torch.backends.mps.is_available():
        return Row("GPU", "ok", "Apple's GPU (mps)")
    return Row("GPU", "note", f"none; {os.cpu_count()} CPU cores", "every lesson runs on a CPU")


def _address(links: Iterable[str] | None = None) -> Row:
    """Where Colab and Binder fetch the kit from: only those who publish a copy of the course can set it."""
    if links is None:
        try:
            links = metadata.metadata("course_lib").get_all("Project-URL") or []
        except metadata.PackageNotFoundError:
            links = []
    address = next((link.split(",", 1)[1].strip() for link in links if link.startswith("Repository,")), "")
    if not address or unset(f"{address}/"):
        advice = (
            "for Colab and Binder set Repository in pyproject.toml and run `python -m course_lib badges`; see README"
        )
        return Row("address", "note", "this copy of the course does not know its repository's address", advice)
    return Row("address", "ok", address)


def _hub() -> Path:
    """Where torch keeps downloads; its own rule, told again for when torch does not import."""
    try:
        import torch

        return Path(torch.hub.get_dir())
    except (ImportError, OSError):
        cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
        return Path(os.environ.get("TORCH_HOME", f"{cache}/torch")).expanduser() / "hub"


def _nearest(folder: Path) -> Path:
    """The folder, or the nearest one above that exists."""
    return next(one for one in (folder, *folder.absolute().parents) if one.exists())


def _short(path: Path) -> str:
    home = Path.home()
    return f"~/{path.relative_to(home).as_posix()}" if path.is_relative_to(home) else str(path)


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _major(version: str) -> int:
    return int(version.split(".")[0])


def _first_line(problem: BaseException) -> str:
    return (str(problem).splitlines() or [type(problem).__name__])[0]
