"""The picture book: the course's own world, drawn as a pure function of a label and a seed.

Ten classes for the course's weights (``CLASSES``), two more that those weights never see (``HELD_BACK``), as many
pictures of each as anyone wants, at any size, each with its true label, box and mask.

    >>> drawn = scene("sailboat", seed=3, size=(64, 96))
    >>> drawn.picture.size, drawn.label
    ((96, 64), 'sailboat')
"""

from picturebook.classes import ALL_CLASSES, CLASSES, HELD_BACK, IMAGENET, counts_as
from picturebook.datasets import sheet, write_folder
from picturebook.difficulty import DIFFICULTIES
from picturebook.errors import PictureBookError
from picturebook.scene import Scene, Thing, scene

__all__ = [
    "ALL_CLASSES",
    "CLASSES",
    "DIFFICULTIES",
    "HELD_BACK",
    "IMAGENET",
    "PictureBookError",
    "Scene",
    "Thing",
    "counts_as",
    "scene",
    "sheet",
    "write_folder",
]
