# make demo [ARGS="--headless --source sample"]   set up what live use needs, then run the live demo
# make test [ARGS="-k speller"]                   set up all the rest, torch too, then run the tests
# make site                                       build the page that needs no server, in dist/ (needs node and npm)
#
# On Linux torch comes with CUDA. Where there is no NVIDIA GPU, its small build does the same:
# make test TORCH_INDEX=https://download.pytorch.org/whl/cpu
PYTHON ?= python3
VENV ?= .venv
TORCH_INDEX ?=
RUN := $(VENV)/bin/python
PIP := $(RUN) -m pip install --disable-pip-version-check --retries 2
LOG := $(VENV)/pip.log
FAILED = { echo "error: packages cannot be had here: check the network, and the platform in README (pip: $(LOG))" >&2; exit 2; }

.PHONY: demo test site setup

demo: $(VENV)/.live setup
	$(RUN) inference/realtime_demo.py $(ARGS)

test: $(VENV)/.all setup
	$(RUN) -m pytest $(ARGS)

site: $(VENV)/.all setup inference/node_modules/.package-lock.json
	$(RUN) inference/build_site.py

inference/node_modules/.package-lock.json: inference/package-lock.json
	npm ci --prefix inference --no-audit --no-fund

setup: $(VENV)/.live
	@$(RUN) -m sign2sound.hand_model >/dev/null

$(VENV)/.live: requirements-live.txt pyproject.toml
	@echo "setting up $(VENV) for live use: 260 MB to fetch, 720 MB on disk, a minute or two"
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) -r requirements-live.txt --editable . 2>$(LOG) || $(FAILED)
	@touch $@

$(VENV)/.all: requirements.txt $(VENV)/.live
	@echo "setting up $(VENV) for training and tests: torch is large, on Linux with CUDA more than 3 GB; see the Makefile"
	@if [ -n "$(TORCH_INDEX)" ]; then $(PIP) --index-url $(TORCH_INDEX) "$$(grep ^torch== requirements.txt)" 2>$(LOG) || $(FAILED); fi
	@$(PIP) -r requirements.txt 2>$(LOG) || $(FAILED)
	@touch $@
