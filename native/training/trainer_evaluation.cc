#include <ATen/ATen.h>

#include <algorithm>

#include "training/evaluation_noise.h"
#include "training/exchange.h"
#include "training/inputs.h"
#include "training/scope.h"
#include "training/trainer.h"

// What a trainer says of examples, without learning from them.

namespace cmir {
namespace {

// Rows of one evaluation batch: enough to fill the matrix products, little enough to stay in cache.
constexpr int64_t kEvaluationBatch = 1024;
// Of examples whose frames are gathered.
constexpr int64_t kSequenceBatch = 128;

int64_t evaluation_batch(
    const TrainerConfig& config, const TrainerData& data, Sequences sequences
) {
  for (size_t m = 0; m < config.modalities.size(); ++m) {
    if (config.modalities[m].sequence && data.gathered(m, sequences)) return kSequenceBatch;
  }
  return kEvaluationBatch;
}

}  // namespace

std::vector<ModalityBatch> Trainer::with_noise(
    const at::Tensor& rows, std::vector<ModalityBatch> batch, const Corruption& noise
) const {
  const auto of = [&](const at::Tensor& all) { return all.index_select(0, rows).cpu(); };
  const at::Tensor keys = of(data_->keys());
  for (size_t m = 0; m < batch.size(); ++m) {
    if (!noise.on(m)) continue;
    auto& [values, offsets] = batch[m];
    const ModalityBatch x{
        .values = values.defined() ? values.cpu() : of(data_->features()[m]),
        .offsets = offsets.defined() ? offsets.cpu() : at::Tensor(),
    };
    values = noise.apply(m, x, keys).to(options_.device());
  }
  return batch;
}

std::vector<at::Tensor> Trainer::evaluation_inputs(
    const at::Tensor& rows, const std::vector<ModalityBatch>& batch
) const {
  const EnvironmentLists clean({});
  const NoiseSite site{.seed = 0, .index = rows, .step = at::zeros({}, options_.dtype(at::kLong))};
  std::vector<at::Tensor> inputs;
  for (size_t m = 0; m < batch.size(); ++m) {
    inputs.push_back(
        batch[m].values.defined() ? encoder_inputs(model_, m, batch[m], clean, site)
                                  : data_->features()[m].index_select(0, rows).unsqueeze(0)
    );
  }
  return inputs;
}

template <class Use>
void Trainer::for_each_batch(
    const at::Tensor& rows, const std::optional<EvaluationNoise>& noise, const Use& use
) const {
  check_rows(rows, data().size());
  std::optional<Corruption> corruption;
  if (noise) corruption.emplace(config_.modalities, *noise);
  const Sequences sequences =
      corruption && corruption->needs_frames() ? Sequences::frames : Sequences::means;
  const int64_t batch_size = evaluation_batch(config_, *data_, sequences);
  const at::Tensor order = rows.to(options_.device());
  BatchReader reader(data(), rows, batch_size, sequences);
  for (int64_t begin = 0; begin < order.numel(); begin += batch_size) {
    const at::Tensor part = order.narrow(0, begin, std::min(batch_size, order.numel() - begin));
    const std::vector<ModalityBatch>& batch = reader.next();
    use(begin, part, corruption ? with_noise(part, batch, *corruption) : batch);
  }
}

at::Tensor Trainer::predict(const at::Tensor& rows, const std::optional<EvaluationNoise>& noise) {
  const Scope scope(mutex_, config_, options_, stream_.get());
  at::NoGradGuard no_grad;
  const Exchange exchange(model_.parameters().flat(), averaged_);
  at::Tensor out = at::empty({rows.numel(), config_.outputs}, options_.device(at::kCPU));
  const EnvironmentLists clean({});
  for_each_batch(rows, noise, [&](int64_t begin, const at::Tensor& part, const auto& batch) {
    const at::Tensor target = out.narrow(0, begin, part.numel());
    if (step_ != nullptr) {
      const auto* numbers = part.const_data_ptr<int64_t>();
      const SequenceNoise none{
          .seed = 0, .step = 0, .index = numbers, .environments = clean, .clean = true
      };
      set_inputs(part, batch, none, /*learns=*/false);
      step_->predict({inputs_, data_->targets(), numbers, part.numel()}, target);
      return;
    }
    std::vector<at::Tensor> invariant;
    for (const at::Tensor& x : evaluation_inputs(part, batch)) {
      invariant.push_back(model_.encode_invariant(invariant.size(), x));
    }
    target.copy_(model_.predict(invariant).squeeze(0));
  });
  count_memory();
  return out;
}

std::vector<Codes> Trainer::encode(
    const at::Tensor& rows, const std::optional<EvaluationNoise>& noise
) {
  const Scope scope(mutex_, config_, options_, stream_.get());
  at::NoGradGuard no_grad;
  const Exchange exchange(model_.parameters().flat(), averaged_);
  std::vector<Codes> codes(config_.modalities.size());
  for (Codes& z : codes) {
    for (at::Tensor* part : {&z.invariant, &z.spurious}) {
      *part = at::empty({rows.numel(), config_.model.latent}, options_.device(at::kCPU));
    }
  }
  for_each_batch(rows, noise, [&](int64_t begin, const at::Tensor& part, const auto& batch) {
    const auto inputs = evaluation_inputs(part, batch);
    for (size_t m = 0; m < codes.size(); ++m) {
      const Codes z = model_.encode(m, inputs[m]);
      codes[m].invariant.narrow(0, begin, part.numel()).copy_(z.invariant.squeeze(0));
      codes[m].spurious.narrow(0, begin, part.numel()).copy_(z.spurious.squeeze(0));
    }
  });
  return codes;
}

}  // namespace cmir
