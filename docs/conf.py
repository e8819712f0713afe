"""Settings of the API reference: `make docs`. Every page is made from the docstrings; nothing is typed here twice."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "docs")]

project = "Image classifiers, hands on"
author = "The course's authors"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode", "rooms", "teaching"]
exclude_patterns = ["build"]
html_theme = "alabaster"
html_static_path: list[str] = []
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
napoleon_google_docstring = True
napoleon_use_rtype = False
suppress_warnings = ["myst.xref_missing", "myst.header"]
html_theme_options = {"page_width": "1200px"}
