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

/// Row y of the output, from the column sums around it.
template <class Sum, class T>
void emit_means(const BoxTask<T>& task, WindowSum<Sum> sum, int y) {
    const Segments segments = task.along.segments;
    const double inverse_height = 1.0 / clipped_height(y, task.radius, task.image.rows), shift = task.shift;
    const double* inverse_width = task.along.inverse_width;
    float* out = task.out.row(y);
    sum.begin_row();
    for (int i = 0; i < segments.length; i += eight) {
        prefetch_block(out + task.out.stride, segments, i);
        Block<float> means;
        for_each_place([&](auto j) __attribute__((always_inline)) {
            const Doubles scale = Doubles::load(inverse_width + eight * (i + j)) * inverse_height;
            means.at[j] = to_pixels<float>(sum.slide(i + j) * scale + shift);
        });
        store_block(out, segments, i, means);
    }
}

template <class Sum, class T>
void box_mean_summed(const BoxTask<T>& task, char* workspace) {
    const BoxLayout<T, Sum> buffer(task, workspace);
    const Segments segments = task.along.segments;
    const int radius = task.radius;
    fill(buffer.blank, static_cast<T>(task.shift), segments.columns);
    WindowSum<Sum> total(buffer.sum, task.along);
    for (int y = task.top - radius; y < task.bottom + radius; ++y) {
        const int leaving = y - 2 * radius - 1;
        const RowPair<T> rows(task.image, y, leaving < task.top - radius ? -1 : leaving, buffer.blank, task.shift);
        const auto sum = total;
        for (int i = 0; i < segments.length; i += eight) {
            rows.prefetch_next(segments, i);
            const BlockPair<T> pair(rows, segments, i);
            for_each_place([&](auto j)
                               __attribute__((always_inline)) { sum.add(i + j, pair.template change<Sum>(j)); });
        }
        if (y >= task.top + radius) emit_means(task, total, y - radius);
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
