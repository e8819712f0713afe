"""Fine-tuning: a few hundred pictures make a trained network another one's. The loop is ``loop.py``.

What it yields is ``history.py``, what it is fed is ``pictures.py``, and its curves are drawn in ``curves.py``.
"""

from course_lib.training.curves import draw_curves
from course_lib.training.history import Epoch, Training
from course_lib.training.loop import fine_tune

__all__ = ["Epoch", "Training", "draw_curves", "fine_tune"]
