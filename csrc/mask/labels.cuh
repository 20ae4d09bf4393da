// Connected components of a coarse mask (neighbours above, below, left and right), and holes, which are components of
// what is not set that do not reach the border.
//
// Union and find without locks (Playne and Hawick 2018): every pixel's label leads to a smaller one of its component,
// down to the component's first pixel in raster order, its root. Joining two puts the smaller root under the larger
// with atomicMin and goes on from what was there; a label that was read too early is only a detour. The roots do not
// depend on the order of threads. Node 0 is the outside, pixel i is node i + 1; what is not set has label -1.
//
//   bytes per pixel   of the coarse image: 1 to 8, in L2
//   limit             the start of a launch, and for joining a few dependent reads out of L2
//   launch            grid (columns / 32, rows / 8), 32 x 8 threads; close_borders: four blocks of 256 threads; no
//                     shared memory
#pragma once

#include "gpu/pixel.h"

namespace mcfast::gpu {

constexpr int coarse_columns = 32, coarse_rows = 8, border_threads = 256;

using Size = unsigned long long;  // of a component, above what orders equal ones; as atomicMax takes it

/// This thread's pixel of a packed coarse image.
struct CoarsePixel {
    int rows, columns, y, x;

    MC_DEVICE CoarsePixel(int rows_, int columns_)
        : rows(rows_),
          columns(columns_),
          y(static_cast<int>(blockIdx.y) * coarse_rows + static_cast<int>(threadIdx.y)),
          x(static_cast<int>(blockIdx.x) * coarse_columns + static_cast<int>(threadIdx.x)) {}

    MC_DEVICE bool inside() const { return y < rows && x < columns; }
    MC_DEVICE int64_t index() const { return static_cast<int64_t>(y) * columns + x; }

    /// Pixels between it and the nearest border; 0 on the border itself.
    MC_DEVICE int to_border() const { return smaller(smaller(y, rows - 1 - y), smaller(x, columns - 1 - x)); }

