# Two commands on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
OUT ?= demo-report

.PHONY: demo test lint bench format clean

# The environment is complete when the stamp is newer than what it was made from.
.venv/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[onnx,dask,zarr,numcodecs,video,test,lint]'
	touch $@

demo: .venv/.installed
	$(BIN)/sigmaraw demo -o $(OUT)

test: .venv/.installed
	$(BIN)/python -m pytest -n 2 --dist worksteal

lint: .venv/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/.installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/.installed
	$(BIN)/python -m tests.benchmarks

clean:
	rm -rf .venv build dist *.egg-info src/*.egg-info
