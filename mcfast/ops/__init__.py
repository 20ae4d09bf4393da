"""The operations: one function each, on NumPy arrays, torch tensors and CuPy arrays; what comes in comes back.

An array on a GPU is worked on there, in the order of its stream, without waiting for the result. Values on a GPU are
not looked at: NaN and infinities spread, and a patch centre outside the image is clamped to it.

Keyword arguments that every operation shares:

`out`
    Array to write to; of the result's shape and dtype. Where the docstring says so it may be the input itself; any
    other overlap is refused.
`threads`
    How many threads may work; `None` is `MCFAST_THREADS`, else the number of processors this process may use.
    The result is the same for any number.
`stream`
    For arrays on a GPU only: a stream of CuPy, torch or mcfast, or its handle; `None` is the current one of the
    array's library. Must be `None` in host memory.
`backend`
    In host memory `"native"` (default), `"reference"` (NumPy: slow, the specification) or `"numba"` (some operations:
    to teach from). On a GPU `"cuda"` (default, if this build has it) or `"cupy"` (the same kernels, compiled by CuPy).
"""

from mcfast.ops.blur import box_mean, gaussian_blur
from mcfast.ops.candidates import local_maxima
from mcfast.ops.dehaze import dark_channel, dehaze
from mcfast.ops.guided import guided_filter
from mcfast.ops.lookup import lookup
from mcfast.ops.morphology import (
    black_tophat,
    closing,
    dilate,
    erode,
    max_filter,
    min_filter,
    opening,
    white_tophat,
)
from mcfast.ops.patches import gather_patches, sliding_windows, stitch
from mcfast.ops.resample import resample

__all__ = [
    "black_tophat",
    "box_mean",
    "closing",
    "dark_channel",
    "dehaze",
    "dilate",
    "erode",
    "gather_patches",
    "gaussian_blur",
    "guided_filter",
    "local_maxima",
    "lookup",
    "max_filter",
    "min_filter",
    "opening",
    "resample",
    "sliding_windows",
    "stitch",
    "white_tophat",
]
