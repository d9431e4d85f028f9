"""NoiseModel, the sampler, and the modes in which raw-equivalent replicas are made."""

from sigmaraw.noise.model import NoiseModel
from sigmaraw.noise.modes import replica_mode
from sigmaraw.noise.repeats import RepeatSplit, split_repeats
from sigmaraw.noise.replicas import DEFAULT_MODE, iter_replicas, replicas

__all__ = ["DEFAULT_MODE", "NoiseModel", "RepeatSplit", "iter_replicas", "replica_mode", "replicas", "split_repeats"]
