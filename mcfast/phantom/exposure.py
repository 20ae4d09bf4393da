"""From signal to counts: quantum noise that grows with the root of the signal, the detector's blur, quantisation."""

from __future__ import annotations

import numpy
from numpy.typing import NDArray

__all__ = ["Exposure"]

Field = NDArray[numpy.float32]


class Exposure:
    """How the detector sees a signal.

    Parameters
    ----------
    noise
        Standard deviation of a pixel's noise at a signal of 1, as a fraction of full scale. Real exposures lie at
        0.03 to 0.08 per 0.07 mm pixel.
    correlation_mm
        Standard deviation of the Gaussian that blurs the noise; 0 is white noise.
    """

    def __init__(self, noise: float, correlation_mm: float) -> None:
        self.noise = noise
        self.correlation_mm = correlation_mm

    def deviation(self, signal: Field) -> Field:
        """Standard deviation of the noise at each pixel, (H, W) float32."""
        return numpy.float32(self.noise) * numpy.sqrt(numpy.maximum(signal, 0))

    def noisy(self, signal: Field, spacing_mm: float, rng: numpy.random.Generator) -> Field:
        """The signal with its noise, (H, W) float32, not clipped."""
        from scipy import ndimage

        white = rng.standard_normal(signal.shape, numpy.float32)
        sigma = self.correlation_mm / spacing_mm
        if sigma > 0.2:
            white = ndimage.gaussian_filter(white, sigma, truncate=3.0)
            white *= numpy.float32(1 / max(float(white.std()), 1e-6))
        noisy: Field = signal + self.deviation(signal) * white
        return noisy

    def counts(self, signal: Field, bits: int, spacing_mm: float, rng: numpy.random.Generator) -> NDArray[numpy.uint16]:
        """Noisy image as presentation values 0 .. 2**bits - 1; a signal of 0 stays 0."""
        noisy = self.noisy(signal, spacing_mm, rng)
        white_count = 2**bits - 1
        counts = numpy.clip(numpy.rint(noisy * numpy.float32(white_count)), 0, white_count)
        result: NDArray[numpy.uint16] = counts.astype(numpy.uint16)
        return result
