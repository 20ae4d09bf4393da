// Pixels on the GPU: minimum and maximum of words that hold several pixels, rounding, image access.
#pragma once

#include "gpu/mc_gpu.h"

namespace mcfast::gpu {

/// How pixels are packed into the words that morphology works on: four uint8, two uint16 or one float32. One
/// instruction (__vminu4, __vminu2, fminf) then compares all of them.
template <class T>
struct Packing;
template <>
struct Packing<uint8_t> {
    using Word = uint32_t;
    static constexpr int lanes = 4;
};
template <>
struct Packing<uint16_t> {
    using Word = uint32_t;
    static constexpr int lanes = 2;
};
template <>
struct Packing<float> {
    using Word = float;
    static constexpr int lanes = 1;
};
template <class T>
using Word = typename Packing<T>::Word;

template <class T>
MC_DEVICE T lane_of(Word<T> word, int lane) {
    if constexpr (Packing<T>::lanes == 1) {
        return word;
    } else {
        return static_cast<T>(word >> (lane * 8 * static_cast<int>(sizeof(T))));
    }
}

template <class T>
MC_DEVICE Word<T> with_lane(Word<T> word, int lane, T value) {
    if constexpr (Packing<T>::lanes == 1) {
        return value;
    } else {
        return word | static_cast<uint32_t>(value) << (lane * 8 * static_cast<int>(sizeof(T)));
    }
}

MC_DEVICE float infinity() {
    return __int_as_float(0x7f800000);
}

struct Minimum {
    template <class T>
    static MC_DEVICE T identity() {
        if constexpr (sizeof(T) == 4) {
            return infinity();
        } else {
            return static_cast<T>(~T(0));
        }
    }
    template <class T>
    static MC_DEVICE Word<T> of(Word<T> a, Word<T> b) {
        if constexpr (Packing<T>::lanes == 4) {
            return __vminu4(a, b);
        } else if constexpr (Packing<T>::lanes == 2) {
            return __vminu2(a, b);
        } else {
            return b < a ? b : a;
        }
    }
};

struct Maximum {
    template <class T>
    static MC_DEVICE T identity() {
        if constexpr (sizeof(T) == 4) {
            return -infinity();
        } else {
            return 0;
        }
    }
    template <class T>
    static MC_DEVICE Word<T> of(Word<T> a, Word<T> b) {
        if constexpr (Packing<T>::lanes == 4) {
            return __vmaxu4(a, b);
        } else if constexpr (Packing<T>::lanes == 2) {
            return __vmaxu2(a, b);
        } else {
            return a < b ? b : a;
        }
    }
};

/// What is written in place of a filtered value v, given the pixel p of the original there.
struct Plain {
    static constexpr bool reads_original = false;
    template <class T>
    static MC_DEVICE T of(T v, T) {
        return v;
    }
};
struct WhiteTopHat {  // p - opening
    static constexpr bool reads_original = true;
    template <class T>
    static MC_DEVICE T of(T v, T p) {
        return static_cast<T>(p - v);
    }
};
struct BlackTopHat {  // closing - p
    static constexpr bool reads_original = true;
    template <class T>
    static MC_DEVICE T of(T v, T p) {
        return static_cast<T>(v - p);
    }
};

/// Rounds to nearest even and clips to the integer's range; floats pass.
template <class T, class S>
MC_DEVICE T rounded(S value) {
    if constexpr (sizeof(T) == 4) {
        return static_cast<T>(value);
    } else {
        constexpr S highest = static_cast<S>(static_cast<T>(~T(0)));
        value = value < 0 ? S(0) : value > highest ? highest : value;
        if constexpr (sizeof(S) == 4) {
            return static_cast<T>(rintf(value));
        } else {
            return static_cast<T>(rint(value));
        }
    }
}

MC_DEVICE int smaller(int a, int b) {
    return a < b ? a : b;
}
MC_DEVICE int larger(int a, int b) {
    return a > b ? a : b;
}
MC_DEVICE int clamped(int value, int low, int high) {
    return value < low ? low : value > high ? high : value;
}
MC_DEVICE double larger(double a, double b) {
    return a > b ? a : b;
}
MC_DEVICE double smaller(double a, double b) {
    return a < b ? a : b;
}

}  // namespace mcfast::gpu
