#pragma once

#include <ATen/ATen.h>

#include <algorithm>
#include <vector>

#include "base/rows.h"
#include "ops/decorrelation/kernel.h"
#include "training/config.h"

namespace cmir {

/** Cuts one buffer into arrays, each on a cache line of its own; first only counts. */
template <class Value>
class Carver {
 public:
  explicit Carver(Value* base) : base_(base) {}
  Value* take(int64_t elements) {
    constexpr int64_t kLine = 64 / sizeof(Value);
    Value* start = base_ == nullptr ? nullptr : base_ + used_;
    used_ += (elements + kLine - 1) / kLine * kLine;
    return start;
  }
  int64_t used() const { return used_; }

 private:
  Value* base_;
  int64_t used_ = 0;
};

/** What the backward pass needs of a modality. */
template <class Value>
struct Activations {
  const Value* input;  // [R, D'], what the encoder saw: x, or values that came ready
  Value* x;            // [R, D'], R = E B
  Value* noise;        // x and the common draw, [2, B, D'], where there is one
  Value* hidden;       // [R, H]
  Value* z;            // [R, 2d], the first half invariant
  Value* z_gradient;   // [R, 2d]
};

/** The working memory of a step on the CPU, kept from step to step and grown when a batch is
 * larger. */
template <class Value>
struct Buffers {
  Buffers(const TrainerConfig& config, at::TensorOptions options)
      : modalities(config.modalities.size()), config_(config), options_(options) {}

  /** Makes room for R = `rows` rows of all environments together. */
  void reserve(int64_t rows) {
    if (rows <= capacity_) return;
    // Until the memory is there, there is none: a failure leaves no pointer in use.
    capacity_ = 0;
    memory_ = at::Tensor();
    memory_ = at::empty({carve(nullptr, rows)}, options_);
    carve(memory_.template mutable_data_ptr<Value>(), rows);
    capacity_ = rows;
  }

  int64_t bytes() const { return memory_.defined() ? static_cast<int64_t>(memory_.nbytes()) : 0; }

  std::vector<Activations<Value>> modalities;
  // Used in turn by the networks.
  Value *hidden = nullptr, *hidden_gradient = nullptr;  // [R, H]
  Value* output = nullptr;                              // [R, widest layer]
  Value* column_parts = nullptr;                        // [kMaxChunks, widest layer]
  Value* decorrelation = nullptr;

 private:
  /** Sets all pointers into `base`, or only counts; returns the elements they need. */
  int64_t carve(Value* base, int64_t rows) {
    Carver<Value> carver(base);
    const auto environments = 1 + static_cast<int64_t>(config_.environments.size());
    const int64_t width = config_.model.hidden, latent = config_.model.latent;
    int64_t widest = std::max({width, 2 * latent, config_.outputs});
    for (size_t m = 0; m < modalities.size(); ++m) {
      const int64_t features = input_width(config_.modalities[m], config_.model);
      widest = std::max(widest, features);
      Activations<Value>& a = modalities[m];
      a.x = carver.take(rows * features);
      a.noise =
          config_.sharing == "common" ? carver.take(2 * rows / environments * features) : nullptr;
      a.hidden = carver.take(rows * width);
      a.z = carver.take(rows * 2 * latent);
      a.z_gradient = carver.take(rows * 2 * latent);
    }
    hidden = carver.take(rows * width);
    hidden_gradient = carver.take(rows * width);
    output = carver.take(rows * widest);
    column_parts = carver.take(RowChunks::kMaxChunks * widest);
    decorrelation = carver.take(decorrelation_scratch(rows, latent));
    return carver.used();
  }

  const TrainerConfig config_;
  at::TensorOptions options_;
  int64_t capacity_ = 0;  // rows
  at::Tensor memory_;
};

}  // namespace cmir
