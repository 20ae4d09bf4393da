// One emulated block: its threads are fibers that run until they reach a barrier, a warp operation or their end.
//
// What hardware leaves undefined is an error here, found every time and not one time in five: a barrier that not all
// threads reach, threads that wait at different barriers, a warp operation that lanes of the warp have missed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "gpu/emulation/fiber.h"

struct dim3 {
    unsigned x, y, z;
    constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
    unsigned volume() const { return x * y * z; }
};

namespace mcfast::emulation {

/// A kernel did what hardware leaves undefined.
struct KernelError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

constexpr std::size_t stack_bytes = 64 * 1024;
constexpr unsigned warp_size = 32;

enum class State : std::uint8_t { ready, at_barrier, at_warp, done };

struct Thread {
    Context context;
    void* fake_stack = nullptr;  // AddressSanitizer's
    State state = State::ready;
    int line = 0;  // of the barrier it waits at
    dim3 index;
    unsigned number = 0;  // in the block
    unsigned exchanges = 0;
};

/// A shared array and what is known of each of its elements; see shared_memory.h.
struct SharedStorage {
    std::vector<unsigned char> bytes;
    std::vector<std::uint64_t> history;
};

class Block {
  public:
    dim3 grid, shape, index;
    SharedStorage dynamic;
    std::vector<std::pair<int, std::unique_ptr<SharedStorage>>> statics;
    Thread* current = nullptr;
    unsigned epoch = 1;  // barriers passed, from 1
    std::uint64_t exchange[2][32][warp_size];

    Block(dim3 grid_, dim3 shape_, std::size_t shared_bytes, unsigned seed, bool shuffle)
        : grid(grid_), shape(shape_), random_(seed), shuffle_(shuffle) {
        dynamic.bytes.resize(shared_bytes);
        dynamic.history.resize(shared_bytes);
        const unsigned count = shape.volume();
        stacks_.reset(static_cast<char*>(std::aligned_alloc(4096, count * stack_bytes)));
        threads_.resize(count);
        order_.resize(count);
    }

    /// Runs `body` in every thread of the block `which`; throws what the kernel did wrong.
    void run(dim3 which, void (*body)(void*), void* argument);

    /// Called by a fiber: gives way to the others, until what `state` waits for has come.
    void wait(State state, int line);

    static Block*& active() {
        static thread_local Block* block = nullptr;
        return block;
    }

  private:
    struct Unwound {};  // thrown through a kernel that is given up after an error in another thread
    struct Free {
        void operator()(char* memory) const { std::free(memory); }
    };

    static void enter();
    void reset();
    bool run_ready();
    bool release_warps();
    void release_barrier();
    void give_up(const std::string& why);

