// What the box-mean and Gaussian kernels are given.
#pragma once

#include <cstdint>
#include <limits>
#include <type_traits>

#include "core/image.h"
#include "core/workspace.h"

namespace mcfast {

/// A row as eight segments of `length` columns, one for each lane of a vector; see blur/segments.h.
struct Segments {
    int columns, length;  // length: a multiple of 8; what lies past the row's end is nothing

    static constexpr int lanes = 8;
    std::size_t size() const { return static_cast<std::size_t>(lanes) * static_cast<std::size_t>(length); }
};

[[gnu::always_inline]] inline Segments segments_of(int columns) {
    constexpr int block = Segments::lanes * Segments::lanes;
    return {columns, (columns + block - 1) / block * Segments::lanes};
}

/// How far a window reaches along a row, and what its clipped width divides by.
struct RowWindow {
    Segments segments;
    int radius;                   // at most the row's length: a wider window holds nothing more
    const double* inverse_width;  // (length, 8) 1 / number of columns inside; 0 past the row's end
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

/// Column sums of a row, with what a window needs on both sides of every segment.
template <class Sum>
struct SumLayout {
    Sum* columns;

    // Inlined always: a copy of its own, compiled for one instruction level, would be shared by all of them.
    [[gnu::always_inline]] SumLayout(Layout& layout, const RowWindow& along)
        : columns(layout.take<Sum>(along.segments.size() +
                                   Segments::lanes * (2 * static_cast<std::size_t>(along.radius) + 1))) {}
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
        : Layout(base), sum(*this, task.along), blank(take<T>(std::size_t(task.image.columns))) {}

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
