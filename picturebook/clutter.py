"""Things that are none of the twelve classes: they stand about in a scene, or in front of what we look for.

Each is drawn in its own square, like the objects, by ``draw(brush, rng)``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from picturebook.canvas import Brush, Color, darker, ellipse, lighter, polygon, smooth, star, tube, vary

__all__ = ["COVERS", "DISTRACTORS"]

Drawing = Callable[[Brush, np.random.Generator], None]


def _color(rng: np.random.Generator) -> Color:
    palette = [
        (0.8, 0.35, 0.3),
        (0.3, 0.5, 0.72),
        (0.9, 0.75, 0.35),
        (0.4, 0.6, 0.42),
        (0.6, 0.45, 0.65),
        (0.85, 0.85, 0.82),
        (0.35, 0.36, 0.4),
        (0.9, 0.6, 0.35),
    ]
    return vary(rng, palette[int(rng.integers(len(palette)))], 0.03, 0.12, 0.1)


def ball(brush: Brush, rng: np.random.Generator) -> None:
    """A ball with stripes or without."""
    color = _color(rng)
    brush.oval(0, 0, 0.9, color=color)
    with brush.inside(ellipse(0, 0, 0.9)):
        if rng.random() < 0.6:
            brush.line(
                [(-1, rng.uniform(-0.3, 0.3)), (0, rng.uniform(-0.3, 0.3)), (1, 0)],
                lighter(color, 0.6),
                rng.uniform(0.15, 0.4),
            )
        brush.oval(0.35, -0.45, 0.9, color=(0, 0, 0), alpha=0.12)
    brush.oval(-0.3, 0.4, 0.16, color=(1, 1, 1), alpha=0.6)


def box(brush: Brush, rng: np.random.Generator) -> None:
    """A parcel in perspective."""
    color = _color(rng)
    w, h, d = rng.uniform(0.7, 1.2), rng.uniform(0.5, 1.3), 0.35
    brush.fill(polygon([(-w / 2, -0.9), (w / 2, -0.9), (w / 2, -0.9 + h), (-w / 2, -0.9 + h)]), color)
    brush.fill(
        polygon([(w / 2, -0.9), (w / 2 + d, -0.7), (w / 2 + d, -0.7 + h), (w / 2, -0.9 + h)]), darker(color, 0.3)
    )
    brush.fill(
        polygon([(-w / 2, -0.9 + h), (w / 2, -0.9 + h), (w / 2 + d, -0.7 + h), (-w / 2 + d, -0.7 + h)]),
        lighter(color, 0.25),
    )
    brush.line([(0, -0.9), (0, -0.9 + h)], lighter(color, 0.5), 0.09, curved=False)


def stone(brush: Brush, rng: np.random.Generator) -> None:
    """A boulder."""
    grey = vary(rng, (0.55, 0.53, 0.5), 0.05, 0.06, 0.15)
    low = brush.at(0, -0.35, squash=0.65)
    low.fill(star(0, 0, rng.uniform(0.65, 1.0, 8)), grey)
    low.fill(star(-0.15, 0.2, rng.uniform(0.35, 0.6, 7)), lighter(grey, 0.2))


def plant(brush: Brush, rng: np.random.Generator) -> None:
    """A pot plant."""
    pot, green = _color(rng), vary(rng, (0.3, 0.52, 0.3), 0.06, 0.15, 0.12)
    for turn in np.linspace(-70, 70, int(rng.integers(4, 8))):
        leaf = brush.at(0, -0.35, angle=turn + rng.uniform(-8, 8), scale=rng.uniform(0.8, 1.25))
        leaf.fill(smooth([(0, 0), (0.16, 0.45), (0, 1), (-0.16, 0.45)]), vary(rng, green, 0.02, 0.08, 0.08))
    brush.fill(polygon([(-0.38, -0.3), (0.38, -0.3), (0.27, -0.95), (-0.27, -0.95)]), pot)
    brush.fill(polygon([(-0.44, -0.22), (0.44, -0.22), (0.4, -0.4), (-0.4, -0.4)]), lighter(pot, 0.15))


def books(brush: Brush, rng: np.random.Generator) -> None:
    """A pile of books."""
    y = -0.95
    for _ in range(int(rng.integers(2, 6))):
        h, w, x, color = rng.uniform(0.18, 0.34), rng.uniform(0.6, 0.95), rng.uniform(-0.1, 0.1), _color(rng)
        brush.fill(polygon([(x - w, y), (x + w, y), (x + w, y + h), (x - w, y + h)]), color)
        brush.fill(
            polygon(
                [
                    (x - w + 0.12, y + 0.04),
                    (x + w - 0.5, y + 0.04),
                    (x + w - 0.5, y + h - 0.04),
                    (x - w + 0.12, y + h - 0.04),
                ]
            ),
            lighter(color, 0.35),
        )
        y += h


def bottle(brush: Brush, rng: np.random.Generator) -> None:
    """A bottle with a label."""
    color = _color(rng)
    brush.fill(
        smooth(
            [
                (-0.3, -0.95),
                (0.3, -0.95),
                (0.32, 0.1),
                (0.12, 0.4),
                (0.1, 0.9),
                (-0.1, 0.9),
                (-0.12, 0.4),
                (-0.32, 0.1),
            ],
            tension=0.6,
        ),
        color,
    )
    brush.fill(polygon([(-0.31, -0.6), (0.31, -0.6), (0.31, -0.1), (-0.31, -0.1)]), lighter(color, 0.65))
    brush.line([(-0.18, -0.8), (-0.18, 0.1)], (1, 1, 1), 0.06, alpha=0.35)


def bush(brush: Brush, rng: np.random.Generator) -> None:
    """A round bush."""
    green = vary(rng, (0.32, 0.5, 0.27), 0.07, 0.15, 0.14)
    for x, y, r in [(-0.45, -0.45, 0.5), (0.45, -0.45, 0.5), (0, -0.1, 0.6)]:
        brush.fill(star(x, y, rng.uniform(0.85, 1.1, 10) * r), vary(rng, green, 0.01, 0.05, 0.06))
    brush.fill(star(-0.12, 0.08, rng.uniform(0.25, 0.35, 8)), lighter(green, 0.2), alpha=0.6)


def fence(brush: Brush, rng: np.random.Generator) -> None:
    """A few pickets."""
    wood = vary(rng, (0.8, 0.74, 0.64), 0.03, 0.15, 0.15)
    for y in (-0.5, 0.1):
        brush.line([(-1, y), (1, y)], darker(wood, 0.15), 0.12, curved=False)
    for x in np.linspace(-0.8, 0.8, int(rng.integers(3, 6))):
        brush.fill(polygon([(x - 0.11, -0.95), (x + 0.11, -0.95), (x + 0.11, 0.45), (x, 0.65), (x - 0.11, 0.45)]), wood)


def balloon(brush: Brush, rng: np.random.Generator) -> None:
    """A balloon on a string."""
    color = _color(rng)
    brush.line([(0, -0.1), (0.08, -0.5), (-0.05, -0.95)], (0.4, 0.4, 0.4), 0.025)
    brush.fill(smooth([(0, -0.15), (0.5, 0.35), (0, 0.95), (-0.5, 0.35)]), color)
    brush.oval(-0.18, 0.55, 0.09, 0.16, color=(1, 1, 1), alpha=0.5, angle=-25)


# -- what may stand in front ------------------------------------------------------------------------------------------
def grass(brush: Brush, rng: np.random.Generator) -> None:
    """Blades that hide the lower part."""
    green = vary(rng, (0.36, 0.55, 0.26), 0.06, 0.15, 0.12)
    for x in np.linspace(-1, 1, int(rng.integers(10, 22))):
        h, lean = rng.uniform(0.5, 1.9), rng.uniform(-0.35, 0.35)
        brush.fill(
            tube([(x, -1.05), (x + lean * 0.4, -1 + h * 0.5), (x + lean, -1 + h)], [0.11, 0.09, 0.01]),
            vary(rng, green, 0.02, 0.08, 0.1),
        )


def branch(brush: Brush, rng: np.random.Generator) -> None:
    """A leafy twig across."""
    green = vary(rng, (0.33, 0.5, 0.25), 0.08, 0.15, 0.12)
    brush.line([(-1.1, -0.2), (0, 0.05), (1.1, 0.25)], (0.42, 0.3, 0.2), 0.07)
    for x in np.linspace(-1, 1, int(rng.integers(6, 11))):
        leaf = brush.at(x, x * 0.2, angle=rng.uniform(20, 160) * rng.choice([-1, 1]), scale=rng.uniform(0.35, 0.6))
        leaf.fill(smooth([(0, 0), (0.45, 0.22), (1, 0), (0.45, -0.22)]), vary(rng, green, 0.02, 0.1, 0.1))


def pole(brush: Brush, rng: np.random.Generator) -> None:
    """A post from bottom to top."""
    w, color = rng.uniform(0.2, 0.45), _color(rng)
    brush.fill(polygon([(-w, -3), (w, -3), (w, 3), (-w, 3)]), color)
    brush.fill(polygon([(w * 0.4, -3), (w, -3), (w, 3), (w * 0.4, 3)]), darker(color, 0.2))


#: What stands about, and what hides something.
DISTRACTORS: tuple[Drawing, ...] = (ball, box, stone, plant, books, bottle, bush, fence, balloon)
COVERS: tuple[Drawing, ...] = (grass, branch, pole, ball, box, bush, stone)
