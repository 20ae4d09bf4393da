#include "fsrcnn/pack.h"

#include <algorithm>

namespace mcfast {

namespace {

constexpr int largest_points = 8;

/// Values of a filter of `taps` rows at the points of F(4, taps): row p of G times the filter (Lavin and Gray 2016,
/// eq. 7). The splits and joins that belong to it are in minimal_filtering.h.
struct Points {
    int points, taps;
    double g[largest_points][5];
};

constexpr Points one_row{1, 1, {{1}}};
constexpr Points three_rows{6,
                            3,
                            {{1.0 / 4, 0, 0},
                             {-1.0 / 6, -1.0 / 6, -1.0 / 6},
                             {-1.0 / 6, 1.0 / 6, -1.0 / 6},
                             {1.0 / 24, 1.0 / 12, 1.0 / 6},
                             {1.0 / 24, -1.0 / 12, 1.0 / 6},
                             {0, 0, 1}}};
constexpr Points five_rows{8,
                           5,
                           {{1, 0, 0, 0, 0},
                            {-2.0 / 9, -2.0 / 9, -2.0 / 9, -2.0 / 9, -2.0 / 9},
                            {-2.0 / 9, 2.0 / 9, -2.0 / 9, 2.0 / 9, -2.0 / 9},
                            {1.0 / 360, 1.0 / 180, 1.0 / 90, 1.0 / 45, 2.0 / 45},
                            {1.0 / 360, -1.0 / 180, 1.0 / 90, -1.0 / 45, 2.0 / 45},
                            {16.0 / 45, 8.0 / 45, 4.0 / 45, 2.0 / 45, 1.0 / 45},
                            {16.0 / 45, -8.0 / 45, 4.0 / 45, -2.0 / 45, 1.0 / 45},
                            {0, 0, 0, 0, 1}}};

/// Blocks of outputs, in each [point][input][column tap][output]; value(output, input, row tap, column tap) is the
/// file's number.
template <class Value>
std::vector<float> pack(int outputs, int padded, int widest, const Points& f, int inputs, int columns, Value&& value) {
    std::vector<float> packed;
    for (int first = 0, block; first < padded; first += block) {
        const int left = padded - first;
        block = std::min(widest, left >= 12 ? 12 : left >= 8 ? 8 : 4);
        for (int p = 0; p < f.points; ++p) {
            for (int c = 0; c < inputs; ++c) {
                for (int k = 0; k < columns; ++k) {
                    for (int o = first; o < first + block; ++o) {
                        double sum = 0;
                        for (int r = 0; o < outputs && r < f.taps; ++r) sum += f.g[p][r] * value(o, c, r, k);
                        packed.push_back(static_cast<float>(sum));
                    }
                }
            }
        }
    }
    return packed;
}

std::vector<float> padded_copy(const Array* array, int padded) {
    std::vector<float> values(static_cast<std::size_t>(padded));
    if (array) std::copy_n(static_cast<const float*>(array->data), array->shape[0], values.begin());
    return values;
}

}  // namespace

PackedLayer pack_convolution(const FsrcnnArrays& layer, int widest) {
    const auto* from = static_cast<const float*>(layer.weight.data);
    const auto outputs = static_cast<int>(layer.weight.shape[0]), maps = static_cast<int>(layer.weight.shape[1]);
    const auto side = static_cast<int>(layer.weight.shape[2]);
    const int padded = (outputs + 3) / 4 * 4;
    const auto at = [&](int o, int c, int r, int k) { return double{from[((o * maps + c) * side + r) * side + k]}; };
    PackedLayer packed{{}, padded_copy(&layer.bias, padded), padded_copy(layer.slope, padded), maps, padded, outputs};
    const Points& points = side == 5 ? five_rows : side == 3 ? three_rows : one_row;
    packed.weights = pack(outputs, padded, widest, points, maps, side, at);
    return packed;
}

PackedLayer pack_deconvolution(const FsrcnnArrays& layer) {
    const auto* from = static_cast<const float*>(layer.weight.data);
    const auto maps = static_cast<int>(layer.weight.shape[0]);
    constexpr int side = 9, taps = 5, phases = 4;
    // Output 2 i + parity = sum over t = -2 .. 2 of input i + t times tap parity + 4 - 2 t, where there is such a tap.
    const auto tap = [](int parity, int index) { return parity + 4 - 2 * (index - 2); };
    const auto at = [&](int phase, int c, int r, int k) {
        const int row = tap(phase % 2, r), column = tap(phase / 2, k);
        return row < side && column < side ? double{from[(c * side + row) * side + column]} : 0.0;
    };
    return {pack(phases, phases, phases, five_rows, maps, taps, at), padded_copy(&layer.bias, 1), {}, maps, phases, 1};
}

}  // namespace mcfast
