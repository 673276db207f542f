#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <vector>

#include "data/gather.h"
#include "model/parameters.h"
#include "training/config.h"
#include "training/optimizer.h"

namespace cmir {

/**
 * The engine on a CUDA device: gather, noise, forward, backward, clipping and AdamW of one step as
 * LibTorch's matrix products and our kernels, without autograd and without waiting for the device.
 * A batch size that comes again is captured as a CUDA graph and replayed. The step's number and the
 * sums of its terms live on the device. Everything goes to the current stream, which must be the
 * same from call to call, and used by nothing else.
 */
class DeviceStep {
 public:
  virtual ~DeviceStep() = default;

  /**
   * The data of the steps to come: features [N, D_m] a modality, undefined where each batch brings
   * its own; scales float32 [N] of gaussian noise on them, or undefined; targets [N], or undefined.
   */
  virtual void bind(
      const std::vector<at::Tensor>& features,
      const std::vector<at::Tensor>& scales,
      const at::Tensor& targets
  ) = 0;

  /**
   * The number of the next step; sums start at 0. From here to the next begin() nothing but train()
   * changes the parameters.
   */
  virtual void begin(int64_t step) = 0;

  /**
   * Overwrites the parameters' gradients with those of the next step on rows (int64 [B], on the
   * device); adds its terms, `weight` times, to the sums. Of `features` those are read that were
   * undefined in bind(): values of the batch's own, [B, D_m], on the device.
   */
  virtual void differentiate(
      const at::Tensor& rows, const std::vector<ModalityBatch>& features, double weight
  ) = 0;

  /** Takes the step on rows at this learning rate; its terms count once an example. Only where the
   * configuration accumulates nothing. */
  virtual void train(
      const at::Tensor& rows, const std::vector<ModalityBatch>& features, double rate
  ) = 0;

  /**
   * Adds the gradients of the step's next batch, `share` times, to those of its earlier ones; its
   * terms count once an example. Only where the configuration accumulates.
   */
  virtual void accumulate(
      const at::Tensor& rows, const std::vector<ModalityBatch>& features, double share
  ) = 0;
  /** Takes the step with what was accumulated. */
  virtual void update(double rate) = 0;

  /** float64 [term_count] on the device, of the steps since begin(). */
  virtual const at::Tensor& sums() const = 0;

  /** Bytes of working memory held. */
  virtual int64_t memory() const = 0;
};

/**
 * A step in the parameters' precision, or with bfloat16 factors of its products; parameters and
 * optimiser must outlive it, where they are.
 */
std::unique_ptr<DeviceStep> make_device_step(
    const TrainerConfig& config, const Parameters& parameters, const Optimizer& optimizer
);

}  // namespace cmir
