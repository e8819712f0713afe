"""Open any picture safely as upright RGB; list the pictures of a folder; the samples (handed on from ``samples.py``).

Wherever a picture comes from, it passes through ``open_image`` once and is plain from then on. What the pixels mean is
decided in ``pixels.py``; what a model makes of them is ``preprocessing.py``.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import struct
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from course_lib.errors import PictureError
from course_lib.pictures.downloads import fetch_bytes, shown_address
from course_lib.pictures.paths import excerpt, files_below, folder_path, kind_of, local_path, near, path_words
from course_lib.pictures.pixels import from_array, from_tensor, upright_rgb
from course_lib.pictures.sample_pictures import Sample, samples

try:
    from torchvision.io import ImageReadMode, decode_webp
except ImportError:  # torchvision has announced that it will remove its decoders
    decode_webp = None

__all__ = [
    "EXTENSIONS", "MAX_PIXELS", "Sample", "is_out_of_memory", "list_images", "open_image", "read_image", "samples",
    "say_notes",
]  # fmt: skip

#: What list_images looks for.
EXTENSIONS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif")
#: The formats that are tried. Pillow knows more, some of which start other programs (EPS).
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "DIB", "TIFF", "AVIF", "JPEG2000", "PPM", "ICO", "TGA", "PCX", "PSD")
#: More pixels than this are refused before they are decoded (a small file can claim to be enormous): 360 MB as RGB.
MAX_PIXELS = 120_000_000
#: Pictures of more pixels than this are decoded one at a time, however many threads open pictures.
LARGE = 25_000_000
#: Still WebP pictures of more pixels than this are decoded with less memory (``_lighter``).
LARGE_WEBP = 4_000_000
_one_large = threading.Lock()
_count_readers = threading.Lock()
_readers = 0
_their_limit: int | None = None
_PLUGINS = r"(PIL|torchvision\.io)\."
#: What a file begins with that is no picture, or none that can be read here.
OTHERS = (
    (rb"(?si)\s*(<\?xml.*?\?>\s*)?(<!--.*?-->\s*)*(<!doctype svg.*?>\s*)?<svg", "an SVG drawing; export it as PNG"),
    (rb"(?si)\s*(<!doctype html|<html|<head|<body|<\?xml.*?<html)", "a web page (HTML); take the picture itself"),
    (rb"%PDF", "a PDF document; export the page as PNG"),
    (rb"%!PS|\xc5\xd0\xd3\xc6", "a PostScript drawing; export it as PNG"),
    (rb"(?s).{4}ftyp(hei|hev|mif1|msf1)", "an HEIC photograph (an iPhone's); export it as JPEG"),
    (rb"(?s).{4}ftyp", "a video; take a frame from it"),
    (rb"PK\x03\x04", "a ZIP archive (or a document or checkpoint in one); unpack it"),
    (rb"\x1f\x8b", "a compressed file; unpack it"),
    (rb"\x93NUMPY", "a NumPy file; give its np.load(...)"),
    (rb"version https://git-lfs", "the stand-in of a file kept by git-lfs; run git lfs pull"),
)


def open_image(source: object, *, stretch: bool = False) -> Image.Image:
    """Open a picture, whatever it comes in, as a new upright RGB picture of 8 bits.

    At most 120 million pixels are read, one large picture at a time; about 8 bytes a pixel and 100 MB are needed. A
    large WebP needs torchvision's decoder for that. torchvision has announced that it will remove its image decoders;
    from then on Pillow decodes such a file as well, which gives the same picture and takes 17 bytes a pixel. A server
    has 20 seconds, and a second more for every 10 kB that it has sent.

    Args:
        source: a path; an http(s) address, written as in a browser; bytes; a file opened in binary mode; an array
            (H, W), (H, W, 1, 3 or 4) of uint8, uint16 or floats from 0 to 1; a tensor (C, H, W) of uint8 or floats
            from 0 to 1; a PIL picture; the value of an ipywidgets FileUpload (version 7 or 8) with one file; a Sample;
            anything with a PIL picture as its ``picture``, such as a Scene.
        stretch: spread 16 bits, integers or floats so that the smallest value is black and the largest white.

    Returns:
        Turned as its EXIF data say, transparency on white, 16 bits scaled to 8, the first frame of an animation. A
        warning says so where 16 bits use so little of their range that the picture comes out nearly black.

    Raises:
        PictureError: it is missing, no picture, damaged, or too large for this library or for the computer's memory;
            one sentence that names it.
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
    picture = read_image(source, stretch=stretch)
    if "note" in picture.info:
        warnings.warn(picture.info["note"], stacklevel=2)
    return picture


