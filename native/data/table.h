#pragma once

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <memory>
#include <string>

#include "data/mapped_file.h"

namespace cmir {

/** Rows of a table that belong to one example. */
struct RowRange {
  int64_t begin, end;
};

/** Features of one modality as they came, not standardised: float32, in memory or in a file. */
struct FeatureTable {
  at::Tensor values;  // [N, D], or the frames of all examples one after another, [F, D]
  /** Of a sequence, int64 [N + 1]: example i has the frames offsets[i] to offsets[i + 1]. */
  at::Tensor offsets = {};
  /** Where the values lie, unless in memory. */
  std::shared_ptr<const MappedFile> file = nullptr;

  bool sequence() const { return offsets.defined(); }
  bool mapped() const { return file != nullptr; }
  int64_t features() const { return values.size(1); }
  int64_t examples() const { return sequence() ? offsets.numel() - 1 : values.size(0); }

  /** The rows of an example: one, or its first `max_length` frames (0: all of them). */
  RowRange range(int64_t example, int64_t max_length) const {
    if (!sequence()) return {example, example + 1};
    const auto* bounds = offsets.const_data_ptr<int64_t>();
    const int64_t begin = bounds[example], end = bounds[example + 1];
    return {begin, max_length == 0 ? end : std::min(end, begin + max_length)};
  }
};

/**
 * Throws c10::Error that begins with `name` unless the table has rows of `features` float32 values
 * and, of a sequence, offsets that ascend from 0 on and end with the last frame at most.
 */
void check_table(const FeatureTable& table, const std::string& name, int64_t features);

/** Throws c10::Error unless every one of `rows`, int64 [n], is one of so many examples. */
void check_rows(const at::Tensor& rows, int64_t examples);

/** Has a mapped file read what these examples need, without waiting for it. */
void will_need(const FeatureTable& table, const int64_t* rows, int64_t count, int64_t max_length);

}  // namespace cmir
