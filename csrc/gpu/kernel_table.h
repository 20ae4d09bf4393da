// A noun's kernels under the names by which launch plans call them: csrc/<noun>/<noun>.cu holds one table.
//
// The name is the C++ expression itself, "rectangle<Minimum, uint16_t, Plain>". NVRTC takes the same expression, so a
// plan names a kernel once for all devices.
#pragma once

#include <utility>

#include "gpu/kernels.h"
#include "gpu/mc_gpu.h"

namespace mcfast::gpu {

template <auto kernel>
struct Exported;

template <class... A, void (*kernel)(A...)>
struct Exported<kernel> {
    static constexpr std::size_t sizes[] = {sizeof(A)...};

    template <std::size_t... i>
    static void unpack(void** arguments, std::index_sequence<i...>) {
        kernel(*static_cast<A*>(arguments[i])...);
    }
    static void call(void** arguments) { unpack(arguments, std::index_sequence_for<A...>()); }

    static KernelEntry entry(const char* name, const void* symbol) {
#if defined(__CUDACC__)
        return {name, static_cast<int>(sizeof...(A)), sizes, symbol, nullptr};
#else
        return {name, static_cast<int>(sizeof...(A)), sizes, symbol, &call};
#endif
    }
};

}  // namespace mcfast::gpu

#define MCFAST_KERNEL_ENTRY(...) \
    mcfast::gpu::Exported<__VA_ARGS__>::entry(#__VA_ARGS__, reinterpret_cast<const void*>(&__VA_ARGS__)),

/// Defines mcfast::gpu::<noun>_kernels() from a list `kernels(X)` that calls X for every instance.
#define MCFAST_KERNEL_TABLE(noun, kernels)                                   \
    namespace mcfast::gpu {                                                  \
    KernelTable noun##_kernels() {                                           \
        static const KernelEntry entries[] = {kernels(MCFAST_KERNEL_ENTRY)}; \
        return {entries, sizeof entries / sizeof entries[0]};                \
    }                                                                        \
    }
