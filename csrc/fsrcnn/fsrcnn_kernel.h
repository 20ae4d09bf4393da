// FSRCNN on a box of an image, all layers in one pass down its rows.
//
// Maps of whole frames never exist: each layer keeps the few rows that the next one still needs in a ring, and all
// layers advance together by four rows. Groups of four rows begin at fixed rows of the frame, whatever the box, so
// that a pixel is always computed by the same operations in the same order: the result has the same bits for any
// tiling.
#pragma once

#include <limits>
#include <type_traits>

#include "fsrcnn/fsrcnn_layers.h"

namespace mcfast::MCFAST_LEVEL {

constexpr int group = 4;

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
        // A layer can begin one step after the layer before it, whose ring must hold earlier rows too.
        for (int step = 0, g = first - m_ - 1; g < last; ++step, ++g) {
            shrink_group(g);
            for (int k = 1; k <= m_ && k <= step; ++k) map_group(k, g);
            if (step >= m_) expand_group(g);
            if (step > m_) deconvolve_group(g);
        }
    }

  private:
    int reach(int k) const { return 2 + m_ - k; }
    int columns(int k) const { return task_.box.columns() + 2 * reach(k); }
    int top(int k, int g) const { return group * g + reach(k); }  // the deepest layer needs two rows of the next group
    bool inside(int row) const { return row >= 0 && row < task_.image.rows; }

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

    void load_pixels(int row) {
        const int reach0 = fsrcnn_halo(m_), n = task_.box.columns() + 2 * reach0, left = task_.box.left - reach0;
        const int begin = left < 0 ? -left : 0;
        const int end = left + n > task_.image.columns ? task_.image.columns - left : n;
        const float scale = static_cast<float>(1.0 / static_cast<double>(task_.white));
        for (int i = 0; i < 2 * group; ++i) {
            float* to = buffer_.pixels + i * buffer_.stride;
            fill(to, 0.0f, n);
            if (!inside(row + i)) continue;
            const T* from = task_.image.row(row + i) + left;
            for (int x = begin; x < end; ++x) to[x] = static_cast<float>(from[x]) * scale;
        }
        const float* rows[FiveRows::points];
        for (int i = 0; i < 2 * group; ++i) rows[i] = buffer_.pixels + i * buffer_.stride;
        split_rows<FiveRows>(rows, n, buffer_.pixel_points, buffer_.stride);
    }

    void shrink_group(int g) {
        constexpr int chunk = fsrcnn_feature_chunk;
        const int row = top(0, g), n = columns(0);
        float* features[group];
        for (int i = 0; i < group; ++i) features[i] = buffer_.features + i * chunk;
        if (any_inside(row)) load_pixels(row - 2);
        for (int x = 0; any_inside(row) && x < n; x += chunk) {
            const int count = n - x < chunk ? n - x : chunk;
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
        const int row = top(k, g), n = columns(k);
        float* to[group];
        const float* from[group + 2];
        for (int i = 0; i < group; ++i) to[i] = narrow(k, row + i);
        for (int i = 0; i < group + 2; ++i) from[i] = narrow(k - 1, row - 1 + i);
        for (int x = 0; any_inside(row) && x < n; x += fsrcnn_chunk) {
            const int count = n - x < fsrcnn_chunk ? n - x : fsrcnn_chunk;
            map_rows(weights_.mappings[k - 1], from, to, buffer_.stride, count, buffer_.points);
            for (auto& at : to) at += fsrcnn_chunk;
            for (auto& at : from) at += fsrcnn_chunk;
        }
        for (int i = 0; i < group; ++i) clear_outside(narrow(k, row + i), buffer_.shrunk, row + i, reach(k));
    }

    void expand_group(int g) {
        const int row = top(m_, g);
        for (int i = 0; i < group; ++i) {
            if (inside(row + i)) {
                combine_maps(weights_.expand, narrow(m_, row + i), buffer_.stride, wide(row + i), buffer_.stride,
                             columns(m_));
            }
            clear_outside(wide(row + i), buffer_.wide, row + i, reach(m_));
        }
    }

    void deconvolve_group(int g) {
        const int row = group * g, n = task_.box.columns();
        const float* from[2 * group];
        for (int i = 0; i < 2 * group; ++i) from[i] = wide(row - 2 + i);
        for (int x = 0; x < n; x += fsrcnn_chunk) {
            const int count = n - x < fsrcnn_chunk ? n - x : fsrcnn_chunk;
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
        constexpr float half_range = 12582912;  // 1.5 x 2^23: adding it rounds to nearest even
        for (int i = 0; i < n; ++i) {
            float value = values[i] * white;
            value = value < low ? low : value;
            value = value > high ? high : value;
            if constexpr (std::is_integral_v<T>) {
                to[i] = static_cast<T>(static_cast<std::int32_t>((value + half_range) - half_range));
            } else {
                to[i] = value;
            }
        }
    }

    const FsrcnnTask<T>& task_;
    const FsrcnnWeights& weights_;
    int m_;
    FsrcnnLayout buffer_;
};

template <class T>
void fsrcnn(const FsrcnnTask<T>& task, char* workspace) {
    FsrcnnPass<T>(task, workspace).run();
}

}  // namespace mcfast::MCFAST_LEVEL
