"""Local response normalisation of Krizhevsky, Sutskever and Hinton (2012), written so that a CPU trains it quickly."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["LocalResponse"]


class LocalResponse(nn.LocalResponseNorm):  # type: ignore[misc, unused-ignore]
    """y = x / (k + alpha / size * sum of x^2 over the `size` neighbouring maps)^beta, as `torch.nn.LocalResponseNorm`.

    That one pools in three dimensions, which costs more than the convolutions around it; here the maps are shifted and
    added: the same to float32 rounding, and with beta = 3 / 4 two square roots instead of a power.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) -> (N, C, H, W)."""
        before = self.size // 2
        squares = nn.functional.pad(x * x, (0, 0, 0, 0, before, self.size - 1 - before))
        maps = x.shape[1]
        around = squares[:, :maps]
        for shift in range(1, self.size):
            around = around + squares[:, shift : shift + maps]
        divisor = self.k + self.alpha / self.size * around
        if self.beta != 0.75:
            powered: torch.Tensor = x / divisor**self.beta
            return powered
        root = torch.rsqrt(divisor)
        result: torch.Tensor = x * root * torch.sqrt(root)
        return result
