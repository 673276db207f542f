#pragma once

#include <ATen/ATen.h>

#include <algorithm>
#include <type_traits>
#include <vector>

#include "ops/decorrelation/launch.h"
#include "training/config.h"

namespace cmir {

/**
 * What the backward pass needs of a modality, as matrices. A factor is what products read: the
 * value itself, or its copy in bfloat16.
 */
struct DeviceActivations {
  at::Tensor x, x_factor;  // [R, D], R = E B
  at::Tensor hidden;       // [R, H], a factor
  at::Tensor z, z_factor;  // [R, 2d], the first half invariant
  at::Tensor z_gradient;   // [R, 2d]
};

/**
 * The working memory of a step on a CUDA device, where graphs find it again. Everything is computed
 * in Value; Factor is what products read: the same, or bfloat16 beside float32.
 */
template <class Value, class Factor>
class DeviceBuffers {
 public:
  static constexpr bool kRounds = !std::is_same_v<Value, Factor>;

  DeviceBuffers(const TrainerConfig& config, const at::TensorOptions& options)
      : modalities_(config.modalities.size()),
        config_(config),
        options_(options),
        widest_(std::max({config.model.hidden, 2 * config.model.latent, config.outputs})) {
    for (const Modality& modality : config.modalities) {
      widest_ = std::max(widest_, modality.features);
    }
  }

  bool fits(int64_t batch) const { return batch <= capacity_; }

  /** Makes room for a batch elsewhere than before. */
  void reserve(int64_t batch) {
    const auto environments = 1 + static_cast<int64_t>(config_.environments.size());
    const int64_t rows = environments * batch, hidden = config_.model.hidden,
                  latent = config_.model.latent;
    const auto values = [&](int64_t width) { return at::empty({rows * width}, options_); };
    const auto factors = [&](int64_t width) { return at::empty({rows * width}, factor_options()); };
    for (size_t m = 0; m < modalities_.size(); ++m) {
      const int64_t features = config_.modalities[m].features;
      const at::Tensor x = values(features), z = values(2 * latent);
      modalities_[m] = {
          .x = x,
          .x_factor = kRounds ? factors(features) : x,
          .hidden = factors(hidden),
          .z = z,
          .z_factor = kRounds ? factors(2 * latent) : z,
          .z_gradient = values(2 * latent),
      };
    }
    hidden_ = factors(hidden);
    inner_ = values(hidden);
    output_ = values(widest_);
    if constexpr (kRounds) gradient_ = factors(widest_);
    decorrelation_ =
        at::empty({DecorrelationMemory::elements(environments, batch, latent)}, options_);
    capacity_ = batch;
  }

  static Value* data(const at::Tensor& tensor) { return tensor.template mutable_data_ptr<Value>(); }
  static KernelScalar<Factor>* factor_data(const at::Tensor& tensor) {
    return mutable_kernel_data<Factor>(tensor);
  }
  /** Where a kernel writes a value's factor beside the value; nowhere if they are the same. */
  static Bfloat16* rounded(const at::Tensor& factor) {
    if constexpr (kRounds) return factor_data(factor);
    return nullptr;
  }

  int64_t widest() const { return widest_; }
  at::TensorOptions factor_options() const {
    return options_.dtype(c10::CppTypeToScalarType<Factor>::value);
  }

  int64_t bytes() const {
    size_t bytes = 0;
    const auto add = [&bytes](const at::Tensor& tensor) {
      if (tensor.defined()) bytes += tensor.nbytes();
    };
    for (const DeviceActivations& a : modalities_) {
      for (const at::Tensor& tensor : {a.x, a.hidden, a.z, a.z_gradient}) add(tensor);
      if constexpr (kRounds) {
        for (const at::Tensor& tensor : {a.x_factor, a.z_factor}) add(tensor);
      }
    }
    for (const at::Tensor& tensor : {hidden_, inner_, output_, gradient_, decorrelation_}) {
      add(tensor);
    }
    return static_cast<int64_t>(bytes);
  }

  /** Of modality m, for so many rows of all environments together. */
  DeviceActivations modality(size_t m, int64_t rows) const {
    const DeviceActivations& a = modalities_[m];
    const int64_t features = config_.modalities[m].features, codes = 2 * config_.model.latent;
    return {
        .x = matrix(a.x, rows, features),
        .x_factor = matrix(a.x_factor, rows, features),
        .hidden = matrix(a.hidden, rows, config_.model.hidden),
        .z = matrix(a.z, rows, codes),
        .z_factor = matrix(a.z_factor, rows, codes),
        .z_gradient = matrix(a.z_gradient, rows, codes),
    };
  }

  // Used in turn by the networks.

  /** A hidden layer, a factor. */
  at::Tensor hidden(int64_t rows) const { return matrix(hidden_, rows, config_.model.hidden); }
  /** A product that a hidden layer's kernel takes: what stands before ReLU, or a gradient. */
  at::Tensor inner(int64_t rows) const { return matrix(inner_, rows, config_.model.hidden); }
  /** An output of at most widest() columns, then its gradient. */
  at::Tensor output(int64_t rows, int64_t columns) const { return matrix(output_, rows, columns); }
  /** Where a gradient is a factor: in its place, or where one after another is rounded to. */
  at::Tensor factor_of(const at::Tensor& gradient) const {
    return kRounds ? matrix(gradient_, gradient.size(0), gradient.size(1)) : gradient;
  }
  const at::Tensor& decorrelation() const { return decorrelation_; }

 private:
  static at::Tensor matrix(const at::Tensor& buffer, int64_t rows, int64_t columns) {
    return buffer.narrow(0, 0, rows * columns).view({rows, columns});
  }

  std::vector<DeviceActivations> modalities_;  // flat
  const TrainerConfig config_;
  const at::TensorOptions options_;
  int64_t widest_;
  int64_t capacity_ = 0;  // examples
  at::Tensor hidden_, inner_, output_, decorrelation_;
  at::Tensor gradient_;  // only where factors are rounded
};

}  // namespace cmir
