"""What mushrooms are made of: the look of one, its cap with warts, gills or sponge, its stem and skirt, the grass."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from picturebook.canvas import Brush, Color, darker, lighter, mix, smooth, tube, vary
from picturebook.touches import Ink, blob, bundle, ink, ovals, pick, polyline, ring

Array = NDArray[np.float64]

CAPS: dict[str, tuple[Color, ...]] = {
    "agaric": ((0.86, 0.12, 0.10), (0.92, 0.24, 0.12), (0.78, 0.08, 0.10), (0.93, 0.38, 0.14), (0.62, 0.42, 0.28)),
    "porcini": ((0.55, 0.33, 0.17), (0.66, 0.42, 0.22), (0.45, 0.25, 0.14), (0.74, 0.52, 0.30)),
    "field": ((0.94, 0.89, 0.80), (0.82, 0.70, 0.56), (0.70, 0.55, 0.40), (0.88, 0.80, 0.68), (0.64, 0.50, 0.42)),
    "cluster": ((0.80, 0.55, 0.25), (0.90, 0.70, 0.38), (0.66, 0.40, 0.20), (0.93, 0.86, 0.74), (0.72, 0.64, 0.58)),
    "chanterelle": ((0.97, 0.70, 0.18), (0.95, 0.62, 0.14), (0.98, 0.78, 0.34), (0.90, 0.56, 0.20)),
}
STEMS: tuple[Color, ...] = ((0.97, 0.94, 0.87), (0.94, 0.89, 0.79), (0.90, 0.83, 0.71))


@dataclass(frozen=True)
class Fungus:
    """What one mushroom looks like; ``look_up`` is the eye's height in degrees (below 0: the gills show)."""

    kind: str
    cap: Color
    stem: Color
    gill: Color
    ink: Ink
    radius: float
    height: float
    full: float
    look_up: float


def some_fungus(rng: np.random.Generator, kind: str, look_up: float) -> Fungus:
    cap = vary(rng, pick(rng, CAPS[kind]), 0.015, 0.08, 0.05)
    stem = vary(rng, pick(rng, STEMS), 0.015, 0.04, 0.03)
    gills = {
        "agaric": (0.98, 0.95, 0.88),
        "porcini": (0.90, 0.82, 0.50),
        "field": (0.80, 0.62, 0.55),
        "cluster": (0.95, 0.88, 0.74),
        "chanterelle": (0.98, 0.74, 0.3),
    }
    heights = {
        "agaric": (0.42, 0.85),
        "porcini": (0.48, 0.8),
        "field": (0.5, 0.95),
        "cluster": (0.5, 1.1),
        "chanterelle": (0.3, 0.4),
    }
    return Fungus(
        kind,
        cap,
        stem,
        vary(rng, gills[kind], 0.02, 0.08, 0.05),
        ink(rng, mix(cap, (0.3, 0.2, 0.12), 0.4), 0.45),
        radius=float(rng.uniform(0.72, 0.92)),
        height=float(rng.uniform(*heights[kind])),
        full=float(rng.uniform(0.55, 1.0)),
        look_up=look_up,
    )


# -- cap --------------------------------------------------------------------------------------------------------------
def dome(look: Fungus) -> tuple[Array, float, float]:
    """The cap round its rim's middle: outline (n, 2), the crown's height and the rim's half depth on the paper."""
    e = np.deg2rad(look.look_up)
    r, h = look.radius, look.radius * look.height
    crown, rim = float(np.hypot(h * np.cos(e), r * np.sin(e))), abs(r * np.sin(e))
    turn = np.linspace(0, np.pi, 13)
    x, y = r * np.cos(turn), crown * np.sin(turn) ** look.full
    low = ring(0, 0, r * 0.985, max(rim, 0.05) + 0.02, 9, 180, 360)[1:-1]
    return np.vstack([np.stack([x, y], 1), low]), crown, rim


