// Sums over the lanes of a warp.
#pragma once

#include "gpu/mc_gpu.h"

namespace mcfast::gpu {

/// Sum of the values of the lanes before this one.
MC_DEVICE int sum_before(int value, int lane) {
    int sum = value;
    for (unsigned places = 1; places < 32; places *= 2) {
        const int other = __shfl_up_sync(0xffffffffu, sum, places);
        if (lane >= static_cast<int>(places)) sum += other;
    }
    return sum - value;
}

}  // namespace mcfast::gpu
