// Guided filter (He, Sun and Tang 2013), O(1) per pixel in the radius, one read of each input per strip.
//
// First pass, equations 5 and 6: a = cov(guide, src) / (var(guide) + eps), b = mean(src) - a mean(guide), from running
// column moments. Integer moments are exact, so flat bright areas, where E[I^2] - E[I]^2 cancels, lose nothing and
// never turn into NaN. Second pass, equation 8: means of a and b over the same window, from a ring of 2 radius + 1
// rows. Sums of a and b are double; a strip starts them afresh, so they do not depend on how threads share the strips.
#pragma once

#include "blur/box_kernel.h"
#include "core/simd.h"
#include "guided/guided_task.h"

namespace mcfast::MCFAST_LEVEL {

/// Adds (or takes away) row y of the inputs to the column moments.
template <class T>
void add_moments(const GuidedTask<T>& task, const GuidedLayout<T>& buffer, int y, bool add) {
    if (y < 0 || y >= task.src.rows) return;
    const int n = task.src.columns;
    const T *guide = task.guide.row(y), *src = task.src.row(y);
    using Moment = ColumnMoment<T>;
    const Moment sign =
        add ? Moment(1) : Moment(-1);  // wraps around for unsigned sums, which is what taking away needs
    const auto small_sign = static_cast<ColumnSum<T>>(sign);
    const bool self = task.self_guided();
    for (int x = 0; x < n; ++x) {
        const auto g = shifted(guide[x], task.guide_shift);
        buffer.guide_sum[x] += small_sign * g;
        buffer.square_sum[x] += sign * (Moment(g) * Moment(g));
    }
    if (self) return;
    for (int x = 0; x < n; ++x) {
        const auto g = shifted(guide[x], task.guide_shift);
        const auto p = shifted(src[x], task.src_shift);
        buffer.src_sum[x] += small_sign * p;
        buffer.product_sum[x] += sign * (Moment(g) * Moment(p));
    }
}

/// Coefficients a, b of row y, from the column moments of the rows around it.
template <class T>
void linear_coefficients(const GuidedTask<T>& task, const GuidedLayout<T>& buffer, int y, float* a, float* b) {
    const int n = task.src.columns;
    const bool self = task.self_guided();
    prefix_sum(buffer.guide_prefix, buffer.guide_sum, n);
    prefix_sum(buffer.square_prefix, buffer.square_sum, n);
    if (!self) {
        prefix_sum(buffer.src_prefix, buffer.src_sum, n);
        prefix_sum(buffer.product_prefix, buffer.product_sum, n);
    }
    const auto *guide = buffer.guide_prefix, *square = buffer.square_prefix;
    const auto *src = self ? guide : buffer.src_prefix, *product = self ? square : buffer.product_prefix;
    const double height = clipped_span(y, task.radius, task.src.rows);
    for_each_window(n, task.radius, [&](int x, int first, int last) {
        const double scale = 1 / (height * (last - first));
        const double mean_guide = static_cast<double>(guide[last] - guide[first]) * scale;
        const double mean_src = static_cast<double>(src[last] - src[first]) * scale;
        double variance = static_cast<double>(square[last] - square[first]) * scale - mean_guide * mean_guide;
        const double covariance = static_cast<double>(product[last] - product[first]) * scale - mean_guide * mean_src;
        variance = (variance > 0 ? variance : 0) + task.eps;
        const double slope = variance > 0 ? covariance / variance : 0;
        a[x] = static_cast<float>(slope);
        b[x] = static_cast<float>(mean_src + task.src_shift - slope * (mean_guide + task.guide_shift));
    });
}

/// Turns the summed coefficients of row y into the row's output.
template <class T>
void emit_row(const GuidedTask<T>& task, const GuidedLayout<T>& buffer, int y) {
    const int n = task.src.columns;
    prefix_sum(buffer.a_prefix, buffer.a_sum, n);
    prefix_sum(buffer.b_prefix, buffer.b_sum, n);
    const double *a = buffer.a_prefix, *b = buffer.b_prefix;
    const double height = clipped_span(y, task.radius, task.src.rows);
    const T* guide = task.guide.row(y);
    if (task.output == GuidedOutput::filtered) {
        float* out = task.out.row(y);
        for_each_window(n, task.radius, [&](int x, int first, int last) {
            const double scale = 1 / (height * (last - first));
            out[x] = static_cast<float>(((a[last] - a[first]) * guide[x] + (b[last] - b[first])) * scale);
        });
    } else if (task.output == GuidedOutput::coefficients) {
        float *out = task.out.row(y), *second = task.second.row(y);
        for_each_window(n, task.radius, [&](int x, int first, int last) {
            const double scale = 1 / (height * (last - first));
            out[x] = static_cast<float>((a[last] - a[first]) * scale);
            second[x] = static_cast<float>((b[last] - b[first]) * scale);
        });
    } else {
        T* out = task.radiance.row(y);
        const double white = task.white, haze = task.omega / white;
        for_each_window(n, task.radius, [&](int x, int first, int last) {
            const double scale = 1 / (height * (last - first)), intensity = guide[x];
            const double smooth = ((a[last] - a[first]) * intensity + (b[last] - b[first])) * scale;
            double transmission = 1 - haze * smooth;
            transmission = transmission > task.t_min ? transmission : task.t_min;
            double radiance = white + (intensity - white) / transmission;
            radiance = radiance < 0 ? 0 : radiance > white ? white : radiance;
            if constexpr (std::is_integral_v<T>) radiance = __builtin_rint(radiance);
            out[x] = static_cast<T>(radiance);
        });
    }
}

template <class T>
void guided_filter(const GuidedTask<T>& task, char* workspace) {
    GuidedLayout<T> buffer(task, workspace);
    const int n = task.src.columns, radius = task.radius, depth = 2 * radius + 1, rows = task.src.rows;
    const int first = task.top - radius > 0 ? task.top - radius : 0;
    for (int x = 0; x < n; ++x) {
        buffer.guide_sum[x] = buffer.src_sum[x] = 0;
        buffer.square_sum[x] = buffer.product_sum[x] = 0;
        buffer.a_sum[x] = buffer.b_sum[x] = 0;
    }
    for (int y = first - radius; y < first + radius; ++y) add_moments(task, buffer, y, true);
    int next = first;  // first row whose coefficients are not yet in the ring
    for (int y = task.top; y < task.bottom; ++y) {
        for (; next <= y + radius && next < rows; ++next) {
            add_moments(task, buffer, next + radius, true);
            float *a = buffer.a_ring + (next % depth) * buffer.width,
                  *b = buffer.b_ring + (next % depth) * buffer.width;
            linear_coefficients(task, buffer, next, a, b);
            add_moments(task, buffer, next - radius, false);
            for (int x = 0; x < n; ++x) buffer.a_sum[x] += a[x];
            for (int x = 0; x < n; ++x) buffer.b_sum[x] += b[x];
        }
        emit_row(task, buffer, y);
        const int oldest = y - radius;
        if (oldest < first) continue;
        const float *a = buffer.a_ring + (oldest % depth) * buffer.width,
                    *b = buffer.b_ring + (oldest % depth) * buffer.width;
        for (int x = 0; x < n; ++x) buffer.a_sum[x] -= a[x];
        for (int x = 0; x < n; ++x) buffer.b_sum[x] -= b[x];
    }
}

}  // namespace mcfast::MCFAST_LEVEL