def _warts(look: Fungus, rng: np.random.Generator) -> list[tuple[float, float, float, float, float]]:
    """Scales on the dome, evenly strewn, foreshortened towards its rim."""
    e = np.deg2rad(look.look_up)
    r, h = look.radius, look.radius * look.height
    found: list[tuple[float, float, float, float, float]] = []
    size = rng.uniform(0.065, 0.105) * min(1.0, 0.35 + h)
    golden, start, n = 2.39996, rng.uniform(0, 6), int(rng.integers(24, 38))
    for k in range(n):
        rho = np.sqrt(1 - (1 - (k + 0.5) / n * 0.86) ** 2)  # even over the dome, not over its plan
        a = start + golden * k
        px, py, pz = r * rho * np.cos(a), r * rho * np.sin(a), h * np.sqrt(1 - rho**2) ** look.full
        x, y = px, pz * np.cos(e) + py * np.sin(e)
        slope = np.array([np.cos(a) * rho / r, np.sin(a) * rho / r, np.sqrt(1 - rho**2) / h])
        facing = float((-slope[1] * np.cos(e) + slope[2] * np.sin(e)) / np.linalg.norm(slope))
        if facing > 0.26 and not (
            look.look_up < 0 and y < r * abs(np.sin(e)) * np.sqrt(max(0, 1 - (x / r) ** 2)) + 0.05
        ):
            s = size * rng.uniform(0.6, 1.2)
            found.append(
                (float(x), float(y), s, 0.35 + 0.65 * facing, float(-np.rad2deg(np.arctan2(x, 1.4 * r)) * 1.2))
            )
    return found


def cap(brush: Brush, look: Fungus, rng: np.random.Generator) -> None:
    """The cap with its rim's middle at the origin, and its underside where one can see it."""
    pts, crown, rim = dome(look)
    r = look.radius
    brush.fill(smooth(pts, tension=0.95), look.cap, edge=look.ink.edge, width=look.ink.width)
    if look.ink.shaded:
        top = pts[:13]
        brush.fill(
            smooth(np.vstack([top * [0.97, 0.96], (top * [0.93, 0.66] + [-0.03 * r, 0.1 * crown])[::-1]])),
            lighter(look.cap, 0.25),
            alpha=0.35,
        )
        left = top[7:12]
        brush.fill(smooth(np.vstack([left * [0.9, 0.9], (left * [0.72, 0.8])[::-1]])), (1.0, 1.0, 1.0), alpha=0.3)
    else:
        brush.oval(-0.35 * r, 0.62 * crown, 0.2 * r, 0.09 * r, angle=28, color=(1.0, 1.0, 1.0), alpha=0.35)
    if look.kind == "agaric":
        warts = bundle([blob(rng, *w, rough=0.18) for w in _warts(look, rng)])
        cream = (0.99, 0.96, 0.89)
        brush.fill(warts, cream, edge=look.ink.edge and darker(look.cap, 0.35), width=look.ink.width * 0.6)
    elif look.kind == "cluster":
        brush.oval(0, crown * 0.62, r * 0.36, crown * 0.24, color=darker(look.cap, 0.3), alpha=0.4)
    if look.look_up < 0:
        _underside(brush, look, rng, rim)
    else:
        low, high = max(rim, 0.05) + 0.01, max(rim, 0.05) * 0.62 - 0.05
        band = np.vstack([ring(0, 0, r * 0.965, low, 9, 184, 356), ring(0, 0, r * 0.965, high, 9, 356, 184)])
        brush.fill(smooth(band), darker(look.cap, 0.32), alpha=0.45)


def _underside(brush: Brush, look: Fungus, rng: np.random.Generator, rim: float) -> None:
    """Gills, or a porcini's sponge, inside the rim."""
    r = look.radius
    brush.oval(0, 0, r * 0.955, rim * 0.94, color=look.gill, edge=darker(look.gill, 0.3), width=0.014)
    if look.kind == "porcini":
        n = 46
        golden = np.arange(n) * 2.39996 + rng.uniform(0, 6)
        rho = np.sqrt((np.arange(n) + 0.5) / n) * 0.9
        brush.fill(
            ovals(
                [
                    (r * p * np.cos(a), rim * p * np.sin(a), 0.03, 0.03 * rim / r, 0.0)
                    for a, p in zip(golden, rho, strict=True)
                ]
            ),
            darker(look.gill, 0.25),
            alpha=0.7,
        )
        return
    count = int(rng.integers(38, 56))
    turn = np.linspace(0, 2 * np.pi, count, endpoint=False)
    inner = np.where(np.arange(count) % 2 == 0, 0.16, 0.5)
    way = np.stack([r * np.cos(turn), rim * np.sin(turn)], 1)
    brush.oval(0, rim * 0.02, r * 0.5, rim * 0.5, color=darker(look.gill, 0.3), alpha=0.35)
    brush.line(
        bundle([polyline([w * a, w * 0.93]) for w, a in zip(way, inner, strict=True)]),
        darker(look.gill, 0.38),
        0.013,
        alpha=0.8,
    )


