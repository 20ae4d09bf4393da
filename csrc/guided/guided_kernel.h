// Guided filter (He, Sun and Tang 2013), O(1) per pixel in the radius.
//
// First pass, equations 5 and 6: a = cov(guide, src) / (var(guide) + eps), b = mean(src) - a mean(guide), from running
// sums that are exact for integers, so flat bright areas, where E[I^2] - E[I]^2 cancels, lose nothing and never turn
// into NaN. Second pass, equation 8: means of a and b over the same window, from a ring of rows.
//
// Both passes move down the image together, and along each row in blocks: the coefficients follow the moments by a
// radius, the output follows the coefficients by another, so that the prefix sums of a block are still in the
// first-level cache when they are used. A strip starts its sums afresh, so they do not depend on how threads share the
// strips.
#pragma once

#include "blur/box_kernel.h"
#include "guided/guided_task.h"

namespace mcfast::MCFAST_LEVEL {

template <class T, class Sum>
struct GuidedKernel {
    static constexpr int block = 256;  // columns

    const GuidedTask<T>& task;
    GuidedLayout<T, Sum> buffer;
    int n, radius, rows;
    bool self;
    RunningSum<Sum> guide, src;
    RunningSum<double> square, product, a, b;

    GuidedKernel(const GuidedTask<T>& t, char* workspace)
        : task(t),
          buffer(t, workspace),
          n(t.guide.columns),
          radius(t.radius),
          rows(t.guide.rows),
          self(t.self_guided()),
          guide(buffer.guide, n, t.along.radius),
          src(buffer.src, n, t.along.radius),
          square(buffer.square, n, t.along.radius),
          product(buffer.product, n, t.along.radius),
          a(buffer.a, n, t.along.radius),
          b(buffer.b, n, t.along.radius) {
        fill(buffer.blank_guide, static_cast<T>(task.guide_shift), n);
        fill(buffer.blank_src, static_cast<T>(task.src_shift), n);
        fill(buffer.zeros, 0.0, static_cast<int>(buffer.pitch));
    }

    RowPair<T> guide_rows(int entering, int leaving) const {
        return {task.guide, entering, leaving, buffer.blank_guide, task.guide_shift};
    }
    RowPair<T> src_rows(int entering, int leaving) const {
        return {task.src, entering - task.src_top, leaving - task.src_top, buffer.blank_src, task.src_shift};
    }

    /// Adds row y to the moments, for rows whose windows nobody asks for.
    void add_moments(int y) const {
        const RowPair<T> guides = guide_rows(y, -1), sources = src_rows(y, task.src_top - 1);
        const auto to_guide = guide, to_src = src;
        const auto to_square = square, to_product = product;
        for_each_eight(0, n, [&](int x, auto count) {
            const Doubles g = guides.pixels(guides.entering, x, count);
            to_guide.add(x, guides.template change<Sum>(x, count));
            to_square.add(x, g * g);
            if (self) return;
            to_src.add(x, sources.template change<Sum>(x, count));
            to_product.add(x, g * sources.pixels(sources.entering, x, count));
        });
    }

    template <class Count>
    [[gnu::always_inline]] static Doubles product_change(const RowPair<T>& values, const RowPair<T>& factors, int x,
                                                         Count count) {
        return values.pixels(values.entering, x, count) * factors.pixels(factors.entering, x, count) -
               values.pixels(values.leaving, x, count) * factors.pixels(factors.leaving, x, count);
    }

    /// Moves the sums of `values` and of `values` times `factors` down by one row, for columns [begin, end).
    static void move_two(RunningSum<Sum>& first, RunningSum<double>& second, const RowPair<T>& values,
                         const RowPair<T>& factors, int begin, int end) {
        auto sum = first;
        auto product_sum = second;
        for_each_eight(begin, end, [&](int x, auto count) {
            sum.update(x, values.template change<Sum>(x, count));
            product_sum.update(x, product_change(values, factors, x, count));
        });
        first.carry = sum.carry;
        second.carry = product_sum.carry;
    }

    double* ring_row(double* ring, int y) const { return ring + (y % buffer.depth) * buffer.pitch; }

    /// Coefficients of row y into the ring, for columns [begin, end), from the moments of the rows around it. Calls
    /// f(x, a, b) with those of eight columns; zeros past the end, which takes no part in the sums.
    template <class F>
    [[gnu::always_inline]] void compute_coefficients(int y, int begin, int end, F&& f) const {
        const double inverse_height = 1.0 / clipped_height(y, radius, rows), eps = task.eps;
        const double src_shift = task.src_shift, guide_shift = task.guide_shift;
        double *to_a = ring_row(buffer.a_ring, y), *to_b = ring_row(buffer.b_ring, y);
        const auto guides = guide.prefix, sources = self ? guide.prefix : src.prefix;
        const auto squares = square.prefix, products = self ? square.prefix : product.prefix;
        const double* inverse_width = task.along.inverse_width;
        const Doubles zero{};
        for_each_eight(begin, end, [&](int x, auto count) {
            const Doubles scale = load_doubles(inverse_width + x) * inverse_height;
            const Doubles mean_guide = guides.window(x) * scale, mean_src = sources.window(x) * scale;
            const Doubles variance = larger(squares.window(x) * scale - mean_guide * mean_guide, zero) + eps;
            const Doubles covariance = products.window(x) * scale - mean_guide * mean_src;
            const Doubles slope = where_positive(variance, covariance / variance).first(count);
            const Doubles offset = (mean_src + src_shift - slope * (mean_guide + guide_shift)).first(count);
            slope.store(to_a + x);
            offset.store(to_b + x);
            f(x, slope, offset);
        });
    }

