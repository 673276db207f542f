#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "base/gemm.h"
#include "model/parameters.h"

namespace cmir {

/** A linear layer on the CPU, y = x weight^T + bias, with its backward written out. */
template <class Value>
struct Linear {
  int64_t inputs, outputs;
  const Value *weight, *bias;              // [outputs, inputs], [outputs]
  Value *weight_gradient, *bias_gradient;  // the same

  bool bfloat16;  // products of training; see Addend

  /** Pointers into the parameters' buffers, which must outlive it. */
  Linear(const Parameters& parameters, const std::string& name, bool bfloat16)
      : bfloat16(bfloat16) {
    const at::Tensor& w = parameters[name + ".weight"];
    const at::Tensor& b = parameters[name + ".bias"];
    outputs = w.size(0);
    inputs = w.size(1);
    weight = w.const_data_ptr<Value>();
    bias = b.const_data_ptr<Value>();
    weight_gradient = w.grad().template mutable_data_ptr<Value>();
    bias_gradient = b.grad().template mutable_data_ptr<Value>();
  }

  /** out [rows, outputs] = x [rows, inputs] weight^T + bias. */
  void forward(int64_t rows, const Value* x, Value* out) const {
    product(rows, outputs, x, out, outputs, {.row = bias, .bfloat16 = bfloat16});
  }

  void forward_without_bias(int64_t rows, const Value* x, Value* out) const {
    product(rows, outputs, x, out, outputs, {.bfloat16 = bfloat16});
  }

  /** forward() without rounding, for the first `count` outputs, rows of `out` `out_stride` apart.
   */
  void evaluate(int64_t rows, const Value* x, Value* out, int64_t out_stride, int64_t count) const {
    product(rows, count, x, out, out_stride, {.row = bias});
  }

  /** The weight's gradient, gradient^T x, gradient [rows, outputs], x [rows, inputs]; or adds it.
   */
  void differentiate_weight(
      int64_t rows, const Value* gradient, const Value* x, bool accumulate = false
  ) const {
    const auto transposed = row_major(gradient, outputs).transposed();
    const Addend<Value> addend{.out = accumulate, .bfloat16 = bfloat16};
    gemm(outputs, inputs, rows, transposed, row_major(x, inputs), weight_gradient, inputs, addend);
  }

  /** The input's gradient [rows, inputs]: gradient weight, added to `out` when `accumulate`. */
  void differentiate_input(
      int64_t rows, const Value* gradient, Value* out, bool accumulate = false
  ) const {
    const auto left = row_major(gradient, outputs);
    const Addend<Value> addend{.out = accumulate, .bfloat16 = bfloat16};
    gemm(rows, inputs, outputs, left, row_major(weight, inputs), out, inputs, addend);
  }

 private:
  void product(
      int64_t rows,
      int64_t count,
      const Value* x,
      Value* out,
      int64_t out_stride,
      const Addend<Value>& addend
  ) const {
    const auto columns = row_major(weight, inputs).transposed();
    gemm(rows, count, inputs, row_major(x, inputs), columns, out, out_stride, addend);
  }
};

}  // namespace cmir
