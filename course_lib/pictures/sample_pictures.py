"""The sample pictures: photographs that come inside other packages, and drawn scenes of the ten classes.

Nothing is shipped or downloaded: scenes are drawn when opened, photographs are read where scikit-image, matplotlib and
scikit-learn keep them, and are left out where a package is missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from course_lib.pictures.downloads import installed_file
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
_CATS = ("tabby", "tiger cat", "Egyptian cat")
#: name, caption, label, ImageNet's categories that are right, package, file inside the package, credit. ImageNet's
#: thousand have no astronaut and no dahlia; the nearest that they have to a motorcycle is a moped.
PHOTOGRAPHS = (
    ("chelsea", "Chelsea, a cat", "cat", _CATS, "skimage", "data/chelsea.png", "Stéfan van der Walt, CC0"),
    ("coffee", "A cup of espresso", "coffee cup", ("espresso", "cup"), "skimage", "data/coffee.png",
     "Rachel Michetti, courtesy of Pikolo Espresso Bar, CC0"),
    ("rocket", "A rocket on its launch pad", None, ("missile", "projectile"), "skimage", "data/rocket.jpg",
     "SpaceX, public domain"),
    ("motorcycle", "A motorcycle in a garage", None, ("moped",), "skimage", "data/motorcycle_left.png",
     "Daniel Scharstein and others, Middlebury 2014 stereo benchmark"),
    ("grace hopper", "Grace Hopper, computer scientist", None, ("military uniform",), "matplotlib",
     "mpl-data/sample_data/grace_hopper.jpg", "James S. Davis, US Navy, public domain"),
    ("astronaut", "Eileen Collins, astronaut", None, (), "skimage", "data/astronaut.png", "NASA, public domain"),
    ("china", "A tower of the Summer Palace in Beijing", None, ("palace", "monastery"), "sklearn",
     "datasets/images/china.jpg", "danielbuechele on Flickr, CC BY 2.0"),
    ("flower", "A dahlia", None, (), "sklearn", "datasets/images/flower.jpg", "vultilion on Flickr, CC BY 2.0"),
)  # fmt: skip


@dataclass(frozen=True)
class Sample:
    """A picture that is always at hand. Nothing is drawn or read before ``open``."""

    name: str  # its key in samples()
    caption: str  # a few words to stand under it; also its alt text
    origin: str  # "drawn" or "photograph"
    label: str | None  # one of the ten classes, or None: it shows something else
    answers: tuple[str, ...] = ()  # of a photograph: ImageNet's categories that are right; () where it has none
    credit: str = ""  # of a photograph: who took it, and under which licence
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
    """The sample pictures by name: first the photographs that are here, then ten drawn scenes named by their class.

    Example:
        >>> pictures = samples()
        >>> list(pictures)[:2], pictures["chelsea"].answers
        (['chelsea', 'coffee'], ('tabby', 'tiger cat', 'Egyptian cat'))
        >>> pictures["camel"].origin, pictures["camel"].label, pictures["camel"].open().size
        ('drawn', 'camel', (320, 240))
    """
    pictures = {}
    for name, caption, label, answers, package, inside, credit in PHOTOGRAPHS:
        path = installed_file(package, inside)
        if path is not None:
            pictures[name] = Sample(name, caption, "photograph", label, answers, credit, path)
    for label, seed, size in DRAWN:
        pictures[label] = Sample(label, f"A drawn {label}", "drawn", label, seed=seed, size=size)
    return pictures
