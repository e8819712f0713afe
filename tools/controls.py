"""Move every control of every widget on a page, and say for each whether the widget answered.

A widget is one output that holds ipywidgets. It answers when its pictures, tables or texts are other than before; a
control that has several values gets a few chances, since two of them may rightly look the same.
"""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from PIL import Image, ImageDraw
from playwright.sync_api import Locator

from tools.lab import Notebook

#: Moves a control; the number says which attempt this is, so that each can take another value.
Move = Callable[[Locator, int], None]

#: A widget's output: what it shows is compared, what it is steered with is left out.
WIDGETS = ".jp-NotebookPanel .jp-OutputArea-output:has(.jupyter-widgets)"

#: Bytes of the pictures (their addresses change even when they do not), and the text outside the controls.
SHOWN = """async group => {
  const parts = [];
  for (const image of group.querySelectorAll('img')) {
    const bytes = new Uint8Array(await (await fetch(image.src)).arrayBuffer());
    let sum = 2166136261;
    for (const byte of bytes) sum = Math.imul(sum ^ byte, 16777619);
    parts.push(bytes.length + ':' + sum);
  }
  for (const node of group.querySelectorAll('.widget-html, .widget-html-content, .widget-label, .widget-output, svg'))
    if (!node.closest('.widget-slider, .widget-dropdown, .widget-toggle-buttons, .widget-checkbox, .widget-radio'))
      parts.push(node.innerHTML);
  for (const bar of group.querySelectorAll('.progress-bar, .widget-progress')) parts.push(bar.outerHTML);
  return parts.join('|');
}"""


@dataclass(frozen=True)
class Moved:
    """One control that was moved: where, what it is, whether the widget answered, and with which error, if any."""

    widget: int
    kind: str
    name: str
    answered: bool
    error: str = ""

    @property
    def well(self) -> bool:
        return self.answered and not self.error

    def __str__(self) -> str:
        how = self.error or ("answers" if self.answered else "DOES NOT ANSWER")
        return f"widget {self.widget}: {self.kind} {self.name!r} {how}"


def _press(*keys: str) -> Move:
    def move(control: Locator, attempt: int) -> None:
        control.focus()
        control.press(keys[attempt % len(keys)])

    return move


def _choose(control: Locator, attempt: int) -> None:
    count = control.locator("option").count()
    current = control.evaluate("e => e.selectedIndex")
    if count > 1:
        control.select_option(index=(current + 1) % count)


def _next_button(group: Locator, attempt: int) -> None:
    buttons = group.locator("button:not(.mod-active)")
    if buttons.count():
        buttons.nth(attempt % buttons.count()).click()


def _next_radio(group: Locator, attempt: int) -> None:
    inputs = group.locator("input:not(:checked)")
    if inputs.count():
        inputs.nth(attempt % inputs.count()).click()


def _write(control: Locator, attempt: int) -> None:
    control.fill(f"{control.input_value()}{attempt + 1}")
    control.press("Enter")
    control.blur()


def _click(control: Locator, attempt: int) -> None:
    control.click()


def _upload(control: Locator, attempt: int) -> None:
    picture = Image.new("RGB", (120, 90), (70 * attempt % 255, 120, 200))
    ImageDraw.Draw(picture).ellipse((20, 20, 80, 70), fill="white")
    data = io.BytesIO()
    picture.save(data, "PNG")
    with control.page.expect_file_chooser() as chooser:
        control.click()
    chooser.value.set_files({"name": "picture.png", "mimeType": "image/png", "buffer": data.getvalue()})


#: kind -> (selector inside the widget's output, how to move it). Buttons last: a "reset" needs something to undo.
KINDS: dict[str, tuple[str, Move]] = {
    "slider": (".widget-slider .noUi-handle", _press("ArrowRight", "Home", "End")),
    "dropdown": (".widget-dropdown select", _choose),
    "list": (".widget-select select", _choose),
    "toggle buttons": (".widget-toggle-buttons", _next_button),
    "radio buttons": (".widget-radio-box", _next_radio),
    "checkbox": (".widget-checkbox input", _click),
    "toggle": (".widget-toggle-button:not(.widget-toggle-buttons *)", _click),
    "number": (".widget-text input[type=number]", _press("ArrowUp", "ArrowDown")),
    "text": (".widget-text input[type=text], .widget-textarea textarea", _write),
    "upload": ("button.widget-upload", _upload),
    "button": ("button.widget-button:not(.widget-upload, .widget-toggle-button, .widget-toggle-buttons *)", _click),
}


def move_all(notebook: Notebook, *, seconds: float = 15, attempts: int = 3) -> Iterator[Moved]:
    """Move every control in sight of every widget, those behind tabs and folded panels too."""
    widgets = notebook.page.locator(WIDGETS)
    for number in range(widgets.count()):
        widget = widgets.nth(number)
        widget.scroll_into_view_if_needed()
        for fold in widget.locator(".jp-Collapse-header, .jupyter-widget-Collapse-header").all():
            fold.click()
        tabs = widget.locator(".jupyter-widget-tab .lm-TabBar-tab, .widget-tab .lm-TabBar-tab")
        for tab in range(max(1, tabs.count())):
            if tabs.count():
                tabs.nth(tab).click()
            for kind, (selector, move) in KINDS.items():
                for index in range(widget.locator(selector).count()):
                    control = widget.locator(selector).nth(index)
                    if control.is_visible() and control.is_enabled() and _can_move(control):
                        name = _name(control)
                        answered = _answers(notebook, widget, control, move, seconds, attempts)
                        yield Moved(number, kind, name, answered, _error(widget))


def _can_move(control: Locator) -> bool:
    """A list of one entry has nothing else to show."""
    return bool(control.evaluate("e => e.tagName !== 'SELECT' || e.options.length > 1"))


def _name(control: Locator) -> str:
    return control.evaluate(
        """e => { const box = e.closest('.widget-inline-hbox, .widget-radio, .widget-checkbox') || e;
                  const labels = [...box.querySelectorAll('.widget-label, .widget-label-basic'), box];
                  const names = labels.map(one => one.textContent.replace(/\\u200b/g, '').trim());
                  return (names.find(name => name) || e.title).slice(0, 60); }"""
    )


def _error(widget: Locator) -> str:
    """An unforeseen error that a widget caught and shows as text: a class's name, not a sentence for a learner."""
    texts = widget.locator(".widget-html, .widget-output").all_inner_texts()
    found = re.search(r"\b[A-Za-z]+(Error|Exception|Warning): .*", "\n".join(texts))
    return found[0][:200] if found else ""


def _answers(notebook: Notebook, widget: Locator, control: Locator, move: Move, seconds: float, attempts: int) -> bool:
    before = widget.evaluate(SHOWN)
    for attempt in range(attempts):
        move(control, attempt)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if widget.evaluate(SHOWN) != before:
                _settle(notebook)
                return True
            time.sleep(0.1)
            if time.monotonic() > end - seconds + 5 and notebook.server.kernels_idle():
                break  # it had its say: try another value
    return False


def _settle(notebook: Notebook) -> None:
    """Let the kernel finish, so that a late answer is not taken for the next control's."""
    end = time.monotonic() + 30
    time.sleep(0.2)
    while not notebook.server.kernels_idle() and time.monotonic() < end:
        time.sleep(0.1)
    time.sleep(0.2)
