# make lab        set everything up, open JupyterLab at the first lesson   (LAB_ARGS="--no-browser --port=9000")
# make test       set everything up, run every test, notebooks included    (TEST_ARGS="-k doctor")
# make notebooks  run the lessons' text and write the notebooks            (NAMES="01 02")
# make lint       ruff, formatting, types and the rules of the house, in seconds
# make docs       the API reference, from the docstrings: build/docs/index.html
# make bench      run every benchmark and print its figures
# make clean      remove the environment and everything else that was made
#
# PYTHON=/path/to/python3 chooses the Python; VENV=folder the environment's place; TORCH=cpu or cuda the build of
# PyTorch, where the choice by itself (no CUDA without an NVIDIA card) isn't what you want. Recipes use relative paths alone:
# the name of this folder may hold a space.

VENV ?= .venv
WORKERS ?= 2
override PY = "$(VENV)/bin/python"

# What a learner has configured for other projects must not change a test. (OMP_NUM_THREADS: one per test worker.)
ISOLATED = env -u PYTHONPATH -u PYTHONHOME -u PYTHONSTARTUP -u JUPYTER_PATH -u JUPYTER_CONFIG_PATH -u MPLBACKEND \
	-u MATPLOTLIBRC -u COURSE_WEIGHTS_MIRROR -u PYTEST_ADDOPTS PYTHONNOUSERSITE=1 JUPYTER_PREFER_ENV_PATH=1 \
	JUPYTER_CONFIG_DIR="$$var/config" JUPYTER_DATA_DIR="$$var/share" JUPYTER_RUNTIME_DIR="$$var/runtime" \
	COURSE_PROGRESS="$$var/progress.json" IPYTHONDIR="$$var/ipython" MPLCONFIGDIR="$$var/matplotlib" COURSE_WEIGHTS=course
VAR = var="$$(cd "$(VENV)" && pwd)/var"; mkdir -p "$$var/runtime";

.PHONY: lab test notebooks lint docs bench clean environment

lab: environment
	@export JUPYTER_PREFER_ENV_PATH=1; exec $(PY) -m jupyterlab $$(test "$$(id -u)" != 0 || echo --allow-root) \
		$(LAB_ARGS) notebooks/00_start_here.ipynb

test: environment
	@$(VAR) OMP_NUM_THREADS=1 $(ISOLATED) $(PY) -m pytest -n $(WORKERS) --dist loadscope \
		--nbval --nbval-current-env --nbval-sanitize-with notebooks/sanitize.cfg --nbval-cell-timeout 300 \
		tests course_lib picturebook notebooks/*.ipynb $(TEST_ARGS)

notebooks: environment
	@$(VAR) $(ISOLATED) $(PY) tools/notebooks.py $(NAMES)

lint: environment
	@$(PY) -c "import mypy, ruff" 2>/dev/null || $(PY) -m pip install -q -c constraints/tested.txt -e ".[lint]"
	@$(PY) -m ruff check . && $(PY) -m ruff format --check . && $(PY) -m mypy && $(PY) -m pytest -q tests/test_house.py

docs: environment
	@$(PY) -c "import sphinx, myst_parser" 2>/dev/null || $(PY) -m pip install -q -e ".[docs]"
	@$(PY) -m sphinx -q -W --keep-going docs build/docs && echo "build/docs/index.html"

bench: environment
	@for file in benchmarks/*.py; do \
		test -e "$$file" || continue; echo "== $$file"; $(PY) "$$file" || exit 1; \
	done

clean:
	rm -rf "$(VENV)" build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis screenshots
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

environment:
	@VENV="$(VENV)" PYTHON="$(PYTHON)" TORCH="$(TORCH)" sh tools/setup.sh
