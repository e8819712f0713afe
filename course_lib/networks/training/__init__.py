"""Fine-tuning: a few hundred pictures make a trained network another one's. The loop is ``loop.py``.

What it yields is ``history.py``, what it is fed is ``training_pictures.py``.
"""

from course_lib.networks.training.history import Epoch, Training
from course_lib.networks.training.loop import fine_tune

__all__ = ["Epoch", "Training", "fine_tune"]
