// Eight values at every instruction level: sums are then added in the same order, and have the same bits, everywhere.
#pragma once

#include <cstdint>
#include <type_traits>
#include <utility>

#ifdef __AVX2__
#include <immintrin.h>
#endif

#include "core/simd.h"

namespace mcfast::MCFAST_LEVEL {

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

/// Eight values in as many registers as the level needs: the compiler keeps wider vectors than that in memory.
template <class S>
struct Eights {
    static constexpr int bytes = eight * sizeof(S) < MCFAST_VECTOR_BYTES ? eight * sizeof(S) : MCFAST_VECTOR_BYTES;
    static constexpr int width = bytes / static_cast<int>(sizeof(S)), parts = eight / width;
    typedef S Part __attribute__((vector_size(bytes)));

    Part part[parts] = {};

    Eights() = default;

    /// The same value eight times.
    [[gnu::always_inline]] explicit Eights(S value) {
        for_each_part([&](auto i) { part[i] = Part{} + value; });
    }

    [[gnu::always_inline]] static Eights load(const S* from) {
        Eights values;
        for_each_part([&](auto i) { __builtin_memcpy(&values.part[i], from + i * width, sizeof(Part)); });
        return values;
    }
    [[gnu::always_inline]] void store(S* to) const {
        for_each_part([&](auto i) { __builtin_memcpy(to + i * width, &part[i], sizeof(Part)); });
    }

    /// The value at one place.
    [[gnu::always_inline]] S at(int i) const { return part[i / width][i % width]; }

    /// The first `count` values, and zeros.
    template <class Count>
    [[gnu::always_inline]] Eights first(Count count) const {
        if constexpr (std::is_same_v<Count, Eight>) return *this;
        Eights kept;
        for (int i = 0; i < count; ++i) kept.part[i / width][i % width] = at(i);
        return kept;
    }

    /// Calls f(i) for each part, i known when compiled: loops, and copies of all parts at once, would pass through
    /// memory.
    template <class F>
    [[gnu::always_inline]] static void for_each_part(F&& f) {
        call(f, std::make_integer_sequence<int, parts>{});
    }

    template <class F>
    [[gnu::always_inline]] static Eights each(F f, const Eights& a, const Eights& b) {
        Eights result;
        for_each_part([&](auto i) { result.part[i] = f(a.part[i], b.part[i]); });
        return result;
    }

    [[gnu::always_inline]] friend Eights operator+(const Eights& a, const Eights& b) {
        return each([](Part x, Part y) { return x + y; }, a, b);
    }
    [[gnu::always_inline]] friend Eights operator-(const Eights& a, const Eights& b) {
        return each([](Part x, Part y) { return x - y; }, a, b);
    }
    [[gnu::always_inline]] friend Eights operator*(const Eights& a, const Eights& b) {
        return each([](Part x, Part y) { return x * y; }, a, b);
    }
    [[gnu::always_inline]] friend Eights operator/(const Eights& a, const Eights& b) {
        return each([](Part x, Part y) { return x / y; }, a, b);
    }
    [[gnu::always_inline]] friend Eights operator+(const Eights& a, S b) { return a + Eights(b); }
    [[gnu::always_inline]] friend Eights operator-(const Eights& a, S b) { return a - Eights(b); }
    [[gnu::always_inline]] friend Eights operator*(const Eights& a, S b) { return a * Eights(b); }

    [[gnu::always_inline]] friend Eights larger(const Eights& a, const Eights& b) {
        return each([](Part x, Part y) { return x > y ? x : y; }, a, b);
    }
    [[gnu::always_inline]] friend Eights smaller(const Eights& a, const Eights& b) {
        return each([](Part x, Part y) { return x < y ? x : y; }, a, b);
    }
    /// `values` where the test is positive, zeros elsewhere.
    [[gnu::always_inline]] friend Eights where_positive(const Eights& test, const Eights& values) {
        return each([](Part x, Part y) { return x > 0 ? y : Part{}; }, test, values);
    }

  private:
    template <class F, int... i>
    [[gnu::always_inline]] static void call(F&& f, std::integer_sequence<int, i...>) {
        (f(std::integral_constant<int, i>{}), ...);
    }
};

using Doubles = Eights<double>;
using EightInts = Eights<std::int32_t>;
using EightUnsigned = Eights<std::uint32_t>;

/// The same bits as integers of the other kind.
[[gnu::always_inline]] inline EightInts as_signed(const EightUnsigned& values) {
    EightInts same;
    EightInts::for_each_part([&](auto i) { same.part[i] = reinterpret_cast<EightInts::Part>(values.part[i]); });
    return same;
}
[[gnu::always_inline]] inline EightUnsigned as_sums(const EightInts& values) {
    EightUnsigned same;
    EightInts::for_each_part([&](auto i) { same.part[i] = reinterpret_cast<EightUnsigned::Part>(values.part[i]); });
    return same;
}
[[gnu::always_inline]] inline const Doubles& as_sums(const Doubles& values) {
    return values;
}

// GCC converts vectors that differ in width by halves and through memory where one instruction does it. (Its unmasked
// intrinsics warn of their own undefined values.)
[[gnu::always_inline]] inline Doubles to_doubles(const EightInts& values) {
    Doubles result;
#if defined(__AVX512F__)
    result.part[0] =
        reinterpret_cast<Doubles::Part>(_mm512_maskz_cvtepi32_pd(0xff, reinterpret_cast<__m256i>(values.part[0])));
#elif defined(__AVX2__)
    const auto all = reinterpret_cast<__m256i>(values.part[0]);
    result.part[0] = reinterpret_cast<Doubles::Part>(_mm256_cvtepi32_pd(_mm256_castsi256_si128(all)));
    result.part[1] = reinterpret_cast<Doubles::Part>(_mm256_cvtepi32_pd(_mm256_extracti128_si256(all, 1)));
#else
    Doubles::for_each_part([&](auto i) {
        constexpr int from = i * Doubles::width;
        result.part[i] = Doubles::Part{double(values.at(from)), double(values.at(from + 1))};
    });
#endif
    return result;
}

/// Towards zero.
[[gnu::always_inline]] inline EightInts to_ints(const Doubles& values) {
    EightInts result;
#if defined(__AVX512F__)
    const auto all = reinterpret_cast<__m512d>(values.part[0]);
    result.part[0] = reinterpret_cast<EightInts::Part>(_mm512_maskz_cvttpd_epi32(0xff, all));
#elif defined(__AVX2__)
    const __m128i low = _mm256_cvttpd_epi32(reinterpret_cast<__m256d>(values.part[0]));
    const __m128i high = _mm256_cvttpd_epi32(reinterpret_cast<__m256d>(values.part[1]));
    result.part[0] = reinterpret_cast<EightInts::Part>(_mm256_set_m128i(high, low));
#else
    for (int i = 0; i < eight; ++i) {
        result.part[i / EightInts::width][i % EightInts::width] = static_cast<std::int32_t>(values.at(i));
    }
#endif
    return result;
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
        EightInts result;
        if constexpr (sizeof(T) == 2) {
            result.part[0] = reinterpret_cast<EightInts::Part>(
                _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from))));
        } else {
            result.part[0] = reinterpret_cast<EightInts::Part>(_mm256_cvtepu8_epi32(_mm_loadu_si64(from)));
        }
        return result;
