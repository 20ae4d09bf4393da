#include "candidates/candidates.h"

#include <algorithm>

#include "core/kernels.h"
#include "core/thread_pool.h"
#include "core/workspace.h"
#include "morphology/rectangle_pass.h"

namespace mcfast {

namespace {

constexpr int largest_radius = 1 << 14;

void check_mask(const Array& mask, const Array& image) {
    const Argument argument{"local_maxima", "mask"};
    if (mask.dtype != Dtype::boolean) {
        throw TypeError("local_maxima(mask): expected bool, got " + mask.dtype_name +
                        "; cast it with mask.astype(bool)");
    }
    check_layout(argument, mask);
    if (mask.shape[0] != image.shape[0] || mask.shape[1] != image.shape[1]) {
        refuse(argument, "the shape of the image, " + shape_text(image), shape_text(mask));
    }
}

/// The maxima of rows [top, bottom): the window maximum of the strip first, then a scan.
template <class T>
std::vector<LocalMaximum> strip_maxima(const Image<const T>& image, const Array* mask, int radius, double threshold,
                                       int top, int bottom) {
    const int columns = image.columns, window = 2 * radius + 1;
    const Box box{top, bottom, 0, columns};
    const RectanglePass<T> highest(Extremum::maximum, Footprint{window, window, {}}.within(image.rows, columns));
    Layout measure(nullptr);
    measure.take<T>(static_cast<std::size_t>(box.rows()) * static_cast<std::size_t>(columns));
    measure.take<int>(static_cast<std::size_t>(columns));
    char* workspace = thread_workspace(measure.bytes() + highest.workspace_bytes(box));
    Layout layout(workspace);
    const Image<T> around{layout.take<T>(static_cast<std::size_t>(box.rows()) * static_cast<std::size_t>(columns)),
                          columns, box.rows(), columns};
    int* found = layout.take<int>(static_cast<std::size_t>(columns));
    highest.run(image, box, around, workspace + layout.bytes());
    std::vector<LocalMaximum> maxima;
    for (int y = top; y < bottom; ++y) {
        const std::uint8_t* inside = mask ? as_image<const std::uint8_t>(*mask).row(y) : nullptr;
        const int count =
            kernels().of<T>().scan_maxima(image, around.row(y - top), inside, y, radius, threshold, found);
        for (int i = 0; i < count; ++i) {
            maxima.push_back({y, found[i], static_cast<float>(image.row(y)[found[i]])});
        }
    }
    return maxima;
}

}  // namespace

std::vector<LocalMaximum> local_maxima(const Array& image, int radius, double threshold, const Array* mask,
                                       int threads) {
    const char* operation = "local_maxima";
    check_pixels({operation, "image"}, image);
    check_layout({operation, "image"}, image);
    check_range({operation, "radius"}, radius, 0, largest_radius, "0 to 16384 pixels");
    if (threshold != threshold) refuse({operation, "threshold"}, "a number", "NaN");
    if (mask) check_mask(*mask, image);
    const int workers =
        choose_threads(operation, threads, static_cast<double>(image.shape[0]) * static_cast<double>(image.shape[1]));
    std::vector<LocalMaximum> maxima;
    visit_pixels(image.dtype, [&](auto* tag) {
        using T = std::remove_pointer_t<decltype(tag)>;
        const auto view = as_image<const T>(image);
        const int strip = std::max(64, 4 * radius), strips = (view.rows + strip - 1) / strip;
        std::vector<std::vector<LocalMaximum>> parts(static_cast<std::size_t>(strips));
        parallel_for(parts.size(), workers, [&](std::size_t i) {
            const int top = static_cast<int>(i) * strip;
            parts[i] = strip_maxima<T>(view, mask, radius, threshold, top, std::min(view.rows, top + strip));
        });
        for (const auto& part : parts) maxima.insert(maxima.end(), part.begin(), part.end());
    });
    return maxima;
}

}  // namespace mcfast
