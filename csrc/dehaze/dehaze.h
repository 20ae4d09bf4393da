// Dehazing by the dark channel prior, with the airlight at white (Bria et al. 2018).
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
