#include "training/trainer.h"

#include <ATen/ATen.h>
#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "base/gemm.h"
#include "base/stream.h"
#include "ops/perturb/op.h"
#include "training/environments.h"
#include "training/scope.h"

namespace cmir {
namespace {

// Rows of one evaluation batch: enough to fill the matrix products, little enough to stay in cache.
constexpr int64_t kEvaluationBatch = 1024;

TrainerConfig validated(TrainerConfig config) {
  validate(config);
  return config;
}

at::TensorOptions tensor_options(const TrainerConfig& config) {
  const at::Device device(config.device);
  TORCH_CHECK_VALUE(
      device.is_cpu() || device.is_cuda(),
      "device: expected cpu or cuda, found '",
      config.device,
      "'"
  );
  TORCH_CHECK_VALUE(
      device.is_cpu() || at::globalContext().hasCUDA(),
      "device: found '",
      config.device,
      "', but this LibTorch sees no CUDA device"
  );
  TORCH_CHECK_VALUE(
      config.precision != "bf16" || (device.is_cpu() && has_bfloat16_gemm()),
      "precision: bf16 needs a CPU that multiplies bfloat16 (AVX512-BF16), found device ",
      config.device,
      device.is_cpu() ? " without it" : "",
      "; expected float32"
  );
  TORCH_CHECK_VALUE(
      config.precision != "tf32" || (device.is_cuda() && kCudaKernels),
      "precision: tf32 needs a CUDA device and an addon built for it, found device ",
      config.device,
      "; expected float32"
  );
  return at::TensorOptions(device).dtype(config.precision == "float64" ? at::kDouble : at::kFloat);
}

/** A stream of the trainer's own; none on the CPU. */
std::shared_ptr<const c10::Stream> own_stream(const at::TensorOptions& options) {
  const at::Device device = options.device();
  if (!device.is_cuda()) return nullptr;
  if constexpr (kCudaKernels) return lease_stream(device);
  // Without graphs, one that is shared does no harm.
  const c10::impl::VirtualGuardImpl cuda(device.type());
  return std::make_shared<const c10::Stream>(
      cuda.getStreamFromGlobalPool(device.has_index() ? device : cuda.getDevice())
  );
}

/** Rows of the features [N, D_m] of every modality. */
std::vector<StepInput> step_inputs(
    const std::vector<at::Tensor>& features, const at::Tensor& rows
) {
  std::vector<StepInput> inputs;
  for (const at::Tensor& values : features) {
    inputs.push_back({.values = values, .rows = rows.const_data_ptr<int64_t>()});
  }
  return inputs;
}

/** Lets a queue of work on a stream grow to twice kSteps steps, so that abort() is soon seen. */
class Throttle {
 public:
  explicit Throttle(const c10::Stream* stream) : stream_(stream) {}

  /** To be called after each step. */
  void step() {
    constexpr int64_t kSteps = 16;
    if (stream_ == nullptr || ++steps_ % kSteps != 0) return;
    if (event_) event_->synchronize();
    event_.emplace(stream_->device_type());
    event_->record(*stream_);
  }

