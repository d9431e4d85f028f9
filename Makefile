# Two commands on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
OUT ?= demo-report
# What `make check` runs: what is quick. Together with lint it takes about a minute on two idle cores.
QUICK := tests/house tests/docs tests/frames tests/virtual $(filter-out %/test_denoising.py,$(wildcard tests/metrics/test_*.py)) \
  $(addprefix tests/statistics/test_,decision.py propagation.py extrapolation.py spread.py)

# Bytecode is kept: otherwise each worker, and each process that a test starts, compiles every module again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo check quick test test-newest lint style types docs bench format clean

# The environment is complete when the stamp is newer than what it was made from.
.venv/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[onnx,dask,zarr,numcodecs,video,test,lint,docs]'
	touch $@

demo: .venv/.installed
	$(BIN)/sigmaraw demo -o $(OUT)

# The linters run beside the tests: both cores have work throughout. What each prints comes whole when it ends.
check: .venv/.installed
	$(MAKE) --no-print-directory --jobs 3 --output-sync=target quick style types

quick: .venv/.installed
	$(BIN)/python -m pytest -q -n 2 --dist worksteal -m "not slow" $(QUICK)

test: .venv/.installed
	$(BIN)/python -m pytest -n 2 --dist worksteal

# The same suite with the newest versions that pip resolves for $(PYTHON), torch excepted: unpinned it pulls several gigabytes of CUDA.
NEWEST := .venv-newest/bin/python
test-newest:
	$(PYTHON) -m venv .venv-newest
	$(NEWEST) -m pip install --quiet "$$(grep '^torch==' constraints.txt)"
	$(NEWEST) -m pip install --quiet --upgrade --upgrade-strategy eager --editable '.[onnx,dask,zarr,numcodecs,video,test,docs]'
	$(NEWEST) -m pip freeze --exclude-editable | grep -vixFf constraints.txt || true
	$(NEWEST) -m pytest -n 2 --dist worksteal $(NEWEST_TESTS)

lint: style types

style: .venv/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	find src -name '*.py' | xargs $(BIN)/python -m tests.docs.lint_docstrings

types: .venv/.installed
	$(BIN)/mypy

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
	rm -rf .venv .venv-newest build dist docs/_build *.egg-info src/*.egg-info
