# Sets everything up and runs it, from a bare clone with Python 3.11, git and make.

PYTHON ?= python3.11
LOCK ?= requirements/cpu.txt
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
TORCH_CPU_INDEX := https://download.pytorch.org/whl/cpu

export DAGSTER_HOME ?= $(CURDIR)/.dagster_home
export DO_NOT_TRACK := 1

# Two processes, a file's tests in one of them; begun in the order of conftest.py. Threads of OpenMP
# wait for each other busily: with two in each process, tests take many times as long on two cores.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder \
  --durations=20
SLOW := slow or attack or soak

.PHONY: help setup demo ui test test-slow lint hooks lock check-gpu-lock clean

help:  ## Say what there is to make
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

setup: $(STAMP)  ## Make the environment from the lock file (once)

# The CPU build of torch comes first, from the configured package sources, and only where those have
# none from PyTorch's own index. The lock is complete, so nothing is resolved while installing.
$(STAMP): $(LOCK) pyproject.toml
	@echo "Installing the environment into $(VENV) (about two minutes, 4.4 GB)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@torch=$$(grep -E '^torch==' $(LOCK) | cut -d' ' -f1); \
	 $(BIN)/python -m pip install --disable-pip-version-check -q --no-deps "$$torch" 2>/dev/null || \
	 $(BIN)/python -m pip install --disable-pip-version-check -q --no-deps "$$torch" \
	   --index-url $(TORCH_CPU_INDEX)
	@$(BIN)/python -m pip install --disable-pip-version-check --no-deps --progress-bar on \
	   -r $(LOCK) 2>&1 | awk '/^Collecting/ {n++; printf "\r  %d packages", n; fflush()} \
	   /^ERROR/ {print; bad=1} END {print ""; exit bad}'
	@$(BIN)/python -m pip install --disable-pip-version-check -q --no-deps --no-build-isolation -e .
	@mkdir -p "$(DAGSTER_HOME)" && ln -sf "$(CURDIR)/dagster.yaml" "$(DAGSTER_HOME)/dagster.yaml"
	@touch $(STAMP)

demo: setup  ## Materialize the mini profile and print what was made
	@mkdir -p "$(DAGSTER_HOME)" && ln -sf "$(CURDIR)/dagster.yaml" "$(DAGSTER_HOME)/dagster.yaml"
	@$(BIN)/am-assets demo

ui: setup  ## Open Dagster on loopback over what the demo made
	@mkdir -p "$(DAGSTER_HOME)" && ln -sf "$(CURDIR)/dagster.yaml" "$(DAGSTER_HOME)/dagster.yaml"
	$(BIN)/dagster dev -h 127.0.0.1 -p 3000

test: setup  ## Run the tests of every rule, stage, engine and command (about ten minutes)
	$(PYTEST) -m "not ($(SLOW))"

test-slow: setup  ## Run the others: mini graph, training, browser, attacks, kills, long searches
	$(PYTEST) -m "$(SLOW)"

lint: setup  ## Check style, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports --no-logo

# Needs pre-commit on the path (pip install pre-commit); the hooks themselves need no network.
hooks: setup  ## Let git run the same before each commit (types before a push)
	pre-commit install

# Locking, and checking the GPU lock, need uv on the path (pip install uv).
lock:  ## Resolve the lock files anew
	cd requirements && uv pip compile cpu.in --override overrides-cpu.txt --python-version 3.11 \
	  --no-header --no-emit-find-links -q -o cpu.txt $(UVFLAGS)
	cd requirements && uv pip compile gpu.in --override overrides-gpu.txt --python-version 3.11 \
	  --python-platform x86_64-manylinux_2_28 --no-header -q -o gpu.txt $(UVFLAGS)

check-gpu-lock: setup  ## See that the GPU lock resolves (dry run; nothing is installed)
	uv pip install --dry-run --no-deps --python $(BIN)/python \
	  --python-platform x86_64-manylinux_2_28 -r requirements/gpu.txt

clean:  ## Remove the environment and caches (data stays)
	rm -rf $(VENV) .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage*
