// Separable Gaussian: 2 (radius + 1) multiplications and additions per pixel, down the columns, then along the row.
//
// The kernel is symmetric, so pixels at the same distance are added before they are weighted. A strip is converted to
// float once and stays in L2 while its rows are read 2 radius + 1 times.
#pragma once

#include <type_traits>

#include "blur/blur_task.h"
#include "core/simd.h"

namespace mcfast::MCFAST_LEVEL {

/// Calls f(x, vector) on the weighted sums, around x in [0, n), of the rows k * apart before and after `centre`.
///
/// Sums stay in registers while k runs; four vectors at once, so that additions do not wait for one another. Rows have
/// slack for a vector: what is computed past n is never used.
template <class F>
[[gnu::always_inline]] inline void weigh(const float* centre, std::ptrdiff_t apart, const float* weights, int reach,
                                         int n, F&& f) {
    constexpr int unroll = 4, step = lanes<float>;
    const auto sums = [&](int x, auto count) {
        constexpr int vectors = decltype(count)::value;
        Vector<float> sum[vectors];
        for (int u = 0; u < vectors; ++u) sum[u] = weights[0] * load(centre + x + u * step);
        for (int k = 1; k <= reach; ++k) {
            const float *before = centre + x - k * apart, *after = centre + x + k * apart;
            for (int u = 0; u < vectors; ++u) sum[u] += weights[k] * (load(before + u * step) + load(after + u * step));
        }
        for (int u = 0; u < vectors; ++u) f(x + u * step, sum[u]);
    };
    int x = 0;
    for (; x + unroll * step <= n; x += unroll * step) sums(x, std::integral_constant<int, unroll>{});
    for (; x < n; x += step) sums(x, std::integral_constant<int, 1>{});
}

template <class T>
void gaussian_blur(const GaussianTask<T>& task, char* workspace) {
    const GaussianLayout<T> buffer(task, workspace);
    const int n = task.image.columns, radius = task.radius, down = task.down, first = task.top - down;
    for (int y = first; y < task.bottom + down; ++y) {
        float* row = buffer.rows + (y - first) * buffer.pitch;
        if (y < 0 || y >= task.image.rows) {
            fill(row, 0.0f, static_cast<int>(buffer.pitch));
            continue;
        }
        const T* from = task.image.row(y);
        for (int x = 0; x < n; ++x) row[x] = static_cast<float>(from[x]);
        fill(row + n, 0.0f, static_cast<int>(buffer.pitch) - n);
    }
    float* middle = buffer.padded + radius;
    fill(buffer.padded, 0.0f, radius);
    for (int y = task.top; y < task.bottom; ++y) {
        const float* centre = buffer.rows + (y - first) * buffer.pitch;
        weigh(centre, buffer.pitch, task.weights, down, n, [&](int x, Vector<float> sum) { store(middle + x, sum); });
        fill(middle + n, 0.0f, radius);
        float* out = task.out.row(y);
        const float row_scale = task.row_scale[y];
        weigh(middle, 1, task.weights, radius, n, [&](int x, Vector<float> sum) {
            store_some(out + x, sum * (row_scale * load(task.column_scale + x)), n - x);
        });
    }
}

}  // namespace mcfast::MCFAST_LEVEL
