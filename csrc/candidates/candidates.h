// Local maxima: where a response map peaks.
#pragma once

#include <cstdint>
#include <vector>

#include "core/array.h"

namespace mcfast {

struct LocalMaximum {
    std::int32_t row, column;
    float value;
};

/// Pixels above the threshold that no other pixel of the (2 radius + 1)^2 window exceeds and no earlier one (raster
/// order) equals; in raster order. `mask` is null or a (rows, columns) bool array: maxima outside it are dropped.
std::vector<LocalMaximum> local_maxima(const Array& image, int radius, double threshold, const Array* mask,
                                       int threads);

}  // namespace mcfast
