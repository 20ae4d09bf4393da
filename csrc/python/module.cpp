// The extension module mcfast._core: bindings only.
#include <pybind11/pybind11.h>

#include "core/kernels.h"
#include "core/thread_pool.h"
#include "python/arrays.h"

namespace py = pybind11;

PYBIND11_MODULE(_core, module) {
    module.doc() = "Native operations of mcfast. Called through mcfast.ops, which documents them.";
    // Base-class order: the translator registered last is asked first.
    py::register_exception_translator([](std::exception_ptr pointer) {
        try {
            if (pointer) std::rethrow_exception(pointer);
        } catch (const mcfast::TypeError& error) {
            py::set_error(PyExc_TypeError, error.what());
        } catch (const mcfast::ValueError& error) {
            py::set_error(PyExc_ValueError, error.what());
        }
    });
    module.def("cpu_level", [] { return mcfast::kernels().level; }, "Instruction level of the kernels in use.");
    module.def("default_threads", &mcfast::default_threads, "Threads used when a caller states none.");
    mcfast::python::bind_filters(module);
    mcfast::python::bind_geometry(module);
    mcfast::python::bind_networks(module);
}
