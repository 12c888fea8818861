# make demo    the simulated city, from nothing but python3, pip and make
# make test    all tests        make check    a minute: style, types, floors, tests of functions on arrays
# make lint    all checks of style        make clean    remove what make made
# make docs    the documentation, into site/        make docs-figures    its figures
# make docs-screenshot    the picture of the report, from the demo, by Chromium
# make bench   the comparison with peers: hours; BENCH=quick: minutes      make scaling   time and memory by points
# make accuracy   points right by kind of scene, beside five peers, for docs/accuracy.md: an hour
# make reliability   runs killed and run again, docs/reliability.md     make soak   load: many runs, tiles, dates
# make networks    networks of interferograms compared on simulated cities, for docs/networks.md: minutes
# make calibrate   coefficients of the probability of wrong cycles, for docs/wrong_cycles.md: an hour
# make geometry    the table and figure of docs/geometry.md
# make scale    runs measured, a frame on a cluster by them, for docs/scale.md      make new-dates   for docs/new_dates.md
# make compression RESULTS=folder    rasters of a run written in other compressions, for docs/scale.md
# make scale-large     20 million points and 30 dates to the end, for docs/scale.md: hours, 50 GB of disk
# make same-bytes BASE=<commit>    whether this checkout makes the same rasters as another
# N=4 sets the cores, PYTHON=python3.12 the interpreter, PYTEST_ARGS="-k network" what pytest runs,
# ACCURACY_ARGS="--seed 7 --severity 1 3 --kinds lakes" the scenes.

PYTHON ?= python3
VENV ?= .venv
N ?= $(shell nproc 2>/dev/null || getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)
PYTEST_ARGS ?=
ACCURACY_ARGS ?=
BENCH ?= full
RESULTS ?= results/demo
PEERS_VENV ?= .venv-peers

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: demo test check lint docs docs-figures docs-screenshot bench accuracy scaling networks calibrate geometry compression scale scale-large new-dates same-bytes reliability soak env dev-env clean

demo: env
	$(BIN)/snakemake --cores $(N)
	@if [ -f results/demo/report.html ]; then echo "The report: $(CURDIR)/results/demo/report.html"; \
	else echo "The results: $(CURDIR)/results/demo"; fi

test: dev-env $(VENV)/.mintpy-stamp $(VENV)/.s3-stamp $(VENV)/.generic-stamp $(VENV)/.dolphin-stamp
	$(BIN)/python -m pytest -n $(N) --dist loadfile --cov --cov-report=term:skip-covered $(PYTEST_ARGS)

check: dev-env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=scripts $(BIN)/lint-imports --no-logo
	$(BIN)/python -m pytest -n $(N) --dist loadfile -q -m unit $(PYTEST_ARGS)

lint: dev-env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=scripts $(BIN)/lint-imports --no-logo
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/snakemake --lint

docs: dev-env
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

docs-figures: env
	PYTHONPATH=scripts:tests $(BIN)/python docs/figures.py

docs-screenshot: demo
	PYTHONPATH=scripts:tests $(BIN)/python docs/screenshot.py

bench: env $(PEERS_VENV)/.stamp
	PYTHONPATH=scripts $(BIN)/python benchmarks/bench.py compare $(BENCH) --cores $(N) --peers $(abspath $(PEERS_VENV))/bin/python

accuracy: env $(PEERS_VENV)/.stamp
	PYTHONPATH=scripts $(BIN)/python benchmarks/accuracy.py --cores $(N) --peers $(abspath $(PEERS_VENV))/bin/python $(ACCURACY_ARGS)

calibrate: env
	PYTHONPATH=scripts OMP_NUM_THREADS=1 $(BIN)/python benchmarks/calibrate_wrong.py

scaling: env
	PYTHONPATH=scripts $(BIN)/python benchmarks/bench.py scaling $(BENCH) --cores $(N)

reliability: dev-env
	PYTHONPATH=scripts:tests $(BIN)/python benchmarks/reliability.py

soak: env
	PYTHONPATH=scripts $(BIN)/python benchmarks/soak.py --cores $(N)

networks: env
	PYTHONPATH=scripts $(BIN)/python benchmarks/networks.py

geometry: dev-env
	PYTHONPATH=scripts:tests $(BIN)/python benchmarks/view.py docs/images/geometry.png

