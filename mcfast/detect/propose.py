"""Candidates: where a bright spot stands out of the local noise."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.detect.residual import FLOOR, Residual, flatten, local_statistics
from mcfast.detect.tone import Tone, tone_of
from mcfast.ops import gaussian_blur, local_maxima

__all__ = ["Candidates", "propose", "spot_response"]

Field = NDArray[numpy.float32]
SIGMAS = (0.8, 1.13, 1.6, 2.26, 3.2)  # pixels; neighbours in the ratio of the square root of 2
FLAT = 0.1  # lowest deviation of the response, in units of that over the breast
SKIN_MM, BORDER_MM, MEAN_MM, NOISE_MM, APART_MM = 0.6, 0.3, 1.2, 3.0, 0.2


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """What `classify` looks at, strongest first.

    Attributes
    ----------
    positions
        (N, 2) int32 rows and columns in the image.
    response
        (N,) float32 in standard deviations of the response around it.
    noise
        (N,) float32: standard deviation of the flattened image around it, as a fraction of full scale, in its
        tone.
    residual
        The flattened image, or `None` where there is no breast.
    tone
        What was done to the image's values before anything else.
    """

    positions: NDArray[numpy.int32]
    response: Field
    noise: Field
    residual: Residual | None
    tone: Tone = field(default_factory=Tone)

    def __len__(self) -> int:
        return len(self.positions)


def propose(
    image: NDArray[Any],
    mask: NDArray[numpy.bool_],
    *,
    threshold: float,
    limit: int,
    max_value: float | None = None,
    spacing_mm: float = 0.1,
    even_tone: bool = True,
    threads: int | None = None,
) -> Candidates:
    """The strongest bright spots of 0.1 to 1 mm in the breast.

    Parameters
    ----------
    image
        (H, W) uint8, uint16 or float32, bright = dense, at about 0.1 mm.
    mask
        (H, W) bool, the breast.
    threshold
        Lowest response, in local standard deviations.
    limit
        Highest number of candidates.
    max_value
        Intensity of white; `None` is the image's maximum.
    spacing_mm
        Distance of pixel centres, for the windows stated in millimetres.
    even_tone
        Take a curve back that leaves most of the breast dark; see `mcfast.detect.tone`. Training does without: its
        tiles have tones of their own.

    Returns
    -------
    `Candidates`. O(1) per pixel.
    """

    def pixels(length_mm: float) -> int:
        return max(1, round(length_mm / spacing_mm))

    white = float(image.max()) or 1.0 if max_value is None else max_value
    residual = flatten(
        image,
        mask,
        max_value=white,
        skin_px=pixels(SKIN_MM),
        border_px=pixels(BORDER_MM),
        window_px=pixels(MEAN_MM),
        tone=tone_of(image, mask, white) if even_tone else None,
        threads=threads,
    )
    if residual is None:
        empty = numpy.empty(0, numpy.float32)
        return Candidates(numpy.empty((0, 2), numpy.int32), empty, empty, None)
    response = spot_response(residual, threads=threads)
    places, height = local_maxima(response, pixels(APART_MM), threshold=0.0, mask=residual.inner, threads=threads)
    mean, deviation = local_statistics(response, residual.inner, pixels(NOISE_MM), threads).at(places)
    strength = (height - mean) / numpy.maximum(deviation, numpy.float32(FLAT))
    order = numpy.argsort(-strength, kind="stable")
    order = order[: min(limit, int((strength > threshold).sum()))]
    noise = local_statistics(residual.values, residual.inner, pixels(NOISE_MM), threads).at(places[order])[1]
    return Candidates(
        places[order] + numpy.array(residual.origin, numpy.int32),
        strength[order],
        numpy.maximum(noise, numpy.float32(FLOOR)),
        residual,
        residual.tone,
    )


def spot_response(residual: Residual, *, threads: int | None = None) -> Field:
    """Multi-scale Laplacian of Gaussian, each scale in units of its own deviation over the breast.

    G(sigma) - G(k sigma) is (1 - k) sigma^2 Laplacian G(sigma) to first order (Lowe, IJCV 2004, equation 1): a spot of
    any size gives the same response for the same contrast. Tissue does not: its coarse structure is stronger than its
    fine one, and would hide the smallest spots but for the scaling. (h, w) float32.
    """
    finer = gaussian_blur(residual.values, SIGMAS[0], threads=threads)
    response: Field | None = None
    for sigma in SIGMAS[1:]:
        coarser = gaussian_blur(residual.values, sigma, threads=threads)
        numpy.subtract(finer, coarser, out=finer)
        finer /= _spread(finer, residual.inner)
        response = finer if response is None else numpy.maximum(response, finer, out=response)
        finer = coarser
    assert response is not None
    return response


def _spread(values: Field, inner: NDArray[numpy.bool_]) -> numpy.float32:
    """Standard deviation inside the breast, of values drawn in to three deviations; at least a quarter of `FLOOR`."""
    sample = values[::3, ::3][inner[::3, ::3]]
    deviation = float(sample.std()) if len(sample) else 0.0
    clipped = float(numpy.clip(sample, -3 * deviation, 3 * deviation).std()) if len(sample) else 0.0
    return numpy.float32(max(clipped, FLOOR / 4))
