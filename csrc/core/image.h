// A view of an image in memory that somebody else owns.
#pragma once

#include <cstddef>

namespace mcfast {

/// Rows of contiguous pixels, `stride` elements apart (any sign). Never owns, never checks.
template <class T>
struct Image {
    T* data = nullptr;
    std::ptrdiff_t stride = 0;
    int rows = 0;
    int columns = 0;

    T* row(int y) const { return data + y * stride; }

    /// The same pixels, to be read only.
    operator Image<const T>() const { return {data, stride, rows, columns}; }
};

/// Half-open box of pixels: what one task computes.
struct Box {
    int top, bottom, left, right;

    int rows() const { return bottom - top; }
    int columns() const { return right - left; }
};

/// The part of an image that lies in a box.
template <class T>
Image<T> part(const Image<T>& image, const Box& box) {
    return {image.row(box.top) + box.left, image.stride, box.rows(), box.columns()};
}

}  // namespace mcfast
