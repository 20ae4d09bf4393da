// Guided filter (He, Sun and Tang 2013), O(1) per pixel in the radius.
//
// First pass, equations 5 and 6: a = cov(guide, src) / (var(guide) + eps), b = mean(src) - a mean(guide), from running
// sums that are exact for integers, so flat bright areas, where E[I^2] - E[I]^2 cancels, lose nothing and never turn
// into NaN. Second pass, equation 8: means of a and b over the same window, from a ring of 2 radius + 1 rows. A strip
// starts its sums afresh, so they do not depend on how threads share the strips.
#pragma once

#include "blur/box_kernel.h"
#include "guided/guided_task.h"

namespace mcfast::MCFAST_LEVEL {

template <class T>
struct GuidedKernel {
    const GuidedTask<T>& task;
    GuidedLayout<T> buffer;
    int n, radius, depth, rows;
    bool self;
    RunningSum guide, square, src, product, a, b;

    GuidedKernel(const GuidedTask<T>& t, char* workspace)
        : task(t),
          buffer(t, workspace),
          n(t.src.columns),
          radius(t.radius),
          depth(2 * t.radius + 1),
          rows(t.src.rows),
          self(t.self_guided()),
          guide(buffer.guide, n, t.along.radius),
          square(buffer.square, n, t.along.radius),
          src(buffer.src, n, t.along.radius),
          product(buffer.product, n, t.along.radius),
          a(buffer.a, n, t.along.radius),
          b(buffer.b, n, t.along.radius) {}

    /// Moves the moments down by one row: `entering` joins the window, `leaving` (or -1) goes.
    void move_moments(int entering, int leaving) {
        const RowPair<T> guides(task.guide, entering, leaving, task.guide_shift);
        const RowPair<T> sources(task.src, entering, leaving, task.src_shift);
        guide.begin_row();
        square.begin_row();
        src.begin_row();
        product.begin_row();
        for (int x = 0; x < n; x += eight) {
            const int count = at_most_eight(n - x);
            const Doubles g = guides.pixels(guides.entering, x, count), h = guides.pixels(guides.leaving, x, count);
            guide.update(x, g - h);
            square.update(x, g * g - h * h);
            if (self) continue;
            const Doubles p = sources.pixels(sources.entering, x, count), q = sources.pixels(sources.leaving, x, count);
            src.update(x, p - q);
            product.update(x, g * p - h * q);
        }
        guide.finish_row();
        square.finish_row();
        if (self) return;
        src.finish_row();
        product.finish_row();
    }

    float* ring_row(float* ring, int y) const { return ring + (y % depth) * buffer.pitch; }

    /// Coefficients of row y into the ring, from the moments of the rows around it.
    void compute_coefficients(int y) const {
        const double inverse_height = 1.0 / clipped_height(y, radius, rows);
        float *to_a = ring_row(buffer.a_ring, y), *to_b = ring_row(buffer.b_ring, y);
        const Doubles zero{};
        for (int x = 0; x < n; x += eight) {
            const Doubles scale = load_doubles(task.along.inverse_width + x) * inverse_height;
            const Doubles mean_guide = guide.prefix.window(x) * scale;
            const Doubles mean_square = square.prefix.window(x) * scale;
            const Doubles mean_src = self ? mean_guide : src.prefix.window(x) * scale;
            const Doubles mean_product = self ? mean_square : product.prefix.window(x) * scale;
            const Doubles variance = larger(mean_square - mean_guide * mean_guide, zero) + task.eps;
            const Doubles covariance = mean_product - mean_guide * mean_src;
            const Doubles slope = variance > 0 ? covariance / variance : zero;
            store_pixels(to_a + x, slope);
            store_pixels(to_b + x, mean_src + task.src_shift - slope * (mean_guide + task.guide_shift));
        }
    }

    /// Moves the sums of a and b down by one row of the ring; either row may be -1 for none.
    void move_coefficients(int entering, int leaving) {
        const auto row = [&](float* ring, int y) { return y < 0 ? nullptr : ring_row(ring, y); };
        const float *a_in = row(buffer.a_ring, entering), *a_out = row(buffer.a_ring, leaving);
        const float *b_in = row(buffer.b_ring, entering), *b_out = row(buffer.b_ring, leaving);
        a.begin_row();
        b.begin_row();
        for (int x = 0; x < n; x += eight) {
            const int count = at_most_eight(n - x);
            const auto pixels = [&](const float* from) { return from ? load_doubles(from + x, count) : Doubles{}; };
            a.update(x, pixels(a_in) - pixels(a_out));
            b.update(x, pixels(b_in) - pixels(b_out));
        }
        a.finish_row();
        b.finish_row();
    }

    /// Turns the summed coefficients of row y into the row's output.
    void emit(int y) const {
        const double inverse_height = 1.0 / clipped_height(y, radius, rows);
        const T* intensity = task.guide.row(y);
        for (int x = 0; x < n; x += eight) {
            const int count = at_most_eight(n - x);
            const Doubles scale = load_doubles(task.along.inverse_width + x) * inverse_height;
            const Doubles slope = a.prefix.window(x) * scale, offset = b.prefix.window(x) * scale;
            if (task.output == GuidedOutput::coefficients) {
                store_pixels(task.out.row(y) + x, slope, count);
                store_pixels(task.second.row(y) + x, offset, count);
                continue;
            }
            const Doubles pixels = load_doubles(intensity + x, count), smooth = slope * pixels + offset;
            if (task.output == GuidedOutput::filtered) {
                store_pixels(task.out.row(y) + x, smooth, count);
            } else {
                store_pixels(task.radiance.row(y) + x, radiance(pixels, smooth), count);
            }
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
        for (int y = first - radius; y < first + radius; ++y) move_moments(y, -1);
        int next = first;  // first row whose coefficients are not yet in the ring
        for (int y = task.top; y < task.bottom; ++y) {
            int leaving = y - radius - 1 >= first ? y - radius - 1 : -1;
            for (; next <= y + radius && next < rows; ++next) {
                // A row leaves before the one that takes its place in the ring is computed.
                if (leaving >= 0) {
                    move_coefficients(-1, leaving);
                    leaving = -1;
                }
                move_moments(next + radius, next > first ? next - radius - 1 : -1);
                compute_coefficients(next);
                move_coefficients(next, -1);
            }
            if (leaving >= 0) move_coefficients(-1, leaving);
            emit(y);
        }
    }
};

template <class T>
void guided_filter(const GuidedTask<T>& task, char* workspace) {
    GuidedKernel<T>(task, workspace).run();
}

}  // namespace mcfast::MCFAST_LEVEL
