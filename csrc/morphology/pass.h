// One minimum or maximum over a structuring element, computed box by box.
#pragma once

#include <vector>

#include "core/image.h"
#include "morphology/chord_plan.h"
#include "morphology/morphology.h"
#include "morphology/morphology_task.h"

namespace mcfast {

/// What a task's buffers may take. A little more than fits the second-level cache costs less than boxes narrower than
/// the image, whose rows the processor does not fetch ahead by itself.
constexpr std::size_t cache_bytes = 1024 * 1024;

/// The pass over one structuring element: which pixels a box of outputs needs, and the kernel call that computes it.
/// Built once for an image; used by all threads.
template <class T>
class Pass {
  public:
    Pass(Extremum extremum, const Footprint& footprint);

    /// The pixels of a (rows, columns) image that the outputs of `box` depend on.
    Box reach(const Box& box, int rows, int columns) const;

    /// Rows and columns of the boxes that suit the caches.
    int box_rows() const;
    int box_columns() const;

    std::size_t workspace_bytes(const Box& box) const;

    /// Whether the footprint is taken as a smaller one and segments.
    bool is_divided() const { return !segments_.empty(); }

    /// out (of the box's size) = extremum around the pixels of `box`; `channels` are interleaved in the image.
    void run(const Image<const T>& image, const Box& box, const Image<T>& out, char* workspace, int channels = 1) const;

  private:
    RectangleTask<T> rectangle_task(const Box& box) const;
    FootprintTask<T> footprint_task(const Box& box) const;
    CrossTask<T> cross_task(const Box& box) const;
    void divide(const std::vector<Chord>& chords);
    std::size_t core_bytes(const Box& box) const;
    void run_core(const Image<const T>& image, const Box& box, const Image<T>& out, char* workspace) const;
    void run_factors(const Image<const T>& image, const Box& box, const Image<T>& out, char* workspace) const;

    Extremum extremum_;
    Footprint footprint_;
    Reach reach_;       // of the footprint
    ChordPlan chords_;  // of the footprint, or of what is left of it without the segments
    int cross_ = 0;     // side of the square, if that is a square with a pixel at the middle of every side
    std::vector<Segment> segments_;
};

/// Cuts an image into boxes; depends on nothing but its arguments, so that results do not depend on threads.
std::vector<Box> cut(int rows, int columns, int box_rows, int box_columns);

}  // namespace mcfast
