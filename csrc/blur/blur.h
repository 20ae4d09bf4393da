// Means over a box and under a Gaussian; float32 results from uint8, uint16 and float32 images.
#pragma once

#include <vector>

#include "blur/blur_task.h"
#include "core/array.h"

namespace mcfast {

/// out = mean over the part of the (2 radius + 1)^2 window inside the image. O(1) per pixel in the radius.
void box_mean(const Array& image, int radius, const Array& out, int threads);

/// out = Gaussian blur, cut at ceil(4 sigma), sigma from 0.1 to 64 pixels. O(sigma) per pixel.
void gaussian_blur(const Array& image, double sigma, const Array& out, int threads);

/// Mean of a float image in double, for shifting; 0 for integers, whose sums are exact.
template <class T>
double shift_of(const Image<const T>& image);

/// Owns the inverse widths of a row's clipped windows.
class RowWindowWeights {
  public:
    RowWindowWeights(int columns, int radius);
    RowWindow view() const { return {segments_, radius_, inverse_width_.data()}; }

  private:
    Segments segments_;
    int radius_;
    std::vector<double> inverse_width_;
};

/// Largest radius of a window whose column sums of 16-bit values stay exact.
constexpr int largest_radius = 1 << 14;

}  // namespace mcfast
