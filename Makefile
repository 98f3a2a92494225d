# Needs Python >= 3.11 with venv and pip; everything else is installed into .venv.
#   make demo | test | test-all | lint | bench | docs-check | wheel | clean
#   PYTHON=python3.12 make test     another interpreter: the environment is made anew for it

usable = import sys, venv, ensurepip; assert sys.version_info >= (3, 11)
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11 python; do \
	$$name -c "$(usable)" 2>/dev/null && { echo $$name; exit; }; done; echo python3)
VENV ?= .venv
BIN := $(VENV)/bin
VERSION := $(shell $(PYTHON) -c "import sys; print('%d.%d' % sys.version_info[:2])" 2>/dev/null)
READY := $(VENV)/.ready-$(VERSION)
PYTEST := $(BIN)/python -m pytest -n 2
COVERED := --cov --cov-report= --cov-fail-under=90

.DELETE_ON_ERROR:
.PHONY: demo test test-all lint bench docs-check wheel clean

demo: $(READY)-bench
	$(BIN)/python examples/demo.py
	@echo && echo "Two games, played by simulated players with memories of different kinds and lengths."
	@mkdir -p runs
	$(BIN)/agentmem bench run bench/suites/smoke.yaml --out runs >runs/smoke.txt
	$(BIN)/python examples/digest.py runs/smoke.txt

test: $(READY)-test
	$(PYTEST)

test-all: $(READY)-dev $(READY)-torch $(READY)-lab
	$(PYTEST) $(COVERED) -m "slow or not slow"

lint: $(READY)-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check agentmem bench examples scripts tests
	$(BIN)/mypy
	$(BIN)/mypy --disable-error-code import-not-found examples scripts bench

bench: $(READY)-dev
	$(BIN)/python bench/startup.py
	$(BIN)/python bench/speed.py
	$(BIN)/python bench/maintain.py
	$(BIN)/python bench/ledger.py
	$(BIN)/python bench/retrieval.py
	$(BIN)/python bench/consolidation.py
	$(BIN)/python bench/encryption.py
	$(BIN)/python bench/erasure.py
	$(BIN)/python bench/need.py

# The code blocks of the documents run as they stand.
docs-check: $(READY)-test
	$(BIN)/python -m pytest tests/test_docs.py

# The wheel and the sdist, tried in an environment of their own outside the source tree.
wheel: $(READY)-dev
	rm -rf dist
	$(BIN)/python -m build --outdir dist .
	$(BIN)/python scripts/check_wheel.py dist

clean:
	rm -rf $(VENV) dist build .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# An environment counts only once it is complete: killed half way, it is made anew.
$(READY):
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" || { \
		echo "agentmem needs Python 3.11 or newer. Choose one: PYTHON=python3.12 make ..." >&2; exit 1; }
	@$(PYTHON) -c "import venv, ensurepip" || { \
		echo "$(PYTHON) has no venv module; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	@touch $@

# torch first, and alone: whatever asks for it otherwise may bring gigabytes of CUDA packages along.
$(READY)-torch: $(READY)-dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[torch]"
	@touch $@

$(READY)-lab: $(READY)-torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[lab]"
	@touch $@

$(READY)-%: $(READY) pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[$*]"
	@touch $@
