// Memory of a GPU and pinned memory of the host, as Python objects.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>

namespace mcfast::python {

/// Device memory, allocated in the order of a stream and freed in that order when the last reference goes. The stream
/// must outlast it.
class DeviceMemory {
  public:
    DeviceMemory(std::size_t size, int device, std::uintptr_t stream);
    ~DeviceMemory();
    DeviceMemory(const DeviceMemory&) = delete;
    DeviceMemory& operator=(const DeviceMemory&) = delete;

    std::uintptr_t pointer() const { return reinterpret_cast<std::uintptr_t>(data_); }
    std::size_t size() const { return size_; }
    int device() const { return device_; }

  private:
    void* data_ = nullptr;
    std::size_t size_;
    int device_;
    std::uintptr_t stream_;
};

/// Page-locked host memory: copies between it and a GPU run beside the host and at full speed. A buffer for NumPy.
class PinnedMemory {
  public:
    explicit PinnedMemory(std::size_t size);
    ~PinnedMemory();
    PinnedMemory(const PinnedMemory&) = delete;
    PinnedMemory& operator=(const PinnedMemory&) = delete;

    void* data() const { return data_; }
    std::size_t size() const { return size_; }

  private:
    void* data_ = nullptr;
    std::size_t size_;
};

/// A DLPack capsule of packed memory at `pointer` that `owner` keeps alive. `code` and `bits` are DLPack's.
pybind11::capsule dlpack_capsule(pybind11::object owner, std::uintptr_t pointer, const pybind11::tuple& shape, int code,
                                 int bits, int device);

void bind_memory(pybind11::module_& module);

}  // namespace mcfast::python
