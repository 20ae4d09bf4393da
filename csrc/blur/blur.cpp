#include "blur/blur.h"

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <vector>

#include "core/kernels.h"
#include "core/thread_pool.h"

namespace mcfast {

namespace {

std::vector<float> gaussian_weights(double sigma) {
    const int radius = std::max(1, static_cast<int>(std::ceil(4 * sigma)));
    std::vector<float> weights;
    for (int k = 0; k <= radius; ++k) weights.push_back(static_cast<float>(std::exp(-0.5 * (k / sigma) * (k / sigma))));
    return weights;
}

/// 1 / sum of the weights that fall inside, for each position of an axis.
std::vector<float> inside_scale(const std::vector<float>& weights, int length) {
    const int radius = static_cast<int>(weights.size()) - 1;
    const auto scale_at = [&](int before, int after) {
        double sum = 0;
        for (int k = -before; k <= after; ++k) sum += weights[static_cast<std::size_t>(std::abs(k))];
        return static_cast<float>(1 / sum);
    };
    std::vector<float> scale(static_cast<std::size_t>(length), scale_at(radius, radius));
    for (int i = 0; i < length; ++i) {
        if (i == radius) i = std::max(i, length - radius);  // nothing is clipped in between
        if (i < length)
            scale[static_cast<std::size_t>(i)] = scale_at(std::min(radius, i), std::min(radius, length - 1 - i));
    }
    return scale;
}

int check(const char* operation, const Array& image, const Array& out, int threads) {
    const Argument in{operation, "image"}, to{operation, "out"};
    check_pixels(in, image);
    check_layout(in, image);
    check_out(to, out, Dtype::float32, "float32", static_cast<int>(image.shape[0]), static_cast<int>(image.shape[1]));
    check_overlap(to, out, image, false);
    return choose_threads(operation, threads,
                          static_cast<double>(image.shape[0]) * static_cast<double>(image.shape[1]));
}

/// Calls task(top, bottom) on strips whose height depends on the filter alone.
template <class F>
void for_each_strip(int rows, int height, int threads, F&& task) {
    parallel_for((rows + height - 1) / height, threads, [&](std::size_t i) {
        const int top = static_cast<int>(i) * height;
        task(top, std::min(rows, top + height));
    });
}

}  // namespace

template <class T>
double shift_of(const Image<const T>& image) {
    if constexpr (std::is_integral_v<T>) {
        return 0;
    } else {
        constexpr int chains = 8;  // one sum would wait for every addition
        double sums[chains] = {};
        for (int y = 0; y < image.rows; ++y) {
            const T* row = image.row(y);
            int x = 0;
            for (; x + chains <= image.columns; x += chains) {
                for (int k = 0; k < chains; ++k) sums[k] += row[x + k];
            }
            for (; x < image.columns; ++x) sums[0] += row[x];
        }
        double sum = 0;
        for (const double part : sums) sum += part;
        // A float, so that a row of it is nothing once it is shifted.
        return static_cast<float>(sum / (static_cast<double>(image.rows) * image.columns));
    }
}

RowWindowWeights::RowWindowWeights(int columns, int radius)
    : segments_(segments_of(columns)), radius_(std::min(radius, columns)), inverse_width_(segments_.size()) {
    for (int x = 0; x < columns; ++x) {
        const int width = std::min(columns, x + radius_ + 1) - std::max(0, x - radius_);
        const int lane = x / segments_.length, place = x % segments_.length;
        inverse_width_[static_cast<std::size_t>(place * Segments::lanes + lane)] = 1.0 / width;
    }
}

template double shift_of(const Image<const std::uint8_t>&);
template double shift_of(const Image<const std::uint16_t>&);
template double shift_of(const Image<const float>&);

void box_mean(const Array& image, int radius, const Array& out, int threads) {
    const int workers = check("box_mean", image, out, threads);
    check_range({"box_mean", "radius"}, radius, 0, largest_radius, "0 to 16384 pixels");
    visit_pixels(image.dtype, [&](auto* tag) {
        using T = std::remove_pointer_t<decltype(tag)>;
        const auto view = as_image<const T>(image);
        check_finite({"box_mean", "image"}, view);
        const double shift = shift_of(view);
        const RowWindowWeights weights(view.columns, radius);
        const int down = std::min(radius, view.rows);
        for_each_strip(view.rows, std::max(64, 4 * down), workers, [&](int top, int bottom) {
            const BoxTask<T> task{view, as_image<float>(out), down, weights.view(), shift, top, bottom};
            kernels().of<T>().box_mean(task, thread_workspace(BoxLayout<T, double>(task, nullptr).bytes()));
        });
    });
}

void gaussian_blur(const Array& image, double sigma, const Array& out, int threads) {
    const int workers = check("gaussian_blur", image, out, threads);
    check_range({"gaussian_blur", "sigma"}, sigma, 0.1, 64, "0.1 to 64 pixels");
    const auto weights = gaussian_weights(sigma);
    const auto row_scale = inside_scale(weights, static_cast<int>(image.shape[0]));
    auto column_scale = inside_scale(weights, static_cast<int>(image.shape[1]));
    column_scale.resize(column_scale.size() + 16);  // slack for the widest vector
    visit_pixels(image.dtype, [&](auto* tag) {
        using T = std::remove_pointer_t<decltype(tag)>;
        const auto view = as_image<const T>(image);
        const int radius = static_cast<int>(weights.size()) - 1;
        for_each_strip(view.rows, std::max(32, 2 * radius), workers, [&](int top, int bottom) {
            const GaussianTask<T> task{view,   as_image<float>(out), weights.data(),      std::min(radius, view.rows),
                                       radius, row_scale.data(),     column_scale.data(), top,
                                       bottom};
            kernels().of<T>().gaussian_blur(task, thread_workspace(GaussianLayout<T>(task, nullptr).bytes()));
        });
    });
}

}  // namespace mcfast
