# make demo    reconstructs a bundled clip and prints where the results are
# make test    passes the tests
# make fuzz    reads files that are made bad for MINUTES (2); SEED repeats the edits of another time
# make lint | types | docs | wheel    what CI asks besides: ruff, mypy, the site without warnings, the wheel used alone
# Each creates .venv and installs the package the first time; a stamp file makes the second time quick.
# PYTHON chooses the interpreter (3.11 or newer), CLIP the clip of the demo, OUT its folder.

PYTHON ?= python3
VENV ?= .venv
SITE ?= site
CLIP ?= assets/clips/walk.npz
OUT ?= out/$(basename $(notdir $(CLIP)))
MINUTES ?= 2
SEED ?=
BIN := $(VENV)/bin

.PHONY: demo test fuzz lint types docs wheel clean

demo: $(VENV)/.stamp-test
	$(BIN)/motionrecon reconstruct $(CLIP) --out $(OUT)
	@echo "Results: $(OUT)/motion.npz (the motion) and $(OUT)/report.json (how good it is)"

test: $(VENV)/.stamp-test
	$(BIN)/python -m pytest -n 2 --dist loadfile

fuzz: $(VENV)/.stamp-test
	$(BIN)/motionrecon benchmark fuzz --minutes $(MINUTES) --out out/fuzz $(if $(SEED),--seed $(SEED))

lint: $(VENV)/.stamp-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.stamp-dev
	$(BIN)/mypy

docs: $(VENV)/.stamp-dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --site-dir $(SITE)

wheel:
	PYTHON=$(PYTHON) .ci/wheel

$(VENV)/.stamp-test: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "motionrecon needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1 | head -1)." \
	       "Name another: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	@touch $@

$(VENV)/.stamp-dev: $(VENV)/.stamp-test
	$(BIN)/python -m pip install --quiet --editable '.[lint,docs]'
	@touch $@

clean:
	rm -rf $(VENV) build dist site *.egg-info
