// Non-maximum suppression: of scored spots the best stay, none of them close to a better one that stays.
//
// Taken from the best to the worst, one after another, that is a loop which no two threads share. But a spot needs only
// the better ones around it: it goes as soon as one of them stays, and stays as soon as all of them have gone. So all
// spots are looked at in rounds until none is open. The best of the open ones is decided in every round, whatever the
// order of threads, and what is decided never changes: the answer is the loop's, and how long it takes depends on the
// longest chain of spots that wait for each other (3 or 4 rounds on each of eight mammograms with 3500 candidates and
// 0.4 mm between them; as many as there are spots if scores fall off along a line).
//
// Who is around: spots are put into square cells that are as wide as the distance, so all that matter are in 3 x 3 of
// them. Cells are numbered on a torus of 64 x 64, which fits into shared memory whatever the size of the image: a cell
// also holds what lies a multiple of 64 cells away, and the distance sends that off.
//
//   bytes per spot    13, and in each round 17 for each spot in the nine cells around an open one (nine in a
//                     mammogram, itself among them), out of L1
//   limit             latency: one block, since a round must know what the last one decided; two barriers each
//   launch            one block of 1024 threads, 16.5 kB of shared memory
#pragma once

#include "gpu/warp.h"

namespace mcfast::gpu {

constexpr int suppress_threads = 1024, suppress_warps = suppress_threads / 32;
constexpr int cells_along = 64, cell_count = cells_along * cells_along, own_cells = cell_count / suppress_threads;
constexpr uint8_t spot_goes = 0, spot_stays = 1, spot_is_open = 2;

/// Whether spot `j` is taken before spot `i`: the higher score, of equal ones the first; NaN last, as a sort has it.
MC_DEVICE bool taken_before(float other, int j, float own, int i) {
    if (other > own) return true;
    const bool last = own != own, equal = other == own || (last && other != other);
    return equal ? j < i : last;
}

/// N spots and the cells that they are in.
struct Spots {
    const int* positions;  // rows and columns, not negative
    const float* scores;
    const int* members;  // spots cell by cell
    Shared<int> ends;    // of each cell's part of `members`, which begins where the one before it ends
    int side;            // of a cell
    int64_t nearest;     // highest square of a distance that is too close

    static MC_DEVICE int cell(int down, int along) {
        return (down & (cells_along - 1)) * cells_along + (along & (cells_along - 1));
    }
    MC_DEVICE int cell_of(int i) const { return cell(positions[2 * i] / side, positions[2 * i + 1] / side); }

    MC_DEVICE bool too_close(int i, int j) const {
        const int64_t down = positions[2 * i] - positions[2 * j], along = positions[2 * i + 1] - positions[2 * j + 1];
        return down * down + along * along <= nearest;
    }

    /// What becomes of an open spot, as far as the better ones around it are decided.
    MC_DEVICE uint8_t decided(int i, const uint8_t* states) const {
        const int row = positions[2 * i] / side, column = positions[2 * i + 1] / side;
        const float own = scores[i];
        uint8_t state = spot_stays;
        for (int down = row - 1; down <= row + 1; ++down) {
            for (int along = column - 1; along <= column + 1; ++along) {
                const int which = cell(down, along), end = ends[which];
                for (int at = which ? static_cast<int>(ends[which - 1]) : 0; at < end; ++at) {
                    const int j = members[at];
                    const uint8_t other = states[j];
                    if (other == spot_goes || !taken_before(scores[j], j, own, i) || !too_close(i, j)) continue;
                    if (other == spot_stays) return spot_goes;
                    state = spot_is_open;
                }
            }
        }
        return state;
    }
};

/// ends[c] = where the part of cell c begins, from how many spots are in it. `totals` holds a number for each warp.
MC_DEVICE void counts_to_beginnings(Shared<int> ends, Shared<int> totals) {
    const int thread = static_cast<int>(threadIdx.x), lane = thread % 32;
    int own = 0;
    for (int i = 0; i < own_cells; ++i) own += ends[own_cells * thread + i];
    int before = sum_before(own, lane);
    if (lane == 31) totals[thread / 32] = before + own;
    __syncthreads();
    for (int warp = 0; warp < thread / 32; ++warp) before += totals[warp];
    for (int i = 0; i < own_cells; ++i) {
        const int count = ends[own_cells * thread + i];
        ends[own_cells * thread + i] = before;
        before += count;
    }
}

/// states[i] = 1 for each of the `found[0]` spots that stay, 0 for the others. `members` is scratch memory for them.
///
/// A state is read while another thread may be writing it: who sees the old one decides a round later, if not at once.
MC_KERNEL void __launch_bounds__(suppress_threads)
    suppress(const int* __restrict__ positions, const float* __restrict__ scores, const int* __restrict__ found,
             int side, int64_t nearest, int* members, uint8_t* states) {
    MC_SHARED(int, ends, cell_count);
    MC_SHARED(int, totals, suppress_warps);
    const int thread = static_cast<int>(threadIdx.x), lane = thread % 32, count = found[0];
    const Spots spots{positions, scores, members, ends, side, nearest};
    for (int i = thread; i < cell_count; i += suppress_threads) ends[i] = 0;
    __syncthreads();
    for (int i = thread; i < count; i += suppress_threads) {
        atomicAdd(&ends[spots.cell_of(i)], 1);
        states[i] = spot_is_open;
    }
    __syncthreads();
    counts_to_beginnings(ends, totals);
    __syncthreads();
    for (int i = thread; i < count; i += suppress_threads) members[atomicAdd(&ends[spots.cell_of(i)], 1)] = i;
    __syncthreads();
    for (bool open = true; open;) {
        bool waits = false;
        for (int i = thread; i < count; i += suppress_threads) {
            if (states[i] != spot_is_open) continue;
            const uint8_t state = spots.decided(i, states);
            if (state != spot_is_open) states[i] = state;
            waits |= state == spot_is_open;
        }
        const uint32_t waiting = __ballot_sync(0xffffffffu, waits);
        if (lane == 0) totals[thread / 32] = static_cast<int>(waiting);
        __syncthreads();
        open = false;
        for (int warp = 0; warp < suppress_warps; ++warp) {
            const int those = totals[warp];
            open |= those != 0;
        }
        __syncthreads();
    }
}

#define MCFAST_SUPPRESSION_KERNELS(X) X(suppress)

}  // namespace mcfast::gpu
