// The part of an image that counts, which is known on the device alone.
#pragma once

#include "gpu/pixel.h"

namespace mcfast::gpu {

constexpr int part_threads = 64, part_rows = 4;

/// The box of what counts, in an image of whatever size.
struct Part {
    int row, column, rows, columns;

    static MC_DEVICE Part of(const int* part) { return {part[0], part[1], part[2], part[3]}; }
    MC_DEVICE bool holds(int y, int x) const { return y < rows && x < columns; }
};

}  // namespace mcfast::gpu
