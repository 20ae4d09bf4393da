"""The operations: one function each, on NumPy arrays and CPU torch tensors.

Keyword arguments that every operation shares:

`out`
    Array to write to; of the result's shape and dtype. Where the docstring says so it may be the input itself; any
    other overlap is refused.
`threads`
    How many threads may work; `None` is `MCFAST_THREADS`, else the number of processors this process may use.
    The result is the same for any number.
`stream`
    For arrays on a GPU only; must be `None` in host memory.
`backend`
    `"native"` (default) or `"reference"` (NumPy: slow, the specification).
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
