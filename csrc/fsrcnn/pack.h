// Weights of an ONNX file in the order in which the kernels read them.
#pragma once

#include <vector>

#include "fsrcnn/fsrcnn.h"

namespace mcfast {

/// Numbers of one layer, packed for blocks of at most `widest` outputs.
struct PackedLayer {
    std::vector<float> weights, bias, slope;
    int inputs, outputs, outputs_in_file;
};

/// A layer of k x k taps. 3x3 is packed at the six points of F(4, 3), 5x5 at the eight of F(4, 5).
PackedLayer pack_convolution(const FsrcnnArrays& layer, int widest);

/// The deconvolution, as four convolutions of 5x5 taps (19 of them zero) at the eight points of F(4, 5).
PackedLayer pack_deconvolution(const FsrcnnArrays& layer);

}  // namespace mcfast
