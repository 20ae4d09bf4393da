#include "gpu/kernel_table.h"
#include "selection/selection.cuh"

MCFAST_KERNEL_TABLE(selection, MCFAST_SELECTION_KERNELS)
