// Lookup table: one gather per pixel from a table that stays in L1 or L2.
#pragma once

#include <cstdint>

#include "core/image.h"
#include "core/simd.h"

namespace mcfast::MCFAST_LEVEL {

/// Four entries, in the order that they are stored in: single stores would be the limit otherwise.
template <class T>
[[gnu::always_inline]] inline std::uint64_t four_entries(const std::uint16_t* table, const T* pixels) {
    constexpr bool little = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
    std::uint64_t entries = 0;
    for (int i = 0; i < 4; ++i) {
        entries |= static_cast<std::uint64_t>(table[pixels[i]]) << (16 * (little ? i : 3 - i));
    }
    return entries;
}

/// out = table[image] for rows [top, bottom); the table has an entry for every T.
template <class T>
void lookup_rows(const Image<const T>& image, const std::uint16_t* table, const Image<std::uint16_t>& out, int top,
                 int bottom) {
    for (int y = top; y < bottom; ++y) {
        const T* from = image.row(y);
        std::uint16_t* to = out.row(y);
        int x = 0;
        for (; x + 8 <= image.columns; x += 8) {
            const std::uint64_t entries[2] = {four_entries(table, from + x), four_entries(table, from + x + 4)};
            __builtin_memcpy(to + x, entries, sizeof entries);
        }
        for (; x < image.columns; ++x) to[x] = table[from[x]];
    }
}

}  // namespace mcfast::MCFAST_LEVEL
