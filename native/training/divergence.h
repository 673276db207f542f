#pragma once

#include <ATen/core/Tensor.h>

#include <span>
#include <string>

#include "training/config.h"

namespace cmir {

/** Where a loss stopped being a finite number. */
struct Divergence {
  std::string term;      // the first that is not finite: prediction, ..., or the loss itself
  std::string modality;  // of a constraint; else empty
  double value;
  int64_t step;     // of the epoch, from 1; 0: it is not known
  at::Tensor rows;  // int64, of the batch, on the CPU; undefined where the step is not known
};

/** What is wrong with terms (see Step::run) whose loss is not finite; step and rows are not filled
 * in. */
Divergence divergence_of(const TrainerConfig& config, std::span<const double> terms);

}  // namespace cmir
