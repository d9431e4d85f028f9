"""A replica mode: replicas are drawn around the frame after a Gaussian filter."""

import numpy as np
from scipy import ndimage

from sigmaraw.contracts import Parameter, ReplicaBase, ReplicaMode


class Smoothed(ReplicaMode):
    """Draw around the frame after a Gaussian of `sigma` pixels, plane by plane."""

    name = "smoothed"
    parameters = (Parameter("sigma", float, 1.0, minimum=0, unit="px", help="standard deviation of the Gaussian"),)

    def __init__(self, sigma=1.0):
        self.sigma = sigma

    def base(self, frame, noise_model, request):
        sigmas = (0,) * (frame.ndim - 2) + (self.sigma, self.sigma)
        level = ndimage.gaussian_filter(frame.astype(np.float64), sigmas)
        return ReplicaBase(level)

    def u_mode(self, measurement):
        return 0.3, "the author's guess for every measurement: nobody has measured it"
