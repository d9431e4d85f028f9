"""python -m sigmaraw: the command line."""

from sigmaraw.cli import main

main()
