#include "gpu/kernel_table.h"
#include "morphology/footprint.cuh"
#include "morphology/rectangle.cuh"
#include "morphology/tophat.cuh"

#define MCFAST_MORPHOLOGY_KERNELS(X) MCFAST_RECTANGLE_KERNELS(X) MCFAST_FOOTPRINT_KERNELS(X) MCFAST_TOPHAT_KERNELS(X)
MCFAST_KERNEL_TABLE(morphology, MCFAST_MORPHOLOGY_KERNELS)
