#include "resample/resample.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/kernels.h"
#include "core/thread_pool.h"

namespace mcfast {

namespace {

/// Owns the weights of one axis. Output i covers [i, i + 1) / scale of the input; what lies outside does not take part.
struct Axis {
    Axis(int length, int new_length, double scale)
        : most(scale < 1 ? static_cast<int>(std::ceil(1 / scale)) + 1 : 2),
          first(static_cast<std::size_t>(new_length)),
          count(static_cast<std::size_t>(new_length)),
          weights(static_cast<std::size_t>(new_length) * static_cast<std::size_t>(most)) {
        for (int i = 0; i < new_length; ++i) {
            const auto at = static_cast<std::size_t>(i);
            float* w = weights.data() + at * static_cast<std::size_t>(most);
            if (scale < 1) {
                fill_area(i, length, scale, first[at], count[at], w);
            } else {
                fill_linear(i, length, scale, first[at], count[at], w);
            }
        }
    }

    AxisWeights view() const { return {first.data(), count.data(), weights.data(), most}; }

    int most;
    std::vector<int> first, count;
    std::vector<float> weights;

  private:
    void fill_area(int i, int length, double scale, int& begin, int& n, float* w) const {
        const double low = i / scale, high = std::min<double>(length, (i + 1) / scale);
        begin = std::min(static_cast<int>(low), length - 1);
        double sum = 0;
        for (n = 0; n < most && begin + n < length && (n == 0 || begin + n < high); ++n) {
            const double j = begin + n;
            w[n] = static_cast<float>(std::max(0.0, std::min(high, j + 1) - std::max(low, j)));
            sum += w[n];
        }
        for (int k = 0; k < n; ++k) w[k] = static_cast<float>(w[k] / sum);
    }

    static void fill_linear(int i, int length, double scale, int& begin, int& n, float* w) {
        const double centre = std::clamp((i + 0.5) / scale - 0.5, 0.0, length - 1.0);
        begin = static_cast<int>(centre);
        const double fraction = centre - begin;
        n = fraction > 0 ? 2 : 1;
        w[0] = static_cast<float>(1 - fraction);
        if (n == 2) w[1] = static_cast<float>(fraction);
    }
};

}  // namespace

int resampled_length(std::ptrdiff_t length, double scale) {
    const double scaled = std::floor(static_cast<double>(length) * scale + 0.5);
    check_range({"resample", "scale"}, scaled, 0, 1 << 30, "at most 2^30 resampled rows and columns");
    return std::max(1, static_cast<int>(scaled));
}

void check_scale(double row_scale, double column_scale) {
    for (const double scale : {row_scale, column_scale}) {
        check_range({"resample", "scale"}, scale, 1.0 / 64, 64, "1/64 to 64");
    }
}

void resample(const Array& image, double row_scale, double column_scale, const Array& out, int threads) {
    const Argument in{"resample", "image"}, to{"resample", "out"};
    check_pixels(in, image);
    check_layout(in, image);
    check_scale(row_scale, column_scale);
    const auto rows = static_cast<int>(image.shape[0]), columns = static_cast<int>(image.shape[1]);
    const int new_rows = resampled_length(rows, row_scale), new_columns = resampled_length(columns, column_scale);
    check_out(to, out, image.dtype, image.dtype_name.c_str(), new_rows, new_columns);
    check_overlap(to, out, image, false);
    const Axis down(rows, new_rows, row_scale), along(columns, new_columns, column_scale);
    const double work = std::max(static_cast<double>(rows) * columns, static_cast<double>(new_rows) * new_columns);
    const int workers = choose_threads("resample", threads, work);
    visit_pixels(image.dtype, [&](auto* tag) {
        using T = std::remove_pointer_t<decltype(tag)>;
        constexpr int strip = 64;
        parallel_for((new_rows + strip - 1) / strip, workers, [&](std::size_t i) {
            const int top = static_cast<int>(i) * strip;
            const ResampleTask<T> task{as_image<const T>(image),       as_image<T>(out), down.view(), along.view(), top,
                                       std::min(new_rows, top + strip)};
            kernels().of<T>().resample(task, thread_workspace(ResampleLayout<T>(task, nullptr).bytes()));
        });
    });
}

}  // namespace mcfast
