#include "training/prediction.h"

#include <algorithm>
#include <cmath>

namespace cmir {
namespace {

/** -log softmax(o)_t of one row; o becomes (softmax(o) - onehot(t)) * scale. */
template <class Value>
double cross_entropy(Value* o, int64_t outputs, int64_t target, double scale) {
  const double largest = static_cast<double>(*std::max_element(o, o + outputs));
  double sum = 0;
  for (int64_t c = 0; c < outputs; ++c) sum += std::exp(static_cast<double>(o[c]) - largest);
  const double log_sum = largest + std::log(sum);
  const double loss = log_sum - static_cast<double>(o[target]);
  for (int64_t c = 0; c < outputs; ++c) {
    const double share = std::exp(static_cast<double>(o[c]) - log_sum);
    o[c] = static_cast<Value>((share - (c == target ? 1 : 0)) * scale);
  }
  return loss;
}

}  // namespace

template <class Value>
double prediction_cpu(const PredictionArguments<Value>& a, Value* outputs) {
  const double scale = 1 / static_cast<double>(a.rows);
  const bool absolute = a.loss == "l1";
  double total = 0;
  for (int64_t row = 0; row < a.rows; ++row) {
    const int64_t example = a.example[row % a.batch];
    if (a.classes != nullptr) {
      total += cross_entropy(outputs + row * a.outputs, a.outputs, a.classes[example], scale);
      continue;
    }
    const double error = static_cast<double>(outputs[row] - a.targets[example]);
    if (absolute) {
      total += std::abs(error);
      outputs[row] = static_cast<Value>(error > 0 ? scale : error < 0 ? -scale : 0.0);
    } else {
      total += error * error;
      outputs[row] = static_cast<Value>(2 * error * scale);
    }
  }
  return total * scale;
}

template double prediction_cpu(const PredictionArguments<float>&, float*);
template double prediction_cpu(const PredictionArguments<double>&, double*);

}  // namespace cmir
