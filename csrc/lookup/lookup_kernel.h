// Lookup table: one gather per pixel from a table that stays in L1 or L2.
#pragma once

#include <cstdint>

#include "core/image.h"
#include "core/simd.h"

namespace mcfast::MCFAST_LEVEL {

/// out = table[min(image, entries - 1)] for rows [top, bottom).
template <class T>
void lookup_rows(const Image<const T>& image, const std::uint16_t* table, int entries, const Image<std::uint16_t>& out,
                 int top, int bottom) {
    const auto last = static_cast<unsigned>(entries - 1);
    for (int y = top; y < bottom; ++y) {
        const T* from = image.row(y);
        std::uint16_t* to = out.row(y);
        for (int x = 0; x < image.columns; ++x) {
            const unsigned index = from[x];
            to[x] = table[index < last ? index : last];
        }
    }
}

}  // namespace mcfast::MCFAST_LEVEL
