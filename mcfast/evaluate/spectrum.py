"""Power spectra of patches, the exponents of their fall, and the blur over them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray

__all__ = ["BANDS", "Blur", "exponent", "fit_blur", "patch_spectra"]

Values = NDArray[numpy.float64]

BANDS = ((0.15, 1.0), (1.0, 2.5), (2.5, 4.5))
"""Per mm: where tissue alone is seen (Burgess et al. 2001), where noise begins, and up to 0.1 mm pixels' limit of 5."""

STEP = 2 ** (1 / 8)  # of frequency: the fits weigh every octave the same


@dataclass(frozen=True, slots=True)
class Blur:
    """Tissue of a power law and white noise, blurred together by a Gaussian.

    `noise` is the power of the noise before the blur (mm^2, in the image's units squared), `half_width` the frequency
    per mm at which the blur has halved the power; infinite beyond Nyquist's.
    """

    noise: float
    half_width: float


def patch_spectra(patches: Iterable[NDArray[Any]], spacing_mm: float) -> tuple[Values, Values]:
    """Radially averaged power spectra of square patches of one size.

    A plane is taken off each, then a Hann window put over it (Burgess et al. 2001); white noise of variance s^2 has a
    power of s^2 spacing^2.

    Returns
    -------
    (F,) frequencies per mm from two steps above 0 to Nyquist's, one step being 1 / side, and (P, F) powers. The
    window's own width hides what is below. O(P n log n).
    """
    from scipy import fft

    found: list[Values] = []
    rings: NDArray[numpy.int64] | None = None
    for patch in patches:
        side = len(patch)
        if rings is None:
            hann = numpy.hanning(side + 2)[1:-1]
            weight = numpy.outer(hann, hann)
            down = fft.fftfreq(side, 1 / side)
            rings = numpy.rint(numpy.hypot(down[:, None], fft.rfftfreq(side, 1 / side)[None, :])).astype(numpy.int64)
            # A real patch's negative frequencies are not computed; those on the axis stand for themselves alone.
            times = numpy.full(rings.shape, 2.0)
            times[:, 0] = times[:, -1] = 1.0
            share = numpy.bincount(rings.ravel(), times.ravel())
        spectrum = numpy.abs(fft.rfft2(_without_plane(patch) * weight)) ** 2
        total = numpy.bincount(rings.ravel(), (spectrum * times).ravel()) / share
        found.append(total[2 : side // 2 + 1] * spacing_mm**2 / (weight**2).sum())
    if not found:
        raise ValueError("patch_spectra(patches): expected at least one patch, got none")
    frequency = numpy.arange(2, side // 2 + 1) / (side * spacing_mm)
    return frequency, numpy.array(found)


def _without_plane(patch: NDArray[Any]) -> Values:
    values: Values = patch.astype(numpy.float64)
    values -= values.mean()
    middle = numpy.arange(len(values)) - (len(values) - 1) / 2
    # The two slopes are independent of each other and of the mean, since the places lie evenly around 0.
    squares = float((middle**2).sum()) * len(values)
    down, right = float(middle @ values.sum(axis=1)) / squares, float(middle @ values.sum(axis=0)) / squares
    values -= down * middle[:, None] + right * middle[None, :]
    return values


def exponent(frequency: Values, power: Values, low: float, high: float) -> float:
    """beta of power ~ 1 / frequency^beta between two frequencies, every octave weighing the same.

    Raises `ValueError` if fewer than two frequencies lie between them, or there is no power.
    """
    at, level = _by_octave(frequency, power, low, high)
    if len(at) < 2:
        raise ValueError(f"exponent(low, high): expected a band with two frequencies, got {low:g} .. {high:g}")
    return -float(numpy.polyfit(numpy.log(at), numpy.log(level), 1)[0])


def _by_octave(frequency: Values, power: Values, low: float, high: float) -> tuple[Values, Values]:
    """Means in steps of an eighth of an octave; power as a geometric mean, as fits of its logarithm take it."""
    inside = (frequency >= low) & (frequency <= high) & (power > 0)
    step = numpy.floor(numpy.log(frequency[inside] / low) / numpy.log(STEP) + 1e-9).astype(numpy.int64)
    count = numpy.bincount(step)
    kept = count > 0
    at, level = (
        numpy.exp(numpy.bincount(step, numpy.log(values[inside]))[kept] / count[kept]) for values in (frequency, power)
    )
    return at, level


def fit_blur(frequency: Values, power: Values, spacing_mm: float) -> Blur:
    """A least-squares fit of log P(f) by (a / f^b + n) 2^-(f / h)^2.

    From 0.15 per mm to nine tenths of Nyquist's frequency; b is 1.5 to 4, so that noise cannot pass for tissue nor blur
    for its fall. Of a response that is no Gaussian, and of processing that sharpens, h is a summary. Without power
    there is neither.
    """
    from scipy import optimize

    nyquist = 0.5 / spacing_mm
    at, level = _by_octave(frequency, power, BANDS[0][0], 0.9 * nyquist)
    if len(at) < 4:
        return Blur(0.0, float("inf"))
    logarithm = numpy.log(level)

    def misfit(guess: Values) -> Values:
        sharp = numpy.logaddexp(guess[0] - guess[1] * numpy.log(at), guess[2])
        off: Values = sharp - numpy.log(2) * guess[3] * (at / nyquist) ** 2 - logarithm
        return off

    # guess: log a, b, log n, and (Nyquist's frequency / h)^2, which is 0 where nothing is blurred.
    bottom, top = float(logarithm.min()), float(logarithm.max())
    lowest, highest = (bottom - 20, 1.5, bottom - 20, 0.0), (top + 5, 4.0, top + 5, 200.0)
    fits = []
    # The misfit has more than one valley: little tissue under much noise, and the other way round.
    for blur in (0.1, 2.0, 20.0):
        for tissue, noise in ((float(numpy.interp(1.0, at, logarithm)), bottom), (bottom - 2, float(logarithm[-1]))):
            start = numpy.array((tissue, 2.8, noise, blur))
            fits.append(optimize.least_squares(misfit, start, bounds=(lowest, highest)))
    best = min(fits, key=lambda fit: float(fit.cost)).x
    half = nyquist / float(numpy.sqrt(max(best[3], 1e-9)))
    return Blur(float(numpy.exp(best[2])), half if half <= nyquist else float("inf"))
