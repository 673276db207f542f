#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <string>
#include <vector>

#include "model/config.h"

namespace cmir {

/**
 * All parameters as named views into one flat buffer, and their gradients as views into another, so
 * that clipping, the optimiser, checkpoints and later all-reduce are each one operation on a whole
 * buffer.
 */
class Parameters {
 public:
  Parameters(const ModelShape& shape, at::TensorOptions options);

  /**
   * Draws the initial values: uniform in +-1/sqrt(fan in), as torch.nn.Linear, of a gru in
   * +-1/sqrt(H), as torch.nn.GRU; the query of attention is 0. Keyed by the seed alone.
   */
  void initialize(int64_t seed);

  /** A parameter by its name in model.safetensors; a leaf whose gradient is a view of gradients().
   */
  const at::Tensor& operator[](const std::string& name) const { return views_.at(name); }

  const std::vector<std::string>& names() const { return names_; }
  const at::Tensor& flat() const { return flat_; }
  const at::Tensor& gradients() const { return gradients_; }

  /** bool like flat(): true in parameters of one dimension, which are biases and the query. */
  at::Tensor vectors() const;

  /** `buffer`, of the size of flat(), cut up the same way. */
  std::map<std::string, at::Tensor> split(const at::Tensor& buffer) const;

 private:
  static constexpr int64_t kZeros = 0;  // instead of a fan in: begins with zeros
  struct Slot {
    std::string name;
    std::vector<int64_t> shape;
    int64_t fan_in;
  };
  std::vector<Slot> slots_;
  std::vector<std::string> names_;
  at::Tensor flat_, gradients_;
  std::map<std::string, at::Tensor> views_;
};

}  // namespace cmir
