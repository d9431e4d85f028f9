"""Frames of one level into moments: sums over pixels and frames, and what the checks need."""
