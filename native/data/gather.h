#pragma once

#include <ATen/core/Tensor.h>

#include <atomic>
#include <memory>
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

/** A modality with what standardises it, on the CPU, in the type of the batches: float or double.
 */
struct GatherSource {
  std::string name;
  FeatureTable table;
  Normalizer normalizer;
};

/**
 * All rows of the table, standardised, [N, D] or [F, D]. A value that is not finite becomes 0, the
 * mean, if `replace_non_finite`, else it is an error that names modality, row and feature.
 */
at::Tensor standardise(const GatherSource& source, bool replace_non_finite);

/** Makes batches of some modalities, all of the same examples. */
class Gatherer {
 public:
  /** `replace_non_finite` as in standardise(). */
  Gatherer(std::vector<GatherSource> sources, int64_t max_length, bool replace_non_finite);

  /**
   * The examples `rows` (int64 [B], on the CPU) of every modality, in the order of the sources.
   * Memory of `batches` is used again where it suffices. Returns false, with the batches
   * unfinished, once `stop` is set. Throws c10::Error that names modality and row of a value that
   * may not be, and the file where one was cut short.
   */
  bool gather(
      const at::Tensor& rows,
      std::vector<ModalityBatch>& batches,
      const std::atomic<bool>* stop = nullptr
  ) const;

  /** Has the files read what `rows` need, without waiting for it. */
  void will_need(const at::Tensor& rows) const;

 private:
  const std::vector<GatherSource> sources_;
  const int64_t max_length_;
  const bool replace_non_finite_;
  const std::unique_ptr<PageBudget> budget_;
};

}  // namespace cmir
