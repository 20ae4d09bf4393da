#include "gpu/kernel_table.h"
#include "mask/mask.cuh"

MCFAST_KERNEL_TABLE(mask, MCFAST_MASK_KERNELS)
