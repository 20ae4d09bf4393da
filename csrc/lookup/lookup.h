// Lookup table over uint8 and uint16 images: the whole grayscale chain of a mammogram in one gather.
#pragma once

#include "core/array.h"

namespace mcfast {

/// out (uint16) = table[image]; values past the table's end take its last entry. `out` may be a uint16 image itself.
void lookup(const Array& image, const Array& table, const Array& out, int threads);

}  // namespace mcfast
