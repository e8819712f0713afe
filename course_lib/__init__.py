"""Image classifiers, hands on: the library under the course's notebooks.

The rooms: ``pictures``, ``tracing``, ``models``, ``networks``, ``measuring``, ``drawing``, ``clinic``, ``exercises``,
``widgets``. The calls that every lesson needs are here as well; nothing is imported before it is used.

    >>> import course_lib
    >>> course_lib.trace("resnet18", (3, 64, 64))["layer1.0.conv1"].output
    (1, 64, 16, 16)
"""

from collections.abc import Iterable, Iterator
from typing import TypeVar

import lazy_loader

from course_lib import progress

T = TypeVar("T")

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=[
        "clinic",
        "drawing",
        "errors",
        "exercises",
        "measuring",
        "models",
        "networks",
        "pictures",
        "progress",
        "tracing",
        "widgets",
    ],
    submod_attrs={
        "clinic": ["check_input", "explain"],
        "drawing": ["block", "show"],
        "exercises": ["my_progress"],
        "measuring": ["measure"],
        "models": ["load_classifier", "read_state_dict", "replace_head", "save_checkpoint"],
        "networks": ["convert", "fine_tune", "localise"],
        "pictures": ["open_image", "samples", "scene", "write_folder"],
        "tracing": ["trace"],
        "widgets.calibration": ["my_calibration"],
        "widgets.question": ["guess"],
    },
)


def _notebook_bar(items: Iterable[T], label: str, total: int | None) -> Iterator[T]:
    from course_lib.widgets.progress_bar import track  # when the first bar is wanted

    return track(items, label, total)


progress.use(_notebook_bar)
