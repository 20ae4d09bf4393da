// What the boundary throws; bindings translate it (TypeError and ValueError in Python).
#pragma once

#include <stdexcept>

namespace mcfast {

/// An argument of the wrong kind: its dtype, mostly.
struct TypeError : std::invalid_argument {
    using std::invalid_argument::invalid_argument;
};

/// An argument of the right kind with a value that does not fit.
struct ValueError : std::invalid_argument {
    using std::invalid_argument::invalid_argument;
};

}  // namespace mcfast
