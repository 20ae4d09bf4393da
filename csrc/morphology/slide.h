// The extremum over a window that slides along a row, at a cost that grows with the logarithm of its length.
//
// Two windows of w, w apart, are one of 2 w; the last two overlap: 11 pixels are windows of 2, 4, 8, and two of those
// 3 apart. Where the processor can permute two registers, the first doublings stay in them: one load and one store per
// vector, whatever the window. Gil and Kimmel (2002) review such windows.
#pragma once

#include "core/shift.h"
#include "core/simd.h"

namespace mcfast::MCFAST_LEVEL {

/// How far apart two windows of the stage before are, stage by stage; the last one may be more than a vector apart.
struct Stages {
    int places[8];
    int near = 0;  // stages of at most a vector
    int far = 0;   // 0, or the last stage's places
};

/// to[i] = extremum of from[i .. i + window), for i in [0, n), by doublings that stay in registers.
///
/// A doubling needs its input at x and up to a vector further right, so it makes vector x when its input's next vector
/// comes: each is one vector behind the one before it, a far one two, and n + that many vectors are read. For 11
/// pixels, `places` are 1, 2, 4 and 3: four doublings, so the first vector comes out when the fifth has gone in. Reads
/// up to 9 vectors past from[n].
template <class Op, int stages, bool far, class T>
void slide_in_registers(T* to, const T* from, const Stages& of, int n) {
    Shift<T> shift[stages];
    Vector<T> last[stages], middle = load(from), first = middle;
    for (int j = 0; j < stages; ++j) shift[j] = Shift<T>(of.places[j]);
    const Shift<T> far_shift(far ? of.far - lanes<T> : 0);
    const auto next = [&](int x) {
        Vector<T> value = load(from + x);
        for (int j = 0; j < stages; ++j) {
            const Vector<T> before = last[j];
            last[j] = value;
            value = Op::of(before, shift[j].of(before, value));
        }
        if constexpr (far) {
            const Vector<T> before = first, there = far_shift.of(middle, value);
            first = middle;
            middle = value;
            value = Op::of(before, there);
        }
        return value;
    };
    constexpr int behind = (stages + (far ? 2 : 0)) * lanes<T>;
    for (int j = 0; j < stages; ++j) last[j] = load(from);
    for (int x = 0; x < behind; x += lanes<T>) next(x);
    int x = 0;
    for (; x + lanes<T> <= n; x += lanes<T>) store(to + x, next(x + behind));
    if (x < n) store_some(to + x, next(x + behind), n - x);
}

/// The same for stages that are known when it runs.
template <class Op, int stages = 1, class T>
void slide_by_stages(T* to, const T* from, const Stages& of, int n) {
    if constexpr (stages < 7) {
        if (of.near > stages) return slide_by_stages<Op, stages + 1>(to, from, of, n);
    }
    if (of.far) return slide_in_registers<Op, stages, true>(to, from, of, n);
    slide_in_registers<Op, stages, false>(to, from, of, n);
}

/// Windows up to so many pixels need nothing but registers.
template <class T>
constexpr int whole_window = 4 * lanes<T>;

/// As far as registers go: returns the window reached, which may be shorter than the one that is wanted. `to` holds its
/// extrema then, or nothing if it is 1.
template <class Op, class T>
int begin_slide(T* to, const T* from, int n, int window) {
    Stages of;
    int w = 1;
    for (; 2 * w <= window && w <= lanes<T>; w *= 2) of.places[of.near++] = w;
    const int rest = window - w;
    if (rest > 0 && rest <= lanes<T>) of.places[of.near++] = rest;
    if (rest > lanes<T> && rest <= w) of.far = rest;
    if (rest <= w) w = window;
    if (of.near) slide_by_stages<Op>(to, from, of, n);
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
        const bool whole = window <= whole_window<T>;
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
