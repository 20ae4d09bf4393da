// Bindings of the operations that filter an image: morphology, means, guided filter, dehazing.
#include <pybind11/stl.h>

#include "blur/blur.h"
#include "dehaze/dehaze.h"
#include "guided/guided.h"
#include "morphology/morphology.h"
#include "python/arrays.h"

namespace mcfast::python {

namespace {

using OptionalArray = std::optional<py::array>;
using ChordList = std::vector<std::tuple<int, int, int>>;

Footprint footprint_of(int rows, int columns, const ChordList& chords) {
    Footprint footprint{rows, columns, {}};
    for (const auto& [row, column, length] : chords) footprint.chords.push_back({row, column, length});
    return footprint;
}

py::array run_morphology(Morphology kind, const char* operation, const py::array& image, int rows, int columns,
                         const ChordList& chords, const OptionalArray& out, std::optional<int> threads) {
    py::array to = result(out, image.dtype(), shape_of(image, 2));
    const Array from_view = view_of(image), to_view = view_of(to);
    const Footprint footprint = footprint_of(rows, columns, chords);
    py::gil_scoped_release released;
    morphology(operation, kind, from_view, footprint, to_view, thread_count(threads));
    return to;
}

py::array run_dark_channel(const py::array& image, int rows, int columns, const OptionalArray& out,
                           std::optional<int> threads) {
    py::array to = result(out, image.dtype(), shape_of(image, 2));
    const Array from_view = view_of(image), to_view = view_of(to);
    py::gil_scoped_release released;
    dark_channel(from_view, rows, columns, to_view, thread_count(threads));
    return to;
}

py::array run_box_mean(const py::array& image, int radius, const OptionalArray& out, std::optional<int> threads) {
    py::array to = result(out, py::dtype::of<float>(), shape_of(image, 2));
    const Array from_view = view_of(image), to_view = view_of(to);
    py::gil_scoped_release released;
    box_mean(from_view, radius, to_view, thread_count(threads));
    return to;
}

py::array run_gaussian_blur(const py::array& image, double sigma, const OptionalArray& out,
                            std::optional<int> threads) {
    py::array to = result(out, py::dtype::of<float>(), shape_of(image, 2));
    const Array from_view = view_of(image), to_view = view_of(to);
    py::gil_scoped_release released;
    gaussian_blur(from_view, sigma, to_view, thread_count(threads));
    return to;
}

py::array run_guided_filter(const py::array& src, const py::array& guide, int radius, double eps,
                            const OptionalArray& out, const OptionalArray& second, std::optional<int> threads) {
    py::array to = result(out, py::dtype::of<float>(), shape_of(src, 2));
    const Array src_view = view_of(src), guide_view = view_of(guide), to_view = view_of(to);
    const std::optional<Array> second_view = view_of(second);
    py::gil_scoped_release released;
    guided_filter(src_view, guide_view, radius, eps, to_view, address(second_view), thread_count(threads));
    return to;
}

py::array run_dehaze(const py::array& image, std::pair<int, int> size, int radius, double omega, double eps,
                     double t_min, double max_value, const OptionalArray& out, std::optional<int> threads) {
    py::array to = result(out, image.dtype(), shape_of(image, 2));
    const Array from_view = view_of(image), to_view = view_of(to);
    py::gil_scoped_release released;
    dehaze(from_view, {size.first, size.second, radius, omega, eps, t_min, max_value}, to_view, thread_count(threads));
    return to;
}

struct NamedMorphology {
    const char* name;
    Morphology kind;
};

}  // namespace

void bind_filters(py::module_& module) {
    for (const auto& [name, kind] :
         {NamedMorphology{"erode", Morphology::erode}, NamedMorphology{"min_filter", Morphology::erode},
          NamedMorphology{"max_filter", Morphology::dilate}, NamedMorphology{"dilate", Morphology::dilate},
          NamedMorphology{"opening", Morphology::opening}, NamedMorphology{"closing", Morphology::closing},
          NamedMorphology{"white_tophat", Morphology::white_tophat},
          NamedMorphology{"black_tophat", Morphology::black_tophat}}) {
        module.def(
            name,
            [name = name, kind = kind](const py::array& image, int rows, int columns, const ChordList& chords,
                                       const OptionalArray& out, std::optional<int> threads) {
                return run_morphology(kind, name, image, rows, columns, chords, out, threads);
            },
            py::arg("image"), py::arg("rows"), py::arg("columns"), py::arg("chords"), py::arg("out") = py::none(),
            py::arg("threads") = py::none());
    }
    module.def("dark_channel", run_dark_channel, py::arg("image"), py::arg("rows"), py::arg("columns"),
               py::arg("out") = py::none(), py::arg("threads") = py::none());
    module.def("box_mean", run_box_mean, py::arg("image"), py::arg("radius"), py::arg("out") = py::none(),
               py::arg("threads") = py::none());
    module.def("gaussian_blur", run_gaussian_blur, py::arg("image"), py::arg("sigma"), py::arg("out") = py::none(),
               py::arg("threads") = py::none());
    module.def("guided_filter", run_guided_filter, py::arg("src"), py::arg("guide"), py::arg("radius"), py::arg("eps"),
               py::arg("out") = py::none(), py::arg("second") = py::none(), py::arg("threads") = py::none());
    module.def(
        "check_guided_filter",
        [](const py::array& src, const py::array& guide, int radius, double eps, const py::array& out) {
            check_guided_filter(view_of(src), view_of(guide), radius, eps, view_of(out));
        },
        py::arg("src"), py::arg("guide"), py::arg("radius"), py::arg("eps"), py::arg("out"));
    module.def("dehaze", run_dehaze, py::arg("image"), py::arg("size"), py::arg("radius"), py::arg("omega"),
               py::arg("eps"), py::arg("t_min"), py::arg("max_value"), py::arg("out") = py::none(),
               py::arg("threads") = py::none());
}

}  // namespace mcfast::python
