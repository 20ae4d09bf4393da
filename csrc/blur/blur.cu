#include "blur/box.cuh"
#include "blur/gaussian.cuh"
#include "gpu/kernel_table.h"

#define MCFAST_ALL_BLUR_KERNELS(X) MCFAST_BLUR_KERNELS(X) MCFAST_GAUSSIAN_KERNELS(X)
MCFAST_KERNEL_TABLE(blur, MCFAST_ALL_BLUR_KERNELS)
