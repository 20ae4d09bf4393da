#include "morphology/footprint_pass.h"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "core/kernels.h"

namespace mcfast {

namespace {

template <class T>
T identity(Extremum extremum) {
    typedef std::numeric_limits<T> Limits;
    if (Limits::has_infinity) return extremum == Extremum::minimum ? Limits::infinity() : -Limits::infinity();
    return extremum == Extremum::minimum ? Limits::max() : Limits::lowest();
}

int rounded_up(int value, int unit) {
    return (value + unit - 1) / unit * unit;
}

}  // namespace

template <class T>
FootprintPass<T>::FootprintPass(Extremum extremum, const FootprintPlan& plan, const Box& box, const Box& inside,
                                int past, char* workspace)
    : extremum_(extremum), plan_(plan), box_(box), layout_(workspace) {
    const Reach &reach = plan.reach, &core = plan.core.reach;
    const Box all = reach.around(box);
    needed_ = {std::clamp(all.top, inside.top, inside.bottom), std::clamp(all.bottom, inside.top, inside.bottom),
               std::clamp(all.left, inside.left, inside.right), std::clamp(all.right, inside.left, inside.right)};
    // Rows that are not moved along are aligned where most is loaded: for a cross, above and below an aligned output.
    const int aligned = plan.cross ? core.first_column + plan.cross / 2 + 1 : plan.core.last_window;
    const int slack = sweep_slack<T>, front = aligned - reach.first_column + slack;
    left_ = box.left + aligned - rounded_up(front, ShearedRows<T>::line) - (plan.cross ? past : 0);
    pitch_ = spread_pitch<T>(all.right - left_ + slack + static_cast<int>(row_slack<T>));
    out_.columns = box.columns();
    out_.spare = layout_.take<T>(static_cast<std::size_t>(pitch_));
    for (std::size_t i = 0; i <= plan.segments.size(); ++i) {
        // Bands of a pass before this one may end anywhere in those of this one.
        const int next = i < plan.segments.size() ? plan.segments[i].height() : core.last_row - core.first_row + 1;
        const int kept = rows_at_once + next - 1;
        const int depth = i == 0 ? kept + rows_at_once - 1 : rounded_up(kept, rows_at_once);
        // What comes after the last segment reads most, and columns: those are worth a store across cache lines.
        const bool is_sheared = i > 0 && i < plan.segments.size();
        stages_.push_back(make_stage(is_sheared ? plan.segments[i - 1] : Segment{0, 1, 1}, depth));
    }
    if (workspace) {
        const RowRing<T>& pixels = stages_[0].rows.ring;
        std::fill_n(pixels.data, pixels.depth * pixels.pitch, identity<T>(extremum));
    }
    make_core_buffers();
}

template <class T>
typename FootprintPass<T>::Stage FootprintPass<T>::make_stage(const Segment& step, int depth) {
    T* rows = layout_.take<T>(static_cast<std::size_t>(depth) * static_cast<std::size_t>(pitch_));
    return {{{rows, pitch_, depth, 0}, step.columns, step.rows}, 0};
}

template <class T>
void FootprintPass<T>::make_core_buffers() {
    if (plan_.cross) {
        along_ = make_stage({0, 1, 1}, rows_at_once + plan_.cross + 1);
        ping_ = layout_.take<T>(static_cast<std::size_t>(pitch_));
        pong_ = layout_.take<T>(static_cast<std::size_t>(pitch_));
    } else {
        core_ = layout_.take<char>(FootprintLayout<T>(footprint_task(), nullptr).bytes());
    }
}

template <class T>
void FootprintPass<T>::read(FootprintPass& before) {
    before_ = &before;
    const RowRing<T>& pixels = stages_[0].rows.ring;
    before.out_.to = {pixels.data + column_of(needed_.left), pixels.pitch, pixels.depth, needed_.top - first_row()};
}

template <class T>
void FootprintPass<T>::write(const Image<T>& out, const Image<const T>& pixels) {
    out_.to = RowRing<T>::of(out);
    out_.image = pixels;
    out_.is_fetched = true;
}

template <class T>
void FootprintPass<T>::make_band() {
    out_.rows = std::min(rows_at_once, box_.rows() - out_.top);
    make_rows(plan_.segments.size(), out_.top + rows_at_once + plan_.core.reach.last_row - plan_.core.reach.first_row);
    out_.next = next_pixels();
    if (plan_.cross) {
        kernels().of<T>().cross_extremum(extremum_, cross_task());
        along_.made = out_.top + rows_at_once + plan_.cross + 1;
    } else {
        kernels().of<T>().footprint_extremum(extremum_, footprint_task(), core_);
    }
    out_.top += out_.rows;
}

/// Rows of a stage before row `until`, and what they need of the stages before.
template <class T>
void FootprintPass<T>::make_rows(std::size_t stage, int until) {
    Stage& to = stages_[stage];
    if (stage == 0) {
        for (; to.made < until; ++to.made) make_pixel_row();
        return;
    }
    const auto segment = plan_.segments.begin() + static_cast<std::ptrdiff_t>(stage) - 1;
    const Reach after = reach_of(segment + 1, plan_.segments.end()), &core = plan_.core.reach;
    for (; to.made < until; to.made += rows_at_once) {
        make_rows(stage - 1, to.made + rows_at_once + segment->height() - 1);
        kernels().of<T>().sweep(extremum_, {stages_[stage - 1].rows, to.rows, *segment, to.made,
                                            column_of(box_.left + core.first_column + after.first_column),
                                            column_of(box_.right + core.last_column + after.last_column)});
    }
}

/// The image's rows that the next band needs.
template <class T>
Image<const T> FootprintPass<T>::next_pixels() const {
    if (before_) return {};
    const int top = std::clamp(first_row() + stages_[0].made, needed_.top, needed_.bottom);
    return part(image_, {top, std::min(top + rows_at_once, needed_.bottom), needed_.left, needed_.right});
}

/// Pixels left and right of the image stay what the buffer was filled with.
template <class T>
void FootprintPass<T>::make_pixel_row() {
    Stage& pixels = stages_[0];
    const int y = first_row() + pixels.made;
    T* to = pixels.rows.row(pixels.made) + column_of(needed_.left);
    if (y < needed_.top || y >= needed_.bottom) {
        std::fill_n(to, needed_.columns(), identity<T>(extremum_));
    } else if (before_) {
        while (before_->out_.top <= y - needed_.top) before_->make_band();
    } else {
        std::copy_n(image_.row(y) + needed_.left, needed_.columns(), to);
    }
}

template <class T>
CrossTask<T> FootprintPass<T>::cross_task() const {
    return {stages_.back().rows.ring,
            along_.rows.ring,
            ping_,
            pong_,
            plan_.cross,
            column_of(box_.left + plan_.core.reach.first_column),
            along_.made,
            out_};
}

template <class T>
FootprintTask<T> FootprintPass<T>::footprint_task() const {
    const Reach& reach = plan_.core.reach;
    return {stages_.back().rows.ring,
            column_of(box_.left + reach.first_column),
            plan_.core.runs.data(),
            static_cast<int>(plan_.core.runs.size()),
            &plan_.core.pair,
            reach.last_row - reach.first_row + 1,
            reach.first_row,
            reach.first_column,
            reach.last_column - reach.first_column,
            plan_.core.last_window,
            out_};
}

template class FootprintPass<std::uint8_t>;
template class FootprintPass<std::uint16_t>;
template class FootprintPass<float>;

}  // namespace mcfast
