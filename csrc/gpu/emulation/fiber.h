// Fibers: a stack and a place to continue from. One per emulated GPU thread, switched in user space.
//
// swapcontext() makes two system calls a switch, ten times what the twenty instructions below cost; it remains the way
// on processors other than x86-64. AddressSanitizer is told of every switch, so that its reports name source lines.
#pragma once

#include <cstddef>
#include <cstdint>

#if !defined(__x86_64__)
#include <ucontext.h>
#endif
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace mcfast::emulation {

#if defined(__x86_64__)

extern "C" void mcfast_switch_stack(void** save, void* load);
asm(R"(
.text
.weak mcfast_switch_stack
.type mcfast_switch_stack, @function
mcfast_switch_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  subq $8, %rsp
  stmxcsr (%rsp)
  fnstcw 4(%rsp)
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  ldmxcsr (%rsp)
  fldcw 4(%rsp)
  addq $8, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size mcfast_switch_stack, .-mcfast_switch_stack
)");

/// Where a suspended fiber goes on: its stack pointer; everything else lies on its stack.
class Context {
  public:
    /// Lays out the stack so that the first switch enters `function`.
    void prepare(char* stack, std::size_t bytes, void (*function)()) {
        auto top = (reinterpret_cast<std::uintptr_t>(stack) + bytes) & ~std::uintptr_t(15);
        auto** slot = reinterpret_cast<void**>(top);
        *--slot = nullptr;  // the return address of `function`, which never returns
        *--slot = reinterpret_cast<void*>(function);
        for (int i = 0; i < 6; ++i) *--slot = nullptr;  // rbp, rbx, r12 .. r15
        --slot;
        std::uint32_t control;
        std::uint16_t x87;
        asm volatile("stmxcsr %0" : "=m"(control));
        asm volatile("fnstcw %0" : "=m"(x87));
        reinterpret_cast<std::uint32_t*>(slot)[0] = control;
        reinterpret_cast<std::uint32_t*>(slot)[1] = x87;
        pointer_ = slot;
    }
    void switch_to(Context& other) { mcfast_switch_stack(&pointer_, other.pointer_); }

  private:
    void* pointer_ = nullptr;
};

#else

class Context {
  public:
    void prepare(char* stack, std::size_t bytes, void (*function)()) {
        getcontext(&context_);
        context_.uc_stack.ss_sp = stack;
        context_.uc_stack.ss_size = bytes;
        context_.uc_link = nullptr;
        makecontext(&context_, function, 0);
    }
    void switch_to(Context& other) { swapcontext(&context_, &other.context_); }

  private:
    ucontext_t context_;
};

#endif

/// What AddressSanitizer wants to know around a switch; nothing in other builds.
struct StackSwitch {
#if defined(__SANITIZE_ADDRESS__)
    static void begin(void** fake, const void* stack, std::size_t bytes) {
        __sanitizer_start_switch_fiber(fake, stack, bytes);
    }
    static void end(void* fake, const void** stack, std::size_t* bytes) {
        __sanitizer_finish_switch_fiber(fake, stack, bytes);
    }
    static void forget(const void* stack, std::size_t bytes) { ASAN_UNPOISON_MEMORY_REGION(stack, bytes); }
#else
    static void begin(void**, const void*, std::size_t) {}
    static void end(void*, const void**, std::size_t*) {}
    static void forget(const void*, std::size_t) {}
#endif
};

}  // namespace mcfast::emulation
