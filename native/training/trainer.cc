#include "training/trainer.h"

#include <ATen/ATen.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/gemm.h"
#include "base/stream.h"
#include "training/inputs.h"
#include "training/scope.h"

namespace cmir {
namespace {

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
      config.precision != "bf16" || (device.is_cpu() ? has_bfloat16_gemm() : kCudaKernels),
      "precision: bf16 needs a CPU that multiplies bfloat16 (AVX512-BF16), or a CUDA device and an "
      "addon built for it; found device ",
      config.device,
      " without that; expected float32"
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

}  // namespace

Trainer::Trainer(TrainerConfig config)
    : config_(validated(std::move(config))),
      environments_(config_.environments),
      options_(tensor_options(config_)),
      stream_(own_stream(options_)),
      model_({config_.modalities, config_.outputs, config_.model}, options_),
      optimizer_(
          model_.parameters().flat(),
          config_.optimizer.decay_biases ? at::Tensor() : model_.parameters().vectors()
      ) {
  at::NoGradGuard no_grad;
  model_.parameters().initialize(config_.seed);
  for (const Modality& modality : config_.modalities) {
    normalizers_.push_back(
        {at::zeros({modality.features}, options_), at::ones({modality.features}, options_)}
    );
  }
  if (options_.device().is_cpu()) {
    step_ = make_step(config_, model_.parameters());
    for (size_t m = 0; m < config_.modalities.size(); ++m) {
      poolings_.push_back(
          config_.modalities[m].sequence ? make_sequence_pooling(config_, m, model_.parameters())
                                         : nullptr
      );
    }
  }
  if constexpr (kCudaKernels) {
    // Frames of sequences pass objective(), which pools them under autograd.
    if (stream_ != nullptr && !needs_frames(environments_)) {
      device_step_ = make_device_step(config_, model_.parameters(), optimizer_);
    }
  }
  if (stream_ != nullptr) {
    // All of this was queued where the caller stood; from now on it is read on our own stream.
    const c10::impl::VirtualGuardImpl cuda(c10::DeviceType::CUDA);
    cuda.getStream(stream_->device()).synchronize();
  }
  if (config_.optimizer.accumulation > 1) {
    accumulated_ = at::zeros_like(model_.parameters().flat());
  }
  terms_.resize(static_cast<size_t>(term_count(config_)));
  count_memory();
}

Trainer::~Trainer() {
  // Memory goes back to where it was allocated, which knows nothing of what our stream still does.
  if (stream_ != nullptr) stream_->synchronize();
}

void Trainer::upload(const TrainerInput& input) {
  const Scope scope(mutex_, config_, options_, stream_.get());
  at::NoGradGuard no_grad;
  const bool means = (step_ != nullptr || device_step_ != nullptr) && !needs_frames(environments_);
  data_ = TrainerData(config_, normalizers_, input, means, options_);
  inputs_.clear();  // they hold on to the data before
  if (device_step_ != nullptr) {
    device_step_->bind(data_->features(), data_->scales(), data_->targets());
  }
  count_memory();
}

const TrainerData& Trainer::data() const {
  TORCH_CHECK_VALUE(data_, "no data uploaded");
  return *data_;
}

void Trainer::check_training(const at::Tensor& rows) const {
  check_rows(rows, data().size());
  TORCH_CHECK_VALUE(data_->targets().defined(), "the uploaded data has no targets");
}

bool Trainer::needs_frames(const EnvironmentLists& environments) const {
  const auto is_sequence = [](const Modality& modality) { return modality.sequence; };
  return std::any_of(config_.modalities.begin(), config_.modalities.end(), is_sequence) &&
         cmir::needs_frames(config_.model, environments);
}

Batch Trainer::gathered(const at::Tensor& rows, const std::vector<ModalityBatch>& batch) const {
  Batch all{.features = batch, .targets = data_->targets().index_select(0, rows), .index = rows};
  for (size_t m = 0; m < batch.size(); ++m) {
    at::Tensor& values = all.features[m].values;
    if (!values.defined()) values = data_->features()[m].index_select(0, rows);
  }
  return all;
}

void Trainer::set_inputs(
    const at::Tensor& rows,
    const std::vector<ModalityBatch>& batch,
    const SequenceNoise& noise,
    bool learns
) {
  inputs_.clear();
  for (size_t m = 0; m < batch.size(); ++m) {
    const auto& [values, offsets] = batch[m];
    if (offsets.defined()) {
      inputs_.push_back(poolings_[m]->forward(batch[m], noise, learns));
    } else if (values.defined()) {
      inputs_.push_back({.values = values});
    } else {
      inputs_.push_back({
          .values = data_->features()[m],
          .rows = rows.const_data_ptr<int64_t>(),
          .scale = data_->scales()[m],
      });
    }
  }
}

void Trainer::differentiate(
    const at::Tensor& rows,
    const std::vector<ModalityBatch>& batch,
    int64_t draw,
    double weight,
    at::Tensor& sums
) {
  if (step_ != nullptr) {
    const auto* numbers = rows.const_data_ptr<int64_t>();
    const SequenceNoise noise{
        .seed = config_.seed,
        .step = draw,
        .index = numbers,
        .environments = environments_,
        .clean = true,
    };
    set_inputs(rows, batch, noise, /*learns=*/true);
    step_->run({inputs_, data_->targets(), numbers, rows.numel()}, draw, terms_);
    for (size_t m = 0; m < inputs_.size(); ++m) {
      if (inputs_[m].gradient.defined()) poolings_[m]->backward();
    }
    auto* out = sums.mutable_data_ptr<double>();
    for (size_t i = 0; i < terms_.size(); ++i) out[i] += weight * terms_[i];
    return;
  }
  if (device_step_ != nullptr) {
    device_step_->begin(optimizer_.steps());
    device_step_->differentiate(rows, batch, weight);
    sums.add_(device_step_->sums());
    return;
  }
  model_.parameters().gradients().zero_();
  at::AutoGradMode grad_mode(true);
  const Terms terms = objective(model_, config_, gathered(rows, batch), draw);
  terms.loss.backward();
  at::NoGradGuard no_grad;
  // The sums stay on the device: reading one would wait for the step.
  const auto all = in_order(terms, config_.modalities.size());
  sums.add_(at::stack(all).to(at::kDouble), weight);
}

TermValues Trainer::unpack(const at::Tensor& sums, double examples) const {
  const at::Tensor mean = (sums / std::max(examples, 1.0)).cpu();
  const double* values = mean.const_data_ptr<double>();
  const size_t modalities = config_.modalities.size();
  const auto list = [&](size_t which) {
    const double* begin = values + kSharedTerms + which * modalities;
    return std::vector<double>(begin, begin + modalities);
  };
  return {values[0], values[1], values[2], values[3], list(0), list(1), list(2)};
}

std::pair<TermValues, std::map<std::string, at::Tensor>> Trainer::gradients(
    const at::Tensor& rows
) {
  const Scope scope(mutex_, config_, options_, stream_.get());
  at::NoGradGuard no_grad;
  TORCH_CHECK_VALUE(rows.numel() > 0, "rows: expected at least one, found none");
  check_training(rows);
  at::Tensor sums = at::zeros({term_count(config_)}, options_.dtype(at::kDouble));
  BatchReader reader(data(), rows, rows.numel());
  differentiate(rows.to(options_.device()), reader.next(), draw(0), 1, sums);
  count_memory();
  const at::Tensor copy =
      model_.parameters().gradients().to(at::kCPU, /*non_blocking=*/false, /*copy=*/true);
  return {unpack(sums, 1), model_.parameters().split(copy)};
}

void Trainer::count_memory() {
  // Parameters, gradients and two moments.
  const size_t parameters = 4 * model_.parameters().flat().nbytes();
  memory_ = static_cast<int64_t>(parameters) + (data_ ? data_->bytes() : 0) +
            (accumulated_.defined() ? static_cast<int64_t>(accumulated_.nbytes()) : 0) +
            (step_ == nullptr ? 0 : step_->memory()) +
            std::accumulate(
                poolings_.begin(),
                poolings_.end(),
                int64_t{0},
                [](auto sum, auto& p) { return sum + (p == nullptr ? 0 : p->memory()); }
            ) +
            (device_step_ == nullptr ? 0 : device_step_->memory());
}

}  // namespace cmir
