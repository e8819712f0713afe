"""Pictures in every form a learner may bring them; Pillow, NumPy and torchvision write them and are the oracle."""

from __future__ import annotations

import io
import os
import random
import struct
import tempfile
import warnings
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings, strategies
from PIL import Image

from course_lib.errors import DownloadError, PictureError
from course_lib.pictures import images, open_folder, pixels, write_folder
from course_lib.pictures.images import list_images, open_image
from picturebook.errors import PictureBookError


def noise(width: int = 40, height: int = 30, mode: str = "RGB") -> Image.Image:
    channels = len(Image.new(mode, (1, 1)).getbands())
    values = np.random.default_rng(0).integers(0, 256, (height, width, channels), dtype=np.uint8)
    return Image.frombytes(mode, (width, height), values.tobytes())


def encoded(picture: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, format, **options)
    return file.getvalue()


def same(picture: Image.Image, other: Image.Image) -> bool:
    return picture.mode == other.mode == "RGB" and np.array_equal(np.asarray(picture), np.asarray(other))


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


PICTURE = noise()
#: EXIF data with the orientation 6.
TURNED = b"Exif\0\0MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6"
PNG = encoded(PICTURE)


# Where a picture comes from.


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "a cat ü.png"
    file.write_bytes(PNG)
    return file


def test_paths_and_files(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(path.parent))
    monkeypatch.setenv("USERPROFILE", str(path.parent))
    for source in (path, str(path), f"~/{path.name}", path.open("rb"), io.BytesIO(PNG)):
        assert same(open_image(source), PICTURE)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bytes(kind: Any) -> None:
    assert same(open_image(kind(PNG)), PICTURE)


def test_uploads_of_both_widget_versions() -> None:
    seven = {"cat.png": {"metadata": {"name": "cat.png", "type": "image/png", "size": len(PNG)}, "content": PNG}}
    eight = ({"name": "cat.png", "type": "image/png", "size": len(PNG), "content": memoryview(PNG)},)
    for value in (seven, eight, list(eight), eight[0], seven["cat.png"]):
        assert same(open_image(value), PICTURE)
    nothing: tuple[object, ...] = ({}, ())
    for empty in nothing:
        with pytest.raises(PictureError, match="No file has been uploaded yet"):
            open_image(empty)
    with pytest.raises(PictureError, match="one picture, but was given 2"):
        open_image(eight * 2)
    with pytest.raises(PictureError, match=r"notes\.txt .* text"):
        open_image(({"name": "notes.txt", "content": memoryview(b"some notes")},))
    for other in ({"cat": 1}, [1], [PICTURE], {"content": "text"}):
        with pytest.raises(PictureError, match="FileUpload"):
            open_image(other)


def test_the_value_of_a_real_upload_widget() -> None:
    widgets = pytest.importorskip("ipywidgets")
    upload = widgets.FileUpload()
    if widgets.__version__.startswith("7"):
        return  # its value is set by the browser alone
    upload.set_state(
        {"value": [{"name": "c.png", "type": "image/png", "size": 1, "last_modified": 0, "content": memoryview(PNG)}]}
    )
    assert same(open_image(upload.value), PICTURE)


def test_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {"https://a.b/cat.png": PNG, "HTTP://a.b/": b"<!doctype html>"}
    monkeypatch.setattr(images, "fetch_bytes", answers.__getitem__)
    assert same(open_image("https://a.b/cat.png"), PICTURE)
    with pytest.raises(PictureError, match=r"HTTP://a\.b/ is not a picture but a web page \(HTML\)"):
        open_image("HTTP://a.b/")
    monkeypatch.undo()
    with pytest.raises(DownloadError):
        open_image("http://127.0.0.1:9/cat.png")


def test_a_pil_picture_is_copied_and_left_alone() -> None:
    picture = PICTURE.copy()
    opened = open_image(picture)
    assert opened is not picture and same(opened, picture)
    second = noise(mode="L").convert("RGB")
    frames = Image.open(io.BytesIO(encoded(PICTURE, "GIF", save_all=True, append_images=[second])))
    frames.seek(1)
    open_image(frames)
    assert frames.tell() == 1


def test_what_holds_a_picture_is_opened() -> None:
    assert same(open_image(SimpleNamespace(picture=PICTURE, label="cat")), PICTURE)


