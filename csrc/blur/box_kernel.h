// Mean over a clipped box, O(1) per pixel in its radius.
#pragma once

#include "blur/blur_task.h"
#include "blur/window_sum.h"

namespace mcfast::MCFAST_LEVEL {

/// Number of rows of [y - radius, y + radius] inside [0, rows).
inline int clipped_height(int y, int radius, int rows) {
    const int first = y < radius ? 0 : y - radius, last = y + radius >= rows ? rows : y + radius + 1;
    return last - first;
}

inline int at_most_eight(int count) {
    return count < eight ? count : eight;
}

template <class T>
void box_mean(const BoxTask<T>& task, char* workspace) {
    BoxLayout<T> buffer(task, workspace);
    const int n = task.image.columns, radius = task.radius;
    RunningSum sum(buffer.sum, n, task.along.radius);
    for (int y = task.top - radius; y < task.top + radius; ++y) {
        const RowPair<T> rows(task.image, y, -1, task.shift);
        for (int x = 0; x < n; x += eight) sum.add(x, rows.pixels(rows.entering, x, at_most_eight(n - x)));
    }
    for (int y = task.top; y < task.bottom; ++y) {
        const RowPair<T> rows(task.image, y + radius, y > task.top ? y - radius - 1 : -1, task.shift);
        sum.begin_row();
        for (int x = 0; x < n; x += eight) {
            const int count = at_most_eight(n - x);
            sum.update(x, rows.pixels(rows.entering, x, count) - rows.pixels(rows.leaving, x, count));
        }
        sum.finish_row();
        const double inverse_height = 1.0 / clipped_height(y, radius, task.image.rows);
        float* out = task.out.row(y);
        for (int x = 0; x < n; x += eight) {
            const Doubles mean = sum.prefix.window(x) * (load_doubles(task.along.inverse_width + x) * inverse_height);
            store_pixels(out + x, mean + task.shift, at_most_eight(n - x));
        }
    }
}

}  // namespace mcfast::MCFAST_LEVEL
