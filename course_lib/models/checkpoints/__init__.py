"""Checkpoints: read a stranger's file safely, build its model without filling memory twice, save whole or not at all.

    state_dict = read_state_dict("checkpoint_14_epoch.pkl")       # names → tensors, whatever lies round them
    model = load_model(resnet18, state_dict, num_classes=2)       # in eval mode
    save_checkpoint("mine.pth", model, epoch=3, categories=("ant", "bee"))

No file's code is ever run. What a file is when it is no checkpoint stands in ``refusals``, where the state dict lies in
one in ``layouts``, why it does not fit a model in ``causes``. Nothing here trains, downloads, or knows a model by name.
"""

from course_lib.models.checkpoints.checkpoint_building import load_model
from course_lib.models.checkpoints.layouts import Checkpoint
from course_lib.models.checkpoints.reading import read_checkpoint, read_state_dict
from course_lib.models.checkpoints.saving import save_checkpoint

__all__ = ["Checkpoint", "load_model", "read_checkpoint", "read_state_dict", "save_checkpoint"]
