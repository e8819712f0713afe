"""A scene of the picture book: ``scene(label, seed=...)`` is a picture with the truth about it.

A pure function: the same label, seed, size and difficulty give the same pixels on every run. The object is painted on
a layer of its own at twice the size and reduced; the layer's alpha, less what stands in front, is the true mask.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.transforms import Affine2D
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from picturebook.backgrounds import PLACES, paint_place
from picturebook.canvas import Brush
from picturebook.classes import ALL_CLASSES, OBJECTS, Drawing
from picturebook.clutter import COVERS, DISTRACTORS
from picturebook.difficulty import DIFFICULTIES, Difficulty
from picturebook.errors import PictureBookError, did_you_mean

__all__ = ["Box", "Scene", "Thing", "scene"]

Box = tuple[int, int, int, int]
Where = tuple[float, float, float]
Light = tuple[float, float, float]  # across, up, strength
Floats = NDArray[np.float32]

_LARGEST = 4096


@dataclass(frozen=True, eq=False)
class Thing:
    """One object: its label, its box (left, top, right, bottom; the last two outside), its mask (H, W)."""

    label: str
    box: Box
    mask: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Scene:
    """A drawn picture and the truth about it.

    Attributes:
        picture: RGB.
        things: what was looked for, in the order given; ``label``, ``box`` and ``mask`` are the first one's.
        seed, difficulty: what it was drawn from.
    """

    picture: Image.Image
    things: tuple[Thing, ...]
    seed: int
    difficulty: str

    @property
    def label(self) -> str:
        """The class of the (first) object; "nothing" for an empty scene."""
        return self.things[0].label if self.things else "nothing"

    @property
    def box(self) -> Box:
        """Where the visible part of it is, in pixels: left, top, right, bottom, the last two outside."""
        return self.things[0].box if self.things else (0, 0, 0, 0)

    @property
    def mask(self) -> NDArray[np.bool_]:
        """(H, W), true where it is visible."""
        return self.things[0].mask if self.things else np.zeros(self.picture.size[::-1], bool)

    def _repr_png_(self) -> bytes | None:
        return self.picture._repr_png_()


def scene(
    label: str | Sequence[str],
    *,
    seed: int,
    size: tuple[int, int] = (224, 224),
    difficulty: str = "standard",
    where: Where | Sequence[Where] | None = None,
) -> Scene:
    """Draw a scene.

    Args:
        label: one of the twelve classes, several for several objects, or none, ``()``, for an empty place.
        seed: any whole number from 0; another one is another picture.
        size: height and width in pixels, each from 16 to 4096.
        difficulty: "easy", "standard", "hard" or "extreme".
        where: (x, y, side) of the object's square: its centre as shares of width and height from the upper left, its
            side as a share of the shorter side. One for each label; without it, chance decides. What lies outside
            the picture is cut off; where nothing is left to be seen, the box is (0, 0, 0, 0).

    Returns:
        A :class:`Scene`.

    Raises:
        PictureBookError: an unknown label or difficulty, a size or a place that makes no sense.

    Example:
        >>> drawn = scene("camel", seed=7, size=(120, 160))
        >>> drawn.picture.size, drawn.label, drawn.mask.shape
        ((160, 120), 'camel', (120, 160))
        >>> left, top, right, bottom = drawn.box
        >>> bool(drawn.mask[top:bottom, left:right].sum() == drawn.mask.sum())
        True
    """
    labels, dial = checked(label, seed=seed, size=size, difficulty=difficulty)
    height, width = (int(n) for n in size)
    spots = _spots_given(labels, where)
    numbers = [seed, height, width, list(DIFFICULTIES).index(difficulty), *(ALL_CLASSES.index(one) for one in labels)]
    placing, place, objects, about, front, finish = (
        np.random.default_rng(s) for s in np.random.SeedSequence(numbers).spawn(6)
    )

    spots = spots or _choose_spots(placing, dial, height, width, max(1, len(labels)))
    _, y, side = spots[0]
    kinds = OBJECTS[labels[0]].home if labels and place.random() < dial.at_home else tuple(PLACES)
    feet = 1 - (y * height + side * min(size) * 0.45) / height
    horizon = feet + place.uniform(0.08, 0.6) * side * min(size) / height
    canvas = paint_place(place, height, width, kinds[int(place.integers(len(kinds)))], horizon)

    sun = placing.uniform(0.15, 0.85) * np.pi  # the direction the light comes from: always from above
    light = (float(np.cos(sun)), float(np.sin(sun)), placing.uniform(*dial.light))
    for _ in range(int(about.integers(dial.distractors[0], dial.distractors[1] + 1))):
        draw = DISTRACTORS[int(about.integers(len(DISTRACTORS)))]
        spot = (
            about.uniform(0, 1),
            float(np.clip(1 - feet + about.uniform(-0.25, 0.2), 0.1, 1)),
            about.uniform(0.12, 0.4),
        )
        _lay(canvas, _paint(draw, about, height, width, spot, about.uniform(-12, 12)), light, "stands", 0.0)

    alphas: list[Floats] = []
    for one, spot in zip(labels, spots, strict=False):  # an empty scene has a spot, but nothing on it
        layer = _paint(OBJECTS[one].draw, objects, height, width, spot, objects.uniform(-dial.turn, dial.turn))
        _lay(canvas, layer, light, OBJECTS[one].stance, objects.uniform(*dial.fade))
        alphas = [layer.hide(alpha) for alpha in alphas]
        alphas.append(np.zeros((height, width), np.float32))
        alphas[-1][layer.window] = layer.pixels[:, :, 3]

    if alphas and front.random() < dial.covered:
        alphas = _cover(front, canvas, alphas, spots[0], light)
    picture = _finish(finish, canvas, dial)
    things = tuple(Thing(one, _box(alpha > 0.5), alpha > 0.5) for one, alpha in zip(labels, alphas, strict=True))
    return Scene(picture, things, seed, difficulty)


# -- what was asked for ------------------------------------------------------------------------------------------------
def checked(
    label: str | Sequence[str], *, seed: int, size: tuple[int, int], difficulty: str
) -> tuple[tuple[str, ...], Difficulty]:
    """The labels and the dial's setting, once it is sure that the scene can be drawn."""
    labels = (label,) if isinstance(label, str) or not isinstance(label, Iterable) else tuple(label)
    for one in labels:
        if not isinstance(one, str) or one not in OBJECTS:
            near = did_you_mean(one, ALL_CLASSES, 1) if isinstance(one, str) else ""
            raise PictureBookError(f"The picture book has no {one!r}; it has {', '.join(ALL_CLASSES)}.{near}")
    if not isinstance(difficulty, str) or difficulty not in DIFFICULTIES:
        near = did_you_mean(difficulty, DIFFICULTIES, 1) if isinstance(difficulty, str) else ""
        raise PictureBookError(f"difficulty={difficulty!r} is none of {', '.join(DIFFICULTIES)}.{near}")
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise PictureBookError(f"seed={seed!r}: a seed is a whole number from 0, such as seed=7.")
    edges = tuple(size) if isinstance(size, Iterable) else ()
    if len(edges) != 2 or not all(isinstance(n, int | np.integer) and 16 <= n <= _LARGEST for n in edges):
        raise PictureBookError(
            f"size={size!r}: give (height, width) in pixels, each from 16 to {_LARGEST}, such as (224, 224)."
        )
    return labels, DIFFICULTIES[difficulty]


