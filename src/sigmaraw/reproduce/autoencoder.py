"""A small convolutional autoencoder without skip connections: what an encoder keeps of an image that is asked for nothing but the image.

Reference: paper 002, section 4.2.2 (mean squared error; no augmentation).
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

_WIDTHS = (8, 16, 8)
"""Channels after each halving; the last times (side/8)² is the size of an embedding."""
_BATCH, _RATE = 16, 3e-3


class Autoencoder(nn.Module):
    """(crop, 1, y, x) float32 → the same, by way of (crop, 8, y/8, x/8); sides are multiples of 8."""

    def __init__(self) -> None:
        super().__init__()
        first, second, third = _WIDTHS
        self.encoder = nn.Sequential(
            *(nn.Conv2d(1, first, 3, 2, 1), nn.ReLU()),
            *(nn.Conv2d(first, second, 3, 2, 1), nn.ReLU()),
            nn.Conv2d(second, third, 3, 2, 1),
        )
        self.decoder = nn.Sequential(
            *(nn.Upsample(scale_factor=2), nn.Conv2d(third, second, 3, 1, 1), nn.ReLU()),
            *(nn.Upsample(scale_factor=2), nn.Conv2d(second, first, 3, 1, 1), nn.ReLU()),
            *(nn.Upsample(scale_factor=2), nn.Conv2d(first, 1, 3, 1, 1)),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the image that the embedding gives."""
        found: torch.Tensor = self.decoder(self.encoder(x))
        return found

    def embedding(self, x: torch.Tensor) -> torch.Tensor:
        """Return the embeddings, (crop, feature)."""
        found: torch.Tensor = self.encoder(x).flatten(1)
        return found


def trained_autoencoder(images: NDArray[np.float32], steps: int, seed: int) -> tuple[Autoencoder, list[float]]:
    """Return an autoencoder of images (crop, y, x) and the loss of each step; the same seed and number of threads give the same weights.

    Parameters
    ----------
    images : ndarray of float32
        (crop, y, x).
    steps : int
        Of 16 crops each.
    seed : int
        Of the start and of the order of the crops.
    """
    random = np.random.default_rng([seed, 0xAE])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(random.integers(2**63)))
        network = Autoencoder()
    optimiser = torch.optim.Adam(network.parameters(), lr=_RATE, foreach=False)
    losses = []
    for _ in range(steps):
        batch = torch.from_numpy(images[random.integers(len(images), size=_BATCH)])[:, None]
        optimiser.zero_grad()
        loss = nn.functional.mse_loss(network(batch), batch)
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    return network.eval(), losses
