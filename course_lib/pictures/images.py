"""Open any picture safely as upright RGB; list the pictures of a folder; the samples (handed on from ``samples.py``).

Wherever a picture comes from, it passes through ``open_image`` once and is plain from then on. What the pixels mean is
decided in ``pixels.py``; what a model makes of them is ``preprocessing.py``.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import numpy as np
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from course_lib.errors import PictureError, closest
from course_lib.pictures.downloads import fetch_bytes
from course_lib.pictures.pixels import from_array, from_tensor, upright_rgb
from course_lib.pictures.sample_pictures import Sample, samples

__all__ = ["EXTENSIONS", "Sample", "list_images", "open_image", "samples"]

#: What list_images looks for.
EXTENSIONS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif")
#: The formats that are tried. Pillow knows more, some of which start other programs (EPS).
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "DIB", "TIFF", "AVIF", "JPEG2000", "PPM", "ICO", "TGA", "PCX", "PSD")
#: More pixels than this are refused before they are decoded (a small file can claim to be enormous): 360 MB as RGB.
MAX_PIXELS = 120_000_000
#: What a file begins with that is no picture, or none that can be read here.
OTHERS = (
    (rb"(?si)\s*(<\?xml.*?\?>\s*)?(<!--.*?-->\s*)*(<!doctype svg.*?>\s*)?<svg", "an SVG drawing; export it as PNG"),
    (rb"(?si)\s*(<!doctype html|<html|<head|<body|<\?xml.*?<html)", "a web page (HTML); take the picture itself"),
    (rb"%PDF", "a PDF document; export the page as PNG"),
    (rb"%!PS|\xc5\xd0\xd3\xc6", "a PostScript drawing; export it as PNG"),
    (rb"(?s).{4}ftyp(hei|hev|mif1|msf1)", "an HEIC photograph (an iPhone's); export it as JPEG"),
    (rb"(?s).{4}ftyp", "a film; take a picture out of it"),
    (rb"PK\x03\x04", "a ZIP archive (or a document or checkpoint in one); unpack it"),
    (rb"\x1f\x8b", "a compressed file; unpack it"),
    (rb"\x93NUMPY", "a NumPy file; give np.load(...) of it"),
    (rb"version https://git-lfs", "the stand-in of a file kept by git-lfs; run git lfs pull"),
)


def open_image(source: object) -> Image.Image:
    """Open a picture, whatever it comes in, as a new upright RGB picture of 8 bits.

    Args:
        source: a path; an http(s) address; bytes; a file opened in binary mode; an array (H, W), (H, W, 1, 3 or 4) of
            uint8, uint16 or floats from 0 to 1; a tensor (C, H, W) of uint8 or floats from 0 to 1; a PIL picture; the
            value of an ipywidgets FileUpload (version 7 or 8) with one file; a Sample; anything with a PIL picture as
            its ``picture``, such as a Scene.

    Returns:
        Turned as its EXIF data say, transparency on white, 16 bits scaled to 8, the first frame of an animation.

    Raises:
        PictureError: it is missing, no picture, damaged, or too large; one sentence that names it.
        DownloadError: an address that cannot be had.

    Example:
        >>> open_image(np.zeros((20, 30), dtype=np.uint8))
        <PIL.Image.Image image mode=RGB size=30x20 at ...>
        >>> open_image(b"%PDF-1.7 ...")
        Traceback (most recent call last):
        ...
        course_lib.errors.PictureError: The content given (12 bytes) is not a picture but a PDF document; \
