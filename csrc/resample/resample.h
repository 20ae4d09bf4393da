// Resampling to another pixel spacing: area average where an axis shrinks, linear where it grows.
#pragma once

#include "core/array.h"

namespace mcfast {

/// Length of an axis after scaling: max(1, floor(length scale + 0.5)). Throws ValueError if it is above 2^30.
int resampled_length(std::ptrdiff_t length, double scale);

/// out (resampled lengths, dtype of the image) = resampled image; scales from 1/64 to 64.
void resample(const Array& image, double row_scale, double column_scale, const Array& out, int threads);

/// Throws ValueError unless a scale is from 1/64 to 64.
void check_scale(double row_scale, double column_scale);

}  // namespace mcfast
