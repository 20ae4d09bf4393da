// What the resampling kernel is given.
#pragma once

#include "core/image.h"
#include "core/workspace.h"

namespace mcfast {

/// For each output position of an axis: the input positions it is made of and their weights, which sum to 1.
struct AxisWeights {
    const int* first;      // (length,) first input position
    const int* count;      // (length,)
    const float* weights;  // (length, most)
    int most;

    const float* of(int i) const { return weights + static_cast<std::ptrdiff_t>(i) * most; }
};

/// Output rows [top, bottom).
template <class T>
struct ResampleTask {
    Image<const T> image;
    Image<T> out;
    AxisWeights rows, columns;
    int top, bottom;
};

template <class T>
struct ResampleLayout : Layout {
    ResampleLayout(const ResampleTask<T>& task, char* base) : Layout(base), row(take<float>(task.image.columns)) {}

    float* row;
};

}  // namespace mcfast
