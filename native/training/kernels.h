#pragma once

#include "base/bfloat16.h"
#include "base/kernel_scratch.h"
#include "training/prediction.h"

namespace cmir {

// Kernels of a step on a CUDA device beside those of the operators; all pointers are there.

/**
 * PredictionTerms to `values` [3], but for those without a weight, which stay; `outputs`
 * [rows, outputs] become the gradient of their weighted sum. `risks` [E] is working memory.
 */
template <class Value>
void prediction_cuda(
    const PredictionArguments<Value>& arguments,
    Value* outputs,
    double* risks,
    double* values,
    const KernelScratch& scratch,
    CudaStream stream
);

/** AdamW over buffers of [size] each. */
template <class Value>
struct AdamwArguments {
  const double* learning_rate;  // read when the kernels run
  double weight_decay, clip_norm;
  const bool* spared;  // [size], true where nothing decays; or null
  int64_t size;
  Value* parameters;
  const Value* gradients;
  Value *exp_avg, *exp_avg_sq;
  Bfloat16* rounded;  // the parameters after the update, in bfloat16; or null
};

/**
 * One update after clipping the gradient's norm, the (*step + 1)-th. `factors` [4] is memory
 * between the two kernels.
 */
template <class Value>
void adamw_cuda(
    const AdamwArguments<Value>& arguments,
    const int64_t* step,
    double* factors,
    const KernelScratch& scratch,
    CudaStream stream
);

/** x [rows, columns] += bias [columns]; `rounded`, unless it is null, becomes x in bfloat16. */
void add_bias_cuda(
    int64_t rows, int64_t columns, const float* bias, float* x, Bfloat16* rounded, CudaStream stream
);

/** What a step leaves behind. */
struct StepTotals {
  int64_t modalities;
  double risk, consistency;  // weights
  double weights[3];         // of invariance, decorrelation, reconstruction
  double examples;           // what the terms count for in the sums
  bool counts;               // whether the step is done, and the counter moves on
};

/** terms[0], the loss; sums += examples * terms; ++*step. `terms` and `sums` are
 * [kSharedTerms + 3 M]. */
void finish_step_cuda(
    const StepTotals& totals, double* terms, double* sums, int64_t* step, CudaStream stream
);

}  // namespace cmir
