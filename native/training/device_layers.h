#pragma once

#include <ATen/ATen.h>

#include <map>
#include <string>
#include <utility>

#include "base/product.h"
#include "base/scratch.h"
#include "model/parameters.h"
#include "ops/dropout/kernel.h"
#include "training/device_buffers.h"
#include "training/kernels.h"

namespace cmir {

/** A linear layer, y = x weight^T + bias, with its backward written out. */
struct DeviceLayer {
  at::Tensor weight, bias;                    // [outputs, inputs], as products read it; [outputs]
  at::Tensor weight_gradient, bias_gradient;  // the same

  DeviceLayer(
      const Parameters& parameters,
      const std::map<std::string, at::Tensor>& weights,
      const std::string& name
  )
      : weight(weights.at(name + ".weight")),
        bias(parameters[name + ".bias"].detach()),
        weight_gradient(parameters[name + ".weight"].grad()),
        bias_gradient(parameters[name + ".bias"].grad()) {}

  /** The weight's gradient: gradient^T x, gradient [rows, outputs], x [rows, inputs]. */
  void differentiate_weight(const at::Tensor& gradient, const at::Tensor& x) const {
    product(weight_gradient, gradient.t(), x);
  }

  /** out [rows, inputs] = gradient weight, added to what is there with `adds`. */
  void differentiate_input(const at::Tensor& gradient, at::Tensor out, bool adds = false) const {
    product(std::move(out), gradient, weight, adds);
  }
};

/** What the layers of a step on a CUDA device do, on the current stream. */
template <class Value, class Factor>
class DeviceLayers {
  using Memory = DeviceBuffers<Value, Factor>;
  static constexpr bool kRounds = Memory::kRounds;

 public:
  /** All must outlive it; `step`, int64 [], is read when a kernel runs. */
  DeviceLayers(const Memory& buffers, const Scratch& scratch, const at::Tensor& step)
      : buffers_(buffers), scratch_(scratch), step_(step) {}

  /**
   * out = x weight^T + bias. Where factors are rounded the bias is left to the kernel that takes
   * `out`, see left_bias(): LibTorch would copy it to `out` first.
   */
  static void forward(
      const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, at::Tensor out
  ) {
    if constexpr (kRounds) {
      product(out, x, weight.t());
    } else {
      at::addmm_out(out, bias, x, weight.t());
    }
  }
  static void forward(const at::Tensor& x, const DeviceLayer& layer, const at::Tensor& out) {
    forward(x, layer.weight, layer.bias, out);
  }
  static const Value* left_bias(const DeviceLayer& layer) {
    return kRounds ? Memory::data(layer.bias) : nullptr;
  }
  /** Adds the bias that forward() left out; `factor`, unless it is null, becomes out's. */
  void add_left_bias(const DeviceLayer& layer, const at::Tensor& out, Bfloat16* factor) const {
    if constexpr (kRounds) {
      add_bias_cuda(
          out.size(0), out.size(1), left_bias(layer), Memory::data(out), factor, current_stream()
      );
    }
  }

  /** hidden = dropout(ReLU(x)), x as forward() of the layer left it. */
  void hidden_forward(
      const HiddenArguments& arguments,
      const at::Tensor& x,
      const DeviceLayer& layer,
      const at::Tensor& hidden
  ) const {
    hidden_forward_cuda(
        arguments,
        step_.template const_data_ptr<int64_t>(),
        static_cast<const Value*>(Memory::data(x)),
        left_bias(layer),
        Memory::factor_data(hidden),
        current_stream()
    );
  }
  /** The gradient before ReLU as a factor, from that of `hidden`; the bias's gradient too. */
  at::Tensor hidden_backward(
      const HiddenArguments& arguments,
      const at::Tensor& hidden,
      const at::Tensor& gradient,
      const DeviceLayer& layer
  ) const {
    const at::Tensor out = buffers_.factor_of(gradient);
    hidden_backward_cuda(
        arguments,
        static_cast<const KernelScalar<Factor>*>(Memory::factor_data(hidden)),
        static_cast<const Value*>(Memory::data(gradient)),
        Memory::factor_data(out),
        Memory::data(layer.bias_gradient),
        scratch_.get(),
        current_stream()
    );
    return out;
  }
  /** A layer's gradient at its output as a factor; the bias's gradient too. */
  at::Tensor sum_columns(const at::Tensor& gradient, const DeviceLayer& layer) const {
    const at::Tensor out = buffers_.factor_of(gradient);
    column_sums_cuda(
        gradient.size(0),
        gradient.size(1),
        static_cast<const Value*>(Memory::data(gradient)),
        Memory::rounded(out),
        Memory::data(layer.bias_gradient),
        scratch_.get(),
        current_stream()
    );
    return out;
  }

 private:
  const Memory& buffers_;
  const Scratch& scratch_;
  const at::Tensor& step_;
};

}  // namespace cmir
