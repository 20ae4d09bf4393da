// Words of pixels of a row, read and written by morphology, and the list of its kernels.
//
// Lane l of word i is column left + l * step + i: lanes lie `step` columns apart, so that no shift ever crosses them.
#pragma once

#include "gpu/pixel.h"

namespace mcfast::gpu {

/// Column x of a row as it is read: the extremum over interleaved channels; outside pixels take no part.
template <class Op, class T>
MC_DEVICE T read_pixel(const T* row, int x, int columns, int channels) {
    if (x < 0 || x >= columns) return Op::template identity<T>();
    T best = row[static_cast<int64_t>(x) * channels];
    for (int c = 1; c < channels; ++c) {
        best = lane_of<T>(Op::template of<T>(best, row[static_cast<int64_t>(x) * channels + c]), 0);
    }
    return best;
}

/// The word whose first lane is column `left`. A null row lies outside the image.
template <class Op, class T>
MC_DEVICE Word<T> read_word(const T* row, int left, int step, int columns, int channels) {
    Word<T> word = 0;
    for (int lane = 0; lane < Packing<T>::lanes; ++lane) {
        const int x = left + lane * step;
        word = with_lane<T>(word, lane, row ? read_pixel<Op>(row, x, columns, channels) : Op::template identity<T>());
    }
    return word;
}

/// Writes what `Result` makes of the filtered word and the original's pixels, as far as columns go.
template <class Result, class T>
MC_DEVICE void write_word(Word<T> word, T* row, const T* original, int left, int step, int columns) {
    for (int lane = 0; lane < Packing<T>::lanes; ++lane) {
        const int x = left + lane * step;
        if (x >= columns) continue;
        T pixel = 0;
        if constexpr (Result::reads_original) pixel = original[x];
        row[x] = Result::of(lane_of<T>(word, lane), pixel);
    }
}

/// Every instance of an extremum's kernel: of both extrema, and of the one that ends either top-hat.
#define MCFAST_EXTREMUM_KERNELS_OF(X, kernel, T) \
    X(kernel<Minimum, T, Plain>)                 \
    X(kernel<Maximum, T, Plain>)                 \
    X(kernel<Maximum, T, WhiteTopHat>)           \
    X(kernel<Minimum, T, BlackTopHat>)
#define MCFAST_EXTREMUM_KERNELS(X, kernel)          \
    MCFAST_EXTREMUM_KERNELS_OF(X, kernel, uint8_t)  \
    MCFAST_EXTREMUM_KERNELS_OF(X, kernel, uint16_t) \
    MCFAST_EXTREMUM_KERNELS_OF(X, kernel, float)

}  // namespace mcfast::gpu
