#include "morphology/morphology.h"

#include <algorithm>
#include <memory>

#include "core/kernels.h"
#include "core/thread_pool.h"

namespace mcfast {

namespace {

constexpr int longest_reach = 1 << 15;
constexpr std::size_t cache_bytes = 512 * 1024;  // what a task's buffers may take of a core's L2

/// Cuts an image into boxes; depends on nothing but its arguments, so that results do not depend on threads.
std::vector<Box> cut(int rows, int columns, int box_rows, int box_columns) {
    std::vector<Box> boxes;
    for (int y = 0; y < rows; y += box_rows) {
        for (int x = 0; x < columns; x += box_columns) {
            boxes.push_back({y, std::min(rows, y + box_rows), x, std::min(columns, x + box_columns)});
        }
    }
    return boxes;
}

template <class T>
Image<T> window(const Image<T>& image, const Box& box) {
    return {image.row(box.top) + box.left, image.stride, box.rows(), box.columns()};
}

template <class T>
void run_rectangle(Extremum extremum, const Image<const T>& image, int channels, const Footprint& footprint,
                   const Image<T>& out, int threads) {
    // Two blocks of k rows should stay in L2; a strip that is a multiple of k wastes no part of its last block.
    const int k = footprint.rows, columns = image.columns / channels;
    const int strip = std::max(4, 128 / k) * k;
    const auto fitting = static_cast<int>(cache_bytes / (sizeof(T) * static_cast<std::size_t>(k)));
    const auto boxes = cut(image.rows, columns, strip, std::max({fitting, 4 * footprint.columns, 256}));
    parallel_for(boxes.size(), threads, [&](std::size_t i) {
        const RectangleTask<T> task{image, window(out, boxes[i]), channels, columns, k, footprint.columns, boxes[i]};
        char* workspace = thread_workspace(RectangleLayout<T>(task, nullptr).bytes());
        kernels().of<T>().rectangle_extremum(extremum, task, workspace);
    });
}

template <class T>
void run_chords(Extremum extremum, const Image<const T>& image, const Footprint& footprint, const Image<T>& out,
                int threads) {
    const auto& chords = footprint.chords;
    std::vector<int> lengths, index;
    for (const Chord& chord : chords) lengths.push_back(chord.length);
    std::sort(lengths.begin(), lengths.end());
    lengths.erase(std::unique(lengths.begin(), lengths.end()), lengths.end());
    FootprintTask<T> task{image,
                          out,
                          chords.data(),
                          nullptr,
                          static_cast<int>(chords.size()),
                          lengths.data(),
                          static_cast<int>(lengths.size()),
                          chords[0].row,
                          chords[0].row,
                          chords[0].column,
                          0,
                          {}};
    int last_column = chords[0].column;
    for (const Chord& chord : chords) {
        index.push_back(
            static_cast<int>(std::lower_bound(lengths.begin(), lengths.end(), chord.length) - lengths.begin()));
        task.first_row = std::min(task.first_row, chord.row);
        task.last_row = std::max(task.last_row, chord.row);
        task.first_column = std::min(task.first_column, chord.column);
        last_column = std::max(last_column, chord.column + chord.length - 1);
    }
    task.chord_lengths = index.data();
    task.reach = last_column - task.first_column;
    const std::size_t depth = static_cast<std::size_t>(task.last_row - task.first_row + 1);
    const auto fitting = static_cast<int>(cache_bytes / (sizeof(T) * depth * lengths.size()));
    const auto boxes = cut(image.rows, image.columns, std::max(128, 4 * static_cast<int>(depth)),
                           std::max({fitting, 2 * task.reach, 256}));
    parallel_for(boxes.size(), threads, [&](std::size_t i) {
        FootprintTask<T> mine = task;
        mine.out = window(out, boxes[i]);
        mine.box = boxes[i];
        char* workspace = thread_workspace(FootprintLayout<T>(mine, nullptr).bytes());
        kernels().of<T>().footprint_extremum(extremum, mine, workspace);
    });
}

template <class T>
void run_subtraction(const Image<const T>& a, const Image<const T>& b, const Image<T>& out, int threads) {
    constexpr int strip = 128;
    parallel_for((out.rows + strip - 1) / strip, threads, [&](std::size_t i) {
        const int top = static_cast<int>(i) * strip;
        kernels().of<T>().subtract_rows(a, b, out, top, std::min(out.rows, top + strip));
    });
}

/// A full-size image of its own.
template <class T>
struct Temporary {
    Temporary(int rows, int columns)
        : memory(new T[static_cast<std::size_t>(rows) * columns]), image{memory.get(), columns, rows, columns} {}
    std::unique_ptr<T[]> memory;
    Image<T> image;
};

template <class T>
Image<const T> readable(const Image<T>& image) {
    return {image.data, image.stride, image.rows, image.columns};
}

template <class T>
void compute(Morphology kind, const Image<const T>& image, const Footprint& footprint, const Image<T>& out, bool same,
             int threads) {
    const bool starts_with_minimum =
        kind == Morphology::erode || kind == Morphology::opening || kind == Morphology::white_tophat;
    const Footprint mirrored = footprint.reflected();
    const auto apply = [&](bool minimum, const Image<const T>& from, const Image<T>& to) {
        compute_extremum(minimum ? Extremum::minimum : Extremum::maximum, from, 1, minimum ? footprint : mirrored, to,
                         threads);
    };
    if (kind == Morphology::erode || kind == Morphology::dilate) {
        if (!same) return apply(starts_with_minimum, image, out);
        Temporary<T> result(image.rows, image.columns);
        apply(starts_with_minimum, image, result.image);
        for (int y = 0; y < image.rows; ++y) std::copy_n(result.image.row(y), image.columns, out.row(y));
        return;
    }
    Temporary<T> first(image.rows, image.columns);
    apply(starts_with_minimum, image, first.image);
    if (kind == Morphology::opening || kind == Morphology::closing) {
        return apply(!starts_with_minimum, readable(first.image), out);
    }
    Temporary<T> second(image.rows, image.columns);
    apply(!starts_with_minimum, readable(first.image), second.image);
    if (kind == Morphology::white_tophat) {
        run_subtraction(image, readable(second.image), out, threads);
    } else {
        run_subtraction(readable(second.image), image, out, threads);
    }
}

}  // namespace

Footprint Footprint::reflected() const {
    Footprint mirrored{rows, columns, chords};
    for (Chord& chord : mirrored.chords) chord = {-chord.row, -(chord.column + chord.length - 1), chord.length};
    return mirrored;
}

void check_footprint(const char* operation, const Footprint& footprint) {
    const Argument argument{operation, "footprint"};
    check_range(argument, std::max(footprint.rows, footprint.columns), 1, longest_reach, "sides of 1 to 32768 pixels");
    for (const Chord& chord : footprint.chords) {
        check_range(argument, chord.length, 1, longest_reach, "chords of 1 to 32768 pixels");
        check_range(argument, std::abs(chord.row), 0, longest_reach, "rows within 32768 pixels of the origin");
        check_range(argument, std::abs(chord.column), 0, longest_reach, "columns within 32768 pixels of the origin");
    }
}

template <class T>
void compute_extremum(Extremum extremum, const Image<const T>& image, int channels, const Footprint& footprint,
                      const Image<T>& out, int threads) {
    if (footprint.is_rectangle()) {
        run_rectangle(extremum, image, channels, footprint, out, threads);
    } else {
        run_chords(extremum, image, footprint, out, threads);
    }
}

template void compute_extremum(Extremum, const Image<const std::uint8_t>&, int, const Footprint&,
                               const Image<std::uint8_t>&, int);
template void compute_extremum(Extremum, const Image<const std::uint16_t>&, int, const Footprint&,
                               const Image<std::uint16_t>&, int);
template void compute_extremum(Extremum, const Image<const float>&, int, const Footprint&, const Image<float>&, int);

void morphology(const char* operation, Morphology kind, const Array& image, const Footprint& footprint,
                const Array& out, int threads) {
    const Argument in{operation, "image"}, to{operation, "out"};
    check_pixels(in, image);
    check_layout(in, image);
    check_footprint(operation, footprint);
    check_out(to, out, image.dtype, image.dtype_name.c_str(), static_cast<int>(image.shape[0]),
              static_cast<int>(image.shape[1]));
    const bool same = check_overlap(to, out, image, true);
    const int workers =
        choose_threads(operation, threads, static_cast<double>(image.shape[0]) * static_cast<double>(image.shape[1]));
    visit_pixels(image.dtype, [&](auto* tag) {
        using T = std::remove_pointer_t<decltype(tag)>;
        compute<T>(kind, as_image<const T>(image), footprint, as_image<T>(out), same, workers);
    });
}

void dark_channel(const Array& image, int window_rows, int window_columns, const Array& out, int threads) {
    const Argument in{"dark_channel", "image"}, to{"dark_channel", "out"}, size{"dark_channel", "size"};
    if (image.dimensions == 2) {
        check_window(size, window_rows, window_columns);
        return morphology("dark_channel", Morphology::erode, image, {window_rows, window_columns, {}}, out, threads);
    }
    check_pixels(in, image);
    if (image.dimensions != 3) refuse(in, "shape (rows, columns) or (rows, columns, channels)", shape_text(image));
    Array flat = image;  // (rows, columns * channels)
    flat.dimensions = 2;
    flat.shape[1] = image.shape[1] * image.shape[2];
    flat.strides[1] = image.strides[2];
    const bool packed = image.shape[1] < 2 || image.strides[1] == image.shape[2] * image.strides[2];
    if (!packed) refuse(in, "interleaved channels", "strided ones; use numpy.ascontiguousarray(image)");
    check_layout(in, flat);
    check_window(size, window_rows, window_columns);
    const auto rows = static_cast<int>(image.shape[0]), columns = static_cast<int>(image.shape[1]);
    check_out(to, out, image.dtype, image.dtype_name.c_str(), rows, columns);
    check_overlap(to, out, flat, false);
    const int workers = choose_threads("dark_channel", threads, static_cast<double>(rows) * columns);
    visit_pixels(image.dtype, [&](auto* tag) {
        using T = std::remove_pointer_t<decltype(tag)>;
        compute_extremum<T>(Extremum::minimum, as_image<const T>(flat), static_cast<int>(image.shape[2]),
                            {window_rows, window_columns, {}}, as_image<T>(out), workers);
    });
}

}  // namespace mcfast
