// Rows of pixels as eight segments: lane l of vector i is column l length + i.
//
// What slides along a row then slides along eight segments at once, with one addition for eight columns and no step
// from lane to lane. Images keep their order: blocks of eight places of all segments are transposed as they are read
// and written, three shuffles for eight pixels.
#pragma once

#include "blur/blur_task.h"
#include "core/doubles.h"

namespace mcfast::MCFAST_LEVEL {

/// What pixels of type T are transposed as: bytes are widened.
template <class T>
using Lane = std::conditional_t<std::is_integral_v<T>, std::uint16_t, float>;

template <class T>
struct EightPixels {
    typedef Lane<T> Values __attribute__((vector_size(eight * sizeof(Lane<T>))));
    Values values;

    [[gnu::always_inline]] static EightPixels load(const T* from) {
        EightPixels pixels;
        if constexpr (sizeof(T) == sizeof(Lane<T>)) {
            __builtin_memcpy(&pixels.values, from, sizeof(Values));
        } else {
            typedef T Narrow __attribute__((vector_size(eight)));
            Narrow narrow;
            __builtin_memcpy(&narrow, from, sizeof narrow);
            pixels.values = __builtin_convertvector(narrow, Values);
        }
        return pixels;
    }

    [[gnu::always_inline]] void store(T* to) const {
        if constexpr (sizeof(T) == sizeof(Lane<T>)) {
            __builtin_memcpy(to, &values, sizeof(Values));
        } else {
            typedef T Narrow __attribute__((vector_size(eight)));
            const Narrow narrow = __builtin_convertvector(values, Narrow);
            __builtin_memcpy(to, &narrow, sizeof narrow);
        }
    }
};

/// Calls f(j) for the eight places of a block, j known when compiled.
template <class F, int... j>
[[gnu::always_inline]] inline void for_each_place(F&& f, std::integer_sequence<int, j...>) {
    (f(std::integral_constant<int, j>{}), ...);
}
template <class F>
[[gnu::always_inline]] inline void for_each_place(F&& f) {
    for_each_place(f, std::make_integer_sequence<int, eight>{});
}

/// Eight neighbouring places: as rows, `at[l]` is that part of segment l; as vectors, `at[j]` is place j of all
/// segments.
template <class T>
struct Block {
    EightPixels<T> at[eight];

    /// Rows to vectors and back: three rounds in which row l and row l + 4 are dealt out one by one.
    [[gnu::always_inline]] Block transposed() const { return dealt().dealt().dealt(); }

  private:
    [[gnu::always_inline]] Block dealt() const {
        Block result;
        for_each_place([&](auto j) __attribute__((always_inline)) {
            constexpr int from = j / 2, first = j % 2 * 4;
            result.at[j].values =
                interleaved<first>(at[from].values, at[from + 4].values, std::make_integer_sequence<int, eight>{});
        });
        return result;
    }

