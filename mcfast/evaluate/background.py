"""What a mammogram's background is made of, in numbers: how its spectrum falls, its noise, its sharpness.

Phantoms teach a detector what tissue and noise look like, so theirs must be those of real images. Everything is
measured at 0.1 mm, as the detector sees it, inside the breast: away from the skin, from the image's border, and from
steep edges. A pectoral muscle whose border is soft stays in; medians over patches bear with it.

Burgess, Jacobson and Judy, "Human observer detection experiments with mammograms and power-law noise", Med. Phys. 2001.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.canonical import at_canonical, headroom
from mcfast.detect.mask import breast_mask
from mcfast.dicom.grayscale import window
from mcfast.errors import InputError
from mcfast.evaluate.spectrum import BANDS, exponent, fit_blur, patch_spectra
from mcfast.footprints import disk
from mcfast.mammogram import Mammogram
from mcfast.ops import box_mean, erode, gaussian_blur

__all__ = ["COARSEST_MM", "SPACING_MM", "Background", "background_of", "measure"]

Field = NDArray[numpy.float32]
Mask = NDArray[numpy.bool_]
Values = NDArray[numpy.float64]

SPACING_MM = 0.1
COARSEST_MM = 0.12  # an image of coarser pixels holds nothing of what is measured at 0.1 mm
SIDE = 256  # pixels of a patch: 25.6 mm, of which a Hann window leaves half
STRIDE = 64
SKIN_MM, BORDER_MM = 5.0, 2.0
EDGE_BLUR_MM, EDGE, EDGE_SHARE = 1.5, 4.0, 0.03
BRIGHT = 99.0  # percentile of the breast that counts as the end of the image's range
SATURATED = 0.01  # share of a patch's pixels at an end of the range that spoils it
FINE_MM = 0.3  # the noise's autocorrelation is that of what a Gaussian of this deviation leaves
LEVEL_MM = 0.9  # side of the square whose mean is a pixel's signal
LEVELS = 10
FLAT = 1e-20  # mm^2, far below what rounding to 16 bits leaves
FEWEST = 400  # differences that a deviation is taken from


@dataclass(frozen=True, slots=True, eq=False)
class Background:
    """Statistics of one image; intensities are fractions of its range, black to the breast's 99th percentile.

    Attributes
    ----------
    name
        Of the image.
    patches
        How many patches of 25.6 mm the spectrum is the median of.
    frequency, power
        (F,) per mm and (F,) mm^2: the radially averaged power spectrum.
    exponents
        beta of P(f) ~ 1 / f^beta in each band of `mcfast.evaluate.spectrum.BANDS`.
    noise_percent
        Standard deviation of the noise at the middle of the signal's levels, in percent of the range.
    noise_exponent
        x of deviation ~ signal^x: 0.5 where counts are proportional to quanta, 0 where noise is the same everywhere.
        Black is taken for no signal; processing for presentation moves both. NaN if the signal does not vary enough.
    levels, deviations
        (L,) signal and (L,) deviation that this was fitted to.
    correlation
        Autocorrelation at one pixel of what is finer than 0.3 mm: -0.03 for white noise.
    half_width
        Frequency per mm at which blur has halved the power of tissue and noise (`mcfast.evaluate.spectrum.fit_blur`);
        infinite where that lies beyond Nyquist's.
    """

    name: str
    patches: int
    frequency: Values
    power: Values
    exponents: tuple[float, ...]
    noise_percent: float
    noise_exponent: float
    levels: Values
    deviations: Values
    correlation: float
    half_width: float


def background_of(mammogram: Mammogram, *, coarsest_mm: float = COARSEST_MM) -> Background:
    """Measure a mammogram as the detector sees it: windowed, at 0.1 mm, within its breast.

    Raises `InputError` if its pixels are coarser than `coarsest_mm`, or as `measure`.
    """
    name = mammogram.source.name
    if max(mammogram.spacing_mm) > coarsest_mm:
        raise InputError(
            f"{name}: expected pixels of at most {coarsest_mm:g} mm, got {max(mammogram.spacing_mm):g}; "
            "what is compared at 0.1 mm is not in it, leave it out"
        )
    image, valid, _ = at_canonical(window(mammogram), mammogram, SPACING_MM)
    white = float((1 << mammogram.bits) - 1) * headroom(mammogram)
    mask = breast_mask(image, SPACING_MM, max_value=white, valid=valid)
    return measure(image, mask, max_value=white, name=name)


def measure(image: NDArray[Any], mask: Mask, *, max_value: float, name: str) -> Background:
    """Measure an image of 0.1 mm.

    Parameters
    ----------
    image, mask
        (H, W) uint8, uint16 or float32, bright = dense and black = 0; and the breast, (H, W) bool.
    max_value
        Intensity of white. Patches at either end of the range are left out.
    name
        For messages and tables.

    Returns
    -------
    `Background`. O(n log n).

    Raises
    ------
    ValueError
        If image and mask are not (H, W) of one shape.
    InputError
        If no patch of 25.6 mm fits into the breast, or nothing varies in it.
    """
    if image.ndim != 2 or mask.shape != image.shape:
        raise ValueError(f"measure(image, mask): expected (H, W) of one shape, got {image.shape} and {mask.shape}")
    inner = _inner(mask)
    bright = float(numpy.percentile(image[inner], BRIGHT)) if inner.any() else 0.0
    corners = _corners(image, inner, max_value) if bright > 0 else []
    if not corners:
        raise InputError(f"{name}: no patch of {SIDE * SPACING_MM:g} mm fits into the breast; leave it out")
    values = image.astype(numpy.float32) / numpy.float32(bright)
    frequency, spectra = patch_spectra((values[_patch(corner)] for corner in corners), SPACING_MM)
    power = numpy.median(spectra, axis=0)
    if float(power.max()) < FLAT:
        raise InputError(f"{name}: nothing varies within the breast; leave it out")
    levels, deviations = _noise_by_level(values, corners)
    return Background(
        name=name,
        patches=len(corners),
        frequency=frequency,
        power=power,
        exponents=tuple(exponent(frequency, power, *band) for band in BANDS),
        noise_percent=100 * float(numpy.median(deviations)),
        noise_exponent=_slope(levels, deviations),
        levels=levels,
        deviations=deviations,
        correlation=_correlation(values, corners),
        half_width=fit_blur(frequency, power, SPACING_MM).half_width,
    )


def _inner(mask: Mask) -> Mask:
    """The breast 5 mm below the skin. Beyond the image's border the breast goes on; what lies on it is left out."""
    skin, border = round(SKIN_MM / SPACING_MM), round(BORDER_MM / SPACING_MM)
    around = numpy.pad(mask, skin, mode="edge").view(numpy.uint8)
    inner: Mask = erode(around, disk(skin)).view(bool)[skin:-skin, skin:-skin]
    kept = numpy.zeros(mask.shape, bool)
    kept[border:-border, border:-border] = inner[border:-border, border:-border]
    return kept


