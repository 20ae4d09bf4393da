// FSRCNN (Dong, Loy and Tang 2016): an image at twice its size, by the whole network in one pass over it.
#pragma once

#include <memory>
#include <vector>

#include "core/array.h"
#include "core/image.h"
#include "fsrcnn/fsrcnn_task.h"

namespace mcfast {

/// One layer as an ONNX file holds it, float32: weight (outputs, inputs, rows, columns), bias (outputs,), slope of the
/// PReLU (outputs,). The deconvolution's weight is (inputs, 1, 9, 9), and it has no slope.
struct FsrcnnArrays {
    Array weight, bias;
    const Array* slope;
};

/// Where to write the magnified box of an image.
struct FsrcnnPart {
    Box box;
    Array out;
};

/// A network made ready for this processor's kernels. Immutable: any number of threads may use it.
class Fsrcnn {
  public:
    /// Layers in order: 5x5, 1x1, m times 3x3, 1x1, deconvolution. Throws TypeError or ValueError unless they are
    /// FSRCNN(d, s, m) with d, s from 1 to 256 and m from 0 to 16.
    explicit Fsrcnn(const std::vector<FsrcnnArrays>& layers);

    int d() const { return weights_.feature.outputs_in_file; }
    int s() const { return weights_.shrink.outputs_in_file; }
    int m() const { return weights_.m; }

    /// Magnify parts of an image of uint8, uint16 or float32 with values 0 .. white, each into an array of its dtype
    /// and twice its box's size. Pixels whose `mask` (bool, the image's size, or null) is not set are interpolated
    /// linearly, as `resample` does.
    /// `tile` is the longest side of a tile, or 0. `clip` to 0 .. white may be false for float32 only.
    void magnify(const Array& image, double white, const std::vector<FsrcnnPart>& parts, const Array* mask, int tile,
                 bool clip, int threads) const;

  private:
    std::vector<std::vector<float>> memory_;
    FsrcnnWeights weights_;
};

/// Floating-point operations per second that `threads` threads reach together in a loop of multiply-adds that stays in
/// registers, over about `seconds`.
double peak_flops(int threads, double seconds);

}  // namespace mcfast
