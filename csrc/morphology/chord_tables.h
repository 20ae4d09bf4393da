// The tables of an image row: for every distinct chord of a footprint its sliding extremum, at the output's column.
//
// Chords of w to 2 w - 1 pixels are two overlapping windows of w, and windows of 2 w two windows of w: log2(longest
// chord) doublings and one operation per distinct chord. There are two ways to the same tables:
//
// in registers  where all chords begin within a vector of one another (footprints of up to 32 pixels of 16 bits
// across):
//               doubling and chord come from two neighbouring vectors, so a row is loaded once per doubling and not
//               twice per chord. For that the rightmost column in which a window begins, `last_column_`, must stand on
//               a vector's boundary: else the row is copied to where it does.
// by loads      otherwise: each chord is two loads from the doubling that its length asks for.
#pragma once

#include "core/shift.h"
#include "morphology/morphology_task.h"
#include "morphology/slide.h"

namespace mcfast::MCFAST_LEVEL {

template <class Op, class T>
class ChordTables {
  public:
    ChordTables(const FootprintTask<T>& task, const FootprintLayout<T>& buffer)
        : task_(task),
          pitch_(buffer.pitch),
          ping_(buffer.ping),
          pong_(buffer.pong),
          padded_(buffer.padded),
          n_(task.out.columns),
          width_(n_ + task.reach),
          last_column_(task.last_window) {
        in_registers_ = can_shift<T> && task.first_column >= last_column_ - lanes<T>;
        // Column `last_column_` of the first output stands on a vector's boundary, with a vector in front of it.
        const int before = last_column_ - task.first_column;
        front_ = lanes<T> * (1 + (before + lanes<T> - 1) / lanes<T>);
        if (in_registers_) prepare_shifts(buffer.shifts);
    }

    /// tables[run * pitch + x] = extremum of the run's pixels around output x, in row y of what the task is made of.
    void fill(T* tables, int y) const {
        const T* row = task_.from.row(y) + task_.left;
        if (!in_registers_) return fill_by_loads(tables, row);
        const T* column = row + (last_column_ - task_.first_column);
        if (reinterpret_cast<std::uintptr_t>(column) % MCFAST_VECTOR_BYTES) {
            copy(padded_ + front_ - (column - row), row, width_);
            column = padded_ + front_;
        }
        fill_in_registers(tables, column - front_);
    }

  private:
    void prepare_shifts(char* memory) {
        auto* shifts = reinterpret_cast<Shift<T>*>(memory);
        for (int i = 0; i < task_.run_count; ++i) {
            const Run& run = task_.runs[i];
            shifts[2 * i] = Shift<T>(lanes<T> + run.column - last_column_);
            shifts[2 * i + 1] = Shift<T>(lanes<T> + run.second_window() - last_column_);
        }
        shifts_ = shifts;
    }

    /// Column `last_column_` of the first output is level[front_].
    void fill_in_registers([[maybe_unused]] T* tables, [[maybe_unused]] const T* level) const {
        if constexpr (!can_shift<T>) return;
        T* spare = ping_;
        for (int i = 0, w = 1; i < task_.run_count;) {
            Stages of;
            for (const int needed = task_.runs[i].window(); w < needed; w *= 2) of.places[of.near++] = w;
            if (of.near) {
                const int begin = front_ - lanes<T>;
                slide_by_stages<Op>(spare + begin, level + begin, of, n_ + 2 * lanes<T>);
                level = spare;
                spare = spare == ping_ ? pong_ : ping_;
            }
            int end = i;  // runs [i, end) are made of windows of w
            while (end < task_.run_count && task_.runs[end].length < 2 * w) ++end;
            for (; i < end; i += 4) fill_some(level, tables + i * std::ptrdiff_t(pitch_), shifts_ + 2 * i, end - i);
            i = end;
        }
    }

    void fill_some(const T* level, T* tables, const Shift<T>* shifts, int count) const {
        switch (count) {
            case 1:
                return fill_group<1>(level, tables, shifts);
            case 2:
                return fill_group<2>(level, tables, shifts);
            case 3:
                return fill_group<3>(level, tables, shifts);
            default:
                return fill_group<4>(level, tables, shifts);
        }
    }

    /// A few tables at once: their shifts stay in registers.
    template <int count>
    void fill_group(const T* level, T* tables, const Shift<T>* shifts) const {
        Shift<T> first[count], second[count];
        for (int t = 0; t < count; ++t) {
            first[t] = shifts[2 * t];
            second[t] = shifts[2 * t + 1];
        }
        const T* from = level + front_;
        const auto pitch = static_cast<std::ptrdiff_t>(pitch_);
        Vector<T> before = load(from - lanes<T>);
        for (int x = 0; x < n_; x += lanes<T>) {
            const Vector<T> current = load(from + x);
            for (int t = 0; t < count; ++t) {
                store(tables + t * pitch + x, Op::of(first[t].of(before, current), second[t].of(before, current)));
            }
            before = current;
        }
    }

    void fill_by_loads(T* tables, const T* row) const {
        const T* current = row;  // current[i] is the extremum of `reached` pixels
        int reached = 1;
        for (int i = 0; i < task_.run_count; ++i) {
            const Run run = task_.runs[i];
            while (2 * reached <= run.length) {
                T* next = current == ping_ ? pong_ : ping_;
                combine<Op>(next, width_ - 2 * reached + 1, current, current + reached);
                current = next;
                reached *= 2;
            }
            T* table = tables + i * std::ptrdiff_t(pitch_);
            const T* from = current + (run.column - task_.first_column);
            if (reached < run.length) {
                combine<Op>(table, n_, from, from + (run.length - reached));
            } else {
                copy(table, from, n_);
            }
        }
    }

    const FootprintTask<T>& task_;
    std::size_t pitch_;
    T *ping_, *pong_, *padded_;
    int n_, width_, last_column_;
    bool in_registers_ = false;
    int front_ = 0;  // a vector at least in front of the first output's `last_column_`, and a whole number of them
    const Shift<T>* shifts_ = nullptr;  // to the first and the second window of each run
};

}  // namespace mcfast::MCFAST_LEVEL
