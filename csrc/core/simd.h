// Vectors of the width that this translation unit's instruction level has.
//
// GNU vector extensions, so the same loops compile for every level and for processors other than x86-64. Everything
// here and in the kernels lives in a namespace of the level: an inline function shared between levels would be merged
// by the linker, and a machine without AVX-512 could then meet the AVX-512 copy of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

#ifndef MCFAST_LEVEL
#error "kernels are compiled once per instruction level, with -DMCFAST_LEVEL=name -DMCFAST_VECTOR_BYTES=n"
#endif

namespace mcfast::MCFAST_LEVEL {

template <class T>
struct VectorOf {
    typedef T type __attribute__((vector_size(MCFAST_VECTOR_BYTES)));
};

template <class T>
using Vector = typename VectorOf<T>::type;

template <class T>
constexpr int lanes = MCFAST_VECTOR_BYTES / static_cast<int>(sizeof(T));

template <class T>
[[gnu::always_inline]] inline Vector<T> load(const T* from) {
    Vector<T> v;
    __builtin_memcpy(&v, from, sizeof v);
    return v;
}

template <class T>
[[gnu::always_inline]] inline void store(T* to, Vector<T> v) {
    __builtin_memcpy(to, &v, sizeof v);
}

/// Writes the first `count` values of a vector, all of them if it has no more.
template <class V, class T>
[[gnu::always_inline]] inline void store_some(T* to, V v, int count) {
    __builtin_memcpy(to, &v, static_cast<std::size_t>(count) < sizeof v / sizeof(T) ? count * sizeof(T) : sizeof v);
}

/// The smaller value; the identity is what outside pixels count as.
template <class T>
struct Minimum {
    static constexpr T identity =
        std::numeric_limits<T>::has_infinity ? std::numeric_limits<T>::infinity() : std::numeric_limits<T>::max();
    static constexpr bool is_minimum = true;
    [[gnu::always_inline]] static T of(T a, T b) { return a < b ? a : b; }
    [[gnu::always_inline]] static Vector<T> of(Vector<T> a, Vector<T> b) { return a < b ? a : b; }
};

/// The larger value.
template <class T>
struct Maximum {
    static constexpr T identity =
        std::numeric_limits<T>::has_infinity ? -std::numeric_limits<T>::infinity() : std::numeric_limits<T>::lowest();
    static constexpr bool is_minimum = false;
    [[gnu::always_inline]] static T of(T a, T b) { return a > b ? a : b; }
    [[gnu::always_inline]] static Vector<T> of(Vector<T> a, Vector<T> b) { return a > b ? a : b; }
};

/// Calls f(x) for vectors that cover [0, n), n >= lanes<T>, so that all but the first and last store to `to` are
/// aligned: stores across a cache line cost several times as much. The first and last vectors overlap their neighbours
/// instead of leaving a scalar rest; f must give the same when it is applied to a pixel twice.
template <class T, class F>
[[gnu::always_inline]] inline void for_each_vector(const T* to, int n, F&& f) {
    const auto past = reinterpret_cast<std::uintptr_t>(to) % MCFAST_VECTOR_BYTES;
    int x = past ? static_cast<int>((MCFAST_VECTOR_BYTES - past) / sizeof(T)) : 0;
    if (x) f(0);
    for (; x + lanes<T> <= n; x += lanes<T>) f(x);
    if (x < n) f(n - lanes<T>);
}

/// to[i] = Op over a few inputs at i. `to` may be one of them; results are then idempotent, as minima and maxima are.
template <class Op, class T, class... Rest>
[[gnu::always_inline]] inline void combine(T* to, int n, const T* first, const Rest*... rest) {
    if (n < lanes<T>) {
        for (int x = 0; x < n; ++x) {
            T value = first[x];
            ((value = Op::of(value, rest[x])), ...);
            to[x] = value;
        }
        return;
    }
    for_each_vector(to, n, [&](int x) {
        Vector<T> value = load(first + x);
        ((value = Op::of(value, load(rest + x))), ...);
        store(to + x, value);
    });
}

template <class T>
inline void fill(T* to, T value, int n) {
    for (int x = 0; x < n; ++x) to[x] = value;
}

template <class T>
inline void copy(T* to, const T* from, int n) {
    __builtin_memcpy(to, from, sizeof(T) * static_cast<std::size_t>(n));
}

}  // namespace mcfast::MCFAST_LEVEL