@pytest.mark.parametrize("source", [None, 3, 2.5, object(), Image])
def test_other_objects(source: object) -> None:
    with pytest.raises(PictureError, match="isn't a picture: expected a path"):
        open_image(source)


# What the pixels mean.


def test_arrays_and_tensors() -> None:
    from torchvision.transforms.functional import pil_to_tensor, to_tensor

    array = np.array(PICTURE)
    forms = [array, array[::-1][::-1], array / 255, (array / 255).astype(np.float32), array.astype(np.uint16) * 257]
    forms += [(array.astype(">u2") * 257).astype(">u2"), np.asfortranarray(array)]
    tensors = [pil_to_tensor(PICTURE), to_tensor(PICTURE), to_tensor(PICTURE).double().requires_grad_()]
    for form in [*forms, *tensors]:
        assert same(open_image(form), PICTURE)
    half = np.asarray(open_image(to_tensor(PICTURE).to(torch.bfloat16))).astype(int)
    assert abs(half - array).max() <= 1
    grey = noise(mode="L")
    values, tensor = np.array(grey), pil_to_tensor(grey)
    for form in (values, values[:, :, None], tensor, tensor[0], to_tensor(grey)):
        assert same(open_image(form), grey.convert("RGB"))
    assert open_image(np.array([[True, False]])).getpixel((0, 0)) == (255, 255, 255)
    rgba = noise(mode="RGBA")
    for form in (np.array(rgba), pil_to_tensor(rgba)):
        assert same(open_image(form), open_image(rgba))


@pytest.mark.parametrize(
    ("shape", "dtype", "value", "says"),
    [
        ((3, 224, 224), "uint8", 0, r"transpose\(1, 2, 0\)"),
        ((1, 28, 28), "float32", 0, r"transpose\(1, 2, 0\)"),
        ((8, 30, 40, 3), "uint8", 0, "a batch of 8"),
        ((30, 40, 2), "uint8", 0, r"expected \(H, W\)"),
        ((30,), "uint8", 0, r"expected \(H, W\)"),
        ((), "uint8", 0, r"expected \(H, W\)"),
        ((0, 40, 3), "uint8", 0, "no pixels"),
        ((30, 40, 3), "float32", 200, "divide by 255"),
        ((30, 40, 3), "float64", -2, "to_picture"),
        ((30, 40, 3), "float32", np.nan, "nan"),
        ((30, 40, 3), "int64", 9, "uint8"),
        ((30, 40, 3), "complex64", 0, "uint8"),
        ((30, 40, 3), "object", 0, "uint8"),
    ],
)
def test_arrays_that_are_no_picture(shape: tuple[int, ...], dtype: str, value: float, says: str) -> None:
    with pytest.raises(PictureError, match=says):
        open_image(np.full(shape, value, dtype=dtype))


@pytest.mark.parametrize(
    ("shape", "dtype", "value", "says"),
    [
        ((224, 224, 3), "uint8", 0, r"permute\(2, 0, 1\)"),
        ((8, 3, 30, 40), "float32", 0, "a batch of 8"),
        ((2, 30, 40), "float32", 0, r"expected \(3, H, W\)"),
        ((30,), "float32", 0, r"expected \(3, H, W\)"),
        ((3, 30, 40), "float32", 200, "divide by 255"),
        ((3, 30, 40), "float32", -2, "to_picture"),
        ((3, 30, 40), "int64", 2, "uint8"),
    ],
)
def test_tensors_that_are_no_picture(shape: tuple[int, ...], dtype: str, value: float, says: str) -> None:

    with pytest.raises(PictureError, match=says):
        open_image(torch.full(shape, value, dtype=getattr(torch, dtype)))
    with pytest.raises(PictureError):
        open_image(torch.full(shape, value, dtype=getattr(torch, dtype), device="meta"))


@pytest.mark.filterwarnings("ignore:.* has 16 bits")
@settings(deadline=None, max_examples=50)
@given(values=strategies.lists(strategies.integers(0, 65535), min_size=1, max_size=9))
def test_sixteen_bits_are_scaled_to_eight(values: list[int]) -> None:
    array = np.array([values], dtype=np.uint16)
    shown = [round(value / 65535 * 255) for value in values]
    file = encoded(Image.fromarray(array))
    for source in (array, Image.fromarray(array), file):
        assert np.asarray(open_image(source))[0, :, 0].tolist() == shown
    tiff = encoded(Image.fromarray(array.astype(np.int32)), "TIFF")  # mode I
    for source in (tiff, Image.open(io.BytesIO(tiff))):
        assert np.asarray(open_image(source))[0, :, 0].tolist() == shown


