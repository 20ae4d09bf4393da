#include "gpu/kernel_table.h"
#include "residual/residual.cuh"

MCFAST_KERNEL_TABLE(residual, MCFAST_RESIDUAL_KERNELS)
