#include "training/inputs.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "ops/perturb/op.h"

namespace cmir {
namespace {

/** Sequences side by side, 0 behind their ends. */
struct Padded {
  at::Tensor frames;   // [B, T, D], T at least 1
  at::Tensor lengths;  // int64 [B]
};

Padded pad(const ModalityBatch& batch) {
  const at::Tensor lengths = batch.offsets.diff(),
                   starts = batch.offsets.narrow(0, 0, lengths.numel());
  const int64_t longest = std::max<int64_t>(1, lengths.max().item<int64_t>());
  const int64_t frames = batch.values.size(0), width = batch.values.size(1);
  if (frames == 0) return {batch.values.new_zeros({lengths.numel(), longest, width}), lengths};
  const at::Tensor times = at::arange(longest, lengths.options());
  const at::Tensor rows = (starts.unsqueeze(1) + times).clamp_max(frames - 1);  // [B, T]
  const at::Tensor behind = times >= lengths.unsqueeze(1);
  return {
      batch.values.index_select(0, rows.flatten())
          .view({lengths.numel(), longest, width})
          .masked_fill(behind.unsqueeze(-1), 0),
      lengths,
  };
}

at::Tensor with_noise(
    const CmirModel& model,
    size_t modality,
    const at::Tensor& x,
    const EnvironmentLists& environments,
    const NoiseSite& site,
    const std::optional<at::Tensor>& scale = {}
) {
  return perturb(
      x,
      site.index,
      site.step,
      site.seed,
      static_cast<int64_t>(modality),
      static_cast<int64_t>(model.shape().modalities.size()),
      environments.kinds,
      environments.intensities,
      scale
  );
}

bool on_frames(int64_t kind) {
  const auto noise = static_cast<NoiseKind>(kind);
  return noise == NoiseKind::laplace || noise == NoiseKind::erase;
}

}  // namespace

bool needs_frames(const ModelConfig& model, const EnvironmentLists& environments) {
  return model.pooling != "mean" ||
         std::any_of(environments.kinds.begin(), environments.kinds.end(), on_frames);
}

at::Tensor encoder_inputs(
    const CmirModel& model,
    size_t modality,
    const ModalityBatch& batch,
    const EnvironmentLists& environments,
    const NoiseSite& site
) {
  if (!batch.offsets.defined()) {
    return with_noise(model, modality, batch.values, environments, site);
  }
  const auto [frames, lengths] = pad(batch);
  const auto of_noisy_frames = [&, &x = frames, &counts = lengths] {
    const at::Tensor noisy = with_noise(model, modality, x, environments, site);
    return model.pool(modality, noisy, counts);
  };
  if (model.shape().model.pooling != "mean") return of_noisy_frames();

  const at::Tensor clean = model.pool(modality, frames.unsqueeze(0), lengths).squeeze(0);
  const at::Tensor scale =
      at::where(lengths > 0, lengths.to(at::kDouble).rsqrt(), 0).to(at::kFloat);
  const at::Tensor of_mean = with_noise(model, modality, clean, environments, site, scale);
  if (!needs_frames(model.shape().model, environments)) return of_mean;
  const at::Tensor of_frames = of_noisy_frames();
  std::vector<at::Tensor> copies{clean};
  for (size_t e = 0; e < environments.kinds.size(); ++e) {
    const auto number = static_cast<int64_t>(e) + 1;
    copies.push_back((on_frames(environments.kinds[e]) ? of_frames : of_mean).select(0, number));
  }
  return at::stack(copies);
}

}  // namespace cmir
