// What lets one .cuh file be compiled by nvcc (into _cuda), by NVRTC (through CuPy) and by g++ (for the tests).
//
// A kernel is a function marked MC_KERNEL; its helpers are marked MC_DEVICE. Shared memory is declared by MC_SHARED
// (fixed size) and MC_DYNAMIC_SHARED (of the launch), and both are used as arrays. Everything else is CUDA's own
// spelling: threadIdx, __syncthreads(), __shfl_up_sync and so on. Under g++ these names belong to an emulation with one
// fiber per thread (emulation/block.h), which MC_CHECK makes a checker of races (emulation/shared_memory.h).
//
// All three compile without contraction into fused multiply-add (-fmad=false, -ffp-contract=off) and with exact
// division and square root, so the same source gives the same bits on all of them.
#pragma once

#if defined(__CUDACC_RTC__)  // NVRTC: no host headers
typedef unsigned char uint8_t;
typedef unsigned short uint16_t;
typedef unsigned int uint32_t;
typedef unsigned long long uint64_t;
typedef int int32_t;
typedef long long int64_t;
#else
#include <cstddef>
#include <cstdint>
#endif

#if defined(__CUDACC__)

#define MC_KERNEL __global__
#define MC_DEVICE __device__ __forceinline__
#define MC_UNROLL _Pragma("unroll")
#define MC_SHARED(T, name, length) __shared__ T name[length]
#define MC_DYNAMIC_SHARED(T, name)                                         \
    extern __shared__ __align__(16) unsigned char mcfast_dynamic_shared[]; \
    T* const name = reinterpret_cast<T*>(mcfast_dynamic_shared)

namespace mcfast::gpu {

template <class T>
using Shared = T*;

/// The bits of the IEEE half nearest to a float. An instruction of its own: cuda_fp16.h is not where NVRTC looks.
MC_DEVICE uint16_t half_bits(float value) {
    uint16_t bits;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(value));
    return bits;
}

}  // namespace mcfast::gpu

#else

#include "gpu/emulation/intrinsics.h"
#include "gpu/emulation/shared_memory.h"

#define MC_KERNEL inline
#define MC_DEVICE inline
#define MC_UNROLL _Pragma("GCC unroll 8")
#define __launch_bounds__(...)
#define __restrict__ __restrict
#define MC_SHARED(T, name, length) const auto name = mcfast::emulation::static_shared<T>(__COUNTER__, length)
#define MC_DYNAMIC_SHARED(T, name) const auto name = mcfast::emulation::dynamic_shared<T>()

namespace mcfast::gpu {

template <class T>
using Shared = mcfast::emulation::SharedArray<T>;

inline uint16_t half_bits(float value) {
    const auto half = static_cast<_Float16>(value);
    uint16_t bits;
    std::memcpy(&bits, &half, sizeof bits);
    return bits;
}

}  // namespace mcfast::gpu

#endif
