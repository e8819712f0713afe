"""Checkpoints: read a stranger's file safely, build its model without filling memory twice, save whole or not at all.

    state_dict = read_state_dict("checkpoint_14_epoch.pkl")       # names → tensors, whatever lies around them
    model = load_model(resnet18, state_dict, num_classes=2)       # in eval mode
    save_checkpoint("mine.pth", model, epoch=3, categories=("ant", "bee"))

No file's code is ever run. ``inspection`` looks at what a file claims, ``reader`` reads it, ``refusals`` says what it
is instead, ``layouts`` finds the state dict in it, ``fitting`` builds the model or says why it does not fit, ``writer``
saves. Nothing here trains, downloads, or knows a model by name.
"""

from course_lib.models.checkpoints.fitting import load_model
from course_lib.models.checkpoints.layouts import Checkpoint
from course_lib.models.checkpoints.reader import read_checkpoint, read_state_dict
from course_lib.models.checkpoints.writer import save_checkpoint

__all__ = ["Checkpoint", "load_model", "read_checkpoint", "read_state_dict", "save_checkpoint"]
