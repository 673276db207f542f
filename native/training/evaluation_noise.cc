#include "training/evaluation_noise.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <limits>

namespace cmir {
namespace {

constexpr std::array kKinds{
    "gaussian", "laplace", "erase", "drop", "replace", "frame", "block", "modality"
};

CorruptionKind corruption_kind(const std::string& name) {
  const auto* const found = std::find(kKinds.begin(), kKinds.end(), name);
  TORCH_CHECK_VALUE(
      found != kKinds.end(),
      "noise.kind: expected one of gaussian, laplace, erase, drop, replace, frame, block, "
      "modality, found '",
      name,
      "'"
  );
  return static_cast<CorruptionKind>(found - kKinds.begin());
}

bool is_additive(CorruptionKind kind) {
  return kind == CorruptionKind::gaussian || kind == CorruptionKind::laplace;
}

/** 64-bit FNV-1a of the name's bytes: http://www.isthe.com/chongo/tech/comp/fnv/ */
uint64_t hash_of(const std::string& name) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char byte : name) hash = (hash ^ static_cast<uint8_t>(byte)) * 0x100000001b3;
  return hash;
}

}  // namespace

Corruption::Corruption(const std::vector<Modality>& all, EvaluationNoise noise)
    : noise_(std::move(noise)),
      kind_(corruption_kind(noise_.kind)),
      on_(all.size(), !noise_.modalities.has_value()) {
  const double most = is_additive(kind_) ? std::numeric_limits<double>::max() : 1;
  TORCH_CHECK_VALUE(
      noise_.intensity >= 0 && noise_.intensity <= most,
      "noise.intensity: expected ",
      is_additive(kind_) ? "a finite number of at least 0" : "a probability from 0 to 1",
      ", found ",
      noise_.intensity
  );
  for (const Modality& modality : all) {
    keys_.push_back(
        PhiloxKey::from_seed(static_cast<uint64_t>(noise_.seed) ^ hash_of(modality.name))
    );
  }
  if (!noise_.modalities) return;
  for (const std::string& name : *noise_.modalities) {
    const auto found = std::find_if(all.begin(), all.end(), [&](const Modality& modality) {
      return modality.name == name;
    });
    TORCH_CHECK_VALUE(
        found != all.end(), "noise.modalities: the model has no modality '", name, "'"
    );
    on_[static_cast<size_t>(found - all.begin())] = true;
  }
}

bool Corruption::needs_frames() const {
  return kind_ != CorruptionKind::drop && kind_ != CorruptionKind::modality;
}

at::Tensor Corruption::apply(
    size_t modality, const ModalityBatch& x, const at::Tensor& keys
) const {
  const at::Tensor values = x.values.contiguous();
  at::Tensor out = at::empty_like(values);
  const CorruptionArguments arguments{
      .examples = keys.numel(),
      .columns = values.size(1),
      .offsets = x.offsets.defined() ? x.offsets.const_data_ptr<int64_t>() : nullptr,
      .index = keys.const_data_ptr<int64_t>(),
      .key = keys_[modality],
      .kind = kind_,
      .intensity = noise_.intensity,
      .seed = PhiloxKey::from_seed(static_cast<uint64_t>(noise_.seed)),
      .modality = static_cast<int64_t>(modality),
      .modalities = static_cast<int64_t>(keys_.size()),
  };
  const auto corrupt = [&]<class Value>(Value* target) {
    corrupt_cpu(arguments, values.const_data_ptr<Value>(), target);
  };
  if (values.scalar_type() == at::kDouble) {
    corrupt(out.mutable_data_ptr<double>());
  } else {
    corrupt(out.mutable_data_ptr<float>());
  }
  return out;
}

}  // namespace cmir
