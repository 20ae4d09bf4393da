#include "gpu/kernel_table.h"
#include "magnify/magnify.cuh"

MCFAST_KERNEL_TABLE(magnify, MCFAST_MAGNIFY_KERNELS)
