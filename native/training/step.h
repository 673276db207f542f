#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <span>
#include <vector>

#include "model/parameters.h"
#include "training/config.h"
#include "training/prediction.h"

namespace cmir {

/** What a step reads of one modality: flat, or made ready before; on the CPU and contiguous. */
struct StepInput {
  // Flat: rows [n, D_m], standardised, which noise is added to. Ready: [E, B, D'], what the encoder
  // sees in each environment; not where environments share one draw.
  at::Tensor values;
  const int64_t* rows = nullptr;  // [B], which of the flat rows; null: one after another
  at::Tensor scale = {};  // float32 [n], of flat rows' gaussian noise (see perturb); or undefined
  at::Tensor gradient = {};  // [E, B, D'], becomes dL / d ready values; undefined: nobody asks

  bool ready() const { return values.dim() == 3; }
};

/** The examples of a step. */
struct StepBatch {
  const std::vector<StepInput>& inputs;  // one a modality
  const at::Tensor& targets;             // [N], of the features' type, or int64 classes
  const int64_t* rows;                   // [B], of the targets; also the keys of the draws
  int64_t size;                          // B
};

/** Number of terms a step tells: loss, prediction, risk, consistency, and three constraints a
 * modality. */
inline int64_t term_count(const TrainerConfig& config) {
  return kSharedTerms + static_cast<int64_t>(3 * config.modalities.size());
}

/**
 * Which draws the first batch after `steps` steps has; each batch of a step has draws of its own,
 * and the last step of an epoch may have fewer batches.
 */
inline int64_t first_draw(const TrainerConfig& config, int64_t steps) {
  return steps * config.optimizer.accumulation;
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
   * prediction, risk, consistency, invariance..., decorrelation..., reconstruction..., one a
   * modality, unweighted.
   * In a ready input's gradient reconstruction's target counts as a constant.
   */
  virtual void run(const StepBatch& batch, int64_t step, std::span<double> terms) = 0;

  /**
   * Outputs [B, outputs] of a batch as it is, whose targets are not looked at, into `out`,
   * contiguous. Only encoders and head run, without dropout; a ready input is [1, B, D'].
   */
  virtual void predict(const StepBatch& batch, const at::Tensor& out) = 0;

  /** Bytes of working memory held. */
  virtual int64_t memory() const = 0;
};

/** A step in the precision of the parameters, which must outlive it. */
std::unique_ptr<Step> make_step(const TrainerConfig& config, const Parameters& parameters);

}  // namespace cmir
