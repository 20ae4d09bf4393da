// The module _cuda: starts kernels by name, and what of CUDA a caller without CuPy or torch needs around them.
//
// Importing it touches no driver. The first call that needs one raises RuntimeError with CUDA's own words.
#include <pybind11/stl.h>

#include <array>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "gpu/kernels.h"
#include "python/cuda_errors.h"
#include "python/cuda_memory.h"

namespace py = pybind11;

namespace mcfast::python {

namespace {

using Extent = std::array<unsigned, 3>;

const gpu::KernelEntry& kernel_of(const std::string& name) {
    static const auto table = [] {
        std::unordered_map<std::string, const gpu::KernelEntry*> map;
        gpu::for_each_kernel([&](const gpu::KernelEntry& entry) { map.emplace(entry.name, &entry); });
        return map;
    }();
    const auto found = table.find(name);
    if (found == table.end()) throw std::invalid_argument("launch(kernel): no kernel is called " + name);
    return *found->second;
}

/// Starts a kernel. Each argument is the bytes of its value; their sizes must be those of the kernel's.
void launch(const std::string& name, const Extent& grid, const Extent& block, std::size_t shared_bytes,
            const std::vector<std::string>& arguments, std::uintptr_t stream, int device) {
    const gpu::KernelEntry& kernel = kernel_of(name);
    bool fits = kernel.argument_count == static_cast<int>(arguments.size());
    for (std::size_t i = 0; fits && i < arguments.size(); ++i) fits = arguments[i].size() == kernel.argument_sizes[i];
    if (!fits) throw std::invalid_argument("launch(arguments): of other sizes than those of " + name);
    std::vector<void*> pointers;
    pointers.reserve(arguments.size());
    for (const std::string& argument : arguments) pointers.push_back(const_cast<char*>(argument.data()));
    const py::gil_scoped_release release;
    const OnDevice guard(device);
    check_cuda(cudaLaunchKernel(kernel.symbol, dim3(grid[0], grid[1], grid[2]), dim3(block[0], block[1], block[2]),
                                pointers.data(), shared_bytes, as_stream(stream)),
               name);
}

std::vector<std::string> kernels() {
    std::vector<std::string> names;
    gpu::for_each_kernel([&](const gpu::KernelEntry& entry) { names.emplace_back(entry.name); });
    return names;
}

int device_count() {
    int count = 0;  // left as it is on failure
    check_cuda(cudaGetDeviceCount(&count), "cudaGetDeviceCount");
    return count;
}

/// (driver, runtime) as CUDA numbers them, 13000 for 13.0; 0 where there is no driver.
std::pair<int, int> versions() {
    int driver = 0, runtime = 0;
    cudaDriverGetVersion(&driver);
    cudaRuntimeGetVersion(&runtime);
    return {driver, runtime};
}

py::dict properties(int device) {
    cudaDeviceProp all{};
    check_cuda(cudaGetDeviceProperties(&all, device), "cudaGetDeviceProperties");
    py::dict result;
    result["name"] = std::string(all.name);
    result["compute_capability"] = std::to_string(all.major) + "." + std::to_string(all.minor);
    result["multiprocessors"] = all.multiProcessorCount;
    result["memory_bytes"] = all.totalGlobalMem;
    result["l2_bytes"] = all.l2CacheSize;
    return result;
}

/// `size` bytes between host and device or within a device, in the order of the stream.
void copy(std::uintptr_t to, std::uintptr_t from, std::size_t size, std::uintptr_t stream, int device) {
    const py::gil_scoped_release release;
    const OnDevice guard(device);
    check_cuda(cudaMemcpyAsync(reinterpret_cast<void*>(to), reinterpret_cast<const void*>(from), size,
                               cudaMemcpyDefault, as_stream(stream)),
               "cudaMemcpyAsync");
}

void synchronize(std::uintptr_t stream, int device) {
    const py::gil_scoped_release release;
    const OnDevice guard(device);
    check_cuda(cudaStreamSynchronize(as_stream(stream)), "cudaStreamSynchronize");
}

/// A stream of its own, which does not wait for the default stream.
class Stream {
  public:
    explicit Stream(int device) : device_(device) {
        const OnDevice guard(device);
        check_cuda(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreate");
    }
    ~Stream() { cudaStreamDestroy(stream_); }
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    std::uintptr_t handle() const { return reinterpret_cast<std::uintptr_t>(stream_); }
    int device() const { return device_; }
    void synchronize() const { python::synchronize(handle(), device_); }

  private:
    cudaStream_t stream_ = nullptr;
    int device_;
};

/// What `record` put on a stream, to be repeated with one call.
class Graph {
  public:
    Graph(const Stream& stream, const py::function& record) {
        const OnDevice guard(stream.device());
        const auto on = as_stream(stream.handle());
        check_cuda(cudaStreamBeginCapture(on, cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
        cudaGraph_t graph = nullptr;
        try {
            record();
        } catch (...) {
            cudaStreamEndCapture(on, &graph);
            if (graph) cudaGraphDestroy(graph);
            cudaGetLastError();
            throw;
        }
        check_cuda(cudaStreamEndCapture(on, &graph), "cudaStreamEndCapture");
        const cudaError_t error = cudaGraphInstantiate(&executable_, graph, 0);
        cudaGraphDestroy(graph);
        check_cuda(error, "cudaGraphInstantiate");
    }
    ~Graph() { cudaGraphExecDestroy(executable_); }
    Graph(const Graph&) = delete;
    Graph& operator=(const Graph&) = delete;

    void launch(const Stream& stream) const {
        const OnDevice guard(stream.device());
        check_cuda(cudaGraphLaunch(executable_, as_stream(stream.handle())), "cudaGraphLaunch");
    }

  private:
    cudaGraphExec_t executable_ = nullptr;
};

/// A point in the order of a stream, with its time.
class Event {
  public:
    Event() { check_cuda(cudaEventCreate(&event_), "cudaEventCreate"); }
    ~Event() { cudaEventDestroy(event_); }
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;

    void record(std::uintptr_t stream) { check_cuda(cudaEventRecord(event_, as_stream(stream)), "cudaEventRecord"); }

    /// Waits until its stream has come to it.
    void synchronize() const {
        const py::gil_scoped_release release;
        check_cuda(cudaEventSynchronize(event_), "cudaEventSynchronize");
    }

    /// Milliseconds from `earlier` to this event; waits for both.
    float since(const Event& earlier) const {
        float milliseconds = 0;
        check_cuda(cudaEventSynchronize(event_), "cudaEventSynchronize");
        check_cuda(cudaEventElapsedTime(&milliseconds, earlier.event_, event_), "cudaEventElapsedTime");
        return milliseconds;
    }

  private:
    cudaEvent_t event_ = nullptr;
};

}  // namespace

}  // namespace mcfast::python

PYBIND11_MODULE(_cuda, module) {
    using namespace mcfast::python;
    module.doc() = "GPU kernels of mcfast, and memory, streams and graphs for them.";
    module.def("kernels", &kernels);
    module.def("device_count", &device_count);
    module.def("versions", &versions);
    module.def("properties", &properties, py::arg("device"));
    module.def("launch", &launch, py::arg("kernel"), py::arg("grid"), py::arg("block"), py::arg("shared_bytes"),
               py::arg("arguments"), py::arg("stream"), py::arg("device"));
    module.def("copy", &copy, py::arg("to"), py::arg("from_"), py::arg("size"), py::arg("stream"), py::arg("device"));
    module.def("synchronize", &synchronize, py::arg("stream"), py::arg("device"));
    bind_memory(module);
    py::class_<Stream>(module, "Stream")
        .def(py::init<int>(), py::arg("device") = 0)
        .def_property_readonly("handle", &Stream::handle)
        .def_property_readonly("device", &Stream::device)
        .def("synchronize", &Stream::synchronize);
    py::class_<Graph>(module, "Graph")
        .def(py::init<const Stream&, const py::function&>(), py::arg("stream"), py::arg("record"))
        .def("launch", &Graph::launch, py::arg("stream"));
    py::class_<Event>(module, "Event")
        .def(py::init<>())
        .def("record", &Event::record, py::arg("stream"))
        .def("synchronize", &Event::synchronize)
        .def("since", &Event::since, py::arg("earlier"));
}
