#include "tone/tone.cuh"

#include "gpu/kernel_table.h"
MCFAST_KERNEL_TABLE(tone, MCFAST_TONE_KERNELS)
