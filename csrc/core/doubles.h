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

/// Sums of the first 1, 2, ..., 8 of the values.
[[gnu::always_inline]] inline Doubles scan(Doubles values) {
    const Doubles zero{};
    values += __builtin_shufflevector(zero, values, 0, 8, 9, 10, 11, 12, 13, 14);
    values += __builtin_shufflevector(zero, values, 0, 1, 8, 9, 10, 11, 12, 13);
    values += __builtin_shufflevector(zero, values, 0, 1, 2, 3, 8, 9, 10, 11);
    return values;
}

[[gnu::always_inline]] inline Doubles larger(Doubles a, Doubles b) {
    return a > b ? a : b;
}
[[gnu::always_inline]] inline Doubles smaller(Doubles a, Doubles b) {
    return a < b ? a : b;
}

}  // namespace mcfast::MCFAST_LEVEL
