// Launching a kernel on the emulated device: blocks in any order, on several host threads, fibers in any order.
#pragma once

#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "gpu/emulation/block.h"

namespace mcfast::emulation {

struct Options {
    int host_threads = 1;
    bool shuffle = false;  // run the threads of a block in a random order between barriers
    unsigned seed = 0;
};

inline void launch(dim3 grid, dim3 shape, std::size_t shared_bytes, const Options& options, void (*body)(void*),
                   void* argument) {
    const std::size_t blocks = std::size_t(grid.x) * grid.y * grid.z;
    std::atomic<std::size_t> next{0};
    std::exception_ptr error;
    std::mutex guard;
    const auto work = [&](unsigned worker) {
        try {
            Block block(grid, shape, shared_bytes, options.seed + worker, options.shuffle);
            for (std::size_t i; (i = next++) < blocks;) {
                const auto x = static_cast<unsigned>(i % grid.x), y = static_cast<unsigned>(i / grid.x % grid.y);
                block.run(dim3(x, y, static_cast<unsigned>(i / grid.x / grid.y)), body, argument);
            }
        } catch (...) {
            const std::lock_guard<std::mutex> lock(guard);
            if (!error) error = std::current_exception();
            next = blocks;
        }
    };
    std::vector<std::thread> others;
    for (int i = 1; i < options.host_threads; ++i) others.emplace_back(work, static_cast<unsigned>(i));
    work(0);
    for (std::thread& other : others) other.join();
    if (error) std::rethrow_exception(error);
}

}  // namespace mcfast::emulation
