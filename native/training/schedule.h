#pragma once

#include <cstdint>

#include "training/config.h"

namespace cmir {

/**
 * The learning rate of each step, which depends on the step's number alone. Over the first `warmup`
 * steps it rises from 0 in a line; then it stays, or falls to 0 at the end of the last step.
 */
class Schedule {
 public:
  /** Over `total` steps; the warm-up is the whole steps in its share of them. */
  Schedule(const OptimizerConfig& config, int64_t total);

  /** Of the step that follows `step` steps:
   * peak * step / warmup, then with p = (step - warmup) / (total - warmup)
   * peak, peak (1 - p) or peak (1 + cos(pi p)) / 2; past the last one as after it. */
  double rate(int64_t step) const;

 private:
  enum class Kind { constant, linear, cosine };
  Kind kind_;
  double peak_;
  int64_t total_, warmup_;
};

}  // namespace cmir
