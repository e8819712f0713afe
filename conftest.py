"""For every test, notebooks included: what a learner has solved on this machine is neither read nor changed."""

import os
import tempfile
from pathlib import Path

_FOLDER = tempfile.TemporaryDirectory()
os.environ["COURSE_PROGRESS"] = str(Path(_FOLDER.name, "progress.json"))
