"""Random fields that breast tissue is made of: power-law noise, septa, streaks towards a point, and curves.

The power spectrum of mammograms falls as 1 / f^beta with beta about 3 (Burgess, Jacobson and Judy, Med. Phys. 2001).
What Gaussian noise of that spectrum lacks, thin connected lines, comes from septa and curves.
"""

from __future__ import annotations

from typing import Any

import numpy
from numpy.typing import NDArray

__all__ = ["bezier_curves", "draw_points", "enlarge", "power_law", "septa", "smooth_noise", "streaks"]

Field = NDArray[numpy.float32]


def power_law(shape: tuple[int, int], beta: float, rng: numpy.random.Generator, *, longest: float = 0.0) -> Field:
    """Gaussian noise whose power spectrum falls as 1 / f^beta, of zero mean and unit deviation.

    Parameters
    ----------
    shape
        (rows, columns) of the result.
    beta
        Exponent of the power spectrum.
    longest
        Wavelength in pixels beyond which the spectrum is flat; 0 is none.

    Returns
    -------
    (H, W) float32. O(n log n).
    """
    from scipy import fft

    rows, columns = (fft.next_fast_len(length, real=True) for length in shape)
    down = fft.fftfreq(rows).astype(numpy.float32)[:, None]
    right = fft.rfftfreq(columns).astype(numpy.float32)[None, :]
    squared = down**2 + right**2
    squared += numpy.float32(1 / longest**2) if longest else 0
    squared[0, 0] = squared[0, 0] or 1
    amplitude = squared ** numpy.float32(-beta / 4)
    amplitude[0, 0] = 0
    spectrum = numpy.empty(amplitude.shape, numpy.complex64)
    spectrum.real = rng.standard_normal(amplitude.shape, numpy.float32)
    spectrum.imag = rng.standard_normal(amplitude.shape, numpy.float32)
    spectrum *= amplitude
    noise: Field = fft.irfft2(spectrum, s=(rows, columns))[: shape[0], : shape[1]].copy()
    noise -= noise.mean()
    noise /= noise.std()
    return noise


def smooth_noise(shape: tuple[int, int], sigma: float, rng: numpy.random.Generator) -> Field:
    """White noise blurred by a Gaussian of `sigma` pixels, scaled to unit deviation. (H, W) float32."""
    from scipy import ndimage

    # Away from the border the deviation of the blurred noise is known; scaling by it keeps small images honest.
    white = rng.standard_normal(shape, numpy.float32)
    blurred: Field = ndimage.gaussian_filter(white, sigma, mode="wrap", truncate=3.5)
    return blurred / max(float(blurred.std()), 1e-6)


def septa(shape: tuple[int, int], cell: float, width: float, rng: numpy.random.Generator) -> Field:
    """A net of thin rough lines: where power-law noise crosses zero.

    `cell` (pixels) is the size of the largest cells, `width` (fraction of the noise's deviation) the lines' thickness.
    Returns (H, W) float32, 0 .. 1.
    """
    noise = power_law(shape, 3.6, rng, longest=cell)
    lines: Field = numpy.reciprocal(1 + (noise / numpy.float32(width)) ** 2)
    return lines


def streaks(
    rows: Field,
    columns: Field,
    centre: tuple[float, float],
    width: float,
    elongation: float,
    rng: numpy.random.Generator,
) -> Field:
    """Power-law noise stretched towards a centre, as ducts and stroma are towards the nipple.

    Parameters
    ----------
    rows, columns
        Coordinates of the pixels, broadcastable to (H, W).
    centre
        Where the streaks meet, in the same units.
    width
        Size of a noise pixel across the streaks, 40 units away from the centre.
    elongation
        How much longer than wide the streaks are.

    Returns
    -------
    (H, W) float32 of about unit deviation.
    """
    from scipy import ndimage

    noise = power_law((512, 512), 2.4, rng)
    down, right = rows - centre[0], columns - centre[1]
    radius = numpy.hypot(down, right)
    # The angle jumps by a turn in one direction; there, right of the nipple, is air.
    angle = numpy.arctan2(down, -right)
    across = angle * 40 / width
    along = radius / (width * elongation)
    sampled: Field = ndimage.map_coordinates(noise, [along, across], order=1, mode="grid-wrap", output=numpy.float32)
    return sampled


def bezier_curves(
    starts: NDArray[Any], directions: NDArray[Any], lengths: NDArray[Any], bend: float, rng: numpy.random.Generator
) -> list[NDArray[numpy.float64]]:
    """Cubic Bezier curves as points less than half a pixel apart.

    Parameters
    ----------
    starts
        (N, 2) first points, rows and columns in pixels.
    directions
        (N,) angles in radians, 0 along the columns.
    lengths
        (N,) lengths in pixels.
    bend
        Sideways deviation of the control points, as a fraction of the length.

    Returns
    -------
    N arrays of (points, 2).
    """
    curves = []
    for start, angle, length in zip(starts, directions, lengths, strict=True):
        ahead = numpy.array([numpy.sin(angle), numpy.cos(angle)])
        aside = numpy.array([ahead[1], -ahead[0]])
        sideways = rng.normal(0, bend, 3).cumsum()
        control = start + length * (numpy.arange(4)[:, None] / 3 * ahead + numpy.r_[0, sideways][:, None] * aside)
        t = numpy.linspace(0, 1, max(2, int(3 * length)))[:, None]
        curves.append(
            (1 - t) ** 3 * control[0]
            + 3 * (1 - t) ** 2 * t * control[1]
            + 3 * (1 - t) * t**2 * control[2]
            + t**3 * control[3]
        )
    return curves


def draw_points(shape: tuple[int, int], points: NDArray[Any], weights: NDArray[Any], sigma: float) -> Field:
    """Lines drawn as points with a Gaussian profile of `sigma` pixels.

    `weights` is per point, in units of the peak of a straight line whose points are 1/3 pixel apart.
    Returns (H, W) float32. Points outside the image do not take part.
    """
    from scipy import ndimage

    base = numpy.floor(points).astype(numpy.int64)
    part = points - base
    canvas = numpy.zeros(shape[0] * shape[1])
    for down in (0, 1):
        for right in (0, 1):
            row, column = base[:, 0] + down, base[:, 1] + right
            share = numpy.abs(1 - down - part[:, 0]) * numpy.abs(1 - right - part[:, 1])
            inside = (row >= 0) & (row < shape[0]) & (column >= 0) & (column < shape[1])
            index = row[inside] * shape[1] + column[inside]
            canvas += numpy.bincount(index, (share * weights)[inside], minlength=canvas.size)
    lines = canvas.reshape(shape).astype(numpy.float32)
    # A line of points 1/3 pixel apart has weight 3 per pixel; its blurred peak is 3 / (sqrt(2 pi) sigma).
    blurred: Field = ndimage.gaussian_filter(lines, sigma, mode="constant", truncate=3.5)
    return blurred * numpy.float32(sigma * numpy.sqrt(2 * numpy.pi) / 3)


def enlarge(field: Field, shape: tuple[int, int]) -> Field:
    """Bicubic enlargement to `shape`; (H, W) float32."""
    from PIL import Image

    image = Image.fromarray(numpy.ascontiguousarray(field, dtype=numpy.float32))
    return numpy.array(image.resize((shape[1], shape[0]), Image.Resampling.BICUBIC), numpy.float32)
