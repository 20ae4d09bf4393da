// Bindings of the operations on positions and sizes: resampling, lookup, patches, local maxima.
#include <pybind11/stl.h>

#include "candidates/candidates.h"
#include "lookup/lookup.h"
#include "patches/patches.h"
#include "python/arrays.h"
#include "resample/resample.h"

namespace mcfast::python {

namespace {

using OptionalArray = std::optional<py::array>;

py::array run_resample(const py::array& image, double row_scale, double column_scale, const OptionalArray& out,
                       std::optional<int> threads) {
    check_scale(row_scale, column_scale);  // before it sizes an array
    auto shape = shape_of(image, 2);
    const double scales[] = {row_scale, column_scale};
    for (std::size_t d = 0; d < 2; ++d) shape[d] = resampled_length(shape[d], scales[d]);
    py::array to = result(out, image.dtype(), shape);
    const Array from_view = view_of(image), to_view = view_of(to);
    py::gil_scoped_release released;
    resample(from_view, row_scale, column_scale, to_view, thread_count(threads));
    return to;
}

py::array run_lookup(const py::array& image, const py::array& table, const OptionalArray& out,
                     std::optional<int> threads) {
    py::array to = result(out, py::dtype::of<std::uint16_t>(), shape_of(image, 2));
    const Array from_view = view_of(image), table_view = view_of(table), to_view = view_of(to);
    py::gil_scoped_release released;
    lookup(from_view, table_view, to_view, thread_count(threads));
    return to;
}

py::array run_gather_patches(const py::array& image, const py::array& centres, int size, const OptionalArray& mean,
                             const OptionalArray& std, const OptionalArray& out, std::optional<int> threads) {
    check_range({"gather_patches", "size"}, size, 1, 1024, "1 to 1024 pixels");
    const std::vector<py::ssize_t> shape{centres.ndim() ? centres.shape(0) : 0, 1, size, size};
    py::array to = result(out, py::dtype::of<float>(), shape);
    const Array from_view = view_of(image), centre_view = view_of(centres), to_view = view_of(to);
    const std::optional<Array> mean_view = view_of(mean), std_view = view_of(std);
    py::gil_scoped_release released;
    gather_patches(from_view, centre_view, size, address(mean_view), address(std_view), to_view, thread_count(threads));
    return to;
}

py::array run_stitch(const py::array& patches, std::pair<py::ssize_t, py::ssize_t> shape, std::pair<int, int> stride,
                     const OptionalArray& out, std::optional<int> threads) {
    if (shape.first < 1 || shape.second < 1) {
        refuse({"stitch", "shape"}, "at least (1, 1)",
               "(" + std::to_string(shape.first) + ", " + std::to_string(shape.second) + ")");
    }
    py::array to = result(out, patches.dtype(), std::vector<py::ssize_t>{shape.first, shape.second});
    const Array from_view = view_of(patches), to_view = view_of(to);
    if (to_view.dimensions != 2 || to_view.shape[0] != shape.first || to_view.shape[1] != shape.second) {
        refuse({"stitch", "out"}, "shape (" + std::to_string(shape.first) + ", " + std::to_string(shape.second) + ")",
               shape_text(to_view));
    }
    py::gil_scoped_release released;
    stitch(from_view, stride.first, stride.second, to_view, thread_count(threads));
    return to;
}

py::tuple run_local_maxima(const py::array& image, int radius, double threshold, const OptionalArray& mask,
                           std::optional<int> threads) {
    const Array image_view = view_of(image);
    const std::optional<Array> mask_view = view_of(mask);
    std::vector<LocalMaximum> maxima;
    {
        py::gil_scoped_release released;
        maxima = local_maxima(image_view, radius, threshold, address(mask_view), thread_count(threads));
    }
    const auto n = static_cast<py::ssize_t>(maxima.size());
    py::array_t<std::int32_t> positions({n, py::ssize_t{2}});
    py::array_t<float> values(n);
    auto position = positions.mutable_unchecked<2>();
    auto value = values.mutable_unchecked<1>();
    for (py::ssize_t i = 0; i < n; ++i) {
        const LocalMaximum& maximum = maxima[static_cast<std::size_t>(i)];
        position(i, 0) = maximum.row;
        position(i, 1) = maximum.column;
        value(i) = maximum.value;
    }
    return py::make_tuple(positions, values);
}

}  // namespace

void bind_geometry(py::module_& module) {
    module.def("resample", run_resample, py::arg("image"), py::arg("row_scale"), py::arg("column_scale"),
               py::arg("out") = py::none(), py::arg("threads") = py::none());
    module.def("lookup", run_lookup, py::arg("image"), py::arg("table"), py::arg("out") = py::none(),
               py::arg("threads") = py::none());
    module.def("gather_patches", run_gather_patches, py::arg("image"), py::arg("centres"), py::arg("size"),
               py::arg("mean") = py::none(), py::arg("std") = py::none(), py::arg("out") = py::none(),
               py::arg("threads") = py::none());
    module.def("stitch", run_stitch, py::arg("patches"), py::arg("shape"), py::arg("stride"),
               py::arg("out") = py::none(), py::arg("threads") = py::none());
    module.def("local_maxima", run_local_maxima, py::arg("image"), py::arg("radius"), py::arg("threshold"),
               py::arg("mask") = py::none(), py::arg("threads") = py::none());
}

}  // namespace mcfast::python
