// Dehazing by the dark channel prior (He, Sun and Tang 2011), with the airlight at white (Bria et al. 2018).
//
//   d = min(I) over a window               the dark channel of one gray channel, I in [0, 1]
//   d <- guided filter of d, guided by I   in place of soft matting (He, Sun and Tang 2013)
//   t = max(1 - omega d, t_min)            equation 12
//   J = (I - 1) / t + 1                    equation 22 with an airlight of 1, clipped to [0, 1]
//
// In strips of rows: a strip's dark channel goes straight into the guided filter's sums, and its coefficients straight
// into J. O(1) per pixel in both windows.
#pragma once

#include "core/array.h"

namespace mcfast {

struct DehazeParameters {
    int window_rows, window_columns;  // of the dark channel, odd
    int radius;                       // of the guided filter
    double omega, eps, t_min;         // eps in squared units of the intensity in [0, 1]
    double white;                     // intensity of white
};

/// out = radiance of the image, of its dtype.
void dehaze(const Array& image, const DehazeParameters& parameters, const Array& out, int threads);

}  // namespace mcfast
