#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "data/gather.h"

namespace cmir {

/**
 * Gathers the batches of an order of examples on a thread of its own, a few ahead of whoever takes
 * them. The gatherer must outlive it.
 */
class Prefetcher {
 public:
  /** Begins at once. `order` int64 [n] on the CPU; the last batch may be smaller. */
  Prefetcher(const Gatherer& gatherer, at::Tensor order, int64_t batch_size);

  /** Stops within an example's time, whatever was gathered. */
  ~Prefetcher();
  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;

  /**
   * The next batch, once it is there: one entry a source, the caller's until the next call, and to
   * be called once a batch. Throws what gathering it threw.
   */
  const std::vector<ModalityBatch>& next();

 private:
  static constexpr int64_t kBatches = 3;  // one that is used, two that wait or are being filled

  at::Tensor rows_of(int64_t batch) const;
  void serve();

  const Gatherer& gatherer_;
  const at::Tensor order_;
  const int64_t batch_size_, count_;
  std::array<std::vector<ModalityBatch>, kBatches> batches_;

  std::mutex mutex_;
  std::condition_variable changed_;
  int64_t filled_ = 0, taken_ = 0;  // batches
  std::exception_ptr error_;        // of batch number filled_
  std::atomic<bool> stopping_{false};
  std::thread thread_;  // last: it uses what stands above
};

}  // namespace cmir
