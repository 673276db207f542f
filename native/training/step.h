#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <span>
#include <vector>

#include "model/parameters.h"
#include "training/config.h"

namespace cmir {

/** Some rows of the uploaded data, all on the CPU and contiguous. */
struct StepBatch {
  const std::vector<at::Tensor>& features;  // [N, D_m] a modality, standardised
  const at::Tensor& targets;                // [N], of the features' type, or int64 classes
  const int64_t* rows;                      // [B]; also the keys of the draws
  int64_t size;                             // B
  /** Modalities whose features are the batch's own rows alone, [B, D_m]; empty where none are. */
  std::vector<bool> gathered = {};

  /** Which rows of the modality's features make the batch; null: row after row. */
  const int64_t* source(size_t m) const {
    return !gathered.empty() && gathered[m] ? nullptr : rows;
  }
};

/** Noise of an evaluation: one draw for all intensities, so that masks nest. */
struct EvaluationNoise {
  Environment environment;
  int64_t seed;
};

/** Number of terms a step tells: loss, prediction, and three constraints a modality. */
inline int64_t term_count(const TrainerConfig& config) {
  return static_cast<int64_t>(2 + 3 * config.modalities.size());
}

/**
 * The engine on the CPU: loss and gradients of one training step without autograd. Every layer's
 * backward is written out, constraints compute their gradients with their values, and all memory is
 * kept from step to step. objective() is the readable form of the same, which tests compare it
 * with.
 */
class Step {
 public:
  virtual ~Step() = default;

  /**
   * Overwrites the parameters' gradients with those of L on the batch; those of decoders stay as
   * they are, 0 at first, where reconstruction has no weight. `terms` [term_count] becomes loss,
   * prediction, invariance..., decorrelation..., reconstruction..., one a modality, unweighted.
   * With `input_gradients`, also dL / d features, one [B, D_m] a modality, for what may stand in
   * front of the encoders; reconstruction's target counts as a constant.
   */
  virtual void run(
      const StepBatch& batch,
      int64_t step,
      std::span<double> terms,
      std::vector<at::Tensor>* input_gradients = nullptr
  ) = 0;

  /**
   * Outputs [B, outputs] of a batch, whose targets are not looked at, clean or under noise, into
   * `out`, contiguous. Only encoders and head run, without dropout. `keys` [B] are those of the
   * draws.
   */
  virtual void predict(
      const StepBatch& batch,
      const int64_t* keys,
      const EvaluationNoise* noise,
      const at::Tensor& out
  ) = 0;

  /** Bytes of working memory held. */
  virtual int64_t memory() const = 0;
};

/** A step in the precision of the parameters, which must outlive it. */
std::unique_ptr<Step> make_step(const TrainerConfig& config, const Parameters& parameters);

}  // namespace cmir
