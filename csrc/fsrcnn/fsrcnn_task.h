// What the FSRCNN kernel is given, and the memory that it works in.
#pragma once

#include <cstdint>

#include "core/image.h"
#include "core/workspace.h"

namespace mcfast {

/// One layer's weights as its kernel reads them: outputs in blocks (a multiple of 4 together, zeros where the network
/// has fewer), each block's weights one after another in the order of the sum: [point][input][tap][output of block].
struct FsrcnnLayer {
    const float* weights;
    const float *bias, *slope;  // (outputs,); slope of the PReLU below zero
    int inputs, outputs;
    int outputs_in_file;
};

/// FSRCNN(d, s, m): 5x5 to d maps, 1x1 to s, m times 3x3, 1x1 to d, 9x9 deconvolution of stride 2.
struct FsrcnnWeights {
    static constexpr int most_mappings = 16;

    FsrcnnLayer feature, shrink, mappings[most_mappings], expand, deconvolution;
    int m;
};

/// Input pixels that the network needs around those under its output: 2 of the 5x5, 1 of each 3x3, 2 of the
/// deconvolution.
constexpr int fsrcnn_halo(int m) {
    return 4 + m;
}

/// Magnify `box` of the image; pixel (0, 0) of `out` lies at the first pixel of row `out_top` and column `out_left`.
/// With a mask, `box` holds its pixels in `tile` and may be empty; the others of `tile` are interpolated.
template <class T>
struct FsrcnnTask {
    Image<const T> image;
    Image<const std::uint8_t> mask;  // of the image's size; null data is all of it
    const FsrcnnWeights* weights;
    float white;
    float low, high;  // what results are clipped to
    Box tile, box;
    Image<T> out;
    int out_top, out_left;
};

/// Columns that one pass of a layer works on: its maps then stay in the first caches. A multiple of every block.
constexpr int fsrcnn_chunk = 96;

/// The same for the d maps of the first layer, of which four rows are made at once.
constexpr int fsrcnn_feature_chunk = 32;

/// Rows that a ring of maps holds: four that are new, and the older ones that the next layer still needs.
constexpr int ring_of_3x3 = 6, ring_of_deconvolution = 8;

struct FsrcnnLayout : Layout {
    FsrcnnLayout(const FsrcnnWeights& w, int columns, char* base)
        : Layout(base),
          stride((columns + 2 * fsrcnn_halo(w.m) + 31) / 16 * 16 + 16),
          shrunk(w.shrink.outputs),
          wide(w.expand.outputs),
          pixels(take<float>(size(8))),
          pixel_points(take<float>(size(8))),
          features(take<float>(std::size_t(w.feature.outputs) * 4 * fsrcnn_feature_chunk)),
          narrow_rings(take<float>(size((w.m + 1) * ring_of_3x3 * shrunk))),
          wide_ring(take<float>(size(ring_of_deconvolution * wide))),
          points(take<float>(std::size_t(8) * (shrunk > wide ? shrunk : wide) * chunk_stride)) {}

    /// Room for the taps beyond a chunk. Not a power of two, or the points of a map would share one set of the cache.
    static constexpr int chunk_stride = fsrcnn_chunk + 16;

    int stride;           // floats from one map's row to the next map's
    int shrunk, wide;     // maps in a narrow and in the wide ring
    float* pixels;        // 8 rows of the image, in units of white
    float* pixel_points;  // those, transformed
    float* features;      // the d maps of a chunk of four rows
    float* narrow_rings;  // what the shrinking and each mapping layer give
    float* wide_ring;     // what the expanding layer gives
    float* points;        // a chunk of a layer's input, transformed

  private:
    std::size_t size(int rows) const { return std::size_t(rows) * std::size_t(stride); }
};

}  // namespace mcfast
