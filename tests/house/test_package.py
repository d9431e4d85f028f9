"""What the package promises before any number: light imports, one table of quantities, one line per refusal."""

from __future__ import annotations

import subprocess
import sys

import pytest

import sigmaraw
from sigmaraw import errors, quantities


@pytest.mark.parametrize("statement", ["import sigmaraw", "import sigmaraw.cli", "import sigmaraw.registry"])
def test_light_imports_load_neither_torch_nor_jax(statement: str) -> None:
    code = f"{statement}; import sys; print(sorted({{'torch', 'jax', 'statsmodels', 'matplotlib'}} & sys.modules.keys()))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_help_answers_without_torch_or_jax() -> None:
    code = (
        "import sys\nfrom sigmaraw.cli import main\ntry: main(['validate', '--help'])\n"
        "except SystemExit: print(sorted({'torch', 'jax'} & sys.modules.keys()))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "--camera" in result.stdout
    assert result.stdout.strip().endswith("[]")


def test_jax_does_not_take_the_whole_device() -> None:
    name = "XLA_PYTHON_CLIENT_PREALLOCATE"
    code = f"import os; os.environ.pop('{name}', None); import sigmaraw; print(os.environ['{name}'])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "false"


def test_every_public_name_resolves() -> None:
    for name in sigmaraw.__all__:
        assert getattr(sigmaraw, name) is not None
    with pytest.raises(AttributeError):
        sigmaraw.nonsense  # noqa: B018 (the access is the test)


def test_every_refusal_is_one_line_with_found_expected_and_remedy() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.SigmarawError)]
    assert len(kinds) > 15
    for kind in kinds:
        text = str(kind("a\nfloat image", "uint16", "pass the raw frame"))
        assert text == "a float image; expected uint16. Pass the raw frame."
        assert kind.__doc__


def test_every_quantity_has_unit_and_reference() -> None:
    for name, row in quantities.TABLE.items():
        assert name == row.name
        assert row.definition
        assert row.reference
    assert quantities.attributes("gain_se")["units"] == "DN/e-"
    with pytest.raises(KeyError):
        quantities.attributes("nonsense")
