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

/// A source that is computed strip by strip, so that it need not exist as an image.
template <class T>
class RowSource {
  public:
    virtual ~RowSource() = default;

    /// Scratch memory that `rows(top, bottom)` takes.
    virtual std::size_t workspace_bytes(int top, int bottom) const = 0;

    /// Rows [top, bottom) of the source, in `workspace`.
    virtual Image<const T> rows(int top, int bottom, char* workspace) const = 0;
};

/// Runs a task's strips. `top`, `bottom` and the shifts of `task` are filled in here, its `src` too if `source` is
/// given.
template <class T>
void run_guided(GuidedTask<T> task, int threads, const RowSource<T>* source = nullptr);

}  // namespace mcfast
