"""Sailboats as the picture book draws them: one or two masts, seen from the side, or coming towards the reader.

It knows rigs and views; it does not know the sea: a boat is drawn whole, with no water round it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from picturebook.boat_looks import WOOD, Hull, Look, Sail, bezier, cabin, cloth, hull_side, paint_look, pennant, sailor
from picturebook.canvas import Brush, bar, darker, lighter, polygon, rounded

__all__ = ["sailboat"]


# -- views ------------------------------------------------------------------------------------------------------------
def _side(brush: Brush, rng: np.random.Generator) -> None:
    """One boat from the side, its bow to the right, leaning a little."""
    look = paint_look(rng)
    rig = [_sloop, _sloop, _sloop, _lugger, _two_masts, _square][rng.integers(6)]
    length = rng.uniform(0.66, 0.80) if rig is not _two_masts else rng.uniform(0.80, 0.90)
    depth, deck = rng.uniform(0.27, 0.38), rng.uniform(-0.62, -0.56)
    bow, dip = rng.uniform(0.04, 0.14), rng.uniform(0.04, 0.12)
    rake, full = rng.uniform(-0.06, 0.14), rng.uniform(0.35, 0.7)
    floor = deck - depth
    stern = (-length, deck + rng.uniform(0.0, 0.08))
    stem = (length, deck + bow)
    low = bezier(
        (-length + rake, floor + 0.05), (-length * 0.5, floor - 0.05), (length * full, floor - 0.06), (stem[0], stem[1])
    )
    hull = Hull(low, bezier(stern, (0.0, deck - dip), stem))
    tilt = rng.uniform(-9, 9)
    scale = 0.98 - 0.008 * abs(tilt)
    boat = brush.at(0, 0.0, scale=scale, angle=tilt)
    if rng.random() < 0.28:  # a keel and a rudder
        boat.fill(
            rounded([(-0.16, floor + 0.1), (-0.12, floor - 0.10), (0.10, floor - 0.10), (0.22, floor + 0.1)], 0.04),
            darker(look.bottom, 0.15),
            **look.pen,
        )
        boat.fill(
            rounded(
                [
                    (-length + 0.0, deck - 0.08),
                    (-length - 0.04, floor - 0.05),
                    (-length + 0.09, floor - 0.05),
                    (-length + 0.12, deck - 0.1),
                ],
                0.03,
            ),
            darker(look.spar, 0.1),
            **look.pen,
        )
        boat = boat.at(0, 0.0)
    deeper = rng.random() < 0.35
    if deeper:  # a look over the near side into the boat
        far = bezier(stern, (0.0, deck + dip * 0.9 + 0.03), stem)
        boat.fill(polygon(np.vstack([hull.top, far[::-1]])), darker(WOOD, 0.25), **look.pen)
        boat.line(far, lighter(look.hull, 0.1), 0.03)
    rig(boat, rng, look, length, deck, lambda: _on_deck(boat, rng, look, length, deck, deeper))
    hull_side(boat, rng, look, hull)


def _on_deck(brush: Brush, rng: np.random.Generator, look: Look, length: float, deck: float, deeper: bool) -> None:
    what = rng.random()
    if what < 0.4 and not deeper:
        cabin(brush, rng, look, -length * rng.uniform(0.35, 0.5), length * rng.uniform(0.3, 0.5), deck - 0.02)
    elif what < 0.65:
        sailor(brush, rng, look, -length * 0.72, deck + 0.02)


def _mast(brush: Brush, look: Look, x: float, low: float, high: float, width: float = 0.042) -> None:
    brush.fill(
        bar((x, low), (x, high), width, width * 0.7), look.spar, **({**look.pen, "width": 0.012} if look.pen else {})
    )


Deck = Callable[[], None]


def _sloop(brush: Brush, rng: np.random.Generator, look: Look, length: float, deck: float, things: Deck) -> None:
    x, top, boom = rng.uniform(-0.02, 0.20), rng.uniform(0.86, 0.95), deck + rng.uniform(0.18, 0.26)
    reach = length * rng.uniform(0.82, 1.0)
    head = top - (0.02 if rng.random() < 0.5 else rng.uniform(0.1, 0.3))
    stay = (length * 0.96, deck + 0.10)
    brush.line([stay, (x, head)], darker(look.spar, 0.4), 0.010)
    brush.line([(-length * 0.97, deck + 0.04), (x, top)], darker(look.spar, 0.4), 0.010)
    things()
    _mast(brush, look, x, deck - 0.05, top)
    clew = (x - reach + (0.0 if x < 0.1 else 0.05), boom + rng.uniform(-0.03, 0.04))
    cloth(
        brush,
        rng,
        look,
        Sail(
            ((x - 0.025, boom), (x - 0.02, top - 0.04)),
            (clew, (x - 0.03, top - 0.03)),
            rng.uniform(0.0, 0.12),
            0.0,
            0.03,
        ),
        look.cloths[0],
    )
    brush.fill(bar((x, boom - 0.02), (clew[0] - 0.03, clew[1] - 0.02), 0.034), look.spar)
    if rng.random() < 0.88:
        low = (x + rng.uniform(0.04, 0.12), boom - rng.uniform(0.0, 0.08))
        if rng.random() < 0.25:
            low = (x - 0.16, boom - 0.03)
        jib = Sail(
            ((stay[0] - 0.03, stay[1] + 0.03), (x + 0.02, head - 0.03)),
            (low, (x + 0.015, head - 0.05)),
            -rng.uniform(0.0, 0.05),
            -0.03,
            0.05,
        )
        cloth(brush, rng, look, jib, look.cloths[1], plain=look.pattern in (3, 5) or rng.random() < 0.4)
    if rng.random() < 0.5:
        pennant(brush, rng, x, top + 0.05, -1)


def _lugger(brush: Brush, rng: np.random.Generator, look: Look, length: float, deck: float, things: Deck) -> None:
    """A sail with four corners under a slanting yard, and perhaps a small one before the mast."""
    x, boom, throat = rng.uniform(0.12, 0.34), deck + rng.uniform(0.16, 0.24), rng.uniform(0.40, 0.62)
    reach, peak = length * rng.uniform(0.85, 1.0) + x * 0.6, rng.uniform(0.85, 0.96)
    things()
    _mast(brush, look, x, deck - 0.05, throat + 0.22)
    if rng.random() < 0.6:
        stay = (length * 0.97, deck + 0.12)
        brush.line([stay, (x, throat + 0.18)], darker(look.spar, 0.4), 0.010)
        jib = Sail(
            ((stay[0] - 0.02, stay[1] + 0.02), (x + 0.02, throat + 0.15)),
            ((x + 0.06, boom), (x + 0.015, throat + 0.13)),
            0.0,
            -0.02,
            0.04,
        )
        cloth(brush, rng, look, jib, look.cloths[1], plain=look.pattern == 5)
    out = x - reach * rng.uniform(0.45, 0.62)
    sail = Sail(
        ((x - 0.03, boom), (x - 0.03, throat)),
        ((x - reach, boom + 0.02), (out, peak)),
        rng.uniform(0.02, 0.09),
        0.0,
        0.03,
    )
    cloth(brush, rng, look, sail, look.cloths[0])
    brush.fill(bar((x + 0.02, boom - 0.02), (x - reach - 0.03, boom), 0.036), look.spar)
    brush.fill(bar((x + 0.04, throat + 0.01 - 0.02), (out - 0.03, peak + 0.03), 0.036), look.spar)
    if rng.random() < 0.4:
        pennant(brush, rng, x, throat + 0.28, -1)


def _two_masts(brush: Brush, rng: np.random.Generator, look: Look, length: float, deck: float, things: Deck) -> None:
    front, back = rng.uniform(0.18, 0.28), rng.uniform(-0.46, -0.36)
    tall = (rng.uniform(0.82, 0.95), rng.uniform(0.55, 0.9))
    boom = deck + 0.2
    stay = (length * 1.02, deck + 0.14)
    brush.line(
        [(front, tall[0]), (back, tall[1]), (-length * 0.97, deck + 0.06)], darker(look.spar, 0.4), 0.010, curved=False
    )
    things()
    gaff = rng.random() < 0.4
    for x, top, room in ((back, tall[1], length * 0.97 + back), (front, tall[0], front - back - 0.08)):
        _mast(brush, look, x, deck - 0.05, top, 0.038)
        clew = (x - room, boom + 0.02)
        if gaff:
            throat = deck + (top - deck) * 0.66
            sail = Sail(((x - 0.02, boom), (x - 0.02, throat)), (clew, (x - room * 0.72, top - 0.06)), 0.03, 0.0, 0.02)
        else:
            sail = Sail(((x - 0.02, boom), (x - 0.02, top - 0.04)), (clew, (x - 0.03, top - 0.05)), 0.04, 0.0, 0.02)
        cloth(brush, rng, look, sail, look.cloths[0])
        brush.fill(bar((x, boom - 0.02), (clew[0] - 0.01, clew[1] - 0.02), 0.03), look.spar)
        if gaff:
            brush.fill(bar((x + 0.02, throat - 0.01), (x - room * 0.76, top - 0.03), 0.03), look.spar)
    brush.line([(length * 0.8, deck + 0.05), stay], look.spar, 0.035)
    for k in range(int(rng.integers(1, 3))):
        high = tall[0] - 0.1 - 0.22 * k
        tack = (stay[0] - 0.02 - 0.22 * k, stay[1] + 0.02 - 0.01 * k)
        jib = Sail(
            (tack, (front + 0.02, high)),
            ((tack[0] - 0.34, boom - 0.02), (front + 0.015, high - 0.02)),
            -0.05,
            -0.02,
            0.03,
        )
        cloth(brush, rng, look, jib, look.cloths[1], plain=look.pattern in (3, 5))
    for x, top in ((front, tall[0]), (back, tall[1])):
        if rng.random() < 0.5:
            pennant(brush, rng, x, top + 0.03, -1)


def _square(brush: Brush, rng: np.random.Generator, look: Look, length: float, deck: float, things: Deck) -> None:
    """A broad square sail across the mast, as on an old ship; sometimes a smaller one above it."""
    x, top = rng.uniform(-0.08, 0.08), rng.uniform(0.84, 0.94)
    brush.line(
        [(-length * 0.95, deck + 0.06), (x, top - 0.05), (length * 0.96, deck + 0.12)],
        darker(look.spar, 0.4),
        0.012,
        curved=False,
    )
    things()
    _mast(brush, look, x, deck - 0.05, top, 0.05)
    low, half = deck + 0.15, length * rng.uniform(0.68, 0.86)
    double = rng.random() < 0.4
    high = 0.25 if double else rng.uniform(0.55, 0.68)
    tiers = [(low, high, half, half * 0.86)] + ([(high + 0.09, top - 0.14, half * 0.8, half * 0.62)] if double else [])
    belly = rng.uniform(0.06, 0.14)
    for y0, y1, w0, w1 in tiers:
        sail = Sail(((x - w0, y0), (x - w1, y1)), ((x + w0, y0 + 0.02), (x + w1, y1)), belly, belly * 0.55, -0.07)
        cloth(brush, rng, look, sail, look.cloths[0])
        brush.fill(bar((x - w1 - 0.06, y1 + 0.015), (x + w1 + 0.06, y1 + 0.015), 0.042), look.spar)
    pennant(brush, rng, x, top + 0.05, 1)


def _ahead(brush: Brush, rng: np.random.Generator) -> None:
    """The boat comes towards the reader: a narrow hull, the sails spread to both sides or one great balloon."""
    look = paint_look(rng)
    boat = brush.at(0, 0.0, scale=0.95, angle=rng.uniform(-10, 10))
    w, deck, floor = rng.uniform(0.36, 0.50), rng.uniform(-0.54, -0.46), -0.96
    top = rng.uniform(0.88, 0.96)
    _mast(boat, look, 0.0, deck - 0.05, top, 0.045)
    if rng.random() < 0.5:
        reach = rng.uniform(0.55, 0.8)
        main = Sail(
            ((-0.02, deck + 0.12), (-0.015, top - 0.03)),
            ((-reach, deck + 0.16), (-0.03, top - 0.04)),
            rng.uniform(0.06, 0.16),
            0.0,
            0.05,
        )
        fore = Sail(
            ((0.02, deck + 0.06), (0.015, top - 0.12)),
            ((reach * rng.uniform(0.7, 1.0), deck + 0.16), (0.03, top - 0.14)),
            rng.uniform(0.04, 0.14),
            0.0,
            0.05,
        )
        cloth(boat, rng, look, main, look.cloths[0])
        cloth(boat, rng, look, fore, look.cloths[1], plain=look.pattern == 5)
        boat.fill(bar((0, deck + 0.10), (-reach - 0.02, deck + 0.14), 0.034), look.spar)
    else:
        reach = rng.uniform(0.55, 0.70)
        back = Sail(
            ((0.0, deck + 0.1), (0.0, top - 0.02)), ((-reach * 1.1, deck + 0.12), (0.0, top - 0.03)), 0.1, 0.0, 0.03
        )
        cloth(boat, rng, look, back, look.cloths[1], plain=True)
        bag = Sail(
            ((-reach * 0.72, deck + 0.06), (0.02, top - 0.08)),
            ((reach, deck + 0.10), (0.08, top - 0.08)),
            rng.uniform(0.22, 0.30),
            -rng.uniform(0.18, 0.26),
            -0.10,
        )
        cloth(boat, rng, look, bag, look.cloths[0])
    n = np.linspace(-1, 1, 15)
    side = np.stack(
        [
            w * np.sign(n) * np.abs(n) ** rng.uniform(0.5, 0.9),
            floor + (deck - floor) * np.abs(n) ** rng.uniform(1.6, 2.6),
        ],
        1,
    )
    rim = np.stack([w * n[::-1], deck - 0.05 * (1 - n**2)], 1)
    boat.fill(polygon(np.vstack([side, rim, side[:1]])), look.hull, **look.pen)
    low = side[4:11]
    boat.fill(polygon(np.vstack([low, low[:1]])), look.bottom if sum(look.bottom) < 2.4 else look.trim)
    right = np.vstack([side[7:], rim[:8]])
    if look.shaded:
        boat.fill(polygon(right), (0, 0, 0), alpha=0.14)
    boat.line([(0, deck - 0.04), (0, floor + 0.02)], darker(look.hull, 0.25), 0.02)
    boat.line(rim, look.trim, 0.045)
    if rng.random() < 0.6:
        pennant(boat, rng, 0.0, top + 0.05, rng.choice([-1.0, 1.0]))


def sailboat(brush: Brush, rng: np.random.Generator) -> None:
    """A sailboat: sloop, lugger, two-master or square sail from the side, or any boat coming towards the reader."""
    if rng.random() < 0.8:
        _side(brush, rng)
    else:
        _ahead(brush, rng)