def read_image(source: object, *, stretch: bool = False) -> Image.Image:
    """What ``open_image`` gives, without its warning: the sentence is ``info["note"]`` of the picture, if there is one.

    For whole folders, which say it once (``say_notes``).
    """
    if isinstance(source, Sample):
        return source.open()
    if isinstance(source, Image.Image):
        with _pillow_at_ease():
            return _safely(lambda: upright_rgb(source, "The picture", stretch=stretch), "The picture", source.size)
    if isinstance(source, Tensor):
        return _safely(lambda: from_tensor(source, stretch=stretch), "The tensor")
    if isinstance(source, np.ndarray):
        return _safely(lambda: from_array(source, stretch=stretch), "The array")
    if isinstance(source, str) and (scheme := re.match(r"\s*([a-z][a-z0-9+.-]+):(?=//)|\s*(data):", source, re.I)):
        if scheme[0].strip().lower() in ("http:", "https:"):
            return _decode(fetch_bytes(source), shown_address(source), stretch)
        raise PictureError(
            f"{shown_address(source)!r} isn't an http:// or https:// address, and only these are opened. A "
            "file on this "
            "computer is given as its path."
        )
    if isinstance(source, (str, os.PathLike)):
        return _open_path(local_path(source), stretch)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _decode(bytes(source), f"The content given ({memoryview(source).nbytes:,} bytes)", stretch)
    if hasattr(source, "read"):
        return _open_file(source, stretch)
    if isinstance(source, (Mapping, tuple, list)):
        return _open_upload(source, stretch)
    if isinstance(inner := getattr(source, "picture", None), Image.Image):  # a Scene of the picture book
        return read_image(inner, stretch=stretch)
    raise PictureError(
        f"A {type(source).__name__} isn't a picture: expected a path, an address, bytes, a file, an array, a tensor, a "
        "PIL picture or an upload."
    )


def say_notes(notes: Mapping[Path, str], pictures: int) -> None:
    """Warn once about a folder's pictures that came out nearly black: the first one's sentence, and how many more."""
    if notes:
        note = notes[min(notes)]
        more = f" The same holds for {len(notes) - 1} more of {pictures} pictures." if len(notes) > 1 else ""
        warnings.warn(f"{note}{more}", stacklevel=3)


def _open_path(path: Path, stretch: bool) -> Image.Image:
    name = path_words(path)
    if str(path) == ".":
        raise PictureError("The path given is empty, or is this folder itself: expected the path of one picture.")
    kind = kind_of(path)
    if kind == "folder":
        raise PictureError(f"{name} is a folder: give one file of it, or use list_images({name!r}).")
    if kind in ("nothing", "link"):
        raise PictureError(_missing(path, kind))
    if kind != "file":
        raise PictureError(f"{name} is not an ordinary file.")
    try:
        with path.open("rb") as file:
            return _decode(file, name, stretch)
    except OSError as error:
        raise PictureError(f"{name} cannot be read: {error.strerror or error}.") from error


def _missing(path: Path, kind: str) -> str:
    if kind == "link":
        return f"{path_words(path)} is a link to {path_words(path.readlink())}, and there is no such file."
    if not path.parent.is_dir():
        folder = path_words(path.parent)
        return f"There is no file {path_words(path)}: the folder {folder} does not exist (from {_here()})."
    return f"There is no file {path_words(path)}.{near(path)}"


def _here() -> str:
    try:
        return path_words(Path.cwd())
    except OSError:  # the folder that Python was started in was removed
        return "a folder that was removed"


def _open_file(file: Any, stretch: bool) -> Image.Image:
    name = excerpt(getattr(file, "name", None) or "The file object")
    try:
        data = file.read()
    except (OSError, ValueError) as error:
        raise PictureError(f"{name} cannot be read: {excerpt(error)}.") from error
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise PictureError(f"{name} was opened as text: open it with open(path, 'rb').")
    if not data:
        raise PictureError(f"{name} has nothing left to read: it is empty, or was read before; then file.seek(0).")
    return _decode(bytes(data), name, stretch)


