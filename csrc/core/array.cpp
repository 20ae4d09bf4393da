#include "core/array.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "core/thread_pool.h"

namespace mcfast {

namespace {

constexpr std::ptrdiff_t longest_side = std::ptrdiff_t{1} << 30;

/// First and one-past-last byte that an array touches.
struct Extent {
    std::uintptr_t begin, end;
};

std::ptrdiff_t item_size(const Array& array) {
    switch (array.dtype) {
        case Dtype::uint16:
            return 2;
        case Dtype::float32:
        case Dtype::int32:
            return 4;
        default:
            return 1;
    }
}

Extent extent(const Array& array) {
    auto low = reinterpret_cast<std::uintptr_t>(array.data), high = low;
    for (int d = 0; d < array.dimensions; ++d) {
        const std::ptrdiff_t reach = (array.shape[d] - 1) * array.strides[d];
        (reach < 0 ? low : high) += static_cast<std::uintptr_t>(reach);
    }
    return {low, high + static_cast<std::uintptr_t>(item_size(array))};
}

std::string number(double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%g", value);
    return text;
}

}  // namespace

std::string shape_text(const Array& array) {
    std::string text = "(";
    for (int d = 0; d < std::min(array.dimensions, Array::most_dimensions); ++d) {
        text += (d ? ", " : "") + std::to_string(array.shape[d]);
    }
    if (array.dimensions > Array::most_dimensions) text += ", ...";
    return text + (array.dimensions == 1 ? ",)" : ")");
}

bool is_aligned(const Array& array) {
    return reinterpret_cast<std::uintptr_t>(array.data) % static_cast<std::uintptr_t>(item_size(array)) == 0;
}

bool is_packed(const Array& array) {
    if (array.dimensions > Array::most_dimensions) return false;
    const auto* end = array.shape + array.dimensions;
    if (std::find(array.shape, end, 0) != end) return true;
    std::ptrdiff_t step = item_size(array);
    for (int d = array.dimensions - 1; d >= 0; --d) {
        if (array.shape[d] > 1 && array.strides[d] != step) return false;
        step *= array.shape[d];
    }
    return is_aligned(array);
}

void refuse(const Argument& argument, const std::string& expected, const std::string& got) {
    throw ValueError(argument.text() + ": expected " + expected + ", got " + got);
}

void check_pixels(const Argument& argument, const Array& array, bool floats) {
    const bool integer = array.dtype == Dtype::uint8 || array.dtype == Dtype::uint16;
    if (integer || (floats && array.dtype == Dtype::float32)) return;
    const char* expected = floats ? "uint8, uint16 or float32" : "uint8 or uint16";
    const char* target = array.dtype_name.rfind("float", 0) == 0 && floats ? "float32" : "uint16";
    throw TypeError(argument.text() + ": expected " + expected + ", got " + array.dtype_name + "; cast it with " +
                    argument.name + ".astype(numpy." + target + ")");
}

void check_layout(const Argument& argument, const Array& array) {
    if (array.dimensions != 2) {
        refuse(argument, "a 2-D array (rows, columns)", "shape " + shape_text(array));
    }
    for (int d = 0; d < 2; ++d) {
        if (array.shape[d] < 1 || array.shape[d] > longest_side) {
            refuse(argument, "1 to 2^30 rows and columns", "shape " + shape_text(array));
        }
    }
    const std::ptrdiff_t size = item_size(array);
    if (array.shape[1] > 1 && array.strides[1] != size) {
        refuse(argument, "contiguous rows",
               "a column stride of " + std::to_string(array.strides[1]) + " bytes; use numpy.ascontiguousarray(" +
                   argument.name + ")");
    }
    if (!is_aligned(array) || (array.shape[0] > 1 && array.strides[0] % size != 0)) {
        refuse(argument, "aligned rows",
               "misaligned memory; use numpy.require(" + std::string(argument.name) + ", requirements=\"A\").copy()");
    }
}

void check_out(const Argument& argument, const Array& out, Dtype dtype, const char* dtype_name, int rows, int columns) {
    if (out.dtype != dtype) {
        throw TypeError(argument.text() + ": expected " + dtype_name + ", got " + out.dtype_name);
    }
    if (out.dimensions != 2 || out.shape[0] != rows || out.shape[1] != columns) {
        refuse(argument, "shape (" + std::to_string(rows) + ", " + std::to_string(columns) + ")", shape_text(out));
    }
    if (!out.writable) refuse(argument, "a writable array", "a read-only one");
    check_layout(argument, out);
    const std::ptrdiff_t step = out.strides[0] < 0 ? -out.strides[0] : out.strides[0];
    if (rows > 1 && step < columns * item_size(out)) {
        refuse(argument, "rows that do not overlap", "a row stride of " + std::to_string(out.strides[0]) + " bytes");
    }
}

bool check_overlap(const Argument& argument, const Array& out, const Array& input, bool same_allowed) {
    const Extent a = extent(out), b = extent(input);
    if (a.end <= b.begin || b.end <= a.begin) return false;
    const bool same = out.data == input.data && out.dtype == input.dtype && out.dimensions == 2 &&
                      input.dimensions == 2 && (out.shape[0] == 1 || out.strides[0] == input.strides[0]);
    if (same && same_allowed) return true;
    throw ValueError(argument.text() + ": expected memory apart from the input" +
                     (same_allowed ? " (or the input itself)" : "") + ", got an overlap; give another array");
}

void check_finite(const Argument& argument, const Image<const float>& image) {
    long long bad = 0;
    for (int y = 0; y < image.rows; ++y) {
        const float* row = image.row(y);
        for (int x = 0; x < image.columns; ++x) bad += !std::isfinite(row[x]);
    }
    if (bad) refuse(argument, "finite values", std::to_string(bad) + " NaN or infinite; use numpy.nan_to_num");
}

void check_range(const Argument& argument, double value, double low, double high, const char* expected) {
    if (!(value >= low && value <= high)) refuse(argument, expected, number(value));
}

void check_window(const Argument& argument, int rows, int columns) {
    for (const int side : {rows, columns}) {
        if (side < 1 || side > 32767 || side % 2 == 0) {
            refuse(argument, "odd sides from 1 to 32767",
                   "(" + std::to_string(rows) + ", " + std::to_string(columns) + ")");
        }
    }
}

int choose_threads(const char* operation, int threads, double pixels) {
    if (threads < 0 || threads > 256) {
        refuse({operation, "threads"}, "None or a number from 1 to 256", std::to_string(threads));
    }
    constexpr double pixels_per_thread = 65536;  // below this, waking a thread costs more than it saves
    const int most = threads ? threads : default_threads();
    const double useful = pixels / pixels_per_thread;
    return useful < 1 ? 1 : useful < most ? static_cast<int>(useful) : most;
}

}  // namespace mcfast
