"""One extension of each kind for sigmaraw, each in a module of its own."""
