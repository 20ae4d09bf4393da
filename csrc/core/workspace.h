// Scratch memory for kernels, which never allocate.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mcfast {

/// Lays buffers out one after another, each on a cache line and with slack for one vector past its end.
///
/// A kernel's layout is a struct built from a task and a base address; built from a null base it only measures.
class Layout {
  public:
    explicit Layout(char* base) : base_(base) {}

    template <class T>
    T* take(std::size_t count) {
        T* here = base_ ? reinterpret_cast<T*>(base_ + bytes_) : nullptr;
        bytes_ += (count * sizeof(T) + slack + line - 1) / line * line;
        return here;
    }

    std::size_t bytes() const { return bytes_; }

  private:
    static constexpr std::size_t line = 64, slack = 64;
    char* base_;
    std::size_t bytes_ = 0;
};

/// `bytes` of this thread's scratch memory, on a cache line. Valid until the thread asks again; kept between calls,
/// because the page faults of fresh memory cost as much as a filter pass. Throws std::bad_alloc.
char* thread_workspace(std::size_t bytes);

}  // namespace mcfast
