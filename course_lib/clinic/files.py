"""Files that are no checkpoint: a web page, a file cut short or empty, a pickle that asks for more than tensors."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

from course_lib.checkpoints import read_state_dict
from course_lib.clinic.diagnosis import Diagnosis
from course_lib.clinic.scene import Scene
from course_lib.errors import CheckpointError

__all__ = ["explain"]

#: Modules that a pickle names only in order to do something on the machine that reads it.
_HOSTILE = {"builtins", "importlib", "nt", "os", "posix", "pty", "runpy", "shutil", "socket", "subprocess", "sys",
            "webbrowser"}  # fmt: skip
_AGAIN = 'torch.hub.download_url_to_file(url, "{name}")'


def explain(scene: Scene) -> Diagnosis | None:
    """``torch.load`` of something that is no checkpoint, or not only one."""
    space = scene.last("load", "torch/serialization.py")
    path = space.get("f") if space else None
    if not isinstance(path, str | Path) or not Path(path).is_file():
        return None
    path = Path(path)
    with path.open("rb") as file:
        head = file.read(512)
    name, size = path.name, path.stat().st_size

    def said(kind: str, what: str, code: str, why: str) -> Diagnosis:
        return Diagnosis(kind, what, "", scene.lines(), (), code, why)

    if not size:
        return said("empty file", f"{name} is empty: a download that never came.", _AGAIN.format(name=name),
                    "Delete the file first, then fetch it again from the address url.")  # fmt: skip
    start = head.lstrip()[:200]
    if start[:1] == b"<":
        return said("web page instead of a checkpoint",
                    f"{name} begins with {_shown(start)}: it is a web page, such as an error page or a download page.",
                    _AGAIN.format(name=name),
                    "Look for the address url of the file itself; on GitHub it is the one behind “Raw”.")  # fmt: skip
    if start.startswith(b"version https://git-lfs"):
        return said("Git LFS pointer instead of a checkpoint",
                    f"{name} is {size} bytes of text that say where Git LFS keeps the file.", "git lfs pull",
                    "In a terminal, in the folder of the repository.")  # fmt: skip
    wanted = re.search(r"GLOBAL (\w+(?:\.\w+)+)", scene.said)
    if wanted is not None:
        return said(*_more_than_tensors(name, wanted.group(1)))
    try:
        read_state_dict(path)
    except CheckpointError:
        pass
    else:
        return None
    if head[:2] == b"PK" and not zipfile.is_zipfile(path):
        return said("file cut short",
                    f"{name} begins as a checkpoint and has no end: {size:,} bytes are here, and the table of "
                    "contents, which comes last, is not.", _AGAIN.format(name=name),
                    "Delete the file first, then fetch it again from the address url.")  # fmt: skip
    if all(32 <= byte < 127 or byte in b"\t\r\n" for byte in start):
        return said("text instead of a checkpoint", f"{name} is text: it begins with {_shown(start)}.",
                    _AGAIN.format(name=name), "Look for the address url of the checkpoint itself.")  # fmt: skip
    return None


def _more_than_tensors(name: str, wanted: str) -> tuple[str, str, str, str]:
    if wanted.partition(".")[0] in _HOSTILE:
        return ("file that would run code",
                f"{name} asks Python for {wanted} while it is read: it would run code on this machine, and no "
                "checkpoint needs that.", f'pathlib.Path("{name}").unlink()',
                "Delete it, and never read it with weights_only=False.")  # fmt: skip
    return ("checkpoint that holds more than tensors",
            f"{name} holds more than tensors and their names: it asks for {wanted}, which could run code.",
            f'torch.save(model.state_dict(), "{name}")',
            "Save it again where it was made, without the rest. weights_only=False would read it as it is: only "
            "for a file that you made yourself.")  # fmt: skip


def _shown(start: bytes) -> str:
    text = start.decode("utf-8", "replace").split("\n")[0].strip()
    return repr(text if len(text) <= 32 else f"{text[:30]}…")
