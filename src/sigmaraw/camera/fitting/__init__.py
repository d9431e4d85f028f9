"""Photon transfer: the transfer curve, its gain, and the scalars that follow from it."""
