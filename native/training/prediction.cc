#include "training/prediction.h"

namespace cmir {
namespace {

template <class Value>
RowTarget<Value> target_of(const PredictionArguments<Value>& a, int64_t example) {
  if (a.classes != nullptr) return {.value = 0, .index = a.classes[example]};
  return {.value = a.targets[example], .index = 0};
}

template <class Value>
double plain_prediction(const PredictionArguments<Value>& a, Value* outputs) {
  const double scale = 1 / static_cast<double>(a.rows);
  const Loss loss = a.kind();
  double total = 0;
  for (int64_t row = 0; row < a.rows; ++row) {
    const RowTarget<Value> target = target_of(a, a.example[row % a.batch]);
    total += differentiate_row(loss, outputs + row * a.outputs, a.outputs, target, scale);
  }
  return total * scale;
}

template <class Value>
double weight_of(const PredictionArguments<Value>& a, int64_t example) {
  return a.class_weights == nullptr ? 1.0 : a.class_weights[a.classes[example]];
}

/** risk_e of each environment, then the sum of an environment's weights. */
template <class Value>
void sum_risks(const PredictionArguments<Value>& a, const Value* outputs, double* risks) {
  const Loss loss = a.kind();
  double& weights = risks[a.environments()];
  weights = 0;
  for (int64_t b = 0; b < a.batch; ++b) weights += weight_of(a, a.example[b]);
  for (int64_t e = 0; e < a.environments(); ++e) {
    double total = 0;
    for (int64_t b = 0; b < a.batch; ++b) {
      const Value* o = outputs + (e * a.batch + b) * a.outputs;
      const int64_t example = a.example[b];
      total += weight_of(a, example) * row_loss(loss, o, a.outputs, target_of(a, example));
    }
    risks[e] = total / weights;
  }
}

}  // namespace

template <class Value>
PredictionTerms prediction_cpu(const PredictionArguments<Value>& a, Value* outputs, double* risks) {
  if (a.plain()) return {plain_prediction(a, outputs), 0, 0};
  sum_risks(a, outputs, risks);
  const RiskSpread spread = RiskSpread::of(risks, a.environments());
  const double weights = static_cast<double>(a.environments()) * risks[a.environments()];
  const auto noisy_rows = static_cast<double>(a.rows - a.batch);
  const Loss loss = a.kind();
  double distance = 0;
  // The clean rows last: until then the noisy ones are compared with them.
  for (int64_t e = a.environments() - 1; e >= 0; --e) {
    const double factor = risk_factor(risks[e], spread.mean, a.risk) / weights;
    const bool compared = e > 0 && a.consistency > 0;
    for (int64_t b = 0; b < a.batch; ++b) {
      Value* o = outputs + (e * a.batch + b) * a.outputs;
      const RowTarget<Value> target = target_of(a, a.example[b]);
      const double scale = factor * weight_of(a, a.example[b]);
      if (compared) {
        const Value* clean = outputs + b * a.outputs;
        distance += differentiate_towards(
            loss, o, clean, a.outputs, target, scale, a.consistency / noisy_rows
        );
      } else {
        differentiate_row(loss, o, a.outputs, target, scale);
      }
    }
  }
  return {
      .prediction = spread.mean,
      .risk = a.risk > 0 ? spread.variance : 0,
      .consistency = a.consistency > 0 ? distance / noisy_rows : 0,
  };
}

template PredictionTerms prediction_cpu(const PredictionArguments<float>&, float*, double*);
template PredictionTerms prediction_cpu(const PredictionArguments<double>&, double*, double*);

}  // namespace cmir
