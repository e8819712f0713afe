"""Small copies of pictures on disk, made once: who leafs through a folder does not open its files again and again."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from PIL import Image

from course_lib.pictures.images import open_image

__all__ = ["thumbnail"]

_KEPT = 512  # at 300 × 300 dots: at most 140 MB


def thumbnail(path: Path, side: int) -> Image.Image:
    """The picture in a file, as large as it fits into ``side`` × ``side`` dots; a file that was changed is read again.

    Raises:
        PictureError: it is missing, no picture any more, or damaged.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     Image.new("RGB", (400, 300)).save(Path(folder, "a.png"))
        ...     thumbnail(Path(folder, "a.png"), 100).size
        (100, 75)
    """
    try:
        known = path.stat()
    except OSError:
        return open_image(path)  # which says what is the matter
    return _made(path, known.st_mtime_ns, known.st_size, side)


@lru_cache(maxsize=_KEPT)
def _made(path: Path, _changed: int, _bytes: int, side: int) -> Image.Image:
    picture = open_image(path)
    zoom = side / max(picture.size)
    way = Image.Resampling.NEAREST if zoom >= 3 else Image.Resampling.BICUBIC  # a few dots stay dots
    wide, tall = (max(1, round(edge * zoom)) for edge in picture.size)
    return picture.resize((wide, tall), way, reducing_gap=3.0)
