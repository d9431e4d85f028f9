# Two commands on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
OUT ?= demo-report
# What `make check` runs: what is quick. Together with lint it takes less than a minute on two idle cores.
QUICK := tests/house tests/docs tests/frames tests/metrics tests/virtual $(addprefix tests/statistics/test_,decision.py propagation.py extrapolation.py spread.py)

.PHONY: demo check test lint docs bench format clean

# The environment is complete when the stamp is newer than what it was made from.
.venv/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[onnx,dask,zarr,numcodecs,video,test,lint,docs]'
	touch $@

demo: .venv/.installed
	$(BIN)/sigmaraw demo -o $(OUT)

check: lint
	$(BIN)/python -m pytest -q -n 2 --dist worksteal -m "not slow" $(QUICK)

test: .venv/.installed
	$(BIN)/python -m pytest -n 2 --dist worksteal

lint: .venv/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m numpydoc lint $$(find src -name '*.py')
	$(BIN)/mypy
	$(BIN)/lint-imports

# Strict: a dead link, a missing reference or a malformed docstring ends the build. No network is used.
docs: .venv/.installed
	$(BIN)/python -m sphinx --builder html --fail-on-warning --keep-going --nitpicky --quiet docs docs/_build/html
	@echo docs/_build/html/index.html

format: .venv/.installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/.installed
	$(BIN)/python -m tests.benchmarks

clean:
	rm -rf .venv build dist docs/_build *.egg-info src/*.egg-info
