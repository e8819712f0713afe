"""Errors of files and folders: pictures, folders of classes, downloads.

Nothing here opens, moves or deletes a learner's file.
"""

from __future__ import annotations

import ast
import os
import re
from difflib import get_close_matches
from pathlib import Path

import torch

from course_lib.clinic.diagnosis import Diagnosis
from course_lib.clinic.tracebacks import RaisedError

__all__ = [
    "download",
    "file_not_found",
    "folder_of_classes",
    "not_downloaded",
    "picture_file",
]

_ENDINGS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")


def _listed(names: list[str]) -> str:
    return ", ".join(repr(name) for name in names[:4]) + (", …" if len(names) > 4 else "")


def _swapped_path(raised: RaisedError, old: str, new: str) -> str:
    """The learner's statement with one string that is a path changed, where it is written there once."""
    source = raised.statement
    nodes = [node for node in source.nodes(ast.Constant) if node.value == old] if source else []
    return source.rewritten((nodes[0], repr(new))) if source and len(nodes) == 1 else ""


def _as_written(raised: RaisedError, name: str) -> str:
    """A path as the learner wrote it: Pillow up to version 11 names the absolute one."""
    source = raised.statement
    words = [node.value for node in source.nodes(ast.Constant) if isinstance(node.value, str)] if source else []
    return next((word for word in words if word and os.path.realpath(word) == name), name)


def folder_of_classes(raised: RaisedError) -> Diagnosis | None:
    """``ImageFolder`` of a folder that holds no classes, or classes without pictures."""
    space = raised.variables_of("find_classes", "torchvision/datasets/folder.py")
    if space is None:
        space = raised.variables_of("make_dataset", "torchvision/datasets/folder.py")
    root = space.get("directory") if space else None
    if not isinstance(root, str | Path):
        return None
    folder = Path(root)
    wants = "ImageFolder expects a folder with one folder in it for each class: root/cat/1.jpg, root/dog/2.jpg"
    if not folder.is_dir():
        there = _deepest(folder)
        what = f"There is no folder {str(root)[-200:]!r} (looked for from {Path.cwd().name}/)."
        near = _near(folder)
        code = _swapped_path(raised, str(root), near) if near else ""
        try:
            inside = sorted(entry.name for entry in os.scandir(there) if entry.is_dir())
        except OSError:
            inside = []
        why = f"{there.name or str(there)}/ holds the folders {_listed(inside)}." if inside else ""
        return raised.diagnosis("no such folder", what, code, why)
    empty = re.search(r"valid file for the classes (.+?)\. ", raised.message)
    if empty is not None:
        what = f"These class folders hold no picture: {empty.group(1)[:200]}."
        if ".ipynb_checkpoints" in empty.group(1):
            why = (
                "Jupyter makes .ipynb_checkpoints when a folder's files are edited; it isn't a class: "
                "delete that folder."
            )
            return raised.diagnosis("class folders without pictures", what, "", why)
        source = raised.statement
        call = next((call for call in source.calls() if call.args or call.keywords), None) if source else None
        code = ""
        if source and call and "allow_empty" in (raised.variables_of("make_dataset") or {}):
            last = [*call.args, *(keyword.value for keyword in call.keywords)][-1]
            code = source.rewritten((last, f"{source.segment(last)}, allow_empty=True"))
        why = "This keeps the empty classes and their numbers; or put pictures into the folders."
        return raised.diagnosis("class folders without pictures", what, code, why)
    pictures = [entry.name for entry in os.scandir(folder) if entry.name.lower().endswith(_ENDINGS)]
    holds = (
        f"{folder.name}/ holds {len(pictures)} picture{'s' * (len(pictures) > 1)} and no folder"
        if pictures
        else f"{folder.name}/ has no folder"
    )
    what = f"{wants}. {holds}."
    beside = [
        entry.name for entry in os.scandir(folder.absolute().parent) if entry.is_dir() and entry.name != folder.name
    ]
    code, why = "", "Make a folder for each class, and move the pictures into them."
    if pictures and beside and _holds_pictures(folder.parent / beside[0]):
        code = _swapped_path(raised, str(root), str(folder.parent))
        why = f"Beside it are {_listed(sorted(beside))}: {folder.name} may be one of the classes itself."
    return raised.diagnosis("no class folders", what, code, why)


def _holds_pictures(folder: Path) -> bool:
    try:
        return any(entry.name.lower().endswith(_ENDINGS) for entry in os.scandir(folder))
    except OSError:
        return False


def _deepest(path: Path) -> Path:
    """The deepest folder of a path that exists."""
    return next((parent for parent in path.absolute().parents if parent.is_dir()), Path("/"))


