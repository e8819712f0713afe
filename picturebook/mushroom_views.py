"""The mushroom: fly agaric, porcini, field mushroom, chanterelle, a cluster, and caps seen from below with their gills.

``plants.mushroom`` chooses the view; caps and stems are in ``mushroom_parts.py``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from picturebook.canvas import Brush, darker, lighter, mix, smooth, vary
from picturebook.mushroom_parts import Fungus, cap, dome, grass, some_fungus, stem
from picturebook.touches import bundle, chance, pick, polyline

Array = NDArray[np.float64]


# -- the views --------------------------------------------------------------------------------------------------------
def single(brush: Brush, rng: np.random.Generator, kind: str) -> None:
    """One mushroom standing, seen level or a little from above."""
    look = some_fungus(rng, kind, float(rng.uniform(0, 32)) if chance(rng, 0.6) else float(rng.uniform(-26, -8)))
    _, crown, _ = dome(look)
    thick = {"porcini": rng.uniform(0.42, 0.62), "agaric": rng.uniform(0.22, 0.32), "field": rng.uniform(0.24, 0.36)}[
        kind
    ]
    bulb = {"porcini": rng.uniform(1.0, 1.35), "agaric": rng.uniform(1.25, 1.7), "field": rng.uniform(0.95, 1.2)}[kind]
    lean = rng.uniform(-0.1, 0.1)
    y = 0.95 - crown
    foot = np.array([lean * 0.2, -0.95])
    top = np.array([lean, y])
    skirt = (kind == "agaric" and chance(rng, 0.8)) or (kind == "field" and chance(rng, 0.5))
    tall = max(0.0, y + 0.95)
    tilted = brush.at(lean, y, angle=-lean * 60)
    if chance(rng, 0.25) and kind == "agaric":
        _child(brush.at(rng.uniform(0.45, 0.55) * pick(rng, (-1, 1)), -0.58, scale=0.36), rng, look)

    def shaft() -> None:
        stem(brush, look, rng, top - [0, 0.02], foot, thick, bulb, skirt and tall > 0.7)

    if look.look_up >= 0:
        shaft()
        cap(tilted, look, rng)
    else:
        cap(tilted, look, rng)
        shaft()
    if kind == "agaric" and bulb > 1.35:
        w = thick * bulb
        rows = [
            polyline([[foot[0] - w * 0.38, v], [foot[0], v - 0.04], [foot[0] + w * 0.38, v]]) for v in (-0.72, -0.8)
        ]
        brush.line(bundle(rows), darker(look.stem, 0.22), 0.025, alpha=0.7)
    if chance(rng, 0.35):
        grass(brush, rng, -0.95, thick * bulb * 0.75)


def _child(brush: Brush, rng: np.random.Generator, parent: Fungus) -> None:
    """A young one beside it, its cap still closed."""
    look = Fungus(parent.kind, parent.cap, parent.stem, parent.gill, parent.ink, 0.75, 1.0, 0.8, 12.0)
    stem(brush, look, rng, np.array([0.0, 0.2]), np.array([0.0, -1.05]), 0.5, 1.3, False)
    cap(brush.at(0, 0.2), look, rng)


def chanterelle(brush: Brush, rng: np.random.Generator) -> None:
    """A golden funnel with a wavy rim; folds run down its stem."""
    look = some_fungus(rng, "chanterelle", 0.0)
    r, depth = rng.uniform(0.78, 0.92), rng.uniform(0.16, 0.34)
    y, foot, waist = rng.uniform(0.42, 0.58), -0.93, rng.uniform(0.1, 0.16)
    turn = np.linspace(0, 2 * np.pi, 22, endpoint=False)
    lobes, phase = int(rng.integers(4, 7)), rng.uniform(0, 6)
    wave = 1 + 0.07 * np.sin(lobes * turn + phase) + rng.uniform(-0.03, 0.03, 22)
    rim = np.stack(
        [r * wave * np.cos(turn), y + depth * wave * np.sin(turn) + 0.05 * np.sin((lobes + 1) * turn + phase)], 1
    )
    left, right = rim[int(np.argmin(rim[:, 0]))], rim[int(np.argmax(rim[:, 0]))]
    lean = rng.uniform(-0.08, 0.08)
    outer = np.array(
        [
            right,
            [r * 0.62, y - 0.34],
            [waist * 1.9, y - 0.7],
            [waist + lean, -0.62],
            [waist * 0.9 + lean, foot + 0.04],
            [lean, foot],
            [-waist * 0.9 + lean, foot + 0.04],
            [-waist + lean, -0.62],
            [-waist * 1.9, y - 0.7],
            [-r * 0.62, y - 0.34],
            left,
        ]
    )
    under = mix(look.cap, (1.0, 0.88, 0.6), 0.3)
    funnel = np.vstack([outer, [[left[0] * 0.5, y], [right[0] * 0.5, y]]])
    brush.fill(smooth(funnel, tension=0.8), under, edge=look.ink.edge, width=look.ink.width)
    folds = []
    for s in np.linspace(-0.8, 0.8, 12):
        start = np.array([s * r * 0.95, y - depth * np.sqrt(1 - s * s) * 0.6])
        end = np.array([s * waist * 0.95 + lean * 0.9, rng.uniform(-0.72, -0.5)])
        folds.append(smooth(np.array([start, (s * r * 0.56, y - 0.36), end]), closed=False))
    brush.line(bundle(folds), darker(look.cap, 0.24), 0.026)
    brush.fill(smooth(rim), look.cap, edge=look.ink.edge or darker(look.cap, 0.15), width=look.ink.width)
    centre = np.array([0.0, y])
    brush.fill(smooth(centre + (rim - centre) * [0.72, 0.66] - [0, 0.02]), darker(look.cap, 0.1), alpha=0.8)
    brush.fill(smooth(centre + (rim - centre) * [0.36, 0.3] - [0, 0.04]), darker(look.cap, 0.28), alpha=0.8)
    brush.line((centre + (rim - centre) * [0.86, 0.84])[8:14], lighter(look.cap, 0.5), 0.03, alpha=0.8)
    if chance(rng, 0.35):
        grass(brush, rng, -0.95, 0.3)


def cluster(brush: Brush, rng: np.random.Generator) -> None:
    """A family growing from one foot, tall ones behind, small ones in front."""
    kind = pick(rng, ("cluster", "cluster", "field", "agaric", "porcini"))
    first = some_fungus(rng, kind, float(rng.uniform(4, 26)))
    n = int(rng.integers(3, 7))
    spread = np.linspace(-0.6, 0.6, n) + rng.uniform(-0.06, 0.06, n)
    talls = 0.62 - 0.7 * np.abs(spread) + rng.uniform(-0.2, 0.12, n)
    sizes = rng.uniform(0.3, 0.48, n) * (1.25 if n < 5 else 1.0)
    order = np.argsort(-talls, kind="stable")
    for i in order:
        size = float(sizes[i])
        look = Fungus(
            kind,
            vary(rng, first.cap, 0.01, 0.04, 0.04),
            first.stem,
            first.gill,
            first.ink,
            0.92,
            float(rng.uniform(0.6, 1.05)),
            first.full,
            first.look_up,
        )
        _, crown, _ = dome(look)
        x, y = (
            float(np.clip(spread[i] * 1.15, -0.98 + size * 0.95, 0.98 - size * 0.95)),
            float(min(talls[i], 0.96 - crown * size)),
        )
        thick = size * (0.62 if kind == "porcini" else 0.34)
        stem(
            brush,
            look,
            rng,
            np.array([x, y]),
            np.array([spread[i] * 0.5, -0.95 + 0.12 * rng.random()]),
            thick,
            1.1,
            kind != "porcini" and chance(rng, 0.25),
        )
        cap(brush.at(x, y, scale=size, angle=-spread[i] * rng.uniform(10, 30)), look, rng)
    if chance(rng, 0.5):
        grass(brush, rng, -0.97, 0.5)


def below(brush: Brush, rng: np.random.Generator) -> None:
    """Looking up under the cap, or a picked one lying with its gills towards us."""
    kind = pick(rng, ("agaric", "field", "field", "porcini", "cluster"))
    look = some_fungus(rng, kind, float(rng.uniform(-54, -32)))
    _, crown, rim = dome(look)
    reach = max(rng.uniform(1.0, 1.5) * float(np.cos(np.deg2rad(look.look_up))), rim * 1.05)
    size = 1.88 / max(crown + reach, 2 * look.radius)
    turned = brush.at(angle=rng.uniform(-35, 35))
    inner = turned.at(0, (reach - crown) / 2 * size, scale=size)
    cap(inner, look, rng)
    thick = rng.uniform(0.36, 0.5) if kind == "porcini" else rng.uniform(0.22, 0.32)
    skirt = kind in ("agaric", "field") and reach > 0.9 and chance(rng, 0.6)
    stem(
        inner,
        look,
        rng,
        np.array([0.0, -0.02]),
        np.array([rng.uniform(-0.15, 0.15), -reach]),
        thick,
        rng.uniform(1.05, 1.4),
        skirt,
    )
