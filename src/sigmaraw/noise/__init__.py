"""NoiseModel, the sampler, and the modes in which raw-equivalent replicas are made."""

from sigmaraw.noise.coverage import measured_u_mode
from sigmaraw.noise.denoise import estimate
from sigmaraw.noise.drawing import draw
from sigmaraw.noise.model import QUANTISATION_VARIANCE, NoiseModel
from sigmaraw.noise.modes import replica_mode
from sigmaraw.noise.repeats import RepeatSplit, split_repeats
from sigmaraw.noise.replicas import DEFAULT_MODE, iter_replicas, replicas

__all__ = [
    "DEFAULT_MODE",
    "QUANTISATION_VARIANCE",
    "NoiseModel",
    "RepeatSplit",
    "draw",
    "estimate",
    "iter_replicas",
    "measured_u_mode",
    "replica_mode",
    "replicas",
    "split_repeats",
]
