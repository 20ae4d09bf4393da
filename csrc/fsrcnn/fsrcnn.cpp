#include "fsrcnn/fsrcnn.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <string>

#include "core/kernels.h"
#include "core/thread_pool.h"
#include "fsrcnn/pack.h"

namespace mcfast {

namespace {

/// Largest tile, about. Its maps (2 MB for d = 56, s = 12, m = 4) stay in the second or third cache; a wider one
/// repeats less work on its halo.
constexpr int tile_rows = 512, tile_columns = 500;

/// Fewest rows that a tile is cut to, so that all threads have work: about 12 rows are computed besides on each.
constexpr int fewest_tile_rows = 144;

/// Of a pixel that the mask leaves out, in pixels of the network.
constexpr double interpolation_cost = 0.02;

constexpr int most_maps = 256;

const char* operation = "super_resolve";

std::string shape_of(const char* outputs, const char* inputs, int side) {
    const std::string text = std::to_string(side);
    return std::string("a float32 weight (") + outputs + ", " + inputs + ", " + text + ", " + text + ")";
}

/// Throws unless the layer is float32, contiguous, and of that many outputs, inputs and taps; 0 is any up to 256.
void check_layer(const FsrcnnArrays& layer, std::size_t index, int outputs, int inputs, int side, bool deconvolution) {
    const std::string place = "layer " + std::to_string(index);
    const Argument argument{"Fsrcnn", place.c_str()};
    const Array& w = layer.weight;
    const auto fits = [](std::ptrdiff_t got, int want) { return want ? got == want : got >= 1 && got <= most_maps; };
    if (w.dtype != Dtype::float32 || w.dimensions != 4 || !is_packed(w) || !fits(w.shape[0], outputs) ||
        !fits(w.shape[1], inputs) || w.shape[2] != side || w.shape[3] != side) {
        const std::string out = outputs ? std::to_string(outputs) : "1 to 256";
        const std::string in = inputs ? std::to_string(inputs) : "1 to 256";
        refuse(argument, shape_of(out.c_str(), in.c_str(), side), w.dtype_name + " of shape " + shape_text(w));
    }
    const std::ptrdiff_t each = deconvolution ? 1 : w.shape[0];
    for (const Array* values : {&layer.bias, layer.slope}) {
        if (!values) continue;
        if (values->dtype != Dtype::float32 || values->dimensions != 1 || values->shape[0] != each ||
            !is_packed(*values)) {
            refuse(argument, "bias and slope float32 of shape (" + std::to_string(each) + ",)",
                   values->dtype_name + " of shape " + shape_text(*values));
        }
    }
    if (!layer.slope != deconvolution) {
        refuse(argument, deconvolution ? "no slope" : "a slope", deconvolution ? "one" : "none");
    }
}

void check_part(const FsrcnnPart& part, const Array& image) {
    const Box& box = part.box;
    if (box.top < 0 || box.top >= box.bottom || box.bottom > image.shape[0] || box.left < 0 || box.left >= box.right ||
        box.right > image.shape[1]) {
        refuse({operation, "regions"}, "boxes inside the image " + shape_text(image),
               "(" + std::to_string(box.top) + ", " + std::to_string(box.left) + ", " + std::to_string(box.bottom) +
                   ", " + std::to_string(box.right) + ")");
    }
    const Argument to{operation, "out"};
    check_out(to, part.out, image.dtype, image.dtype_name.c_str(), 2 * box.rows(), 2 * box.columns());
    check_overlap(to, part.out, image, false);
}

void check_mask(const Array& mask, const Array& image) {
    const Argument argument{operation, "mask"};
    if (mask.dtype != Dtype::boolean) throw TypeError(argument.text() + ": expected bool, got " + mask.dtype_name);
    check_layout(argument, mask);
    if (mask.shape[0] != image.shape[0] || mask.shape[1] != image.shape[1]) {
        refuse(argument, "shape " + shape_text(image), shape_text(mask));
    }
}

/// Tiles of nearly equal sizes, as few as the largest tile allows, that together are the box.
std::vector<Box> tiles(const Box& box, int most_rows, int most_columns) {
    const int down = (box.rows() + most_rows - 1) / most_rows;
    const int along = (box.columns() + most_columns - 1) / most_columns;
    const auto part = [](int begin, int length, int i, int n) {
        return begin + static_cast<int>(static_cast<long long>(length) * i / n);
    };
    std::vector<Box> cut;
    for (int i = 0; i < down; ++i) {
        for (int j = 0; j < along; ++j) {
            cut.push_back({part(box.top, box.rows(), i, down), part(box.top, box.rows(), i + 1, down),
                           part(box.left, box.columns(), j, along), part(box.left, box.columns(), j + 1, along)});
        }
    }
    return cut;
}

/// The smallest box that holds the mask's pixels in `box`; of no rows if there are none.
Box bounds(const Image<const std::uint8_t>& mask, const Box& box) {
    Box found{box.bottom, box.top, box.right, box.left};
    for (int y = box.top; y < box.bottom; ++y) {
        const std::uint8_t *row = mask.row(y), *begin = row + box.left, *end = row + box.right;
        const auto* first = std::find_if(begin, end, [](std::uint8_t value) { return value != 0; });
        if (first == end) continue;
        while (!end[-1]) --end;
        found.top = std::min(found.top, y);
        found.bottom = y + 1;
        found.left = std::min(found.left, static_cast<int>(first - row));
        found.right = std::max(found.right, static_cast<int>(end - row));
    }
    if (found.top >= found.bottom) found.bottom = found.top;
    return found;
}

struct Work {
    const FsrcnnPart* part;
    Box tile, box;  // as in FsrcnnTask
    double cost;
};

/// Pixels of a box that are set; all of them if there is no mask.
double pixels_in(const Image<const std::uint8_t>& mask, const Box& box) {
    if (!mask.data) return static_cast<double>(box.rows()) * box.columns();
    std::ptrdiff_t sum = 0;
    for (int y = box.top; y < box.bottom; ++y) {
        const std::uint8_t* row = mask.row(y);
        sum += std::count_if(row + box.left, row + box.right, [](std::uint8_t value) { return value != 0; });
    }
    return static_cast<double>(sum);
}

/// Most rows of a box's tiles, for as many tiles as comes nearest to `wanted` rows in each.
int rows_of_tiles(const Box& box, double wanted) {
    const int rows = std::clamp(static_cast<int>(std::min<double>(wanted, tile_rows)), fewest_tile_rows, tile_rows);
    const int count = std::max(1, (box.rows() + rows / 2) / rows);
    return (box.rows() + count - 1) / count;
}

/// Tiles of all parts, the longest work first: the last ones then fill what threads have left. Tiles change no bit of
/// the result, so unlike elsewhere they may be cut for the number of threads.
std::vector<Work> plan(const std::vector<FsrcnnPart>& parts, const Image<const std::uint8_t>& mask, int tile,
                       double pixels, int workers) {
    const double share = workers > 1 ? pixels / (4 * workers) : pixels;
    const int columns = tile ? std::min(tile, tile_columns) : tile_columns;
    std::vector<Work> work;
    for (const FsrcnnPart& part : parts) {
        const int rows = rows_of_tiles(part.box, share / std::min(columns, part.box.columns()));
        for (const Box& cut : tiles(part.box, tile ? std::min(tile, rows) : rows, columns)) {
            const Box box = mask.data ? bounds(mask, cut) : cut;
            const double interpolated = interpolation_cost * cut.rows() * cut.columns();
            work.push_back({&part, cut, box, pixels_in(mask, box) + (mask.data ? interpolated : 0)});
        }
    }
    std::stable_sort(work.begin(), work.end(), [](const Work& a, const Work& b) { return a.cost > b.cost; });
    return work;
}

}  // namespace

Fsrcnn::Fsrcnn(const std::vector<FsrcnnArrays>& layers) {
    if (layers.size() < 4 || layers.size() > 4 + FsrcnnWeights::most_mappings) {
        throw ValueError("Fsrcnn(layers): expected 4 to 20, got " + std::to_string(layers.size()));
    }
    const std::size_t last = layers.size() - 1;
    check_layer(layers[0], 0, 0, 1, 5, false);
    const auto d = static_cast<int>(layers[0].weight.shape[0]);
    check_layer(layers[1], 1, 0, d, 1, false);
    const auto s = static_cast<int>(layers[1].weight.shape[0]);
    for (std::size_t i = 2; i < last - 1; ++i) check_layer(layers[i], i, s, s, 3, false);
    check_layer(layers[last - 1], last - 1, 0, s, 1, false);
    check_layer(layers[last], last, static_cast<int>(layers[last - 1].weight.shape[0]), 1, 9, true);

    const int widest = kernels().fsrcnn_block;
    const auto keep = [&](PackedLayer packed) {
        const FsrcnnLayer layer{packed.weights.data(), packed.bias.data(), packed.slope.data(),
                                packed.inputs,         packed.outputs,     packed.outputs_in_file};
        for (auto* values : {&packed.weights, &packed.bias, &packed.slope}) memory_.push_back(std::move(*values));
        return layer;
    };
    weights_.m = static_cast<int>(last) - 3;
    weights_.feature = keep(pack_convolution(layers[0], widest));
    weights_.shrink = keep(pack_convolution(layers[1], widest));
    for (int k = 0; k < weights_.m; ++k) {
        weights_.mappings[k] = keep(pack_convolution(layers[static_cast<std::size_t>(k) + 2], widest));
    }
    weights_.expand = keep(pack_convolution(layers[last - 1], widest));
    weights_.deconvolution = keep(pack_deconvolution(layers[last]));
}

void Fsrcnn::magnify(const Array& image, double white, const std::vector<FsrcnnPart>& parts, const Array* mask,
                     int tile, bool clip, int threads) const {
    const Argument in{operation, "image"};
    check_pixels(in, image);
    check_layout(in, image);
    const double highest = image.dtype == Dtype::uint8 ? 255 : image.dtype == Dtype::uint16 ? 65535 : 3.4e38;
    check_range({operation, "max_value"}, white, 1e-30, highest, "above 0, at most the dtype's largest value");
    for (const FsrcnnPart& part : parts) check_part(part, image);
    if (mask) check_mask(*mask, image);
    check_range({operation, "tile"}, tile, 0, 1 << 30, "None or at least 1");
    if (!clip && image.dtype != Dtype::float32) refuse({operation, "clip"}, "true for integers", "false");

    const auto inside = mask ? as_image<const std::uint8_t>(*mask) : Image<const std::uint8_t>{};
    double pixels = 0;
    for (const FsrcnnPart& part : parts) pixels += pixels_in(inside, part.box);
    constexpr double cost = 64;  // of a pixel here, in pixels of a filter
    const int workers = choose_threads(operation, threads, cost * pixels);
    const std::vector<Work> work = plan(parts, inside, tile, pixels, workers);
    visit_pixels(image.dtype, [&](auto* tag) {
        using T = std::remove_pointer_t<decltype(tag)>;
        parallel_for(work.size(), workers, [&](std::size_t i) {
            const FsrcnnPart& part = *work[i].part;
            FsrcnnTask<T> task{};
            task.image = as_image<const T>(image);
            task.mask = inside;
            task.weights = &weights_;
            task.white = static_cast<float>(white);
            task.low = clip ? 0 : -std::numeric_limits<float>::infinity();
            task.high = clip ? task.white : std::numeric_limits<float>::infinity();
            task.tile = work[i].tile;
            task.box = work[i].box;
            task.out = as_image<T>(part.out);
            task.out_top = part.box.top;
            task.out_left = part.box.left;
            const int columns = std::max(0, task.box.columns());
            char* workspace = thread_workspace(FsrcnnLayout(weights_, columns, nullptr).bytes());
            kernels().of<T>().fsrcnn(task, workspace);
        });
    });
}

double peak_flops(int threads, double seconds) {
    check_range({"peak_flops", "threads"}, threads, 1, 256, "1 to 256");
    check_range({"peak_flops", "seconds"}, seconds, 0.001, 10, "0.001 to 10");
    using Clock = std::chrono::steady_clock;
    const auto passed = [](Clock::time_point since) {
        return std::chrono::duration<double>(Clock::now() - since).count();
    };
    std::vector<double> rates(static_cast<std::size_t>(threads));
    parallel_for(rates.size(), threads, [&](std::size_t i) {
        float result[1] = {1};
        double done = 0;
        const auto begin = Clock::now();
        while (passed(begin) < seconds) done += kernels().multiply_add_chains(100000, result);
        rates[i] = done / passed(begin);
    });
    double sum = 0;
    for (const double rate : rates) sum += rate;
    return sum;
}

}  // namespace mcfast
