#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>
#include <vector>

#include "data/gather.h"
#include "ops/corrupt/kernel.h"
#include "training/config.h"

namespace cmir {

/** Noise of an evaluation: NativeNoise of binding.d.ts. */
struct EvaluationNoise {
  std::string kind;
  double intensity;
  int64_t seed;
  /** Names of those it is on; without: all. */
  std::optional<std::vector<std::string>> modalities = std::nullopt;
};

/**
 * That noise for a model's modalities. It is made on the host whatever the device, and its draws
 * are keyed by the modality's name, so it is the same for every model that has the modality; those
 * of drop alone hang on the place among all of them.
 */
class Corruption {
 public:
  /** Throws c10::Error that names what is unknown or out of range. */
  Corruption(const std::vector<Modality>& all, EvaluationNoise noise);

  /** Whether the noise is on a modality. */
  bool on(size_t modality) const { return on_[modality]; }

  /** Whether that of a sequence is seen in its frames alone, not in their mean. */
  bool needs_frames() const;

  /**
   * What of a modality of a batch is noisy, on the CPU: `x.values` [B, D], or frames with offsets;
   * `keys` int64 [B].
   */
  at::Tensor apply(size_t modality, const ModalityBatch& x, const at::Tensor& keys) const;

 private:
  const EvaluationNoise noise_;
  const CorruptionKind kind_;
  std::vector<PhiloxKey> keys_;
  std::vector<bool> on_;
};

}  // namespace cmir
