// All kernels, by noun: csrc/<noun>/<noun>.cu defines the tables.
#pragma once

#include <cstddef>
#include <cstring>

namespace mcfast::gpu {

/// A kernel under its name, with the sizes of its arguments, against which every launch is checked.
struct KernelEntry {
    const char* name;
    int argument_count;
    const std::size_t* argument_sizes;
    const void* symbol;              // what cudaLaunchKernel takes
    void (*call)(void** arguments);  // runs one thread of it; null in a CUDA build
};

struct KernelTable {
    const KernelEntry* entries;
    std::size_t count;
};

#ifndef MCFAST_KERNEL_NOUNS  // a test may link fewer
#define MCFAST_KERNEL_NOUNS(X) \
    X(blur)                    \
    X(candidates)              \
    X(guided)                  \
    X(lookup)                  \
    X(magnify)                 \
    X(mask) X(morphology) X(noise) X(patches) X(resample) X(residual) X(selection) X(spots) X(suppression) X(tone)
#endif

#define MCFAST_DECLARE_TABLE(noun) KernelTable noun##_kernels();
#define MCFAST_CALL_TABLE(noun) noun##_kernels(),
MCFAST_KERNEL_NOUNS(MCFAST_DECLARE_TABLE)

/// Calls f(entry) for every kernel.
template <class F>
void for_each_kernel(F&& f) {
    for (const KernelTable& table : {MCFAST_KERNEL_NOUNS(MCFAST_CALL_TABLE)}) {
        for (std::size_t i = 0; i < table.count; ++i) f(table.entries[i]);
    }
}

/// The kernel of that name, or null.
inline const KernelEntry* find_kernel(const char* name) {
    const KernelEntry* found = nullptr;
    for_each_kernel([&](const KernelEntry& entry) {
        if (std::strcmp(entry.name, name) == 0) found = &entry;
    });
    return found;
}

}  // namespace mcfast::gpu
