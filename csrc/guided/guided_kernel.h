// Guided filter (He, Sun and Tang 2013), O(1) per pixel in the radius.
//
// First pass, equations 5 and 6: a = cov(guide, src) / (var(guide) + eps), b = mean(src) - a mean(guide), from column
// sums that are exact for integers, so flat bright areas, where E[I^2] - E[I]^2 cancels, lose nothing and never turn
// into NaN. Second pass, equation 8: means of a and b over the same window, from a ring of rows.
//
// Both passes move down the image together: a row's coefficients follow its last moments, a row's output follows its
// last coefficients. Rows are worked on as eight segments (blur/segments.h), so a window slides along them with one
// addition for eight pixels. A strip starts its sums afresh, so they do not depend on how threads share the strips.
#pragma once

#include "blur/box_kernel.h"
#include "guided/guided_task.h"

namespace mcfast::MCFAST_LEVEL {

/// `self`: src is the guide, its moments are the guide's.
template <class T, class Sum, bool self>
struct GuidedKernel {
    const GuidedTask<T>& task;
    GuidedLayout<T, Sum> buffer;
    Segments segments;
    int radius, rows;
    WindowSum<Sum> guide, src;
    WindowSum<double> square, product, a, b;

    GuidedKernel(const GuidedTask<T>& t, char* workspace)
        : task(t),
          buffer(t, workspace),
          segments(t.along.segments),
          radius(t.radius),
          rows(t.guide.rows),
          guide(buffer.guide, t.along),
          src(buffer.src, t.along),
          square(buffer.square, t.along),
          product(buffer.product, t.along),
          a(buffer.a, t.along),
          b(buffer.b, t.along) {
        fill(buffer.blank_guide, static_cast<T>(task.guide_shift), segments.columns);
        fill(buffer.blank_src, static_cast<T>(task.src_shift), segments.columns);
        fill(buffer.zeros, 0.0, static_cast<int>(buffer.pitch));
    }

    /// Moves the column sums of the moments down: row `entering` comes in, row `leaving` goes out. Rows that are not
    /// in the image, such as -1, are nothing.
    void move_moments(int entering, int leaving) const {
        const RowPair<T> guides(task.guide, entering, leaving, buffer.blank_guide, task.guide_shift);
        const int gone = leaving < 0 ? -1 : leaving - task.src_top;
        const RowPair<T> sources(task.src, entering - task.src_top, gone, buffer.blank_src, task.src_shift);
        const auto to_guide = guide, to_src = src;
        const auto to_square = square, to_product = product;
        const Segments row = segments;
        for (int i = 0; i < row.length; i += eight) {
            guides.prefetch_next(row, i);
            const BlockPair<T> guide_pair(guides, row, i);
            for_each_place([&](auto j) __attribute__((always_inline)) {
                to_guide.add(i + j, guide_pair.template change<Sum>(j));
                to_square.add(i + j, guide_pair.square_change(j));
            });
            if constexpr (!self) {
                sources.prefetch_next(row, i);
                const BlockPair<T> src_pair(sources, row, i);
                for_each_place([&](auto j) __attribute__((always_inline)) {
                    to_src.add(i + j, src_pair.template change<Sum>(j));
                    to_product.add(i + j, src_pair.product_change(guide_pair, j));
                });
            }
        }
    }

    double* ring_row(double* ring, int y) const { return ring + (y % buffer.depth) * buffer.pitch; }

    /// Coefficients of row y from the moments around it, into the ring and the column sums of a and b, from which row
    /// `leaving` goes (-1: none). They are of values without their shifts.
    void move_coefficients(int y, int leaving) {
        const double inverse_height = 1.0 / clipped_height(y, radius, rows), eps = task.eps;
        double *to_a = ring_row(buffer.a_ring, y), *to_b = ring_row(buffer.b_ring, y);
        const double* a_out = leaving < 0 ? buffer.zeros : ring_row(buffer.a_ring, leaving);
        const double* b_out = leaving < 0 ? buffer.zeros : ring_row(buffer.b_ring, leaving);
        const double* inverse_width = task.along.inverse_width;
        auto guides = guide, sources = src;
        auto squares = square, products = product;
        const auto a_sum = a, b_sum = b;
        guides.begin_row(), squares.begin_row();
        if constexpr (!self) sources.begin_row(), products.begin_row();
        const Doubles zero{};
        const int length = segments.length;
        for (int i = 0; i < length; ++i) {
            const Doubles scale = Doubles::load(inverse_width + eight * i) * inverse_height;
            const Doubles mean_guide = guides.slide(i) * scale;
            const Doubles variance = larger(squares.slide(i) * scale - mean_guide * mean_guide, zero);
            Doubles mean_src = mean_guide, covariance = variance;
            if constexpr (!self) {
                mean_src = sources.slide(i) * scale;
                covariance = products.slide(i) * scale - mean_guide * mean_src;
            }
            const Doubles divisor = variance + eps;
            const Doubles slope = where_positive(divisor, covariance / divisor);
            const Doubles offset = mean_src - slope * mean_guide;
            slope.store(to_a + eight * i);
            offset.store(to_b + eight * i);
            a_sum.add(i, slope - Doubles::load(a_out + eight * i));
            b_sum.add(i, offset - Doubles::load(b_out + eight * i));
        }
    }

