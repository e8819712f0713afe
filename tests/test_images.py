"""Pictures in every form a learner may bring them; Pillow, NumPy and torchvision write them and are the oracle."""

from __future__ import annotations

import io
import os
import random
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies
from PIL import Image

from course_lib.errors import DownloadError, PictureError
from course_lib.pictures import images
from course_lib.pictures.images import list_images, open_image


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


PICTURE = noise()
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
    with pytest.raises(PictureError, match="is no picture: expected a path"):
        open_image(source)


# What the pixels mean.


def test_arrays_and_tensors() -> None:
    import torch
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
    import torch

    with pytest.raises(PictureError, match=says):
        open_image(torch.full(shape, value, dtype=getattr(torch, dtype)))
    with pytest.raises(PictureError):
        open_image(torch.full(shape, value, dtype=getattr(torch, dtype), device="meta"))


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


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


@pytest.mark.parametrize("side", [11_000, 20_000, 2_000_000])
def test_a_decompression_bomb_is_refused_before_it_is_decoded(side: int) -> None:
    header = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    with pytest.raises(PictureError, match="too many pixels"):
        open_image(header + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b""))


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
        (b"\0\0\0\x18ftypisom\0\0\0\0", "film"),
        (b"PK\x03\x04\x14\0", "ZIP"),
        (b"\x93NUMPY\x01\0", "np.load"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        ("naïve notes, nothing more".encode(), "text, beginning with 'naïve notes"),
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
@given(names=strategies.lists(strategies.text(min_size=1), max_size=6))
def test_any_two_names_can_be_compared(names: list[str]) -> None:
    assert len(sorted((Path(name) for name in names), key=images._natural)) == len(names)
