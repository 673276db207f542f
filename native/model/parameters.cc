#include "model/parameters.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "base/noise.h"

namespace cmir {

Parameters::Parameters(const ModelShape& shape, at::TensorOptions options) {
  const auto linear = [this](const std::string& name, int64_t outputs, int64_t inputs) {
    slots_.push_back({name + ".weight", {outputs, inputs}, inputs});
    slots_.push_back({name + ".bias", {outputs}, inputs});
  };
  const int64_t hidden = shape.model.hidden, latent = shape.model.latent;
  // The numbers are the places in torch.nn.Sequential, where ReLU and Dropout count too.
  for (const Modality& modality : shape.modalities) {
    linear("encoders." + modality.name + ".0", hidden, input_width(modality, shape.model));
    linear("encoders." + modality.name + ".3", 2 * latent, hidden);
  }
  for (const Modality& modality : shape.modalities) {
    linear("decoders." + modality.name + ".0", hidden, 2 * latent);
    linear("decoders." + modality.name + ".2", input_width(modality, shape.model), hidden);
  }
  linear("head.0", hidden, static_cast<int64_t>(shape.modalities.size()) * latent);
  linear("head.3", shape.outputs, hidden);
  // Last, so that the other layers begin with the same values whatever pools.
  for (const Modality& modality : shape.modalities) {
    if (!modality.sequence) continue;
    const std::string name = "pooling." + modality.name;
    if (shape.model.pooling == "attention") {
      slots_.push_back({name + ".query", {modality.features}, kZeros});
    } else if (shape.model.pooling == "gru") {
      // As in torch.nn.GRU: reset, update and new gate, one below the other.
      slots_.push_back({name + ".weight_ih_l0", {3 * hidden, modality.features}, hidden});
      slots_.push_back({name + ".weight_hh_l0", {3 * hidden, hidden}, hidden});
      slots_.push_back({name + ".bias_ih_l0", {3 * hidden}, hidden});
      slots_.push_back({name + ".bias_hh_l0", {3 * hidden}, hidden});
    }
  }

  int64_t size = 0;
  for (const Slot& slot : slots_) size += c10::multiply_integers(slot.shape);
  flat_ = at::zeros({size}, options);
  gradients_ = at::zeros({size}, options);
  views_ = split(flat_);
  const auto gradients = split(gradients_);
  for (auto& [name, view] : views_) {
    view = view.detach();
    view.set_requires_grad(true);
    view.mutable_grad() = gradients.at(name);
  }
  for (const Slot& slot : slots_) names_.push_back(slot.name);
}

void Parameters::initialize(int64_t seed) {
  const PhiloxKey key = PhiloxKey::from_seed(static_cast<uint64_t>(seed));
  const uint32_t tag = philox_tag(Stream::weights, 0, 0);
  const at::Tensor values = at::empty(flat_.sizes(), at::kFloat);
  float* out = values.mutable_data_ptr<float>();
  for (size_t s = 0; s < slots_.size(); ++s) {
    const int64_t size = c10::multiply_integers(slots_[s].shape);
    if (slots_[s].fan_in == kZeros) {
      out = std::fill_n(out, size, 0.0F);
      continue;
    }
    const auto bound = static_cast<float>(1 / std::sqrt(static_cast<double>(slots_[s].fan_in)));
    for (int64_t i = 0; i < size; ++i) {
      const PhiloxWords words =
          philox(key, static_cast<uint32_t>(i / 4), static_cast<uint32_t>(s), 0, tag);
      *out++ = (2 * uniform(words[static_cast<size_t>(i % 4)]) - 1) * bound;
    }
  }
  flat_.copy_(values);
}

at::Tensor Parameters::vectors() const {
  const at::Tensor vectors = at::zeros_like(flat_, at::kBool);
  for (auto& [name, view] : split(vectors)) {
    if (view.dim() == 1) view.fill_(true);
  }
  return vectors;
}

std::map<std::string, at::Tensor> Parameters::split(const at::Tensor& buffer) const {
  std::map<std::string, at::Tensor> views;
  int64_t offset = 0;
  for (const Slot& slot : slots_) {
    const int64_t size = c10::multiply_integers(slot.shape);
    views[slot.name] = buffer.narrow(0, offset, size).view(slot.shape);
    offset += size;
  }
  return views;
}

}  // namespace cmir
