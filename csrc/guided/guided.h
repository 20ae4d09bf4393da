// Guided filter on uint8, uint16 and float32 images; float32 results.
#pragma once

#include "core/array.h"
#include "guided/guided_task.h"

namespace mcfast {

/// out = guided filter of src by guide, or with `coefficients` out = mean(a) and second = mean(b).
void guided_filter(const Array& src, const Array& guide, int radius, double eps, const Array& out, const Array* second,
                   int threads);

/// What `guided_filter` checks before it looks at the pixels; for its variants, which compute something else first.
void check_guided_filter(const Array& src, const Array& guide, int radius, double eps, const Array& out);

/// Runs a task's strips; top and bottom of `task` are filled in here.
template <class T>
void run_guided(GuidedTask<T> task, int threads);

}  // namespace mcfast
