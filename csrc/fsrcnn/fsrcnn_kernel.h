// FSRCNN on a box of an image, all layers in one pass down its rows.
//
// Maps of whole frames never exist: each layer keeps the few rows that the next one still needs in a ring, and all
// layers advance together by four rows. Groups of four rows begin at fixed rows of the frame, whatever the box, so
// that a pixel is always computed by the same operations in the same order: the result has the same bits for any
// tiling. Of each group's rows a layer computes the columns that some pixel of the mask depends on, and no others.
#pragma once

#include <limits>
#include <type_traits>

#include "fsrcnn/fsrcnn_layers.h"
#include "fsrcnn/outside_kernel.h"

namespace mcfast::MCFAST_LEVEL {

constexpr int group = 4;

/// Columns of a tile; none if end <= begin.
struct Span {
    int begin, end;
};

/// One box on its way through the layers. Layer k is the shrinking one (0) or mapping k; its maps are valid up to
/// `reach(k)` columns beyond the box, and its row ring begins at the first of these.
template <class T>
class FsrcnnPass {
  public:
    FsrcnnPass(const FsrcnnTask<T>& task, char* workspace)
        : task_(task),
          weights_(*task.weights),
          m_(task.weights->m),
          buffer_(*task.weights, task.box.columns(), workspace) {
        // Vectors reach past the last column; what is there must not be slow numbers of an earlier use of the memory.
        __builtin_memset(workspace, 0, buffer_.bytes());
    }

    void run() {
        const int first = task_.box.top / group, last = (task_.box.bottom + group - 1) / group;
        const int ahead = groups_ahead(0);
        for (int g = first - 2 * ahead; g < last; ++g) {
            wanted_[(g + ahead) & (spans_kept - 1)] = masked(g + ahead);
            if (g < first - ahead) continue;
            shrink_group(g);
            for (int k = 1; k <= m_; ++k) map_group(k, g);
            expand_group(g);
            deconvolve_group(g);
        }
    }

  private:
    int reach(int k) const { return 2 + m_ - k; }
    int top(int k, int g) const { return group * g + reach(k); }  // the deepest layer needs two rows of the next group
    bool inside(int row) const { return row >= 0 && row < task_.image.rows; }

    /// Columns of the box from the first to the last pixel to be computed in the rows of a group.
    Span masked(int g) const {
        const Box& box = task_.box;
        const int top = group * g < box.top ? box.top : group * g;
        const int bottom = group * (g + 1) > box.bottom ? box.bottom : group * (g + 1);
        if (!task_.mask.data) return {0, top < bottom ? box.columns() : 0};
        Span span{box.columns(), 0};
        for (int y = top; y < bottom; ++y) {
            const std::uint8_t* mask = task_.mask.row(y) + box.left;
            int x = 0, end = box.columns();
            while (x < span.begin && !mask[x]) ++x;
            while (end > span.end && !mask[end - 1]) --end;
            if (x < span.begin) span.begin = x;
            if (end > span.end) span.end = end;
        }
        return span;
    }

    /// Groups of output after its own that a group of layer k reaches: one for each layer to come, because minimal
    /// filtering makes all rows of a group from all rows around it, if only in the last bits.
    int groups_ahead(int k) const { return m_ - k + 1; }

    /// Columns of layer k that pixels to be computed depend on. Beside them lies what earlier rows left.
    Span needed(int k, int g) const {
        Span all{task_.box.columns(), 0};
        for (int i = g; i <= g + groups_ahead(k); ++i) {
            const Span& one = wanted_[i & (spans_kept - 1)];
            if (one.begin >= one.end) continue;
            if (one.begin < all.begin) all.begin = one.begin;
            if (one.end > all.end) all.end = one.end;
        }
        return all.begin < all.end ? Span{all.begin, all.end + 2 * reach(k)} : Span{0, 0};
    }

    /// A row of maps of the ring of layer k, and of the ring before the deconvolution.
    float* narrow(int k, int row) const {
        const int slot = ((row % ring_of_3x3) + ring_of_3x3) % ring_of_3x3;
        return buffer_.narrow_rings + std::ptrdiff_t(k * ring_of_3x3 + slot) * buffer_.shrunk * buffer_.stride;
    }
    float* wide(int row) const {
        return buffer_.wide_ring + std::ptrdiff_t(row & (ring_of_deconvolution - 1)) * buffer_.wide * buffer_.stride;
    }

    /// Every layer sees zeros outside the frame, not what the layers before would make of them.
    void clear_outside(float* maps, int count, int row, int reach) const {
        const int n = task_.box.columns() + 2 * reach;
        const int left = reach - task_.box.left, right = task_.image.columns - task_.box.left + reach;
        for (int c = 0; c < count; ++c, maps += buffer_.stride) {
            if (!inside(row)) {
                fill(maps, 0.0f, n);
                continue;
            }
            if (left > 0) fill(maps, 0.0f, left < n ? left : n);
            if (right < n) fill(maps + right, 0.0f, n - right);
        }
    }

    bool any_inside(int row) const { return row + group > 0 && row < task_.image.rows; }

    /// Eight rows of the image in the columns that a span of the first layer is made of.
    void load_pixels(int row, Span span) {
        const int n = span.end + 4, left = task_.box.left - fsrcnn_halo(m_);
        const int begin = span.begin < -left ? -left : span.begin;
        const int end = left + n > task_.image.columns ? task_.image.columns - left : n;
        const float scale = static_cast<float>(1.0 / static_cast<double>(task_.white));
        for (int i = 0; i < 2 * group; ++i) {
            float* to = buffer_.pixels + i * buffer_.stride;
            fill(to + span.begin, 0.0f, n - span.begin);
            if (!inside(row + i)) continue;
            const T* from = task_.image.row(row + i) + left;
            for (int x = begin; x < end; ++x) to[x] = static_cast<float>(from[x]) * scale;
        }
        const float* rows[FiveRows::points];
        for (int i = 0; i < 2 * group; ++i) rows[i] = buffer_.pixels + i * buffer_.stride + span.begin;
        split_rows<FiveRows>(rows, n - span.begin, buffer_.pixel_points + span.begin, buffer_.stride);
    }

