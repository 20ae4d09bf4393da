// Picks the table of kernels for this processor, once.
#include <cstdlib>
#include <string>

#include "core/error.h"
#include "core/kernels.h"

namespace mcfast {

namespace baseline {
extern const Kernels table;
}
#ifdef MCFAST_X86
namespace avx2 {
extern const Kernels table;
}
namespace avx512 {
extern const Kernels table;
}
#endif

namespace {

struct Level {
    const Kernels& table;
    bool available;
};

/// From the highest to the lowest.
#ifdef MCFAST_X86
bool has_avx2() {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
}

bool has_avx512() {
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}
#endif

const Kernels& choose() {
#ifdef MCFAST_X86
    __builtin_cpu_init();
    const Level levels[] = {{avx512::table, has_avx512()}, {avx2::table, has_avx2()}, {baseline::table, true}};
#else
    const Level levels[] = {{baseline::table, true}};
#endif
    const char* wanted = std::getenv("MCFAST_CPU_LEVEL");
    const bool any = !wanted || !*wanted;
    std::string available;
    for (const Level& level : levels) {
        if (!level.available) continue;
        if (any || std::string(wanted) == level.table.level) return level.table;
        available += (available.empty() ? "" : ", ") + std::string(level.table.level);
    }
    throw ValueError("MCFAST_CPU_LEVEL: expected a level of this processor (" + available + "), got \"" + wanted +
                     "\"; unset it to use the highest");
}

}  // namespace

const Kernels& kernels() {
    static const Kernels& chosen = choose();
    return chosen;
}

}  // namespace mcfast