def _open_upload(value: Any, stretch: bool) -> Image.Image:
    """The value of a FileUpload: {name: {"metadata": …, "content": …}} in ipywidgets 7, ({"name": …, …},) in 8."""
    if isinstance(value, Mapping) and "content" in value:
        files = [(value.get("name") or value.get("metadata", {}).get("name"), value)]
    elif isinstance(value, Mapping):
        files = list(value.items())
    else:
        files = [(item.get("name"), item) if isinstance(item, Mapping) else (None, item) for item in value]
    if not files:
        raise PictureError("No file has been uploaded yet: choose one with the button, then run this again.")
    if len(files) > 1:
        raise PictureError(f"open_image opens one picture, but was given {len(files)}: give them one by one.")
    name, entry = files[0]
    if not isinstance(entry, Mapping) or not isinstance(entry.get("content"), (bytes, bytearray, memoryview)):
        raise PictureError(f"A {type(value).__name__} isn't a picture, and not the value of a FileUpload either.")
    return _decode(bytes(entry["content"]), excerpt(name or "The uploaded file"), stretch)


def _decode(data: bytes | IO[bytes], name: str, stretch: bool) -> Image.Image:
    file = BytesIO(data) if isinstance(data, bytes) else data
    start = file.read(1024)
    file.seek(0)
    if not start:
        raise PictureError(f"{name} is empty (0 bytes).")
    with _pillow_at_ease(), _safely(lambda: _identified(file, name, start), name) as picture:
        turn = _one_large if picture.width * picture.height > LARGE else contextlib.nullcontext()
        with turn:
            return _safely(lambda: upright_rgb(_lighter(picture, file), name, stretch=stretch), name, picture.size)


def _lighter(picture: Image.Image, file: IO[bytes]) -> Image.Image:
    """The same picture; a large still WebP decoded with less memory.

    Pillow opens every WebP as an animation: two canvases, a copy and the picture, 17 bytes a pixel. torchvision decodes
    a still one straight into RGB (7 bytes with Pillow's picture) or RGBA. What it refuses, Pillow decodes or names.
    """
    still = picture.format == "WEBP" and not getattr(picture, "is_animated", False)
    large = picture.width * picture.height > LARGE_WEBP
    if decode_webp is None or not still or not large or picture.mode not in ("RGB", "RGBA"):
        return picture
    file.seek(0)
    encoded = torch.frombuffer(bytearray(file.read()), dtype=torch.uint8)
    mode = ImageReadMode.RGB if picture.mode == "RGB" else ImageReadMode.RGB_ALPHA
    try:
        pixels = decode_webp(encoded, mode).permute(1, 2, 0).contiguous().numpy()  # (H, W, C), and no copy
    except RuntimeError:  # damaged, one frame kept as an animation, or a torchvision that was built without WebP
        return picture
    decoded = Image.frombytes(picture.mode, picture.size, memoryview(pixels).cast("B"))
    decoded.info = picture.info  # with the EXIF data
    return decoded


def _identified(file: IO[bytes], name: str, start: bytes) -> Image.Image:
    """The picture with its size known and its pixels not yet decoded.

    ``Image.open`` does the same, but warns of "decompression bombs" where we have a limit of our own.
    """
    for format_name in _formats():
        factory, accept = Image.OPEN[format_name]
        if accept is not None and accept(start[:16]) is not True:
            continue
        file.seek(0)
        try:
            picture = factory(file, "")
        except (SyntaxError, IndexError, TypeError, struct.error):  # as Pillow's own plugins say "not mine"
            continue
        if picture.width * picture.height > MAX_PIXELS:
            raise Image.DecompressionBombError
        _set_clear_value(picture)
        return picture
    raise PictureError(f"{name} is not a picture{_looks_like(start)}.")


@contextlib.contextmanager
def _pillow_at_ease() -> Iterator[None]:
    """Pillow's limit is ours meanwhile, and the warnings of decoders are not shown.

    The plugins look at parts of a file (tiles, icons) and would warn of size earlier. What else they warn of (damaged
    EXIF data, too many entries of a tag, a palette's transparency) does not touch the pixels, and a learner can do
    nothing about it. One filter is added and taken away: putting all back as they were would undo other threads'.
    """
    global _readers, _their_limit
    with _count_readers:
        if not _readers:
            _their_limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, MAX_PIXELS
        _readers += 1
        warnings.filterwarnings("ignore", module=_PLUGINS)
    try:
        yield
    finally:
        with _count_readers:
            _readers -= 1
            if not _readers:
                Image.MAX_IMAGE_PIXELS = _their_limit
                with contextlib.suppress(ValueError):
                    cast("list[object]", warnings.filters).remove(("ignore", None, Warning, re.compile(_PLUGINS), 0))


