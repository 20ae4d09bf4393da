#include "gpu/kernel_table.h"
#include "lookup/lookup.cuh"

MCFAST_KERNEL_TABLE(lookup, MCFAST_LOOKUP_KERNELS)
