// Large arrays: aligned for vectors, in large pages where the system has them, touched only where used.
#pragma once

#include <cstddef>
#include <new>

#include <sys/mman.h>

namespace soundloom {

constexpr std::size_t ALIGNMENT = 64;

inline std::size_t rounded(std::size_t count, std::size_t to) { return (count + to - 1) / to * to; }

// Zeros initially. Throws std::bad_alloc.
template <typename T>
class Array {
public:
    Array() = default;
    explicit Array(std::size_t count) : bytes_(rounded(count * sizeof(T), ALIGNMENT)) {
        if (!bytes_) return;
        void* memory = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) throw std::bad_alloc();
        data_ = static_cast<T*>(memory);
#ifdef MADV_HUGEPAGE
        madvise(memory, bytes_, MADV_HUGEPAGE);
#endif
    }
    Array(Array&& other) noexcept : bytes_(other.bytes_), data_(other.data_) {
        other.data_ = nullptr;
        other.bytes_ = 0;
    }
    Array& operator=(Array&& other) noexcept {
        std::size_t bytes = bytes_;
        T* data = data_;
        bytes_ = other.bytes_;
        data_ = other.data_;
        other.bytes_ = bytes;
        other.data_ = data;
        return *this;
    }
    Array(const Array&) = delete;
    Array& operator=(const Array&) = delete;
    ~Array() {
        if (data_) munmap(data_, bytes_);
    }

    // Releases the memory; it reads as zeros until it is written again.
    void forget() {
#ifdef __linux__
        if (data_) madvise(data_, bytes_, MADV_DONTNEED);
#endif
    }

    T* data() { return data_; }
    const T* data() const { return data_; }
    T& operator[](std::size_t index) { return data_[index]; }
    const T& operator[](std::size_t index) const { return data_[index]; }

private:
    std::size_t bytes_ = 0;
    T* data_ = nullptr;
};

// Many arrays in one allocation, so that all of it is in large pages: streaming weights from small pages of 4 kB is
// a third slower.
class Arena {
public:
    Arena() = default;
    explicit Arena(std::size_t bytes) : memory_(bytes) {}

    // Returns `count` zeros; the caller has made sure that they fit.
    template <typename T>
    T* take(std::size_t count) {
        T* taken = reinterpret_cast<T*>(memory_.data() + used_);
        used_ += rounded(count * sizeof(T), ALIGNMENT);
        return taken;
    }

private:
    Array<unsigned char> memory_;
    std::size_t used_ = 0;
};

}  // namespace soundloom
