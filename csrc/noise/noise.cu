#include "gpu/kernel_table.h"
#include "noise/noise.cuh"

MCFAST_KERNEL_TABLE(noise, MCFAST_NOISE_KERNELS)
