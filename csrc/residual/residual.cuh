// The part of an image that holds breast, with its local mean taken off: what candidates and patches are measured in.
//
// Where the breast lies is known on the device alone, so every array keeps the size of the image; the part begins at
// its first pixel, and `part` says which of them count: {first row, first column, rows, columns}, all 0 without breast.
//
//   bytes per pixel   mark: 2; take: 3 read (and 4 of the tone's table, out of L2), 5 written; mean: 13 read, 4 written
//   limit             memory bandwidth
//   launch            mark: grid (rows / 4), 32 x 4 threads; bound: one block of 256 threads, 4096 bytes of shared
//                     memory; the others: grid (columns / 64, rows / 4), 64 x 4 threads
#pragma once

#include "residual/part.cuh"

namespace mcfast::gpu {

constexpr int mark_part_rows = 4, bound_threads = 256;

/// inner = below && `border` pixels away from the image's border; first and last column of each row of it, columns and
/// -1 where there is none. A row for each warp.
MC_KERNEL void __launch_bounds__(32 * mark_part_rows)
    mark_part(const uint8_t* __restrict__ below, uint8_t* __restrict__ inner, int* __restrict__ ends, int rows,
              int columns, int border) {
    const int y = static_cast<int>(blockIdx.x) * mark_part_rows + static_cast<int>(threadIdx.y);
    const int lane = static_cast<int>(threadIdx.x);
    if (y >= rows) return;
    const bool within = y >= border && y < rows - border;
    int first = columns, last = -1;
    for (int x = lane; x < columns; x += 32) {
        const int64_t at = static_cast<int64_t>(y) * columns + x;
        const bool in = below[at] && within && x >= border && x < columns - border;
        inner[at] = in;
        if (in) {
            first = smaller(first, x);
            last = x;
        }
    }
    for (unsigned mask = 16; mask; mask /= 2) {
        first = smaller(first, __shfl_xor_sync(0xffffffffu, first, mask));
        last = larger(last, __shfl_xor_sync(0xffffffffu, last, mask));
    }
    if (lane == 0) {
        ends[2 * y] = first;
        ends[2 * y + 1] = last;
    }
}

/// The part from the ends of all rows.
MC_KERNEL void __launch_bounds__(bound_threads)
    bound_part(const int* __restrict__ ends, int rows, int columns, int* __restrict__ part) {
    MC_SHARED(int, boxes, 4 * bound_threads);  // top, left, bottom, right of each thread's rows
    const int thread = static_cast<int>(threadIdx.x);
    int top = rows, left = columns, bottom = -1, right = -1;
    for (int y = thread; y < rows; y += bound_threads) {
        if (ends[2 * y + 1] < 0) continue;
        top = smaller(top, y);
        bottom = larger(bottom, y);
        left = smaller(left, ends[2 * y]);
        right = larger(right, ends[2 * y + 1]);
    }
    boxes[4 * thread] = top;
    boxes[4 * thread + 1] = left;
    boxes[4 * thread + 2] = bottom;
    boxes[4 * thread + 3] = right;
    __syncthreads();
    if (thread >= 32) return;
    const int side = thread % 4;
    int end = boxes[side];
    for (int i = 1; i < bound_threads; ++i) {
        const int other = boxes[4 * i + side];
        end = side < 2 ? smaller(end, other) : larger(end, other);
    }
    const int begin = __shfl_sync(0xffffffffu, end, static_cast<unsigned>(side) & 1u);
    if (thread >= 4) return;
    part[thread] = side < 2 ? (end == (side ? columns : rows) ? 0 : end) : end < 0 ? 0 : end - begin + 1;
}

/// values = the image's in units of white and in its tone, and inside = inner, both moved so that the part begins at
/// (0, 0); 0 beyond it and outside. `tone` and `table` may be null: none.
MC_KERNEL void __launch_bounds__(part_threads* part_rows)
    take_part(const uint16_t* __restrict__ image, const uint8_t* __restrict__ inner, const int* __restrict__ part,
              float scale, const double* __restrict__ tone, const float* __restrict__ table, float* __restrict__ values,
              uint8_t* __restrict__ inside, int rows, int columns) {
    const int x = static_cast<int>(blockIdx.x) * part_threads + static_cast<int>(threadIdx.x);
    const int y = static_cast<int>(blockIdx.y) * part_rows + static_cast<int>(threadIdx.y);
    if (x >= columns || y >= rows) return;
    const Part box = Part::of(part);
    const int64_t at = static_cast<int64_t>(y) * columns + x;
    const int64_t from = static_cast<int64_t>(y + box.row) * columns + x + box.column;
    const bool in = box.holds(y, x) && inner[from];
    inside[at] = in;
    const bool lifted = tone && tone[1] != 1.0;  // few are; for the others the table stays out of L1
    values[at] = !in ? 0.0f : lifted ? table[image[from]] : static_cast<float>(image[from]) * scale;
}

/// values -= mean / share inside: the mean over what of the window is inside. 0 outside.
MC_KERNEL void __launch_bounds__(part_threads* part_rows)
    take_off_mean(float* __restrict__ values, const float* __restrict__ mean, const float* __restrict__ share,
                  const uint8_t* __restrict__ inside, int rows, int columns) {
    const int x = static_cast<int>(blockIdx.x) * part_threads + static_cast<int>(threadIdx.x);
    const int y = static_cast<int>(blockIdx.y) * part_rows + static_cast<int>(threadIdx.y);
    if (x >= columns || y >= rows) return;
    const int64_t at = static_cast<int64_t>(y) * columns + x;
    values[at] = inside[at] ? values[at] - mean[at] / (share[at] < 1e-6f ? 1e-6f : share[at]) : 0.0f;
}

#define MCFAST_RESIDUAL_KERNELS(X) X(mark_part) X(bound_part) X(take_part) X(take_off_mean)

}  // namespace mcfast::gpu
