// The threads that kernels share: made when they are first needed, once, and asleep in between.
#pragma once

#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

namespace highroad {

class Crew {
 public:
  using Job = std::function<void(int)>;

  // The process's crew. A forked child has none of its parent's threads, and its locks are as they were at that moment:
  // it makes a crew of its own and leaves the old one alone. Nobody ever destroys one: its threads sleep till the end.
  static Crew& ours() {
    static const int watched = pthread_atfork(nullptr, nullptr, [] { current_.store(nullptr); });
    static_cast<void>(watched);
    Crew* crew = current_.load();
    if (crew == nullptr) {
      Crew* made = new Crew;
      if (current_.compare_exchange_strong(crew, made)) return *made;
      delete made;
    }
    return *crew;
  }

  // How many threads a kernel takes that is not told: at first, one a processor that this process may run on.
  static int count() {
    const int told = count_.load();
    return told > 0 ? told : processors();
  }

  // 0: as at first.
  static void set_count(int threads) { count_.store(threads); }

  // Calls job(k) once for each k in [0, jobs), the caller among those who do so, and returns when all are done. Throws
  // what the first job threw that failed; those not begun by then are left out. Side by side as far as there are
  // threads: a crew that is busy (with another caller, or with the job that asks) leaves the caller to do them alone,
  // so nobody waits for somebody else's work, and a job may not wait for another.
  void run(int jobs, const Job& job) {
    if (jobs <= 1 || busy_.test_and_set(std::memory_order_acquire)) {
      for (int k = 0; k < jobs; ++k) job(k);
      return;
    }
    std::exception_ptr failure;
    {
      std::unique_lock lock(mutex_);
      hire(jobs - 1);
      job_ = &job;
      next_ = 0;
      jobs_ = jobs;
      for (int k = 1; k < jobs; ++k) wake_.notify_one();
      work(lock);
      done_.wait(lock, [this] { return under_way_ == 0; });
      std::swap(failure, failure_);
    }
    busy_.clear(std::memory_order_release);
    if (failure) std::rethrow_exception(failure);
  }

 private:
  static int processors() {
#ifdef __linux__
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
#endif
    return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  }

  // Up to so many threads; where the machine gives no more, those that there are do the work. Signals are for the
  // threads that Python knows.
  void hire(int threads) {
    if (hands_ >= threads) return;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
      for (; hands_ < threads; ++hands_) std::thread([this] { serve(); }).detach();
    } catch (...) {
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  void serve() {
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [this] { return next_ < jobs_; });
      work(lock);
    }
  }

  // Takes jobs until none is left. The lock is held, but not while a job is done.
  void work(std::unique_lock<std::mutex>& lock) {
    while (next_ < jobs_) {
      const int k = next_++;
      const Job& job = *job_;
      ++under_way_;
      lock.unlock();
      std::exception_ptr failure;
      try {
        job(k);
      } catch (...) {
        failure = std::current_exception();
      }
      lock.lock();
      if (failure) {
        next_ = jobs_;
        if (!failure_) failure_ = failure;
      }
      if (--under_way_ == 0) done_.notify_one();
    }
  }

  inline static std::atomic<Crew*> current_{nullptr};
  inline static std::atomic<int> count_{0};

  std::atomic_flag busy_;
  std::mutex mutex_;
  std::condition_variable wake_, done_;
  const Job* job_ = nullptr;
  int next_ = 0, jobs_ = 0, under_way_ = 0, hands_ = 0;
  std::exception_ptr failure_;
};

}  // namespace highroad
