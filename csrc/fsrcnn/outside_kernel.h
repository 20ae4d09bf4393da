// The pixels that the mask leaves out, interpolated linearly: the values of resample by 2, without its tables.
//
// They are most of a frame and only have to be cheap: blocks of columns that lie wholly in the mask are skipped, others
// are written whole, before the network writes what it has.
#pragma once

#include <type_traits>

#include "fsrcnn/fsrcnn_layers.h"

namespace mcfast::MCFAST_LEVEL {

template <class T>
class OutsidePass {
  public:
    explicit OutsidePass(const FsrcnnTask<T>& task) : task_(task) {}

    void run() {
        for (int y = task_.tile.top; y < task_.tile.bottom; ++y) {
            for (int x = task_.tile.left; x < task_.tile.right; x += block) {
                const int count = task_.tile.right - x < block ? task_.tile.right - x : block;
                if (any_outside(y, x, count)) {
                    write(y, -1, x, count);
                    write(y, 1, x, count);
                }
            }
        }
    }

  private:
    static constexpr int block = 64;

    bool any_outside(int y, int x, int count) const {
        const std::uint8_t* mask = task_.mask.row(y) + x;
        int set = 0;
        for (int i = 0; i < count; ++i) set += mask[i] != 0;
        return set < count;
    }

    /// The upper (side = -1) or lower (1) output row in input row y: a quarter of the neighbour on that side.
    void write(int y, int side, int x, int count) const {
        const int rows = task_.image.rows, columns = task_.image.columns;
        const int before = x > 0 ? 1 : 0, after = x + count < columns ? 1 : 0;
        const T* here = task_.image.row(y) + x;
        float row[block + 2 * lanes<float> + 2] = {};
        float* middle = row + lanes<float>;
        if (y + side >= 0 && y + side < rows) {
            const T* beside = task_.image.row(y + side) + x;
            for (int i = -before; i < count + after; ++i) {
                middle[i] = 0.25f * static_cast<float>(beside[i]) + 0.75f * static_cast<float>(here[i]);
            }
        } else {
            for (int i = -before; i < count + after; ++i) middle[i] = static_cast<float>(here[i]);
        }
        float values[2 * block + 2 * lanes<float>];
        for (int i = 0; i < count; i += lanes<float>) {
            const Vector<float> most = 0.75f * load(middle + i);
            interleave(0.25f * load(middle + i - 1) + most, most + 0.25f * load(middle + i + 1), values + 2 * i);
        }
        // At the frame's border there is nothing to weigh a pixel with.
        if (!before) values[0] = middle[0];
        if (!after) values[2 * count - 1] = middle[count - 1];
        T* to = task_.out.row(2 * (y - task_.out_top) + (side > 0)) + 2 * (x - task_.out_left);
        for (int i = 0; i < 2 * count; ++i) to[i] = nearest<T>(values[i]);
    }

    const FsrcnnTask<T>& task_;
};

}  // namespace mcfast::MCFAST_LEVEL
