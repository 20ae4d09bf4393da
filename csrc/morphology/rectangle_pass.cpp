#include "morphology/rectangle_pass.h"

#include <algorithm>
#include <cstdint>

#include "core/kernels.h"

namespace mcfast {

std::vector<Box> cut(int rows, int columns, int box_rows, int box_columns) {
    std::vector<Box> boxes;
    const int across = (columns + box_columns - 1) / box_columns;
    box_columns = ((columns + across - 1) / across + 63) / 64 * 64;  // of one width, rather than a narrow rest
    for (int y = 0; y < rows; y += box_rows) {
        for (int x = 0; x < columns; x += box_columns) {
            boxes.push_back({y, std::min(rows, y + box_rows), x, std::min(columns, x + box_columns)});
        }
    }
    return boxes;
}

template <class T>
Box RectanglePass<T>::reach(const Box& box, int rows, int columns) const {
    const int above = window_rows_ / 2, beside = window_columns_ / 2;
    return {std::max(0, box.top - above), std::min(rows, box.bottom + above), std::max(0, box.left - beside),
            std::min(columns, box.right + beside)};
}

template <class T>
int RectanglePass<T>::box_rows() const {
    // A strip that is a multiple of k rows wastes no part of van Herk's last block.
    return std::max(4, 128 / window_rows_) * window_rows_;
}

template <class T>
int RectanglePass<T>::box_columns() const {
    const auto row = sizeof(T) * static_cast<std::size_t>(window_rows_);
    const auto fitting = static_cast<int>(cache_bytes / row) / 64 * 64;
    return std::max({fitting, 2 * (window_columns_ - 1) / 64 * 64, 256});
}

template <class T>
std::size_t RectanglePass<T>::workspace_bytes(const Box& box) const {
    return RectangleLayout<T>(task(box), nullptr).bytes();
}

template <class T>
void RectanglePass<T>::run(const Image<const T>& image, const Box& box, const Image<T>& out, char* workspace,
                           int channels) const {
    RectangleTask<T> of = task(box);
    of.image = image;
    of.out = out;
    of.channels = channels;
    of.columns = image.columns / channels;
    kernels().of<T>().rectangle_extremum(extremum_, of, workspace);
}

template class RectanglePass<std::uint8_t>;
template class RectanglePass<std::uint16_t>;
template class RectanglePass<float>;

}  // namespace mcfast
