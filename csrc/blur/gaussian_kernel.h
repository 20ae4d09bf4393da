// Separable Gaussian: 2 (radius + 1) multiplications and additions per pixel, down the columns, then along the row.
//
// The kernel is symmetric, so pixels at the same distance are added before they are weighted. A strip is converted to
// float once and stays in L2 while its rows are read 2 radius + 1 times.
#pragma once

#include "blur/blur_task.h"
#include "core/simd.h"

namespace mcfast::MCFAST_LEVEL {

template <class T>
void gaussian_blur(const GaussianTask<T>& task, char* workspace) {
    GaussianLayout<T> buffer(task, workspace);
    const int n = task.image.columns, radius = task.radius, down = task.down, first = task.top - down;
    for (int y = first; y < task.bottom + down; ++y) {
        float* row = buffer.rows + (y - first) * buffer.pitch;
        if (y < 0 || y >= task.image.rows) {
            fill(row, 0.0f, n);
            continue;
        }
        const T* from = task.image.row(y);
        for (int x = 0; x < n; ++x) row[x] = static_cast<float>(from[x]);
    }
    float* middle = buffer.padded + radius;
    fill(buffer.padded, 0.0f, radius);
    fill(middle + n, 0.0f, radius);
    for (int y = task.top; y < task.bottom; ++y) {
        const float* centre = buffer.rows + (y - first) * buffer.pitch;
        for (int x = 0; x < n; ++x) middle[x] = task.weights[0] * centre[x];
        for (int k = 1; k <= down; ++k) {
            const float weight = task.weights[k];
            const float *above = centre - k * buffer.pitch, *below = centre + k * buffer.pitch;
            for (int x = 0; x < n; ++x) middle[x] += weight * (above[x] + below[x]);
        }
        float* out = task.out.row(y);
        for (int x = 0; x < n; ++x) out[x] = task.weights[0] * middle[x];
        for (int k = 1; k <= radius; ++k) {
            const float weight = task.weights[k];
            for (int x = 0; x < n; ++x) out[x] += weight * (middle[x - k] + middle[x + k]);
        }
        const float scale = task.row_scale[y];
        for (int x = 0; x < n; ++x) out[x] *= scale * task.column_scale[x];
    }
}

}  // namespace mcfast::MCFAST_LEVEL