def _set_clear_value(picture: Image.Image) -> None:
    """Scale the value that a PNG calls transparent as Pillow scales its pixels (which it does to the pixels alone)."""
    clear, tile = picture.info.get("transparency"), getattr(picture, "tile", None)
    if picture.format != "PNG" or not tile or not isinstance(clear, (int, tuple)):
        return
    if (factor := {"1": 255, "L;2": 85, "L;4": 17}.get(str(tile[0][3]))) and isinstance(clear, int):
        picture.info["transparency"] = clear * factor
    elif tile[0][3] == "RGB;16B" and isinstance(clear, tuple):
        picture.info["transparency"] = tuple(value >> 8 for value in clear)


def _safely(read: Callable[[], Image.Image], name: str, size: tuple[int, int] | None = None) -> Image.Image:
    """What ``read`` returns; whatever else happens becomes a sentence about the picture of that name."""
    try:
        return read()
    except PictureError:
        raise
    except Image.DecompressionBombError:
        raise PictureError(f"{name} has too many pixels: at most {MAX_PIXELS / 1e6:.0f} million are read.") from None
    except Exception as error:  # a decoder that meets a damaged file raises anything, from OSError to struct.error
        if is_out_of_memory(error):
            pixels = f" ({size[0]}×{size[1]} pixels)" if size else ""
            raise PictureError(
                f"{name}{pixels} needs more memory than this computer has left: shut other notebooks down, or make the "
                "picture smaller."
            ) from None
        raise PictureError(f"{name} is a damaged or cut-off picture ({excerpt(error).rstrip('.')}).") from error


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory ran out, whichever of Python, Pillow and torch raised it."""
    words = str(error).lower()
    return isinstance(error, MemoryError) or "out of memory" in words or "allocate memory" in words


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
        return f": it contains text that starts with {text[:20]!r}"
    return ", or is damaged at its start; formats read here are JPEG, PNG, GIF, WebP, BMP and TIFF"


def list_images(
    folder: str | Path, extensions: str | Iterable[str] = EXTENSIONS, *, recursive: bool = False
) -> list[Path]:
    """The pictures that lie in a folder, in the order a person would give them (2.jpg before 10.jpg).

    Args:
        folder: where to look. Hidden files and folders (.x.jpg) are left out. Links are followed; a link to a file that
            is not there is listed, and whoever opens it is told so.
        extensions: one or several, with or without the dot, in capitals or not.
        recursive: whether to look into the folders in it, and in theirs; they come in order, each with its pictures.

    Raises:
        PictureError: no such folder, one that may not be read, or no file with such an extension; it says which
            extensions are there.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in ("cat10.JPG", "cat2.jpg", "notes.txt"):
        ...         _ = Path(folder, name).write_bytes(b"")
        ...     [path.name for path in list_images(folder, "jpg")]
        ['cat2.jpg', 'cat10.JPG']
    """
    path = folder_path(folder)
    wanted = _suffixes(extensions)
    entries = list(files_below(path, recursive=recursive))
    files = [entry for entry, kind in entries if kind in ("file", "link")]
    pictures = [entry for entry in files if entry.suffix.lower() in wanted]
    if not pictures:
        there = Counter(excerpt(entry.suffix.lower(), 20) or "(none)" for entry in files)
        holds = ", ".join(f"{count} {suffix}" for suffix, count in there.most_common(8)) or "no files"
        inner = sorted(excerpt(entry.name, 40) for entry, kind in entries if kind == "folder")
        folders = f", and the folders {', '.join(inner[:5])}{' …' if inner[5:] else ''}" if inner else ""
        raise PictureError(
            f"No picture in {path_words(path)}: looked for {excerpt(', '.join(wanted), 100)}; there: {holds}{folders}."
        )
    return sorted(pictures, key=lambda entry: (entry.parent.as_posix(), _natural(entry)))


def _suffixes(extensions: object) -> tuple[str, ...]:
    several = [extensions] if isinstance(extensions, str) else extensions
    listed: list[object] = list(several) if isinstance(several, Iterable) else [several]
    suffixes = [suffix for suffix in listed if isinstance(suffix, str)]
    if len(suffixes) < len(listed):
        raise PictureError(
            f"extensions={excerpt(repr(extensions), 60)}: give one or several, such as ('.jpg', '.png')."
        )
    return tuple("." + suffix.lower().lstrip("*").lstrip(".") for suffix in suffixes)


def _natural(path: Path) -> tuple[list[str | int], str]:
    """Text and numbers in turn; text always comes first, so that two keys compare like with like."""
    parts = re.split(r"([0-9]+)", path.name.casefold())
    return [int(part) if place % 2 else part for place, part in enumerate(parts)], path.name
