#include "gpu/kernel_table.h"
#include "guided/guided.cuh"

MCFAST_KERNEL_TABLE(guided, MCFAST_GUIDED_KERNELS)
