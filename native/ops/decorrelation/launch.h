#pragma once

#include <ATen/core/Tensor.h>

#include <tuple>

#include "ops/decorrelation/kernel.h"

namespace cmir {

/** Both parts, which are not empty, as the kernels read them: of one layout. */
struct DecorrelationInput {
  DecorrelationInput(const at::Tensor& invariant, const at::Tensor& spurious, double off_diagonal);

  at::Tensor invariant, spurious;
  DecorrelationArguments arguments;
};

/** Working memory of decorrelation on a CUDA device: views into a buffer of the inputs' type. */
struct DecorrelationMemory {
  DecorrelationMemory(
      int64_t environments, int64_t batch, int64_t columns, const at::Tensor& buffer
  );

  /** Elements of the buffer; no fewer for a larger batch. */
  static int64_t elements(int64_t environments, int64_t batch, int64_t columns);

  at::Tensor unit, product;  // [2, E, B, d]
  at::Tensor inverse_norm;   // [2, E, B]
  at::Tensor square;         // [2, E, s, s], s the smaller of B and d: Gram matrices, or C in [0]
};

/** Kernels and products on the current stream; the arguments are those of decorrelation_cpu. */
template <class Value>
void decorrelation_on_stream(
    const DecorrelationArguments& arguments,
    const Value* invariant,
    const Value* spurious,
    Value* invariant_gradient,
    Value* spurious_gradient,
    DecorrelationMemory& memory,
    double value_scale,
    double* value,
    const KernelScratch& scratch
);

/** The value and its gradients where the inputs lie, by the CUDA kernels. */
std::tuple<at::Tensor, at::Tensor, at::Tensor> decorrelation_on_device(
    const at::Tensor& invariant, const at::Tensor& spurious, double off_diagonal
);

}  // namespace cmir
