// Sums over clipped windows in O(1) per pixel: running column sums, then a prefix sum along the row.
//
// Sums of 8- and 16-bit pixels are 32-bit integers where no window can overflow them: they wrap around, and the
// difference of two prefix sums is exact all the same. Everything else is double: squares and products of such pixels
// are integers too, and their sums exact up to 2^53, for a row of 4096 16-bit pixels up to windows of 511 rows; beyond
// that their error is far below a count. Floats are shifted by their mean first, which no mean or variance notices but
// its rounding error does.
#pragma once

#include "blur/blur_task.h"
#include "core/doubles.h"

namespace mcfast::MCFAST_LEVEL {

/// What is added to eight sums: differences of pixels, which may be negative.
template <class Sum>
using Changes = Eights<std::conditional_t<std::is_same_v<Sum, std::uint32_t>, std::int32_t, double>>;

[[gnu::always_inline]] inline Doubles as_doubles(const Doubles& values) {
    return values;
}
/// For windows, whose sums stay below 2^31.
[[gnu::always_inline]] inline Doubles as_doubles(const EightUnsigned& values) {
    return to_doubles(as_signed(values));
}

/// The prefix sums of a row, padded so that a window may reach past either end: at(i) is the sum of the first i values,
/// 0 for i < 0 and the whole sum for i > n.
template <class Sum>
struct Prefix {
    Sum* values;  // n + 2 radius + 1, and slack for a vector
    int radius, n;

    Sum* at(int i) const { return values + radius + i; }

    void begin() const {
        for (int i = -radius; i <= 0; ++i) *at(i) = 0;
    }

    void finish(Sum total) const {
        for (int i = n + 1; i <= n + radius; ++i) *at(i) = total;
    }

    /// Sums over the windows around eight positions.
    [[gnu::always_inline]] Doubles window(int x) const {
        return as_doubles(Eights<Sum>::load(at(x + radius + 1)) - Eights<Sum>::load(at(x - radius)));
    }
};

/// Running sum over a column of windows, and its prefix sums along the row, in one pass.
///
/// Loops work on a local copy: a member in memory would have to be read again after every store.
template <class Sum>
struct RunningSum {
    Sum* columns;  // n, and slack for a vector
    Prefix<Sum> prefix;
    Eights<Sum> carry{};

    /// Sums of nothing over rows of n pixels.
    RunningSum(const SumLayout<Sum>& layout, int n, int radius)
        : columns(layout.columns), prefix{layout.prefix, radius, n} {
        for (int x = 0; x < n + eight; ++x) columns[x] = 0;
    }

    void begin_row() {
        prefix.begin();
        carry = {};
    }

    /// Adds `change` to columns x .. x + 7, for rows whose windows nobody asks for.
    [[gnu::always_inline]] Eights<Sum> add(int x, const Changes<Sum>& change) const {
        const auto sum = Eights<Sum>::load(columns + x) + as_sums(change);
        sum.store(columns + x);
        return sum;
    }

    /// Adds `change` to columns x .. x + 7 and extends the prefix sums over them.
    [[gnu::always_inline]] void update(int x, const Changes<Sum>& change) {
        const auto upto = scan(add(x, change));
        (upto + carry).store(prefix.at(x + 1));
        carry = carry + last_of(upto);  // not of their sum: the next vector would wait for more than one addition
    }

    /// `change` for the columns past the end must have been 0, and `columns` 0 there.
    void finish_row() const { prefix.finish(carry.at(0)); }
};

/// A row that enters and a row that leaves a running window. Rows outside the image add nothing: `blank` stands for
/// them.
template <class T>
struct RowPair {
    const T *entering, *leaving;
    double shift;

    RowPair(const Image<const T>& image, int entering_row, int leaving_row, const T* blank, double shift_)
        : entering(entering_row >= 0 && entering_row < image.rows ? image.row(entering_row) : blank),
          leaving(leaving_row >= 0 && leaving_row < image.rows ? image.row(leaving_row) : blank),
          shift(shift_) {}

    template <class Count>
    [[gnu::always_inline]] Doubles pixels(const T* row, int x, Count count) const {
        const Doubles values = load_doubles(row + x, count);
        if constexpr (std::is_integral_v<T>) return values;
        return (values - shift).first(count);
    }

    /// What the sums of the window gain, in the type that they are summed in.
    template <class Sum, class Count>
    [[gnu::always_inline]] Changes<Sum> change(int x, Count count) const {
        if constexpr (std::is_same_v<Sum, std::uint32_t>) {
            return load_ints(entering + x, count) - load_ints(leaving + x, count);
        } else {
            return pixels(entering, x, count) - pixels(leaving, x, count);
        }
    }
};

}  // namespace mcfast::MCFAST_LEVEL
