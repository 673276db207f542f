#include "training/trainer_data.h"

#include <ATen/ATen.h>

#include <utility>

#include "ops/pool/kernel.h"

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

/** The mean of the frames of each example, into `out` [B, D]; 0 where there are none. */
void average_frames(const ModalityBatch& batch, const at::Tensor& out) {
  const SequenceArguments arguments{
      .examples = batch.offsets.numel() - 1,
      .columns = batch.values.size(1),
      .offsets = batch.offsets.const_data_ptr<int64_t>(),
  };
  const auto average = [&]<class Value>(Value* target) {
    mean_frames_cpu(arguments, batch.values.const_data_ptr<Value>(), target);
  };
  if (out.scalar_type() == at::kDouble) {
    average(out.mutable_data_ptr<double>());
  } else {
    average(out.mutable_data_ptr<float>());
  }
}

}  // namespace

TrainerData::TrainerData(
    const TrainerConfig& config,
    const std::vector<Normalizer>& normalizers,
    const TrainerInput& input,
    bool means,
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
  take_features(config, normalizers, input, means, options);
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
    bool means,
    const at::TensorOptions& options
) {
  std::vector<GatherSource> gathered, with_frames;
  for (size_t m = 0; m < input.features.size(); ++m) {
    const FeatureTable& table = input.features[m];
    check_features(table, config.modalities[m], size_);
    const GatherSource source{
        config.modalities[m].name, table, {normalizers[m].mean.cpu(), normalizers[m].std.cpu()}
    };
    if (table.sequence() && means) {
      take_means(config, source, input.replace_non_finite, options);
      with_frames.push_back(source);
    } else if (table.sequence() || table.mapped()) {
      features_.emplace_back();
      scales_.emplace_back();
      gathered.push_back(source);
      with_frames.push_back(source);
    } else {
      features_.push_back(standardise(source, input.replace_non_finite).to(options.device()));
      scales_.emplace_back();
    }
  }
  const auto make = [&](std::vector<GatherSource> sources) -> std::unique_ptr<Gatherer> {
    if (sources.empty()) return nullptr;
    return std::make_unique<Gatherer>(
        std::move(sources), config.max_length, input.replace_non_finite
    );
  };
  gatherer_ = make(std::move(gathered));
  frames_gatherer_ = make(std::move(with_frames));
}

void TrainerData::take_means(
    const TrainerConfig& config,
    const GatherSource& source,
    bool replace_non_finite,
    const at::TensorOptions& options
) {
  constexpr int64_t kBatch = 256;  // examples whose frames are in memory at a time
  const Gatherer gatherer({source}, config.max_length, replace_non_finite);
  Prefetcher prefetcher(gatherer, at::arange(size_, at::kLong), kBatch);
  const at::Tensor means = at::empty({size_, source.table.features()}, options.device(at::kCPU)),
                   scales = at::empty({size_}, at::kFloat);
  for (int64_t begin = 0; begin < size_; begin += kBatch) {
    const ModalityBatch& batch = prefetcher.next().front();
    const int64_t count = batch.offsets.numel() - 1;
    average_frames(batch, means.narrow(0, begin, count));
    const at::Tensor lengths = batch.offsets.diff();
    scales.narrow(0, begin, count)
        .copy_(at::where(lengths > 0, lengths.to(at::kDouble).rsqrt(), 0));
  }
  features_.push_back(means.to(options.device()));
  scales_.push_back(scales.to(options.device()));
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
  for (const auto* list : {&features_, &scales_}) {
    for (const at::Tensor& tensor : *list) bytes += tensor.defined() ? tensor.nbytes() : 0;
  }
  return static_cast<int64_t>(bytes);
}

BatchReader::BatchReader(
    const TrainerData& data, const at::Tensor& order, int64_t batch_size, Sequences sequences
)
    : data_(data), sequences_(sequences), batch_(data.features().size()) {
  const Gatherer* gatherer = data.gatherer(sequences);
  if (gatherer != nullptr) prefetcher_.emplace(*gatherer, order, batch_size);
}

const std::vector<ModalityBatch>& BatchReader::next() {
  if (!prefetcher_) return batch_;
  const at::Device device = data_.keys().device();
  auto gathered = prefetcher_->next().begin();
  for (size_t m = 0; m < batch_.size(); ++m) {
    if (!data_.gathered(m, sequences_)) continue;
    const auto& [values, offsets] = *gathered++;
    batch_[m] = {values.to(device), offsets.defined() ? offsets.to(device) : at::Tensor()};
  }
  return batch_;
}

}  // namespace cmir
