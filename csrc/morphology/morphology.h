// Flat grayscale morphology on uint8, uint16 and float32 images; bit-equal on every CPU level and thread count.
//
// Outside pixels do not take part. Rectangles of odd sides cost O(1) per pixel, other footprints O(chords).
#pragma once

#include <vector>

#include "core/array.h"
#include "morphology/morphology_task.h"

namespace mcfast {

/// A flat structuring element: a full box of odd sides, or any set of chords.
struct Footprint {
    int rows = 1, columns = 1;  // of the box; used if there are no chords
    std::vector<Chord> chords;  // relative to the origin (rows / 2, columns / 2)

    bool is_rectangle() const { return chords.empty(); }
    Footprint reflected() const;

    /// The same for an image of that size: a rectangle that reaches past it holds nothing more than a smaller one.
    Footprint within(int rows, int columns) const;
};

enum class Morphology { erode, dilate, opening, closing, white_tophat, black_tophat };

/// Throws ValueError if a chord is empty or reaches further than 2^15 pixels.
void check_footprint(const char* operation, const Footprint& footprint);

/// out = morphology of the image. `out` may be the image.
void morphology(const char* operation, Morphology kind, const Array& image, const Footprint& footprint,
                const Array& out, int threads);

/// out = minimum over the window of the minimum over channels; the image is (rows, columns[, channels]).
void dark_channel(const Array& image, int window_rows, int window_columns, const Array& out, int threads);

/// The kernel call under both: extremum of `image` over a window or footprint. `out` must be apart from the image.
template <class T>
void compute_extremum(Extremum extremum, const Image<const T>& image, int channels, const Footprint& footprint,
                      const Image<T>& out, int threads);

}  // namespace mcfast
