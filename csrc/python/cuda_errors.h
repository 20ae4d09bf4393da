// What a CUDA call says, as a Python exception.
#pragma once

#include <cuda_runtime_api.h>

#include <stdexcept>
#include <string>

namespace mcfast::python {

/// Throws RuntimeError with the call, CUDA's name and text of the error, and the mend where there is one.
inline void check_cuda(cudaError_t error, const std::string& call) {
    if (error == cudaSuccess) return;
    std::string text = call + ": " + cudaGetErrorName(error) + ", " + cudaGetErrorString(error);
    if (error == cudaErrorInsufficientDriver) text += "; the NVIDIA driver is missing or older than this build needs";
    cudaGetLastError();  // a later call must not report it again
    throw std::runtime_error(text);
}

/// Makes `device` the current one while it lives.
class OnDevice {
  public:
    explicit OnDevice(int device) {
        check_cuda(cudaGetDevice(&before_), "cudaGetDevice");
        if (device != before_) check_cuda(cudaSetDevice(device), "cudaSetDevice");
    }
    ~OnDevice() { cudaSetDevice(before_); }
    OnDevice(const OnDevice&) = delete;
    OnDevice& operator=(const OnDevice&) = delete;

  private:
    int before_ = 0;
};

inline cudaStream_t as_stream(std::uintptr_t handle) {
    return reinterpret_cast<cudaStream_t>(handle);
}

}  // namespace mcfast::python
