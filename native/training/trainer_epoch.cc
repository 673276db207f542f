#include <ATen/ATen.h>
#include <c10/core/Event.h>

#include <algorithm>
#include <chrono>
#include <cmath>

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
  at::Tensor rows;  // int64 [n] on the CPU
  int64_t batch_size, batches_a_step;
  int64_t first_draw;
  BatchReader reader;
  Throttle throttle;
  at::Tensor sums;      // float64 [term_count] on the device
  int64_t batches = 0;  // done so far
  std::optional<Divergence> diverged;
};

Divergence Trainer::located(
    const Epoch& epoch, int64_t batch, std::span<const double> terms
) const {
  Divergence found = divergence_of(config_, terms);
  found.step = batch / epoch.batches_a_step + 1;
  const int64_t begin = batch * epoch.batch_size;
  const int64_t count = std::min(epoch.batch_size, epoch.rows.numel() - begin);
  found.rows = epoch.rows.narrow(0, begin, count).clone();
  return found;
}

Divergence Trainer::find_divergence(const Epoch& epoch) const {
  const auto numbers = [](const at::Tensor& terms) {
    return std::span(terms.const_data_ptr<double>(), static_cast<size_t>(terms.numel()));
  };
  if (device_step_ != nullptr) {
    if (const auto broken = device_step_->broken()) {
      // A step has `accumulation` draws, whether it has as many batches or not.
      const int64_t draw = broken->draw - epoch.first_draw;
      const int64_t step = draw / config_.optimizer.accumulation;
      const int64_t batch = step * epoch.batches_a_step + draw % config_.optimizer.accumulation;
      return located(epoch, batch, numbers(broken->terms));
    }
  }
  const at::Tensor sums = epoch.sums.cpu();
  return divergence_of(config_, numbers(sums));
}

void Trainer::accumulate(double share, bool first) {
  const at::Tensor& gradients = model_.parameters().gradients();
  if (first) {
    at::mul_out(accumulated_, gradients, at::scalar_tensor(share, options_));
  } else {
    accumulated_.add_(gradients, share);
  }
}

void Trainer::average() {
  if (!averaged_.defined()) return;
  // A shorter memory at first: else the initial weights would long be in the mean.
  const auto steps = static_cast<double>(optimizer_.steps());
  const double decay = std::min(config_.optimizer.averaging, (1 + steps) / (10 + steps));
  averaged_.lerp_(model_.parameters().flat(), 1 - decay);
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
    if (step_ != nullptr && !std::isfinite(terms_[0])) {
      epoch.diverged = located(epoch, epoch.batches, terms_);
      return;
    }
    epoch.throttle.count();
    ++epoch.batches;
  }
  const Parameters& parameters = model_.parameters();
  if (device_step_ != nullptr) {
    if (accumulates) device_step_->update(rate);
    optimizer_.count_step();
  } else {
    const at::Tensor& gradients = accumulates ? accumulated_ : parameters.gradients();
    optimizer_.step(parameters.flat(), gradients, config_.optimizer, rate);
  }
  average();
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
  const int64_t together = std::clamp<int64_t>(batches, 1, config_.optimizer.accumulation);
  const Schedule schedule(
      config_.optimizer, config_.optimizer.epochs * ceil_div(batches, together)
  );
  Epoch epoch{
      .rows = rows,
      .batch_size = batch_size,
      .batches_a_step = together,
      .first_draw = draw(0),
      .reader{data(), rows, batch_size},
      .throttle = Throttle(stream_.get()),
      .sums = at::zeros({term_count(config_)}, options_.dtype(at::kDouble)),
      .diverged = {},
  };
  if (device_step_ != nullptr) device_step_->begin(optimizer_.steps());

  EpochResult result{};
  for (int64_t begin = 0; begin < size; begin += batch_size * together) {
    if (aborted_) {
      result.aborted = true;
      break;
    }
    const int64_t count = std::min(batch_size * together, size - begin);
    take_step(order.narrow(0, begin, count), schedule.rate(optimizer_.steps()), epoch);
    if (epoch.diverged) break;
    result.examples += count;
    progress_ = ++result.steps;
  }
  if (device_step_ != nullptr) epoch.sums.copy_(device_step_->sums());
  result.terms = unpack(epoch.sums, static_cast<double>(result.examples));
  if (!epoch.diverged && !std::isfinite(result.terms.loss)) {
    epoch.diverged = find_divergence(epoch);
  }
  result.diverged = std::move(epoch.diverged);
  result.learning_rate = schedule.rate(optimizer_.steps());
  count_memory();
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

}  // namespace cmir
