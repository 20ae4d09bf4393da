// Minimum or maximum over any flat footprint: at most two shared accesses per word and chord (Urbach, Wilkinson 2008).
//
// The footprint is a set of horizontal runs, its chords, sorted by length. A block holds a tile of the image with its
// halo in shared memory as extrema over 2^k pixels along the row, k = 0, 1, ...; a chord of 2^k to 2^(k+1) - 1 pixels
// is the extremum of two of them. A disk has one chord per row, so its cost grows with the diameter, not the area.
// A footprint too large for shared memory is given in parts, each of which `accumulate`s onto what the others left in
// `out`.
//
// A top-hat stays two launches, 5 sizeof(T) for each pixel where one would move 2 (and 1 out of L2): shared memory is
// the limit here, and a tile of 32 x 32 words of the result needs (31 + height) (31 + width) of the first extremum. For
// a disk of radius 7 that is 2.1 times as many: 3.1 instead of 2 times some 40 accesses a word, to save 3 sizeof(T)
// that nobody waits for. Only radii of 1 and 2 would gain (1.1 and 1.3 times 6 and 10 accesses). Rectangles do:
// tophat.cuh.
//
//   bytes per pixel   2 sizeof(T) (3 for a top-hat), halos out of L2; 1 more read for each further part
//   limit             shared memory: 2 accesses per chord and word; for uint16 one access per chord and pixel
//   launch            grid (tiles of 32 words of columns, tiles of 32 rows), 32 x 8 threads,
//                     2 (31 + height) (31 + width) words of shared memory for a part of height x width
#pragma once

#include "morphology/words.cuh"

namespace mcfast::gpu {

constexpr int footprint_words = 32, footprint_rows = 32, footprint_warps = 8;
constexpr int footprint_blocks = 5;  // on a multiprocessor at least: at most 48 registers a thread

/// Where a part of a footprint lies around a pixel.
struct FootprintBox {
    int top, left, height, width;
};

/// doubled[i] = extremum over 2 `reached` pixels from i on, given those over `reached`.
template <class Op, class T>
MC_DEVICE void double_reach(Shared<Word<T>> from, Shared<Word<T>> to, const FootprintBox& box, int reached) {
    const int pitch = footprint_words + box.width - 1, height = footprint_rows + box.height - 1;
    for (int y = static_cast<int>(threadIdx.y); y < height; y += footprint_warps) {
        for (int i = static_cast<int>(threadIdx.x); i < pitch; i += footprint_words) {
            Word<T> best = from[y * pitch + i];
            if (i + reached < pitch) {
                const Word<T> right = from[y * pitch + i + reached];
                best = Op::template of<T>(best, right);
            }
            to[y * pitch + i] = best;
        }
    }
}

/// Extrema around this thread's pixels, four rows of one column of words. `tile` and `spare` hold the tile in turn.
template <class Op, class T>
struct ChordSum {
    static constexpr int rows = footprint_rows / footprint_warps;
    Word<T> best[rows];

    /// Takes the chords of reached to 2 reached - 1 pixels from `next` on; returns the first that is longer.
    MC_DEVICE int take(Shared<Word<T>> tile, const FootprintBox& box, const int* chords, int count, int next,
                       int reached) {
        const int pitch = footprint_words + box.width - 1, x = static_cast<int>(threadIdx.x);
        for (; next < count && chords[3 * next + 2] < 2 * reached; ++next) {
            const int row = static_cast<int>(threadIdx.y) + chords[3 * next] - box.top;
            const int at = row * pitch + x + chords[3 * next + 1] - box.left;
            const int tail = chords[3 * next + 2] - reached;
            for (int k = 0; k < rows; ++k) {
                const Word<T> head = tile[at + k * footprint_warps * pitch];
                best[k] = Op::template of<T>(best[k], head);
                if (tail == 0) continue;
                const Word<T> rest = tile[at + k * footprint_warps * pitch + tail];
                best[k] = Op::template of<T>(best[k], rest);
            }
        }
        return next;
    }
};

template <class Op, class T, class Result>
MC_KERNEL void __launch_bounds__(footprint_words* footprint_warps, footprint_blocks)
    footprint(const T* __restrict__ image, int64_t image_stride, const T* original, int64_t original_stride, T* out,
              int64_t out_stride, int rows, int columns, const int* __restrict__ chords, int chord_count, int box_top,
              int box_left, int box_height, int box_width, int accumulate) {
    MC_DYNAMIC_SHARED(Word<T>, memory);
    const FootprintBox box{box_top, box_left, box_height, box_width};
    constexpr int lanes = Packing<T>::lanes;
    const int pitch = footprint_words + box.width - 1, height = footprint_rows + box.height - 1;
    const int left = static_cast<int>(blockIdx.x) * footprint_words * lanes;
    const int top = static_cast<int>(blockIdx.y) * footprint_rows;
    Shared<Word<T>> tile = memory, spare = memory + pitch * height;

    for (int j = static_cast<int>(threadIdx.y); j < height; j += footprint_warps) {
        const int y = top + box.top + j;
        const T* row = y >= 0 && y < rows ? image + y * image_stride : nullptr;
        for (int i = static_cast<int>(threadIdx.x); i < pitch; i += footprint_words) {
            tile[j * pitch + i] = read_word<Op>(row, left + box.left + i, footprint_words, columns, 1);
        }
    }
    __syncthreads();

    ChordSum<Op, T> sum;
    for (int k = 0; k < sum.rows; ++k) sum.best[k] = read_word<Op, T>(nullptr, 0, 0, 0, 1);
    int next = 0;
    for (int reached = 1;; reached *= 2) {
        next = sum.take(tile, box, chords, chord_count, next, reached);
        if (next == chord_count) break;
        double_reach<Op, T>(tile, spare, box, reached);
        __syncthreads();
        const Shared<Word<T>> swap = tile;
        tile = spare;
        spare = swap;
    }

    for (int k = 0; k < sum.rows; ++k) {
        const int y = top + static_cast<int>(threadIdx.y) + k * footprint_warps;
        if (y >= rows) continue;
        const int x = left + static_cast<int>(threadIdx.x);
        T* row = out + y * out_stride;
        Word<T> best = sum.best[k];
        if (accumulate) best = Op::template of<T>(best, read_word<Op, T>(row, x, footprint_words, columns, 1));
        write_word<Result, T>(best, row, original ? original + y * original_stride : nullptr, x, footprint_words,
                              columns);
    }
}

#define MCFAST_FOOTPRINT_KERNELS(X) MCFAST_EXTREMUM_KERNELS(X, footprint)

}  // namespace mcfast::gpu
