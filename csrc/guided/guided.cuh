// Guided filter (He, Sun and Tang 2013) and the recovery of the dehazed image, O(1) per pixel in the radius.
//
// Two kernels. The first computes a and b of equations 5 and 6 from moments that are exact for integers: flat bright
// areas, where E[I^2] - E[I]^2 cancels, lose nothing and never turn into NaN. The second takes the means of a and b
// (equation 8) and writes what becomes of them: the filtered image, the means themselves, or, in the same pass, the
// radiance of equation 22 of He, Sun and Tang 2011 (`dehazed`). a and b are kept as float32: that costs half a unit in
// their last place, which the means over a window average out.
//
//   bytes per pixel   first: sizeof(T) read (2 sizeof(T) if the guide is another image), 8 written;
//                     second: 8 + sizeof(T) read, 4 (dehazed: sizeof(T)) written; rows that leave a window come out
//                     of L2
//   limit             memory bandwidth on GPUs with full-rate float64; on others the 20 float64 operations of a pixel
//   launch            grid (strips of 128 columns, strips of `strip` rows), 128 threads,
//                     8 ((quantities + 4) (128 + 2 radius) + 4) bytes of shared memory, or as many of scratch memory
//                     for each block; quantities is 2, or 4 if the guide is another image
#pragma once

#include "blur/window_sums.cuh"

