#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "data/gather.h"

namespace cmir {

/**
 * Gathers the batches of an order of examples on a thread of its own, ahead of whoever takes them.
 * The gatherer must outlive it.
 */
class Prefetcher {
 public:
  /** Begins at once. `order` int64 [n] on the CPU; the last batch may be smaller. */
  Prefetcher(const Gatherer& gatherer, at::Tensor order, int64_t batch_size);

  /** Stops after the example at hand, whatever was gathered. */
  ~Prefetcher();
  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;

  /**
   * The next batch, one entry a source, once it is there; the caller's until the next call. To be
   * called as often as there are batches. Throws what gathering it threw.
   */
  const std::vector<ModalityBatch>& next();

 private:
  static constexpr int64_t kSlots = 3;  // one that is used, two that wait or are being filled

  void serve();
  at::Tensor rows_of(int64_t batch) const;
  /** Waits until the batch has a place; false once there is no more need of it. */
  bool wait_for_slot(int64_t batch);
  std::vector<ModalityBatch>& slot(int64_t batch) {
    return slots_[static_cast<size_t>(batch % kSlots)];
  }

  const Gatherer& gatherer_;
  const at::Tensor order_;
  const int64_t batch_size_, count_;
  std::array<std::vector<ModalityBatch>, kSlots> slots_;

  std::mutex mutex_;
  std::condition_variable changed_;
  int64_t filled_ = 0, taken_ = 0;  // batches so far
  std::exception_ptr error_;        // of the batch after those
  std::atomic<bool> stopping_{false};
  std::thread thread_;  // last: it uses what stands above
};

}  // namespace cmir
