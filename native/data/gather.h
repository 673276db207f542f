#pragma once

#include <ATen/core/Tensor.h>

#include <atomic>
#include <string>
#include <vector>

#include "data/normalizer.h"
#include "data/page_budget.h"
#include "data/table.h"

namespace cmir {

/** One modality of one batch: standardised, 0 (the mean) where a value was not finite. */
struct ModalityBatch {
  at::Tensor values;   // [B, D], or the frames of all examples one after another, [F_b, D]
  at::Tensor offsets;  // int64 [B + 1] of a sequence, else undefined
};

/** A modality that batches are gathered from. */
struct GatherSource {
  std::string name;
  FeatureTable table;
  Normalizer normalizer;  // on the CPU; its type is that of the batches, float32 or float64
};

/** Makes batches of some modalities, all of the same examples. */
class Gatherer {
 public:
  /** With `replace_non_finite` a NaN or infinity becomes the mean; without, it is an error. */
  Gatherer(std::vector<GatherSource> sources, int64_t max_length, bool replace_non_finite);

  size_t size() const { return sources_.size(); }

  /**
   * The examples `rows` (int64 [B], on the CPU) of every modality, in the order of the sources.
   * Memory of `batches` is used again where it suffices. Returns false, with the batches
   * unfinished, once `stop` is set. Throws c10::Error that names modality and row where a value is
   * not finite and may not be, and the file where one was cut short.
   */
  bool gather(
      const at::Tensor& rows,
      std::vector<ModalityBatch>& batches,
      const std::atomic<bool>* stop = nullptr
  ) const;

  /** Has the files read what `rows` need, without waiting for it. */
  void will_need(const at::Tensor& rows) const;

 private:
  std::vector<GatherSource> sources_;
  int64_t max_length_;
  bool replace_non_finite_;
  std::unique_ptr<PageBudget> budget_;
};

}  // namespace cmir
