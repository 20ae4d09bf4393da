// Separable resampling by tables of weights: means over the area of an output pixel, or interpolation.
//
// Rows are weighted together first, contiguously, then the columns of the few that remain. Shrinking by s in each
// direction costs one multiplication per input pixel for the rows, and 1 / s of one for the columns; enlarging, two per
// column and row of an output pixel. Every input row is read once for each output row that it is part of: once or
// twice.
#pragma once

#include <limits>
#include <type_traits>

#include "core/simd.h"
#include "resample/resample_task.h"

namespace mcfast::MCFAST_LEVEL {

/// Rounds to nearest even and clips to the integer's range; floats pass.
template <class T, class S>
[[gnu::always_inline]] inline T rounded(S value) {
    if constexpr (std::is_integral_v<T>) {
        constexpr S highest = std::numeric_limits<T>::max();
        value = value < 0 ? 0 : value > highest ? highest : value;
        return static_cast<T>(__builtin_rint(value));
    } else {
        return static_cast<T>(value);
    }
}

template <class T>
void resample(const ResampleTask<T>& task, char* workspace) {
    ResampleLayout<T> buffer(task, workspace);
    const int n = task.image.columns;
    for (int y = task.top; y < task.bottom; ++y) {
        const float* weights = task.rows.of(y);
        const int first = task.rows.first[y];
        for (int x = 0; x < n; ++x) buffer.row[x] = 0;
        for (int k = 0; k < task.rows.count[y]; ++k) {
            const T* from = task.image.row(first + k);
            const float weight = weights[k];
            for (int x = 0; x < n; ++x) buffer.row[x] += weight * static_cast<float>(from[x]);
        }
        T* out = task.out.row(y);
        for (int x = 0; x < task.out.columns; ++x) {
            const float *from = buffer.row + task.columns.first[x], *w = task.columns.of(x);
            float sum = 0;
            for (int k = 0; k < task.columns.count[x]; ++k) sum += w[k] * from[k];
            out[x] = rounded<T>(sum);
        }
    }
}

}  // namespace mcfast::MCFAST_LEVEL
