"""Every widget under mouse and keyboard in JupyterLab; and with the pointer's module blocked."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from playwright.sync_api import Browser

from tools import lab, notebooks, touches

ROOT = Path(__file__).resolve().parents[2]
START = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from tests.widget_examples import DECLARED, built
"""
SLOW = """
import time
from course_lib.drawing.sheet import INK, Sheet
from course_lib.widgets.explorer import Explorer, number
def draw(n):
    time.sleep(1.5 * (n == 5))
    sheet = Sheet(200, 100)
    sheet.boxes([(10, 10, 60, 60)], edge=INK)
    sheet.spot("n", (10, 10, 60, 60), "five", 5)
    return sheet.still(f"n is {n}")
Explorer(draw, {"n": number("n", 1, 9, 1)}, touch={"n": "n"})
"""
#: Widgets whose pictures only show words: nothing in them is a place of a control.
TIPS_ONLY = {
    "block_explorer", "cfg_builder", "eval_or_train", "prediction_explorer", "temperature", "training_curves",
    "weights_browser",
}  # fmt: skip
Opened = Callable[[str], AbstractContextManager[lab.Notebook]]


def names() -> list[str]:
    from tests.widget_examples import DECLARED

    return sorted(DECLARED)


def write(root: Path, name: str, cells: list[str]) -> None:
    book = new_notebook(cells=[new_markdown_cell("# Trial"), *map(new_code_cell, cells)], metadata=notebooks.METADATA)
    nbformat.write(book, root / name)


def test_every_widget_answers_to_pointer_and_keyboard(root: Path, opened: Opened) -> None:
    write(root, "touch.ipynb", [START, *(f"built({name!r})" for name in names())])
    with opened("touch.ipynb") as notebook:
        notebook.run_all(240)
        assert notebook.errors() == []
        outputs = notebook.page.locator(".jp-OutputArea-output:has(.course-explorer)")
        assert outputs.count() == len(names())
        faults = []
        for number, name in enumerate(names()):
            found = touches.touch_all(outputs.nth(number), tries=4)
            print(f"{name}: {found}")
            if not found.tips:
                faults.append(f"{name}: no words under the pointer")
            if name in TIPS_ONLY:
                assert not found.gestures, name
            elif not (found.clicked and found.keyed):
                faults.append(f"{name}: clicked {found.clicked}, keyboard {found.keyed}")
        assert faults == []
        assert notebook.errors() == [] and notebook.complaints == []
        assert len(notebook.prompts()) == len(names()) + 1  # no key inserted a cell


def test_a_drag_is_followed_and_lists_keep_their_keys(root: Path, opened: Opened) -> None:
    write(root, "drag.ipynb", [START, "built('crop_explorer')", "built('stage_stepper')"])
    with opened("drag.ipynb") as notebook:
        notebook.run_all(120)
        page = notebook.page
        crop, stages = page.locator(".jp-OutputArea-output:has(.course-explorer)").all()
        overlay = touches.overlay_of(crop)
        readout = crop.locator(".widget-readout")
        for start, end in ((2, 12), (12, 5)):  # the second drag is as good as the first
            (x, y), (to, _) = (touches.point(overlay, (0, 0, column)) for column in (start, end))
            page.mouse.move(x, y)
            page.mouse.down()
            for step in range(1, 9):
                page.mouse.move(x + (to - x) * step / 8, y + 3)
                page.wait_for_timeout(30)
            page.mouse.up()
            lab.wait_for("the slider to follow", lambda end=end: readout.inner_text() == str(5 * end), 20)
        cells = page.locator(".jp-Cell").count()
        listed = stages.locator("select")
        listed.focus()
        page.keyboard.press("b")
        page.keyboard.press("ArrowDown")
        lab.wait_for("the list to move", lambda: listed.input_value() != "resnet18", 10)
        assert page.locator(".jp-Cell").count() == cells, "a key that was meant for the list made a cell"
        assert page.locator(".course-touch img").first.get_attribute("alt")
        assert notebook.complaints == []


def test_what_takes_long_says_so_and_the_picture_has_its_new_name(root: Path, opened: Opened) -> None:
    write(root, "slow.ipynb", [START, SLOW])
    with opened("slow.ipynb") as notebook:
        notebook.run_all(120)
        page = notebook.page
        overlay = touches.overlay_of(page.locator(".jp-OutputArea-output:has(.course-explorer)"))
        picture, busy = page.locator(".course-touch img"), overlay.locator(".course-busy")
        assert picture.get_attribute("alt") == "n is 1" and not busy.is_visible()
        page.mouse.move(*touches.point(overlay, (0, 0, 0)))
        page.mouse.down()
        page.mouse.up()
        busy.wait_for(state="visible", timeout=10_000)
        busy.wait_for(state="hidden", timeout=20_000)
        lab.wait_for("the new name", lambda: picture.get_attribute("alt") == "n is 5", 10)
        assert notebook.complaints == []


def test_with_the_module_blocked_the_picture_and_its_controls_are_there(
    root: Path, server: lab.Server, browser: Browser
) -> None:
    write(root, "blocked.ipynb", [START, "built('crop_explorer')"])
    context = browser.new_context(viewport={"width": 1200, "height": 1300})
    context.route("**/extensions/anywidget/**", lambda route: route.abort())
    try:
        notebook = lab.Notebook(server, context.new_page(), "blocked.ipynb")
        notebook.run_all(120)
        picture = notebook.page.locator(".course-touch img")
        picture.wait_for()
        box = picture.bounding_box()
        assert box is not None and box["height"] > 100
        assert notebook.errors() == []  # no red box in sight, and nothing in the page says so
        assert notebook.page.locator(".course-touch .jupyter-widgets-error-widget:visible").count() == 0
        before = picture.get_attribute("src")
        slider = notebook.page.locator(".widget-slider .noUi-handle").first
        slider.focus()
        slider.press("ArrowRight")
        notebook.page.wait_for_function("before => document.querySelector('.course-touch img').src !== before",
                                        arg=before)  # fmt: skip
    finally:
        context.close()
        server.shut_down_kernels()


def test_a_figure_by_itself_shows_its_words_without_kernel_or_script(root: Path, opened: Opened) -> None:
    show = (
        "import os; os.environ['COURSE_TOUCH'] = '1'\nfrom course_lib import block\nblock('resnet18', path='layer1.0')"
    )
    write(root, "figure.ipynb", [START, show])
    with opened("figure.ipynb") as notebook:
        notebook.run_all(120)
        mark = notebook.page.locator(".course-figure i").first
        mark.hover()
        words = mark.evaluate("e => [getComputedStyle(e, '::after').content, getComputedStyle(e, '::after').width]")
        assert "3×3" in words[0] or "conv" in words[0] or "It " in words[0], words
        assert float(words[1].removesuffix("px")) > 100
        assert notebook.errors() == [] and notebook.complaints == []
