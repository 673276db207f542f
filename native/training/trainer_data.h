#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>
#include <vector>

#include "data/gather.h"
#include "data/prefetcher.h"
#include "training/config.h"

namespace cmir {

/** Data of N examples as they are handed to a trainer. */
struct TrainerInput {
  std::vector<FeatureTable> features;  // one a modality, not standardised
  at::Tensor targets = {};             // float32 [N], or undefined
  /** int64 [N], of the draws of noisy evaluations; undefined: the row's own number. */
  at::Tensor keys = {};
  /** A NaN or infinity is the mean; else it is an error, at the latest when it is met. */
  bool replace_non_finite = false;
};

/** Whether the frames of sequences are wanted, or their means do where there are any. */
enum class Sequences { means, frames };

/**
 * The data of a trainer. What is one vector an example, or the mean of a sequence where no more is
 * needed of it, is standardised into one tensor on the device, if it lies in memory; all else stays
 * where it is, and batches are gathered of it.
 */
class TrainerData {
 public:
  /** With `means`, sequences are averaged at once. Throws c10::Error that names what does not fit
   * the configuration. */
  TrainerData(
      const TrainerConfig& config,
      const std::vector<Normalizer>& normalizers,
      const TrainerInput& input,
      bool means,
      const at::TensorOptions& options
  );

  int64_t size() const { return size_; }
  /** By modality [N, D_m] on the device, undefined where batches are gathered. */
  const std::vector<at::Tensor>& features() const { return features_; }
  /** By modality, of means of T frames: 1 / sqrt(T), float32 [N] on the device; else undefined. */
  const std::vector<at::Tensor>& scales() const { return scales_; }
  /** Whether batches of the modality are gathered. */
  bool gathered(size_t m, Sequences sequences = Sequences::means) const {
    return !features_[m].defined() || (scales_[m].defined() && sequences == Sequences::frames);
  }
  /** Of the modalities that are gathered; null where none are. */
  const Gatherer* gatherer(Sequences sequences = Sequences::means) const {
    return (sequences == Sequences::means ? gatherer_ : frames_gatherer_).get();
  }
  /** [N] on the device, int64 for classes; undefined where the data has none. */
  const at::Tensor& targets() const { return targets_; }
  /** int64 [N] on the device. */
  const at::Tensor& keys() const { return keys_; }
  /** Bytes of native memory held. */
  int64_t bytes() const;

 private:
  void take_features(
      const TrainerConfig& config,
      const std::vector<Normalizer>& normalizers,
      const TrainerInput& input,
      bool means,
      const at::TensorOptions& options
  );
  /** The mean of each example's frames, and what gaussian noise on it is scaled by. */
  void take_means(
      const TrainerConfig& config,
      const GatherSource& source,
      bool replace_non_finite,
      const at::TensorOptions& options
  );
  void take_targets(
      const TrainerConfig& config, at::Tensor targets, const at::TensorOptions& options
  );

  int64_t size_;
  std::vector<at::Tensor> features_, scales_;
  std::unique_ptr<Gatherer> gatherer_, frames_gatherer_;
  at::Tensor targets_, keys_;
};

/** What is gathered for the batches of an order of examples, one batch after another. */
class BatchReader {
 public:
  /** `order` int64 [n] on the CPU; the last batch may be smaller. The data must outlive this. */
  BatchReader(
      const TrainerData& data,
      const at::Tensor& order,
      int64_t batch_size,
      Sequences sequences = Sequences::means
  );

  /** Of the next batch, until the next call, by modality and on the device; undefined for the
   * modalities whose features of all examples the data has. */
  const std::vector<ModalityBatch>& next();

 private:
  const TrainerData& data_;
  const Sequences sequences_;
  std::vector<ModalityBatch> batch_;
  std::optional<Prefetcher> prefetcher_;
};

}  // namespace cmir
