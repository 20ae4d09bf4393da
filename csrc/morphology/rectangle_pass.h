// One minimum or maximum over a rectangle, computed box by box.
#pragma once

#include <vector>

#include "core/image.h"
#include "morphology/morphology.h"
#include "morphology/morphology_task.h"

namespace mcfast {

/// What a task's buffers may take. A little more than fits the second-level cache costs less than boxes narrower than
/// the image, whose rows the processor does not fetch ahead by itself.
constexpr std::size_t cache_bytes = 1024 * 1024;

/// The pass over a rectangle: which pixels a box of outputs needs, and the kernel call that computes it. Built once for
/// an image; used by all threads.
template <class T>
class RectanglePass {
  public:
    RectanglePass(Extremum extremum, const Footprint& footprint)
        : extremum_(extremum), window_rows_(footprint.rows), window_columns_(footprint.columns) {}

    /// The pixels of a (rows, columns) image that the outputs of `box` depend on.
    Box reach(const Box& box, int rows, int columns) const;

    /// Rows and columns of the boxes that suit the caches.
    int box_rows() const;
    int box_columns() const;

    std::size_t workspace_bytes(const Box& box) const;

    /// out (of the box's size) = extremum around the pixels of `box`; `channels` are interleaved in the image.
    void run(const Image<const T>& image, const Box& box, const Image<T>& out, char* workspace, int channels = 1) const;

  private:
    RectangleTask<T> task(const Box& box) const { return {{}, {}, 1, 0, window_rows_, window_columns_, box}; }

    Extremum extremum_;
    int window_rows_, window_columns_;
};

/// Cuts an image into boxes; depends on nothing but its arguments, so that results do not depend on threads.
std::vector<Box> cut(int rows, int columns, int box_rows, int box_columns);

}  // namespace mcfast
