#pragma once

#include <cstdint>

#include "base/kernel_scratch.h"

namespace cmir {

/** Sizes of R_dec, and how the inputs' and the gradients' rows lie; columns are contiguous. */
struct DecorrelationArguments {
  int64_t environments, batch, columns;  // E, B, d
  int64_t input_stride;                  // between rows of invariant, and of spurious
  int64_t gradient_stride;               // between rows of the gradients
  double off_diagonal;                   // w_ij, i != j
  double gradient_scale;                 // times the gradient of sum_ij w_ij^2 C_ij^2
  bool accumulate;                       // add to the invariant part's gradient
};

/** Elements of scratch memory that decorrelation_cpu needs for rows = E B: O(E B d + d^2). */
int64_t decorrelation_scratch(int64_t rows, int64_t columns);

/**
 * sum over environments of sum_ij w_ij^2 C_ij^2, unscaled, with the gradients in both inputs
 * [E * B, d]. `scratch` holds decorrelation_scratch elements.
 */
template <class Value>
double decorrelation_cpu(
    const DecorrelationArguments& arguments,
    const Value* invariant,
    const Value* spurious,
    Value* invariant_gradient,
    Value* spurious_gradient,
    Value* scratch
);

/** Rows of both parts on a CUDA device, each [2, E, B, d]: the invariant part first. */
template <class Value>
struct DecorrelationRows {
  Value* unit;          // each row divided by its norm
  Value* product;       // A (B^T B) and B (A^T A), of the unit rows
  Value* inverse_norm;  // [2, E, B]
};

/** Fills `unit` and `inverse_norm`. */
template <class Value>
void decorrelation_normalize_cuda(
    const DecorrelationArguments& arguments,
    const Value* invariant,
    const Value* spurious,
    const DecorrelationRows<Value>& rows,
    CudaStream stream
);

/** The gradients, and value_scale times the sum over environments of sum_ij w_ij^2 C_ij^2. */
template <class Value>
void decorrelation_finish_cuda(
    const DecorrelationArguments& arguments,
    const DecorrelationRows<Value>& rows,
    Value* invariant_gradient,
    Value* spurious_gradient,
    double value_scale,
    double* value,
    const KernelScratch& scratch,
    CudaStream stream
);

}  // namespace cmir
