"""`Still`: a rendered figure (PNG or JPEG bytes) with its alt text, and pictures laid on a figure.

Everything is drawn off-screen on matplotlib's Figure, without pyplot. Places are (left, bottom, width, height) as
shares of the figure, as matplotlib has them.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from PIL import Image

from course_lib.drawing.figure_html import figure_html
from course_lib.drawing.spots import Spot
from course_lib.progress import in_notebook

__all__ = [
    "BLUE",
    "GREEN",
    "GREY",
    "INK",
    "ORANGE",
    "Place",
    "Still",
    "draw_frame",
    "draw_kept",
    "draw_picture",
    "new_figure",
    "shortened",
    "stacked",
    "still",
]

Place = tuple[float, float, float, float]

# Okabe and Ito's palette (https://jfly.uni-koeln.de/color/): distinct for every common kind of colour blindness.
BLUE, ORANGE, GREEN, GREY, INK = "#0072B2", "#D55E00", "#009E73", "#9A9A9A", "#222222"
_MOST_BYTES = 160_000  # of one picture in a notebook
PIXELS = 90  # pixels of a sheet to an inch of a figure: a text of 9 points is 11 of them high
DOTS = 2 * PIXELS  # sharp on a dense screen
PAGE = 860  # pixels of a sheet: the widest figure
#: CSS pixels in a notebook for each pixel of a sheet: the widest figure fills the text column of JupyterLab on a laptop
#: (1075 CSS pixels; a narrower column shrinks it), and a text of 8 points, the smallest, is 12 CSS pixels high.
ZOOM = 1.25


@dataclass(frozen=True)
class Still:
    """A rendered figure.

    Attributes:
        data: its bytes.
        format: "png" for charts, "jpeg" for figures that are mostly photographs, so that notebooks stay light.
        width: how wide to show it, in CSS pixels.
        alt: what it shows, for those who cannot see it.
        spots: its regions that answer to the pointer where it is shown in a widget.
        links: (words, address) of what can be opened from it; a widget writes them below the picture.
    """

    data: bytes
    format: str
    width: int
    alt: str
    spots: tuple[Spot, ...] = field(default=(), repr=False, compare=False)
    links: tuple[tuple[str, str], ...] = field(default=(), repr=False, compare=False)

    def __repr__(self) -> str:
        return self.alt

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict[str, Any], dict[str, Any]]:
        data, how = self.bundle()
        if self.spots and in_notebook() and os.environ.get("COURSE_TOUCH", "1") != "0":
            html = figure_html(self.data, self.format, self.width, self.alt, self.spots)
            data |= {"text/html": html} if html else {}
        return data, how

    def bundle(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The plain picture and its description by MIME type, and their metadata, as a saved notebook keeps them."""
        kind = f"image/{self.format}"
        return {kind: self.data, "text/plain": self.alt}, {kind: {"width": self.width, "alt": self.alt}}

    def open(self) -> Image.Image:
        """The picture as a PIL image."""
        return Image.open(io.BytesIO(self.data))


def still(figure: Figure, alt: str, *, photo: bool = False, spots: Iterable[Spot] = (),
          links: Iterable[tuple[str, str]] = (), dots: float = DOTS / PIXELS) -> Still:  # fmt: skip
    """Render a matplotlib figure; an inch of it is ``PIXELS`` pixels of a sheet, shown ``ZOOM`` times as large.

    Args:
        figure: what to render.
        alt: what it shows, in a sentence.
        photo: whether it is mostly photographs; then it is encoded as JPEG.
        spots: what can be touched.
        links: (words, address) of what can be opened.
        dots: of a photograph's figure, a pixel of its sheet; 1.5 halves the file, for a lesson with many of them.

    Example:
        >>> figure = Figure(figsize=(2, 1))
        >>> still(figure, "nothing").open().size
        (360, 180)
    """
    canvas = FigureCanvasAgg(figure)
    figure.set_dpi(DOTS)
    canvas.draw()
    rendered = np.asarray(canvas.buffer_rgba())
    if photo:
        picture = Image.fromarray(rendered).convert("RGB")
        if dots < DOTS / PIXELS:
            size = (round(dots * PIXELS / DOTS * picture.width), round(dots * PIXELS / DOTS * picture.height))
            picture = picture.resize(size, Image.Resampling.LANCZOS)
        data = _jpeg(picture, most=round(_MOST_BYTES * (dots * PIXELS / DOTS) ** 2))
    else:
        file = io.BytesIO()
        _few_colours(rendered).save(file, "png", compress_level=4)
        data = file.getvalue()
    return Still(
        data, "jpeg" if photo else "png", round(figure.get_figwidth() * PIXELS * ZOOM), alt, tuple(spots), tuple(links)
    )


