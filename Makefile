# Two commands on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
OUT ?= demo-report

.PHONY: demo test test-newest lint bench format clean

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

# The same suite with the newest versions that pip resolves for $(PYTHON), torch excepted: unpinned it pulls several gigabytes of CUDA.
NEWEST := .venv-newest/bin/python
test-newest:
	$(PYTHON) -m venv .venv-newest
	$(NEWEST) -m pip install --quiet "$$(grep '^torch==' constraints.txt)"
	$(NEWEST) -m pip install --quiet --upgrade --upgrade-strategy eager --editable '.[onnx,dask,zarr,numcodecs,video,test]'
	$(NEWEST) -m pip freeze --exclude-editable | grep -vixFf constraints.txt || true
	$(NEWEST) -m pytest -n 2 --dist worksteal

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
	rm -rf .venv .venv-newest build dist *.egg-info src/*.egg-info
