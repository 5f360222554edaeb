# The two commands of the README are `make demo` and `make test`; CI runs `make test-all`, and `make proof` measures.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ROOMS := agent cli diffusion evals graphs intake parsing picturebook prompts runs server storage tools view
DEMO := a red apple in the top left, a blue car in the top right, a yellow dog in the bottom left and a green umbrella in the bottom right, on sand

.PHONY: demo test test-all test-exhaustive proof proof-clients clean

demo: $(VENV)/.installed
	$(BIN)/muralist draw "$(DEMO)" --seed 7 -o out

test: $(VENV)/.installed-dev .typecheck
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest

# What `make test` leaves out: every family with every feature, batches, real clients.
test-all: $(VENV)/.installed-dev
	$(BIN)/pytest -m slow

# Every test there is, each of every table; takes the better part of an hour.
test-exhaustive: $(VENV)/.installed-dev
	$(BIN)/pytest -m ''

proof: $(VENV)/.installed-dev
	$(BIN)/python -m muralist.evals.proof

# Real clients, which are installed into the user's cache: needs npm.
proof-clients: $(VENV)/.installed-dev
	$(BIN)/python tests/clients/proof.py

$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $@

# The folders as they are installed, for static tools only.
.typecheck: Makefile
	rm -rf $@ && mkdir -p $@/muralist
	cd $@/muralist && ln -s ../../muralist/* . && for room in $(ROOMS); do ln -s ../../$$room $$room; done
	touch $@

clean:
	rm -rf $(VENV) .typecheck out build dist *.egg-info
