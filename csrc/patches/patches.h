// Patches around given pixels as a network's input batch, and windows of a grid put together again.
#pragma once

#include "core/array.h"

namespace mcfast {

/// out (n, 1, size, size) float32 = (patch - mean) / std around each of the (n, 2) int32 centres. `mean` and `std` are
/// null or hold 1 or n float32 values.
void gather_patches(const Array& image, const Array& centres, int size, const Array* mean, const Array* std,
                    const Array& out, int threads);

/// out = mean of the windows (grid rows, grid columns, h, w) of the covering grid with that stride.
void stitch(const Array& patches, int row_stride, int column_stride, const Array& out, int threads);

}  // namespace mcfast
