#include "data/gather.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <cmath>
#include <limits>
#include <utility>

#include "base/vectorized.h"

namespace cmir {
namespace {

/** out = (x - mean) / std, 0 where x is not finite. Returns whether all of it was finite. */
template <class Value>
bool standardise_row(
    int64_t width, const float* x, const Value* mean, const Value* std, Value* out
) {
  int others = 0;
  vectorized([&] {
#pragma omp simd reduction(| : others)
    for (int64_t f = 0; f < width; ++f) {
      const bool finite = std::abs(x[f]) <= std::numeric_limits<float>::max();
      others |= finite ? 0 : 1;
      out[f] = finite ? (static_cast<Value>(x[f]) - mean[f]) / std[f] : Value(0);
    }
  });
  return others == 0;
}

/** Says where the value is that may not be: the first one of a row of the table. */
[[noreturn]] void refuse(const GatherSource& source, int64_t example, int64_t row, int64_t first) {
  const int64_t width = source.table.features();
  const float* x = source.table.values.const_data_ptr<float>() + row * width;
  int64_t feature = 0;
  while (std::isfinite(x[feature])) ++feature;
  TORCH_CHECK_VALUE(
      false,
      "'",
      source.name,
      "', row ",
      example,
      source.table.sequence() ? ", frame " + std::to_string(row - first) : std::string(),
      ", feature ",
      feature,
      ": expected a finite number, found ",
      x[feature]
  );
}

/** Memory for `rows` rows, that which is there if it suffices. */
at::Tensor room(const at::Tensor& tensor, int64_t rows, const GatherSource& source) {
  const at::TensorOptions options = source.normalizer.mean.options();
  at::Tensor result = tensor.defined() ? tensor : at::empty({0}, options);
  return result.resize_({rows, source.table.features()});
}

/** Offsets of the frames of a batch; of what is no sequence, nothing. */
at::Tensor batch_offsets(
    const FeatureTable& table, const int64_t* rows, int64_t count, int64_t max_length
) {
  if (!table.sequence()) return {};
  at::Tensor offsets = at::empty({count + 1}, at::kLong);
  auto* bounds = offsets.mutable_data_ptr<int64_t>();
  bounds[0] = 0;
  for (int64_t i = 0; i < count; ++i) {
    const auto [begin, end] = table.range(rows[i], max_length);
    bounds[i + 1] = bounds[i] + end - begin;
  }
  return offsets;
}

template <class Value>
bool gather_source(
    const GatherSource& source,
    const int64_t* rows,
    int64_t count,
    int64_t max_length,
    bool replace_non_finite,
    PageBudget& budget,
    ModalityBatch& batch,
    const std::atomic<bool>* stop
) {
  const FeatureTable& table = source.table;
  const int64_t width = table.features();
  const auto* x = table.values.const_data_ptr<float>();
  const auto* mean = source.normalizer.mean.const_data_ptr<Value>();
  const auto* std = source.normalizer.std.const_data_ptr<Value>();
  batch.offsets = batch_offsets(table, rows, count, max_length);
  const int64_t frames = table.sequence() ? batch.offsets.const_data_ptr<int64_t>()[count] : count;
  batch.values = room(batch.values, frames, source);
  auto* out = batch.values.mutable_data_ptr<Value>();
  for (int64_t i = 0; i < count; ++i) {
    if (stop != nullptr && *stop) return false;
    const auto [begin, end] = table.range(rows[i], max_length);
    budget.count(table, {begin, end});
    for (int64_t row = begin; row < end; ++row, out += width) {
      if (!standardise_row(width, x + row * width, mean, std, out) && !replace_non_finite) {
        refuse(source, rows[i], row, begin);
      }
    }
  }
  return true;
}

template <class Value>
void standardise_all(const GatherSource& source, bool replace_non_finite, const at::Tensor& out) {
  const int64_t width = source.table.features();
  const auto* x = source.table.values.const_data_ptr<float>();
  const auto* mean = source.normalizer.mean.const_data_ptr<Value>();
  const auto* std = source.normalizer.std.const_data_ptr<Value>();
  auto* target = out.mutable_data_ptr<Value>();
  const int64_t grain = std::max<int64_t>(1, 32768 / width);
  at::parallel_for(0, source.table.values.size(0), grain, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      if (!standardise_row(width, x + row * width, mean, std, target + row * width) &&
          !replace_non_finite) {
        refuse(source, row, row, 0);
      }
    }
  });
}

std::vector<std::shared_ptr<const MappedFile>> files_of(const std::vector<GatherSource>& sources) {
  std::vector<std::shared_ptr<const MappedFile>> files;
  for (const GatherSource& source : sources) files.push_back(source.table.file);
  return files;
}

}  // namespace

at::Tensor standardise(const GatherSource& source, bool replace_non_finite) {
  const at::Tensor out = at::empty(source.table.values.sizes(), source.normalizer.mean.options());
  if (out.scalar_type() == at::kDouble) {
    standardise_all<double>(source, replace_non_finite, out);
  } else {
    standardise_all<float>(source, replace_non_finite, out);
  }
  return out;
}

Gatherer::Gatherer(std::vector<GatherSource> sources, int64_t max_length, bool replace_non_finite)
    : sources_(std::move(sources)),
      max_length_(max_length),
      replace_non_finite_(replace_non_finite),
      budget_(std::make_unique<PageBudget>(files_of(sources_))) {}

bool Gatherer::gather(
    const at::Tensor& rows, std::vector<ModalityBatch>& batches, const std::atomic<bool>* stop
) const {
  batches.resize(sources_.size());
  const auto* numbers = rows.const_data_ptr<int64_t>();
  for (size_t s = 0; s < sources_.size(); ++s) {
    const GatherSource& source = sources_[s];
    if (source.table.mapped()) source.table.file->check();
    const auto one = source.normalizer.mean.scalar_type() == at::kDouble ? gather_source<double>
                                                                         : gather_source<float>;
    if (!one(
            source,
            numbers,
            rows.numel(),
            max_length_,
            replace_non_finite_,
            *budget_,
            batches[s],
            stop
        )) {
      return false;
    }
  }
  return true;
}

void Gatherer::will_need(const at::Tensor& rows) const {
  for (const GatherSource& source : sources_) {
    cmir::will_need(source.table, rows.const_data_ptr<int64_t>(), rows.numel(), max_length_);
  }
}

}  // namespace cmir
