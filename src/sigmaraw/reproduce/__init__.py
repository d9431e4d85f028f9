"""The papers' studies, rerun by name: one file each, with the criteria that were stated before the run.

They are found by their entry points in "sigmaraw.reproductions".
"""

from sigmaraw.reproduce.runner import ComparedFigure, Table, reproduce

__all__ = ["ComparedFigure", "Table", "reproduce"]
