#pragma once

#include <ATen/core/Tensor.h>

#include <memory>

#include "data/gather.h"
#include "model/parameters.h"
#include "training/config.h"
#include "training/environments.h"
#include "training/step.h"

namespace cmir {

/** The noise of a batch of sequences; what it points to stays until the batch is done with. */
struct SequenceNoise {
  int64_t seed, step;
  const int64_t* index;  // [B], keys of the draws
  const EnvironmentLists& environments;
  bool clean;  // whether the clean environment is made too, as the first
};

/**
 * Makes what the encoder of a modality of sequences sees, on the CPU, in memory kept from batch to
 * batch: noisy frames, pooled. encoder_inputs() is the readable form of the same.
 */
class SequencePooling {
 public:
  virtual ~SequencePooling() = default;

  /**
   * A ready input [E, B, D'], good until the next call. With `learns`, it wants its gradient where
   * the pooling has parameters, and backward() is to follow; the batch stays until then.
   */
  virtual StepInput forward(
      const ModalityBatch& batch, const SequenceNoise& noise, bool learns
  ) = 0;

  /** Overwrites the gradients of the pooling's parameters, from that of the last input. */
  virtual void backward() = 0;

  /** Bytes of working memory held. */
  virtual int64_t memory() const = 0;
};

/** The configuration's pooling of that modality, in the precision of the parameters, which must
 * outlive it. */
std::unique_ptr<SequencePooling> make_sequence_pooling(
    const TrainerConfig& config, size_t modality, const Parameters& parameters
);

}  // namespace cmir
