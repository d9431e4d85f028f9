"""NoiseModel, the sampler, and the modes in which raw-equivalent replicas are made."""

from sigmaraw.noise.coverage import measured_u_mode
from sigmaraw.noise.denoise import estimate
from sigmaraw.noise.drawing import draw
from sigmaraw.noise.model import QUANTISATION_VARIANCE, NoiseModel
from sigmaraw.noise.modes import replica_mode
from sigmaraw.noise.repeats import RepeatSplit, split_repeats
from sigmaraw.noise.replicas import DEFAULT_MODE, iter_replicas, replicas
from sigmaraw.noise.rician import RicianNoise, is_rician, rician_of

__all__ = [
    "DEFAULT_MODE",
    "QUANTISATION_VARIANCE",
    "NoiseModel",
    "RepeatSplit",
    "RicianNoise",
    "draw",
    "estimate",
    "is_rician",
    "iter_replicas",
    "measured_u_mode",
    "replica_mode",
    "replicas",
    "rician_of",
    "split_repeats",
]
