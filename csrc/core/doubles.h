// Eight doubles at every instruction level: sums are then added in the same order, and have the same bits, everywhere.
#pragma once

#include <cstdint>
#include <type_traits>

#include "core/simd.h"

namespace mcfast::MCFAST_LEVEL {

typedef double Doubles __attribute__((vector_size(64)));
constexpr int eight = 8;

/// Eight pixels as doubles. `count` < 8 reads no further than that and leaves zeros.
template <class T>
[[gnu::always_inline]] inline Doubles load_doubles(const T* from, int count = eight) {
    if constexpr (std::is_same_v<T, double>) {
        Doubles values;
        __builtin_memcpy(&values, from, sizeof values);
        return values;
    } else {
        typedef T Pixels __attribute__((vector_size(eight * sizeof(T))));
        Pixels pixels{};
        if (count >= eight) {
            __builtin_memcpy(&pixels, from, sizeof pixels);
        } else {
            for (int i = 0; i < count; ++i) pixels[i] = from[i];
        }
        if constexpr (std::is_integral_v<T>) {
            typedef std::int32_t Ints __attribute__((vector_size(32)));
            return __builtin_convertvector(__builtin_convertvector(pixels, Ints), Doubles);
        } else {
            return __builtin_convertvector(pixels, Doubles);
        }
    }
}

[[gnu::always_inline]] inline void store_doubles(double* to, Doubles values) {
    __builtin_memcpy(to, &values, sizeof values);
}

/// Writes the first `count` of eight values, converted to T (toward zero for integers).
template <class T>
[[gnu::always_inline]] inline void store_pixels(T* to, Doubles values, int count = eight) {
    typedef T Pixels __attribute__((vector_size(eight * sizeof(T))));
    Pixels pixels;
    if constexpr (std::is_integral_v<T>) {
        typedef std::int32_t Ints __attribute__((vector_size(32)));
        pixels = __builtin_convertvector(__builtin_convertvector(values, Ints), Pixels);
    } else {
        pixels = __builtin_convertvector(values, Pixels);
    }
    if (count >= eight) {
        __builtin_memcpy(to, &pixels, sizeof pixels);
    } else {
        for (int i = 0; i < count; ++i) to[i] = pixels[i];
    }
}

/// The values moved up by `places`, zeros below them.
template <int places>
[[gnu::always_inline]] inline Doubles moved_up(Doubles values) {
    // Indices below 8 name zeros, from 8 on values: position i takes value i - places.
    constexpr auto from = [](int i) { return i < places ? i : eight + i - places; };
    const Doubles zero{};
#if __has_builtin(__builtin_shufflevector)
    return __builtin_shufflevector(zero, values, from(0), from(1), from(2), from(3), from(4), from(5), from(6),
                                   from(7));
#else  // GCC before 12
    typedef long long Indices __attribute__((vector_size(64)));
    return __builtin_shuffle(zero, values,
                             Indices{from(0), from(1), from(2), from(3), from(4), from(5), from(6), from(7)});
#endif
}

/// Sums of the first 1, 2, ..., 8 of the values.
[[gnu::always_inline]] inline Doubles scan(Doubles values) {
    values += moved_up<1>(values);
    values += moved_up<2>(values);
    values += moved_up<4>(values);
    return values;
}

[[gnu::always_inline]] inline Doubles larger(Doubles a, Doubles b) {
    return a > b ? a : b;
}
[[gnu::always_inline]] inline Doubles smaller(Doubles a, Doubles b) {
    return a < b ? a : b;
}

}  // namespace mcfast::MCFAST_LEVEL
