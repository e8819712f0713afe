"""Files that are no checkpoint: a web page, a file cut short or empty, a pickle that asks for more than tensors.

``checkpoints.reader`` says what the file is; here are the learner's lines and a line of code that repairs it.
"""

from __future__ import annotations

from pathlib import Path

from course_lib.clinic.diagnosis import Diagnosis
from course_lib.clinic.scene import Scene
from course_lib.errors import CheckpointError
from course_lib.models.checkpoints.reader import read_state_dict, refusal_of

__all__ = ["explain"]

_AGAIN = 'torch.hub.download_url_to_file(url, "{name}")'
_FROM_URL = "Delete the file first, then fetch it again from the address url."
#: Kind of file → a line of code, and what it does.
_REPAIRS = {
    "empty file": (_AGAIN, f"It is a download that never came. {_FROM_URL}"),
    "web page instead of a checkpoint": (_AGAIN, "It is an error page or a download page: look for the address url of "
                                         "the file itself; on GitHub it is the one behind “Raw”."),
    "Git LFS pointer instead of a checkpoint": ("git lfs pull", "In a terminal, in the folder of the repository."),
    "file cut short": (_AGAIN, _FROM_URL),
    "text instead of a checkpoint": (_AGAIN, "Look for the address url of the checkpoint itself."),
    "file that would run code": ('pathlib.Path("{name}").unlink()',
                                 "Delete it, and never read it with weights_only=False."),
    "checkpoint that holds more than tensors": (
        'torch.save(model.state_dict(), "{name}")',
        "Save it again where it was made, without the rest. weights_only=False would read it as it is: only for a file "
        "that you made yourself."),
}  # fmt: skip
_MORE_THAN_TENSORS = ("file that would run code", "checkpoint that holds more than tensors")


def explain(scene: Scene) -> Diagnosis | None:
    """``torch.load`` of something that is no checkpoint, or not only one."""
    space = scene.last("load", "torch/serialization.py")
    path = space.get("f") if space else None
    if not isinstance(path, str | Path) or not Path(path).is_file():
        return None
    path = Path(path)
    try:
        read_state_dict(path, check_numbers=False)
    except CheckpointError:
        refusal = refusal_of(path, scene.said)
    else:
        return None
    if refusal.kind not in _REPAIRS:
        return None
    if refusal.kind in _MORE_THAN_TENSORS and "Weights only load failed" not in scene.said:
        return None  # it was read without protection, and something else went wrong
    code, why = _REPAIRS[refusal.kind]
    what = f"{path.name} {refusal.what}."
    return Diagnosis(refusal.kind, what, "", scene.lines(), (), code.format(name=path.name), why)
