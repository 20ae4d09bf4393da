#include "core/thread_pool.h"

#include <pthread.h>
#ifdef __linux__
#include <sched.h>
#endif

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <exception>
#include <mutex>
#include <string>
#include <thread>

#include "core/error.h"

namespace mcfast {

namespace {

constexpr int most_threads = 256;

struct Job {
    const std::function<void(std::size_t)>& task;
    std::size_t tasks;
    int wanted;      // helpers that may still join; guarded by the pool's mutex
    int active = 0;  // helpers inside; guarded by the pool's mutex
    std::atomic<std::size_t> next{0};
    std::mutex error_mutex{};
    std::exception_ptr error{};

    void work() {
        for (std::size_t i; (i = next.fetch_add(1)) < tasks;) {
            try {
                task(i);
            } catch (...) {
                std::lock_guard<std::mutex> lock(error_mutex);
                if (!error) error = std::current_exception();
                next = tasks;
            }
        }
    }
};

class Pool {
  public:
    void run(Job& job) {
        {
            std::lock_guard<std::mutex> lock(mutex_);
            jobs_.push_back(&job);
            while (workers_ < job.wanted && spawn()) ++workers_;
        }
        arrived_.notify_all();
        job.work();
        std::unique_lock<std::mutex> lock(mutex_);
        jobs_.erase(std::remove(jobs_.begin(), jobs_.end(), &job), jobs_.end());
        left_.wait(lock, [&] { return job.active == 0; });
    }

  private:
    bool spawn() {
        try {
            std::thread([this] { serve(); }).detach();
            return true;
        } catch (const std::exception&) {  // system_error or bad_alloc: the caller's job is in the queue already
            return false;                  // no more threads to be had: the ones that are here do the work
        }
    }

    [[noreturn]] void serve() {
        std::unique_lock<std::mutex> lock(mutex_);
        for (;;) {
            arrived_.wait(lock, [&] { return !jobs_.empty(); });
            Job& job = *jobs_.front();
            ++job.active;
            if (--job.wanted == 0) jobs_.pop_front();
            lock.unlock();
            job.work();
            lock.lock();
            // The job dies with its caller's stack frame as soon as nobody is inside, so it is not touched after this.
            if (--job.active == 0) left_.notify_all();
        }
    }

    std::mutex mutex_;
    std::condition_variable arrived_, left_;
    std::deque<Job*> jobs_;
    int workers_ = 0;
};

// Never destroyed: detached workers may outlive static destructors, and a forked child must not touch the old one.
Pool* shared_pool = nullptr;

Pool& pool() {
    static std::once_flag once;
    std::call_once(once, [] {
        shared_pool = new Pool;
        pthread_atfork(nullptr, nullptr, [] { shared_pool = new Pool; });
    });
    return *shared_pool;
}

int available_processors() {
#ifdef __linux__
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
#endif
    return std::max(1u, std::thread::hardware_concurrency());
}

}  // namespace

int default_threads() {
    const char* text = std::getenv("MCFAST_THREADS");
    if (!text || !*text) return std::min(available_processors(), most_threads);
    char* end = nullptr;
    const long value = std::strtol(text, &end, 10);
    if (*end || value < 1 || value > most_threads) {
        throw ValueError("MCFAST_THREADS: expected a number from 1 to 256, got \"" + std::string(text) + "\"");
    }
    return static_cast<int>(value);
}

void parallel_for(std::size_t tasks, int threads, const std::function<void(std::size_t)>& task) {
    const auto most = static_cast<int>(std::min<std::size_t>(tasks, most_threads));
    Job job{task, tasks, std::min(threads, most) - 1};
    if (job.wanted < 1) {
        job.work();
    } else {
        pool().run(job);
    }
    if (job.error) std::rethrow_exception(job.error);
}

}  // namespace mcfast
