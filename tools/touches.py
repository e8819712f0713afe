"""Point at, click and drag what can be touched in a widget on a page, with mouse and keyboard, and time the echo.

A widget's overlay carries its scene (``courseScene``, see ``course_lib/widgets/pointer.js``). Times are taken in the
page: from the browser's own time of the event to the frame that shows the tip, or to the load of the next picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Locator, Page, TimeoutError

#: Notes the time of the last event in the overlay, of the frame after it, of the tip's and the picture's next change.
WATCH = """overlay => {
  if (overlay.courseEcho) return;
  const echo = overlay.courseEcho = {};
  const picture = overlay.closest('.course-touch').querySelector('img');
  const tip = overlay.querySelector('.course-tip');
  const begin = event => {
    Object.assign(echo, {began: event.timeStamp, frame: null, tip: null, picture: null});
    requestAnimationFrame(() => { echo.frame ??= performance.now(); });
  };
  for (const kind of ['pointermove', 'pointerup', 'keydown']) overlay.addEventListener(kind, begin, true);
  new MutationObserver(() => { echo.tip ??= performance.now(); })
    .observe(tip, {childList: true, characterData: true, subtree: true});
  picture.addEventListener('load', () => { echo.picture ??= performance.now(); });
}"""


#: Brings a height of the picture, as a share of it, into sight.
SCROLL = """(overlay, share) => {
  const frame = overlay.getBoundingClientRect(), at = frame.top + share * frame.height;
  if (at > 150 && at < innerHeight - 150) return;
  overlay.scrollIntoView({block: 'start'});
  overlay.closest('.jp-WindowedPanel-outer').scrollTop += share * frame.height - 400;
}"""


@dataclass
class Touches:
    """What a widget's picture did.

    Attributes:
        spots, gestures: how many spots its first picture has, and how many of them move something.
        clicked, keyed, tips: whether a click and the keyboard changed the picture, and how many tips were seen.
        tip_ms, redraw_ms: milliseconds from the pointer to the words, and from a click to the next picture.
    """

    spots: int = 0
    gestures: int = 0
    clicked: bool = False
    keyed: bool = False
    tips: int = 0
    tip_ms: list[float] = field(default_factory=list)
    redraw_ms: list[float] = field(default_factory=list)


#: What the picture under an overlay is.
PICTURE = "e => e.closest('.course-touch').querySelector('img').src"


def overlay_of(widget: Locator) -> Locator:
    """The overlay of a widget's picture, ready to be touched."""
    overlay = widget.locator(".course-pointer")
    overlay.first.wait_for(state="attached", timeout=20_000)
    widget.page.wait_for_function("e => e.courseScene !== undefined", arg=overlay.first.element_handle())
    overlay.first.evaluate(WATCH)
    return overlay.first


def places(scene: dict[str, Any], *, moving: bool | None = None, most: int = 8) -> Iterator[tuple[int, int, int]]:
    """(spot, row, column) of regions far apart: of spots that move something, or do not, or of all."""
    for number, spot in list(enumerate(scene["spots"]))[:: max(1, len(scene["spots"]) // most)]:
        if moving is None or (spot["gesture"] is not None) == moving:
            rows, columns = spot["rows"], spot["columns"]
            for row, column in {(rows // 3, columns // 4), (rows // 2, 3 * columns // 4)}:
                yield number, row, column


def point(overlay: Locator, place: tuple[int, int, int]) -> tuple[float, float]:
    """Where the middle of a region is on the page; the page is scrolled there."""
    spot = overlay.evaluate("e => e.courseScene")["spots"][place[0]]
    left, top, width, height = spot["box"]
    x = left + width * (place[2] + 0.5) / spot["columns"]
    y = top + height * (place[1] + 0.5) / spot["rows"]
    overlay.evaluate(SCROLL, y)
    frame = overlay.bounding_box()
    assert frame is not None
    return frame["x"] + x * frame["width"], frame["y"] + y * frame["height"]


def echo(page: Page, overlay: Locator, what: str, milliseconds: float = 8000) -> float | None:
    """Milliseconds from the last event to the next ``what`` ("tip", "frame" or "picture"); None if there was none."""
    handle = overlay.element_handle()
    try:
        page.wait_for_function(f"e => e.courseEcho.{what} != null", arg=handle, timeout=milliseconds)
    except TimeoutError:
        return None
    return float(overlay.evaluate(f"e => e.courseEcho.{what} - e.courseEcho.began"))


def touch_all(widget: Locator, *, tries: int = 6) -> Touches:
    """Point at some spots, click some, and use the keyboard."""
    page, overlay, found = widget.page, overlay_of(widget), Touches()
    scene = overlay.evaluate("e => e.courseScene")
    found.spots = len(scene["spots"])
    found.gestures = sum(spot["gesture"] is not None for spot in scene["spots"])
    tip = overlay.locator(".course-tip")
    for place in [*places(scene)][:tries]:
        words = scene["spots"][place[0]]["tips"]
        page.mouse.move(*point(overlay, place))
        seen = echo(page, overlay, "frame" if words else "tip", 3000)
        if seen is not None and tip.evaluate("e => getComputedStyle(e).visibility") == "visible" and tip.inner_text():
            found.tips += 1
            found.tip_ms.append(seen)
    for place in [*places(scene, moving=True)][:tries]:
        if place[0] >= len(overlay.evaluate("e => e.courseScene.spots")):
            continue  # this picture has fewer
        before = overlay.evaluate(PICTURE)
        page.mouse.move(*point(overlay, place))
        page.wait_for_timeout(120)
        page.mouse.down()
        page.mouse.up()
        seen = echo(page, overlay, "picture", 2500)
        if seen is not None:
            found.clicked = True
            found.redraw_ms.append(seen)
        elif overlay.evaluate(PICTURE) != before:  # pointing had moved it before the click came
            found.clicked = True
        page.wait_for_timeout(300)
    page.mouse.move(4, 4)
    found.keyed = keyboard(page, overlay)
    return found


def keyboard(page: Page, overlay: Locator, *, steps: int = 12) -> bool:
    """One Tab stop; arrows go from spot to spot; Enter moves what can be moved. Whether the picture changed."""
    cursor = overlay.locator(".course-cursor")
    cursor.focus()
    before = overlay.evaluate(PICTURE)
    names = set()
    for step in range(steps):
        page.keyboard.press(("ArrowRight", "ArrowDown", "ArrowRight", "ArrowRight", "ArrowUp")[step % 5])
        page.wait_for_timeout(80)
        names.add(cursor.get_attribute("aria-label"))
        page.keyboard.press("Enter")
        page.wait_for_timeout(250)
        if overlay.evaluate(PICTURE) != before and len(names) > 1:
            break
    changed = overlay.evaluate(PICTURE) != before
    kept = bool(cursor.evaluate("e => document.activeElement === e"))
    cursor.evaluate("e => e.blur()")
    return bool(changed) and kept
