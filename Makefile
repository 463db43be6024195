# make demo [ARGS="--headless --source sample"]   set up what is missing, then run the live demo
# make test [ARGS="-k speller"]                   set up what is missing, then run the tests
PYTHON ?= python3
VENV ?= .venv
RUN := $(VENV)/bin/python

.PHONY: demo test setup

demo: setup
	$(RUN) inference/realtime_demo.py $(ARGS)

test: setup
	$(RUN) -m pytest $(ARGS)

setup: $(VENV)/.installed
	@$(RUN) -m sign2sound.hand_model >/dev/null

$(VENV)/.installed: requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements.txt --editable .
	@touch $@
