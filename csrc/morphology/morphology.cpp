#include "morphology/morphology.h"

#include <algorithm>
#include <memory>

#include "core/kernels.h"
#include "core/thread_pool.h"
#include "core/workspace.h"
#include "morphology/footprint_pass.h"
#include "morphology/rectangle_pass.h"

namespace mcfast {

namespace {

constexpr int longest_reach = 1 << 15;

/// A full-size image of its own.
template <class T>
struct Temporary {
    Temporary(int rows, int columns)
        : memory(new T[static_cast<std::size_t>(rows) * columns]), image{memory.get(), columns, rows, columns} {}
    std::unique_ptr<T[]> memory;
    Image<T> image;
};

/// The two passes of an opening, a closing or a top-hat.
struct TwoPasses {
    explicit TwoPasses(Morphology kind)
        : minimum_first(kind == Morphology::opening || kind == Morphology::white_tophat),
          is_difference(kind == Morphology::white_tophat || kind == Morphology::black_tophat),
          first(minimum_first ? Extremum::minimum : Extremum::maximum),
          second(minimum_first ? Extremum::maximum : Extremum::minimum) {}

    bool minimum_first, is_difference;
    Extremum first, second;
};

/// By a rectangle: box by box, so that what lies between stays in cache.
template <class T>
void run_two_passes(const TwoPasses& of, const Image<const T>& image, const Footprint& rectangle, const Image<T>& out,
                    int threads) {
    const RectanglePass<T> first(of.first, rectangle), second(of.second, rectangle);
    const int rows = first.box_rows();
    const auto fitting = static_cast<int>(cache_bytes / (sizeof(T) * static_cast<std::size_t>(rows))) / 64 * 64;
    const auto boxes = cut(image.rows, image.columns, rows, std::max(256, std::min(first.box_columns(), fitting)));
    parallel_for(boxes.size(), threads, [&](std::size_t i) {
        const Box box = boxes[i], needed = second.reach(box, image.rows, image.columns);
        const Box inner{box.top - needed.top, box.bottom - needed.top, box.left - needed.left, box.right - needed.left};
        const auto pixels = static_cast<std::size_t>(needed.rows()) * static_cast<std::size_t>(needed.columns());
        Layout measure(nullptr);
        measure.take<T>(pixels);
        const std::size_t passes = std::max(first.workspace_bytes(needed), second.workspace_bytes(inner));
        char* workspace = thread_workspace(measure.bytes() + passes);
        Layout layout(workspace);
        const Image<T> between{layout.take<T>(pixels), needed.columns(), needed.rows(), needed.columns()};
        const Image<T> to = part(out, box);
        first.run(image, needed, between, workspace + layout.bytes());
        second.run(between, inner, to, workspace + layout.bytes());
        if (!of.is_difference) return;
        const Image<const T> here = part(image, box);
        of.minimum_first ? kernels().of<T>().subtract_rows(here, to, to)
                         : kernels().of<T>().subtract_rows(to, here, to);
    });
}

/// By chords: a second pass takes its rows from a first one, band by band.
template <class T>
void run_two_passes_by_chords(const TwoPasses& of, const Image<const T>& image, const Footprint& footprint,
                              const Image<T>& out, int threads) {
    const Footprint mirrored = footprint.reflected();
    const FootprintPlan first(of.minimum_first ? footprint : mirrored), second(of.minimum_first ? mirrored : footprint);
    const Box inside{0, image.rows, 0, image.columns};
    const auto boxes =
        cut(image.rows, image.columns, first.box_rows(image.rows, threads), first.box_columns(sizeof(T)));
    parallel_for(boxes.size(), threads, [&](std::size_t i) {
        const Image<T> to = part(out, boxes[i]);
        const FootprintPass<T> measured(of.second, second, boxes[i], inside, past_line(to.data), nullptr);
        const Box& needed = measured.needed();
        const std::size_t bytes = FootprintPass<T>(of.first, first, needed, inside, measured.past(), nullptr).bytes();
        char* workspace = thread_workspace(bytes + measured.bytes());
        FootprintPass<T> before(of.first, first, needed, inside, measured.past(), workspace);
        FootprintPass<T> after(of.second, second, boxes[i], inside, past_line(to.data), workspace + bytes);
        before.read(image);
        after.read(before);
        after.write(to, of.is_difference ? part(image, boxes[i]) : Image<const T>{});
        after.make_all();
    });
}

template <class T>
void extremum_by_chords(Extremum extremum, const Image<const T>& image, const Footprint& footprint, const Image<T>& out,
                        int threads) {
    const FootprintPlan plan(footprint);
    const Box inside{0, image.rows, 0, image.columns};
    const auto boxes = cut(out.rows, out.columns, plan.box_rows(out.rows, threads), plan.box_columns(sizeof(T)));
    parallel_for(boxes.size(), threads, [&](std::size_t i) {
        const Image<T> to = part(out, boxes[i]);
        const int past = past_line(to.data);
        const std::size_t bytes = FootprintPass<T>(extremum, plan, boxes[i], inside, past, nullptr).bytes();
        FootprintPass<T> pass(extremum, plan, boxes[i], inside, past, thread_workspace(bytes));
        pass.read(image);
        pass.write(to);
        pass.make_all();
    });
}

/// Of other operations' time per pixel: half a million pixels are needed before a second thread is worth waking.
constexpr double cost_of_rectangle = 0.25;

template <class T>
void compute(Morphology kind, const Image<const T>& image, const Footprint& footprint, const Image<T>& out,
             int threads) {
    if (kind == Morphology::erode) {
        compute_extremum(Extremum::minimum, image, 1, footprint, out, threads);
    } else if (kind == Morphology::dilate) {
        compute_extremum(Extremum::maximum, image, 1, footprint.reflected(), out, threads);
    } else if (footprint.is_rectangle()) {
        run_two_passes(TwoPasses(kind), image, footprint.within(image.rows, image.columns), out, threads);
    } else {
        run_two_passes_by_chords(TwoPasses(kind), image, footprint, out, threads);
    }
}

/// `compute`, also into the image itself: boxes read their neighbours, so that needs an image in between.
template <class T>
void compute_in_place(Morphology kind, const Image<T>& image, const Footprint& footprint, int threads) {
    const Temporary<T> result(image.rows, image.columns);
    compute<T>(kind, image, footprint, result.image, threads);
    for (int y = 0; y < image.rows; ++y) std::copy_n(result.image.row(y), image.columns, image.row(y));
}

}  // namespace

Footprint Footprint::reflected() const {
    Footprint mirrored{rows, columns, chords};
    for (Chord& chord : mirrored.chords) chord = {-chord.row, -(chord.column + chord.length - 1), chord.length};
    return mirrored;
}

Footprint Footprint::within(int image_rows, int image_columns) const {
    if (!is_rectangle()) return *this;
    return {std::min(rows, 2 * image_rows - 1), std::min(columns, 2 * image_columns - 1), {}};
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
    if (!footprint.is_rectangle()) return extremum_by_chords(extremum, image, footprint, out, threads);
    const RectanglePass<T> pass(extremum, footprint.within(image.rows, image.columns / channels));
    const auto boxes = cut(out.rows, out.columns, pass.box_rows(), pass.box_columns());
    parallel_for(boxes.size(), threads, [&](std::size_t i) {
        char* workspace = thread_workspace(pass.workspace_bytes(boxes[i]));
        pass.run(image, boxes[i], part(out, boxes[i]), workspace, channels);
    });
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
    const auto pixels = static_cast<double>(image.shape[0]) * static_cast<double>(image.shape[1]);
    const int workers =
        choose_threads(operation, threads, footprint.is_rectangle() ? cost_of_rectangle * pixels : pixels);
    visit_pixels(image.dtype, [&](auto* tag) {
        using T = std::remove_pointer_t<decltype(tag)>;
        if (same) {
            compute_in_place(kind, as_image<T>(out), footprint, workers);
        } else {
            compute<T>(kind, as_image<const T>(image), footprint, as_image<T>(out), workers);
        }
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
    const int workers = choose_threads("dark_channel", threads, cost_of_rectangle * rows * columns);
    visit_pixels(image.dtype, [&](auto* tag) {
        using T = std::remove_pointer_t<decltype(tag)>;
        compute_extremum<T>(Extremum::minimum, as_image<const T>(flat), static_cast<int>(image.shape[2]),
                            {window_rows, window_columns, {}}, as_image<T>(out), workers);
    });
}

}  // namespace mcfast
