"""The command line: one thin file a verb. Importing it loads neither torch nor jax."""

from sigmaraw.cli.main import main

__all__ = ["main"]
