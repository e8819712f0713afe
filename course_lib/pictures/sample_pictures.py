"""The sample pictures: drawn scenes of the ten classes, and photographs that come inside other packages.

Nothing is shipped or downloaded: scenes are drawn when opened, photographs are read where scikit-image and matplotlib
keep them, and are simply not in the list where a package is missing. ``images.samples`` is this file's ``samples``.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from course_lib.pictures.pixels import upright_rgb
from picturebook.scene import scene

__all__ = ["Sample", "samples", "scene"]

#: label, seed, (height, width). The seeds were chosen by eye.
DRAWN = (
    ("camel", 4, (240, 320)),
    ("car", 8, (240, 360)),
    ("cat", 5, (320, 240)),
    ("coffee cup", 4, (240, 320)),
    ("dog", 3, (320, 256)),
    ("goldfish", 2, (240, 320)),
    ("hot dog", 7, (240, 360)),
    ("mushroom", 1, (320, 240)),
    ("sailboat", 4, (336, 256)),
    ("strawberry", 7, (240, 320)),
)
#: name, caption, label, package, file inside the package.
PHOTOGRAPHS = (
    ("chelsea", "Chelsea, a cat", "cat", "skimage", "data/chelsea.png"),
    ("coffee", "A cup of espresso", "coffee cup", "skimage", "data/coffee.png"),
    ("rocket", "A rocket on its launch pad", None, "skimage", "data/rocket.jpg"),
    ("astronaut", "Eileen Collins, astronaut", None, "skimage", "data/astronaut.png"),
    ("grace hopper", "Grace Hopper, computer scientist", None, "matplotlib", "mpl-data/sample_data/grace_hopper.jpg"),
)


@dataclass(frozen=True)
class Sample:
    """A picture that is always at hand. Nothing is drawn or read before ``open``."""

    name: str  # its key in samples()
    caption: str  # a few words to stand under it; also its alt text
    origin: str  # "drawn" or "photograph"
    label: str | None  # one of the ten classes, or None: it shows something else
    path: Path | None = None  # of a photograph
    seed: int = 0  # of a drawn scene
    size: tuple[int, int] = (240, 320)  # (height, width) of a drawn scene

    def open(self) -> Image.Image:
        """The picture, RGB."""
        if self.path is not None:
            with Image.open(self.path) as picture:
                return upright_rgb(picture, str(self.path))

        drawn: Image.Image = scene(str(self.label), seed=self.seed, size=self.size).picture
        return drawn


def samples() -> dict[str, Sample]:
    """The sample pictures by name: ten drawn scenes first, named by their class, then the photographs found here.

    Example:
        >>> camel = samples()["camel"]
        >>> camel.origin, camel.label, camel.open().size
        ('drawn', 'camel', (320, 240))
    """
    found = {
        label: Sample(label, f"A drawn {label}", "drawn", label, seed=seed, size=size) for label, seed, size in DRAWN
    }
    for name, caption, label, package, inside in PHOTOGRAPHS:
        path = _inside(package, inside)
        if path is not None:
            found[name] = Sample(name, caption, "photograph", label, path=path)
    return found


def _inside(package: str, inside: str) -> Path | None:
    """A file of an installed package, found without importing it."""
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        if (Path(folder) / inside).is_file():
            return Path(folder) / inside
    return None
