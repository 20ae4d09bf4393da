// Compiled once per instruction level, with that level's flags: everything a level knows.
#include "blur/box_kernel.h"
#include "blur/gaussian_kernel.h"
#include "candidates/candidates_kernel.h"
#include "core/kernels.h"
#include "fsrcnn/fsrcnn_kernel.h"
#include "fsrcnn/peak_kernel.h"
#include "guided/guided_kernel.h"
#include "lookup/lookup_kernel.h"
#include "morphology/cross_kernel.h"
#include "morphology/footprint_kernel.h"
#include "morphology/rectangle_kernel.h"
#include "morphology/sweep_kernel.h"
#include "patches/patches_kernel.h"
#include "resample/resample_kernel.h"

#define MCFAST_TEXT_OF(name) #name
#define MCFAST_TEXT(name) MCFAST_TEXT_OF(name)

namespace mcfast::MCFAST_LEVEL {

template <class T>
constexpr KernelsOf<T> kernels_of{rectangle_extremum<T>,
                                  footprint_extremum<T>,
                                  cross_extremum<T>,
                                  sweep<T>,
                                  subtract_rows<T>,
                                  box_mean<T>,
                                  gaussian_blur<T>,
                                  guided_filter<T>,
                                  resample<T>,
                                  gather_patches<T>,
                                  stitch<T>,
                                  scan_maxima<T>,
                                  fsrcnn<T>};

extern const Kernels table;
const Kernels table{MCFAST_TEXT(MCFAST_LEVEL), kernels_of<std::uint8_t>,   kernels_of<std::uint16_t>, kernels_of<float>,
                    lookup_rows<std::uint8_t>, lookup_rows<std::uint16_t>, multiply_add_chains,       widest_block};

}  // namespace mcfast::MCFAST_LEVEL
