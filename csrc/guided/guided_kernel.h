// Guided filter (He, Sun and Tang 2013), O(1) per pixel in the radius.
//
// First pass, equations 5 and 6: a = cov(guide, src) / (var(guide) + eps), b = mean(src) - a mean(guide), from running
// sums that are exact for integers, so flat bright areas, where E[I^2] - E[I]^2 cancels, lose nothing and never turn
// into NaN. Second pass, equation 8: means of a and b over the same window, from a ring of rows. A strip
// starts its sums afresh, so they do not depend on how threads share the strips.
#pragma once

#include "blur/box_kernel.h"
#include "guided/guided_task.h"

namespace mcfast::MCFAST_LEVEL {

template <class T>
struct GuidedKernel {
    const GuidedTask<T>& task;
    GuidedLayout<T> buffer;
    int n, radius, rows;
    bool self;
    RunningSum guide, square, src, product, a, b;

    GuidedKernel(const GuidedTask<T>& t, char* workspace)
        : task(t),
          buffer(t, workspace),
          n(t.src.columns),
          radius(t.radius),
          rows(t.src.rows),
          self(t.self_guided()),
          guide(buffer.guide, n, t.along.radius),
          square(buffer.square, n, t.along.radius),
          src(buffer.src, n, t.along.radius),
          product(buffer.product, n, t.along.radius),
          a(buffer.a, n, t.along.radius),
          b(buffer.b, n, t.along.radius) {}

    /// Adds row y to the moments, for rows whose windows nobody asks for.
    void add_moments(int y) const {
        const RowPair<T> guides(task.guide, y, -1, task.guide_shift), sources(task.src, y, -1, task.src_shift);
        const RunningSum to_guide = guide, to_square = square, to_src = src, to_product = product;
        for (int x = 0; x < n; x += eight) {
            const int count = at_most_eight(n - x);
            const Doubles g = guides.pixels(guides.entering, x, count);
            to_guide.add(x, g);
            to_square.add(x, g * g);
            if (self) continue;
            const Doubles p = sources.pixels(sources.entering, x, count);
            to_src.add(x, p);
            to_product.add(x, g * p);
        }
    }

    /// Moves the moments down by one row: `entering` joins the window, `leaving` (or -1) goes.
    void move_moments(int entering, int leaving) {
        const RowPair<T> guides(task.guide, entering, leaving, task.guide_shift);
        move_two(guide, square, guides, guides);
        if (self) return;
        const RowPair<T> sources(task.src, entering, leaving, task.src_shift);
        move_two(src, product, sources, guides);
    }

    /// Moves the sums of `values` and of `values` times `factors`.
    void move_two(RunningSum& first, RunningSum& second, const RowPair<T>& values, const RowPair<T>& factors) const {
        RunningSum sum = first, product_sum = second;
        sum.begin_row();
        product_sum.begin_row();
        for (int x = 0; x < n; x += eight) {
            const int count = at_most_eight(n - x);
            const Doubles in = values.pixels(values.entering, x, count), out = values.pixels(values.leaving, x, count);
            const Doubles by = factors.pixels(factors.entering, x, count);
            const Doubles past = factors.pixels(factors.leaving, x, count);
            sum.update(x, in - out);
            product_sum.update(x, in * by - out * past);
        }
        sum.finish_row();
        product_sum.finish_row();
    }

    double* ring_row(double* ring, int y) const { return ring + (y % buffer.depth) * buffer.pitch; }

    /// Coefficients of row y into the ring, from the moments of the rows around it.
    void compute_coefficients(int y) const {
        const double inverse_height = 1.0 / clipped_height(y, radius, rows), eps = task.eps;
        const double src_shift = task.src_shift, guide_shift = task.guide_shift;
        double *to_a = ring_row(buffer.a_ring, y), *to_b = ring_row(buffer.b_ring, y);
        const Prefix guides = guide.prefix, squares = square.prefix;
        const Prefix sources = self ? guides : src.prefix, products = self ? squares : product.prefix;
        const double* inverse_width = task.along.inverse_width;
        const Doubles zero{};
        for (int x = 0; x < n; x += eight) {
            const Doubles scale = load_doubles(inverse_width + x) * inverse_height;
            const Doubles mean_guide = guides.window(x) * scale, mean_src = sources.window(x) * scale;
            const Doubles variance = larger(squares.window(x) * scale - mean_guide * mean_guide, zero) + eps;
            const Doubles covariance = products.window(x) * scale - mean_guide * mean_src;
            const Doubles slope = variance > 0 ? covariance / variance : zero;
            store_doubles(to_a + x, slope);
            store_doubles(to_b + x, mean_src + src_shift - slope * (mean_guide + guide_shift));
        }
        // Columns past the end take no part in the sums.
        for (int x = n; x < static_cast<int>(buffer.pitch); ++x) to_a[x] = to_b[x] = 0;
    }