    std::unique_ptr<char, Free> stacks_;
    std::vector<Thread> threads_;
    std::vector<unsigned> order_;
    std::mt19937 random_;
    bool shuffle_;
    Context scheduler_;
    const void* scheduler_stack_ = nullptr;
    std::size_t scheduler_stack_bytes_ = 0;
    void (*body_)(void*) = nullptr;
    void* argument_ = nullptr;
    std::exception_ptr error_;
    unsigned done_ = 0;
};

inline void Block::wait(State state, int line) {
    Thread* thread = current;
    thread->state = state;
    thread->line = line;
    StackSwitch::begin(&thread->fake_stack, scheduler_stack_, scheduler_stack_bytes_);
    thread->context.switch_to(scheduler_);
    StackSwitch::end(thread->fake_stack, nullptr, nullptr);
    if (error_) throw Unwound();
}

inline void Block::enter() {
    Block* block = active();
    StackSwitch::end(nullptr, &block->scheduler_stack_, &block->scheduler_stack_bytes_);
    try {
        block->body_(block->argument_);
    } catch (const Unwound&) {
    } catch (...) {
        if (!block->error_) block->error_ = std::current_exception();
    }
    block->current->state = State::done;
    ++block->done_;
    StackSwitch::begin(nullptr, block->scheduler_stack_, block->scheduler_stack_bytes_);
    block->current->context.switch_to(block->scheduler_);
    std::abort();  // a finished fiber is never continued
}

inline void Block::reset() {
    epoch = 1;
    done_ = 0;
    error_ = nullptr;
    statics.clear();
    std::fill(dynamic.bytes.begin(), dynamic.bytes.end(), static_cast<unsigned char>(0xCD));
    std::fill(dynamic.history.begin(), dynamic.history.end(), 0);
    for (unsigned i = 0; i < threads_.size(); ++i) {
        Thread& thread = threads_[i];
        thread = Thread();
        thread.number = i;
        thread.index = dim3(i % shape.x, i / shape.x % shape.y, i / (shape.x * shape.y));
        char* stack = stacks_.get() + i * stack_bytes;
        StackSwitch::forget(stack, stack_bytes);
        thread.context.prepare(stack, stack_bytes, &Block::enter);
        order_[i] = i;
    }
}

inline void Block::run(dim3 which, void (*body)(void*), void* argument) {
    index = which;
    body_ = body;
    argument_ = argument;
    reset();
    active() = this;
    while (done_ < threads_.size()) {
        if (run_ready() || release_warps()) continue;
        release_barrier();
    }
    active() = nullptr;
    if (error_) std::rethrow_exception(error_);
}

/// Lets every thread that can run do so; false if none could.
inline bool Block::run_ready() {
    bool any = false;
    if (shuffle_) std::shuffle(order_.begin(), order_.end(), random_);
    for (const unsigned i : order_) {
        Thread& thread = threads_[i];
        if (thread.state != State::ready) continue;
        any = true;
        current = &thread;
        void* fake = nullptr;
        StackSwitch::begin(&fake, stacks_.get() + i * stack_bytes, stack_bytes);
        scheduler_.switch_to(thread.context);
        StackSwitch::end(fake, nullptr, nullptr);
    }
    return any;
}

/// Releases the warps whose lanes have all arrived at a warp operation; false if there are none.
inline bool Block::release_warps() {
    bool any = false;
    for (std::size_t first = 0; first < threads_.size(); first += warp_size) {
        const std::size_t last = std::min(threads_.size(), first + warp_size);
        std::size_t waiting = 0;
        for (std::size_t i = first; i < last; ++i) waiting += threads_[i].state == State::at_warp;
        if (waiting == 0) continue;
        if (waiting < last - first) {
            give_up("divergent warp operation: " + std::to_string(waiting) + " of " + std::to_string(last - first) +
                    " lanes arrived");
            return true;
        }
        for (std::size_t i = first; i < last; ++i) threads_[i].state = State::ready;
        any = true;
    }
    return any;
}

/// All threads that are left wait at a barrier: releases them if it is the same and nobody is missing.
inline void Block::release_barrier() {
    std::size_t waiting = 0;
    int low = 0, high = 0;
    for (const Thread& thread : threads_) {
        if (thread.state != State::at_barrier) continue;
        low = waiting ? std::min(low, thread.line) : thread.line;
        high = std::max(high, thread.line);
        ++waiting;
    }
    if (waiting < threads_.size()) {
        return give_up("divergent __syncthreads(): " + std::to_string(waiting) + " of " +
                       std::to_string(threads_.size()) + " threads arrived, the others have exited");
    }
    if (low != high) {
        return give_up("threads wait at different __syncthreads(), in lines " + std::to_string(low) + " and " +
                       std::to_string(high));
    }
    for (Thread& thread : threads_) thread.state = State::ready;
    ++epoch;
}

/// Remembers the first error and wakes every fiber, so that each unwinds its stack.
inline void Block::give_up(const std::string& why) {
    if (!error_) error_ = std::make_exception_ptr(KernelError(why));
    for (Thread& thread : threads_) {
        if (thread.state != State::done) thread.state = State::ready;
    }
}

}  // namespace mcfast::emulation
