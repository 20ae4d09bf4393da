// Minimum or maximum over a rectangle of odd sides, O(1) per pixel in its size (van Herk 1992, Gil and Werman 1993).
//
// A block owns a strip of columns and walks down it. Of every eight rows it takes the extremum along the rows (prefixes
// and suffixes of segments as long as the window, in shared memory), and each thread feeds its own column into a second
// van Herk scheme, whose suffixes only it touches, so that no barrier is needed there. Pixels are packed: a word holds
// pixels `threads` columns apart (four uint8, two uint16), so that both schemes treat all of them with one instruction
// and no shift ever crosses lanes.
//
//   bytes per pixel   2 sizeof(T) from and to memory (3 for a top-hat); halos of (window - 1) / strip rows and
//                     columns are read again, out of L2
//   limit             memory bandwidth: about 10 shared accesses a word, half a word a pixel for uint16
//   launch            grid (strips of 128 words of columns, strips of `strip` rows), 128 threads,
//                     (16 pitch + 128 window_rows) words of shared memory, where pitch = window_columns *
//                     ceil((127 + window_columns) / window_columns)
#pragma once

#include "morphology/words.cuh"

namespace mcfast::gpu {

constexpr int rectangle_threads = 128, rectangle_chunk = 8;

/// Prefix (forward) or suffix extrema of one segment, in place.
template <class Op, class T>
MC_DEVICE void scan_segment(Shared<Word<T>> segment, int length, bool forward) {
    int at = forward ? 0 : length - 1;
    const int step = forward ? 1 : -1;
    Word<T> best = segment[at];
    for (int i = 1; i < length; ++i) {
        at += step;
        const Word<T> value = segment[at];
        best = Op::template of<T>(best, value);
        segment[at] = best;
    }
}

/// The van Herk scheme along `rectangle_chunk` rows at once: prefix and suffix extrema of segments as long as the
/// window. All threads of the block work together, with a barrier after each step.
template <class T>
struct RowScheme {
    Shared<Word<T>> memory;  // prefixes of all rows, then suffixes
    int window, segments, pitch;

    MC_DEVICE RowScheme(Shared<Word<T>> memory_, int window_)
        : memory(memory_),
          window(window_),
          segments((rectangle_threads + 2 * window_ - 2) / window_),
          pitch(segments * window_) {}

    MC_DEVICE void put(int r, int i, Word<T> word) const {
        memory[r * pitch + i] = word;
        memory[(rectangle_chunk + r) * pitch + i] = word;
    }

    /// Word i of row r becomes value(r, i).
    template <class Value>
    MC_DEVICE void load(const Value& value) const {
        for (int r = 0; r < rectangle_chunk; ++r) {
            for (int i = static_cast<int>(threadIdx.x); i < pitch; i += rectangle_threads) put(r, i, value(r, i));
        }
    }

    template <class Op>
    MC_DEVICE void scan() const {
        const int all = rectangle_chunk * segments;
        for (int i = static_cast<int>(threadIdx.x); i < 2 * all; i += rectangle_threads) {
            scan_segment<Op, T>(memory + i * window, window, i < all);
        }
    }

    /// The extremum over words i .. i + window - 1 of row r.
    template <class Op>
    MC_DEVICE Word<T> at(int r, int i) const {
        const Word<T> suffix = memory[(rectangle_chunk + r) * pitch + i];
        const Word<T> prefix = memory[r * pitch + i + window - 1];
        return Op::template of<T>(suffix, prefix);
    }
};

/// The van Herk scheme down one column, in memory that only its thread touches.
template <class Op, class T>
struct ColumnScheme {
    Shared<Word<T>> block;  // element i at i * rectangle_threads: values of this block of rows, suffixes of the last
    int window, position = 0;
    Word<T> prefix = 0;

    MC_DEVICE ColumnScheme(Shared<Word<T>> memory, int rows) : block(memory), window(rows) {}

    /// Takes the next row's value; returns the extremum over the last `window` of them, once there are as many.
    MC_DEVICE Word<T> push(Word<T> value) {
        prefix = position == 0 ? value : Op::template of<T>(prefix, value);
        block[position * rectangle_threads] = value;
        Word<T> result = prefix;
        if (position + 1 < window) {
            if (full) {
                const Word<T> rest = block[(position + 1) * rectangle_threads];
                result = Op::template of<T>(result, rest);
            }
            ++position;
            return result;
        }
        for (int i = window - 2; i >= 0; --i) {
            const Word<T> own = block[i * rectangle_threads];
            value = Op::template of<T>(value, own);
            block[i * rectangle_threads] = value;
        }
        position = 0;
        full = true;
        return result;
    }

    bool full = false;  // a whole block has gone by, so its suffixes are there
};

template <class Op, class T, class Result>
MC_KERNEL void __launch_bounds__(rectangle_threads, 8)
    rectangle(const T* __restrict__ image, int64_t image_stride, int channels, const T* original,
              int64_t original_stride, T* __restrict__ out, int64_t out_stride, int rows, int columns, int window_rows,
              int window_columns, int strip) {
    MC_DYNAMIC_SHARED(Word<T>, memory);
    constexpr int lanes = Packing<T>::lanes;
    const int thread = static_cast<int>(threadIdx.x);
    const RowScheme<T> along(memory, window_columns);
    ColumnScheme<Op, T> column(memory + (2 * rectangle_chunk * along.pitch + thread), window_rows);

    const int left = static_cast<int>(blockIdx.x) * rectangle_threads * lanes;
    const int top = static_cast<int>(blockIdx.y) * strip, bottom = smaller(top + strip, rows);
    const int first = top - window_rows / 2, last = bottom + window_rows / 2;
    for (int y = first; y < last; y += rectangle_chunk) {
        along.load([&](int r, int i) {
            const T* row = y + r >= 0 && y + r < rows ? image + (y + r) * image_stride : nullptr;
            return read_word<Op>(row, left + i - window_columns / 2, rectangle_threads, columns, channels);
        });
        __syncthreads();
        along.template scan<Op>();
        __syncthreads();
        for (int r = 0; r < rectangle_chunk && y + r < last; ++r) {
            const Word<T> best = column.push(along.template at<Op>(r, thread));
            const int to = y + r - window_rows / 2;
            if (to < top) continue;
            write_word<Result, T>(best, out + to * out_stride, original ? original + to * original_stride : nullptr,
                                  left + thread, rectangle_threads, columns);
        }
        __syncthreads();
    }
}

#define MCFAST_RECTANGLE_KERNELS(X) MCFAST_EXTREMUM_KERNELS(X, rectangle)

}  // namespace mcfast::gpu
