# Decides whether to build _cuda, and builds it.

set(mcfast_build_cuda OFF)
if(MCFAST_CUDA STREQUAL "ON")
  set(mcfast_build_cuda ON)
elseif(MCFAST_CUDA STREQUAL "AUTO" AND (EXISTS /proc/driver/nvidia/version OR EXISTS /dev/dxg))
  set(mcfast_build_cuda ON)
endif()

if(mcfast_build_cuda)
  if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES AND NOT DEFINED ENV{CUDAARCHS})
    if(MCFAST_CUDA STREQUAL "ON")
      set(CMAKE_CUDA_ARCHITECTURES 75-real 80-real 86-real 89-real 90-real 100-real 120)
    else()
      set(CMAKE_CUDA_ARCHITECTURES native)
    endif()
  endif()
  include(CheckLanguage)
  check_language(CUDA)
  if(CMAKE_CUDA_COMPILER)
    enable_language(CUDA)
    find_package(CUDAToolkit 12.0)
  endif()
  if(NOT CMAKE_CUDA_COMPILER OR NOT CUDAToolkit_FOUND)
    if(MCFAST_CUDA STREQUAL "ON")
      message(FATAL_ERROR "MCFAST_CUDA=ON needs nvcc 12.0 or later; put it on the PATH, or set MCFAST_CUDA=OFF")
    endif()
    set(mcfast_build_cuda OFF)
  endif()
endif()
message(STATUS "mcfast: GPU module ${mcfast_build_cuda} (MCFAST_CUDA=${MCFAST_CUDA})")
if(NOT mcfast_build_cuda)
  return()
endif()

add_library(
  mcfast_kernels OBJECT
  csrc/blur/blur.cu
  csrc/candidates/candidates.cu
  csrc/guided/guided.cu
  csrc/lookup/lookup.cu
  csrc/magnify/magnify.cu
  csrc/mask/mask.cu
  csrc/morphology/morphology.cu
  csrc/noise/noise.cu
  csrc/patches/patches.cu
  csrc/resample/resample.cu
  csrc/residual/residual.cu
  csrc/selection/selection.cu
  csrc/spots/spots.cu
  csrc/suppression/suppression.cu
  csrc/tone/tone.cu)
target_include_directories(mcfast_kernels PRIVATE csrc)
target_compile_features(mcfast_kernels PRIVATE cuda_std_17)
# No contraction into fused multiply-add, as on the CPU: the kernels wait for memory, and the bits stay the same.
target_compile_options(mcfast_kernels PRIVATE -fmad=false)
set_target_properties(mcfast_kernels PROPERTIES CUDA_RUNTIME_LIBRARY Static CUDA_VISIBILITY_PRESET hidden)

pybind11_add_module(_cuda NO_EXTRAS csrc/python/cuda_module.cpp csrc/python/cuda_memory.cpp
                    $<TARGET_OBJECTS:mcfast_kernels>)
target_link_libraries(_cuda PRIVATE mcfast_flags CUDA::cudart_static)
set_target_properties(_cuda PROPERTIES CUDA_RUNTIME_LIBRARY Static)
install(TARGETS _cuda LIBRARY DESTINATION mcfast)
