// NumPy arrays as the core sees them.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "core/array.h"

namespace mcfast::python {

namespace py = pybind11;

inline Dtype dtype_of_array(const py::array& array) {
    const py::dtype dtype = array.dtype();
    const char order = dtype.byteorder();
    if (order != '=' && order != '|') return Dtype::other;
    const char kind = dtype.kind();
    const auto size = dtype.itemsize();
    if (kind == 'u' && size == 1) return Dtype::uint8;
    if (kind == 'u' && size == 2) return Dtype::uint16;
    if (kind == 'f' && size == 4) return Dtype::float32;
    if (kind == 'i' && size == 4) return Dtype::int32;
    if (kind == 'b') return Dtype::boolean;
    return Dtype::other;
}

/// No copy, no conversion; whatever does not fit is refused by the core, by name.
inline Array view_of(const py::array& array) {
    Array view;
    view.data = const_cast<void*>(array.data());
    view.dtype = dtype_of_array(array);
    view.dtype_name = py::str(static_cast<const py::object&>(array.dtype())).cast<std::string>();
    view.writable = array.writeable();
    view.dimensions = static_cast<int>(array.ndim());
    for (int d = 0; d < std::min(view.dimensions, Array::most_dimensions); ++d) {
        view.shape[d] = array.shape(d);
        view.strides[d] = array.strides(d);
    }
    return view;
}

inline std::optional<Array> view_of(const std::optional<py::array>& array) {
    if (!array) return std::nullopt;
    return view_of(*array);
}

inline const Array* address(const std::optional<Array>& array) {
    return array ? &*array : nullptr;
}

/// `out` if it is given, else a new array; an impossible shape is left for the core to refuse.
template <class Shape>
py::array result(const std::optional<py::array>& out, const py::dtype& dtype, const Shape& shape) {
    return out ? *out : py::array(dtype, shape);
}

inline std::vector<py::ssize_t> shape_of(const py::array& array, py::ssize_t dimensions) {
    std::vector<py::ssize_t> shape(static_cast<std::size_t>(dimensions), 1);
    for (py::ssize_t d = 0; d < dimensions && d < array.ndim(); ++d)
        shape[static_cast<std::size_t>(d)] = array.shape(d);
    return shape;
}

/// The core's number for `threads`: 0 is the default, and no caller can state it.
inline int thread_count(std::optional<int> threads) {
    return !threads ? 0 : *threads < 1 ? -1 : *threads;
}

void bind_filters(py::module_& module);
void bind_geometry(py::module_& module);
void bind_networks(py::module_& module);

}  // namespace mcfast::python