def stacked(above: Still, below: Still) -> Still:
    """Two stills, one above the other, each with its spots; a photograph if one of them is."""
    pictures = [shown.open().convert("RGB") for shown in (above, below)]
    width, height = max(picture.width for picture in pictures), sum(picture.height for picture in pictures)
    sheet = Image.new("RGB", (width, height), "white")
    spots, top = [], 0
    for shown, picture in zip((above, below), pictures, strict=True):
        sheet.paste(picture, (0, top))
        for spot in shown.spots:
            left, down, wide, tall = spot.box
            box = (left * picture.width / width, (top + down * picture.height) / height, wide * picture.width / width,
                   tall * picture.height / height)  # fmt: skip
            spots.append(replace(spot, box=box))
        top += picture.height
    photo = "jpeg" in (above.format, below.format)
    data = _jpeg(sheet, most=_MOST_BYTES) if photo else _png(sheet)
    alt = f"{above.alt}. {below.alt}"
    return Still(
        data, "jpeg" if photo else "png", max(above.width, below.width), alt, tuple(spots), above.links + below.links
    )


def _png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.quantize(128, dither=Image.Dither.NONE).save(file, "png", compress_level=4)
    return file.getvalue()


def _few_colours(rendered: NDArray[np.uint8]) -> Image.Image:
    """White and 127 more; most dots of a chart are white, and to choose for the others alone takes half the time.

    Args:
        rendered: (height, width, 4), opaque.
    """
    dots = rendered.view(np.uint32)[..., 0]
    ink = dots != np.uint32(0xFFFFFFFF)
    others = Image.fromarray(rendered[ink][None]).convert("RGB") if ink.any() else Image.new("RGB", (1, 1))
    chosen = others.quantize(127, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    palette = (chosen.getpalette() or [])[: 3 * 127]
    places = np.full(dots.shape, 127, np.uint8)
    places[ink] = np.asarray(chosen)[0] if ink.any() else 0
    picture = Image.frombytes("P", (rendered.shape[1], rendered.shape[0]), places.tobytes())
    picture.putpalette([*palette, *[0] * (3 * 127 - len(palette)), 255, 255, 255])
    return picture


def _jpeg(picture: Image.Image, *, most: int) -> bytes:
    """The best quality that fits: noise takes many bytes, and nobody misses its finest grain in a saved notebook."""
    first = 0
    for quality, least in ((86, 0.0), (74, 0.70), (60, 0.54), (45, 0.0)):
        if first * least > most:  # even a picture that shrinks well would not fit: do not try
            continue
        file = io.BytesIO()
        picture.save(file, "jpeg", quality=quality)
        first = first or file.tell()
        if file.tell() <= most:
            break
    return file.getvalue()


def new_figure(width: float, height: float, **how: Any) -> Figure:
    """A white figure, ``width`` × ``height`` in hundreds of CSS pixels."""
    return Figure(figsize=(width * 100 / PIXELS, height * 100 / PIXELS), dpi=DOTS, facecolor="white", **how)


def shortened(label: str, letters: int = 16) -> str:
    """``label`` in at most ``letters`` letters, cut where it says so.

    Example:
        >>> shortened("goldfish", 8), shortened("soft-coated wheaten terrier", 12)
        ('goldfish', 'soft-coated…')
    """
    return label if len(label) <= letters else label[: letters - 1].rstrip() + "…"


# -- pictures ---------------------------------------------------------------------------------------------------------
class _Photo(Artist):
    """Pixels laid on the figure as they are; matplotlib's own images resample, which takes ten times as long."""

    def __init__(self, pixels: NDArray[np.uint8], left: int, bottom: int) -> None:
        super().__init__()
        self._pixels, self._left, self._bottom = pixels, left, bottom
        self.set_zorder(0)

    def draw(self, renderer: Any) -> None:
        opaque = np.array(Image.fromarray(self._pixels[::-1]).convert("RGBA"))  # matplotlib wants it writeable
        renderer.draw_image(renderer.new_gc(), self._left, self._bottom, opaque)


def draw_picture(figure: Figure, place: Place, picture: Image.Image, *, anchor: str = "C") -> Place:
    """Draw a picture as large as it fits, in the middle of its place or ("N") at its top; returns where it lies."""
    return _lay(figure, place, picture, anchor)[1]


def draw_kept(
    figure: Figure,
    place: Place,
    picture: Image.Image,
    box: tuple[float, float, float, float],
    *,
    anchor: str = "C",
) -> Place:
    """Draw a picture greyed out outside ``box`` (left, top, right, bottom; its own pixels), which gets a frame."""
    photo, where = _lay(figure, place, picture, anchor)
    tall, wide = photo._pixels.shape[:2]
    across, down = wide / picture.width, tall / picture.height
    left, right = (min(max(round(edge * across), 0), wide) for edge in box[::2])
    top, bottom = (min(max(round(edge * down), 0), tall) for edge in box[1::2])
    grey = photo._pixels.mean(2, keepdims=True, dtype=np.float32) * 0.35 + 150
    shown = np.repeat(grey.astype(np.uint8), 3, 2)
    shown[top:bottom, left:right] = photo._pixels[top:bottom, left:right]
    photo._pixels = shown
    draw_frame(figure, where, picture.size, box)
    return where


def draw_frame(
    figure: Figure,
    where: Place,
    size: tuple[int, int],
    box: tuple[float, float, float, float],
    *,
    color: str = ORANGE,
    dashed: bool = False,
) -> None:
    """A frame on a picture that lies at ``where``: ``box`` is (left, top, right, bottom) of its ``size`` in pixels."""
    x, y, width, height = where
    left, right = (min(max(edge / size[0], 0), 1) for edge in box[::2])
    top, bottom = (min(max(edge / size[1], 0), 1) for edge in box[1::2])
    corner, sides = (x + width * left, y + height * (1 - bottom)), (width * (right - left), height * (bottom - top))
    dashes = (0, (4, 2)) if dashed else "-"
    _add(figure, Rectangle(corner, *sides, fill=False, edgecolor=color, linewidth=2, linestyle=dashes))


def _lay(figure: Figure, place: Place, picture: Image.Image, anchor: str) -> tuple[_Photo, Place]:
    wide, tall = figure.get_size_inches() * DOTS
    left, bottom, width, height = place[0] * wide, place[1] * tall, place[2] * wide, place[3] * tall
    zoom = min(width / picture.width, height / picture.height)
    size = (max(1, round(picture.width * zoom)), max(1, round(picture.height * zoom)))
    way = Image.Resampling.BICUBIC if zoom < 3 else Image.Resampling.NEAREST
    rgb = picture if picture.mode == "RGB" else picture.convert("RGB")
    pixels = np.asarray(rgb if rgb.size == size else rgb.resize(size, way))
    x = round(left + (width - size[0]) / 2)
    y = round(bottom + (height - size[1]) * (1 if anchor == "N" else 0.5))
    photo = _Photo(pixels, x, y)
    figure.add_artist(photo)
    return photo, (x / wide, y / tall, size[0] / wide, size[1] / tall)


def _add(figure: Figure, *artists: Artist) -> None:
    for artist in artists:
        artist.set_transform(figure.transFigure)
        figure.add_artist(artist)
