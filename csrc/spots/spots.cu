#include "gpu/kernel_table.h"
#include "spots/spots.cuh"

MCFAST_KERNEL_TABLE(spots, MCFAST_SPOTS_KERNELS)