def test_modes_i_and_f() -> None:
    ramp = np.arange(256, dtype=np.int32)[None]
    for picture in (Image.fromarray(ramp), Image.fromarray(ramp.astype(np.float32))):
        assert np.array_equal(np.asarray(open_image(picture))[:, :, 1], ramp)
    assert np.array_equal(np.asarray(open_image(Image.fromarray(ramp.astype(np.float32) / 255)))[:, :, 1], ramp)
    with pytest.raises(PictureError, match="16 bits"):
        open_image(Image.fromarray(ramp * 1000))
    with pytest.raises(PictureError, match="divide by 255"):
        open_image(Image.fromarray(ramp.astype(np.float32) * 1000))


def test_sixteen_bits_that_come_out_nearly_black_are_said_and_stretched_on_request(tmp_path: Path) -> None:
    values = np.linspace(100, 4095, 48).astype(np.uint16).reshape(6, 8)
    stretched = np.round((values - 100.0) * 255 / 3995)
    path = tmp_path / "dim.png"
    Image.fromarray(values).save(path)
    for source in (values, Image.fromarray(values), Image.fromarray(values.astype(np.int32)), path, path.read_bytes()):
        with pytest.warns(UserWarning, match="only reach from 100 to 4095 of 0 to 65535, so it comes out nearly black"):
            dark = open_image(source)
        assert np.asarray(dark).max() == 16
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert np.array_equal(np.asarray(open_image(source, stretch=True))[:, :, 0], stretched)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for fine in (values * 16, np.full((3, 4), 700, dtype=np.uint16), np.array([[0, 8192]], dtype=np.uint16)):
            open_image(fine)
    with pytest.raises(PictureError, match=r"stretch=True"):
        open_image(Image.fromarray(values.astype(np.int32) * 100))
    assert np.array_equal(np.asarray(open_image(values.astype(np.int32) * 100, stretch=True))[:, :, 0], stretched)
    assert np.array_equal(np.asarray(open_image(values.astype(np.float64), stretch=True))[:, :, 0], stretched)


def test_a_tiff_of_twelve_bits_is_as_bright_as_it_says() -> None:
    """Two pixels of 12 bits: 0 and 4095, packed into three bytes."""
    tags = [(256, 2), (257, 1), (258, 12), (259, 1), (262, 1), (273, 8), (277, 1), (278, 1), (279, 3)]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    directory = struct.pack("<H", len(tags)) + entries + struct.pack("<I", 0)
    file = struct.pack("<2sHI", b"II", 42, 12) + b"\x00\x0f\xff\0" + directory
    assert np.asarray(open_image(file))[0, :, 0].tolist() == [0, 255]


