// Patches: copied out of an image (gather) and laid over one another again (stitch).
//
// One load, subtraction, multiplication and store per pixel of a patch, whatever the image: side^2 each. Gathering
// normalises in the same pass, so that no patch is gone over twice; one that lies inside the image needs no test per
// pixel. Stitching takes the mean wherever patches overlap.
#pragma once

#include "core/image.h"
#include "core/simd.h"
#include "patches/patches_task.h"
#include "resample/resample_kernel.h"

namespace mcfast::MCFAST_LEVEL {

/// One patch per centre, normalised as it is read. Outside pixels take the nearest pixel's value.
template <class T>
void gather_patches(const GatherTask<T>& task, int begin, int end) {
    const int size = task.size, rows = task.image.rows, columns = task.image.columns;
    for (int i = begin; i < end; ++i) {
        const int top = task.centres[2 * i] - size / 2, left = task.centres[2 * i + 1] - size / 2;
        const float mean = task.mean ? task.mean[task.mean_step * i] : 0;
        const float scale = task.std ? 1 / task.std[task.std_step * i] : 1;
        float* to = task.out + std::size_t(i) * size * size;
        const bool inside = left >= 0 && left + size <= columns;
        for (int y = 0; y < size; ++y, to += size) {
            const int row = top + y < 0 ? 0 : top + y >= rows ? rows - 1 : top + y;
            const T* from = task.image.row(row);
            if (inside) {
                for (int x = 0; x < size; ++x) to[x] = (static_cast<float>(from[left + x]) - mean) * scale;
                continue;
            }
            for (int x = 0; x < size; ++x) {
                const int column = left + x < 0 ? 0 : left + x >= columns ? columns - 1 : left + x;
                to[x] = (static_cast<float>(from[column]) - mean) * scale;
            }
        }
    }
}

/// Mean of the windows that cover each pixel, for rows [top, bottom). Each pixel gathers, so the order of additions is
/// always the same. `sum` holds one double per column.
template <class T>
void stitch(const StitchTask<T>& task, int top, int bottom, char* workspace) {
    auto* sum = reinterpret_cast<double*>(workspace);
    const int n = task.out.columns;
    for (int y = top; y < bottom; ++y) {
        for (int x = 0; x < n; ++x) sum[x] = 0;
        int covering = 0;
        for (int i = 0; i < task.grid_rows; ++i) {
            const int inner = y - task.row_origins[i];
            if (inner < 0 || inner >= task.height) continue;
            ++covering;
            for (int j = 0; j < task.grid_columns; ++j) {
                const std::size_t window = std::size_t(i) * task.grid_columns + j;
                const T* from = task.patches + (window * task.height + inner) * task.width;
                double* to = sum + task.column_origins[j];
                for (int x = 0; x < task.width; ++x) to[x] += from[x];
            }
        }
        T* out = task.out.row(y);
        for (int x = 0; x < n; ++x) out[x] = rounded<T>(sum[x] / (covering * task.column_cover[x]));
    }
}

}  // namespace mcfast::MCFAST_LEVEL
