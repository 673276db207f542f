#pragma once

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
 */
class EngineThread {
 public:
  EngineThread() : thread_([this] { serve(); }) {}
  EngineThread(const EngineThread&) = delete;
  EngineThread& operator=(const EngineThread&) = delete;

  /** Not to be called from its own work. */
  ~EngineThread() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
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
    }
    wake_.notify_one();
    return result.get();
  }

 private:
  void serve() {
    std::unique_lock lock(mutex_);
    while (true) {
      wake_.wait(lock, [this] { return stopping_ || !tasks_.empty(); });
      if (tasks_.empty()) return;
      const auto task = std::move(tasks_.front());
      tasks_.pop();
      lock.unlock();
      task();
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::queue<std::function<void()>> tasks_;
  bool stopping_ = false;
  std::thread thread_;  // last: it uses what stands above
};

}  // namespace cmir