    template <int first, class Values, int... lane>
    [[gnu::always_inline]] static Values interleaved(Values a, Values b, std::integer_sequence<int, lane...>) {
#if __has_builtin(__builtin_shufflevector)
        return __builtin_shufflevector(a, b, (first + lane / 2 + lane % 2 * eight)...);
#else  // GCC before 12
        typedef std::conditional_t<sizeof(a[0]) == 4, int, short> Index;
        typedef Index Indices __attribute__((vector_size(sizeof(Values))));
        return __builtin_shuffle(a, b, Indices{(first + lane / 2 + lane % 2 * eight)...});
#endif
    }
};

/// Number of pixels of segment l that lie at places i .. i + 7: fewer than eight at the row's end.
[[gnu::always_inline]] inline int pixels_at(const Segments& segments, int l, int i) {
    const int left = segments.columns - (l * segments.length + i);
    return left < 0 ? 0 : left < eight ? left : eight;
}

[[gnu::always_inline]] inline bool is_whole(const Segments& segments, int i) {
    return pixels_at(segments, eight - 1, i) == eight;
}

/// The part of a row's places i .. i + 7 that there is, as rows; `blank` past the row's end. Out of the way: what it
/// needs would spoil the registers of its callers.
template <class T>
[[gnu::noinline]] void load_end(const T* row, const Segments& segments, int i, T blank, Block<T>& block) {
    for (int l = 0; l < eight; ++l) {
        T pixels[eight];
        const int count = pixels_at(segments, l, i);
        for (int k = 0; k < eight; ++k) pixels[k] = k < count ? row[l * segments.length + i + k] : blank;
        block.at[l] = EightPixels<T>::load(pixels);
    }
}

template <class T>
[[gnu::noinline]] void store_end(T* row, const Segments& segments, int i, const Block<T>& block) {
    for (int l = 0; l < eight; ++l) {
        T pixels[eight];
        block.at[l].store(pixels);
        for (int k = 0; k < pixels_at(segments, l, i); ++k) row[l * segments.length + i + k] = pixels[k];
    }
}

/// Places i .. i + 7 of a row, as vectors; `blank` past the row's end.
template <class T>
[[gnu::always_inline]] inline Block<T> load_block(const T* row, const Segments segments, int i, T blank = {}) {
    Block<T> block;
    if (is_whole(segments, i)) {
        for_each_place([&](auto l) __attribute__((always_inline)) {
            block.at[l] = EightPixels<T>::load(row + l * segments.length + i);
        });
        return block.transposed();
    }
    Block<T> end;
    load_end(row, segments, i, blank, end);
    return end.transposed();
}

/// Writes places i .. i + 7 of a row, given as vectors.
template <class T>
[[gnu::always_inline]] inline void store_block(T* row, const Segments segments, int i, const Block<T>& vectors) {
    const Block<T> block = vectors.transposed();
    if (is_whole(segments, i)) {
        for_each_place([&](auto l)
                           __attribute__((always_inline)) { block.at[l].store(row + l * segments.length + i); });
    } else {
        const Block<T> end = block;
        store_end(row, segments, i, end);
    }
}

/// Asks for places i and on of all segments, a cache line of each: they are too many short streams for the processor to
/// foresee. (Asking for what is not there does nothing.)
template <class T>
[[gnu::always_inline]] inline void prefetch_block(const T* row, const Segments& segments, int i) {
    constexpr int line = 64 / sizeof(T);
    if (i % line != 0) return;
    for_each_place([&](auto l) __attribute__((always_inline)) { __builtin_prefetch(row + l * segments.length + i); });
}

template <class T>
[[gnu::always_inline]] inline EightInts to_ints(const EightPixels<T>& pixels) {
    EightInts ints;
#ifdef __AVX2__
    ints.part[0] = reinterpret_cast<EightInts::Part>(_mm256_cvtepu16_epi32(reinterpret_cast<__m128i>(pixels.values)));
#else
    Lane<T> values[eight];
    __builtin_memcpy(values, &pixels.values, sizeof values);
    ints = load_ints(values);
#endif
    return ints;
}

template <class T>
[[gnu::always_inline]] inline Doubles to_doubles(const EightPixels<T>& pixels) {
    if constexpr (std::is_integral_v<T>) {
        return to_doubles(to_ints(pixels));
    } else if constexpr (Doubles::parts == 1) {
        Doubles values;
        values.part[0] = __builtin_convertvector(pixels.values, Doubles::Part);
        return values;
    } else {
        T values[eight];
        pixels.store(values);
        return load_doubles(values);
    }
}

/// Converted to T, toward zero for integers.
template <class T>
[[gnu::always_inline]] inline EightPixels<T> to_pixels(const Doubles& values) {
    typedef typename EightPixels<T>::Values Values;
    EightPixels<T> pixels;
    if constexpr (std::is_integral_v<T> && EightInts::parts == 1) {
        pixels.values = __builtin_convertvector(to_ints(values).part[0], Values);
    } else if constexpr (!std::is_integral_v<T> && Doubles::parts == 1) {
        pixels.values = __builtin_convertvector(values.part[0], Values);
    } else {
        Lane<T> lanes[eight];
        store_pixels(lanes, values);
        __builtin_memcpy(&pixels.values, lanes, sizeof lanes);
    }
    return pixels;
}

}  // namespace mcfast::MCFAST_LEVEL
