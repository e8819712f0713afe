"""The goldfish from above and face to face, with the coats and fins of ``goldfish_views.py``."""

from __future__ import annotations

import numpy as np

from picturebook.canvas import Brush, darker, lighter, mix, smooth, tube
from picturebook.goldfish_views import EYE_RIM, fan_tail, fin, some_fish
from picturebook.touches import blob, bundle, eye, pick, polyline


def above(brush: Brush, rng: np.random.Generator) -> None:
    """Seen from above, the body bent in a stroke, the tail flowing."""
    look = some_fish(rng, ("comet", "common", "fantail", "fantail", "telescope", "bubble"))
    slim = look.kind in ("comet", "common")
    swing = rng.uniform(0.05, 0.2) * pick(rng, (-1, 1))
    t = np.linspace(0, 1, 7)
    spine = np.stack([0.86 - 1.0 * t, swing * np.sin(2.6 * t) - swing * 0.5], 1)
    widths = np.array([0.17, 0.31, 0.4, 0.4, 0.31, 0.2, 0.11]) * (
        rng.uniform(1.05, 1.2) if slim else rng.uniform(1.3, 1.55)
    )
    half = widths / 2
    along = np.gradient(spine, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    normal = np.stack([along[:, 1], -along[:, 0]], 1)  # to the fish's left, as it swims to +x
    root, back_way, across = spine[-1], along[-1], normal[-1]
    length = 0.76 if not slim else 0.62
    wave = swing * 1.2
    lobes = []
    for k in (-1, 1):
        wide = rng.uniform(0.5, 0.62) if not slim else rng.uniform(0.22, 0.3)
        pts = np.array([[0.22, 0.42], [0.62, 0.95], [0.95, 1.0], [1.0, 0.62], [0.82, 0.3], [0.7, 0.06]])
        pts = pts + rng.uniform(-0.03, 0.03, pts.shape)
        lobes.append(root + pts[:, :1] * length * back_way + (pts[:, 1:] * wide * k + wave * pts[:, :1] ** 2) * across)
    reach = np.vstack([*lobes, spine])
    middle = (reach.max(0) + reach.min(0)) / 2
    size = 0.99 / float(np.hypot(*(reach - middle).T).max())
    brush = brush.at(angle=rng.uniform(-75, 75)).at(-size * float(middle[0]), -size * float(middle[1]), scale=size)
    for k, edge in zip((-1, 1), lobes, strict=True):
        fin(brush, look, root + across * 0.04 * k, root - across * 0.02 * k, edge, rays=9)
    for k in (-1, 1):
        for i, span in ((2, 0.32), (4, 0.19)):
            p = spine[i] + normal[i] * half[i] * 0.85 * k
            lift = rng.uniform(0.8, 1.1) * span
            edge = np.array(
                [
                    p + normal[i] * k * lift * 0.75 + along[i] * 0.04,
                    p + normal[i] * k * lift + along[i] * 0.2,
                    p + normal[i] * k * lift * 0.6 + along[i] * 0.28,
                ]
            )
            fin(brush, look, p - along[i] * 0.05, p + along[i] * 0.07, edge, rays=5)
    body = tube(spine, widths)
    for k in (-1, 1):
        if look.kind == "bubble":
            x, y = spine[0] + along[0] * 0.1 + normal[0] * k * (half[1] + 0.12)
            brush.oval(x, y, 0.16, color=lighter(look.body, 0.35), edge=darker(look.body, 0.25), width=0.016)
            brush.oval(x + 0.03, y + 0.05, 0.05, 0.03, color=(1.0, 1.0, 1.0), alpha=0.8)
    brush.fill(body, look.body, edge=look.ink.edge, width=look.ink.width)
    if look.patches:
        with brush.inside(body):
            for color in look.patches:
                where = [spine[int(rng.integers(0, 7))] + rng.uniform(-0.1, 0.1, 2) for _ in range(2)]
                brush.fill(bundle([blob(rng, float(w[0]), float(w[1]), rng.uniform(0.1, 0.2)) for w in where]), color)
    brush.fill(tube(spine[1:6], widths[1:6] * 0.45), lighter(look.body, 0.3), alpha=0.4)
    tone = darker(look.body, 0.3) if sum(look.body) > 1 else lighter(look.body, 0.25)
    turn = np.linspace(-1.2, 1.2, 6)
    arcs = []
    for i in np.linspace(2.2, 5.4, 8):
        c, w = (
            np.array([np.interp(i, np.arange(7), spine[:, k]) for k in (0, 1)]),
            float(np.interp(i, np.arange(7), half)),
        )
        n, d = normal[round(i)], along[round(i)]
        arcs += [
            c + n * v * w + (d * np.cos(turn)[:, None] + n * np.sin(turn)[:, None]) * w * 0.24
            for v in (-0.66, -0.22, 0.22, 0.66)
        ]
    brush.line(bundle([polyline(a) for a in arcs]), tone, 0.013, alpha=0.45)
    ridge = np.vstack([spine[2], spine[3] + normal[3] * 0.03, spine[4], spine[5]])
    brush.fill(
        tube(ridge, [0.02, 0.06, 0.05, 0.02]), darker(look.fins, 0.12), edge=look.ink.edge, width=look.ink.width * 0.7
    )
    for k in (-1, 1):
        spot = (
            spine[0]
            + along[0] * 0.1
            + normal[0] * k * (half[0] + half[1]) * (0.5 if look.kind != "telescope" else 0.62)
        )
        if look.kind == "telescope":
            brush.oval(spot[0], spot[1], 0.1, color=look.body, edge=look.ink.edge, width=look.ink.width)
        eye(brush, float(spot[0]), float(spot[1]), 0.07, iris=look.iris, rim=EYE_RIM)


def face(brush: Brush, rng: np.random.Generator) -> None:
    """Coming towards us: round face, tail showing behind on the left."""
    look = some_fish(rng, ("fantail", "fantail", "telescope", "bubble"))
    brush = brush.at(0.0, -0.03, angle=rng.uniform(-10, 10), scale=rng.uniform(0.9, 0.96))
    cx = rng.uniform(0.08, 0.16)
    sway = rng.uniform(0.8, 1.15)
    fan_tail(brush, look, rng, -0.28, 0.05, 0.66 * sway, rng.uniform(-0.5, 1.0))
    high = rng.uniform(0.26, 0.4)
    fin(
        brush,
        look,
        (cx - 0.36, 0.3),
        (cx + 0.05, 0.46),
        np.array(
            [
                [cx - 0.5, 0.34 + high * 0.6],
                [cx - 0.3, 0.44 + high * 0.9],
                [cx - 0.02, 0.48 + high],
                [cx + 0.1, 0.52 + high * 0.5],
            ]
        ),
        rays=7,
    )
    for k in (-1, 1):
        fin(
            brush,
            look,
            (cx + 0.12 * k, -0.42),
            (cx + 0.3 * k, -0.34),
            np.array([[cx + 0.1 * k, -0.62], [cx + 0.26 * k, -0.74], [cx + 0.42 * k, -0.6]]),
            shade=0.08,
            rays=5,
        )
        up = rng.uniform(-0.1, 0.22)
        fin(
            brush,
            look,
            (cx + 0.46 * k, 0.0),
            (cx + 0.42 * k, -0.2),
            np.array(
                [
                    [cx + 0.62 * k, 0.08 + up],
                    [cx + 0.82 * k, -0.02 + up],
                    [cx + 0.8 * k, -0.2 + up * 0.6],
                    [cx + 0.58 * k, -0.28],
                ]
            ),
            rays=6,
        )
    rx, ry = rng.uniform(0.48, 0.55), rng.uniform(0.48, 0.56)
    rim = np.array(
        [
            [0, 1],
            [0.62, 0.8],
            [0.98, 0.22],
            [0.92, -0.4],
            [0.5, -0.88],
            [0, -1],
            [-0.5, -0.88],
            [-0.92, -0.4],
            [-0.98, 0.22],
            [-0.62, 0.8],
        ]
    ) * [rx, ry] + [cx, 0]
    body = smooth(rim)
    brush.fill(body, look.body, edge=look.ink.edge, width=look.ink.width)
    pale = mix(look.body, (1.0, 0.97, 0.84), 0.6 if sum(look.body) > 1 else 0.15)
    if look.patches:
        with brush.inside(body):
            for color in look.patches:
                where = [
                    (cx + rng.uniform(-0.45, 0.45), rng.uniform(0.05, 0.5), rng.uniform(0.12, 0.25)) for _ in range(2)
                ]
                brush.fill(bundle([blob(rng, *w) for w in where]), color)
    brush.oval(cx, -0.3, rx * 0.66, ry * 0.36, color=pale, alpha=0.85)
    tone = darker(look.body, 0.3) if sum(look.body) > 1 else lighter(look.body, 0.25)
    wide = 0.29 if look.kind != "telescope" else 0.4
    for k in (-1, 1):
        if look.kind == "bubble":
            brush.oval(
                cx + 0.42 * k,
                -0.08,
                0.24,
                0.22,
                color=lighter(mix(look.body, (1.0, 0.85, 0.7), 0.5), 0.2),
                alpha=0.95,
                edge=tone,
                width=0.016,
            )
            brush.oval(cx + 0.42 * k - 0.06, 0.0, 0.07, 0.04, angle=30, color=(1.0, 1.0, 1.0), alpha=0.8)
        if look.kind == "telescope":
            brush.oval(
                cx + wide * k, 0.12, 0.19, color=darker(look.body, 0.12), edge=look.ink.edge, width=look.ink.width
            )
        eye(brush, cx + wide * k, 0.14, 0.13, iris=look.iris, rim=EYE_RIM)
    brush.oval(cx, -0.13, 0.1, 0.065, color=tone)
    brush.oval(cx, -0.13, 0.06, 0.035, color=darker(tone, 0.55))
    brush.oval(cx - 0.04, 0.4, 0.18, 0.05, color=(1.0, 1.0, 1.0), alpha=0.35)