def _spots_given(labels: tuple[str, ...], where: Where | Sequence[Where] | None) -> list[Where]:
    if where is None:
        return []
    try:
        spots = np.asarray(where, float).reshape(len(labels), 3)
    except (TypeError, ValueError):
        raise PictureBookError(
            f"where={where!r}: give (x, y, side) for each of the {len(labels)} label(s), such as (0.8, 0.7, 0.5)."
        ) from None
    inside = (spots[:, :2] >= -1) & (spots[:, :2] <= 2)
    if not inside.all() or not ((spots[:, 2] > 0) & (spots[:, 2] <= 4)).all():
        raise PictureBookError(
            f"where={where!r}: x, y and side are shares of the picture, not pixels: its middle is (0.5, 0.5), and a "
            "side of 1 is as long as the picture's shorter side. Give a side of at most 4."
        )
    return [(float(x), float(y), float(side)) for x, y, side in spots]


def _choose_spots(rng: np.random.Generator, dial: Difficulty, height: int, width: int, count: int) -> list[Where]:
    """Squares inside the picture; several of them stand side by side, from left to right."""
    spots = []
    for k in range(count):
        lane = width / count
        side = rng.uniform(*dial.size) * min(height, lane)
        spare_x, spare_y = (lane - side) / 2 + dial.cut * side, (height - side) / 2 + dial.cut * side
        x = (k + 0.5) * lane + rng.uniform(-1, 1) * spare_x
        y = height / 2 + rng.uniform(-1, 1) * spare_y
        spots.append((float(x / width), float(y / height), float(side / min(height, width))))
    return spots


