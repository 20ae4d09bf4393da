#include "dehaze/dehaze.h"

#include <limits>
#include <memory>

#include "blur/blur.h"
#include "guided/guided.h"
#include "morphology/morphology.h"

namespace mcfast {

namespace {

void check_parameters(const DehazeParameters& p, const Array& image) {
    const char* operation = "dehaze";
    const double highest = image.dtype == Dtype::uint8    ? 255
                           : image.dtype == Dtype::uint16 ? 65535
                                                          : std::numeric_limits<float>::max();
    const char* within = image.dtype == Dtype::uint8    ? "above 0, at most 255"
                         : image.dtype == Dtype::uint16 ? "above 0, at most 65535"
                                                        : "a finite number above 0";
    check_window({operation, "size"}, p.window_rows, p.window_columns);
    check_range({operation, "radius"}, p.radius, 0, largest_radius, "0 to 16384 pixels");
    check_range({operation, "omega"}, p.omega, 0, 1, "0 to 1");
    check_range({operation, "eps"}, p.eps, 0, std::numeric_limits<double>::max(), "a finite number of at least 0");
    check_range({operation, "t_min"}, p.t_min, std::numeric_limits<double>::min(), 1, "above 0, at most 1");
    check_range({operation, "max_value"}, p.white, std::numeric_limits<float>::min(), highest, within);
}

}  // namespace

void dehaze(const Array& image, const DehazeParameters& parameters, const Array& out, int threads) {
    const Argument in{"dehaze", "image"}, to{"dehaze", "out"};
    check_pixels(in, image);
    check_layout(in, image);
    check_parameters(parameters, image);
    const auto rows = static_cast<int>(image.shape[0]), columns = static_cast<int>(image.shape[1]);
    check_out(to, out, image.dtype, image.dtype_name.c_str(), rows, columns);
    check_overlap(to, out, image, false);
    const int workers = choose_threads("dehaze", threads, static_cast<double>(rows) * columns);
    visit_pixels(image.dtype, [&](auto* tag) {
        using T = std::remove_pointer_t<decltype(tag)>;
        const auto view = as_image<const T>(image);
        check_finite(in, view);
        const std::unique_ptr<T[]> memory(new T[static_cast<std::size_t>(rows) * columns]);
        const Image<T> dark{memory.get(), columns, rows, columns};
        compute_extremum<T>(Extremum::minimum, view, 1, {parameters.window_rows, parameters.window_columns, {}}, dark,
                            workers);
        GuidedTask<T> task{};
        task.src = {dark.data, dark.stride, rows, columns};
        task.guide = view;
        task.radius = parameters.radius;
        task.eps = parameters.eps * parameters.white * parameters.white;
        task.output = GuidedOutput::dehazed;
        task.radiance = as_image<T>(out);
        task.omega = parameters.omega;
        task.t_min = parameters.t_min;
        task.white = parameters.white;
        run_guided(task, workers);
    });
}

}  // namespace mcfast
