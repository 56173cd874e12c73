# Everything here makes its own virtual environment first; it is quick when that is done already.
# make train ARGS="--seed=1"     make test PYTHON=python3.12 VENV=.venv312

PYTHON ?= python3
VENV ?= .venv
ARGS ?=
python := $(VENV)/bin/python
installed := $(VENV)/installed

.PHONY: train test slow grids processors nightly gpu-check lint docs install lock clean

train: install
	$(python) -m experiments.run --flagfile=quickstart.flags $(ARGS)

# Three processes, because tests of processes wait; each file runs in one of them. One test alone:
# .venv/bin/python -m pytest FILE -k NAME
pytest := $(python) -m pytest --numprocesses=3 --dist=loadfile

test: install
	$(pytest) --durations=10 $(ARGS)

# The three parts of nightly. At its end each prints what took ten seconds or more.
slow: install
	@echo "slow: 13 methods learn until they are good (3 to 20 minutes each, nearly three hours in all), whole episodes of"
	@echo "all 50 tasks, 200,000 iterations, runs that are interrupted at every moment, large fuzzing: about three hours."
	$(pytest) --durations=0 --durations-min=10 -m slow $(ARGS)

grids: install
	@echo "grids: the rest of what 'make test' takes a part of (all methods, tasks, models and vector environments):"
	@echo "about as long as 'make test'."
	$(pytest) --durations=0 --durations-min=10 -m nightly $(ARGS)

processors: install
	@echo "processors: 'make test' twice, compiled for processors with SSE 4.2 and with AVX2: as long as two of its first runs."
	XLA_FLAGS=--xla_cpu_max_isa=SSE4_2 $(pytest) $(ARGS)
	XLA_FLAGS=--xla_cpu_max_isa=AVX2 $(pytest) $(ARGS)

nightly: slow grids processors

# On a machine with a GPU: speeds, what the programs could take at the least, tests; all in gpu_check.json.
gpu-check: install
	$(python) -m pip install --quiet --disable-pip-version-check \
	  "jax[cuda12]==$$($(python) -c 'import jax; print(jax.__version__)')"
	$(python) -m experiments.benchmark --suite=gpu_check --json=gpu_check.json $(ARGS)

lint: install
	$(python) -m ruff check .
	$(python) -m ruff format --check .
	$(python) -m basedpyright --pythonpath $(python)

# The site, in build/site; it needs no network to be read.
docs: $(VENV)/docs-installed
	$(python) -m mkdocs build --strict

$(VENV)/docs-installed: pyproject.toml | install
	$(python) -m pip install --quiet --disable-pip-version-check 'pip>=25.1'
	$(python) -m pip install --quiet --disable-pip-version-check --group docs
	@touch $@

install: $(installed)

$(installed): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
	  { echo "$(PYTHON) is not Python 3.11, 3.12 or 3.13: say which one to use, as in 'make $(MAKECMDGOALS) PYTHON=python3.12'." >&2; exit 1; }
	@test -x $(python) || $(PYTHON) -m venv $(VENV) || \
	  { echo "$(PYTHON) cannot make virtual environments: install its venv module (on Debian: python3-venv)." >&2; exit 1; }
	$(python) -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	$(python) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# The lock serves every Python and platform at once; changing it needs uv.
lock:
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
	  --custom-compile-command "make lock" --group test pyproject.toml --output-file requirements.lock

clean:
	rm -rf $(VENV) build .cache .pytest_cache .ruff_cache .hypothesis *.egg-info
