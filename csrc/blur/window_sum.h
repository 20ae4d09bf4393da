// Sums over clipped windows in O(1) per pixel: running sums of columns, over which a window slides along the row.
//
// Sums of 8- and 16-bit pixels are 32-bit integers where no window can overflow them: column sums then wrap around at
// most, and windows are exact. Everything else is double: squares and products of such pixels are integers too, and
// their sums exact up to 2^53, for windows of up to 1448 x 1448 16-bit pixels; beyond that their error is far below a
// count. Floats are shifted by their mean first, which no mean or variance notices but its rounding error does.
#pragma once

#include "blur/segments.h"

namespace mcfast::MCFAST_LEVEL {

/// What is added to eight sums: differences of pixels, which may be negative.
template <class Sum>
using Changes = Eights<std::conditional_t<std::is_same_v<Sum, std::uint32_t>, std::int32_t, double>>;

[[gnu::always_inline]] inline const Doubles& as_doubles(const Doubles& values) {
    return values;
}
/// For windows, whose sums stay below 2^31.
[[gnu::always_inline]] inline Doubles as_doubles(const EightUnsigned& values) {
    return to_doubles(as_signed(values));
}

/// Column sums of a row, and the window that slides over them.
///
/// A segment goes on where the next one begins. So that the window need not know, `begin_row` copies what lies beside
/// each segment: radius + 1 vectors before it and radius behind it.
///
/// Loops work on a local copy: a member in memory would have to be read again after every store.
template <class Sum>
struct WindowSum {
    Sum* columns;  // (radius + 1 + length + radius, 8), from place 0
    int length, radius;
    Eights<Sum> window{};

    /// Sums of nothing.
    WindowSum(const SumLayout<Sum>& layout, const RowWindow& along)
        : columns(layout.columns + eight * (along.radius + 1)), length(along.segments.length), radius(along.radius) {
        for (int i = -radius - 1; i < length + radius; ++i) put(i, {});
    }

    [[gnu::always_inline]] Eights<Sum> at(int i) const { return Eights<Sum>::load(columns + eight * i); }
    [[gnu::always_inline]] void put(int i, const Eights<Sum>& sums) const { sums.store(columns + eight * i); }

    /// Adds to the column sums at place i. Columns past the row's end must stay 0.
    [[gnu::always_inline]] void add(int i, const Changes<Sum>& change) const { put(i, at(i) + as_sums(change)); }

    /// Brings the window to the place before each segment, once all column sums of a row are there.
    void begin_row() {
        Eights<Sum> ahead{}, behind{};
        for (int i = 0; i < radius; ++i) {
            const Eights<Sum> sums = at(i);
            put(length + i, moved_down(sums));
            ahead = ahead + sums;
        }
        for (int i = -1; i >= -radius - 1; --i) {
            const Eights<Sum> sums = moved_up(at(i + length));
            put(i, sums);
            behind = behind + sums;
        }
        window = ahead + behind;
    }

    /// Slides the window to place i, from the place before it. Gives the sums over the windows around place i.
    [[gnu::always_inline]] Doubles slide(int i) {
        window = window + (at(i + radius) - at(i - radius - 1));
        return as_doubles(window);
    }
};

/// A row that enters and a row that leaves a running window. Rows outside the image add nothing: `blank` stands for
/// them.
template <class T>
struct RowPair {
    const T *entering, *leaving;
    double shift;
    std::ptrdiff_t stride;

    RowPair(const Image<const T>& image, int entering_row, int leaving_row, const T* blank, double shift_)
        : entering(entering_row >= 0 && entering_row < image.rows ? image.row(entering_row) : blank),
          leaving(leaving_row >= 0 && leaving_row < image.rows ? image.row(leaving_row) : blank),
          shift(shift_),
          stride(image.stride) {}

    /// Asks for the rows below, so that the next row finds them.
    [[gnu::always_inline]] void prefetch_next(const Segments& segments, int i) const {
        prefetch_block(entering + stride, segments, i);
        prefetch_block(leaving + stride, segments, i);
    }
};

/// Eight places of such rows.
template <class T>
struct BlockPair {
    Block<T> entering, leaving;
    double shift;

    [[gnu::always_inline]] BlockPair(const RowPair<T>& rows, const Segments& segments, int i)
        : entering(load_block(rows.entering, segments, i, static_cast<T>(rows.shift))),
          leaving(load_block(rows.leaving, segments, i, static_cast<T>(rows.shift))),
          shift(rows.shift) {}

    [[gnu::always_inline]] Doubles values(const EightPixels<T>& pixels) const {
        const Doubles all = to_doubles(pixels);
        if constexpr (std::is_integral_v<T>) return all;
        return all - shift;
    }

    /// What the sums of the window gain at place j, in the type that they are summed in.
    template <class Sum>
    [[gnu::always_inline]] Changes<Sum> change(int j) const {
        if constexpr (std::is_same_v<Sum, std::uint32_t>) {
            return to_ints(entering.at[j]) - to_ints(leaving.at[j]);
        } else {
            return values(entering.at[j]) - values(leaving.at[j]);
        }
    }

    /// What the sums of products gain.
    [[gnu::always_inline]] Doubles product_change(const BlockPair& factors, int j) const {
        return values(entering.at[j]) * factors.values(factors.entering.at[j]) -
               values(leaving.at[j]) * factors.values(factors.leaving.at[j]);
    }

    /// What the sums of squares gain.
    [[gnu::always_inline]] Doubles square_change(int j) const {
        if constexpr (std::is_integral_v<T>) {  // exact, and without a conversion and a product
            const EightInts in = to_ints(entering.at[j]), out = to_ints(leaving.at[j]);
            return to_doubles(in + out) * to_doubles(in - out);
        } else {
            return product_change(*this, j);
        }
    }
};

}  // namespace mcfast::MCFAST_LEVEL
