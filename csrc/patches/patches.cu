#include "gpu/kernel_table.h"
#include "patches/patches.cuh"

MCFAST_KERNEL_TABLE(patches, MCFAST_PATCHES_KERNELS)
