// CUDA's names in g++: indices, barriers, warp operations, packed and rounding arithmetic.
#pragma once

#include <cmath>
#include <cstring>
#include <type_traits>

#include "gpu/emulation/block.h"

#define threadIdx (mcfast::emulation::Block::active()->current->index)
#define blockIdx (mcfast::emulation::Block::active()->index)
#define blockDim (mcfast::emulation::Block::active()->shape)
#define gridDim (mcfast::emulation::Block::active()->grid)

#define __syncthreads() mcfast::emulation::Block::active()->wait(mcfast::emulation::State::at_barrier, __LINE__)

namespace mcfast::emulation {

/// Gives `value` to the warp and returns what lane `lane(own lane)` gave. Two buffers in turn: a lane can be at most
/// one exchange ahead of another.
template <class T, class F>
T exchange(T value, F&& lane) {
    static_assert(sizeof(T) <= 8);
    Block& block = *Block::active();
    Thread& thread = *block.current;
    const unsigned own = thread.number % warp_size;
    auto& slots = block.exchange[thread.exchanges++ % 2][thread.number / warp_size];
    std::memcpy(&slots[own], &value, sizeof value);
    block.wait(State::at_warp, 0);
    T result;
    std::memcpy(&result, &slots[lane(own)], sizeof result);
    return result;
}

/// `lanes` values of `Lane` in one word, combined lane by lane.
template <class Lane, class F>
unsigned lanewise(unsigned a, unsigned b, F&& combine) {
    constexpr int bits = 8 * sizeof(Lane);
    unsigned result = 0;
    for (int shift = 0; shift < 32; shift += bits) {
        result |= unsigned(combine(static_cast<Lane>(a >> shift), static_cast<Lane>(b >> shift))) << shift;
    }
    return result;
}

}  // namespace mcfast::emulation

template <class T>
T __shfl_up_sync(unsigned, T value, unsigned places) {
    return mcfast::emulation::exchange(value, [=](unsigned lane) { return lane >= places ? lane - places : lane; });
}
template <class T>
T __shfl_down_sync(unsigned, T value, unsigned places) {
    return mcfast::emulation::exchange(value, [=](unsigned lane) { return lane + places < 32 ? lane + places : lane; });
}
template <class T>
T __shfl_xor_sync(unsigned, T value, unsigned mask) {
    return mcfast::emulation::exchange(value, [=](unsigned lane) { return (lane ^ mask) & 31; });
}
template <class T>
T __shfl_sync(unsigned, T value, unsigned from) {
    return mcfast::emulation::exchange(value, [=](unsigned) { return from & 31; });
}
inline unsigned __ballot_sync(unsigned, bool predicate) {
    unsigned bits = unsigned(predicate) << (mcfast::emulation::Block::active()->current->number % 32);
    for (unsigned mask = 16; mask; mask /= 2) bits |= __shfl_xor_sync(~0u, bits, mask);
    return bits;
}

inline float __int_as_float(int bits) {
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

inline int __float_as_int(float value) {
    int bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
}

inline int __popc(unsigned value) {
    return __builtin_popcount(value);
}

inline unsigned __vminu2(unsigned a, unsigned b) {
    return mcfast::emulation::lanewise<unsigned short>(a, b, [](unsigned p, unsigned q) { return p < q ? p : q; });
}
inline unsigned __vmaxu2(unsigned a, unsigned b) {
    return mcfast::emulation::lanewise<unsigned short>(a, b, [](unsigned p, unsigned q) { return p > q ? p : q; });
}
inline unsigned __vminu4(unsigned a, unsigned b) {
    return mcfast::emulation::lanewise<unsigned char>(a, b, [](unsigned p, unsigned q) { return p < q ? p : q; });
}
inline unsigned __vmaxu4(unsigned a, unsigned b) {
    return mcfast::emulation::lanewise<unsigned char>(a, b, [](unsigned p, unsigned q) { return p > q ? p : q; });
}

template <class T>
T atomicAdd(T* address, T value) {
    static_assert(std::is_integral_v<T>, "floating-point atomics would make results depend on the order of threads");
    return __atomic_fetch_add(address, value, __ATOMIC_RELAXED);
}

namespace mcfast::emulation {

/// Replaces a value by what `update` makes of it; returns the old one.
template <class T, class F>
T update_atomically(T* address, F&& update) {
    T old = __atomic_load_n(address, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(address, &old, update(old), true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) continue;
    return old;
}

}  // namespace mcfast::emulation

template <class T>
T atomicMin(T* address, T value) {
    return mcfast::emulation::update_atomically(address, [=](T old) { return value < old ? value : old; });
}
template <class T>
T atomicMax(T* address, T value) {
    return mcfast::emulation::update_atomically(address, [=](T old) { return old < value ? value : old; });
}
