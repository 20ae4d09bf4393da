// The emulated device as a C library, for ctypes: finds a kernel by name, checks its arguments' sizes, runs it.
#include <cstdio>
#include <string>

#include "gpu/emulation/launch.h"
#include "gpu/kernels.h"

namespace {

struct Invocation {
    const mcfast::gpu::KernelEntry* kernel;
    void** arguments;
};

void run_thread(void* invocation) {
    const auto* call = static_cast<Invocation*>(invocation);
    call->kernel->call(call->arguments);
}

}  // namespace

extern "C" {

/// The name of kernel `index`, or null past the last.
const char* mcfast_kernel_name(int index) {
    const char* name = nullptr;
    mcfast::gpu::for_each_kernel([&](const mcfast::gpu::KernelEntry& entry) {
        if (index-- == 0) name = entry.name;
    });
    return name;
}

/// Runs a kernel to its end. Returns 0, or 1 with what was wrong in `message`.
int mcfast_launch(const char* name, const unsigned* grid, const unsigned* block, std::size_t shared_bytes,
                  void** arguments, const std::size_t* sizes, int count, int host_threads, int shuffle, unsigned seed,
                  char* message, std::size_t room) {
    try {
        const auto* kernel = mcfast::gpu::find_kernel(name);
        if (!kernel) throw mcfast::emulation::KernelError("no such kernel");
        bool fits = kernel->argument_count == count;
        for (int i = 0; fits && i < count; ++i) fits = kernel->argument_sizes[i] == sizes[i];
        if (!fits) throw mcfast::emulation::KernelError("arguments of other sizes than the kernel's");
        Invocation invocation{kernel, arguments};
        mcfast::emulation::launch(dim3(grid[0], grid[1], grid[2]), dim3(block[0], block[1], block[2]), shared_bytes,
                                  {host_threads, shuffle != 0, seed}, run_thread, &invocation);
        return 0;
    } catch (const std::exception& error) {
        std::snprintf(message, room, "%s: %s", name, error.what());
        return 1;
    }
}

}  // extern "C"
