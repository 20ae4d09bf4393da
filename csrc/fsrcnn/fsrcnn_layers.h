// The layers of FSRCNN on rows of maps in memory.
//
// A row of maps holds, for every map, a row of columns; `step` floats lie between neighbouring maps. Every layer is
// "valid": output column x is made of input columns x .. x + taps - 1, so what lies beyond the last column that is
// needed may hold anything finite.
#pragma once

#include "fsrcnn/fsrcnn_task.h"
#include "fsrcnn/minimal_filtering.h"
#include "fsrcnn/multiply_add.h"

namespace mcfast::MCFAST_LEVEL {

/// One row of a 1x1 convolution, and its PReLU.
inline void combine_maps(const FsrcnnLayer& layer, const float* in, std::ptrdiff_t in_step, float* out,
                         std::ptrdiff_t out_step, int columns) {
    for_each_output(layer.outputs, [&](auto block, int first) {
        constexpr int outputs = decltype(block)::value;
        const float* weights = layer.weights + std::ptrdiff_t(first) * layer.inputs;
        for_each_block<vectors_beside(outputs)>(columns, [&](auto count, int x) {
            constexpr int vectors = decltype(count)::value;
            Vector<float> sum[outputs][vectors];
            for (int o = 0; o < outputs; ++o) {
                for (int v = 0; v < vectors; ++v) sum[o][v] = spread(layer.bias[first + o]);
            }
            accumulate<outputs, vectors, 1>(in + x, in_step, layer.inputs, weights, sum);
            // Copies: the compiler must think that the stores below change everything it has only a reference to.
            const float* slopes = layer.slope + first;
            const std::ptrdiff_t next = out_step;
            float* const to = out + first * next + x;
            for (int o = 0; o < outputs; ++o) {
                const Vector<float> slope = spread(slopes[o]);
                for (int v = 0; v < vectors; ++v) store(to + o * next + v * lanes<float>, prelu(sum[o][v], slope));
            }
        });
    });
}

/// Every map's rows at the points of F. `rows` point at the first map.
template <class F>
inline void split_maps(const float* const (&rows)[F::points], std::ptrdiff_t step, int maps, int columns,
                       float* points) {
    constexpr int stride = FsrcnnLayout::chunk_stride;
    for (int c = 0; c < maps; ++c) {
        const float* from[F::points];
        for (int i = 0; i < F::points; ++i) from[i] = rows[i] + c * step;
        split_rows<F>(from, columns, points + c * stride, std::ptrdiff_t(maps) * stride);
    }
}

/// A layer's input at the points of F: `maps` floats from map to map, `points` floats from point to point.
struct SplitMaps {
    const float* data;
    std::ptrdiff_t maps, points;
};

/// Four rows of a convolution of as many columns as rows of taps from its input at the points of F, and its PReLU.
template <class F>
inline void filter_rows(const FsrcnnLayer& layer, const SplitMaps& in, float* const (&out)[4], std::ptrdiff_t step,
                        int columns) {
    constexpr int taps = F::points - 3;
    for_each_output(layer.outputs, [&](auto block, int first) {
        constexpr int outputs = decltype(block)::value;
        const float* weights = layer.weights + std::ptrdiff_t(first) * layer.inputs * taps * F::points;
        for_each_block<vectors_beside(outputs)>(columns, [&](auto count, int x) {
            constexpr int vectors = decltype(count)::value;
            Vector<float> product[F::points][outputs][vectors];
            for (int p = 0; p < F::points; ++p) {
                Vector<float> sum[outputs][vectors] = {};
                accumulate<outputs, vectors, taps>(in.data + p * in.points + x, in.maps, layer.inputs,
                                                   weights + std::ptrdiff_t(p) * layer.inputs * taps * outputs, sum);
                for (int o = 0; o < outputs; ++o) {
                    for (int v = 0; v < vectors; ++v) product[p][o][v] = sum[o][v];
                }
            }
            const float *biases = layer.bias + first, *slopes = layer.slope + first;
            const std::ptrdiff_t next = step, begin = first * step + x;
            float* const to[4] = {out[0] + begin, out[1] + begin, out[2] + begin, out[3] + begin};
            for (int o = 0; o < outputs; ++o) {
                const Vector<float> bias = spread(biases[o]), slope = spread(slopes[o]);
                for (int v = 0; v < vectors; ++v) {
                    Vector<float> at[F::points], y[4];
                    for (int p = 0; p < F::points; ++p) at[p] = product[p][o][v];
                    F::join(at, bias, y);
                    for (int i = 0; i < 4; ++i) store(to[i] + o * next + v * lanes<float>, prelu(y[i], slope));
                }
            }
        });
    });
}

/// Four rows of a 3x3 convolution from the six rows around them, and its PReLU; at most `fsrcnn_chunk` columns.
inline void map_rows(const FsrcnnLayer& layer, const float* const (&in)[6], float* const (&out)[4], std::ptrdiff_t step,
                     int columns, float* points) {
    constexpr int stride = FsrcnnLayout::chunk_stride, reach = 2;
    split_maps<ThreeRows>(in, step, layer.inputs, columns + reach, points);
    filter_rows<ThreeRows>(layer, {points, stride, std::ptrdiff_t(layer.inputs) * stride}, out, step, columns);
}

/// To an integer, ties to even; floats pass. For |value| < 2^22.
template <class T>
[[gnu::always_inline]] inline T nearest(float value) {
    constexpr float half_range = 12582912;  // 1.5 x 2^23: beside it there are no fractions
    if constexpr (std::is_integral_v<T>) {
        return static_cast<T>(static_cast<std::int32_t>((value + half_range) - half_range));
    } else {
        return value;
    }
}

/// a0 b0 a1 b1 ...: the first or second half.
[[gnu::always_inline]] inline void interleave(Vector<float> a, Vector<float> b, float* to) {
    typedef std::int32_t Order __attribute__((vector_size(MCFAST_VECTOR_BYTES)));
    Order low, high;
    for (int i = 0; i < lanes<float>; ++i) {
        low[i] = i / 2 + (i % 2) * lanes<float>;
        high[i] = low[i] + lanes<float> / 2;
    }
    store(to, __builtin_shuffle(a, b, low));
    store(to + lanes<float>, __builtin_shuffle(a, b, high));
}

/// Eight rows of the 2x image from the eight rows of maps around their four; at most `fsrcnn_chunk` columns of maps.
///
/// A stride-2 deconvolution of 9x9 taps is four convolutions, one for each parity of row and column of the output, of
/// 5 or 4 taps along each axis: 81 together. Along rows F(4, 5) does both kinds with 8 products.
inline void deconvolve_rows(const FsrcnnLayer& layer, const float* const (&in)[8], std::ptrdiff_t step, int columns,
                            float* points, float (&out)[8][2 * FsrcnnLayout::chunk_stride]) {
    using F = FiveRows;
    constexpr int stride = FsrcnnLayout::chunk_stride, taps = 5, phases = 4;
    split_maps<F>(in, step, layer.inputs, columns + taps - 1, points);
    const std::ptrdiff_t point_step = std::ptrdiff_t(layer.inputs) * stride;
    const Vector<float> bias = spread(layer.bias[0]);
    for_each_block<vectors_beside(phases)>(columns, [&](auto count, int x) {
        constexpr int vectors = decltype(count)::value;
        Vector<float> product[F::points][phases][vectors];
        for (int p = 0; p < F::points; ++p) {
            Vector<float> sum[phases][vectors] = {};
            accumulate<phases, vectors, taps, 2>(points + p * point_step + x, stride, layer.inputs,
                                                 layer.weights + std::ptrdiff_t(p) * layer.inputs * taps * phases, sum);
            for (int o = 0; o < phases; ++o) {
                for (int v = 0; v < vectors; ++v) product[p][o][v] = sum[o][v];
            }
        }
        for (int odd = 0; odd < 2; ++odd) {  // phases 0, 1 have even output columns, 2, 3 odd ones
            for (int v = 0; v < vectors; ++v) {
                Vector<float> left[F::points], right[F::points], even[4], next[4];
                for (int p = 0; p < F::points; ++p) {
                    left[p] = product[p][odd][v];
                    right[p] = product[p][2 + odd][v];
                }
                F::join(left, bias, even);
                F::join(right, bias, next);
                for (int i = 0; i < 4; ++i) {
                    interleave(even[i], next[i], out[2 * i + odd] + 2 * (x + v * lanes<float>));
                }
            }
        }
    });
}

}  // namespace mcfast::MCFAST_LEVEL
