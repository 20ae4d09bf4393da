// What a caller hands over, before anything about it is known, and the checks that turn it into an Image.
//
// Validation happens here and nowhere below. Every message names operation and argument, what was expected, what
// came, and the mend.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/error.h"
#include "core/image.h"

namespace mcfast {

enum class Dtype { uint8, uint16, float32, int32, boolean, other };

/// Memory that the caller owns; strides in bytes. No operation takes more than `most_dimensions`: of those that an
/// array has beyond them only the number is known.
struct Array {
    static constexpr int most_dimensions = 4;

    void* data = nullptr;
    Dtype dtype = Dtype::other;
    std::string dtype_name;
    int dimensions = 0;
    std::ptrdiff_t shape[most_dimensions] = {};
    std::ptrdiff_t strides[most_dimensions] = {};
    bool writable = false;
};

/// The operation and argument that a message is about: "erode(image)".
struct Argument {
    const char* operation;
    const char* name;

    std::string text() const { return std::string(operation) + "(" + name + ")"; }
};

template <class T>
constexpr Dtype dtype_of = Dtype::other;
template <>
inline constexpr Dtype dtype_of<std::uint8_t> = Dtype::uint8;
template <>
inline constexpr Dtype dtype_of<std::uint16_t> = Dtype::uint16;
template <>
inline constexpr Dtype dtype_of<float> = Dtype::float32;
template <>
inline constexpr Dtype dtype_of<std::int32_t> = Dtype::int32;
template <>
inline constexpr Dtype dtype_of<bool> = Dtype::boolean;

std::string shape_text(const Array& array);

/// True if the array starts at a multiple of its items' size.
bool is_aligned(const Array& array);

/// True if the items of an array of up to four dimensions lie aligned and one after another, in C order.
bool is_packed(const Array& array);

/// Throws TypeError unless the array is uint8, uint16 or float32 (`floats` false: unsigned integers only).
void check_pixels(const Argument& argument, const Array& array, bool floats = true);

/// Throws ValueError unless (rows, columns), both from 1 to 2^30, with contiguous and aligned rows.
void check_layout(const Argument& argument, const Array& array);

/// Throws unless `out` is a writable array of that dtype and shape whose rows do not overlap one another.
void check_out(const Argument& argument, const Array& out, Dtype dtype, const char* dtype_name, int rows, int columns);

/// True if both are the very same pixels; throws ValueError if they overlap in any other way, or at all unless
/// `same_allowed`.
bool check_overlap(const Argument& argument, const Array& out, const Array& input, bool same_allowed);

/// Throws ValueError if a float32 image holds NaN or infinities, which running sums would spread.
void check_finite(const Argument& argument, const Image<const float>& image);
template <class T>
void check_finite(const Argument&, const Image<const T>&) {}

/// Throws ValueError "operation(argument): expected `expected`, got `got`".
[[noreturn]] void refuse(const Argument& argument, const std::string& expected, const std::string& got);

/// Throws ValueError unless low <= value <= high.
void check_range(const Argument& argument, double value, double low, double high, const char* expected);

/// Throws ValueError unless both sides of a window are odd, from 1 to 32767.
void check_window(const Argument& argument, int rows, int columns);

/// Threads to use: `threads`, or the default for 0. Small work stays on one thread.
int choose_threads(const char* operation, int threads, double pixels);

/// The array as an image of T; its dtype and layout must have been checked.
template <class T>
Image<T> as_image(const Array& array) {
    const auto rows = static_cast<int>(array.shape[0]), columns = static_cast<int>(array.shape[1]);
    const std::ptrdiff_t stride = rows > 1 ? array.strides[0] / static_cast<std::ptrdiff_t>(sizeof(T)) : columns;
    return {static_cast<T*>(array.data), stride, rows, columns};
}

/// Calls f with a null pointer of the pixel type that `dtype` names (after check_pixels).
template <class F>
void visit_pixels(Dtype dtype, F&& f) {
    if (dtype == Dtype::uint8) f(static_cast<std::uint8_t*>(nullptr));
    if (dtype == Dtype::uint16) f(static_cast<std::uint16_t*>(nullptr));
    if (dtype == Dtype::float32) f(static_cast<float*>(nullptr));
}

}  // namespace mcfast
