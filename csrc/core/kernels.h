// The table of kernels: one function pointer per kernel and pixel type, one table per CPU level.
//
// core/level.cpp is compiled once per level and fills its table; kernels() gives the table of the level that this
// processor has. To add a kernel: its task struct in <noun>/<noun>_task.h, its body in <noun>/<noun>_kernel.h, a
// pointer here, a line in core/level.cpp.
#pragma once

#include <cstdint>

#include "blur/blur_task.h"
#include "core/image.h"
#include "fsrcnn/fsrcnn_task.h"
#include "guided/guided_task.h"
#include "morphology/morphology_task.h"
#include "patches/patches_task.h"
#include "resample/resample_task.h"

namespace mcfast {

template <class T>
struct KernelsOf {
    void (*rectangle_extremum)(Extremum, const RectangleTask<T>&, char* workspace);
    void (*footprint_extremum)(Extremum, const FootprintTask<T>&, char* workspace);
    void (*cross_extremum)(Extremum, const CrossTask<T>&);
    void (*sweep)(Extremum, const SweepTask<T>&);
    void (*subtract_rows)(const Image<const T>&, const Image<const T>&, const Image<T>&);
    void (*box_mean)(const BoxTask<T>&, char* workspace);
    void (*gaussian_blur)(const GaussianTask<T>&, char* workspace);
    void (*guided_filter)(const GuidedTask<T>&, char* workspace);
    void (*resample)(const ResampleTask<T>&, char* workspace);
    void (*gather_patches)(const GatherTask<T>&, int begin, int end);
    void (*stitch)(const StitchTask<T>&, int top, int bottom, char* workspace);
    int (*scan_maxima)(const Image<const T>&, const T* highest, const std::uint8_t* mask, int y, int radius,
                       double threshold, int* found);
    void (*fsrcnn)(const FsrcnnTask<T>&, char* workspace);
};

struct Kernels {
    const char* level;
    KernelsOf<std::uint8_t> of_uint8;
    KernelsOf<std::uint16_t> of_uint16;
    KernelsOf<float> of_float32;
    void (*lookup_uint8)(const Image<const std::uint8_t>&, const std::uint16_t* table, const Image<std::uint16_t>&,
                         int top, int bottom);
    void (*lookup_uint16)(const Image<const std::uint16_t>&, const std::uint16_t* table, const Image<std::uint16_t>&,
                          int top, int bottom);
    double (*multiply_add_chains)(long rounds, float* result);
    int fsrcnn_block;  // outputs that its kernel computes together, at most

    template <class T>
    const KernelsOf<T>& of() const {
        if constexpr (sizeof(T) == 1) {
            return of_uint8;
        } else if constexpr (sizeof(T) == 2) {
            return of_uint16;
        } else {
            return of_float32;
        }
    }

    template <class T>
    void lookup_rows(const Image<const T>& image, const std::uint16_t* table, const Image<std::uint16_t>& out, int top,
                     int bottom) const {
        if constexpr (sizeof(T) == 1) {
            lookup_uint8(image, table, out, top, bottom);
        } else {
            lookup_uint16(image, table, out, top, bottom);
        }
    }
};

/// The table in use: the highest level this processor has, or the one that MCFAST_CPU_LEVEL names. Throws ValueError
/// if that one is unknown or not there.
const Kernels& kernels();

}  // namespace mcfast