def _corners(image: NDArray[Any], inner: Mask, max_value: float) -> list[tuple[int, int]]:
    """Top left corners of the patches, half overlapping or closer, of tissue without steep edges."""
    rows, columns = (side - SIDE for side in inner.shape)
    if rows < 0 or columns < 0:
        return []
    spoilt = (image <= 0) | (image >= max_value)
    edge = _edges(image, inner)
    found = []
    for row in _starts(inner.any(axis=1), rows):
        for column in _starts(inner.any(axis=0), columns):
            part = _patch((row, column))
            if inner[part].all() and spoilt[part].mean() <= SATURATED and edge[part].mean() <= EDGE_SHARE:
                found.append((row, column))
    return found


def _starts(present: Any, last: int) -> list[int]:
    """Every 64th place from the first row or column with tissue on, as far as `last`."""
    first = int(numpy.argmax(present))
    return list(range(min(first, last), last + 1, STRIDE))


def _edges(image: NDArray[Any], inner: Mask) -> Mask:
    """Where the image blurred by 1.5 mm is four times as steep as its median: hard borders of muscle, metal, folds."""
    smooth = gaussian_blur(image.astype(numpy.float32), EDGE_BLUR_MM / SPACING_MM)
    down, right = numpy.gradient(smooth)
    steep = numpy.hypot(down, right)
    edges: Mask = inner & (steep > EDGE * float(numpy.median(steep[inner])))
    return edges


def _patch(corner: tuple[int, int]) -> tuple[slice, slice]:
    return slice(corner[0], corner[0] + SIDE), slice(corner[1], corner[1] + SIDE)


def _noise_by_level(values: Field, corners: list[tuple[int, int]]) -> tuple[Values, Values]:
    """Deviation of the diagonal difference (Haar's finest) of 2 x 2 pixels, in ten parts of equal size by local mean.

    For white noise it is that of a pixel; of smooth tissue nothing is left in it.
    """
    used = numpy.zeros(values.shape, bool)
    for corner in corners:
        used[_patch(corner)] = True
    rows, columns = (side // 2 * 2 for side in values.shape)
    quad = [values[row:rows:2, column:columns:2] for row in (0, 1) for column in (0, 1)]
    difference = (quad[0] - quad[1] - quad[2] + quad[3]) / 2
    level = box_mean(values, round(LEVEL_MM / SPACING_MM) // 2)[:rows:2, :columns:2]
    inside = used[:rows:2, :columns:2]
    differences, signal = difference[inside], level[inside]
    order = numpy.argsort(signal)
    parts = numpy.array_split(order, max(1, min(LEVELS, len(order) // FEWEST)))
    return (
        numpy.array([float(numpy.median(signal[part])) for part in parts]),
        numpy.array([_deviation(differences[part]) for part in parts]),
    )


def _deviation(values: NDArray[Any]) -> float:
    """Standard deviation of Gaussian values, robust to a hundredth that is not.

    From the mean size, drawn in to its 98th percentile, and not from the median: that of an image of few grey levels
    is one of them.
    """
    size = numpy.abs(values.astype(numpy.float64))
    # Of a Gaussian of deviation 1 that is 2 (phi(0) - phi(z)) + 2 z Q(z), with Q(z) = 0.01 at z = 2.3263.
    return float(numpy.minimum(size, numpy.percentile(size, 98.0)).mean() / 0.791104)


def _slope(levels: Values, deviations: Values) -> float:
    usable = (levels > 0) & (deviations > 0)
    if usable.sum() < 3 or levels[usable].max() < 1.2 * levels[usable].min():
        return float("nan")
    return float(numpy.polyfit(numpy.log(levels[usable]), numpy.log(deviations[usable]), 1)[0])


def _correlation(values: Field, corners: list[tuple[int, int]]) -> float:
    fine = values - gaussian_blur(values, FINE_MM / SPACING_MM)
    found = []
    for corner in corners:
        patch = fine[_patch(corner)].astype(numpy.float64)
        # Calcifications and what else is bright and rare must not pass for correlated noise.
        limit = 3 * max(_deviation(patch), 1e-12)
        patch = numpy.clip(patch, -limit, limit)
        patch -= patch.mean()
        along = (patch[:, 1:] * patch[:, :-1]).mean() + (patch[1:] * patch[:-1]).mean()
        found.append(along / 2 / max(float((patch**2).mean()), 1e-24))
    return float(numpy.median(found))