    void shrink_group(int g) {
        constexpr int chunk = fsrcnn_feature_chunk;
        const int row = top(0, g);
        const Span span = needed(0, g);
        if (span.end == 0) return;
        float* features[group];
        for (int i = 0; i < group; ++i) features[i] = buffer_.features + i * chunk;
        if (any_inside(row)) load_pixels(row - 2, span);
        for (int x = span.begin; any_inside(row) && x < span.end; x += chunk) {
            const int count = span.end - x < chunk ? span.end - x : chunk;
            filter_rows<FiveRows>(weights_.feature, {buffer_.pixel_points + x, 0, buffer_.stride}, features,
                                  group * chunk, count);
            for (int i = 0; i < group; ++i) {
                combine_maps(weights_.shrink, features[i], group * chunk, narrow(0, row + i) + x, buffer_.stride,
                             count);
            }
        }
        for (int i = 0; i < group; ++i) clear_outside(narrow(0, row + i), buffer_.shrunk, row + i, reach(0));
    }

    void map_group(int k, int g) {
        const int row = top(k, g);
        const Span span = needed(k, g);
        if (span.end == 0) return;
        float* to[group];
        const float* from[group + 2];
        for (int i = 0; i < group; ++i) to[i] = narrow(k, row + i) + span.begin;
        for (int i = 0; i < group + 2; ++i) from[i] = narrow(k - 1, row - 1 + i) + span.begin;
        for (int x = span.begin; any_inside(row) && x < span.end; x += fsrcnn_chunk) {
            const int count = span.end - x < fsrcnn_chunk ? span.end - x : fsrcnn_chunk;
            map_rows(weights_.mappings[k - 1], from, to, buffer_.stride, count, buffer_.points);
            for (auto& at : to) at += fsrcnn_chunk;
            for (auto& at : from) at += fsrcnn_chunk;
        }
        for (int i = 0; i < group; ++i) clear_outside(narrow(k, row + i), buffer_.shrunk, row + i, reach(k));
    }

    void expand_group(int g) {
        const int row = top(m_, g);
        const Span span = needed(m_, g);
        if (span.end == 0) return;
        for (int i = 0; i < group; ++i) {
            if (inside(row + i)) {
                combine_maps(weights_.expand, narrow(m_, row + i) + span.begin, buffer_.stride,
                             wide(row + i) + span.begin, buffer_.stride, span.end - span.begin);
            }
            clear_outside(wide(row + i), buffer_.wide, row + i, reach(m_));
        }
    }

    void deconvolve_group(int g) {
        const int row = group * g;
        const Span span = wanted_[g & (spans_kept - 1)];
        const float* from[2 * group];
        for (int i = 0; i < 2 * group; ++i) from[i] = wide(row - 2 + i) + span.begin;
        for (int x = span.begin; x < span.end; x += fsrcnn_chunk) {
            const int count = span.end - x < fsrcnn_chunk ? span.end - x : fsrcnn_chunk;
            float values[2 * group][2 * FsrcnnLayout::chunk_stride];
            deconvolve_rows(weights_.deconvolution, from, buffer_.stride, count, buffer_.points, values);
            for (int i = 0; i < 2 * group; ++i) {
                const int y = row + i / 2;
                if (y >= task_.box.top && y < task_.box.bottom) write(values[i], y, i % 2, x, count);
            }
            for (auto& at : from) at += fsrcnn_chunk;
        }
    }

    /// 2 `count` output pixels of the upper or lower row in input row y, from column x of the box on.
    void write(const float* values, int y, int lower, int x, int count) const {
        const int column = task_.box.left + x;
        T* to = task_.out.row(2 * (y - task_.out_top) + lower) + 2 * (column - task_.out_left);
        if (!task_.mask.data) {
            write_pixels(values, to, 2 * count);
            return;
        }
        const std::uint8_t* mask = task_.mask.row(y) + column;
        for (int begin = 0; begin < count;) {
            int end = begin + 1;
            while (end < count && mask[end] == mask[begin]) ++end;
            if (mask[begin]) write_pixels(values + 2 * begin, to + 2 * begin, 2 * (end - begin));
            begin = end;
        }
    }

    void write_pixels(const float* values, T* to, int n) const {
        const float white = task_.white, low = task_.low, high = task_.high;
        for (int i = 0; i < n; ++i) {
            float value = values[i] * white;
            value = value < low ? low : value;
            value = value > high ? high : value;
            to[i] = nearest<T>(value);
        }
    }

    const FsrcnnTask<T>& task_;
    const FsrcnnWeights& weights_;
    int m_;
    FsrcnnLayout buffer_;
    static constexpr int spans_kept = 32;  // a power of 2
    static_assert(spans_kept > FsrcnnWeights::most_mappings + 1);
    Span wanted_[spans_kept] = {};
};

template <class T>
void fsrcnn(const FsrcnnTask<T>& task, char* workspace) {
    if (task.mask.data) OutsidePass<T>(task).run();
    if (task.box.rows() > 0) FsrcnnPass<T>(task, workspace).run();
}

}  // namespace mcfast::MCFAST_LEVEL
