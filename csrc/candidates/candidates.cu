#include "candidates/candidates.cuh"
#include "gpu/kernel_table.h"

MCFAST_KERNEL_TABLE(candidates, MCFAST_CANDIDATES_KERNELS)
