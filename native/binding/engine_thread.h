#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <queue>
#include <thread>

namespace cmir {

/**
 * One thread that does all the work of one trainer, or of the operators. OpenMP keeps a team of
 * threads for each thread that calls it: were the work spread over Node's pool, the teams together
 * would outnumber the processors, and would then sleep between operations instead of staying ready.
 * For the same reason a thread that has nothing to do ends, and its team with it; the next work
 * starts another.
 */
class EngineThread {
 public:
  EngineThread() = default;
  EngineThread(const EngineThread&) = delete;
  EngineThread& operator=(const EngineThread&) = delete;

  /** Not to be called from its own work. */
  ~EngineThread() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    if (thread_.joinable()) thread_.join();
  }

  /** Runs `work` on the thread, after what came before, and returns its result or throws its error.
   */
  template <class Work>
  std::invoke_result_t<Work> run(const Work& work) {
    std::packaged_task<std::invoke_result_t<Work>()> task(std::cref(work));
    auto result = task.get_future();
    {
      const std::lock_guard lock(mutex_);
      tasks_.emplace([&task] { task(); });
      if (!running_) start();
    }
    wake_.notify_one();
    return result.get();
  }

 private:
  /** Longer than most pauses between the calls of a training, too short to be in another's way. */
  static constexpr std::chrono::milliseconds kIdle{20};

  void start() {
    // One that has ended holds no lock any more.
    if (thread_.joinable()) thread_.join();
    thread_ = std::thread([this] { serve(); });
    running_ = true;
  }

  void serve() {
    std::unique_lock lock(mutex_);
    while (true) {
      // The system's clock: waiting by the steady one needs glibc 2.30.
      const auto end = std::chrono::system_clock::now() + kIdle;
      wake_.wait_until(lock, end, [this] { return stopping_ || !tasks_.empty(); });
      if (tasks_.empty()) break;
      const auto task = std::move(tasks_.front());
      tasks_.pop();
      lock.unlock();
      task();
      lock.lock();
    }
    running_ = false;
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::queue<std::function<void()>> tasks_;
  bool stopping_ = false, running_ = false;
  std::thread thread_;
};

}  // namespace cmir
