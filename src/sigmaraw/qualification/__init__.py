"""Qualification of an installation: what is installed, whether it works on this machine, and which test stands behind which requirement."""
