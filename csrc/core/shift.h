// Vectors moved along a row in registers, where the processor can take its lanes from two vectors at will.
//
// An unaligned load costs half as much again as an aligned one, and a row that is slid over is loaded many times; a
// permutation of two registers runs beside the loads and stores instead.
#pragma once

#if defined(__AVX512BW__)
#include <immintrin.h>
#endif

#include <cstdint>
#include <type_traits>

#include "core/simd.h"

namespace mcfast::MCFAST_LEVEL {

#if defined(__AVX512BW__)
template <class T>
constexpr bool can_shift = sizeof(T) == 2 || sizeof(T) == 4;
#else
template <class T>
constexpr bool can_shift = false;
#endif

/// Takes the vector that begins `places` (0 to the number of lanes) into the first of two neighbours.
template <class T>
class Shift {
  public:
#if defined(__AVX512BW__)
    explicit Shift(int places = 0) {
        typedef std::conditional_t<sizeof(T) == 4, std::int32_t, std::int16_t> Index;
        Vector<Index> index;
        for (int i = 0; i < lanes<Index>; ++i) index[i] = static_cast<Index>(i);  // a constant once it is compiled
        index_ = reinterpret_cast<__m512i>(index + static_cast<Index>(places));
    }

    [[gnu::always_inline]] Vector<T> of(Vector<T> first, Vector<T> second) const {
        const auto a = reinterpret_cast<__m512i>(first), b = reinterpret_cast<__m512i>(second);
        if constexpr (sizeof(T) == 2) return reinterpret_cast<Vector<T>>(_mm512_permutex2var_epi16(a, index_, b));
        return reinterpret_cast<Vector<T>>(_mm512_permutex2var_epi32(a, index_, b));
    }

  private:
    __m512i index_;
#else
    explicit Shift(int = 0) {}
    Vector<T> of(Vector<T> first, Vector<T>) const { return first; }
#endif
};

}  // namespace mcfast::MCFAST_LEVEL