@pytest.mark.parametrize("size", [(30, 40), (7, 90), (90, 7)])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P", "L", "1", "CMYK", "I;16", "I", "F", "turned"])
def test_strips_change_nothing(mode: str, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """A large picture is converted in strips: with strips of a few rows all pixels are as without."""
    picture = noise(*size)
    exif = Image.Exif()
    if mode in ("I;16", "I", "F"):
        dtype = {"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]
        values = np.random.default_rng(1).integers(0, 65536, size).astype(dtype)
        picture = Image.fromarray(values / np.float32(65535) if mode == "F" else values)
    elif mode != "turned":
        picture = noise(*size, mode=mode) if mode in ("RGBA", "LA") else picture.convert(mode)
    sources: list[object] = [picture, np.asarray(picture) if mode not in ("P", "LA", "I", "CMYK") else picture]
    if mode == "turned":
        for orientation in range(1, 9):
            exif[0x0112] = orientation
            sources.append(encoded(picture, exif=exif))
    whole = [open_image(source) for source in sources]
    monkeypatch.setattr(pixels, "_STRIP", 100)
    assert all(same(open_image(source), expected) for source, expected in zip(sources, whole, strict=True))


def png(kind: int, depth: int, row: bytes, clear: bytes, width: int = 2) -> bytes:
    """A PNG of one row with a transparent value (tRNS)."""
    header = struct.pack(">IIBBBBB", width, 1, depth, kind, 0, 0, 0)
    parts = [(b"IHDR", header), (b"tRNS", clear), (b"IDAT", zlib.compress(b"\0" + row)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(name, data) for name, data in parts)


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_the_transparent_grey_of_a_png_is_white_at_every_depth(depth: int) -> None:
    """Two pixels: the largest value, which is called transparent or is not, and 0."""
    largest = 2**depth - 1
    row = {1: b"\x80", 2: b"\xc0", 4: b"\xf0", 8: b"\xff\0", 16: b"\xff\xff\0\0"}[depth]
    assert [open_image(png(0, depth, row, struct.pack(">H", 0))).getpixel((k, 0)) for k in (0, 1)] == [(255,) * 3] * 2
    shown = open_image(png(0, depth, row, struct.pack(">H", largest)))
    assert [shown.getpixel((k, 0)) for k in (0, 1)] == [(255,) * 3, (0,) * 3]


def test_the_transparent_colour_of_a_png_of_48_bits() -> None:
    row = struct.pack(">6H", 0x1234, 0x5678, 0x9ABC, 0x2345, 0x5678, 0x9ABC)
    shown = open_image(png(2, 16, row, row[:6]))
    assert shown.getpixel((0, 0)) == (255, 255, 255) and shown.getpixel((1, 0)) == (0x23, 0x56, 0x9A)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_lies_on_white(mode: str) -> None:
    picture = noise(mode=mode)
    values = np.asarray(picture.convert("RGBA")).astype(float)
    alpha = values[:, :, 3:] / 255
    expected = values[:, :, :3] * alpha + 255 * (1 - alpha)
    for source in (picture, encoded(picture), encoded(picture, "WEBP", lossless=True, exact=True)):
        assert abs(np.asarray(open_image(source)) - expected).max() <= 1


def test_palettes_with_and_without_transparency() -> None:
    palette = PICTURE.quantize(16)
    assert same(open_image(encoded(palette)), palette.convert("RGB"))
    opened = np.asarray(open_image(encoded(palette, transparency=3)))
    clear = np.asarray(palette) == 3
    assert clear.any() and (opened[clear] == 255).all()
    assert np.array_equal(opened[~clear], np.asarray(palette.convert("RGB"))[~clear])
    single = encoded(Image.new("RGB", (2, 1), (9, 8, 7)), transparency=(9, 8, 7))  # one colour of an RGB file is clear
    assert open_image(single).getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize("mode", ["1", "L", "CMYK", "YCbCr", "HSV"])
def test_other_modes_as_pillow_converts_them(mode: str) -> None:
    picture = PICTURE.convert(mode)
    assert same(open_image(picture), picture.convert("RGB"))


def test_cmyk_files_keep_their_colours() -> None:
    red = Image.new("RGB", (32, 32), (200, 30, 40)).convert("CMYK")
    for format in ("JPEG", "TIFF"):
        colour = np.asarray(open_image(encoded(red, format)))[16, 16].astype(int)
        assert abs(colour - (200, 30, 40)).max() <= 4


def test_a_colour_mode_that_only_newer_pillows_convert() -> None:
    picture = Image.new("LAB", (3, 3))
    try:
        expected = picture.convert("RGB")
    except ValueError:
        with pytest.raises(PictureError, match="LAB"):
            open_image(picture)
    else:
        assert same(open_image(picture), expected)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_the_picture(orientation: int) -> None:
    """The eight orientations as the EXIF standard words them: where the stored row 0 and column 0 are to be seen."""
    stored = np.array(PICTURE)
    upright = {
        1: stored,
        2: stored[:, ::-1],
        3: stored[::-1, ::-1],
        4: stored[::-1],
        5: stored.transpose(1, 0, 2),
        6: stored[::-1].transpose(1, 0, 2),
        7: stored[::-1, ::-1].transpose(1, 0, 2),
        8: stored[:, ::-1].transpose(1, 0, 2),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    opened = open_image(encoded(PICTURE, exif=exif))
    assert np.array_equal(np.asarray(opened), upright)
    assert same(open_image(opened), opened)  # not turned twice


def test_damaged_exif_is_no_reason_to_refuse_a_picture() -> None:
    opened = open_image(encoded(PICTURE, exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\x01\x12broken"))
    assert same(opened, PICTURE)


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP", "TIFF"])
def test_the_first_frame_of_an_animation(format: str) -> None:
    first, second = Image.new("RGB", (20, 10), "white"), Image.new("RGB", (20, 10), "black")
    file = encoded(first, format, save_all=True, append_images=[second])
    assert open_image(file).getpixel((5, 5)) == (255, 255, 255)


# What is no picture.


@pytest.mark.parametrize("side", [11_000, 20_000, 2_000_000])
def test_a_decompression_bomb_is_refused_before_it_is_decoded(side: int) -> None:
    header = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    with pytest.raises(PictureError, match="too many pixels"):
        open_image(header + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b""))


def test_a_picture_above_pillows_limit_and_below_ours_is_opened_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for format in ("PNG", "JPEG", "GIF", "TIFF", "BMP", "ICO"):
            assert open_image(encoded(PICTURE, format)).size
    assert Image.MAX_IMAGE_PIXELS == 500  # as the learner has set it


def odd_exif() -> bytes:
    """A JPEG whose EXIF data announce more than they hold."""
    return encoded(PICTURE, "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\x01\0\x0e\x01\x02\0\xff\xff\0\0\x90\0\0\0")


def odd_animation() -> bytes:
    """A PNG that announces an animation of no frames."""
    data = encoded(PICTURE)
    return data[:33] + chunk(b"acTL", bytes(8)) + data[33:]


@pytest.mark.parametrize("odd", [odd_exif, odd_animation])
def test_what_pillow_warns_of_beside_the_pixels_is_not_shown(odd: Callable[[], bytes]) -> None:
    data = odd()
    with pytest.warns(UserWarning):
        Image.open(io.BytesIO(data)).getexif()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        before = list(warnings.filters)
        assert open_image(data).size == PICTURE.size
        assert warnings.filters == before  # the learner's own calls of Pillow still warn


@pytest.mark.parametrize("options", [{"quality": 60}, {"lossless": True}, {"exif": TURNED}], ids=str)
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_large_webp_is_what_pillow_makes_of_it(
    options: dict[str, Any], mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    still = encoded(noise(61, 47, mode), "WEBP", **options)
    animated = encoded(noise(), "WEBP", save_all=True, append_images=[Image.new("RGB", noise().size)])
    usual = [open_image(data) for data in (still, animated)]
    monkeypatch.setattr(images, "LARGE_WEBP", 0)
    decoded = []
    theirs = images.decode_webp
    monkeypatch.setattr(images, "decode_webp", lambda *given: decoded.append(theirs(*given)) or decoded[-1])
    assert all(same(open_image(data), picture) for data, picture in zip((still, animated), usual, strict=True))
    assert len(decoded) == 1  # the still one alone
    with pytest.raises(PictureError, match="damaged"):
        open_image(still[: len(still) // 2])


@pytest.mark.parametrize(
    "error",
    [MemoryError(), OSError("out of memory error when reading image file"), RuntimeError("can't allocate memory")],
)
def test_memory_that_runs_out_is_not_called_damage(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*given: object, **options: object) -> Image.Image:
        raise error

    for name in ("upright_rgb", "from_array"):
        monkeypatch.setattr(images, name, fails)
    for source in (PNG, PICTURE, np.zeros((30, 40), dtype=np.uint8)):
        with pytest.raises(PictureError, match="needs more memory than this computer has left"):
            open_image(source)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"<!DOCTYPE html>\n<html>", "web page"),
        (b"  <html><body>", "web page"),
        (b"%PDF-1.7\n", "PDF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b'<?xml version="1.0"?>\n<!-- Made by hand -->\n<svg width="3">', "SVG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "PostScript"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x18ftypisom\0\0\0\0", "video"),
        (b"PK\x03\x04\x14\0", "ZIP"),
        (b"\x93NUMPY\x01\0", "np.load"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        ("naïve notes, nothing more".encode(), "contains text that starts with 'naïve notes"),
        (b"\0\1\2\3" * 50, "formats read here"),
        (PNG[:200], "damaged or cut-off"),
        (PNG[:20], "damaged or cut-off"),
        (encoded(noise(200, 200), "JPEG")[:3000], "damaged or cut-off"),
    ],
)
def test_a_file_that_is_no_picture_is_named_in_one_sentence(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "cat.jpg"
    path.write_bytes(content)
    with pytest.raises(PictureError) as error:
        open_image(path)
    message = str(error.value)
    assert str(path) in message and says in message and "\n" not in message and message.endswith(".")


def test_a_path_that_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "camel.jpg").write_bytes(PNG)
    with pytest.raises(PictureError, match=r"There is no file .*Did you mean 'camel\.jpg'\?"):
        open_image(tmp_path / "cammel.jpg")
    with pytest.raises(PictureError, match=r"the folder .* does not exist"):
        open_image(tmp_path / "nowhere" / "camel.jpg")
    with pytest.raises(PictureError, match="is a folder"):
        open_image(tmp_path)
    with pytest.raises(PictureError, match="zero byte"):
        open_image("\x89PNG\0")
    for odd in ("", " ", "x" * 5000):
        with pytest.raises(PictureError):
            open_image(odd)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(PictureError, match="ordinary file"):
            open_image(tmp_path / "pipe")


ODD_PATHS = (
    "~nobody-of-that-name/x.png",
    "a\0b",
    "x" * 300 + "/y.png",
    "x" * 5000,
    "lone \ud800 surrogate",
    "caf\udce9.png",
)


@pytest.mark.parametrize("path", ODD_PATHS)
@pytest.mark.parametrize("call", [open_image, list_images, open_folder, write_folder])
def test_an_odd_path_ends_in_a_sentence_that_can_be_printed(
    call: Callable[..., object], path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if call is write_folder and path == "caf\udce9.png":
        return  # a name in another encoding, which a folder may have
    with pytest.raises((PictureError, PictureBookError)) as error:
        call(path)
    assert str(error.value).isprintable() and len(str(error.value)) < 700


@pytest.mark.parametrize("call", [list_images, open_folder, write_folder])
@pytest.mark.parametrize("path", [None, 3, ["a"], object()])
def test_what_is_no_path(call: Callable[..., object], path: object) -> None:
    with pytest.raises(PictureError, match="is not a path: expected a str"):
        call(path)


@pytest.mark.skipif(os.name == "nt", reason="file names are Unicode there")
def test_names_in_another_encoding_and_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    latin = tmp_path / "caf\udce9.png"
    try:
        latin.write_bytes(PNG)
    except OSError:
        pytest.skip("this file system takes no such names")
    assert same(open_image(latin), PICTURE) and list_images(tmp_path) == [latin]
    latin.write_bytes(b"<html>")
    with pytest.raises(PictureError, match=r"caf\\udce9\.png is not a picture"):
        open_image(latin)
    (tmp_path / "to nothing.png").symlink_to(tmp_path / "gone.png")
    (tmp_path / "round.png").symlink_to(tmp_path / "round.png")
    assert len(list_images(tmp_path)) == 3
    with pytest.raises(PictureError, match=r"is a link to .*gone\.png, and there is no such file"):
        open_image(tmp_path / "to nothing.png")
    with pytest.raises(PictureError, match="cannot be looked at"):
        open_image(tmp_path / "round.png")
    monkeypatch.chdir(tmp_path)
    Path("./~x").mkdir()
    Path("./~x/a.png").write_bytes(PNG)
    assert len(list_images("./~x")) == 1 and same(open_image("./~x/a.png"), PICTURE)


def test_linked_folders_are_looked_into_once(tmp_path: Path) -> None:
    for label in ("ant", "bee"):
        (tmp_path / "real" / label).mkdir(parents=True)
        (tmp_path / "real" / label / "1.png").write_bytes(PNG)
        (tmp_path / "linked").mkdir(exist_ok=True)
        (tmp_path / "linked" / label).symlink_to(tmp_path / "real" / label, target_is_directory=True)
    (tmp_path / "real" / "ant" / "back").symlink_to(tmp_path / "linked", target_is_directory=True)
    listed = [
        path.relative_to(tmp_path / "linked").as_posix() for path in list_images(tmp_path / "linked", recursive=True)
    ]
    assert listed == ["ant/1.png", "bee/1.png"]
    assert open_folder(tmp_path / "linked").counts["bee"] == 1


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="rights are another matter there")
def test_without_rights() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for label in ("ant", "bee"):
            (folder / label).mkdir()
            (folder / label / "1.png").write_bytes(PNG)
        folder.chmod(0o755)
        (folder / "ant").chmod(0)
        user = os.geteuid()
        if user == 0:  # root may read everything, and is somebody else for a moment
            os.seteuid(65534)
        try:
            for call in (list_images, open_folder):
                with pytest.raises(PictureError, match="cannot be read: Permission denied"):
                    call(folder / "ant" if call is list_images else folder)
            with pytest.raises(PictureError, match="cannot be looked at: Permission denied"):
                open_image(folder / "ant" / "1.png")
        finally:
            os.seteuid(user)
            (folder / "ant").chmod(0o700)


@pytest.mark.parametrize("extensions", [None, 3, ("png", None)])
def test_extensions_that_are_none(extensions: Any, tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="extensions="):
        list_images(tmp_path, extensions)


@pytest.mark.parametrize("address", ["ftp://ada:secret@a.b/cat.png", "file:///etc/passwd", "data:image/png;base64,AA"])
def test_other_kinds_of_address(address: str) -> None:
    with pytest.raises(PictureError, match="isn't an http:// or https:// address") as error:
        open_image(address)
    assert "secret" not in str(error.value)


def test_file_objects_that_cannot_be_read(path: Path) -> None:
    with path.open("rb") as file:
        file.read()
        with pytest.raises(PictureError, match=r"seek\(0\)"):
            open_image(file)
    with pytest.raises(PictureError, match="cannot be read"):
        open_image(file)  # closed by now
    with pytest.raises(PictureError, match="opened as text"):
        open_image(io.StringIO("cat"))


@settings(deadline=None, max_examples=150)
@given(data=strategies.data())
def test_a_damaged_file_gives_a_picture_or_a_sentence(data: strategies.DataObject) -> None:
    options = strategies.sampled_from(["PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP"])
    content = bytearray(encoded(PICTURE, data.draw(options)))
    for _ in range(data.draw(strategies.integers(1, 4))):
        content[data.draw(strategies.integers(0, len(content) - 1))] = data.draw(strategies.integers(0, 255))
    del content[data.draw(strategies.integers(1, len(content))) :]
    try:
        assert open_image(content).mode == "RGB"
    except PictureError as error:
        assert str(error)


# Folders.


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    for name in ("b10.jpg", "b9.JPG", "a.png", "B1.jpeg", "notes.txt", "data.csv", "more.csv", ".hidden.jpg", "none"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "inner.jpg").mkdir()
    yield tmp_path


def test_a_folder_is_listed_naturally(folder: Path) -> None:
    assert [path.name for path in list_images(folder)] == ["a.png", "B1.jpeg", "b9.JPG", "b10.jpg"]
    assert [path.name for path in list_images(str(folder), ".JPG")] == ["b9.JPG", "b10.jpg"]
    assert [path.name for path in list_images(folder, ("png", "*.jpeg"))] == ["a.png", "B1.jpeg"]


def test_a_folder_without_such_pictures_says_what_is_there(folder: Path) -> None:
    with pytest.raises(PictureError) as error:
        list_images(folder, ["gif", ".WEBP"])
    message = str(error.value)
    for part in (str(folder), ".gif, .webp", "2 .csv", "2 .jpg", "1 .txt", "1 (none)", "the folders inner.jpg"):
        assert part in message
    with pytest.raises(PictureError, match="no files"):
        list_images(folder / "inner.jpg")
    with pytest.raises(PictureError, match=r"is a file"):
        list_images(folder / "a.png")
    with pytest.raises(PictureError, match=r"does not exist\. Did you mean 'inner.jpg'"):
        list_images(folder / "iner.jpg")


@settings(deadline=None, max_examples=100)
@given(numbers=strategies.sets(strategies.integers(0, 10**12), max_size=8), prefix=strategies.sampled_from("aé_- "))
def test_numbers_sort_as_numbers(numbers: set[int], prefix: str) -> None:
    paths = [Path(f"{prefix}{number}.jpg") for number in sorted(numbers)]
    mixed = random.Random(0).sample(paths, len(paths))
    assert sorted(mixed, key=images._natural) == paths


@settings(max_examples=100)
@example(names=["0", "\u1b50"])  # a digit that is none of 0 to 9
@given(names=strategies.lists(strategies.text(min_size=1), max_size=6))
def test_any_two_names_can_be_compared(names: list[str]) -> None:
    assert len(sorted((Path(name) for name in names), key=images._natural)) == len(names)
