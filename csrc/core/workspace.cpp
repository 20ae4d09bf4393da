#include "core/workspace.h"

#include <cstdlib>
#include <memory>
#include <new>

namespace mcfast {

namespace {

struct Free {
    void operator()(char* memory) const { std::free(memory); }
};

struct Workspace {
    std::unique_ptr<char, Free> memory;
    std::size_t bytes = 0;
};

}  // namespace

char* thread_workspace(std::size_t bytes) {
    static thread_local Workspace workspace;
    if (workspace.bytes < bytes) {
        workspace.memory.reset();
        workspace.bytes = 0;
        const std::size_t rounded = (bytes + 4095) / 4096 * 4096;
        workspace.memory.reset(static_cast<char*>(std::aligned_alloc(64, rounded)));
        if (!workspace.memory) throw std::bad_alloc();
        workspace.bytes = rounded;
    }
    return workspace.memory.get();
}

}  // namespace mcfast
