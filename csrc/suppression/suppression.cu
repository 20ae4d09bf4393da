#include "gpu/kernel_table.h"
#include "suppression/suppression.cuh"

MCFAST_KERNEL_TABLE(suppression, MCFAST_SUPPRESSION_KERNELS)
