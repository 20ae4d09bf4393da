// The extremum over a window that slides along a row, at a cost that grows with the logarithm of its length.
//
// Two windows of w, w apart, are one of 2 w; the last two overlap. Where the processor can permute two registers, the
// first doublings stay in them: one load and one store per vector, whatever the window.
#pragma once

#include "core/shift.h"
#include "core/simd.h"

namespace mcfast::MCFAST_LEVEL {

/// to[i] = extremum of from[i .. i + window), for i in [0, n), by doublings that stay in registers: stage j is the
/// extremum of two windows of the stage before, `places[j]` apart, one vector behind it. Reads up to stages + 1 vectors
/// past from[n].
template <class Op, int stages, class T>
void slide_in_registers(T* to, const T* from, const int* places, int n) {
    Shift<T> shift[stages];
    Vector<T> last[stages];
    for (int j = 0; j < stages; ++j) shift[j] = Shift<T>(places[j]);
    const auto next = [&](int x) {
        Vector<T> value = load(from + x);
        for (int j = 0; j < stages; ++j) {
            const Vector<T> before = last[j];
            last[j] = value;
            value = Op::of(before, shift[j].of(before, value));
        }
        return value;
    };
    constexpr int behind = stages * lanes<T>;
    for (int j = 0; j < stages; ++j) last[j] = load(from);
    for (int x = 0; x < behind; x += lanes<T>) next(x);
    int x = 0;
    for (; x + lanes<T> <= n; x += lanes<T>) store(to + x, next(x + behind));
    if (x < n) store_some(to + x, next(x + behind), n - x);
}

/// The same for a number of stages that is known when it runs: 1 to 7.
template <class Op, class T>
void slide_by_stages(T* to, const T* from, const int* places, int stages, int n) {
    switch (stages) {
        case 1:
            return slide_in_registers<Op, 1>(to, from, places, n);
        case 2:
            return slide_in_registers<Op, 2>(to, from, places, n);
        case 3:
            return slide_in_registers<Op, 3>(to, from, places, n);
        case 4:
            return slide_in_registers<Op, 4>(to, from, places, n);
        case 5:
            return slide_in_registers<Op, 5>(to, from, places, n);
        case 6:
            return slide_in_registers<Op, 6>(to, from, places, n);
        default:
            return slide_in_registers<Op, 7>(to, from, places, n);
    }
}

/// As far as registers go: returns the window reached. `to` holds its extrema then, or nothing if it is 1.
template <class Op, class T>
int begin_slide(T* to, const T* from, int n, int window) {
    int places[8], stages = 0, w = 1;
    for (; 2 * w <= window && w <= lanes<T>; w *= 2) places[stages++] = w;
    if (w < window && window - w <= lanes<T>) {
        places[stages++] = window - w;
        w = window;
    }
    if (stages) slide_by_stages<Op>(to, from, places, stages, n);
    return w;
}

/// to[i] = extremum of from[i .. i + window), for i in [0, n). `ping` and `pong` hold n + window values, and
/// `row_slack` more may be read past from[n + window].
template <class Op, class T>
void slide_along_row(T* to, const T* from, T* ping, T* pong, int n, int window) {
    const T* a = from;
    int w = 1;  // a[i] is the extremum of w pixels
    if constexpr (can_shift<T>) {
        // Where one pass through registers does it, it writes the row itself.
        const bool whole = window <= 3 * lanes<T>;
        w = begin_slide<Op>(whole ? to : ping, from, whole ? n : n + window, whole ? window : 2 * lanes<T>);
        if (w == window && w > 1) return;
        if (w > 1) a = ping;
    }
    for (; 4 * w < window; w *= 4) {
        T* next = a == ping ? pong : ping;
        combine<Op>(next, n + window - 4 * w, a, a + w, a + 2 * w, a + 3 * w);
        a = next;
    }
    const int last = window - w;  // the window that ends where the whole one ends
    if (window == 1) {
        copy(to, a, n);
    } else if (window <= 2 * w) {
        combine<Op>(to, n, a, a + last);
    } else if (window <= 3 * w) {
        combine<Op>(to, n, a, a + w, a + last);
    } else {
        combine<Op>(to, n, a, a + w, a + 2 * w, a + last);
    }
}

}  // namespace mcfast::MCFAST_LEVEL
