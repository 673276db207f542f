#pragma once

#include <cstdint>

#include "base/bfloat16.h"
#include "base/kernel_scratch.h"
#include "base/philox.h"

namespace cmir {

/** A hidden layer's activations [E, batch, columns], contiguous, and the key of its dropout. */
struct HiddenArguments {
  int64_t environments, batch, columns;
  const int64_t* index;  // [batch], examples' indices in the data set
  uint32_t step;
  PhiloxKey key;
  int64_t layer;
  double probability;  // 0 switches dropout off
};

/** x = dropout(ReLU(x)), in place. */
template <class Value>
void hidden_forward_cpu(const HiddenArguments& arguments, Value* x);

/**
 * gradient, of dropout(ReLU(.)) whose output is `x`, becomes that of its input, in place: an
 * element is passed on where x is not 0. Its sum over rows, the bias's gradient, goes to
 * `column_sums` [columns]; `column_parts` is scratch of [RowChunks::kMaxChunks, columns].
 */
template <class Value>
void hidden_backward_cpu(
    const HiddenArguments& arguments,
    const Value* x,
    Value* gradient,
    Value* column_parts,
    Value* column_sums
);

/** column_sums = x [rows, columns] summed over rows; x's rows are contiguous. */
template <class Value>
void column_sums_cpu(
    int64_t rows, int64_t columns, const Value* x, Value* column_parts, Value* column_sums
);

// The same on a CUDA device, where all pointers are. What a kernel writes for products to read may
// be bfloat16 where it computes in float32; sums are of what is not rounded yet.

/**
 * out = dropout(ReLU(x + bias)), bias [columns] or null for none; `out` may be `x`. The step is the
 * number at `step`, read when the kernel runs.
 */
template <class Value, class Out>
void hidden_forward_cuda(
    const HiddenArguments& arguments,
    const int64_t* step,
    const Value* x,
    const Value* bias,
    Out* out,
    CudaStream stream
);

/** out = the gradient of what stood before ReLU, from that of `x`; `out` may be `gradient`. */
template <class Value, class Out>
void hidden_backward_cuda(
    const HiddenArguments& arguments,
    const Out* x,
    const Value* gradient,
    Out* out,
    Value* column_sums,
    const KernelScratch& scratch,
    CudaStream stream
);

/** `rounded`, unless it is null, becomes x in bfloat16. */
template <class Value>
void column_sums_cuda(
    int64_t rows,
    int64_t columns,
    const Value* x,
    Bfloat16* rounded,
    Value* column_sums,
    const KernelScratch& scratch,
    CudaStream stream
);

/** out = 1 / (1 - p) where the mask keeps an element, else 0. */
void dropout_mask_cpu(const HiddenArguments& arguments, float* out);

}  // namespace cmir
