// Four rows of a convolution from fewer products: minimal filtering (Winograd 1980, ch. V; Lavin and Gray 2016, eq. 6).
//
// F(4, r) gives four rows of a filter of r taps from r + 3 products for each column of taps instead of 4 r: the rows
// are split into values at r + 3 points (0, 1, -1, 2, -2, for r = 5 also 1/2, -1/2, and infinity), multiplied there by
// the filter's values, and joined again. In exact arithmetic that is the convolution; in float32 its error on FSRCNN
// is twice that of plain sums (3.2e-6 of white against 1.5e-6, from float64). Only rows are treated so: along columns a
// vector holds neighbours, which a transformation would have to shuffle.
#pragma once

#include "fsrcnn/multiply_add.h"

namespace mcfast::MCFAST_LEVEL {

/// F(4, 3).
struct ThreeRows {
    static constexpr int points = 6;

    [[gnu::always_inline]] static void split(const Vector<float> (&d)[points], Vector<float> (&v)[points]) {
        const Vector<float> even1 = multiply_add(spread(-4), d[2], d[4]), odd1 = multiply_add(spread(-4), d[1], d[3]);
        const Vector<float> even2 = d[4] - d[2], half2 = d[3] - d[1], odd2 = half2 + half2;
        v[0] = multiply_add(spread(-5), d[2], multiply_add(spread(4), d[0], d[4]));
        v[1] = even1 + odd1;
        v[2] = even1 - odd1;
        v[3] = even2 + odd2;
        v[4] = even2 - odd2;
        v[5] = multiply_add(spread(-5), d[3], multiply_add(spread(4), d[1], d[5]));
    }

    [[gnu::always_inline]] static void join(const Vector<float> (&p)[points], Vector<float> bias,
                                            Vector<float> (&y)[4]) {
        const Vector<float> one = p[1] + bias, sum1 = one + p[2], odd1 = one - p[2];
        const Vector<float> sum2 = p[3] + p[4], odd2 = p[3] - p[4];
        y[0] = p[0] + sum1 + sum2;
        y[1] = multiply_add(spread(2), odd2, odd1);
        y[2] = multiply_add(spread(4), sum2, sum1);
        y[3] = multiply_add(spread(8), odd2, odd1) + p[5];
    }
};

/// F(4, 5).
struct FiveRows {
    static constexpr int points = 8;

    [[gnu::always_inline]] static void split(const Vector<float> (&d)[points], Vector<float> (&v)[points]) {
        const Vector<float> even1 = multiply_add(spread(-4.25f), d[4], d[2] + d[6]);
        const Vector<float> odd1 = multiply_add(spread(-4.25f), d[3], d[1] + d[5]);
        const Vector<float> even2 = multiply_add(spread(4), d[6], multiply_add(spread(-5), d[4], d[2]));
        const Vector<float> half2 = multiply_add(spread(4), d[5], multiply_add(spread(-5), d[3], d[1]));
        const Vector<float> half3 = multiply_add(spread(4), d[2], multiply_add(spread(-5), d[4], d[6]));
        const Vector<float> odd3 = multiply_add(spread(4), d[1], multiply_add(spread(-5), d[3], d[5]));
        const Vector<float> odd2 = half2 + half2, even3 = half3 + half3;
        v[0] = multiply_add(spread(5.25f), d[4] - d[2], d[0] - d[6]);
        v[1] = even1 + odd1;
        v[2] = even1 - odd1;
        v[3] = even2 + odd2;
        v[4] = even2 - odd2;
        v[5] = even3 + odd3;
        v[6] = even3 - odd3;
        v[7] = multiply_add(spread(5.25f), d[3] - d[5], d[7] - d[1]);
    }

    [[gnu::always_inline]] static void join(const Vector<float> (&p)[points], Vector<float> bias,
                                            Vector<float> (&y)[4]) {
        const Vector<float> one = p[1] + bias, sum1 = one + p[2], odd1 = one - p[2];
        const Vector<float> sum2 = p[3] + p[4], sum3 = p[5] + p[6], odd2 = p[3] - p[4], odd3 = p[5] - p[6];
        y[0] = p[0] + sum1 + (sum2 + sum3);
        y[1] = multiply_add(spread(0.5f), odd3, multiply_add(spread(2), odd2, odd1));
        y[2] = multiply_add(spread(0.25f), sum3, multiply_add(spread(4), sum2, sum1));
        y[3] = multiply_add(spread(0.125f), odd3, multiply_add(spread(8), odd2, odd1)) + p[7];
    }
};

/// `count` columns of one map's rows at the points of F; the rows of one point are `step` floats apart.
template <class F>
inline void split_rows(const float* const (&rows)[F::points], int count, float* to, std::ptrdiff_t step) {
    for (int x = 0; x < count; x += lanes<float>) {
        Vector<float> d[F::points], v[F::points];
        for (int i = 0; i < F::points; ++i) d[i] = load(rows[i] + x);
        F::split(d, v);
        for (int i = 0; i < F::points; ++i) store(to + i * step + x, v[i]);
    }
}

}  // namespace mcfast::MCFAST_LEVEL
