"""How long a picture takes to answer to the pointer, in JupyterLab with a real browser.

    python benchmarks/pointer.py

Every widget, built as in its declaration from small models: from the browser's own time of the pointer's event to the
frame that shows the words (asked of the kernel where a grid is large), and from a click to the load of the next
picture, the redraw included. Needs what tests/browser needs: JupyterLab, playwright and chromium.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.widget_examples import DECLARED
from tools import lab, notebooks, touches

ROOT = Path(__file__).resolve().parents[1]
START = f"import sys; sys.path.insert(0, {str(ROOT)!r})\nfrom tests.widget_examples import built"


def summary(values: Sequence[float]) -> str:
    """Median and 95th percentile of milliseconds."""
    if not values:
        return "      –        "
    ordered = sorted(values)
    return f"{statistics.median(ordered):6.1f} {ordered[int(0.95 * (len(ordered) - 1) + 0.5)]:6.1f} ms"


def main() -> int:
    names = sorted(DECLARED)
    cells = [new_code_cell(code) for code in (START, *(f"built({name!r})" for name in names))]
    tips: list[float] = []
    redraws: list[float] = []
    with tempfile.TemporaryDirectory() as root:
        book = new_notebook(cells=[new_markdown_cell("# Pointer"), *cells], metadata=notebooks.METADATA)
        nbformat.write(book, Path(root, "pointer.ipynb"))
        with (
            lab.jupyterlab(Path(root), {"PYTHONPATH": str(ROOT)}) as server,
            lab.chromium() as browser,
            lab.opened(server, browser, "pointer.ipynb", width=1400) as notebook,
        ):
            notebook.run_all(300)
            outputs = notebook.page.locator(".jp-OutputArea-output:has(.course-explorer)")
            print(f"{'':26} {'tip: median, p95':>18} {'redraw: median, p95':>22}")
            for number, name in enumerate(names):
                found = touches.touch_all(outputs.nth(number), tries=8)
                tips += found.tip_ms
                redraws += found.redraw_ms
                print(f"{name:26} {summary(found.tip_ms):>18} {summary(found.redraw_ms):>22}")
    size = sum((ROOT / "course_lib" / "widgets" / f"pointer.{kind}").stat().st_size for kind in ("js", "css"))
    print(f"{'all':26} {summary(tips):>18} {summary(redraws):>22}")
    print(f"JavaScript and CSS: {size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
