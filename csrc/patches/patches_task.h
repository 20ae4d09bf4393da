// What the patch kernels are given.
#pragma once

#include <cstdint>

#include "core/image.h"

namespace mcfast {

template <class T>
struct GatherTask {
    Image<const T> image;
    const std::int32_t* centres;  // (n, 2) rows and columns
    const float *mean, *std;      // null, or one value per patch (step 1) or for all (step 0)
    int mean_step, std_step;
    int size;
    float* out;  // (n, size, size)
};

template <class T>
struct StitchTask {
    const T* patches;  // (grid_rows, grid_columns, height, width)
    int grid_rows, grid_columns, height, width;
    const int *row_origins, *column_origins;
    const int* column_cover;  // how many columns of windows cover each column
    Image<T> out;
};

}  // namespace mcfast
