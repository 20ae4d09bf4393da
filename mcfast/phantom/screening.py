"""A whole synthetic mammogram."""

from __future__ import annotations

import numpy
from numpy.typing import NDArray

from mcfast.phantom.calcifications import scatter, speck
from mcfast.phantom.exposure import Exposure
from mcfast.phantom.label import draw_label
from mcfast.phantom.outline import breast_outline
from mcfast.phantom.record import Calcification, Laterality, Phantom, View
from mcfast.phantom.tissue import add_specks, breast_signal

__all__ = ["mammogram"]

Field = NDArray[numpy.float32]


def mammogram(
    seed: int,
    *,
    shape: tuple[int, int] = (3328, 2560),
    spacing_mm: float = 0.07,
    bits: int = 12,
    laterality: Laterality = "L",
    view: View = "CC",
    clusters: int | None = None,
    label: bool = True,
) -> Phantom:
    """Draw a synthetic mammogram with known calcifications.

    The same arguments give the same image. Anatomy, calcifications and noise have random streams of their own: with
    another number of clusters the tissue and the noise stay what they are.

    Parameters
    ----------
    seed
        Any integer >= 0.
    shape
        (rows, columns), each at least 64.
    spacing_mm
        Distance of pixel centres, 0.03 to 0.3 mm.
    bits
        Bits of the presentation values, 8 to 16.
    laterality, view
        `"L"` has its chest wall at the left border, `"R"` at the right; `"MLO"` shows the pectoral muscle.
    clusters
        Number of clusters of calcifications; `None` draws 1 to 4. With 0 there are no single calcifications either.
    label
        Whether a view label is burnt into the air beside the breast, where there is room.

    Returns
    -------
    `Phantom`. O(n log n); a few seconds for the default shape.

    Raises
    ------
    ValueError
        For an argument out of its range.
    """
    _check(seed, shape, spacing_mm, bits, laterality, view, clusters)
    anatomy, chalk, noise = (numpy.random.default_rng(child) for child in numpy.random.SeedSequence(seed).spawn(3))
    outline = breast_outline(shape[0] * spacing_mm, shape[1] * spacing_mm, view, anatomy)
    signal, depth = breast_signal(shape, spacing_mm, outline, anatomy)
    exposure = Exposure(anatomy.uniform(0.04, 0.07), anatomy.uniform(0.0, 0.035))
    mask = depth > 0
    tissue = depth > 2.0
    count = int(tissue.sum() * spacing_mm**2 / 100 * anatomy.uniform(0, 0.6))
    add_specks(signal, tissue, spacing_mm, count, 1.5 * exposure.noise * 0.5, anatomy)
    if clusters is None:
        clusters = int(chalk.integers(1, 5))
    singles = int(chalk.integers(2, 12)) if clusters else 0
    truth = _calcify(signal, tissue, clusters, singles, exposure, spacing_mm, bits, chalk)
    image = exposure.counts(signal, bits, spacing_mm, noise)
    text = draw_label(mask, f"{laterality} {view}", spacing_mm) if label else None
    if text is not None:
        image[text] = 2**bits - 1
    if laterality == "R":
        image, mask = image[:, ::-1].copy(), mask[:, ::-1].copy()
        truth = [_mirrored(calcification, shape[1]) for calcification in truth]
        if text is not None:
            image = _readable(image, text)
    return Phantom(image, mask, spacing_mm, bits, laterality, view, tuple(truth), text is not None, seed)


def _calcify(
    signal: Field,
    tissue: NDArray[numpy.bool_],
    clusters: int,
    singles: int,
    exposure: Exposure,
    spacing_mm: float,
    bits: int,
    rng: numpy.random.Generator,
) -> list[Calcification]:
    """Add calcifications to the signal in place, and say what was added."""
    truth = []
    blur_mm = rng.uniform(0.04, 0.08)
    # Members of a cluster resemble each other in size and brightness more than those of different clusters.
    typical: dict[int | None, tuple[float, float]] = {}
    clean = signal.copy()
    for row, column, cluster in scatter(tissue, clusters, singles, spacing_mm, rng):
        if cluster is None or cluster not in typical:
            typical[cluster] = (numpy.exp(rng.uniform(numpy.log(0.15), numpy.log(0.6))), rng.uniform(0, 1))
        size, brightness = typical[cluster]
        diameter = float(numpy.clip(size * numpy.exp(rng.normal(0, 0.3)), 0.1, 1.0))
        drawn = speck(diameter, spacing_mm, blur_mm, rng)
        half = drawn.profile.shape[0] // 2
        top, left = row - half, column - half
        if top < 0 or left < 0 or row + half >= signal.shape[0] or column + half >= signal.shape[1]:
            continue
        deviation = float(exposure.deviation(clean[row, column]))
        # Calcium absorbs in proportion to its thickness, so the larger are the brighter. 5 is barely visible.
        detectability = 5.0 * 6.0**brightness * (diameter / 0.15) ** 1.1 * numpy.exp(rng.normal(0, 0.15))
        peak = float(min(drawn.peak(detectability) * deviation, 0.97 - clean[row, column]))
        signal[top : row + half + 1, left : column + half + 1] += peak * drawn.profile
        truth.append(
            Calcification(
                row + drawn.row_offset,
                column + drawn.column_offset,
                drawn.diameter_mm,
                peak * (2**bits - 1),
                peak / deviation,
                cluster,
            )
        )
    return truth


def _mirrored(calcification: Calcification, columns: int) -> Calcification:
    return Calcification(
        calcification.row,
        columns - 1 - calcification.column,
        calcification.diameter_mm,
        calcification.contrast,
        calcification.contrast_to_noise,
        calcification.cluster,
    )


def _readable(image: NDArray[numpy.uint16], text: NDArray[numpy.bool_]) -> NDArray[numpy.uint16]:
    """Turn the label of a mirrored image back so that it can be read."""
    columns = numpy.flatnonzero(text[:, ::-1].any(axis=0))
    rows = numpy.flatnonzero(text.any(axis=1))
    box = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    box[...] = box[:, ::-1].copy()
    return image


def _check(
    seed: int, shape: tuple[int, int], spacing_mm: float, bits: int, laterality: str, view: str, clusters: int | None
) -> None:
    if seed < 0:
        raise ValueError(f"mammogram(seed): expected an integer of at least 0, got {seed}")
    if len(shape) != 2 or min(shape) < 64:
        raise ValueError(f"mammogram(shape): expected (rows, columns) of at least 64 each, got {shape}")
    if not 0.03 <= spacing_mm <= 0.3:
        raise ValueError(f"mammogram(spacing_mm): expected 0.03 .. 0.3 mm, got {spacing_mm}")
    if not 8 <= bits <= 16:
        raise ValueError(f"mammogram(bits): expected 8 .. 16, got {bits}")
    if laterality not in ("L", "R"):
        raise ValueError(f"mammogram(laterality): expected 'L' or 'R', got {laterality!r}")
    if view not in ("CC", "MLO"):
        raise ValueError(f"mammogram(view): expected 'CC' or 'MLO', got {view!r}")
    if clusters is not None and clusters < 0:
        raise ValueError(f"mammogram(clusters): expected None or at least 0, got {clusters}")
