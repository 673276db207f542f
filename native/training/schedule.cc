#include "training/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace cmir {

Schedule::Schedule(const OptimizerConfig& config, int64_t total)
    : kind_(
          config.schedule == "linear"   ? Kind::linear
          : config.schedule == "cosine" ? Kind::cosine
                                        : Kind::constant
      ),
      peak_(config.learning_rate),
      total_(total),
      warmup_(static_cast<int64_t>(config.warmup * static_cast<double>(total))) {}

double Schedule::rate(int64_t step) const {
  if (step < warmup_) return peak_ * static_cast<double>(step) / static_cast<double>(warmup_);
  if (kind_ == Kind::constant) return peak_;
  const int64_t left = total_ - step;
  if (left <= 0) return 0;
  const double share = static_cast<double>(left) / static_cast<double>(total_ - warmup_);  // 1 - p
  if (kind_ == Kind::linear) return peak_ * share;
  return peak_ * (1 - std::cos(std::numbers::pi * share)) / 2;
}

}  // namespace cmir
