#include "morphology/pass.h"

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "core/kernels.h"

namespace mcfast {

namespace {

bool same(const Run& a, const Run& b) {
    return a.column == b.column && a.length == b.length;
}

bool shorter(const Run& a, const Run& b) {
    return a.length != b.length ? a.length < b.length : a.column < b.column;
}

bool earlier(const TableEntry& a, const TableEntry& b) {
    return a.row != b.row ? a.row < b.row : a.run < b.run;
}

/// An output needs `upper`; the one below it needs the same one row further down.
PairOfRows share(std::vector<TableEntry> upper) {
    std::sort(upper.begin(), upper.end(), earlier);
    std::vector<TableEntry> lower = upper;
    for (TableEntry& entry : lower) ++entry.row;
    PairOfRows pair;
    const auto keep = std::back_inserter<std::vector<TableEntry>>;
    std::set_intersection(upper.begin(), upper.end(), lower.begin(), lower.end(), keep(pair.both), earlier);
    std::set_difference(upper.begin(), upper.end(), lower.begin(), lower.end(), keep(pair.upper), earlier);
    std::set_difference(lower.begin(), lower.end(), upper.begin(), upper.end(), keep(pair.lower), earlier);
    return pair;
}

}  // namespace

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
Pass<T>::Pass(Extremum extremum, const Footprint& footprint)
    : extremum_(extremum),
      footprint_(footprint),
      first_row_(-(footprint.rows / 2)),
      last_row_(footprint.rows / 2),
      first_column_(-(footprint.columns / 2)),
      last_column_(footprint.columns / 2) {
    if (footprint.is_rectangle()) return;
    const auto& chords = footprint_.chords;
    first_row_ = last_row_ = chords[0].row;
    first_column_ = last_column_ = chords[0].column;
    for (const Chord& chord : chords) {
        runs_.push_back({chord.column, chord.length});
        first_row_ = std::min(first_row_, chord.row);
        last_row_ = std::max(last_row_, chord.row);
        first_column_ = std::min(first_column_, chord.column);
        last_column_ = std::max(last_column_, chord.column + chord.length - 1);
    }
    std::sort(runs_.begin(), runs_.end(), shorter);
    runs_.erase(std::unique(runs_.begin(), runs_.end(), same), runs_.end());
    std::vector<TableEntry> entries;
    for (const Chord& chord : chords) {
        const auto at = std::lower_bound(runs_.begin(), runs_.end(), Run{chord.column, chord.length}, shorter);
        entries.push_back({chord.row, static_cast<int>(at - runs_.begin())});
    }
    pair_ = share(entries);
}

template <class T>
Box Pass<T>::reach(const Box& box, int rows, int columns) const {
    return {std::clamp(box.top + first_row_, 0, rows), std::clamp(box.bottom + last_row_, 0, rows),
            std::clamp(box.left + first_column_, 0, columns), std::clamp(box.right + last_column_, 0, columns)};
}

template <class T>
int Pass<T>::box_rows() const {
    const int k = last_row_ - first_row_ + 1;
    // A strip that is a multiple of k rows wastes no part of van Herk's last block; tables are filled for k rows more
    // than a strip has.
    return footprint_.is_rectangle() ? std::max(4, 128 / k) * k : std::max(320, 8 * k);
}

template <class T>
int Pass<T>::box_columns() const {
    const auto k = static_cast<std::size_t>(last_row_ - first_row_ + 1);
    const std::size_t cache = footprint_.is_rectangle() ? cache_bytes : 2 * cache_bytes;
    const std::size_t buffered_rows = footprint_.is_rectangle() ? k : k * runs_.size();
    const auto fitting = static_cast<int>(cache / (sizeof(T) * buffered_rows)) / 64 * 64;
    const int most = footprint_.is_rectangle() ? fitting : std::min(fitting, 2560);
    return std::max({most, 2 * (last_column_ - first_column_) / 64 * 64, 256});
}

template <class T>
RectangleTask<T> Pass<T>::rectangle_task(const Box& box) const {
    return {{}, {}, 1, 0, footprint_.rows, footprint_.columns, box};
}

template <class T>
FootprintTask<T> Pass<T>::footprint_task(const Box& box) const {
    return {{},         {},        runs_.data(),  static_cast<int>(runs_.size()), &pair_,
            first_row_, last_row_, first_column_, last_column_ - first_column_,   box};
}

template <class T>
std::size_t Pass<T>::workspace_bytes(const Box& box) const {
    if (footprint_.is_rectangle()) return RectangleLayout<T>(rectangle_task(box), nullptr).bytes();
    return FootprintLayout<T>(footprint_task(box), nullptr).bytes();
}

template <class T>
void Pass<T>::run(const Image<const T>& image, const Box& box, const Image<T>& out, char* workspace,
                  int channels) const {
    if (footprint_.is_rectangle()) {
        RectangleTask<T> task = rectangle_task(box);
        task.image = image;
        task.out = out;
        task.channels = channels;
        task.columns = image.columns / channels;
        kernels().of<T>().rectangle_extremum(extremum_, task, workspace);
    } else {
        FootprintTask<T> task = footprint_task(box);
        task.image = image;
        task.out = out;
        kernels().of<T>().footprint_extremum(extremum_, task, workspace);
    }
}

template class Pass<std::uint8_t>;
template class Pass<std::uint16_t>;
template class Pass<float>;

}  // namespace mcfast
