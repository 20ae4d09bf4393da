#include "mask/mask.cuh"

#include "gpu/kernel_table.h"
#include "mask/air.cuh"
#include "mask/coarse.cuh"
#include "mask/texture.cuh"

#define MCFAST_ALL_MASK_KERNELS(X) \
    MCFAST_COARSE_KERNELS(X)       \
    MCFAST_AIR_KERNELS(X) MCFAST_TEXTURE_KERNELS(X) MCFAST_LABEL_KERNELS(X) MCFAST_MASK_KERNELS(X)
MCFAST_KERNEL_TABLE(mask, MCFAST_ALL_MASK_KERNELS)
