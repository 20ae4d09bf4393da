// The extremum over a footprint, for the columns of a box, from top to bottom.
//
//   factors.h         divides a footprint into slanted segments and a core, exactly, where that can be done
//   footprint_plan.h  decides whether it pays, and whether the core is a square with four pixels (a cross)
//   footprint_pass.h  (this) has the rows made, band by band: by which kernel, from where, to where
//   sweep_kernel.h    one segment; cross_kernel.h and footprint_kernel.h: the core, as a cross or by any chords
//
// Stage after stage: the image's rows with what lies outside, the footprint's segments, the rest of it.
//
//   image -copy-> pixels -sweep-> rows -sweep-> rows -core-> out: an image, or the pixels of the pass after this one
//
// A band of rows is made at a time, and each stage keeps no more rows than the next one reads, so that all of them stay
// in the second-level cache.
//
// Rows of a stage count from the topmost one that the first output needs: row y of a stage is made of rows y and below
// of the stage before. Columns of a stage count from `left_`, a column of the image that may lie outside of it:
//
//   left_         needed_.left      box_.left           box_.right     needed_.right
//     |  slack  |  only where it ends  |  pixels  |  outputs  |  pixels  |  only where it ends  |  slack  |
//               |<------------- what the footprint reaches from the outputs ------------->|
//
// `slack` is what kernels may read and overwrite beside their columns. `left_` is chosen such that loads and stores are
// aligned where there are most of them.
#pragma once

#include <vector>

#include "core/image.h"
#include "core/workspace.h"
#include "morphology/footprint_plan.h"

namespace mcfast {

template <class T>
class FootprintPass {
  public:
    /// For the pixels of `box` in an image of `inside`, of which the first is stored `past` values past the beginning
    /// of a cache line. Made without a workspace, a pass only tells how many `bytes` of one it takes.
    FootprintPass(Extremum extremum, const FootprintPlan& plan, const Box& box, const Box& inside, int past,
                  char* workspace);

    std::size_t bytes() const { return layout_.bytes(); }

    /// The pixels of the image that the outputs depend on.
    const Box& needed() const { return needed_; }

    /// How far past the beginning of a cache line it reads their first column.
    int past() const { return column_of(needed_.left) % ShearedRows<T>::line; }

    void read(const Image<const T>& image) { image_ = image; }

    /// From a pass over the box `needed()`.
    void read(FootprintPass& before);

    /// To an image of the box's size; with `pixels`, its difference from them.
    void write(const Image<T>& out, const Image<const T>& pixels = {});

    /// Makes a band of rows more, as many as are left of it.
    void make_band();

    void make_all() {
        while (out_.top < box_.rows()) make_band();
    }

  private:
    /// The rows of a stage, and how many there are already.
    struct Stage {
        ShearedRows<T> rows;
        int made = 0;
    };

    int column_of(int column) const { return column - left_; }
    /// The image's row that the first output's topmost pixel lies in.
    int first_row() const { return box_.top + plan_.reach.first_row; }

    Stage make_stage(const Segment& step, int depth);
    void make_core_buffers();
    void make_rows(std::size_t stage, int until);
    void make_pixel_row();
    Image<const T> next_pixels() const;
    CrossTask<T> cross_task() const;
    FootprintTask<T> footprint_task() const;

    Extremum extremum_;
    const FootprintPlan& plan_;
    Box box_, needed_;
    int left_;  // column 0 of the stages' rows, as a column of the image
    Layout layout_;
    std::ptrdiff_t pitch_ = 0;
    std::vector<Stage> stages_;  // the image's rows, then one for each segment
    Stage along_;                // of a cross
    T *ping_ = nullptr, *pong_ = nullptr;
    char* core_ = nullptr;
    Image<const T> image_;
    FootprintPass* before_ = nullptr;
    RowsOut<T> out_{};
};

}  // namespace mcfast