    /// Adds row y of the ring to the sums of a and b, for rows whose windows nobody asks for.
    void add_coefficients(int y) const {
        const RunningSum to_a = a, to_b = b;
        const double *from_a = ring_row(buffer.a_ring, y), *from_b = ring_row(buffer.b_ring, y);
        for (int x = 0; x < n; x += eight) {
            to_a.add(x, load_doubles(from_a + x));
            to_b.add(x, load_doubles(from_b + x));
        }
    }

    /// Moves the sums of a and b down by one row of the ring; either row may be -1 for none.
    void move_coefficients(int entering, int leaving) {
        move_one(a, buffer.a_ring, entering, leaving);
        move_one(b, buffer.b_ring, entering, leaving);
    }

    void move_one(RunningSum& of, double* ring, int entering, int leaving) const {
        RunningSum sum = of;
        const double* in = entering < 0 ? nullptr : ring_row(ring, entering);
        const double* out = leaving < 0 ? nullptr : ring_row(ring, leaving);
        sum.begin_row();
        for (int x = 0; x < n; x += eight) {
            const Doubles gain = in ? load_doubles(in + x) : Doubles{}, loss = out ? load_doubles(out + x) : Doubles{};
            sum.update(x, gain - loss);
        }
        sum.finish_row();
    }

    /// Calls f(x, count, mean a, mean b) for the vectors of row y.
    template <class F>
    [[gnu::always_inline]] void for_each_mean(int y, F&& f) const {
        const double inverse_height = 1.0 / clipped_height(y, radius, rows);
        const Prefix slopes = a.prefix, offsets = b.prefix;
        const double* inverse_width = task.along.inverse_width;
        for (int x = 0; x < n; x += eight) {
            const Doubles scale = load_doubles(inverse_width + x) * inverse_height;
            f(x, at_most_eight(n - x), slopes.window(x) * scale, offsets.window(x) * scale);
        }
    }

    /// Turns the summed coefficients of row y into the row's output.
    void emit(int y) const {
        const T* intensity = task.guide.row(y);
        if (task.output == GuidedOutput::coefficients) {
            float *to_a = task.out.row(y), *to_b = task.second.row(y);
            for_each_mean(y, [&](int x, int count, Doubles slope, Doubles offset) {
                store_pixels(to_a + x, slope, count);
                store_pixels(to_b + x, offset, count);
            });
        } else if (task.output == GuidedOutput::filtered) {
            float* to = task.out.row(y);
            for_each_mean(y, [&](int x, int count, Doubles slope, Doubles offset) {
                store_pixels(to + x, slope * load_doubles(intensity + x, count) + offset, count);
            });
        } else {
            T* to = task.radiance.row(y);
            for_each_mean(y, [&](int x, int count, Doubles slope, Doubles offset) {
                const Doubles pixels = load_doubles(intensity + x, count);
                store_pixels(to + x, radiance(pixels, slope * pixels + offset), count);
            });
        }
    }

    /// R = 1 + (I - 1) / t with t = max(1 - omega smooth, t_min), in counts; integers rounded to nearest even.
    [[gnu::always_inline]] Doubles radiance(Doubles pixels, Doubles smooth) const {
        const Doubles zero{}, white = zero + task.white;
        const Doubles transmission = larger(1 - (task.omega / task.white) * smooth, zero + task.t_min);
        const Doubles clear = smaller(larger(white + (pixels - white) / transmission, zero), white);
        if constexpr (!std::is_integral_v<T>) return clear;
        // Adding 2^52 leaves no room for a fraction: the sum is rounded to nearest even.
        constexpr double whole = 4503599627370496.0;
        return (clear + whole) - whole;
    }

    void run() {
        const int first = task.top - radius > 0 ? task.top - radius : 0;
        for (int y = first - radius; y < first + radius; ++y) add_moments(y);
        int next = first;  // first row whose coefficients are not yet in the ring
        for (int y = task.top; y < task.bottom; ++y) {
            const int last = y + radius < rows ? y + radius : rows - 1;
            const int leaving = y - radius - 1 >= first ? y - radius - 1 : -1;
            const bool any = next <= last;
            for (; next <= last; ++next) {
                move_moments(next + radius, next > first ? next - radius - 1 : -1);
                compute_coefficients(next);
                if (next < last) add_coefficients(next);
            }
            move_coefficients(any ? last : -1, leaving);
            emit(y);
        }
    }
};

template <class T>
void guided_filter(const GuidedTask<T>& task, char* workspace) {
    GuidedKernel<T>(task, workspace).run();
}

}  // namespace mcfast::MCFAST_LEVEL
