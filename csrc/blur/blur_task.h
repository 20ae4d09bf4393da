// What the box-mean and Gaussian kernels are given.
#pragma once

#include <cstdint>
#include <limits>
#include <type_traits>

#include "core/image.h"
#include "core/workspace.h"

namespace mcfast {

/// How far a window reaches along a row, and what its clipped width divides by.
struct RowWindow {
    int radius;                   // at most the row's length: a wider window holds nothing more
    const double* inverse_width;  // (columns,) 1 / number of columns inside
};

/// Mean over the clipped (2 radius + 1)^2 window for rows [top, bottom).
template <class T>
struct BoxTask {
    Image<const T> image;
    Image<float> out;
    int radius;  // along columns; at most the image's rows
    RowWindow along;
    double shift;  // taken from every float before it is summed; 0 for integers
    int top, bottom;
};

/// A row of sums that vectors may overrun, and its padded prefix sums.
template <class Sum>
struct SumLayout {
    Sum *columns, *prefix;

    // Inlined always: a copy of its own, compiled for one instruction level, would be shared by all of them.
    [[gnu::always_inline]] SumLayout(Layout& layout, int columns_, int radius)
        : columns(layout.take<Sum>(std::size_t(columns_) + 8)),
          // The sum of the first pixel, which every row's stores begin with, stands on a cache line.
          prefix(layout.take<Sum>(std::size_t(columns_) + 2 * std::size_t(radius) + 32) + (15 - radius % 16)) {}
};

/// Whether no sum of (2 radius + 1)^2 pixels reaches 2^31, so that 32 bits hold it.
template <class T>
bool sums_fit_in_32_bits(int radius) {
    if (!std::is_integral_v<T>) return false;
    const double side = 2.0 * radius + 1;
    return side * side * static_cast<double>(std::numeric_limits<T>::max()) < 2147483648.0;
}

template <class T, class Sum>
struct BoxLayout : Layout {
    BoxLayout(const BoxTask<T>& task, char* base)
        : Layout(base),
          sum(*this, task.image.columns, task.along.radius),
          blank(take<T>(std::size_t(task.image.columns))) {}

    SumLayout<Sum> sum;
    T* blank;  // a row outside the image
};

/// Separable Gaussian for rows [top, bottom); the weights inside the image are scaled to sum to 1.
template <class T>
struct GaussianTask {
    Image<const T> image;
    Image<float> out;
    const float* weights;       // radius + 1, from the centre outwards
    int down, radius;           // reach along columns, at most the image's rows, and along rows
    const float* row_scale;     // (rows,) 1 / sum of the weights inside, by row
    const float* column_scale;  // (columns,)
    int top, bottom;
};

template <class T>
struct GaussianLayout : Layout {
    GaussianLayout(const GaussianTask<T>& task, char* base)
        : Layout(base),
          pitch((std::size_t(task.image.columns) + 31) / 16 * 16),
          rows(take<float>((std::size_t(task.bottom - task.top) + 2 * std::size_t(task.down)) * pitch)),
          padded(take<float>(pitch + 2 * task.radius)) {}

    std::size_t pitch;
    float *rows, *padded;
};

}  // namespace mcfast
