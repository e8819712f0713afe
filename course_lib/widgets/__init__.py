"""The course's widgets, one file each; ipywidgets is imported here alone.

Every widget is a plain ``draw_...`` function of values and the controls that call it (``explorer.py``).
"""

from course_lib.widgets.block_explorer import block_explorer
from course_lib.widgets.cell_explorer import cell_explorer
from course_lib.widgets.cfg_builder import cfg_builder
from course_lib.widgets.cfg_stepper import cfg_stepper
from course_lib.widgets.convolution_arithmetic import convolution_arithmetic
from course_lib.widgets.crop_explorer import crop_explorer
from course_lib.widgets.eval_or_train import eval_or_train
from course_lib.widgets.explorer import Explorer
from course_lib.widgets.feature_map_explorer import feature_map_explorer
from course_lib.widgets.folder_browser import folder_browser
from course_lib.widgets.model_chooser import model_chooser
from course_lib.widgets.prediction_explorer import prediction_explorer
from course_lib.widgets.preprocessing_explorer import preprocessing_explorer
from course_lib.widgets.receptive_field_explorer import receptive_field_explorer
from course_lib.widgets.response_map_explorer import response_map_explorer
from course_lib.widgets.stage_stepper import stage_stepper
from course_lib.widgets.temperature import temperature
from course_lib.widgets.training_curves import TrainingCurves, training_curves
from course_lib.widgets.weights_browser import weights_browser

__all__ = [
    "Explorer",
    "TrainingCurves",
    "block_explorer",
    "cell_explorer",
    "cfg_builder",
    "cfg_stepper",
    "convolution_arithmetic",
    "crop_explorer",
    "eval_or_train",
    "feature_map_explorer",
    "folder_browser",
    "model_chooser",
    "prediction_explorer",
    "preprocessing_explorer",
    "receptive_field_explorer",
    "response_map_explorer",
    "stage_stepper",
    "temperature",
    "training_curves",
    "weights_browser",
]
