// Sums over clipped windows in O(1) per pixel: running column sums, then a prefix sum along the row.
//
// Everything is double. Sums of 8- and 16-bit pixels and of their squares are integers, and exact up to 2^53: for a row
// of 4096 16-bit pixels up to windows of 511 rows; beyond that their error is far below a count. Floats are shifted by
// their mean first, which no mean or variance notices but its rounding error does.
#pragma once

#include "blur/blur_task.h"
#include "core/doubles.h"

namespace mcfast::MCFAST_LEVEL {

/// The prefix sums of a row, padded so that a window may reach past either end: at(i) is the sum of the first i values,
/// 0 for i < 0 and the whole sum for i > n.
struct Prefix {
    double* values;  // n + 2 radius + 1, and slack for a vector
    int radius, n;

    double* at(int i) const { return values + radius + i; }

    void begin() const {
        for (int i = -radius; i <= 0; ++i) *at(i) = 0;
    }

    void finish(double total) const {
        for (int i = n + 1; i <= n + radius; ++i) *at(i) = total;
    }

    /// Sums over the windows around eight positions.
    [[gnu::always_inline]] Doubles window(int x) const {
        return load_doubles(at(x + radius + 1)) - load_doubles(at(x - radius));
    }
};

/// Running sum over a column of windows, and its prefix sums along the row, in one pass.
///
/// Loops work on a local copy: a member in memory would have to be read again after every store.
struct RunningSum {
    double* columns;  // n, and slack for a vector
    Prefix prefix;
    Doubles carry = Doubles{};

    /// Sums of nothing over rows of n pixels.
    RunningSum(const SumLayout& layout, int n, int radius) : columns(layout.columns), prefix{layout.prefix, radius, n} {
        for (int x = 0; x < n + eight; ++x) columns[x] = 0;
    }

    void begin_row() {
        prefix.begin();
        carry = Doubles{};
    }

    /// Adds `change` to columns x .. x + 7, for rows whose windows nobody asks for.
    [[gnu::always_inline]] void add(int x, Doubles change) const {
        store_doubles(columns + x, load_doubles(columns + x) + change);
    }

    /// Adds `change` to columns x .. x + 7 and extends the prefix sums over them.
    [[gnu::always_inline]] void update(int x, Doubles change) {
        const Doubles sum = load_doubles(columns + x) + change;
        store_doubles(columns + x, sum);
        const Doubles upto = scan(sum) + carry;
        store_doubles(prefix.at(x + 1), upto);
        carry = Doubles{} + upto[7];
    }

    /// `change` for the columns past the end must have been 0, and `columns` 0 there.
    void finish_row() const { prefix.finish(carry[0]); }
};

/// Rows that enter and leave a running window; a missing row counts as zeros.
template <class T>
struct RowPair {
    const T *entering, *leaving;
    double shift;

    RowPair(const Image<const T>& image, int entering_row, int leaving_row, double shift_)
        : entering(entering_row >= 0 && entering_row < image.rows ? image.row(entering_row) : nullptr),
          leaving(leaving_row >= 0 && leaving_row < image.rows ? image.row(leaving_row) : nullptr),
          shift(shift_) {}

    [[gnu::always_inline]] Doubles pixels(const T* row, int x, int count) const {
        if (!row) return Doubles{};
        Doubles values = load_doubles(row + x, count);
        if constexpr (!std::is_integral_v<T>) {
            values -= shift;
            for (int i = count; i < eight; ++i) values[i] = 0;
        }
        return values;
    }
};

}  // namespace mcfast::MCFAST_LEVEL