namespace mcfast::gpu {

/// num of a variance or covariance: count sum(uv) - sum(u) sum(v), exact for integers while it fits into 64 bits.
MC_DEVICE double central(uint64_t product, uint64_t u, uint64_t v, double count) {
    const auto n = static_cast<uint64_t>(count);
    if (n <= 65025) return static_cast<double>(static_cast<int64_t>(n * product - u * v));
    return count * static_cast<double>(product) - static_cast<double>(u) * static_cast<double>(v);
}
MC_DEVICE double central(double product, double u, double v, double count) {
    return count * product - u * v;
}

/// Quantity q of a pixel: the guide, its square, the source, and their product.
template <class A>
MC_DEVICE A moment(int q, A guide, A src) {
    return q == 0 ? guide : q == 1 ? guide * guide : q == 2 ? src : guide * src;
}

/// a = cov(guide, src) / (var(guide) + eps), b = mean(src) - a mean(guide); a is 0 where the denominator is.
template <class T, bool self, class Memory>
MC_KERNEL void __launch_bounds__(sum_threads, Memory::blocks)
    guided_coefficients(const T* __restrict__ src, int64_t src_stride, const T* __restrict__ guide,
                        int64_t guide_stride, float* __restrict__ a, float* __restrict__ b, int rows, int columns,
                        int down, int along, int strip, Sum<T>* scratch, double eps) {
    using A = Sum<T>;
    const Windows windows{rows, columns, down, along, strip};
    constexpr int quantities = self ? 2 : 4;
    const auto quantity = [&](int q, int y, int x) {
        const A g = static_cast<A>(guide[y * guide_stride + x]);
        return moment(q, g, self || q < 2 ? g : static_cast<A>(src[y * src_stride + x]));
    };
    window_sums<A, quantities, Memory>(windows, scratch, quantity, [&](int y, int x, const A* sums) {
        const double count = windows.count(y, x), guide_sum = static_cast<double>(sums[0]);
        const double src_sum = static_cast<double>(sums[self ? 0 : 2]);
        const double variance = larger(central(sums[1], sums[0], sums[0], count), 0.0) + eps * count * count;
        const double covariance = self ? larger(central(sums[1], sums[0], sums[0], count), 0.0)
                                       : central(sums[self ? 1 : 3], sums[0], sums[self ? 0 : 2], count);
        const double slope = variance > 0 ? covariance / variance : 0.0;
        const int64_t at = static_cast<int64_t>(y) * columns + x;
        a[at] = static_cast<float>(slope);
        b[at] = static_cast<float>((src_sum - slope * guide_sum) / count);
    });
}

/// Means of a and b over the window around (y, x), handed to `emit(y, x, mean a, mean b)`.
template <class Memory, class Emit>
MC_DEVICE void coefficient_means(const float* a, const float* b, const Windows& windows, double* scratch,
                                 const Emit& emit) {
    const auto quantity = [&](int q, int y, int x) {
        const int64_t at = static_cast<int64_t>(y) * windows.columns + x;
        return static_cast<double>(q == 0 ? a[at] : b[at]);
    };
    window_sums<double, 2, Memory>(windows, scratch, quantity, [&](int y, int x, const double* sums) {
        const double scale = 1.0 / windows.count(y, x);
        emit(y, x, sums[0] * scale, sums[1] * scale);
    });
}

template <class T, class Memory>
MC_KERNEL void __launch_bounds__(sum_threads, Memory::blocks)
    guided_output(const float* __restrict__ a, const float* __restrict__ b, const T* __restrict__ guide,
                  int64_t guide_stride, float* __restrict__ out, int64_t out_stride, int rows, int columns, int down,
                  int along, int strip, double* scratch) {
    coefficient_means<Memory>(a, b, Windows{rows, columns, down, along, strip}, scratch,
                              [&](int y, int x, double slope, double offset) {
                                  const double pixel = guide[y * guide_stride + x];
                                  out[y * out_stride + x] = static_cast<float>(slope * pixel + offset);
                              });
}

/// mean(a) and mean(b) themselves, for filters that apply them to a larger image.
template <class Memory>
MC_KERNEL void __launch_bounds__(sum_threads, Memory::blocks)
    guided_means(const float* __restrict__ a, const float* __restrict__ b, float* __restrict__ mean_a,
                 float* __restrict__ mean_b, int rows, int columns, int down, int along, int strip, double* scratch) {
    coefficient_means<Memory>(a, b, Windows{rows, columns, down, along, strip}, scratch,
                              [&](int y, int x, double slope, double offset) {
                                  const int64_t at = static_cast<int64_t>(y) * columns + x;
                                  mean_a[at] = static_cast<float>(slope);
                                  mean_b[at] = static_cast<float>(offset);
                              });
}

/// R = 1 + (I - 1) / t with t = max(1 - omega smooth, t_min), in counts, clipped to 0 .. white.
template <class T, class Memory>
MC_KERNEL void __launch_bounds__(sum_threads, Memory::blocks)
    dehazed(const float* __restrict__ a, const float* __restrict__ b, const T* __restrict__ guide, int64_t guide_stride,
            T* __restrict__ out, int64_t out_stride, int rows, int columns, int down, int along, int strip,
            double* scratch, double omega, double t_min, double white) {
    coefficient_means<Memory>(a, b, Windows{rows, columns, down, along, strip}, scratch,
                              [&](int y, int x, double slope, double offset) {
                                  const double pixel = guide[y * guide_stride + x], smooth = slope * pixel + offset;
                                  const double transmission = larger(1 - (omega / white) * smooth, t_min);
                                  const double clear = white + (pixel - white) / transmission;
                                  out[y * out_stride + x] = rounded<T>(smaller(larger(clear, 0.0), white));
                              });
}

#define MCFAST_GUIDED_KERNELS_IN(X, T, Memory) \
    X(guided_coefficients<T, true, Memory>)    \
    X(guided_coefficients<T, false, Memory>)   \
    X(guided_output<T, Memory>)                \
    X(dehazed<T, Memory>)
#define MCFAST_GUIDED_KERNELS_OF(X, T) MCFAST_GUIDED_KERNELS_IN(X, T, InShared) MCFAST_GUIDED_KERNELS_IN(X, T, InGlobal)
#define MCFAST_GUIDED_KERNELS(X)          \
    X(guided_means<InShared>)             \
    X(guided_means<InGlobal>)             \
    MCFAST_GUIDED_KERNELS_OF(X, uint8_t)  \
    MCFAST_GUIDED_KERNELS_OF(X, uint16_t) \
    MCFAST_GUIDED_KERNELS_OF(X, float)

}  // namespace mcfast::gpu
