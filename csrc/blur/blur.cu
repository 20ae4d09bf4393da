#include "blur/box.cuh"
#include "gpu/kernel_table.h"

MCFAST_KERNEL_TABLE(blur, MCFAST_BLUR_KERNELS)
