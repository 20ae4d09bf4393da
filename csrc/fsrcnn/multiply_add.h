// Sums of products, the one loop that every layer is made of.
//
// The core is compiled without contraction, so fused multiply-add is asked for by name. Where a level has none (the
// baseline of x86-64) a product is rounded before it is added: its results differ from the others' in the last bits.
#pragma once

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "core/simd.h"

namespace mcfast::MCFAST_LEVEL {

/// a b + c.
[[gnu::always_inline]] inline Vector<float> multiply_add(Vector<float> a, Vector<float> b, Vector<float> c) {
#if defined(__AVX512F__)
    return _mm512_fmadd_ps(a, b, c);
#elif defined(__FMA__)
    return _mm256_fmadd_ps(a, b, c);
#else
    return a * b + c;
#endif
}

/// The value in every lane.
[[gnu::always_inline]] inline Vector<float> spread(float value) {
#if defined(__AVX512F__)
    return _mm512_set1_ps(value);
#elif defined(__FMA__)
    return _mm256_set1_ps(value);
#else
    Vector<float> v;
    for (int i = 0; i < lanes<float>; ++i) v[i] = value;
    return v;
#endif
}

/// Most outputs of a block, and vectors of columns for a block of so many: as many sums as the registers hold.
#if defined(__AVX512F__)
constexpr int widest_block = 12;
constexpr int vectors_beside(int outputs) {
    return outputs == 12 ? 2 : outputs == 8 ? 3 : 6;
}
#else
constexpr int widest_block = 4;
constexpr int vectors_beside(int) {
    return 3;
}
#endif

template <int N>
struct Count {
    static constexpr int value = N;
};

/// Holds the vector in a register. Otherwise the compiler, short of registers, reads it from memory for every use, and
/// reads across cache lines become slower than the sums.
[[gnu::always_inline]] inline Vector<float> held(Vector<float> value) {
#if defined(__AVX__)
    asm("" : "+v"(value));
#endif
    return value;
}

/// sum[o][v] += weights[o] times the columns of vector v, for the first `First` outputs.
template <int First, int Outputs, int Vectors>
[[gnu::always_inline]] inline void add_tap(const float* in, const float* weights,
                                           Vector<float> (&sum)[Outputs][Vectors]) {
    if constexpr (First < Vectors) {
        Vector<float> weight[First];
#pragma GCC unroll 8
        for (int o = 0; o < First; ++o) weight[o] = held(spread(weights[o]));
#pragma GCC unroll 8
        for (int v = 0; v < Vectors; ++v) {
            const Vector<float> value = held(load(in + v * lanes<float>));
#pragma GCC unroll 8
            for (int o = 0; o < First; ++o) sum[o][v] = multiply_add(weight[o], value, sum[o][v]);
        }
    } else {
        Vector<float> value[Vectors];
#pragma GCC unroll 8
        for (int v = 0; v < Vectors; ++v) value[v] = held(load(in + v * lanes<float>));
#pragma GCC unroll 16
        for (int o = 0; o < First; ++o) {
            const Vector<float> weight = spread(weights[o]);
#pragma GCC unroll 8
            for (int v = 0; v < Vectors; ++v) sum[o][v] = multiply_add(weight, value[v], sum[o][v]);
        }
    }
}

/// The sum of that over inputs `step` floats apart and `Taps` neighbouring columns; at the first tap only the first
/// `First` outputs have a weight.
template <int Outputs, int Vectors, int Taps, int First = Outputs>
[[gnu::always_inline]] inline void accumulate(const float* in, std::ptrdiff_t step, int inputs, const float* weights,
                                              Vector<float> (&sum)[Outputs][Vectors]) {
    for (int c = 0; c < inputs; ++c, in += step, weights += Taps * Outputs) {
        add_tap<First>(in, weights, sum);
#pragma GCC unroll 8
        for (int k = 1; k < Taps; ++k) add_tap<Outputs>(in + k, weights + k * Outputs, sum);
    }
}

/// x for x > 0, slope x below.
[[gnu::always_inline]] inline Vector<float> prelu(Vector<float> x, Vector<float> slope) {
    return x > 0 ? x : x * slope;
}

/// Calls f(Count<n>, x) for blocks of at most `Most` vectors that cover [0, columns); the last may reach beyond.
template <int Most, class F>
[[gnu::always_inline]] inline void for_each_block(int columns, F&& f, int x = 0) {
    for (; columns - x > (Most - 1) * lanes<float>; x += Most * lanes<float>) f(Count<Most>{}, x);
    if constexpr (Most > 1) {
        if (x < columns) for_each_block<Most - 1>(columns, f, x);
    }
}

/// Calls f(Count<n>, first output) for the blocks that a layer's outputs are packed in.
template <class F>
[[gnu::always_inline]] inline void for_each_output(int outputs, F&& f) {
    for (int o = 0; o < outputs;) {
        const int left = outputs - o;
        if constexpr (widest_block >= 12) {
            if (left >= 12) {
                f(Count<12>{}, o);
                o += 12;
                continue;
            }
            if (left >= 8) {
                f(Count<8>{}, o);
                o += 8;
                continue;
            }
        }
        f(Count<4>{}, o);
        o += 4;
    }
}

}  // namespace mcfast::MCFAST_LEVEL
