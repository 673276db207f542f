#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Stream.h>

#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "data/normalizer.h"
#include "model/cmir.h"
#include "training/config.h"
#include "training/device_step.h"
#include "training/divergence.h"
#include "training/evaluation_noise.h"
#include "training/objective.h"
#include "training/optimizer.h"
#include "training/sequences.h"
#include "training/step.h"
#include "training/trainer_data.h"

namespace cmir {

/** Mean terms over some examples, one value a modality where there is one. */
struct TermValues {
  double loss, prediction, risk, consistency;
  std::vector<double> invariance, decorrelation, reconstruction;
};

struct EpochResult {
  TermValues terms;
  int64_t steps, examples;
  double seconds;
  double learning_rate;  // as it is after the last step
  bool aborted;
  std::optional<Divergence> diverged;  // which ended the epoch
};

struct TrainerState {
  int64_t step;
  std::map<std::string, at::Tensor> tensors;  // on the CPU
};

/**
 * One model, its optimiser and its data on one device, there on a stream of its own. Methods may be
 * called from any thread; they run one after another. abort(), progress() and memory() never wait.
 */
class Trainer {
 public:
  explicit Trainer(TrainerConfig config);
  ~Trainer();

  /**
   * Takes over data, standardised with the state's normaliser: after a state with another one, to
   * be done again. Throws c10::Error that names what does not fit; then nothing is changed.
   */
  void upload(const TrainerInput& input);

  /** Steps over rows (int64 [n], indices into the data) in their order; the last batch may be
   * smaller, and the last step have fewer batches. A loss that is not finite ends it, on a CUDA
   * device only at its end. */
  EpochResult train_epoch(const at::Tensor& rows, int64_t batch_size);

  /** Forgets an earlier abort(); called by whoever starts an epoch, before handing it to a thread.
   */
  void arm() {
    aborted_ = false;
    progress_ = 0;
  }

  /** Ends the running epoch, or the armed one, after its current step. */
  void abort() { aborted_ = true; }

  /** Outputs [n, outputs] of the averaged weights, where there are any, on the CPU, of the clean
   * input or under noise; no dropout. */
  at::Tensor predict(const at::Tensor& rows, const std::optional<EvaluationNoise>& noise);

  /** Codes on the CPU, [n, d] each, one of each a modality, of the clean input or under noise; no
   * dropout. */
  std::vector<Codes> encode(const at::Tensor& rows, const std::optional<EvaluationNoise>& noise);

  /** Terms and gradients of the next step on rows as one batch, without taking it: of the weights
   * that are trained. */
  std::pair<TermValues, std::map<std::string, at::Tensor>> gradients(const at::Tensor& rows);

  /**
   * The model's tensors are the averaged ones where weights are averaged. With the optimiser, its
   * moments are among them as optimizer.exp_avg.* and optimizer.exp_avg_sq.*, and beside averaged
   * weights those that are trained as optimizer.weights.*.
   */
  TrainerState state(bool optimizer);

  /** Throws c10::Error that names what is missing, unknown or of another shape; then nothing is
   * changed. */
  void set_state(const TrainerState& state);

  int64_t parameter_count() const { return model_.parameters().flat().numel(); }
  int64_t progress() const { return progress_; }
  int64_t memory() const { return memory_; }
  const TrainerConfig& config() const { return config_; }

 private:
  /** Throws where none was uploaded. */
  const TrainerData& data() const;
  /** Throws unless the data has these rows, and targets. */
  void check_training(const at::Tensor& rows) const;
  /** Whether the environments are made of a sequence's frames, not of their mean. */
  bool needs_frames(const EnvironmentLists& environments) const;
  /** The batch for objective(), under autograd. */
  Batch gathered(const at::Tensor& rows, const std::vector<ModalityBatch>& batch) const;
  /** Calls use(first place in rows, rows of the batch, the batch) for all of an evaluation. */
  template <class Use>
  void for_each_batch(
      const at::Tensor& rows, const std::optional<EvaluationNoise>& noise, const Use& use
  ) const;
  /** The batch of an evaluation on rows, with the values of the modalities that have noise. */
  std::vector<ModalityBatch> with_noise(
      const at::Tensor& rows, std::vector<ModalityBatch> batch, const Corruption& noise
  ) const;
  /** The inputs [1, B, D'] of an evaluation, by modality, on any device. */
  std::vector<at::Tensor> evaluation_inputs(
      const at::Tensor& rows, const std::vector<ModalityBatch>& batch
  ) const;
  /**
   * Sets inputs_ to what the step on the CPU reads of a batch; frames pass their pooling, which
   * with `learns` is to be gone back through.
   */
  void set_inputs(
      const at::Tensor& rows,
      const std::vector<ModalityBatch>& batch,
      const SequenceNoise& noise,
      bool learns
  );
  /** Which draws the i-th batch of the next step has. */
  int64_t draw(int64_t i) const { return first_draw(config_, optimizer_.steps()) + i; }
  /** An epoch that runs. */
  struct Epoch;
  /** Takes a step at this learning rate on `order` (int64 [n] on the device), the epoch's next
   * examples, batch by batch. On the CPU a batch whose loss is not finite ends it before it is
   * taken. */
  void take_step(const at::Tensor& order, double rate, Epoch& epoch);
  /** What is wrong with the terms of the epoch's batch of that number. */
  Divergence located(const Epoch& epoch, int64_t batch, std::span<const double> terms) const;
  /** What is wrong with the sums of an epoch that is over, and where it began as far as it is
   * known.
   */
  Divergence find_divergence(const Epoch& epoch) const;
  /** Adds the batch's gradients, `share` times, to the step's. */
  void accumulate(double share, bool first);
  /** Takes the step's weights into their moving average. */
  void average();
  /**
   * Gradients of the next step on rows [B] with these draws into the parameters' flat buffer; adds
   * the terms times `weight` to sums, float64 [term_count] on the device.
   */
  void differentiate(
      const at::Tensor& rows,
      const std::vector<ModalityBatch>& batch,
      int64_t draw,
      double weight,
      at::Tensor& sums
  );
  TermValues unpack(const at::Tensor& sums, double examples) const;
  /** Every tensor of the state by name, as views that can be written. */
  std::map<std::string, at::Tensor> tensors(bool optimizer) const;
  void count_memory();

  TrainerConfig config_;
  const EnvironmentLists environments_;
  at::TensorOptions options_;
  std::shared_ptr<const c10::Stream> stream_;  // of a CUDA device; null on the CPU
  CmirModel model_;
  Optimizer optimizer_;
  // Flat, the moving average of the weights, which evaluations use; undefined without averaging.
  at::Tensor averaged_;
  at::Tensor accumulated_;  // flat, gradients of a step's batches; undefined where it has one
  // One of them is there: step_ on the CPU, device_step_ where CUDA kernels are built in. Without
  // them a CUDA device has objective() and autograd.
  std::unique_ptr<Step> step_;
  std::vector<std::unique_ptr<SequencePooling>> poolings_;  // beside step_; null: no sequence
  std::unique_ptr<DeviceStep> device_step_;
  std::vector<StepInput> inputs_;  // of one step or evaluation on the CPU
  std::vector<double> terms_;      // of one step
  std::vector<Normalizer> normalizers_;
  std::optional<TrainerData> data_;

  std::mutex mutex_;
  std::atomic<bool> aborted_{false};
  std::atomic<int64_t> progress_{0}, memory_{0};
};

}  // namespace cmir
