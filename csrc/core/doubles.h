// Eight doubles at every instruction level: sums are then added in the same order, and have the same bits, everywhere.
#pragma once

#include <cstdint>
#include <type_traits>

#ifdef __AVX2__
#include <immintrin.h>
#endif

#include "core/simd.h"

namespace mcfast::MCFAST_LEVEL {

typedef double Doubles __attribute__((vector_size(64)));
typedef std::int32_t EightInts __attribute__((vector_size(32)));
constexpr int eight = 8;

/// Number of values in the vectors of a whole row but its last: known when compiled, so that loops over it are clean.
struct Eight {
    constexpr operator int() const { return eight; }
};

/// Calls f(x, count) for the vectors of eight that cover [begin, end); `count` is an Eight, or an int < 8 at the end.
template <class F>
[[gnu::always_inline]] inline void for_each_eight(int begin, int end, F&& f) {
    int x = begin;
    for (; x + eight <= end; x += eight) f(x, Eight{});
    if (x < end) f(x, end - x);
}

// GCC converts vectors that differ in width by halves and through memory where one instruction does it. (Its unmasked
// intrinsics warn of their own undefined values.)
[[gnu::always_inline]] inline Doubles to_doubles(EightInts values) {
#ifdef __AVX512F__
    return reinterpret_cast<Doubles>(_mm512_maskz_cvtepi32_pd(0xff, reinterpret_cast<__m256i>(values)));
#else
    return __builtin_convertvector(values, Doubles);
#endif
}

/// Eight pixels as integers. `count` < 8 reads no further than that and leaves zeros.
template <class T, class Count = Eight>
[[gnu::always_inline]] inline EightInts load_ints(const T* from, Count count = {}) {
    if constexpr (!std::is_same_v<Count, Eight>) {
        T pixels[eight] = {};
        for (int i = 0; i < count; ++i) pixels[i] = from[i];
        return load_ints(pixels);
    } else {
#ifdef __AVX2__
        const auto half = [&] {
            if constexpr (sizeof(T) == 2) return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
            return _mm_cvtepu8_epi16(_mm_loadu_si64(from));
        };
        return reinterpret_cast<EightInts>(_mm256_cvtepu16_epi32(half()));
#else
        typedef T Pixels __attribute__((vector_size(eight * sizeof(T))));
        Pixels pixels;
        __builtin_memcpy(&pixels, from, sizeof pixels);
        return __builtin_convertvector(pixels, EightInts);
#endif
    }
}

/// Eight pixels as doubles. `count` < 8 reads no further than that and leaves zeros.
template <class T, class Count = Eight>
[[gnu::always_inline]] inline Doubles load_doubles(const T* from, Count count = {}) {
    if constexpr (!std::is_same_v<Count, Eight>) {
        T pixels[eight] = {};
        for (int i = 0; i < count; ++i) pixels[i] = from[i];
        return load_doubles(pixels);
    } else if constexpr (std::is_integral_v<T>) {
        return to_doubles(load_ints(from));
    } else {
        typedef T Pixels __attribute__((vector_size(eight * sizeof(T))));
        Pixels pixels;
        __builtin_memcpy(&pixels, from, sizeof pixels);
        return __builtin_convertvector(pixels, Doubles);
    }
}

[[gnu::always_inline]] inline void store_doubles(double* to, Doubles values) {
    __builtin_memcpy(to, &values, sizeof values);
}

/// Writes the first `count` of eight values, converted to T (toward zero for integers).
template <class T, class Count = Eight>
[[gnu::always_inline]] inline void store_pixels(T* to, Doubles values, Count count = {}) {
    typedef T Pixels __attribute__((vector_size(eight * sizeof(T))));
    Pixels pixels;
    if constexpr (std::is_integral_v<T>) {
#ifdef __AVX512F__
        const auto ints = reinterpret_cast<EightInts>(_mm512_maskz_cvttpd_epi32(0xff, reinterpret_cast<__m512d>(values)));
#else
        const auto ints = __builtin_convertvector(values, EightInts);
#endif
        pixels = __builtin_convertvector(ints, Pixels);
    } else {
        pixels = __builtin_convertvector(values, Pixels);
    }
    if constexpr (std::is_same_v<Count, Eight>) {
        __builtin_memcpy(to, &pixels, sizeof pixels);
    } else {
        for (int i = 0; i < count; ++i) to[i] = pixels[i];
    }
}

/// The values moved up by `places`, zeros below them.
template <int places, class Values>
[[gnu::always_inline]] inline Values moved_up(Values values) {
    // Indices below 8 name zeros, from 8 on values: position i takes value i - places.
    constexpr auto from = [](int i) { return i < places ? i : eight + i - places; };
    const Values zero{};
#if __has_builtin(__builtin_shufflevector)
    return __builtin_shufflevector(zero, values, from(0), from(1), from(2), from(3), from(4), from(5), from(6),
                                   from(7));
#else  // GCC before 12
    typedef std::conditional_t<sizeof(Values) == 64, long long, int> Index;
    typedef Index Indices __attribute__((vector_size(sizeof(Values))));
    return __builtin_shuffle(zero, values,
                             Indices{from(0), from(1), from(2), from(3), from(4), from(5), from(6), from(7)});
#endif
}

/// Sums of the first 1, 2, ..., 8 of the values.
template <class Values>
[[gnu::always_inline]] inline Values scan(Values values) {
    values += moved_up<1>(values);
    values += moved_up<2>(values);
    values += moved_up<4>(values);
    return values;
}

/// The last of eight values, eight times.
template <class Values>
[[gnu::always_inline]] inline Values last_of(Values values) {
#if __has_builtin(__builtin_shufflevector)
    return __builtin_shufflevector(values, values, 7, 7, 7, 7, 7, 7, 7, 7);
#else
    return Values{} + values[7];
#endif
}

[[gnu::always_inline]] inline Doubles larger(Doubles a, Doubles b) {
    return a > b ? a : b;
}
[[gnu::always_inline]] inline Doubles smaller(Doubles a, Doubles b) {
    return a < b ? a : b;
}

}  // namespace mcfast::MCFAST_LEVEL
