#include "patches/patches.h"

#include <algorithm>
#include <vector>

#include "core/kernels.h"
#include "core/thread_pool.h"

namespace mcfast {

namespace {

void check_centres(const Array& centres, int rows, int columns) {
    const Argument argument{"gather_patches", "centres"};
    if (centres.dtype != Dtype::int32) {
        throw TypeError("gather_patches(centres): expected int32, got " + centres.dtype_name +
                        "; cast it with centres.astype(numpy.int32)");
    }
    if (centres.dimensions != 2 || centres.shape[1] != 2 || !is_packed(centres)) {
        refuse(argument, "a contiguous (n, 2) array of rows and columns", "shape " + shape_text(centres));
    }
    const auto* at = static_cast<const std::int32_t*>(centres.data);
    for (std::ptrdiff_t i = 0; i < centres.shape[0]; ++i) {
        if (at[2 * i] < 0 || at[2 * i] >= rows || at[2 * i + 1] < 0 || at[2 * i + 1] >= columns) {
            refuse(
                argument, "pixels of the image (" + std::to_string(rows) + ", " + std::to_string(columns) + ")",
                "(" + std::to_string(at[2 * i]) + ", " + std::to_string(at[2 * i + 1]) + ") at " + std::to_string(i));
        }
    }
}

/// The values of a normalisation argument, checked; null if there is none.
const float* check_values(const char* name, const Array* values, std::ptrdiff_t n, bool positive) {
    if (!values) return nullptr;
    const Argument argument{"gather_patches", name};
    if (values->dtype != Dtype::float32) {
        throw TypeError(argument.text() + ": expected float32, got " + values->dtype_name);
    }
    if (values->dimensions != 1 || (values->shape[0] != 1 && values->shape[0] != n) || !is_packed(*values)) {
        refuse(argument, "a number or one value for each of " + std::to_string(n) + " centres",
               "shape " + shape_text(*values));
    }
    const auto* value = static_cast<const float*>(values->data);
    for (std::ptrdiff_t i = 0; positive && i < values->shape[0]; ++i) {
        if (!(value[i] > 0)) refuse(argument, "positive values", std::to_string(value[i]) + " at " + std::to_string(i));
    }
    return value;
}

void check_batch(const Array& out, std::ptrdiff_t n, int size) {
    const Argument argument{"gather_patches", "out"};
    if (out.dtype != Dtype::float32) throw TypeError(argument.text() + ": expected float32, got " + out.dtype_name);
    const bool fits =
        out.dimensions == 4 && out.shape[0] == n && out.shape[1] == 1 && out.shape[2] == size && out.shape[3] == size;
    if (!fits || !out.writable || !is_packed(out)) {
        const std::string side = std::to_string(size);
        refuse(argument, "a writable, contiguous (" + std::to_string(n) + ", 1, " + side + ", " + side + ") array",
               "shape " + shape_text(out));
    }
}

/// How many windows of `size`, `stride` apart, cover `length`; size <= length, and stride <= size.
int grid_count(int length, int size, int stride) {
    return 1 + (length - size + stride - 1) / stride;
}

std::vector<int> grid_origins(int length, int size, int stride) {
    std::vector<int> origins;
    for (int i = 0; i < grid_count(length, size, stride); ++i) origins.push_back(std::min(i * stride, length - size));
    return origins;
}

}  // namespace

void gather_patches(const Array& image, const Array& centres, int size, const Array* mean, const Array* std,
                    const Array& out, int threads) {
    const char* operation = "gather_patches";
    const Argument in{operation, "image"};
    check_pixels(in, image);
    check_layout(in, image);
    check_range({operation, "size"}, size, 1, 1024, "1 to 1024 pixels");
    check_centres(centres, static_cast<int>(image.shape[0]), static_cast<int>(image.shape[1]));
    const auto n = static_cast<int>(centres.shape[0]);
    const float* means = check_values("mean", mean, n, false);
    const float* stds = check_values("std", std, n, true);
    check_batch(out, n, size);
    if (n == 0) return;
    for (const Array* input : {&image, &centres, mean, std}) {
        if (input) check_overlap({operation, "out"}, out, *input, false);
    }
    const int workers = choose_threads(operation, threads, static_cast<double>(n) * size * size);
    visit_pixels(image.dtype, [&](auto* tag) {
        using T = std::remove_pointer_t<decltype(tag)>;
        const GatherTask<T> task{as_image<const T>(image),
                                 static_cast<const std::int32_t*>(centres.data),
                                 means,
                                 stds,
                                 mean && mean->shape[0] > 1,
                                 std && std->shape[0] > 1,
                                 size,
                                 static_cast<float*>(out.data)};
        constexpr int batch = 64;
        parallel_for((n + batch - 1) / batch, workers, [&](std::size_t i) {
            const int begin = static_cast<int>(i) * batch;
            kernels().of<T>().gather_patches(task, begin, std::min(n, begin + batch));
        });
    });
}

void stitch(const Array& patches, int row_stride, int column_stride, const Array& out, int threads) {
    const Argument in{"stitch", "patches"}, to{"stitch", "out"}, step{"stitch", "stride"};
    check_pixels(in, patches);
    if (patches.dimensions != 4 || !is_packed(patches)) {
        refuse(in, "a contiguous (grid rows, grid columns, h, w) array", "shape " + shape_text(patches));
    }
    if (out.dimensions != 2) refuse({"stitch", "shape"}, "(rows, columns)", shape_text(out));
    const auto rows = static_cast<int>(out.shape[0]), columns = static_cast<int>(out.shape[1]);
    if (std::min(patches.shape[2], patches.shape[3]) < 1 || patches.shape[2] > rows || patches.shape[3] > columns) {
        refuse(in, "windows no larger than the image " + shape_text(out), "shape " + shape_text(patches));
    }
    const auto height = static_cast<int>(patches.shape[2]), width = static_cast<int>(patches.shape[3]);
    check_range(step, row_stride, 1, height, "1 to the window's height");
    check_range(step, column_stride, 1, width, "1 to the window's width");
    const int grid_rows = grid_count(rows, height, row_stride),
              grid_columns = grid_count(columns, width, column_stride);
    if (patches.shape[0] != grid_rows || patches.shape[1] != grid_columns) {
        refuse(in, std::to_string(grid_rows) + " x " + std::to_string(grid_columns) + " windows, the covering grid",
               "shape " + shape_text(patches));
    }
    const auto down = grid_origins(rows, height, row_stride), along = grid_origins(columns, width, column_stride);
    check_out(to, out, patches.dtype, patches.dtype_name.c_str(), rows, columns);
    check_overlap(to, out, patches, false);
    std::vector<int> cover(static_cast<std::size_t>(columns));
    for (const int origin : along) {
        for (int x = 0; x < width; ++x) ++cover[static_cast<std::size_t>(origin + x)];
    }
    const int workers = choose_threads("stitch", threads, static_cast<double>(rows) * columns);
    visit_pixels(patches.dtype, [&](auto* tag) {
        using T = std::remove_pointer_t<decltype(tag)>;
        const StitchTask<T> task{static_cast<const T*>(patches.data),
                                 grid_rows,
                                 grid_columns,
                                 height,
                                 width,
                                 down.data(),
                                 along.data(),
                                 cover.data(),
                                 as_image<T>(out)};
        constexpr int strip = 32;
        parallel_for((rows + strip - 1) / strip, workers, [&](std::size_t i) {
            const int top = static_cast<int>(i) * strip;
            char* workspace = thread_workspace(sizeof(double) * static_cast<std::size_t>(columns));
            kernels().of<T>().stitch(task, top, std::min(rows, top + strip), workspace);
        });
    });
}

}  // namespace mcfast
