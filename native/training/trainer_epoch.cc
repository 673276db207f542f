#include <ATen/ATen.h>
#include <c10/core/Event.h>

#include <algorithm>
#include <chrono>

#include "training/schedule.h"
#include "training/scope.h"
#include "training/trainer.h"

namespace cmir {
namespace {

/** Lets a queue of work on a stream grow to twice kBatches batches, so that abort() is soon seen.
 */
class Throttle {
 public:
  explicit Throttle(const c10::Stream* stream) : stream_(stream) {}

  /** To be called after each batch. */
  void count() {
    constexpr int64_t kBatches = 16;
    if (stream_ == nullptr || ++batches_ % kBatches != 0) return;
    if (event_) event_->synchronize();
    event_.emplace(stream_->device_type());
    event_->record(*stream_);
  }

 private:
  const c10::Stream* stream_;
  std::optional<c10::Event> event_;
  int64_t batches_ = 0;
};

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace

struct Trainer::Epoch {
  int64_t batch_size;
  BatchReader reader;
  Throttle throttle;
  at::Tensor sums;  // float64 [term_count] on the device
};

void Trainer::accumulate(double share, bool first) {
  const at::Tensor& gradients = model_.parameters().gradients();
  if (first) {
    at::mul_out(accumulated_, gradients, at::scalar_tensor(share, options_));
  } else {
    accumulated_.add_(gradients, share);
  }
}

void Trainer::take_step(const at::Tensor& order, double rate, Epoch& epoch) {
  const bool accumulates = config_.optimizer.accumulation > 1;
  const int64_t examples = order.numel();
  for (int64_t begin = 0, i = 0; begin < examples; begin += epoch.batch_size, ++i) {
    const int64_t count = std::min(epoch.batch_size, examples - begin);
    const at::Tensor part = order.narrow(0, begin, count);
    const std::vector<ModalityBatch>& batch = epoch.reader.next();
    const double share = static_cast<double>(count) / static_cast<double>(examples);
    if (device_step_ != nullptr && !accumulates) {
      device_step_->train(part, batch, rate);
    } else if (device_step_ != nullptr) {
      device_step_->accumulate(part, batch, share);
    } else {
      differentiate(part, batch, draw(i), static_cast<double>(count), epoch.sums);
      if (accumulates) accumulate(share, i == 0);
    }
    epoch.throttle.count();
  }
  if (device_step_ != nullptr) {
    if (accumulates) device_step_->update(rate);
    optimizer_.count_step();
    return;
  }
  const Parameters& parameters = model_.parameters();
  const at::Tensor& gradients = accumulates ? accumulated_ : parameters.gradients();
  optimizer_.step(parameters.flat(), gradients, config_.optimizer, rate);
}

EpochResult Trainer::train_epoch(const at::Tensor& rows, int64_t batch_size) {
  const Scope scope(mutex_, config_, options_, stream_.get());
  at::NoGradGuard no_grad;
  TORCH_CHECK_VALUE(batch_size >= 1, "batchSize: expected at least 1, found ", batch_size);
  const auto start = std::chrono::steady_clock::now();
  check_training(rows);
  const at::Tensor order = rows.to(options_.device());
  const int64_t size = order.numel();
  batch_size = std::min(batch_size, std::max<int64_t>(size, 1));
  const int64_t batches = ceil_div(size, batch_size);
  // Batches of a step, and its examples.
  const int64_t together = std::clamp<int64_t>(batches, 1, config_.optimizer.accumulation);
  const int64_t group = batch_size * together;
  const Schedule schedule(
      config_.optimizer, config_.optimizer.epochs * ceil_div(batches, together)
  );
  Epoch epoch{
      .batch_size = batch_size,
      .reader{data(), rows, batch_size},
      .throttle = Throttle(stream_.get()),
      .sums = at::zeros({term_count(config_)}, options_.dtype(at::kDouble)),
  };
  if (device_step_ != nullptr) device_step_->begin(optimizer_.steps());

  EpochResult result{
      .terms = {}, .steps = 0, .examples = 0, .seconds = 0, .learning_rate = 0, .aborted = false
  };
  for (int64_t begin = 0; begin < size; begin += group) {
    if (aborted_) {
      result.aborted = true;
      break;
    }
    const int64_t count = std::min(group, size - begin);
    take_step(order.narrow(0, begin, count), schedule.rate(optimizer_.steps()), epoch);
    result.examples += count;
    progress_ = ++result.steps;
  }
  if (device_step_ != nullptr) epoch.sums.copy_(device_step_->sums());
  result.terms = unpack(epoch.sums, static_cast<double>(result.examples));
  result.learning_rate = schedule.rate(optimizer_.steps());
  count_memory();
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

}  // namespace cmir
