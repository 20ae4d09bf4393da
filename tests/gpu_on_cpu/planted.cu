// Kernels with planted faults, each of which the emulation must name.
#include "gpu/kernel_table.h"

namespace mcfast::gpu {

/// Reverses a block of 64 values, and does it right.
MC_KERNEL void right(const int* from, int* to) {
    MC_SHARED(int, values, 64);
    values[threadIdx.x] = from[threadIdx.x];
    __syncthreads();
    to[threadIdx.x] = values[63 - threadIdx.x];
}

MC_KERNEL void missing_barrier(const int* from, int* to) {
    MC_SHARED(int, values, 64);
    values[threadIdx.x] = from[threadIdx.x];
    to[threadIdx.x] = values[63 - threadIdx.x];
}

/// Two threads write one element: whoever is last wins.
MC_KERNEL void write_race(const int* from, int* to) {
    MC_SHARED(int, values, 32);
    values[threadIdx.x % 32] = from[threadIdx.x];
    __syncthreads();
    to[threadIdx.x] = values[threadIdx.x % 32];
}

/// The second round writes what others may still be reading in the first.
MC_KERNEL void read_race(const int* from, int* to) {
    MC_SHARED(int, values, 64);
    for (int round = 0; round < 2; ++round) {
        values[threadIdx.x] = from[threadIdx.x] + round;
        __syncthreads();
        to[threadIdx.x] = values[63 - threadIdx.x];
    }
}

/// Counts in threes, atomically, and does it right: to[i] = 3, ... up to to[20], and 1 for the last thread.
MC_KERNEL void right_atomics(const int* from, int* to) {
    MC_SHARED(int, counts, 64);
    counts[threadIdx.x] = 0;
    __syncthreads();
    atomicAdd(&counts[from[threadIdx.x] / 3], 1);
    __syncthreads();
    to[threadIdx.x] = counts[threadIdx.x];
}

/// Reads what others may not have counted yet.
MC_KERNEL void atomic_race(const int* from, int* to) {
    MC_SHARED(int, counts, 64);
    counts[threadIdx.x] = 0;
    __syncthreads();
    atomicAdd(&counts[from[threadIdx.x] / 3], 1);
    to[threadIdx.x] = counts[threadIdx.x / 3];
}

/// Counts where others may not have begun at 0 yet.
MC_KERNEL void atomic_start(const int* from, int* to) {
    MC_SHARED(int, counts, 64);
    counts[threadIdx.x] = 0;
    atomicAdd(&counts[63 - from[threadIdx.x]], 1);
    __syncthreads();
    to[threadIdx.x] = counts[threadIdx.x];
}

MC_KERNEL void unwritten(const int* from, int* to) {
    MC_SHARED(int, values, 65);
    values[threadIdx.x] = from[threadIdx.x];
    __syncthreads();
    to[threadIdx.x] = values[threadIdx.x + 1];
}

MC_KERNEL void out_of_range(const int* from, int* to) {
    MC_SHARED(int, values, 64);
    values[threadIdx.x] = from[threadIdx.x];
    __syncthreads();
    to[threadIdx.x] = values[threadIdx.x + 1];
}

MC_KERNEL void early_exit(const int* from, int* to) {
    if (threadIdx.x > 40) return;
    to[threadIdx.x] = from[threadIdx.x];
    __syncthreads();
}

MC_KERNEL void two_barriers(const int* from, int* to) {
    if (threadIdx.x < 40) {
        __syncthreads();
    } else {
        __syncthreads();
    }
    to[threadIdx.x] = from[threadIdx.x];
}

MC_KERNEL void missing_lanes(const int* from, int* to) {
    if (threadIdx.x < 40) to[threadIdx.x] = __shfl_xor_sync(0xffffffffu, from[threadIdx.x], 1);
}

}  // namespace mcfast::gpu

#define MCFAST_PLANTED_KERNELS(X) \
    X(right)                      \
    X(missing_barrier)            \
    X(write_race)                 \
    X(read_race)                  \
    X(right_atomics)              \
    X(atomic_race)                \
    X(atomic_start)               \
    X(unwritten)                  \
    X(out_of_range)               \
    X(early_exit)                 \
    X(two_barriers)               \
    X(missing_lanes)
MCFAST_KERNEL_TABLE(planted, MCFAST_PLANTED_KERNELS)