scale: env
	PYTHONPATH=scripts $(BIN)/python benchmarks/scale_runs.py
	PYTHONPATH=scripts $(BIN)/python benchmarks/cluster_plan.py

compression: env
	$(BIN)/python benchmarks/compression.py $(RESULTS)

scale-large: env
	PYTHONPATH=scripts $(BIN)/python benchmarks/scale_runs.py --large
	PYTHONPATH=scripts $(BIN)/python benchmarks/cluster_plan.py

same-bytes: env
	@[ -n "$(BASE)" ] || { echo "name what to compare with: make same-bytes BASE=<commit or folder>" >&2; exit 1; }
	$(BIN)/python benchmarks/same_bytes.py $(BASE) --cores $(N)

new-dates: env
	PYTHONPATH=scripts $(BIN)/python benchmarks/new_dates.py
	PYTHONPATH=scripts OMP_NUM_THREADS=1 $(BIN)/python benchmarks/relinked.py

env: $(VENV)/.env-stamp

dev-env: $(VENV)/.dev-env-stamp

$(VENV)/.python-stamp:
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is not on this machine:" \
	    "install Python 3.11 or newer, or name one with PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "emcflow needs Python 3.11" \
	    "or newer, $(PYTHON) is `$(PYTHON) -V 2>&1`: name another with PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make a virtual" \
	    "environment: install venv and pip for it (Debian, Ubuntu: apt-get install python3-venv)" >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/.env-stamp: envs/requirements.txt $(VENV)/.python-stamp
	@echo "Installing envs/requirements.txt into $(VENV): some minutes the first time"
	$(PIP) -r envs/requirements.txt
	@touch $@

$(VENV)/.dev-env-stamp: envs/requirements-dev.txt envs/requirements-slurm.txt $(VENV)/.env-stamp
	$(PIP) -r envs/requirements-dev.txt
	@touch $@

$(VENV)/.mintpy-stamp: envs/requirements-mintpy.txt $(VENV)/.env-stamp
	@$(PYTHON) -m venv --clear $(VENV)/mintpy-env && $(VENV)/mintpy-env/bin/python -m pip install \
	    --quiet --disable-pip-version-check -r $< && touch $@ || echo "MintPy could not be installed, the tests that need it are skipped"

$(VENV)/.s3-stamp: envs/requirements-s3.txt $(VENV)/.env-stamp
	@$(PYTHON) -m venv --clear $(VENV)/s3-env && $(VENV)/s3-env/bin/python -m pip install \
	    --quiet --disable-pip-version-check -r $< && touch $@ || echo "moto could not be installed, the tests that need it are skipped"

$(VENV)/.generic-stamp: envs/requirements-generic.txt $(VENV)/.dev-env-stamp
	@rm -rf $(VENV)/generic; $(PIP) --no-deps --target $(VENV)/generic -r $< && touch $@ || \
	    { rm -rf $(VENV)/generic; echo "cluster-generic could not be installed, the tests that need it are skipped"; }

# GDAL's Python module is built against the libgdal of the machine and the NumPy of the environment.
$(VENV)/.dolphin-stamp: envs/requirements-dolphin.txt $(VENV)/.dev-env-stamp
	@rm -rf $(VENV)/dolphin; command -v gdal-config >/dev/null && \
	    $(PIP) --no-deps --target $(VENV)/dolphin -r $< && \
	    PYTHONPATH=$(abspath $(VENV)/dolphin) $(PIP) --no-deps --no-build-isolation --no-cache-dir \
	        --target $(VENV)/dolphin gdal==`gdal-config --version` && touch $@ || \
	    { rm -rf $(VENV)/dolphin; echo "dolphin could not be installed (it needs libgdal with its headers," \
	    "and a compiler), the tests that need it are skipped"; }

$(PEERS_VENV)/.stamp: benchmarks/requirements-peers.txt envs/requirements.txt $(VENV)/.python-stamp
	$(PYTHON) -m venv --clear $(PEERS_VENV)
	$(PEERS_VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r benchmarks/requirements-peers.txt
	@touch $@

clean:
	rm -rf $(VENV) $(PEERS_VENV) results/demo results/accuracy results/bench results/reliability results/soak results/scale results/new_dates site .pytest_cache .ruff_cache .hypothesis .mypy_cache .import_linter_cache .coverage