    /// True if `test(index)` holds for a pixel of the image at most `reach` steps away.
    template <class Test>
    MC_DEVICE bool any_within(int reach, const Test& test) const {
        for (int v = larger(y - reach, 0); v <= smaller(y + reach, rows - 1); ++v) {
            const int width = reach - (v < y ? y - v : v - y);
            for (int u = larger(x - width, 0); u <= smaller(x + width, columns - 1); ++u) {
                if (test(static_cast<int64_t>(v) * columns + u)) return true;
            }
        }
        return false;
    }
};

MC_DEVICE void begin_label(int* labels, const CoarsePixel& at, bool set) {
    const int node = static_cast<int>(at.index()) + 1;
    labels[node] = set ? node : -1;
    if (node == 1) labels[0] = 0;
}

MC_DEVICE int root_of(const int* labels, int node) {
    for (int parent = labels[node]; parent != node; parent = labels[node]) node = parent;
    return node;
}

MC_DEVICE void join(int* labels, int a, int b) {
    for (;;) {
        a = root_of(labels, a);
        b = root_of(labels, b);
        if (a == b) return;
        const int high = larger(a, b), low = smaller(a, b);
        const int before = atomicMin(&labels[high], low);
        if (before == high) return;
        a = before;
        b = low;
    }
}

/// What is not set, as the beginning of a labelling.
MC_KERNEL void __launch_bounds__(coarse_columns* coarse_rows)
    label_unset(const uint8_t* __restrict__ mask, int* __restrict__ labels, int rows, int columns) {
    const CoarsePixel at(rows, columns);
    if (at.inside()) begin_label(labels, at, !mask[at.index()]);
}

/// Joins every pixel with its left and upper neighbours and, if `outside`, those at the border with the outside.
MC_KERNEL void __launch_bounds__(coarse_columns* coarse_rows)
    join_neighbours(int* labels, int rows, int columns, int outside) {
    const CoarsePixel at(rows, columns);
    if (!at.inside()) return;
    const int node = static_cast<int>(at.index()) + 1;
    if (labels[node] < 0) return;
    if (at.x > 0 && labels[node - 1] >= 0) join(labels, node, node - 1);
    if (at.y > 0 && labels[node - columns] >= 0) join(labels, node, node - columns);
    if (outside && at.to_border() == 0) join(labels, node, 0);
}

/// labels become roots, and sizes[root] the number of a component's pixels: one addition for every run in a warp.
MC_KERNEL void __launch_bounds__(coarse_columns* coarse_rows)
    component_sizes(int* labels, int* sizes, Size* largest, int rows, int columns) {
    const CoarsePixel at(rows, columns);
    const int lane = static_cast<int>(threadIdx.x), node = static_cast<int>(at.index()) + 1;
    const bool set = at.inside() && labels[node] >= 0;
    const int root = set ? root_of(labels, node) : -1;
    const int before = __shfl_up_sync(0xffffffffu, root, 1);
    const uint32_t starts = __ballot_sync(0xffffffffu, lane == 0 || before != root);
    if (node == 1) largest[0] = 0;
    if (!set) return;
    labels[node] = root;
    if (!(starts >> lane & 1)) return;
    const uint32_t later = lane == 31 ? 0 : starts >> (lane + 1);
    atomicAdd(&sizes[root], later ? __popc((later & (0u - later)) - 1) + 1 : 32 - lane);
}

/// The largest component; of equal ones the first in raster order. 0 stays where there is none.
MC_KERNEL void __launch_bounds__(coarse_columns* coarse_rows)
    largest_component(const int* __restrict__ labels, const int* __restrict__ sizes, Size* largest, int rows,
                      int columns) {
    const CoarsePixel at(rows, columns);
    if (!at.inside()) return;
    const int node = static_cast<int>(at.index()) + 1;
    if (labels[node] != node) return;
    atomicMax(largest, static_cast<Size>(sizes[node]) << 32 | (0xffffffffu - static_cast<uint32_t>(node)));
}

/// Its root; -2, which no label is, if there is none.
MC_DEVICE int root_of_largest(Size largest) {
    return largest ? static_cast<int>(0xffffffffu - static_cast<uint32_t>(largest & 0xffffffffu)) : -2;
}

/// mask = the component that holds the root of the largest one of another labelling.
MC_KERNEL void __launch_bounds__(coarse_columns* coarse_rows)
    keep_component(const int* __restrict__ labels, const Size* __restrict__ largest, uint8_t* __restrict__ mask,
                   int rows, int columns) {
    const CoarsePixel at(rows, columns);
    if (!at.inside()) return;
    const int node = static_cast<int>(at.index()) + 1, seed = root_of_largest(largest[0]);
    mask[at.index()] = seed > 0 && labels[node] >= 0 && root_of(labels, node) == root_of(labels, seed);
}

/// mask = what is not joined with the outside.
MC_KERNEL void __launch_bounds__(coarse_columns* coarse_rows)
    fill_holes(const int* __restrict__ labels, uint8_t* __restrict__ mask, int rows, int columns) {
    const CoarsePixel at(rows, columns);
    if (!at.inside()) return;
    const int node = static_cast<int>(at.index()) + 1;
    mask[at.index()] = labels[node] < 0 || root_of(labels, node) != 0;
}

/// A row or a column of a mask.
struct Line {
    uint8_t* first;
    int64_t step;
    int length;

    MC_DEVICE bool set(int i) const { return first[i * step]; }

    /// True if (i - 1, i + 1) lies in a gap of at most `longest` pixels between two that are set.
    MC_DEVICE bool bridged(int i, int longest) const {
        int begin = i - 1, end = i + 1;
        while (begin >= 0 && i - begin <= longest && !set(begin)) --begin;
        if (begin < 0 || !set(begin)) return false;
        while (end < length && end - begin - 1 <= longest && !set(end)) ++end;
        return end < length && end - begin - 1 <= longest && set(end);
    }
};

/// Closes the mask along its first and last row and column by 2 reach + 1 pixels; outside pixels are not set, so the
/// first and last `reach` of a line stay, and with them the corners, through which lines could see each other. A gap is
/// bridged as a whole or not at all: whoever sees a part of it bridged already decides as before, so that a line needs
/// no copy. A block for each side.
MC_KERNEL void __launch_bounds__(border_threads) close_borders(uint8_t* mask, int rows, int columns, int reach) {
    const int64_t last_row = static_cast<int64_t>(rows - 1) * columns;
    const int side = static_cast<int>(blockIdx.x);
    const Line line{mask + (side == 1   ? last_row
                            : side == 3 ? columns - 1
                                        : 0),
                    side < 2 ? 1 : columns, side < 2 ? columns : rows};
    for (int i = static_cast<int>(threadIdx.x) + reach; i < line.length - reach; i += border_threads) {
        if (!line.set(i) && line.bridged(i, 2 * reach)) line.first[i * line.step] = 1;
    }
}

#define MCFAST_LABEL_KERNELS(X) \
    X(label_unset)              \
    X(join_neighbours)          \
    X(component_sizes)          \
    X(largest_component)        \
    X(keep_component)           \
    X(fill_holes)               \
    X(close_borders)

}  // namespace mcfast::gpu
