"""Run a notebook in JupyterLab and save what a learner sees: `python tools/screenshot.py NOTEBOOK FOLDER`.

The notebook is opened as a copy beside its own folder's files, so the saved one is not touched. `--as-saved` opens it
without running anything: the stills, as GitHub shows them. `--move` moves every widget first, and says what did not
answer.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tools import controls, lab


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebook", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--as-saved", action="store_true", help="run nothing")
    parser.add_argument("--move", action="store_true", help="move every widget's controls before the pictures")
    parser.add_argument("--width", type=int, default=1200)
    parser.add_argument("--dark", action="store_true", help="in JupyterLab's dark theme")
    parser.add_argument("--seconds", type=float, default=300, help="how long the notebook may run")
    options = parser.parse_args()
    # The course is imported from this checkout even where it is not installed.
    environment = {"PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    with tempfile.TemporaryDirectory(prefix="notebooks-") as root:
        shutil.copy(options.notebook, root)
        with (
            lab.jupyterlab(Path(root), environment, dark=options.dark) as server,
            lab.chromium() as browser,
            lab.opened(server, browser, options.notebook.name, width=options.width) as notebook,
        ):
            if not options.as_saved:
                notebook.run_all(options.seconds)
            if options.move:
                print(*controls.move_all(notebook), sep="\n")
            print(*notebook.screenshots(options.folder), sep="\n")
            problems = notebook.errors() + ([] if options.as_saved else notebook.complaints)
            unfilled = 0 if options.as_saved else notebook.prompts().count("[ ]:")
    for problem in problems:
        print(problem, file=sys.stderr)
    if unfilled:
        print(f"{unfilled} cells did not run", file=sys.stderr)
    return 1 if problems or unfilled else 0


if __name__ == "__main__":
    sys.exit(main())
