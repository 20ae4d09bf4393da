// Mean over a clipped box, O(1) per pixel in its radius: 8 and 16-bit pixels are summed in 32-bit integers where they
// fit.
#pragma once

#include "blur/blur_task.h"
#include "blur/window_sum.h"

namespace mcfast::MCFAST_LEVEL {

/// Number of rows of [y - radius, y + radius] inside [0, rows).
inline int clipped_height(int y, int radius, int rows) {
    const int first = y < radius ? 0 : y - radius, last = y + radius >= rows ? rows : y + radius + 1;
    return last - first;
}

template <class Sum, class T>
void box_mean_summed(const BoxTask<T>& task, char* workspace) {
    const BoxLayout<T, Sum> buffer(task, workspace);
    const int n = task.image.columns, radius = task.radius;
    fill(buffer.blank, static_cast<T>(task.shift), n);
    RunningSum<Sum> total(buffer.sum, n, task.along.radius);
    for (int y = task.top - radius; y < task.top + radius; ++y) {
        const RowPair<T> rows(task.image, y, -1, buffer.blank, task.shift);
        for_each_eight(0, n, [&](int x, auto count) { total.add(x, rows.template change<Sum>(x, count)); });
    }
    const double* inverse_width = task.along.inverse_width;
    for (int y = task.top; y < task.bottom; ++y) {
        const RowPair<T> rows(task.image, y + radius, y > task.top ? y - radius - 1 : -1, buffer.blank, task.shift);
        RunningSum<Sum> sum = total;
        sum.begin_row();
        for_each_eight(0, n, [&](int x, auto count) { sum.update(x, rows.template change<Sum>(x, count)); });
        sum.finish_row();
        const double inverse_height = 1.0 / clipped_height(y, radius, task.image.rows), shift = task.shift;
        const Prefix<Sum> prefix = sum.prefix;
        float* out = task.out.row(y);
        for_each_eight(0, n, [&](int x, auto count) {
            const Doubles mean = prefix.window(x) * (load_doubles(inverse_width + x) * inverse_height);
            store_pixels(out + x, mean + shift, count);
        });
    }
}

template <class T>
void box_mean(const BoxTask<T>& task, char* workspace) {
    if (sums_fit_in_32_bits<T>(task.radius > task.along.radius ? task.radius : task.along.radius)) {
        if constexpr (std::is_integral_v<T>) box_mean_summed<std::uint32_t>(task, workspace);
    } else {
        box_mean_summed<double>(task, workspace);
    }
}

}  // namespace mcfast::MCFAST_LEVEL
