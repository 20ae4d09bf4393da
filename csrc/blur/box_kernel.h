// Mean over a clipped box, O(1) per pixel in its radius: running column sums, then a prefix sum along the row.
//
// Integer sums are exact, so the mean is a correctly rounded quotient. Float images are summed in double after a shift
// by their mean, which the mean over a window does not notice but its rounding error does.
#pragma once

#include "blur/blur_task.h"
#include "core/simd.h"

namespace mcfast::MCFAST_LEVEL {

template <class T>
ColumnSum<T> shifted(T value, double shift) {
    if constexpr (std::is_integral_v<T>) {
        return value;
    } else {
        return value - shift;
    }
}

/// columns[x] += sign * image(y, x), if row y exists.
template <class T>
void add_row(ColumnSum<T>* columns, const Image<const T>& image, int y, bool add, double shift) {
    if (y < 0 || y >= image.rows) return;
    const T* row = image.row(y);
    if (add) {
        for (int x = 0; x < image.columns; ++x) columns[x] += shifted(row[x], shift);
    } else {
        for (int x = 0; x < image.columns; ++x) columns[x] -= shifted(row[x], shift);
    }
}

/// prefix[x] = sum of columns[0 .. x), for x in [0, n].
template <class S, class C>
void prefix_sum(S* prefix, const C* columns, int n) {
    S total = 0;
    prefix[0] = 0;
    for (int x = 0; x < n; ++x) {
        total += columns[x];
        prefix[x + 1] = total;
    }
}

/// Length of [i - radius, i + radius] inside [0, n).
inline int clipped_span(int i, int radius, int n) {
    const int first = i < radius ? 0 : i - radius, last = i + radius >= n ? n : i + radius + 1;
    return last - first;
}

/// Calls f(x, first, last) for x in [0, n), [first, last) being the window clipped to the row. Inside, the bounds are
/// plain sums, so that the loop vectorises.
template <class F>
void for_each_window(int n, int radius, F&& f) {
    const int inner_begin = radius < n ? radius : n, inner_end = n - radius > inner_begin ? n - radius : inner_begin;
    for (int x = 0; x < inner_begin; ++x) f(x, 0, x + radius + 1 < n ? x + radius + 1 : n);
    for (int x = inner_begin; x < inner_end; ++x) f(x, x - radius, x + radius + 1);
    for (int x = inner_end; x < n; ++x) f(x, x - radius, n);
}

template <class T>
void box_mean(const BoxTask<T>& task, char* workspace) {
    BoxLayout<T> buffer(task, workspace);
    const int n = task.image.columns, radius = task.radius;
    for (int x = 0; x < n; ++x) buffer.columns[x] = 0;
    for (int y = task.top - radius; y < task.top + radius; ++y)
        add_row(buffer.columns, task.image, y, true, task.shift);
    for (int y = task.top; y < task.bottom; ++y) {
        add_row(buffer.columns, task.image, y + radius, true, task.shift);
        prefix_sum(buffer.prefix, buffer.columns, n);
        const double height = clipped_span(y, radius, task.image.rows);
        const auto* prefix = buffer.prefix;
        float* out = task.out.row(y);
        for_each_window(n, radius, [&](int x, int first, int last) {
            const auto sum = static_cast<double>(prefix[last] - prefix[first]);
            out[x] = static_cast<float>(sum / (height * (last - first)) + task.shift);
        });
        add_row(buffer.columns, task.image, y - radius, false, task.shift);
    }
}

}  // namespace mcfast::MCFAST_LEVEL
