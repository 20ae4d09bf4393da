// A small pool of threads, shared by all operations of the process.
#pragma once

#include <cstddef>
#include <functional>

namespace mcfast {

/// Number of threads used when a caller states none: MCFAST_THREADS, else the processors in this process's affinity
/// mask. Throws ValueError if MCFAST_THREADS is no number from 1 to 256.
int default_threads();

/// Calls task(i) for i in [0, tasks) on up to `threads` threads, this one included, and waits for all of them.
///
/// Tasks are handed out one by one, so how they are cut must not depend on `threads`: that is what makes results
/// independent of it. Several threads may call at once. The first exception of a task is thrown again here; the
/// tasks not yet begun are then dropped. After a fork the child starts with an empty pool.
void parallel_for(std::size_t tasks, int threads, const std::function<void(std::size_t)>& task);

}  // namespace mcfast