# -- layers: floats, colours premultiplied by alpha --------------------------------------------------------------------
@dataclass(frozen=True, eq=False)
class _Layer:
    """A painted thing, cut to the picture: (h, w, 4) pixels whose upper left cell lies at (left, top)."""

    pixels: Floats
    left: int
    top: int

    @property
    def window(self) -> tuple[slice, slice]:
        """The rows and columns of the picture that it lies on."""
        height, width = self.pixels.shape[:2]
        return slice(self.top, self.top + height), slice(self.left, self.left + width)

    def hide(self, alpha: Floats) -> Floats:
        """What is left to be seen of ``alpha`` (H, W) behind this layer."""
        left_over = alpha.copy()
        left_over[self.window] *= 1 - self.pixels[:, :, 3]
        return left_over


def _paint(draw: Drawing, rng: np.random.Generator, height: int, width: int, spot: Where, angle: float) -> _Layer:
    """One object on a layer of its own, drawn at twice the size and reduced."""
    side = spot[2] * min(height, width)
    half = max(4, int(np.ceil(side * 0.78)))  # room for the turned square
    flip = bool(rng.random() < 0.5)
    to_pixels = Affine2D().scale(-side if flip else side, side).rotate_deg(angle).translate(2 * half, 2 * half)
    brush = Brush(4 * half, 4 * half, to_pixels)
    draw(brush, rng)
    full = Image.fromarray(brush.pixels())
    x0, y0, x1, y1 = full.getbbox() or (0, 0, 0, 0)
    x0, y0 = x0 & ~1, y0 & ~1  # pairs of pixels become one
    corner_x, corner_y = round(spot[0] * width) - half + x0 // 2, round(spot[1] * height) - half + y0 // 2
    small = full.crop((x0, y0, x1 + x1 % 2, y1 + y1 % 2)).convert("RGBa").reduce(2)
    left, top = max(corner_x, 0), max(corner_y, 0)
    right = max(min(corner_x + small.width, width), left)
    bottom = max(min(corner_y + small.height, height), top)
    seen = small.crop((left - corner_x, top - corner_y, right - corner_x, bottom - corner_y))
    pixels = np.asarray(seen, np.float32).reshape(seen.height, seen.width, 4) / np.float32(255)
    return _Layer(pixels, min(left, width), min(top, height))


def _lay(canvas: Floats, layer: _Layer, light: Light, stance: str, fade: float) -> None:
    """Put a layer on the canvas, lit from one side, over its shadow."""
    if 0 in layer.pixels.shape:
        return
    _shadow(canvas, layer, light, stance)
    alpha, color = layer.pixels[:, :, 3:], layer.pixels[:, :, :3]
    under = canvas[layer.window]
    if fade:
        color = color * (1 - fade) + under.mean((0, 1)) * alpha * fade
    reach = max(1.0, 0.07 * max(alpha.shape))
    edge = int(reach) + 1
    hill = _blurred(np.pad(alpha[:, :, 0], edge), reach)
    down = (hill[2:, 1:-1] - hill[:-2, 1:-1])[edge - 1 : 1 - edge or None, edge - 1 : 1 - edge or None]
    across = (hill[1:-1, 2:] - hill[1:-1, :-2])[edge - 1 : 1 - edge or None, edge - 1 : 1 - edge or None]
    shade = (np.clip((down * light[1] - across * light[0]) * reach * 1.1, -1, 1) * light[2])[:, :, None]
    lit = color * (1 + shade) + np.maximum(shade, 0) * alpha * 0.25
    canvas[layer.window] = under * (1 - alpha) + np.clip(lit, 0, 1)


