#pragma once

#include <cmath>
#include <cstdint>

#include "base/device.h"

namespace cmir {

// One row of outputs o [outputs]: its loss and gradient, the same on every device.

enum class Loss { l1, mse, cross_entropy };

/** What a row should be: a value for l1 and mse, a class for cross_entropy. */
template <class Value>
struct RowTarget {
  Value value;
  int64_t index;  // of the class
};

/** log sum_c exp(o_c). */
template <class Value>
CMIR_HOST_DEVICE double log_sum_exp(const Value* o, int64_t outputs) {
  auto largest = static_cast<double>(o[0]);
  for (int64_t c = 1; c < outputs; ++c) {
    const auto value = static_cast<double>(o[c]);
    if (value > largest) largest = value;
  }
  double sum = 0;
  for (int64_t c = 0; c < outputs; ++c) sum += std::exp(static_cast<double>(o[c]) - largest);
  return largest + std::log(sum);
}

/** |o - t|, (o - t)^2, or -log softmax(o)_t. */
template <class Value>
CMIR_HOST_DEVICE double row_loss(
    Loss loss, const Value* o, int64_t outputs, const RowTarget<Value>& target
) {
  if (loss == Loss::cross_entropy) {
    return log_sum_exp(o, outputs) - static_cast<double>(o[target.index]);
  }
  const auto error = static_cast<double>(*o - target.value);
  return loss == Loss::mse ? error * error : error < 0 ? -error : error;
}

CMIR_HOST_DEVICE inline double sign_of(double x) { return x > 0 ? 1.0 : x < 0 ? -1.0 : 0.0; }

/** Returns the loss of the row; o becomes `scale` times its gradient. */
template <class Value>
CMIR_HOST_DEVICE double differentiate_row(
    Loss loss, Value* o, int64_t outputs, const RowTarget<Value>& target, double scale
) {
  if (loss == Loss::cross_entropy) {
    // softmax(o) - onehot(t)
    const double log_sum = log_sum_exp(o, outputs);
    const double value = log_sum - static_cast<double>(o[target.index]);
    for (int64_t c = 0; c < outputs; ++c) {
      const double share = std::exp(static_cast<double>(o[c]) - log_sum);
      o[c] = static_cast<Value>((share - (c == target.index ? 1 : 0)) * scale);
    }
    return value;
  }
  const auto error = static_cast<double>(*o - target.value);
  *o = static_cast<Value>((loss == Loss::mse ? 2 * error : sign_of(error)) * scale);
  return loss == Loss::mse ? error * error : error < 0 ? -error : error;
}

/**
 * Returns how far o is from the clean outputs, a constant: |o - clean|, or for cross_entropy
 * KL(softmax(clean) || softmax(o)), whose gradient is softmax(o) - softmax(clean). o becomes
 * `scale` times the gradient of its loss plus `pull` times that of the distance.
 */
template <class Value>
CMIR_HOST_DEVICE double differentiate_towards(
    Loss loss,
    Value* o,
    const Value* clean,
    int64_t outputs,
    const RowTarget<Value>& target,
    double scale,
    double pull
) {
  if (loss == Loss::cross_entropy) {
    const double log_sum = log_sum_exp(o, outputs), clean_log_sum = log_sum_exp(clean, outputs);
    double distance = 0;
    for (int64_t c = 0; c < outputs; ++c) {
      const double log_share = static_cast<double>(o[c]) - log_sum;
      const double clean_log_share = static_cast<double>(clean[c]) - clean_log_sum;
      const double share = std::exp(log_share), clean_share = std::exp(clean_log_share);
      distance += clean_share * (clean_log_share - log_share);
      const double error = share - (c == target.index ? 1 : 0);
      o[c] = static_cast<Value>(error * scale + (share - clean_share) * pull);
    }
    return distance;
  }
  const auto gap = static_cast<double>(*o - *clean);
  differentiate_row(loss, o, outputs, target, scale);
  *o = static_cast<Value>(static_cast<double>(*o) + sign_of(gap) * pull);
  return gap < 0 ? -gap : gap;
}

}  // namespace cmir
