#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "ops/perturb/op.h"
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

EnvironmentLists lists_of(const std::optional<EvaluationNoise>& noise) {
  if (!noise) return EnvironmentLists({});
  const double intensity = noise->environment.intensity;
  TORCH_CHECK_VALUE(
      std::isfinite(intensity) && intensity >= 0,
      "noise: expected a finite intensity of at least 0, found ",
      intensity
  );
  return EnvironmentLists({noise->environment});
}

}  // namespace

std::vector<at::Tensor> Trainer::evaluation_inputs(
    const at::Tensor& rows,
    const std::vector<ModalityBatch>& batch,
    const EnvironmentLists& noise,
    int64_t seed
) const {
  const auto modalities = static_cast<int64_t>(batch.size());
  const NoiseSite site{
      .seed = seed,
      .index = data_->keys().index_select(0, rows),
      .step = at::zeros({}, options_.dtype(at::kLong))
  };
  std::vector<at::Tensor> inputs;
  for (size_t m = 0; m < batch.size(); ++m) {
    at::Tensor copies;  // [1 + K, B, D']
    if (batch[m].values.defined()) {
      copies = encoder_inputs(model_, m, batch[m], noise, site);
    } else {
      const at::Tensor& scale = data_->scales()[m];
      copies = perturb(
          data_->features()[m].index_select(0, rows),
          site.index,
          site.step,
          seed,
          static_cast<int64_t>(m),
          modalities,
          noise.kinds,
          noise.intensities,
          scale.defined() ? std::optional(scale.index_select(0, rows)) : std::nullopt
      );
    }
    inputs.push_back(copies.narrow(0, copies.size(0) - 1, 1));
  }
  return inputs;
}

at::Tensor Trainer::predict(const at::Tensor& rows, const std::optional<EvaluationNoise>& noise) {
  const Scope scope(mutex_, config_, options_, stream_.get());
  at::NoGradGuard no_grad;
  check_rows(rows, data().size());
  const EnvironmentLists lists = lists_of(noise);
  const int64_t seed = noise ? noise->seed : 0;
  const Sequences sequences = needs_frames(lists) ? Sequences::frames : Sequences::means;
  const int64_t batch_size = evaluation_batch(config_, *data_, sequences);
  const at::Tensor order = rows.to(options_.device());
  BatchReader reader(data(), rows, batch_size, sequences);
  at::Tensor out = at::empty({order.numel(), config_.outputs}, options_.device(at::kCPU));
  for (int64_t begin = 0; begin < order.numel(); begin += batch_size) {
    const int64_t count = std::min(batch_size, order.numel() - begin);
    const at::Tensor part = order.narrow(0, begin, count);
    const std::vector<ModalityBatch>& batch = reader.next();
    if (step_ != nullptr) {
      const at::Tensor keys = data_->keys().index_select(0, part);
      const SequenceNoise site{
          .seed = seed,
          .step = 0,
          .index = keys.const_data_ptr<int64_t>(),
          .environments = lists,
          .clean = !noise,
      };
      set_inputs(part, batch, site, /*learns=*/false);
      step_->predict(
          {inputs_, data_->targets(), part.const_data_ptr<int64_t>(), count},
          site.index,
          noise ? &*noise : nullptr,
          out.narrow(0, begin, count)
      );
      continue;
    }
    std::vector<at::Tensor> invariant;
    for (const at::Tensor& x : evaluation_inputs(part, batch, lists, seed)) {
      invariant.push_back(model_.encode_invariant(invariant.size(), x));
    }
    out.narrow(0, begin, count).copy_(model_.predict(invariant).squeeze(0));
  }
  count_memory();
  return out;
}

std::vector<Codes> Trainer::encode(
    const at::Tensor& rows, const std::optional<EvaluationNoise>& noise
) {
  const Scope scope(mutex_, config_, options_, stream_.get());
  at::NoGradGuard no_grad;
  check_rows(rows, data().size());
  const at::Tensor order = rows.to(options_.device());
  const EnvironmentLists lists = lists_of(noise);
  const int64_t seed = noise ? noise->seed : 0;
  const Sequences sequences = needs_frames(lists) ? Sequences::frames : Sequences::means;
  const int64_t batch_size = evaluation_batch(config_, *data_, sequences);
  BatchReader reader(data(), rows, batch_size, sequences);
  std::vector<Codes> codes(config_.modalities.size());
  for (Codes& z : codes) {
    for (at::Tensor* part : {&z.invariant, &z.spurious}) {
      *part = at::empty({rows.numel(), config_.model.latent}, options_.device(at::kCPU));
    }
  }
  for (int64_t begin = 0; begin < order.numel(); begin += batch_size) {
    const int64_t count = std::min(batch_size, order.numel() - begin);
    const auto inputs =
        evaluation_inputs(order.narrow(0, begin, count), reader.next(), lists, seed);
    for (size_t m = 0; m < codes.size(); ++m) {
      const Codes z = model_.encode(m, inputs[m]);
      codes[m].invariant.narrow(0, begin, count).copy_(z.invariant.squeeze(0));
      codes[m].spurious.narrow(0, begin, count).copy_(z.spurious.squeeze(0));
    }
  }
  return codes;
}

}  // namespace cmir