    /// Takes row `leaving` out of the column sums of a and b, at the image's end, where none enters.
    void drop_coefficients(int leaving) const {
        const double *a_out = ring_row(buffer.a_ring, leaving), *b_out = ring_row(buffer.b_ring, leaving);
        const Doubles zero{};
        for (int i = 0; i < segments.length; ++i) {
            a.add(i, zero - Doubles::load(a_out + eight * i));
            b.add(i, zero - Doubles::load(b_out + eight * i));
        }
    }

    /// Writes f(j, mean a, mean b) to the places of row y of an image; `block(i)` comes before the places of a block.
    template <class Out, class G, class F>
    [[gnu::always_inline]] void emit_row(int y, const Image<Out>& image, G&& block, F&& f) const {
        Out* out = image.row(y);
        const std::ptrdiff_t stride = image.stride;
        const double inverse_height = 1.0 / clipped_height(y, radius, rows);
        const double* inverse_width = task.along.inverse_width;
        auto slopes = a, offsets = b;
        slopes.begin_row(), offsets.begin_row();
        const Segments row = segments;
        for (int i = 0; i < row.length; i += eight) {
            prefetch_block(out + stride, row, i);
            block(i);
            Block<Out> results;
            for_each_place([&](auto j) __attribute__((always_inline)) {
                const Doubles scale = Doubles::load(inverse_width + eight * (i + j)) * inverse_height;
                const Doubles slope = slopes.slide(i + j) * scale, offset = offsets.slide(i + j) * scale;
                results.at[j] = to_pixels<Out>(f(j, slope, offset));
            });
            store_block(out, row, i, results);
        }
    }

    /// Turns the summed coefficients of row y into the row's output, and brings the shifts back.
    void emit(int y) const {
        const double guide_shift = task.guide_shift, src_shift = task.src_shift;
        if (task.output == GuidedOutput::coefficients) {
            const auto nothing = [](int) {};
            emit_row(y, task.out, nothing,
                     [](int, const Doubles& slope, const Doubles&) __attribute__((always_inline)) { return slope; });
            emit_row(y, task.second, nothing,
                     [&](int, const Doubles& slope, const Doubles& offset)
                         __attribute__((always_inline)) { return offset + src_shift - slope * guide_shift; });
            return;
        }
        const T* row = task.guide.row(y);
        Block<T> pixels;
        const Segments all = segments;
        const auto load = [&](int i) __attribute__((always_inline)) { pixels = load_block(row, all, i); };
        if (task.output == GuidedOutput::filtered) {
            emit_row(y, task.out, load,
                     [&](int j, const Doubles& slope, const Doubles& offset) __attribute__((always_inline)) {
                         return slope * (to_doubles(pixels.at[j]) - guide_shift) + (offset + src_shift);
                     });
        } else {
            emit_row(y, task.radiance, load,
                     [&](int j, const Doubles& slope, const Doubles& offset) __attribute__((always_inline)) {
                         const Doubles values = to_doubles(pixels.at[j]);
                         return radiance(values, slope * (values - guide_shift) + (offset + src_shift));
                     });
        }
    }

    /// R = 1 + (I - 1) / t with t = max(1 - omega smooth, t_min), in counts; integers rounded to nearest even.
    [[gnu::always_inline]] Doubles radiance(const Doubles& pixels, const Doubles& smooth) const {
        const Doubles zero{}, white(task.white);
        const Doubles transmission = larger(Doubles(1) - smooth * (task.omega / task.white), Doubles(task.t_min));
        const Doubles clear = smaller(larger(white + (pixels - white) / transmission, zero), white);
        if constexpr (!std::is_integral_v<T>) return clear;
        // Adding 2^52 leaves no room for a fraction: the sum is rounded to nearest even.
        constexpr double whole = 4503599627370496.0;
        return (clear + whole) - whole;
    }

    void run() {
        const int first = task.top - radius > 0 ? task.top - radius : 0;
        for (int y = first - radius; y < first + radius; ++y) move_moments(y, -1);
        int next = first;  // first row whose coefficients are not yet in the ring
        const auto enter = [&](int leaving) {
            move_moments(next + radius, next > first ? next - radius - 1 : -1);
            move_coefficients(next++, leaving);
        };
        while (next < task.top + radius && next < rows) enter(-1);
        for (int y = task.top; y < task.bottom; ++y) {
            const int leaving = y - radius - 1 >= first ? y - radius - 1 : -1;
            if (next < rows) {
                enter(leaving);
            } else if (leaving >= 0) {
                drop_coefficients(leaving);
            }
            emit(y);
        }
    }
};

template <class T, class Sum>
void guided_filter_summed(const GuidedTask<T>& task, char* workspace) {
    if (task.self_guided()) {
        GuidedKernel<T, Sum, true>(task, workspace).run();
    } else {
        GuidedKernel<T, Sum, false>(task, workspace).run();
    }
}

template <class T>
void guided_filter(const GuidedTask<T>& task, char* workspace) {
    if (sums_fit_in_32_bits<T>(task.radius > task.along.radius ? task.radius : task.along.radius)) {
        if constexpr (std::is_integral_v<T>) guided_filter_summed<T, std::uint32_t>(task, workspace);
    } else {
        guided_filter_summed<T, double>(task, workspace);
    }
}

}  // namespace mcfast::MCFAST_LEVEL
