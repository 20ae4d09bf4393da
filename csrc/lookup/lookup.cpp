#include "lookup/lookup.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "core/kernels.h"
#include "core/thread_pool.h"

namespace mcfast {

void lookup(const Array& image, const Array& table, const Array& out, int threads) {
    const Argument in{"lookup", "image"}, by{"lookup", "table"}, to{"lookup", "out"};
    check_pixels(in, image, false);
    check_layout(in, image);
    if (table.dtype != Dtype::uint16) {
        throw TypeError("lookup(table): expected uint16, got " + table.dtype_name);
    }
    if (table.dimensions != 1 || !is_packed(table) || table.shape[0] < 1 || table.shape[0] > 65536) {
        refuse(by, "a contiguous 1-D array of 1 to 65536 entries", "shape " + shape_text(table));
    }
    check_out(to, out, Dtype::uint16, "uint16", static_cast<int>(image.shape[0]), static_cast<int>(image.shape[1]));
    check_overlap(to, out, image, true);
    check_overlap(to, out, table, false);
    const int workers =
        choose_threads("lookup", threads, static_cast<double>(image.shape[0]) * static_cast<double>(image.shape[1]));
    const auto run = [&](auto* tag) {
        using T = std::remove_pointer_t<decltype(tag)>;
        const auto view = as_image<const T>(image);
        const auto* entries = static_cast<const std::uint16_t*>(table.data);
        // With an entry for every pixel there is nothing to clip: pixels past the table's end take its last entry.
        std::vector<std::uint16_t> whole(entries, entries + table.shape[0]);
        whole.resize(std::size_t(std::numeric_limits<T>::max()) + 1, whole.back());
        constexpr int strip = 128;
        parallel_for((view.rows + strip - 1) / strip, workers, [&](std::size_t i) {
            const int top = static_cast<int>(i) * strip;
            kernels().lookup_rows(view, whole.data(), as_image<std::uint16_t>(out), top,
                                  std::min(view.rows, top + strip));
        });
    };
    if (image.dtype == Dtype::uint8) {
        run(static_cast<std::uint8_t*>(nullptr));
    } else {
        run(static_cast<std::uint16_t*>(nullptr));
    }
}

}  // namespace mcfast
