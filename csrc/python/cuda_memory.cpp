#include "python/cuda_memory.h"

#include <memory>
#include <vector>

#include "python/cuda_errors.h"

namespace mcfast::python {

namespace py = pybind11;

namespace {

// The layout that DLPack 0.x defines (https://dmlc.github.io/dlpack): what every library reads from a "dltensor".
struct DlTensor {
    void* data;
    std::int32_t device_type, device_id;
    std::int32_t dimensions;
    std::uint8_t code, bits;
    std::uint16_t lanes;
    std::int64_t *shape, *strides;
    std::uint64_t byte_offset;
};
struct DlManagedTensor {
    DlTensor tensor;
    void* context;
    void (*deleter)(DlManagedTensor*);
};
constexpr std::int32_t dl_cuda = 2;

/// What a managed tensor points into.
struct Exported {
    py::object owner;
    std::vector<std::int64_t> shape, strides;
    DlManagedTensor managed{};
};

void release(DlManagedTensor* managed) {
    const py::gil_scoped_acquire lock;
    delete static_cast<Exported*>(managed->context);
}

/// A capsule that nobody has taken still owns its tensor; one that was taken has another name.
void drop_capsule(PyObject* capsule) {
    if (!PyCapsule_IsValid(capsule, "dltensor")) return;
    auto* managed = static_cast<DlManagedTensor*>(PyCapsule_GetPointer(capsule, "dltensor"));
    managed->deleter(managed);
}

}  // namespace

DeviceMemory::DeviceMemory(std::size_t size, int device, std::uintptr_t stream)
    : size_(size), device_(device), stream_(stream) {
    const OnDevice guard(device);
    check_cuda(cudaMallocAsync(&data_, size, as_stream(stream)),
               "cudaMallocAsync of " + std::to_string(size) + " bytes");
}

DeviceMemory::~DeviceMemory() {
    // At the interpreter's end the driver may be gone already; there is nobody left to tell.
    if (cudaFreeAsync(data_, as_stream(stream_)) != cudaSuccess) cudaGetLastError();
}

PinnedMemory::PinnedMemory(std::size_t size) : size_(size) {
    check_cuda(cudaHostAlloc(&data_, size, cudaHostAllocDefault),
               "cudaHostAlloc of " + std::to_string(size) + " bytes");
}

PinnedMemory::~PinnedMemory() {
    cudaFreeHost(data_);
}

py::capsule dlpack_capsule(py::object owner, std::uintptr_t pointer, const py::tuple& shape, int code, int bits,
                           int device) {
    auto exported = std::make_unique<Exported>();
    exported->owner = std::move(owner);
    for (const auto& side : shape) exported->shape.push_back(side.cast<std::int64_t>());
    exported->strides.resize(exported->shape.size());
    std::int64_t step = 1;
    for (std::size_t i = exported->shape.size(); i-- > 0;) {
        exported->strides[i] = step;
        step *= exported->shape[i];
    }
    exported->managed.tensor = {reinterpret_cast<void*>(pointer),
                                dl_cuda,
                                device,
                                static_cast<std::int32_t>(exported->shape.size()),
                                static_cast<std::uint8_t>(code),
                                static_cast<std::uint8_t>(bits),
                                1,
                                exported->shape.data(),
                                exported->strides.data(),
                                0};
    exported->managed.context = exported.get();
    exported->managed.deleter = release;
    return py::capsule(&exported.release()->managed, "dltensor", drop_capsule);
}

void bind_memory(py::module_& module) {
    py::class_<DeviceMemory>(module, "DeviceMemory")
        .def(py::init<std::size_t, int, std::uintptr_t>(), py::arg("size"), py::arg("device"), py::arg("stream"))
        .def_property_readonly("pointer", &DeviceMemory::pointer)
        .def_property_readonly("size", &DeviceMemory::size)
        .def_property_readonly("device", &DeviceMemory::device);
    py::class_<PinnedMemory>(module, "PinnedMemory", py::buffer_protocol())
        .def(py::init<std::size_t>(), py::arg("size"))
        .def_property_readonly("size", &PinnedMemory::size)
        .def_buffer([](PinnedMemory& memory) {
            return py::buffer_info(memory.data(), 1, py::format_descriptor<std::uint8_t>::format(),
                                   static_cast<py::ssize_t>(memory.size()));
        });
    module.def("dlpack_capsule", &dlpack_capsule, py::arg("owner"), py::arg("pointer"), py::arg("shape"),
               py::arg("code"), py::arg("bits"), py::arg("device"));
}

}  // namespace mcfast::python