def _near(path: Path) -> str:
    """The path with its first missing part spelled as something that is there; "" where nothing is like it."""
    there = _deepest(path)
    rest = path.absolute().relative_to(there).parts
    try:
        names = sorted(entry.name for entry in os.scandir(there))
    except OSError:
        return ""
    same = [name for name in names if name.lower() == rest[0].lower()]
    near = same or get_close_matches(rest[0], names, 1, 0.75)
    if not near:
        return ""
    whole = there.joinpath(near[0], *rest[1:])
    if not whole.exists():
        return ""
    return str(whole if path.is_absolute() else Path(os.path.relpath(whole)))


def file_not_found(raised: RaisedError) -> Diagnosis | None:
    """A file that is not there, while one with nearly the same name is."""
    name = getattr(raised.error, "filename", None)
    if not isinstance(name, str | Path):
        return None
    if raised.variables_of("find_classes", "torchvision/datasets/folder.py") is not None:
        return folder_of_classes(raised)
    name = _as_written(raised, str(name))
    near = _near(Path(name))
    if not near:
        return None
    what = f"There is no {name[-200:]!r}; there is {near[-200:]!r}."
    code = _swapped_path(raised, name, near) or repr(near)
    return raised.diagnosis("file under a different name", what, code)


def picture_file(raised: RaisedError) -> Diagnosis | None:
    """A file that PIL cannot read as a picture, or cannot write in that format."""
    if "cannot write mode" in raised.message:
        source = raised.statement
        call = next(source.calls("save"), None) if source else None
        if source is None or call is None or not isinstance(call.func, ast.Attribute):
            return None
        what = "JPEG has no transparency, but this picture does (or it has another mode that JPEG can't store)."
        code = source.rewritten((call.func.value, source.chained(call.func.value, '.convert("RGB")')))
        return raised.diagnosis(
            "picture that JPEG can't store", what, code, "Or save it as .png, which keeps everything."
        )
    space = raised.variables_of("open", "PIL/Image.py") or {}
    name = space.get("filename") or space.get("fp")
    path = getattr(name, "name", name)
    if not isinstance(path, str | Path) or not Path(path).is_file():
        return None
    with Path(path).open("rb") as file:
        start = file.read(64)
    what = f"{Path(path).name} cannot be read as a picture"
    if not start:
        what += ": it is empty."
    elif start.lstrip()[:1] == b"<":
        what += ": it is a web page or some other text, probably from a download that went wrong."
    elif start[4:12] in (b"ftypheic", b"ftypmif1", b"ftypheix"):
        what += ": it is an HEIC picture, the kind that phones make; save it as JPEG or PNG."
    else:
        what += ": it is damaged, or in a format that PIL does not know."
    return raised.diagnosis("file that isn't a picture", what, "", "Download it again, or leave it out of the folder.")


def not_downloaded(raised: RaisedError) -> Diagnosis | None:
    """One of torchvision's datasets that was never downloaded."""
    source = raised.statement
    call = next((call for call in source.calls() if "download" in raised.message), None) if source else None
    if source is None or call is None or not raised.frames or not raised.raised_in(".py"):
        return None
    if "torchvision/datasets" not in Path(raised.frames[-1][0].f_code.co_filename).as_posix():
        return None
    what = "The dataset is not in that folder, or not all of it."
    named = next((keyword for keyword in call.keywords if keyword.arg == "download"), None)
    if named is not None:
        code = source.rewritten((named.value, "True"))
    else:
        last = [*call.args, *(keyword.value for keyword in call.keywords)][-1:]
        code = source.rewritten((last[0], f"{source.segment(last[0])}, download=True")) if last else ""
    return raised.diagnosis(
        "dataset that was not downloaded", what, code, "Files that are already there aren't downloaded again."
    )


def download(raised: RaisedError) -> Diagnosis | None:
    """Weights or a dataset that could not be downloaded."""
    space = raised.variables_of("load_state_dict_from_url", "torch/hub.py")
    url = str(space.get("url", "")) if space else ""
    code = getattr(raised.error, "code", None)
    if not url:
        return None
    name = url.rpartition("/")[2]
    what = f"{name} is not on this machine yet, and it could not be downloaded: "
    if isinstance(code, int):
        what += f"the server answered {code}."
    elif "CERTIFICATE" in raised.message:
        what += "the server's certificate was not accepted (a proxy, or a Python without certificates)."
    else:
        what += "there is no connection to the server."
    where = Path(str(space.get("model_dir") or Path(torch.hub.get_dir()) / "checkpoints")) if space else Path()
    why = (
        f"Try again with a network connection, or download {name} elsewhere and put it into "
        f"{'/'.join(where.parts[-3:])}."
    )
    return raised.diagnosis("weights that could not be downloaded", what, "", why)
