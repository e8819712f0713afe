"""Fine-tuning: with a few hundred pictures, a trained network learns other classes.

``fine_tuning`` has the loop and its result, ``training_pictures`` the batches, ``training_checks`` the refusals.
"""

from course_lib.networks.training.fine_tuning import Epoch, Training, best_of, fine_tune

__all__ = ["Epoch", "Training", "best_of", "fine_tune"]
