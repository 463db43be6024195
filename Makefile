# make demo [ARGS="--headless --source sample"]   set up what is missing, then run the live demo
# make test [ARGS="-k speller"]                   set up what is missing, then run the tests
# make site                              build the page that needs no server, in dist/ (needs node and npm)
PYTHON ?= python3
VENV ?= .venv
RUN := $(VENV)/bin/python

.PHONY: demo test site setup

demo: setup
	$(RUN) inference/realtime_demo.py $(ARGS)

test: setup
	$(RUN) -m pytest $(ARGS)

site: setup inference/node_modules/.package-lock.json
	$(RUN) inference/build_site.py

inference/node_modules/.package-lock.json: inference/package-lock.json
	npm ci --prefix inference --no-audit --no-fund

setup: $(VENV)/.installed
	@$(RUN) -m sign2sound.hand_model >/dev/null

$(VENV)/.installed: requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements.txt --editable .
	@touch $@
