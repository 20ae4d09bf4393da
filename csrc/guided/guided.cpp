#include "guided/guided.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "blur/blur.h"
#include "core/kernels.h"
#include "core/thread_pool.h"

namespace mcfast {

namespace {

/// Height of a strip; depends on the filter alone. A strip computes 2 radius rows of coefficients beyond its own: 14
/// radii keep that below a seventh. An even number of strips of one height shares well.
int strip_rows(int rows, int radius) {
    const int pairs = std::max(1, static_cast<int>(std::lround(rows / (2.0 * std::max(512, 14 * radius)))));
    return (rows + 2 * pairs - 1) / (2 * pairs);
}

}  // namespace

template <class T>
void run_guided(GuidedTask<T> task, int threads, const RowSource<T>* source) {
    task.guide_shift = shift_of(task.guide);
    // Any shift near the values will do; a source that does not exist yet has no mean.
    task.src_shift = source || task.self_guided() ? task.guide_shift : shift_of(task.src);
    const RowWindowWeights weights(task.guide.columns, task.radius);
    task.along = weights.view();
    task.radius = std::min(task.radius, task.guide.rows);
    const int rows = task.guide.rows, strip = strip_rows(rows, task.radius);
    parallel_for((rows + strip - 1) / strip, threads, [&](std::size_t i) {
        GuidedTask<T> mine = task;
        mine.top = static_cast<int>(i) * strip;
        mine.bottom = std::min(rows, mine.top + strip);
        const std::size_t kernel = GuidedLayout<T, double>(mine, nullptr).bytes();
        if (!source) return kernels().of<T>().guided_filter(mine, thread_workspace(kernel));
        const int top = std::max(0, mine.top - 2 * task.radius), bottom = std::min(rows, mine.bottom + 2 * task.radius);
        char* workspace = thread_workspace(kernel + source->workspace_bytes(top, bottom));
        mine.src = source->rows(top, bottom, workspace + kernel);
        mine.src_top = top;
        kernels().of<T>().guided_filter(mine, workspace);
    });
}

template void run_guided(GuidedTask<std::uint8_t>, int, const RowSource<std::uint8_t>*);
template void run_guided(GuidedTask<std::uint16_t>, int, const RowSource<std::uint16_t>*);
template void run_guided(GuidedTask<float>, int, const RowSource<float>*);

void check_guided_filter(const Array& src, const Array& guide, int radius, double eps, const Array& out) {
    const char* operation = "guided_filter";
    const Argument in{operation, "src"}, by{operation, "guide"}, to{operation, "out"};
    check_pixels(in, src);
    check_layout(in, src);
    check_pixels(by, guide);
    check_layout(by, guide);
    if (guide.dtype != src.dtype) {
        throw TypeError("guided_filter(guide): expected the dtype of src, " + src.dtype_name + ", got " +
                        guide.dtype_name);
    }
    if (guide.shape[0] != src.shape[0] || guide.shape[1] != src.shape[1]) {
        refuse(by, "the shape of src, " + shape_text(src), shape_text(guide));
    }
    check_range({operation, "radius"}, radius, 0, largest_radius, "0 to 16384 pixels");
    check_range({operation, "eps"}, eps, 0, std::numeric_limits<double>::max(), "a finite number of at least 0");
    check_out(to, out, Dtype::float32, "float32", static_cast<int>(src.shape[0]), static_cast<int>(src.shape[1]));
    check_overlap(to, out, src, false);
    check_overlap(to, out, guide, false);
}

void guided_filter(const Array& src, const Array& guide, int radius, double eps, const Array& out, const Array* second,
                   int threads) {
    const char* operation = "guided_filter";
    check_guided_filter(src, guide, radius, eps, out);
    if (second) check_guided_filter(src, guide, radius, eps, *second);
    const int workers =
        choose_threads(operation, threads, static_cast<double>(src.shape[0]) * static_cast<double>(src.shape[1]));
    visit_pixels(src.dtype, [&](auto* tag) {
        using T = std::remove_pointer_t<decltype(tag)>;
        GuidedTask<T> task{};
        task.src = as_image<const T>(src);
        task.guide = as_image<const T>(guide);
        check_finite({operation, "src"}, task.src);
        check_finite({operation, "guide"}, task.guide);
        task.radius = radius;
        task.eps = eps;
        task.output = second ? GuidedOutput::coefficients : GuidedOutput::filtered;
        task.out = as_image<float>(out);
        if (second) task.second = as_image<float>(*second);
        run_guided(task, workers);
    });
}

}  // namespace mcfast
