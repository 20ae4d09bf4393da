#include "gpu/kernel_table.h"
#include "resample/resample.cuh"

MCFAST_KERNEL_TABLE(resample, MCFAST_RESAMPLE_KERNELS)