#else
        std::int32_t pixels[eight];
        for (int i = 0; i < eight; ++i) pixels[i] = from[i];
        return EightInts::load(pixels);
#endif
    }
}

/// Eight pixels as doubles. `count` < 8 reads no further than that and leaves zeros.
template <class T, class Count = Eight>
[[gnu::always_inline]] inline Doubles load_doubles(const T* from, Count count = {}) {
    if constexpr (std::is_integral_v<T>) {
        return to_doubles(load_ints(from, count));
    } else if constexpr (!std::is_same_v<Count, Eight>) {
        T pixels[eight] = {};
        for (int i = 0; i < count; ++i) pixels[i] = from[i];
        return load_doubles(pixels);
    } else if constexpr (std::is_same_v<T, double>) {
        return Doubles::load(from);
    } else {
        typedef float Pixels __attribute__((vector_size(Doubles::width * sizeof(float))));
        Doubles values;
        Doubles::for_each_part([&](auto i) {
            Pixels pixels;
            __builtin_memcpy(&pixels, from + i * Doubles::width, sizeof pixels);
            values.part[i] = __builtin_convertvector(pixels, Doubles::Part);
        });
        return values;
    }
}

/// Writes the first `count` of eight values, converted to T (toward zero for integers).
template <class T, class Count = Eight>
[[gnu::always_inline]] inline void store_pixels(T* to, const Doubles& values, Count count = {}) {
    if constexpr (!std::is_same_v<Count, Eight>) {
        T pixels[eight];
        store_pixels(pixels, values);
        for (int i = 0; i < count; ++i) to[i] = pixels[i];
    } else if constexpr (std::is_integral_v<T>) {
        const EightInts ints = to_ints(values);
        typedef T Pixels __attribute__((vector_size(EightInts::width * sizeof(T))));
        EightInts::for_each_part([&](auto i) {
            const auto pixels = __builtin_convertvector(ints.part[i], Pixels);
            __builtin_memcpy(to + i * EightInts::width, &pixels, sizeof pixels);
        });
    } else {
        typedef float Pixels __attribute__((vector_size(Doubles::width * sizeof(float))));
        Doubles::for_each_part([&](auto i) {
            const auto pixels = __builtin_convertvector(values.part[i], Pixels);
            __builtin_memcpy(to + i * Doubles::width, &pixels, sizeof pixels);
        });
    }
}

/// The last `rest` values of one vector, then the first of another.
template <int rest, class Part, int... lane>
[[gnu::always_inline]] inline Part joined(Part before, Part at, std::integer_sequence<int, lane...>) {
    constexpr int width = sizeof...(lane);
#if __has_builtin(__builtin_shufflevector)
    return __builtin_shufflevector(before, at, (width - rest + lane)...);
#else  // GCC before 12
    typedef std::conditional_t<sizeof(at[0]) == 8, long long, int> Index;
    typedef Index Indices __attribute__((vector_size(sizeof(Part))));
    return __builtin_shuffle(before, at, Indices{(width - rest + lane)...});
#endif
}
template <int rest, class Part>
[[gnu::always_inline]] inline Part joined(Part before, Part at) {
    return joined<rest>(before, at, std::make_integer_sequence<int, sizeof(Part) / sizeof(before[0])>{});
}

/// The values moved up by one place, 0 below them.
template <class S>
[[gnu::always_inline]] inline Eights<S> moved_up(const Eights<S>& values) {
    Eights<S> moved;
    Eights<S>::for_each_part([&](auto i) {
        typename Eights<S>::Part below{};
        if constexpr (i > 0) below = values.part[i - 1];
        moved.part[i] = joined<1>(below, values.part[i]);
    });
    return moved;
}

/// The values moved down by one place, 0 above them.
template <class S>
[[gnu::always_inline]] inline Eights<S> moved_down(const Eights<S>& values) {
    using Values = Eights<S>;
    Values moved;
    Values::for_each_part([&](auto i) {
        typename Values::Part above{};
        if constexpr (i + 1 < Values::parts) above = values.part[i + 1];
        moved.part[i] = joined<Values::width - 1>(values.part[i], above);
    });
    return moved;
}

}  // namespace mcfast::MCFAST_LEVEL
