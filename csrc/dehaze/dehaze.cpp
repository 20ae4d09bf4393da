#include "dehaze/dehaze.h"

#include <limits>

#include "blur/blur.h"
#include "guided/guided.h"
#include "morphology/rectangle_pass.h"

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

/// The dark channel of an image, strip by strip: in the cache when the guided filter takes it.
template <class T>
class DarkRows final : public RowSource<T> {
  public:
    DarkRows(const Image<const T>& image, const Footprint& window)
        : image_(image), pass_(Extremum::minimum, window.within(image.rows, image.columns)) {}

    std::size_t workspace_bytes(int top, int bottom) const override {
        return rows_bytes(top, bottom) + pass_.workspace_bytes({0, pass_.box_rows(), 0, image_.columns});
    }

    Image<const T> rows(int top, int bottom, char* workspace) const override {
        const Image<T> dark{reinterpret_cast<T*>(workspace), image_.columns, bottom - top, image_.columns};
        for (const Box& box : cut(dark.rows, dark.columns, pass_.box_rows(), pass_.box_columns())) {
            const Box there{top + box.top, top + box.bottom, box.left, box.right};
            pass_.run(image_, there, part(dark, box), workspace + rows_bytes(top, bottom));
        }
        return dark;
    }

  private:
    std::size_t rows_bytes(int top, int bottom) const {
        Layout layout(nullptr);
        layout.take<T>(static_cast<std::size_t>(bottom - top) * static_cast<std::size_t>(image_.columns));
        return layout.bytes();
    }

    Image<const T> image_;
    RectanglePass<T> pass_;
};

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
        const DarkRows<T> dark(view, {parameters.window_rows, parameters.window_columns, {}});
        GuidedTask<T> task{};
        task.guide = view;
        task.radius = parameters.radius;
        task.eps = parameters.eps * parameters.white * parameters.white;
        task.output = GuidedOutput::dehazed;
        task.radiance = as_image<T>(out);
        task.omega = parameters.omega;
        task.t_min = parameters.t_min;
        task.white = parameters.white;
        run_guided(task, workers, &dark);
    });
}

}  // namespace mcfast
