#include "data/prefetcher.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <utility>

namespace cmir {
namespace {

// Batches for which files are asked before their turn, so that many reads are under way at once.
constexpr int64_t kAhead = 2;

}  // namespace

Prefetcher::Prefetcher(const Gatherer& gatherer, at::Tensor order, int64_t batch_size)
    : gatherer_(gatherer),
      order_(std::move(order)),
      batch_size_(batch_size),
      count_((order_.numel() + batch_size - 1) / batch_size),
      thread_([this] { serve(); }) {}

Prefetcher::~Prefetcher() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

const std::vector<ModalityBatch>& Prefetcher::next() {
  std::unique_lock lock(mutex_);
  TORCH_CHECK(taken_ < count_, "all ", count_, " batches were taken");
  const int64_t batch = taken_++;
  changed_.notify_all();
  changed_.wait(lock, [&] { return filled_ > batch || error_ != nullptr; });
  if (filled_ <= batch) std::rethrow_exception(error_);
  return slot(batch);
}

at::Tensor Prefetcher::rows_of(int64_t batch) const {
  const int64_t begin = std::min(batch * batch_size_, order_.numel());
  return order_.narrow(0, begin, std::min(batch_size_, order_.numel() - begin));
}

bool Prefetcher::wait_for_slot(int64_t batch) {
  std::unique_lock lock(mutex_);
  // The batch taken last, number taken_ - 1, is in use.
  changed_.wait(lock, [&] { return stopping_ || batch < taken_ - 1 + kSlots; });
  return !stopping_;
}

void Prefetcher::serve() {
  const at::NoGradGuard no_grad;
  try {
    for (int64_t batch = 0; batch < kAhead; ++batch) gatherer_.will_need(rows_of(batch));
    for (int64_t batch = 0; batch < count_ && wait_for_slot(batch); ++batch) {
      gatherer_.will_need(rows_of(batch + kAhead));
      if (!gatherer_.gather(rows_of(batch), slot(batch), &stopping_)) return;
      const std::lock_guard lock(mutex_);
      ++filled_;
      changed_.notify_all();
    }
  } catch (...) {
    const std::lock_guard lock(mutex_);
    error_ = std::current_exception();
    changed_.notify_all();
  }
}

}  // namespace cmir