 private:
  const c10::Stream* stream_;
  std::optional<c10::Event> event_;
  int64_t steps_ = 0;
};

}  // namespace

Trainer::Trainer(TrainerConfig config)
    : config_(validated(std::move(config))),
      options_(tensor_options(config_)),
      stream_(own_stream(options_)),
      model_({config_.modalities, config_.outputs, config_.model}, options_),
      optimizer_(model_.parameters().flat()) {
  at::NoGradGuard no_grad;
  model_.parameters().initialize(config_.seed);
  for (const Modality& modality : config_.modalities) {
    normalizers_.push_back(
        {at::zeros({modality.features}, options_), at::ones({modality.features}, options_)}
    );
  }
  if (options_.device().is_cpu()) step_ = make_step(config_, model_.parameters());
  if constexpr (kCudaKernels) {
    if (stream_ != nullptr) {
      device_step_ = make_device_step(config_, model_.parameters(), optimizer_);
    }
  }
  if (stream_ != nullptr) {
    // All of this was queued where the caller stood; from now on it is read on our own stream.
    const c10::impl::VirtualGuardImpl cuda(c10::DeviceType::CUDA);
    cuda.getStream(stream_->device()).synchronize();
  }
  terms_.resize(static_cast<size_t>(term_count(config_)));
  count_memory();
}

Trainer::~Trainer() {
  // Memory goes back to where it was allocated, which knows nothing of what our stream still does.
  if (stream_ != nullptr) stream_->synchronize();
}

void Trainer::upload(std::vector<at::Tensor> features, at::Tensor targets, at::Tensor keys) {
  const Scope scope(mutex_, config_, options_, stream_.get());
  at::NoGradGuard no_grad;
  TORCH_CHECK_VALUE(
      features.size() == config_.modalities.size(),
      "upload: expected features of ",
      config_.modalities.size(),
      " modalities, found ",
      features.size()
  );
  const int64_t rows = features.front().size(0);
  TORCH_CHECK_VALUE(!keys.defined() || keys.numel() == rows, "upload: expected ", rows, " keys");
  if (targets.defined()) {
    TORCH_CHECK_VALUE(
        targets.numel() == rows, "upload: expected ", rows, " targets, found ", targets.numel()
    );
    if (config_.prediction.loss == "crossEntropy") {
      targets = targets.to(at::kLong);
      TORCH_CHECK_VALUE(
          rows == 0 || (targets.min().item<int64_t>() >= 0 &&
                        targets.max().item<int64_t>() < config_.outputs),
          "upload: expected classes 0 to ",
          config_.outputs - 1
      );
      targets = targets.to(options_.device()).reshape({rows}).contiguous();
    } else {
      targets = targets.to(options_).reshape({rows}).contiguous();
    }
  }
  std::vector<at::Tensor> standardised;
  for (size_t m = 0; m < features.size(); ++m) {
    const int64_t width = config_.modalities[m].features;
    TORCH_CHECK_VALUE(
        features[m].dim() == 2 && features[m].size(0) == rows && features[m].size(1) == width,
        "upload: expected features of '",
        config_.modalities[m].name,
        "' of [",
        rows,
        ", ",
        width,
        "], found ",
        features[m].sizes()
    );
    standardised.push_back(
        (features[m].to(options_).contiguous() - normalizers_[m].mean).div_(normalizers_[m].std)
    );
  }
  features_ = std::move(standardised);
  targets_ = targets;
  const auto integers = options_.dtype(at::kLong);
  keys_ = keys.defined() ? keys.to(integers) : at::arange(rows, integers);
  if (device_step_ != nullptr) device_step_->bind(features_, targets_);
  count_memory();
}

at::Tensor Trainer::checked_rows(const at::Tensor& rows) const {
  TORCH_CHECK_VALUE(!features_.empty(), "no data uploaded");
  const int64_t size = features_.front().size(0);
  if (rows.numel() > 0) {
    const auto [least, most] = rows.aminmax();
    const auto low = least.item<int64_t>(), high = most.item<int64_t>();
    TORCH_CHECK_VALUE(
        low >= 0 && high < size,
        "rows: expected indices from 0 to ",
        size - 1,
        ", found ",
        low < 0 ? low : high
    );
  }
  return rows.to(options_.device()).contiguous();
}

Batch Trainer::gather(const at::Tensor& rows, bool with_targets) const {
  Batch batch;
  for (const at::Tensor& features : features_) {
    batch.features.push_back({.values = features.index_select(0, rows), .offsets = {}});
  }
  if (with_targets) {
    TORCH_CHECK_VALUE(targets_.defined(), "the uploaded data has no targets");
    batch.targets = targets_.index_select(0, rows);
  }
  // Training keys its draws by the row's number, evaluation by the example's own key.
  batch.index = with_targets ? rows : keys_.index_select(0, rows);
  return batch;
}

void Trainer::differentiate(const at::Tensor& rows, double weight, at::Tensor& sums) {
  if (step_ != nullptr) {
    TORCH_CHECK_VALUE(targets_.defined(), "the uploaded data has no targets");
    const std::vector<StepInput> inputs = step_inputs(features_, rows);
    const StepBatch batch{
        .inputs = inputs,
        .targets = targets_,
        .rows = rows.const_data_ptr<int64_t>(),
        .size = rows.numel(),
    };
    step_->run(batch, optimizer_.steps(), terms_);
    auto* out = sums.mutable_data_ptr<double>();
    for (size_t i = 0; i < terms_.size(); ++i) out[i] += weight * terms_[i];
    return;
  }
  if (device_step_ != nullptr) {
    device_step_->begin(optimizer_.steps());
    device_step_->differentiate(rows, weight);
    sums.add_(device_step_->sums());
    return;
  }
  model_.parameters().gradients().zero_();
  at::AutoGradMode grad_mode(true);
  const Terms terms = objective(model_, config_, gather(rows, true), optimizer_.steps());
  terms.loss.backward();
  std::vector<at::Tensor> all{terms.loss, terms.prediction};
  const at::Tensor zero = at::zeros({}, options_);
  for (const auto* list : {&terms.invariance, &terms.decorrelation, &terms.reconstruction}) {
    for (size_t m = 0; m < config_.modalities.size(); ++m) {
      all.push_back(list->empty() ? zero : (*list)[m]);
    }
  }
  at::NoGradGuard no_grad;
  // The sums stay on the device: reading one would wait for the step.
  sums.add_(at::stack(all).to(at::kDouble), weight);
}

TermValues Trainer::unpack(const at::Tensor& sums, double examples) const {
  const at::Tensor mean = (sums / std::max(examples, 1.0)).cpu();
  const double* values = mean.const_data_ptr<double>();
  const size_t modalities = config_.modalities.size();
  const auto list = [&](size_t which) {
    const double* begin = values + 2 + which * modalities;
    return std::vector<double>(begin, begin + modalities);
  };
  return {values[0], values[1], list(0), list(1), list(2)};
}

EpochResult Trainer::train_epoch(const at::Tensor& rows, int64_t batch_size) {
  const Scope scope(mutex_, config_, options_, stream_.get());
  at::NoGradGuard no_grad;
  TORCH_CHECK_VALUE(batch_size >= 1, "batchSize: expected at least 1, found ", batch_size);
  const auto start = std::chrono::steady_clock::now();
  const at::Tensor order = checked_rows(rows);
  const int64_t size = order.numel();
  at::Tensor sums = at::zeros({term_count(config_)}, options_.dtype(at::kDouble));
  Throttle throttle(stream_.get());
  if (device_step_ != nullptr) device_step_->begin(optimizer_.steps());

  EpochResult result{.terms = {}, .steps = 0, .examples = 0, .seconds = 0, .aborted = false};
  for (int64_t begin = 0; begin < size; begin += batch_size) {
    if (aborted_) {
      result.aborted = true;
      break;
    }
    const int64_t count = std::min(batch_size, size - begin);
    const at::Tensor batch = order.narrow(0, begin, count);
    if (device_step_ != nullptr) {
      device_step_->train(batch);
      optimizer_.count_step();
    } else {
      differentiate(batch, static_cast<double>(count), sums);
      optimizer_.step(
          model_.parameters().flat(), model_.parameters().gradients(), config_.optimizer
      );
    }
    throttle.step();
    result.examples += count;
    progress_ = ++result.steps;
  }
  if (device_step_ != nullptr) sums.copy_(device_step_->sums());
  result.terms = unpack(sums, static_cast<double>(result.examples));
  count_memory();
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

at::Tensor Trainer::predict(const at::Tensor& rows, const std::optional<EvaluationNoise>& noise) {
  const Scope scope(mutex_, config_, options_, stream_.get());
  at::NoGradGuard no_grad;
  const at::Tensor order = checked_rows(rows);
  at::Tensor out = at::empty({order.numel(), config_.outputs}, options_.device(at::kCPU));
  if (noise) {
    const double intensity = noise->environment.intensity;
    TORCH_CHECK_VALUE(
        std::isfinite(intensity) && intensity >= 0,
        "noise: expected a finite intensity of at least 0, found ",
        intensity
    );
  }
  const EnvironmentLists lists(
      noise ? std::vector{noise->environment} : std::vector<Environment>{}
  );
  const auto modalities = static_cast<int64_t>(features_.size());
  const at::Tensor step = at::zeros({}, options_.dtype(at::kLong));
  for (int64_t begin = 0; begin < order.numel(); begin += kEvaluationBatch) {
    const int64_t count = std::min(kEvaluationBatch, order.numel() - begin);
    const at::Tensor part = order.narrow(0, begin, count);
    if (step_ != nullptr) {
      const at::Tensor keys = keys_.index_select(0, part);
      const std::vector<StepInput> inputs = step_inputs(features_, part);
      const StepBatch batch{
          .inputs = inputs,
          .targets = targets_,
          .rows = part.const_data_ptr<int64_t>(),
          .size = count,
      };
      step_->predict(
          batch,
          keys.const_data_ptr<int64_t>(),
          noise ? &*noise : nullptr,
          out.narrow(0, begin, count)
      );
      continue;
    }
    const Batch batch = gather(part, false);
    std::vector<at::Tensor> invariant;
    for (int64_t m = 0; m < modalities; ++m) {
      at::Tensor x = batch.features[static_cast<size_t>(m)].values.unsqueeze(0);  // [1, B, D]
      if (noise) {
        x = perturb(
                x.squeeze(0),
                batch.index,
                step,
                noise->seed,
                m,
                modalities,
                lists.kinds,
                lists.intensities
        )
                .narrow(0, 1, 1);
      }
      invariant.push_back(model_.encode_invariant(static_cast<size_t>(m), x));
    }
    out.narrow(0, begin, count).copy_(model_.predict(invariant).squeeze(0));
  }
  count_memory();
  return out;
}

std::vector<Codes> Trainer::encode(const at::Tensor& rows) {
  const Scope scope(mutex_, config_, options_, stream_.get());
  at::NoGradGuard no_grad;
  const Batch batch = gather(checked_rows(rows), false);
  std::vector<Codes> codes;
  for (size_t m = 0; m < features_.size(); ++m) {
    const Codes z = model_.encode(m, batch.features[m].values.unsqueeze(0));
    codes.push_back(
        {z.invariant.squeeze(0).cpu().contiguous(), z.spurious.squeeze(0).cpu().contiguous()}
    );
  }
  return codes;
}

std::pair<TermValues, std::map<std::string, at::Tensor>> Trainer::gradients(
    const at::Tensor& rows
) {
  const Scope scope(mutex_, config_, options_, stream_.get());
  at::NoGradGuard no_grad;
  TORCH_CHECK_VALUE(rows.numel() > 0, "rows: expected at least one, found none");
  at::Tensor sums = at::zeros({term_count(config_)}, options_.dtype(at::kDouble));
  differentiate(checked_rows(rows), 1, sums);
  count_memory();
  const at::Tensor copy =
      model_.parameters().gradients().to(at::kCPU, /*non_blocking=*/false, /*copy=*/true);
  return {unpack(sums, 1), model_.parameters().split(copy)};
}

void Trainer::count_memory() {
  // Parameters, gradients and two moments.
  size_t bytes = 4 * model_.parameters().flat().nbytes();
  for (const at::Tensor& features : features_) bytes += features.nbytes();
  if (targets_.defined()) bytes += targets_.nbytes();
  if (keys_.defined()) bytes += keys_.nbytes();
  memory_ = static_cast<int64_t>(bytes) + (step_ == nullptr ? 0 : step_->memory()) +
            (device_step_ == nullptr ? 0 : device_step_->memory());
}

}  // namespace cmir
