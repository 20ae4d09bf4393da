// Shared memory of an emulated block. With MC_CHECK every access to an element is checked against its history.
//
// An element remembers who wrote and who read it since which barrier. Two threads that touch it between the same two
// barriers, one of them writing, race: reported whatever order the fibers ran in. So are elements read before anyone
// wrote them, and indices outside the array.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>

#include "gpu/emulation/block.h"

namespace mcfast::emulation {

#ifdef MC_CHECK

/// The last write and the last read of an element, packed: epochs of 20 bits, thread numbers of 11.
struct History {
    static constexpr unsigned atomically = 0x7FF;  // the writer, where it was an atomic operation, of whatever thread

    unsigned write_epoch, writer, read_epoch, reader;
    bool several_readers;

    static History unpack(std::uint64_t bits) {
        return {static_cast<unsigned>(bits & 0xFFFFF), static_cast<unsigned>(bits >> 20 & 0x7FF),
                static_cast<unsigned>(bits >> 31 & 0xFFFFF), static_cast<unsigned>(bits >> 51 & 0x7FF),
                (bits >> 62 & 1) != 0};
    }
    std::uint64_t pack() const {
        return write_epoch | std::uint64_t(writer) << 20 | std::uint64_t(read_epoch) << 31 |
               std::uint64_t(reader) << 51 | std::uint64_t(several_readers) << 62;
    }
};

template <class T>
class SharedArray {
  public:
    SharedArray(SharedStorage& storage, std::size_t length)
        : data_(reinterpret_cast<T*>(storage.bytes.data())),
          history_(storage.history.data()),
          length_(static_cast<std::ptrdiff_t>(length)) {}

    class Element {
      public:
        Element(const SharedArray& array, std::ptrdiff_t index) : array_(array), index_(index) {}
        operator T() const { return array_.read(index_); }
        T operator=(T value) const { return array_.write(index_, value); }
        T operator=(const Element& other) const { return array_.write(index_, static_cast<T>(other)); }
        T operator+=(T value) const { return array_.write(index_, static_cast<T>(array_.read(index_) + value)); }

        /// What an atomic operation takes.
        struct Address {
            const SharedArray& array;
            std::ptrdiff_t index;
            T add(T value) const { return array.add(index, value); }
            friend T atomicAdd(const Address& address, T value) { return address.add(value); }
        };
        Address operator&() const { return {array_, index_}; }

      private:
        const SharedArray& array_;
        std::ptrdiff_t index_;
    };

    Element operator[](std::ptrdiff_t index) const { return Element(*this, index); }

    SharedArray operator+(std::ptrdiff_t places) const {
        SharedArray moved = *this;
        moved.offset_ += places;
        return moved;
    }

  private:
    T read(std::ptrdiff_t index) const {
        const std::ptrdiff_t at = checked(index);
        const Block& block = *Block::active();
        History history = History::unpack(history_[at]);
        const unsigned thread = block.current->number, epoch = block.epoch & 0xFFFFF;
        if (history.write_epoch == 0) fail("read of unwritten shared memory", at, thread);
        if (history.write_epoch == epoch && history.writer != thread) fail("write-read race", at, history.writer);
        history.several_readers = history.read_epoch == epoch && (history.several_readers || history.reader != thread);
        history.read_epoch = epoch;
        history.reader = thread;
        history_[at] = history.pack();
        return data_[at];
    }

    T write(std::ptrdiff_t index, T value) const {
        const std::ptrdiff_t at = checked(index);
        const Block& block = *Block::active();
        History history = History::unpack(history_[at]);
        const unsigned thread = block.current->number, epoch = block.epoch & 0xFFFFF;
        if (history.write_epoch == epoch && history.writer != thread) fail("write-write race", at, history.writer);
        if (history.read_epoch == epoch && (history.several_readers || history.reader != thread)) {
            fail("read-write race", at, history.reader);
        }
        history.write_epoch = epoch;
        history.writer = thread;
        history_[at] = history.pack();
        return data_[at] = value;
    }

    /// Adds atomically, which races with reads and writes that are not atomic, but not with its like.
    T add(std::ptrdiff_t index, T value) const {
        const std::ptrdiff_t at = checked(index);
        const Block& block = *Block::active();
        History history = History::unpack(history_[at]);
        const unsigned thread = block.current->number, epoch = block.epoch & 0xFFFFF;
        if (history.write_epoch == 0) fail("read of unwritten shared memory", at, thread);
        if (history.write_epoch == epoch && history.writer != thread && history.writer != History::atomically) {
            fail("write-write race", at, history.writer);
        }
        if (history.read_epoch == epoch && (history.several_readers || history.reader != thread)) {
            fail("read-write race", at, history.reader);
        }
        history.write_epoch = epoch;
        history.writer = History::atomically;
        history_[at] = history.pack();
        const T before = data_[at];
        data_[at] = static_cast<T>(before + value);
        return before;
    }

    std::ptrdiff_t checked(std::ptrdiff_t index) const {
        const std::ptrdiff_t at = offset_ + index;
        if (at < 0 || at >= length_) fail("shared memory index out of range", at, Block::active()->current->number);
        return at;
    }

    [[noreturn]] static void fail(const char* what, std::ptrdiff_t element, unsigned other) {
        const Block& block = *Block::active();
        throw KernelError(std::string(what) + " at element " + std::to_string(element) + ", threads " +
                          std::to_string(other) + " and " + std::to_string(block.current->number) + " of block (" +
                          std::to_string(block.index.x) + ", " + std::to_string(block.index.y) + ")");
    }

    T* data_;
    std::uint64_t* history_;
    std::ptrdiff_t offset_ = 0, length_;
};

template <class T>
SharedArray<T> shared_array(SharedStorage& storage, std::size_t length) {
    return SharedArray<T>(storage, length);
}

#else

template <class T>
using SharedArray = T*;

template <class T>
T* shared_array(SharedStorage& storage, std::size_t) {
    return reinterpret_cast<T*>(storage.bytes.data());
}

#endif

/// The dynamic shared memory of the launch, as elements of T.
template <class T>
SharedArray<T> dynamic_shared() {
    SharedStorage& storage = Block::active()->dynamic;
    return shared_array<T>(storage, storage.bytes.size() / sizeof(T));
}

/// A fixed-size shared array; `key` tells those of one kernel apart. The first thread to come makes it.
template <class T>
SharedArray<T> static_shared(int key, std::size_t length) {
    auto& all = Block::active()->statics;
    for (auto& [name, storage] : all) {
        if (name == key) return shared_array<T>(*storage, length);
    }
    all.emplace_back(key, std::make_unique<SharedStorage>());
    SharedStorage& storage = *all.back().second;
    storage.bytes.assign(length * sizeof(T), 0xCD);
    storage.history.assign(length, 0);
    return shared_array<T>(storage, length);
}

}  // namespace mcfast::emulation
