// Bindings of networks that run in the core.
#include <pybind11/stl.h>

#include "fsrcnn/fsrcnn.h"
#include "python/arrays.h"

namespace mcfast::python {

namespace {

/// Weight, bias, slope.
using Layer = std::tuple<py::array, py::array, std::optional<py::array>>;
using Corners = std::tuple<int, int, int, int>;

Fsrcnn make_fsrcnn(const std::vector<Layer>& layers) {
    std::vector<std::optional<Array>> slopes(layers.size());
    std::vector<FsrcnnArrays> arrays;
    for (std::size_t i = 0; i < layers.size(); ++i) {
        slopes[i] = view_of(std::get<2>(layers[i]));
        arrays.push_back({view_of(std::get<0>(layers[i])), view_of(std::get<1>(layers[i])), address(slopes[i])});
    }
    return Fsrcnn(arrays);
}

void magnify(const Fsrcnn& network, const py::array& image, double white, const std::vector<Corners>& boxes,
             const std::vector<py::array>& outs, const std::optional<py::array>& mask, std::optional<int> tile,
             bool clip, std::optional<int> threads) {
    if (boxes.size() != outs.size()) {
        refuse({"super_resolve", "out"}, "one for each of " + std::to_string(boxes.size()) + " boxes",
               std::to_string(outs.size()));
    }
    std::vector<FsrcnnPart> parts;
    for (std::size_t i = 0; i < boxes.size(); ++i) {
        const auto& [row0, column0, row1, column1] = boxes[i];
        parts.push_back({{row0, row1, column0, column1}, view_of(outs[i])});
    }
    const Array view = view_of(image);
    const std::optional<Array> mask_view = view_of(mask);
    py::gil_scoped_release released;
    network.magnify(view, white, parts, address(mask_view),
                    !tile       ? 0
                    : *tile < 1 ? -1
                                : *tile,
                    clip, thread_count(threads));
}

}  // namespace

void bind_networks(py::module_& module) {
    module.def("peak_flops", peak_flops, py::arg("threads"), py::arg("seconds"),
               py::call_guard<py::gil_scoped_release>(), "Operations per second of multiply-adds in registers.");
    py::class_<Fsrcnn>(module, "Fsrcnn", "FSRCNN(d, s, m), ready to run; immutable.")
        .def(py::init(&make_fsrcnn), py::arg("layers"))
        .def_property_readonly("d", &Fsrcnn::d)
        .def_property_readonly("s", &Fsrcnn::s)
        .def_property_readonly("m", &Fsrcnn::m)
        .def("magnify", magnify, py::arg("image"), py::arg("white"), py::arg("boxes"), py::arg("outs"),
             py::arg("mask") = py::none(), py::arg("tile") = py::none(), py::arg("clip") = true,
             py::arg("threads") = py::none());
}

}  // namespace mcfast::python
