// Lookup table: one gather per pixel from a table that stays in L1 or L2.
#pragma once

#include <cstdint>

#include "core/image.h"
#include "core/simd.h"

namespace mcfast::MCFAST_LEVEL {

/// out = table[image] for rows [top, bottom); the table has an entry for every T.
///
/// Four pixels travel in one register each way: loads and stores of single pixels would be the limit otherwise.
template <class T>
void lookup_rows(const Image<const T>& image, const std::uint16_t* table, const Image<std::uint16_t>& out, int top,
                 int bottom) {
    for (int y = top; y < bottom; ++y) {
        const T* from = image.row(y);
        std::uint16_t* to = out.row(y);
        int x = 0;
        for (; x + 4 <= image.columns; x += 4) {
            T pixels[4];
            __builtin_memcpy(pixels, from + x, sizeof pixels);
            const std::uint16_t values[4] = {table[pixels[0]], table[pixels[1]], table[pixels[2]], table[pixels[3]]};
            __builtin_memcpy(to + x, values, sizeof values);
        }
        for (; x < image.columns; ++x) to[x] = table[from[x]];
    }
}

}  // namespace mcfast::MCFAST_LEVEL