    /// Adds the coefficients of row y, which enter the sums whose means nobody asks for yet.
    void add_coefficients(int y, int begin, int end) const {
        const auto to_a = a, to_b = b;
        compute_coefficients(y, begin, end, [&](int x, const Doubles& slope, const Doubles& offset) {
            to_a.add(x, slope);
            to_b.add(x, offset);
        });
    }

    /// Moves the sums of a and b down by one row: row `entering` is computed (-1: none), row `leaving` comes from the
    /// ring (-1: none).
    void move_coefficients(int entering, int leaving, int begin, int end) {
        auto to_a = a, to_b = b;
        const double* a_out = leaving < 0 ? buffer.zeros : ring_row(buffer.a_ring, leaving);
        const double* b_out = leaving < 0 ? buffer.zeros : ring_row(buffer.b_ring, leaving);
        const auto move = [&](int x, const Doubles& slope, const Doubles& offset) {
            to_a.update(x, slope - load_doubles(a_out + x));
            to_b.update(x, offset - load_doubles(b_out + x));
        };
        if (entering < 0) {
            for (int x = begin; x < end; x += eight) move(x, Doubles{}, Doubles{});
        } else {
            compute_coefficients(entering, begin, end, move);
        }
        a.carry = to_a.carry;
        b.carry = to_b.carry;
    }

    /// Calls f(x, count, mean a, mean b) for the vectors of row y.
    template <class F>
    [[gnu::always_inline]] void for_each_mean(int y, int begin, int end, F&& f) const {
        const double inverse_height = 1.0 / clipped_height(y, radius, rows);
        const auto slopes = a.prefix, offsets = b.prefix;
        const double* inverse_width = task.along.inverse_width;
        for_each_eight(begin, end, [&](int x, auto count) {
            const Doubles scale = load_doubles(inverse_width + x) * inverse_height;
            f(x, count, slopes.window(x) * scale, offsets.window(x) * scale);
        });
    }

    /// Turns the summed coefficients of row y into the row's output.
    void emit(int y, int begin, int end) const {
        const T* intensity = task.guide.row(y);
        if (task.output == GuidedOutput::coefficients) {
            float *to_a = task.out.row(y), *to_b = task.second.row(y);
            for_each_mean(y, begin, end, [&](int x, auto count, const Doubles& slope, const Doubles& offset) {
                store_pixels(to_a + x, slope, count);
                store_pixels(to_b + x, offset, count);
            });
        } else if (task.output == GuidedOutput::filtered) {
            float* to = task.out.row(y);
            for_each_mean(y, begin, end, [&](int x, auto count, const Doubles& slope, const Doubles& offset) {
                store_pixels(to + x, slope * load_doubles(intensity + x, count) + offset, count);
            });
        } else {
            T* to = task.radiance.row(y);
            for_each_mean(y, begin, end, [&](int x, auto count, const Doubles& slope, const Doubles& offset) {
                const Doubles pixels = load_doubles(intensity + x, count);
                store_pixels(to + x, radiance(pixels, slope * pixels + offset), count);
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

    /// How far a step is when the one before it has come to `done`: it needs the prefix sums a radius further on.
    int reached(int done) const {
        if (done >= n) return n;
        const int to = (done - task.along.radius) / eight * eight;
        return to > 0 ? to : 0;
    }

    /// Takes the coefficients of row `next` (-1: none) into the sums, and the output of row y (-1: none) from them.
    void advance(int next, int y, int first) {
        const bool more = next >= 0;
        const int above = next > first ? next - radius - 1 : -1;
        const RowPair<T> guides = guide_rows(next + radius, above);
        const RowPair<T> sources = src_rows(next + radius, above < 0 ? task.src_top - 1 : above);
        const int leaving = y - radius - 1 >= first ? y - radius - 1 : -1;
        guide.begin_row(), square.begin_row(), src.begin_row(), product.begin_row(), a.begin_row(), b.begin_row();
        for (int done = 0, coefficients = 0, emitted = 0; emitted < n;) {
            const int begin = done, from = coefficients, start = emitted;
            done = n - done > block ? done + block : n;
            coefficients = reached(done);
            emitted = y < 0 ? coefficients : reached(coefficients);
            if (more) {
                move_two(guide, square, guides, guides, begin, done);
                if (!self) move_two(src, product, sources, guides, begin, done);
                if (done == n) finish_moments();
            }
            if (y < 0) {
                add_coefficients(next, from, coefficients);
                continue;
            }
            move_coefficients(more ? next : -1, leaving, from, coefficients);
            if (coefficients == n) a.finish_row(), b.finish_row();
            emit(y, start, emitted);
        }
    }

    void finish_moments() const {
        guide.finish_row(), square.finish_row();
        if (!self) src.finish_row(), product.finish_row();
    }

    void run() {
        const int first = task.top - radius > 0 ? task.top - radius : 0;
        for (int y = first - radius; y < first + radius; ++y) add_moments(y);
        int next = first;  // first row whose coefficients are not yet in the ring
        for (; next < task.top + radius && next < rows; ++next) advance(next, -1, first);
        for (int y = task.top; y < task.bottom; ++y) {
            advance(next < rows ? next : -1, y, first);
            if (next < rows) ++next;
        }
    }
};

template <class T>
void guided_filter(const GuidedTask<T>& task, char* workspace) {
    if (sums_fit_in_32_bits<T>(task.radius > task.along.radius ? task.radius : task.along.radius)) {
        if constexpr (std::is_integral_v<T>) GuidedKernel<T, std::uint32_t>(task, workspace).run();
    } else {
        GuidedKernel<T, double>(task, workspace).run();
    }
}

}  // namespace mcfast::MCFAST_LEVEL
