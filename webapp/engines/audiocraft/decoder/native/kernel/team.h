// Threads that work on one call together and sleep between calls.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace soundloom {

inline void breathe() {
#if defined(__x86_64__)
    _mm_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

// Within a call threads wait for each other some hundred times, each for less than a wake-up takes: they spin. When
// one of them has lost its core to another program, the others yield theirs.
class Barrier {
public:
    explicit Barrier(int threads) : threads_(threads) {}

    void wait() {
        if (threads_ == 1) return;
        const unsigned round = round_.load(std::memory_order_relaxed);
        if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == threads_) {
            arrived_.store(0, std::memory_order_relaxed);
            round_.store(round + 1, std::memory_order_release);
            return;
        }
        for (int spins = 0; round_.load(std::memory_order_acquire) == round; spins++) {
            if (spins < PATIENCE) breathe();
            else std::this_thread::yield();
        }
    }

private:
    static constexpr int PATIENCE = 4000;
    const int threads_;
    alignas(64) std::atomic<int> arrived_{0};
    alignas(64) std::atomic<unsigned> round_{0};
};

class Team {
public:
    explicit Team(int threads)
        : threads_(threads), barrier_(threads), desks_(std::make_unique<Desk[]>((std::size_t)threads)) {
        try {
            for (int thread = 1; thread < threads; thread++)
                helpers_.emplace_back([this, thread] { serve(thread); });
        } catch (...) {
            dismiss();
            throw;
        }
    }

    ~Team() { dismiss(); }

    int size() const { return threads_; }

    // Runs `job(thread)` on every thread, the caller's included; returns when all are done.
    void run(const std::function<void(int)>& job) {
        if (threads_ > 1) {
            const std::lock_guard<std::mutex> lock(mutex_);
            job_ = &job;
            calls_++;
            wake_.notify_all();
        }
        job(0);
        barrier_.wait();
    }

    // One phase of a job: every thread calls this, and returns when all pieces are done. A thread starts with a run of
    // adjacent pieces, so that memory is read in streams, and then helps the others.
    template <typename Work>
    void share(int thread, int pieces, const Work& work) {
        const unsigned phase = desks_[thread].phase++;
        // Counters alternate, so that the others can be cleared: their last phase is over.
        desks_[thread].taken[(phase + 1) % 3].store(0, std::memory_order_relaxed);
        for (int turn = 0; turn < threads_; turn++) {
            const int owner = (thread + turn) % threads_;
            const int begin = first(owner, pieces), end = first(owner + 1, pieces);
            std::atomic<int>& taken = desks_[owner].taken[phase % 3];
            for (;;) {
                const int piece = begin + taken.fetch_add(1, std::memory_order_relaxed);
                if (piece >= end) break;
                work(piece);
            }
        }
        barrier_.wait();
    }

private:
    struct alignas(128) Desk {
        unsigned phase = 0;
        std::atomic<int> taken[3] = {};
    };

    int first(int thread, int pieces) const { return (int)((long)pieces * thread / threads_); }

    void serve(int thread) {
        unsigned long done = 0;
        for (;;) {
            const std::function<void(int)>* job;
            {
                std::unique_lock<std::mutex> lock(mutex_);
                wake_.wait(lock, [&] { return calls_ != done || closing_; });
                if (closing_) return;
                done = calls_;
                job = job_;
            }
            (*job)(thread);
            barrier_.wait();
        }
    }

    void dismiss() {
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            closing_ = true;
            wake_.notify_all();
        }
        for (std::thread& helper : helpers_) helper.join();
    }

    const int threads_;
    Barrier barrier_;
    std::unique_ptr<Desk[]> desks_;
    std::mutex mutex_;
    std::condition_variable wake_;
    const std::function<void(int)>* job_ = nullptr;
    unsigned long calls_ = 0;
    bool closing_ = false;
    std::vector<std::thread> helpers_;
};

}  // namespace soundloom
