// Multiply-adds that depend on nothing but registers: as fast as this level can multiply and add. What the benchmark
// calls the processor's peak.
#pragma once

#include "fsrcnn/multiply_add.h"

namespace mcfast::MCFAST_LEVEL {

/// `rounds` times twelve chains of multiply-adds; the number of floating-point operations done. Twelve chains hide the
/// latency of a multiply-add on every processor that has these levels.
inline double multiply_add_chains(long rounds, float* result) {
    constexpr int chains = 12;
    Vector<float> sum[chains];
    for (int i = 0; i < chains; ++i) sum[i] = spread(static_cast<float>(i) * result[0]);
    const Vector<float> factor = spread(0.5f), term = spread(0.25f);
    for (long k = 0; k < rounds; ++k) {
#pragma GCC unroll 12
        for (int i = 0; i < chains; ++i) sum[i] = multiply_add(sum[i], factor, term);
    }
    Vector<float> total = sum[0];
    for (int i = 1; i < chains; ++i) total += sum[i];
    for (int i = 0; i < lanes<float>; ++i) result[0] += total[i];
    return 2.0 * chains * lanes<float> * static_cast<double>(rounds);
}

}  // namespace mcfast::MCFAST_LEVEL