def _shadow(canvas: Floats, layer: _Layer, light: Light, stance: str) -> None:
    """Darken the ground: what stands throws its outline backwards along it, what lies only a rim."""
    if stance == "floats":
        return
    tall, wide = layer.pixels.shape[:2]
    flatter, lean, slip = (0.22, light[0] * 1.2, 0.0) if stance == "stands" else (1.0, 0.0, 0.05 * tall)
    room = int(0.3 * tall) + 4
    rows, columns = canvas.shape[:2]
    x0, x1 = max(layer.left - room, 0), min(layer.left + wide + room, columns)
    y0 = max(layer.top + (int(0.7 * tall) - 4 if stance == "stands" else -4), 0)
    y1 = min(layer.top + tall + room, rows)
    # Which point of the outline darkens (x, y): back by the lean, up again from the feet by 1 / flatter.
    bottom = layer.top + tall
    matrix = (
        1, -lean, x0 + lean * (bottom - y0) - layer.left + light[0] * slip,
        0, 1 / flatter, tall - (bottom + slip - y0) / flatter,
    )  # fmt: skip
    outline = Image.fromarray((layer.pixels[:, :, 3] * 255).astype(np.uint8))
    thrown = outline.transform((x1 - x0, y1 - y0), Image.Transform.AFFINE, matrix)
    soft = thrown.filter(ImageFilter.BoxBlur(max(1.0, tall * 0.035)))
    canvas[y0:y1, x0:x1] *= 1 - np.asarray(soft, np.float32)[:, :, None] * ((0.25 + 0.35 * light[2]) / 255)


def _cover(rng: np.random.Generator, canvas: Floats, alphas: list[Floats], spot: Where, light: Light) -> list[Floats]:
    """Put something in front of the first object; not if that would leave less than half of it to be seen."""
    height, width = alphas[0].shape
    share = min(height, width)
    draw = COVERS[int(rng.integers(len(COVERS)))]
    x = spot[0] + rng.uniform(-0.45, 0.45) * spot[2] * share / width
    y = spot[1] + rng.uniform(0.2, 0.55) * spot[2] * share / height
    layer = _paint(draw, rng, height, width, (x, y, spot[2] * rng.uniform(0.35, 0.8)), rng.uniform(-15, 15))
    left_over = [layer.hide(alpha) for alpha in alphas]
    if any(now.sum() < 0.5 * before.sum() for now, before in zip(left_over, alphas, strict=True)):
        return alphas
    _lay(canvas, layer, light, "floats", 0.0)
    return left_over


# -- the last touches -------------------------------------------------------------------------------------------------
def _finish(rng: np.random.Generator, canvas: Floats, dial: Difficulty) -> Image.Image:
    height, width = canvas.shape[:2]
    tint = 1 + rng.uniform(-0.06, 0.06, 3).astype(np.float32)
    middle = canvas.mean()
    contrast, brightness = rng.uniform(*dial.contrast), rng.uniform(0.88, 1.08)
    canvas = canvas * (tint * np.float32(255 * contrast))
    canvas += tint * np.float32(255 * middle * (brightness - contrast))
    picture = Image.fromarray(np.clip(canvas, 0, 255, out=canvas).astype(np.uint8))
    blur = rng.uniform(*dial.blur) * min(height, width) / 224
    if blur > 0.25:
        picture = picture.filter(ImageFilter.GaussianBlur(blur))
    spread = rng.uniform(*dial.noise)
    if spread > 0.004:
        grain = rng.standard_normal((height, width, 3), np.float32) * (spread * 255)
        picture = Image.fromarray(np.clip(np.asarray(picture, np.float32) + grain, 0, 255).astype(np.uint8))
    return picture


def _blurred(values: Floats, reach: float) -> Floats:
    picture = Image.fromarray((np.clip(values, 0, 1) * 255).astype(np.uint8)).filter(ImageFilter.BoxBlur(reach / 2))
    return np.asarray(picture.filter(ImageFilter.BoxBlur(reach / 2)), np.float32) / np.float32(255)


def _box(mask: NDArray[np.bool_]) -> Box:
    """The tightest box round the true cells; (0, 0, 0, 0) when there are none."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return (0, 0, 0, 0)
    return (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
