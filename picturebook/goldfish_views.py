"""The goldfish from the side: comet, common, fantail, lionhead, telescope and bubble-eye; their coats, fins and tails.

The views from above and from in front are in ``goldfish_turned.py``; ``small_animals.goldfish`` chooses.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.path import Path
from numpy.typing import ArrayLike, NDArray

from picturebook.canvas import Brush, Color, darker, ellipse, lighter, mix, smooth, vary
from picturebook.touches import Ink, blob, bundle, chance, eye, ink, pick, polyline, vec

Array = NDArray[np.float64]

ORANGE: Color = (1.0, 0.52, 0.08)
RED: Color = (0.93, 0.25, 0.10)
GOLD: Color = (1.0, 0.70, 0.16)
PEARL: Color = (0.99, 0.96, 0.92)
EYE_RIM: Color = (0.25, 0.14, 0.08)
INDIGO: Color = (0.16, 0.16, 0.21)
# body, patches (none: plain), fins
COATS: tuple[tuple[Color, tuple[Color, ...], Color], ...] = (
    (ORANGE, (), ORANGE),
    (ORANGE, (), (1.0, 0.62, 0.22)),
    (RED, (), (0.96, 0.38, 0.16)),
    (GOLD, (), (1.0, 0.76, 0.32)),
    (ORANGE, (PEARL,), (1.0, 0.66, 0.32)),
    (PEARL, (RED,), (1.0, 0.86, 0.78)),
    (PEARL, (ORANGE, ORANGE), (1.0, 0.82, 0.66)),
    (PEARL, (ORANGE, INDIGO), (1.0, 0.88, 0.78)),
    (PEARL, (RED, INDIGO, ORANGE), (0.93, 0.91, 0.93)),
    (ORANGE, (INDIGO,), (0.98, 0.58, 0.2)),
    (INDIGO, (), (0.26, 0.26, 0.32)),
    (INDIGO, (ORANGE,), (0.80, 0.46, 0.2)),
)


@dataclass(frozen=True)
class Fish:
    """What one goldfish looks like; ``kind`` is its breed."""

    kind: str
    body: Color
    patches: tuple[Color, ...]
    fins: Color
    ink: Ink
    iris: Color


def some_fish(rng: np.random.Generator, kinds: tuple[str, ...]) -> Fish:
    kind = pick(rng, kinds)
    black = kind == "telescope" and chance(rng, 0.6)
    body, patches, fins = pick(rng, COATS[10:] if black else COATS[:10])
    body, fins = vary(rng, body, 0.015, 0.06, 0.04), vary(rng, fins, 0.015, 0.06, 0.03)
    iris = pick(rng, ((1.0, 1.0, 1.0), (1.0, 0.96, 0.82), (1.0, 0.86, 0.42)))
    return Fish(
        kind,
        body,
        tuple(vary(rng, p, 0.015, 0.06, 0.04) for p in patches),
        fins,
        ink(rng, mix(body, fins, 0.5), 0.45),
        iris,
    )


# -- fins -------------------------------------------------------------------------------------------------------------
def fin(
    brush: Brush,
    look: Fish,
    root_a: ArrayLike,
    root_b: ArrayLike,
    edge: ArrayLike,
    *,
    shade: float = 0.0,
    alpha: float = 0.94,
    rays: int = 7,
) -> None:
    """A translucent fin from the root ``root_a``-``root_b`` to its free ``edge`` (n, 2), with rays."""
    a, b, rim = np.asarray(root_a, float), np.asarray(root_b, float), np.asarray(edge, float)
    color = darker(look.fins, shade)
    outline = smooth(np.vstack([a, rim, b]))
    brush.fill(outline, color, alpha=alpha, edge=look.ink.edge, width=look.ink.width)
    root = (a + b) / 2
    if look.ink.shaded:
        inner = np.vstack([a, root + (rim - root) * 0.62, b])
        brush.fill(smooth(inner), mix(color, look.body, 0.55), alpha=0.5)
    at = np.linspace(0.06, 0.94, rays) * (len(rim) - 1)
    ends = np.stack([np.interp(at, np.arange(len(rim)), rim[:, k]) for k in (0, 1)], 1)
    share = np.linspace(0, 1, rays)[:, None]
    starts = a * (1 - share) + b * share
    lines = [polyline([s + (e - s) * 0.12, s + (e - s) * 0.86]) for s, e in zip(starts, ends, strict=True)]
    brush.line(bundle(lines), darker(color, 0.22) if sum(color) > 1.2 else lighter(color, 0.2), 0.013, alpha=0.6)


def _single_tail(brush: Brush, look: Fish, rng: np.random.Generator, x: float, y: float, length: float) -> None:
    """The forked tail of comet and common goldfish."""
    s, droop, fork = rng.uniform(0.8, 1.15) * length * 0.55, rng.uniform(-0.12, 0.12), rng.uniform(0.45, 0.62)
    upper = [[-0.35, 0.55], [-0.78, 0.98], [-1.0, 1.02], [-0.82, 0.5]]
    lower = [[-0.78, -0.48], [-0.94, -0.98], [-0.74, -0.98], [-0.35, -0.55]]
    edge = np.array([*upper, [-fork, 0.0], *lower]) * [length, s] + [x, y]
    edge[:, 1] += droop * (x - edge[:, 0])
    fin(brush, look, (x + 0.03, y + 0.07), (x + 0.03, y - 0.07), edge, rays=11)


def fan_tail(
    brush: Brush, look: Fish, rng: np.random.Generator, x: float, y: float, length: float, veil: float
) -> None:
    """The double tail of fancy goldfish: a far, darker pair of lobes behind a near one; ``veil`` lets it hang."""
    base = np.array(
        [
            [-0.3, 0.55],
            [-0.72, 0.92],
            [-0.95, 0.78],
            [-0.86, 0.42],
            [-0.66, 0.1],
            [-0.88, -0.12],
            [-1.0, -0.52],
            [-0.84, -0.9],
            [-0.55, -0.86],
            [-0.25, -0.5],
        ]
    )
    for near in (False, True):
        edge = base * [length, length * rng.uniform(0.62, 0.75)]
        edge += rng.uniform(-0.03, 0.03, edge.shape)
        turn = np.deg2rad(rng.uniform(8, 20) * veil if near else rng.uniform(-26, -14))
        edge = edge @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) * (
            1.0 if near else 0.92
        ) + [x, y]
        fin(brush, look, (x + 0.05, y + 0.08), (x + 0.05, y - 0.08), edge, shade=0.0 if near else 0.14, rays=12)


# -- bodies -----------------------------------------------------------------------------------------------------------
# heights of back and belly from the nose to the root of the tail
PROFILES = {
    "comet": ([0.0, 0.13, 0.22, 0.26, 0.25, 0.19, 0.12, 0.075], [0.0, 0.11, 0.20, 0.25, 0.25, 0.20, 0.12, 0.075]),
    "common": ([0.0, 0.15, 0.27, 0.33, 0.31, 0.23, 0.14, 0.085], [0.0, 0.13, 0.23, 0.29, 0.28, 0.22, 0.14, 0.085]),
    "fantail": ([0.0, 0.20, 0.36, 0.47, 0.46, 0.35, 0.20, 0.10], [0.0, 0.18, 0.36, 0.46, 0.47, 0.40, 0.24, 0.10]),
    "lionhead": ([0.0, 0.28, 0.38, 0.42, 0.42, 0.35, 0.21, 0.10], [0.0, 0.22, 0.36, 0.43, 0.45, 0.38, 0.23, 0.10]),
    "telescope": ([0.0, 0.18, 0.34, 0.45, 0.44, 0.33, 0.19, 0.10], [0.0, 0.18, 0.34, 0.44, 0.46, 0.38, 0.22, 0.10]),
    "bubble": ([0.0, 0.18, 0.27, 0.33, 0.34, 0.29, 0.19, 0.10], [0.0, 0.17, 0.31, 0.40, 0.42, 0.36, 0.21, 0.10]),
}
KINDS = ("comet", "common", "fantail", "fantail", "lionhead", "telescope", "bubble")


def _scales(at: Array, top: Array, bottom: Array) -> list[NDArray[np.float64]]:
    """Rows of little arcs over the flank behind the gill."""
    arcs = []
    turn = np.linspace(-1.25, 1.25, 6)
    for i, t in enumerate(np.linspace(0.4, 0.9, 8)):
        x, hi, lo = (float(np.interp(t, np.linspace(0, 1, len(at)), v)) for v in (at, top, bottom))
        rows = 6
        for k in range(rows):
            v = (k + 0.5 * (i % 2) + 0.25) / rows
            if v < 0.96:
                r = (hi - lo) / rows * 0.52
                arcs.append(
                    np.stack([x - r * 0.8 * np.cos(turn), lo + (hi - lo) * (0.06 + 0.88 * v) + r * np.sin(turn)], 1)
                )
    return arcs


def side(brush: Brush, rng: np.random.Generator) -> None:
    """Swimming to the right."""
    look = some_fish(rng, KINDS)
    slim = look.kind in ("comet", "common")
    brush = brush.at(0.02, rng.uniform(-0.04, 0.04), angle=rng.uniform(-12, 12), scale=0.97 if slim else 0.95)
    nose, root = (0.9, rng.uniform(-0.36, -0.2)) if slim else (0.82, rng.uniform(-0.3, -0.18))
    heights = np.array(PROFILES[look.kind]) * rng.uniform(0.92, 1.1)
    lean = rng.uniform(-0.03, 0.05)
    at = nose + (root - nose) * np.array([0.0, 0.07, 0.2, 0.38, 0.56, 0.74, 0.9, 1.02])
    middle = lean * np.linspace(-1, 1, 8) ** 2
    top, bottom = middle + heights[0], middle - heights[1]
    body = smooth(np.vstack([np.stack([at, top], 1), np.stack([at, bottom], 1)[:0:-1]]))

    def back(t: float, lift: float = 0.0, under: bool = False) -> Array:
        return np.array(
            [
                np.interp(t, np.linspace(0, 1, 8), at),
                np.interp(t, np.linspace(0, 1, 8), bottom if under else top) + lift,
            ]
        )

    room = 0.96 + root
    if slim:
        _single_tail(brush, look, rng, root, float(middle[-1]), room * rng.uniform(0.92, 1.02))
    else:
        fan_tail(brush, look, rng, root, float(middle[-1]), room * rng.uniform(0.95, 1.05), rng.uniform(0, 1.6))
    # far pectoral fin, the fins under the belly, the back fin
    low = rng.uniform(0.2, 0.3)
    fin(
        brush,
        look,
        back(0.66, 0.04, True),
        back(0.84, 0.05, True),
        np.array([back(0.7, -low * 0.6, True), back(0.86, -low, True) - [0.08, 0], back(0.97, -low * 0.55, True)]),
        shade=0.08,
    )
    fin(
        brush,
        look,
        back(0.36, 0.06, True),
        back(0.5, 0.06, True),
        np.array([back(0.4, -low * 0.7, True), back(0.52, -low * 1.05, True), back(0.62, -low * 0.6, True)]),
        shade=0.12,
    )
    if look.kind not in ("lionhead", "bubble"):
        high = rng.uniform(0.2, 0.28) if slim else rng.uniform(0.26, 0.4)
        edge = np.array(
            [
                back(0.34, high * 0.75),
                back(0.44, high),
                back(0.6, high * 0.8),
                back(0.78, high * 0.75),
                back(0.9, high * 0.62),
                back(0.84, 0.08),
            ]
        )
        fin(brush, look, back(0.3, -0.06), back(0.78, -0.06), edge, rays=9)
    brush.fill(body, look.body, edge=look.ink.edge, width=look.ink.width)
    _flank(brush, look, rng, body, at, top, bottom)
    _head(brush, look, rng, nose, at, top, bottom, float(middle[0]))


def _flank(
    brush: Brush, look: Fish, rng: np.random.Generator, body: Path, at: Array, top: Array, bottom: Array
) -> None:
    """Patches, light and shade, scales, the gill and the near fin."""
    pale = look.body if look.kind == "telescope" and sum(look.body) < 1 else mix(look.body, (1.0, 0.97, 0.84), 0.55)
    keep = slice(1, 8)
    belly = np.vstack(
        [np.stack([at, bottom + 0.018], 1)[keep], np.stack([at, bottom * 0.62 + top * 0.38 - 0.04], 1)[keep][::-1]]
    )
    brush.fill(smooth(belly), pale, alpha=0.7 if look.ink.shaded else 0.45)
    if look.patches:
        spots: list[list[tuple[float, float, float]]] = [[] for _ in look.patches]
        for i in range(int(rng.integers(3, 7))):
            t = rng.uniform(0.0, 1.0)
            x = float(np.interp(t, np.linspace(0, 1, 8), at))
            hi, lo = float(np.interp(t, np.linspace(0, 1, 8), top)), float(np.interp(t, np.linspace(0, 1, 8), bottom))
            small = sum(look.patches[i % len(look.patches)]) < 1
            spots[i % len(look.patches)].append(
                (
                    x,
                    lo + (hi - lo) * rng.uniform(0.35, 1.0),
                    rng.uniform(0.05, 0.12) if small else rng.uniform(0.12, 0.26),
                )
            )
        with brush.inside(body):
            for color, where in zip(look.patches, spots, strict=True):
                if where:
                    brush.fill(bundle([blob(rng, *w) for w in where]), color)
    if look.ink.shaded:
        dorsal = np.vstack(
            [np.stack([at, top - 0.012], 1)[keep], np.stack([at, top * 0.8 + bottom * 0.2], 1)[keep][::-1]]
        )
        brush.fill(smooth(dorsal), darker(look.body, 0.35), alpha=0.28)
    tone = darker(look.body, 0.3) if sum(look.body) > 1 else lighter(look.body, 0.25)
    brush.line(bundle([polyline(a) for a in _scales(at, top, bottom)]), tone, 0.014, alpha=0.5)


def _head(
    brush: Brush, look: Fish, rng: np.random.Generator, nose: float, at: Array, top: Array, bottom: Array, y: float
) -> None:
    tone = darker(look.body, 0.38) if sum(look.body) > 1 else lighter(look.body, 0.3)
    big = float(top.max() - bottom.min())
    gill = nose - (nose - at[-1]) * 0.31
    if look.kind == "lionhead":
        wen = look.patches[0] if look.patches and chance(rng, 0.7) else mix(look.body, RED, 0.45)
        bumps = [
            (nose - 0.3, 0.31, 0.15),
            (nose - 0.16, 0.29, 0.15),
            (nose - 0.04, 0.19, 0.13),
            (nose - 0.0, 0.05, 0.1),
            (nose - 0.06, -0.1, 0.1),
            (nose - 0.17, -0.14, 0.14),
            (nose - 0.22, 0.1, 0.22),
        ]
        knobs = bundle([ellipse(*b) for b in bumps])
        if look.ink.edge is not None:
            brush.fill(knobs, wen, edge=look.ink.edge, width=look.ink.width * 2)
        brush.fill(knobs, wen)
        brush.fill(
            bundle([ellipse(b[0] - 0.01, b[1] + 0.03, b[2] * 0.5) for b in bumps[:5]]), lighter(wen, 0.2), alpha=0.7
        )
    arc = np.array(
        [[gill + 0.05, 0.24 * big], [gill - 0.04, 0.08 * big], [gill - 0.04, -0.12 * big], [gill + 0.07, -0.27 * big]]
    ) + vec(0, y)
    brush.line(arc, tone, 0.02, alpha=0.8)
    brush.line(
        [[nose + 0.005, y - 0.035], [nose - 0.05, y - 0.055], [nose - 0.09, y - 0.045]], darker(tone, 0.25), 0.022
    )
    if chance(rng, 0.4):
        brush.oval(nose - 0.2, y - 0.1, 0.06, 0.04, color=(1.0, 0.45, 0.4), alpha=0.45)
    px, py = gill - 0.03, y - 0.1 * big
    reach, swing = rng.uniform(0.24, 0.36), rng.uniform(-0.18, 0.1)
    fin(
        brush,
        look,
        (px, py + 0.05),
        (px - 0.02, py - 0.06),
        np.array(
            [
                [px - reach * 0.6, py + 0.06 + swing * 0.5],
                [px - reach, py - 0.08 + swing],
                [px - reach * 0.85, py - 0.2 + swing],
                [px - reach * 0.35, py - 0.16],
            ]
        ),
        rays=5,
    )
    ex, ey = nose - 0.2, y + 0.08 + 0.05 * big
    if look.kind == "telescope":
        brush.oval(ex, ey, 0.135, color=darker(look.body, 0.15), edge=look.ink.edge, width=look.ink.width)
        eye(brush, ex + 0.02, ey, 0.1, iris=look.iris, rim=EYE_RIM)
    elif look.kind == "bubble":
        bubble = lighter(mix(look.body, (1.0, 0.85, 0.7), 0.5), 0.2)
        for dx, r in ((0.15, 0.16), (-0.05, 0.2)):
            brush.oval(ex + dx, ey - 0.2, r, r * 0.92, color=bubble, alpha=0.93, edge=darker(bubble, 0.3), width=0.016)
            brush.oval(ex + dx - 0.05, ey - 0.13, r * 0.3, r * 0.18, angle=30, color=(1.0, 1.0, 1.0), alpha=0.8)
        eye(brush, ex + 0.02, ey + 0.03, 0.085, iris=look.iris, rim=EYE_RIM)
    else:
        eye(brush, ex, ey, rng.uniform(0.085, 0.115), iris=look.iris, rim=EYE_RIM)
