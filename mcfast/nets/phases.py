"""The phases of a magnified image: what a last deconvolution of stride s computes for every input pixel, as channels.

Channel C s s + r s + c of input pixel (y, x) is channel C of output pixel (s y + r, s x + c), the order of ONNX's
DepthToSpace in mode CRD. Engines end at the phases (`mcfast.nets.engine_form`); who reads their output places them, on
the host by `placed`, on a GPU by the kernel that makes pixels of them (`csrc/magnify/magnify.cuh`).
"""

from __future__ import annotations

from typing import Any

import numpy
from numpy.typing import NDArray

__all__ = ["final_deconvolution", "phases_of", "placed"]


def final_deconvolution(graph: Any) -> Any | None:
    """The deconvolution that gives an ONNX graph's output and feeds no other node; `None` if there is none."""
    output = graph.output[0].name
    if any(output in node.input for node in graph.node):
        return None
    return next((node for node in graph.node if node.op_type == "ConvTranspose" and output in node.output), None)


def phases_of(graph: Any) -> int:
    """How many phases along each axis an engine of this ONNX graph gives: the stride of its last deconvolution, or 1.

    The graph is the network's own, not yet in the engine's form.
    """
    node = final_deconvolution(graph)
    attributes = [] if node is None else node.attribute
    return next((int(one.ints[0]) for one in attributes if one.name == "strides"), 1)


def placed(phases: NDArray[numpy.float32], side: int) -> NDArray[numpy.float32]:
    """Put every phase in its place: a copy, in one pass over memory; the same array if `side` is 1.

    Parameters
    ----------
    phases
        (N, channels side side, H, W).
    side
        Of `phases_of`.

    Returns
    -------
    (N, channels, side H, side W), contiguous, the same values.
    """
    if side == 1:
        return phases
    count, channels, rows, columns = phases.shape
    apart = phases.reshape(count, channels // (side * side), side, side, rows, columns)
    return apart.transpose(0, 1, 4, 2, 5, 3).reshape(count, -1, side * rows, side * columns)
