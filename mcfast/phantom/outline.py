"""The breast's outline: where the skin runs, where the nipple is, and how far a pixel lies below the skin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy
from numpy.typing import NDArray

from mcfast.phantom.record import View

__all__ = ["Outline", "breast_outline"]


@dataclass(frozen=True, slots=True)
class Outline:
    """A left breast: chest wall at column 0, coordinates in millimetres.

    Attributes
    ----------
    rows
        (N,) rows from above the image to below it.
    edge
        (N,) column of the skin at each row; negative where there is no breast.
    nipple
        (row, column).
    pectoral
        (top width, length along the chest wall, bulge) of the muscle, or `None` where it is not in view.
    """

    rows: NDArray[numpy.float64]
    edge: NDArray[numpy.float64]
    nipple: tuple[float, float]
    pectoral: tuple[float, float, float] | None

    def depth(self, rows: NDArray[numpy.float32], columns: NDArray[numpy.float32]) -> NDArray[numpy.float32]:
        """Distance to the skin, positive inside; (len(rows), len(columns)) float32, millimetres."""
        from scipy.spatial import cKDTree

        grid = numpy.stack(numpy.broadcast_arrays(rows[:, None], columns[None, :]), axis=-1)
        distance = cKDTree(numpy.column_stack([self.rows, self.edge])).query(grid.reshape(-1, 2))[0]
        inside = columns[None, :] < numpy.interp(rows, self.rows, self.edge)[:, None]
        signed: NDArray[numpy.float32] = numpy.where(inside, 1, -1) * distance.reshape(inside.shape)
        return signed.astype(numpy.float32)

    def muscle(self, rows: NDArray[numpy.float32], columns: NDArray[numpy.float32]) -> NDArray[numpy.float32]:
        """Distance into the pectoral muscle along the columns, positive inside; very negative where there is none."""
        if self.pectoral is None:
            return numpy.full((len(rows), len(columns)), -1e3, numpy.float32)
        width, length, bulge = self.pectoral
        part = rows / length
        border = width * (1 - part) + bulge * part * (1 - part)
        return (border[:, None] - columns[None, :]).astype(numpy.float32)


def breast_outline(height: float, width: float, view: View, rng: numpy.random.Generator) -> Outline:
    """Draw an outline that fits into an image of `height` x `width` millimetres."""
    rows = numpy.arange(-0.2 * height, 1.2 * height, 0.1)
    if view == "CC":
        middle = height * rng.uniform(0.45, 0.55)
        nipple_row = middle + height * rng.uniform(-0.05, 0.05)
        half, depth = height * rng.uniform(0.33, 0.46), width * rng.uniform(0.35, 0.66)
        part = numpy.abs((rows - middle) / half)
        inner = numpy.maximum(1 - part ** rng.uniform(1.8, 2.4), 0) ** (1 / rng.uniform(1.4, 2.0))
        edge = depth * inner - 4 * numpy.maximum(part - 1, 0) * half / 10 - 0.5
        pectoral = None
    else:
        from scipy.interpolate import PchipInterpolator

        nipple_row, depth = height * rng.uniform(0.52, 0.66), width * rng.uniform(0.4, 0.7)
        top = depth * rng.uniform(0.35, 0.65)
        shoulder = depth * rng.uniform(0.6, 0.72)
        lower = height * rng.uniform(0.9, 0.97)
        above, below = nipple_row - 0.15 * height, (nipple_row + lower) / 2
        knots = [-0.3 * height, 0.0, 0.25 * height, above, nipple_row, below, lower, lower + 0.3 * height]
        columns = [0.8 * top, top, shoulder, 0.92 * depth, depth, 0.68 * depth, -1.0, -20.0]
        edge = PchipInterpolator(knots, columns)(rows)
        pectoral = (top * rng.uniform(0.6, 0.95), nipple_row * rng.uniform(0.75, 1.05), top * rng.uniform(-0.1, 0.3))
    edge = _blur(edge, 60) + rng.uniform(2, 5) * numpy.exp(-0.5 * ((rows - nipple_row) / rng.uniform(4, 6)) ** 4)
    nipple = (float(nipple_row), float(numpy.interp(nipple_row, rows, edge)) - 4)
    return Outline(rows, edge, nipple, pectoral)


def _blur(values: NDArray[numpy.float64], sigma: float) -> NDArray[numpy.float64]:
    from scipy import ndimage

    blurred: NDArray[numpy.float64] = ndimage.gaussian_filter1d(values, sigma, mode="nearest")
    return blurred