# -- stem -------------------------------------------------------------------------------------------------------------
def stem(
    brush: Brush,
    look: Fungus,
    rng: np.random.Generator,
    top: Array,
    foot: Array,
    width: float,
    bulb: float,
    skirt: bool,
) -> None:
    """The stem from ``top`` to ``foot``, ``bulb`` times as wide at its foot."""
    bend = rng.uniform(-0.08, 0.08)
    t = np.linspace(0, 1, 5)[:, None]
    grow = {"porcini": [0.85, 0.95, 1.1, 1.2, 1.05]}.get(look.kind, [1.0, 0.94, 0.96, 1.06, 1.04])
    widths = width * np.array(grow) * np.linspace(1, bulb, 5) ** 1.4
    sole = foot + (top - foot) * min(0.6, float(widths[-1]) * 0.2 / float(np.linalg.norm(top - foot)))
    line = top * (1 - t) + sole * t + np.array([bend, 0]) * np.sin(np.pi * t)
    down = (line[-1] - line[-2]) / float(np.linalg.norm(line[-1] - line[-2]))
    across, half = np.array([-down[1], down[0]]), widths[:, None] / 2
    base = (
        line[-1]
        + half[-1] * np.array([[0.24], [0.36], [0.24]]) * down
        + half[-1] * np.array([[0.72], [0.0], [-0.72]]) * across
    )
    outline = smooth(np.vstack([line + half * across, base, (line - half * across)[::-1]]))
    brush.fill(outline, look.stem, edge=look.ink.edge, width=look.ink.width)
    if look.ink.shaded:
        side = line[:, :] + np.stack([widths * 0.3, 0 * widths], 1)
        brush.fill(tube(side[:], widths * 0.32), darker(look.stem, 0.25), alpha=0.4)
    shade = line[0] + (line[1] - line[0]) * np.array([[0.0], [0.55]])
    brush.fill(
        tube(np.linspace(shade[0], shade[1], 3), [widths[0] * 0.97, widths[0] * 0.92, widths[1] * 0.7]),
        darker(look.stem, 0.4),
        alpha=0.25,
    )
    fibres = []
    for v in np.linspace(-0.32, 0.32, int(rng.integers(3, 6))):
        a, b = np.sort(rng.uniform(0.3, 0.95, 2))
        ends = [
            np.array([np.interp(s, t[:, 0], line[:, 0] + v * widths), np.interp(s, t[:, 0], line[:, 1])])
            for s in (a, (a + b) / 2, b)
        ]
        fibres.append(polyline(ends))
    brush.line(bundle(fibres), darker(look.stem, 0.28), 0.015, alpha=0.7)
    if skirt:
        at, w = line[1], float(widths[1])
        flare = w * rng.uniform(0.95, 1.25)
        wave = ring(at[0], at[1] - 0.12, flare, 0.045, 9, 180, 360) + np.stack(
            [np.zeros(9), 0.018 * np.resize([1.0, -1.0], 9)], 1
        )
        cloth = np.vstack([[at[0] - w * 0.5, at[1] + 0.07], wave, [at[0] + w * 0.5, at[1] + 0.07]])
        brush.fill(
            smooth(cloth, tension=0.8),
            lighter(look.stem, 0.35),
            edge=look.ink.edge or darker(look.stem, 0.22),
            width=look.ink.width * 0.8,
        )
        brush.line(
            bundle(
                [
                    polyline(
                        [[at[0] + (p[0] - at[0]) * 0.55, at[1] + 0.04], [at[0] + (p[0] - at[0]) * 0.9, p[1] + 0.02]]
                    )
                    for p in wave[1:-1:2]
                ]
            ),
            darker(look.stem, 0.2),
            0.012,
            alpha=0.7,
        )


def grass(brush: Brush, rng: np.random.Generator, y: float, wide: float) -> None:
    """A few blades at the foot."""
    green = vary(rng, (0.40, 0.62, 0.22), 0.04, 0.12, 0.1)
    for i in range(int(rng.integers(4, 9))):
        x, tall, lean = rng.uniform(-wide, wide), rng.uniform(0.16, 0.38), rng.uniform(-0.16, 0.16)
        brush.fill(
            tube([[x, y + 0.02], [x + lean * 0.3, y + tall * 0.55], [x + lean, y + tall]], [0.055, 0.045, 0.006]),
            darker(green, 0.12 * (i % 3)),
        )