export the page as PNG.
    """
    if isinstance(source, Sample):
        return source.open()
    if isinstance(source, Image.Image):
        return _safely(lambda: upright_rgb(source, "The picture"), "The picture")
    if isinstance(source, Tensor):
        return from_tensor(source)
    if isinstance(source, np.ndarray):
        return from_array(source)
    if isinstance(source, str) and re.match(r"(?i)https?://", source):
        return _decode(fetch_bytes(source), source)
    if isinstance(source, (str, Path)):
        return _open_path(Path(source).expanduser())
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _decode(bytes(source), f"The content given ({len(bytes(source)):,} bytes)")
    if hasattr(source, "read"):
        return _open_file(source)
    if isinstance(source, (Mapping, tuple, list)):
        return _open_upload(source)
    if isinstance(inner := getattr(source, "picture", None), Image.Image):  # a Scene of the picture book
        return open_image(inner)
    raise PictureError(
        f"A {type(source).__name__} is no picture: expected a path, an address, bytes, a file, an array, a tensor, a "
        "PIL picture or an upload."
    )


def _open_path(path: Path) -> Image.Image:
    name = str(path)
    if name == ".":
        raise PictureError("The path given is empty, or is this folder itself: expected the path of one picture.")
    if "\0" in name:
        raise PictureError(f"{name!r} is no path: it holds a zero byte. Picture bytes are given as bytes, not as str.")
    try:
        if path.is_dir():
            raise PictureError(f"{name} is a folder: give one file of it, or use list_images({name!r}).")
        if not path.exists():
            raise PictureError(_missing(path))
        if not path.is_file():
            raise PictureError(f"{name} is not an ordinary file.")
        with path.open("rb") as file:
            return _decode(file, name)
    except OSError as error:
        raise PictureError(f"{name} cannot be read: {error.strerror or error}.") from error


def _missing(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"There is no file {path}: the folder {folder} does not exist (from {Path.cwd()})."
    return f"There is no file {path}.{_near(path)}"


def _near(path: Path) -> str:
    """Names like this one in the same folder, as a sentence."""
    if not path.name or not path.parent.is_dir():
        return ""
    return closest(path.name, sorted(one.name for one in path.parent.iterdir() if one != path))


def _open_file(file: Any) -> Image.Image:
    name = str(getattr(file, "name", None) or "The file object")
    try:
        data = file.read()
    except (OSError, ValueError) as error:
        raise PictureError(f"{name} cannot be read: {error}.") from error
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise PictureError(f"{name} was opened as text: open it with open(path, 'rb').")
    if not data:
        raise PictureError(f"{name} has nothing left to read: it is empty, or was read before; then file.seek(0).")
    return _decode(bytes(data), name)


def _open_upload(value: Any) -> Image.Image:
    """The value of a FileUpload: {name: {"metadata": …, "content": …}} in ipywidgets 7, ({"name": …, …},) in 8."""
    if isinstance(value, Mapping) and "content" in value:
        files = [(value.get("name") or value.get("metadata", {}).get("name"), value)]
    elif isinstance(value, Mapping):
        files = list(value.items())
    else:
        files = [(one.get("name"), one) if isinstance(one, Mapping) else (None, one) for one in value]
    if not files:
        raise PictureError("No file has been uploaded yet: choose one with the button, then run this again.")
    if len(files) > 1:
        raise PictureError(f"open_image opens one picture, but was given {len(files)}: give them one by one.")
    name, entry = files[0]
    if not isinstance(entry, Mapping) or not isinstance(entry.get("content"), (bytes, bytearray, memoryview)):
        raise PictureError(f"A {type(value).__name__} is no picture, and not the value of a FileUpload either.")
    return _decode(bytes(entry["content"]), str(name or "The uploaded file"))


def _decode(data: bytes | IO[bytes], name: str) -> Image.Image:
    file = BytesIO(data) if isinstance(data, bytes) else data
    start = file.read(1024)
    file.seek(0)
    if not start:
        raise PictureError(f"{name} is empty (0 bytes).")
    return _safely(lambda: _read(file, name, start), name)


def _read(file: IO[bytes], name: str, start: bytes) -> Image.Image:
    try:
        picture = Image.open(file, formats=_formats())
    except UnidentifiedImageError:
        raise PictureError(f"{name} is not a picture{_looks_like(start)}.") from None
    with picture:
        if picture.width * picture.height > MAX_PIXELS:
            raise Image.DecompressionBombError
        return upright_rgb(picture, name)


def _safely(read: Any, name: str) -> Image.Image:
    try:
        picture: Image.Image = read()
    except PictureError:
        raise
    except Image.DecompressionBombError:
        raise PictureError(f"{name} has too many pixels: at most {MAX_PIXELS / 1e6:.0f} million are read.") from None
    except Exception as error:  # a decoder that meets a damaged file raises anything, from OSError to struct.error
        raise PictureError(f"{name} is a damaged or cut-off picture ({str(error).rstrip('.')}).") from error
    return picture


@functools.cache
def _formats() -> tuple[str, ...]:
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _looks_like(start: bytes) -> str:
    for pattern, meaning in OTHERS:
        if re.match(pattern, start):
            return f" but {meaning}"
    text = start.decode("utf-8", "ignore")
    if b"\0" not in start and len(text.encode()) >= len(start) - 3:
        return f" but text, beginning with {text[:20]!r}"
    return ", or is damaged at its start; formats read here are JPEG, PNG, GIF, WebP, BMP and TIFF"


def list_images(
    folder: str | Path, extensions: str | Iterable[str] = EXTENSIONS, *, recursive: bool = False
) -> list[Path]:
    """The pictures that lie in a folder, in the order a person would give them (2.jpg before 10.jpg).

    Args:
        folder: where to look. Hidden files and folders (.x.jpg) are left out.
        extensions: one or several, with or without the dot, in capitals or not.
        recursive: whether to look into the folders in it, and in theirs; they come in order, each with its pictures.

    Raises:
        PictureError: no such folder, or no file with such an extension; it says which extensions are there.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in ("cat10.JPG", "cat2.jpg", "notes.txt"):
        ...         _ = Path(folder, name).write_bytes(b"")
        ...     [path.name for path in list_images(folder, "jpg")]
        ['cat2.jpg', 'cat10.JPG']
    """
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        what = "is a file, not a folder" if folder.exists() else "does not exist"
        raise PictureError(f"The folder {folder} {what}.{_near(folder)}")
    several = [extensions] if isinstance(extensions, str) else extensions
    wanted = tuple("." + one.lower().lstrip("*").lstrip(".") for one in several)
    entries = [path for path in folder.iterdir() if not path.name.startswith(".")]
    if recursive:
        entries = [path for path in folder.rglob("*") if not _hidden(path.relative_to(folder))]
    files = [path for path in entries if path.is_file()]
    found = [path for path in files if path.suffix.lower() in wanted]
    if not found:
        there = Counter(path.suffix.lower() or "(none)" for path in files)
        holds = ", ".join(f"{count} {suffix}" for suffix, count in there.most_common(8)) or "no files"
        inner = sorted(path.name for path in entries if path.is_dir())
        folders = f", and the folders {', '.join(inner[:5])}{' …' if inner[5:] else ''}" if inner else ""
        raise PictureError(f"No picture in {folder}: looked for {', '.join(wanted)}; there: {holds}{folders}.")
    return sorted(found, key=lambda path: (path.parent.as_posix(), _natural(path)))


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _natural(path: Path) -> tuple[list[str | int], str]:
    """Text and numbers in turn; text always comes first, so that two keys compare like with like."""
    parts = re.split(r"([0-9]+)", path.name.casefold())
    return [int(part) if part.isdecimal() else part for part in parts], path.name
