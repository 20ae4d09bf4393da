// Local maxima of a row, given the maximum over the window around each of its pixels (csrc/morphology: flat in the
// radius), so that a maximum is a pixel that equals it: non-maximum suppression after Neubeck and Van Gool (2006).
//
// Two loads and two comparisons per vector, four vectors at a time, since nearly all of them hold no maximum; only
// those that do are looked at pixel by pixel, and only there ties are settled: O(radius^2) at worst, on a plateau O(1).
#pragma once

#include <cstdint>
#include <limits>
#include <type_traits>

#include "core/image.h"
#include "core/simd.h"

namespace mcfast::MCFAST_LEVEL {

/// True if a pixel of the window that comes earlier in raster order equals (y, x). The nearest ones are looked at
/// first: on a plateau the left neighbour settles it.
template <class T>
bool equals_an_earlier(const Image<const T>& image, int y, int x, int radius) {
    const T value = image.row(y)[x];
    const int first = x - radius < 0 ? 0 : x - radius;
    for (int i = x - 1; i >= first; --i) {
        if (image.row(y)[i] == value) return true;
    }
    const int last = x + radius >= image.columns ? image.columns - 1 : x + radius;
    for (int row = y - 1; row >= 0 && row >= y - radius; --row) {
        for (int i = first; i <= last; ++i) {
            if (image.row(row)[i] == value) return true;
        }
    }
    return false;
}

/// The lowest T that a pixel above the threshold can have.
template <class T>
T lowest_above(double threshold) {
    if constexpr (!std::is_integral_v<T>) return static_cast<T>(threshold);
    constexpr double most = std::numeric_limits<T>::max();
    return threshold < 0 ? 0 : threshold > most ? std::numeric_limits<T>::max() : static_cast<T>(threshold);
}

/// Whether any of `block` pixels may be a maximum; most blocks have none.
template <int block, class T>
[[gnu::always_inline]] inline bool any_maximum(const T* row, const T* highest, T lowest) {
    decltype(load(row) == load(row)) any{};
    for (int x = 0; x < block; x += lanes<T>) {
        const Vector<T> pixels = load(row + x);
        any |= (pixels == load(highest + x)) & (pixels >= lowest);
    }
    std::uint64_t words[sizeof any / 8], bits = 0;
    __builtin_memcpy(words, &any, sizeof any);
    for (const std::uint64_t word : words) bits |= word;
    return bits != 0;
}

/// Writes the columns of the maxima of row y to `found` (room for a whole row) and returns how many there are.
/// `highest` is the maximum over the window around each pixel of the row, `mask` null or the row of a mask: bytes,
/// because an array of booleans may hold other values than 0 and 1, which no C++ bool may.
template <class T>
int scan_maxima(const Image<const T>& image, const T* highest, const std::uint8_t* mask, int y, int radius,
                double threshold, int* found) {
    constexpr int block = 4 * lanes<T>;
    const T lowest = lowest_above<T>(threshold);
    const T* row = image.row(y);
    int count = 0;
    for (int begin = 0; begin < image.columns; begin += block) {
        const bool whole = begin + block <= image.columns;
        if (whole && !any_maximum<block>(row + begin, highest + begin, lowest)) continue;
        const int end = whole ? begin + block : image.columns;
        for (int x = begin; x < end; ++x) {
            if (row[x] != highest[x] || !(row[x] > threshold) || (mask && !mask[x])) continue;
            if (!equals_an_earlier(image, y, x, radius)) found[count++] = x;
        }
    }
    return count;
}

}  // namespace mcfast::MCFAST_LEVEL
