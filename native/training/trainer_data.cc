#include "training/trainer_data.h"

#include <ATen/ATen.h>

#include <utility>

namespace cmir {
namespace {

/** Throws unless the table is one of `examples` examples for the modality. */
void check_features(const FeatureTable& table, const Modality& modality, int64_t examples) {
  const std::string name = "upload: '" + modality.name + "'";
  TORCH_CHECK_VALUE(
      table.sequence() == modality.sequence,
      name,
      modality.sequence ? ": expected a sequence of frames an example, found a vector"
                        : ": expected a vector an example, found a sequence of frames"
  );
  check_table(table, name, modality.features);
  TORCH_CHECK_VALUE(
      table.examples() == examples,
      name,
      ": expected ",
      examples,
      " examples, found ",
      table.examples()
  );
}

}  // namespace

TrainerData::TrainerData(
    const TrainerConfig& config,
    const std::vector<Normalizer>& normalizers,
    const TrainerInput& input,
    const at::TensorOptions& options
) {
  TORCH_CHECK_VALUE(
      input.features.size() == config.modalities.size(),
      "upload: expected features of ",
      config.modalities.size(),
      " modalities, found ",
      input.features.size()
  );
  size_ = input.features.front().examples();
  take_features(config, normalizers, input, options);
  if (input.targets.defined()) take_targets(config, input.targets, options);
  TORCH_CHECK_VALUE(
      !input.keys.defined() || input.keys.numel() == size_, "upload: expected ", size_, " keys"
  );
  const auto integers = options.dtype(at::kLong);
  keys_ = input.keys.defined() ? input.keys.to(integers) : at::arange(size_, integers);
}

void TrainerData::take_features(
    const TrainerConfig& config,
    const std::vector<Normalizer>& normalizers,
    const TrainerInput& input,
    const at::TensorOptions& options
) {
  std::vector<GatherSource> sources;
  for (size_t m = 0; m < input.features.size(); ++m) {
    const FeatureTable& table = input.features[m];
    check_features(table, config.modalities[m], size_);
    TORCH_CHECK_VALUE(!table.sequence(), "upload: sequences cannot be encoded");
    GatherSource source{
        config.modalities[m].name, table, {normalizers[m].mean.cpu(), normalizers[m].std.cpu()}
    };
    if (table.mapped()) {
      sources.push_back(std::move(source));
      features_.emplace_back();
    } else {
      features_.push_back(standardise(source, input.replace_non_finite).to(options.device()));
    }
  }
  if (sources.empty()) {
    gathered_.clear();
  } else {
    gatherer_ =
        std::make_unique<Gatherer>(std::move(sources), config.max_length, input.replace_non_finite);
  }
}

void TrainerData::take_targets(
    const TrainerConfig& config, at::Tensor targets, const at::TensorOptions& options
) {
  TORCH_CHECK_VALUE(
      targets.numel() == size_, "upload: expected ", size_, " targets, found ", targets.numel()
  );
  if (config.prediction.loss == "crossEntropy") {
    targets = targets.to(at::kLong);
    TORCH_CHECK_VALUE(
        size_ == 0 ||
            (targets.min().item<int64_t>() >= 0 && targets.max().item<int64_t>() < config.outputs),
        "upload: expected classes 0 to ",
        config.outputs - 1
    );
    targets_ = targets.to(options.device()).reshape({size_}).contiguous();
  } else {
    targets_ = targets.to(options).reshape({size_}).contiguous();
  }
}

int64_t TrainerData::bytes() const {
  size_t bytes = keys_.nbytes() + (targets_.defined() ? targets_.nbytes() : 0);
  for (const at::Tensor& features : features_) {
    if (features.defined()) bytes += features.nbytes();
  }
  return static_cast<int64_t>(bytes);
}

BatchReader::BatchReader(const TrainerData& data, const at::Tensor& order, int64_t batch_size)
    : data_(data) {
  for (const at::Tensor& all : data.features()) features_.push_back({.values = all, .offsets = {}});
  if (data.gatherer() != nullptr) prefetcher_.emplace(*data.gatherer(), order, batch_size);
}

const std::vector<ModalityBatch>& BatchReader::next() {
  if (!prefetcher_) return features_;
  const at::Device device = data_.keys().device();
  auto gathered = prefetcher_->next().begin();
  for (size_t m = 0; m < features_.size(); ++m) {
    if (!data_.gathered(m)) continue;
    features_[m] = {gathered->values.to(device), gathered->offsets};
    ++gathered;
  }
  return features_;
}

}  // namespace cmir
