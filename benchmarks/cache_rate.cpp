// How fast one core moves whole vectors between its registers and its caches: the floor under every kernel that is
// bound by loads and stores, such as erosion by a disk. Nanoseconds per vector, the least of many rounds.
//
//     g++ -O2 -march=native benchmarks/cache_rate.cpp -o cache_rate && ./cache_rate
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

#ifdef __AVX512F__
constexpr int bytes = 64;
#elif defined(__AVX2__)
constexpr int bytes = 32;
#else
constexpr int bytes = 16;
#endif
typedef char Vector __attribute__((vector_size(bytes)));

/// Least time of f, which touches `span` bytes, per vector.
template <class F>
double per_vector(std::size_t span, F&& f) {
    double least = 1e9;
    for (int round = 0; round < 2000; ++round) {
        const auto begin = std::chrono::steady_clock::now();
        f();
        least = std::min(least, std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - begin).count());
    }
    return least / static_cast<double>(span / bytes);
}

void measure(const char* where, std::size_t span) {
    std::vector<char> memory(span + 2 * bytes);
    char* aligned = memory.data() + (bytes - reinterpret_cast<std::size_t>(memory.data()) % bytes) % bytes;
    const auto loads = [&](const char* from) {
        return per_vector(span, [=] {
            for (std::size_t i = 0; i < span; i += 4 * bytes) {
                Vector a, b, c, d;
                __builtin_memcpy(&a, from + i, bytes);
                __builtin_memcpy(&b, from + i + bytes, bytes);
                __builtin_memcpy(&c, from + i + 2 * bytes, bytes);
                __builtin_memcpy(&d, from + i + 3 * bytes, bytes);
                asm volatile("" ::"v"(a), "v"(b), "v"(c), "v"(d));  // loaded, and not forgotten
            }
        });
    };
    const double stores = per_vector(span, [=] {
        Vector zero{};
        asm volatile("" : "+v"(zero));
        for (std::size_t i = 0; i < span; i += bytes) {
            __builtin_memcpy(aligned + i, &zero, bytes);
            asm volatile("" ::: "memory");
        }
    });
    std::printf("%-13s load %.2f, unaligned load %.2f, store %.2f ns per %d bytes\n", where, loads(aligned),
                loads(aligned + 6), stores, bytes);
}

int main() {
    measure("first level", 16 << 10);
    measure("second level", 384 << 10);
    measure("third level", 8 << 20);
}
