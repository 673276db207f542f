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

/** risk_e of each environment. */
template <class Value>
void sum_risks(const PredictionArguments<Value>& a, const Value* outputs, double* risks) {
  const Loss loss = a.kind();
  for (int64_t e = 0; e < a.environments(); ++e) {
    double total = 0;
    for (int64_t b = 0; b < a.batch; ++b) {
      const Value* o = outputs + (e * a.batch + b) * a.outputs;
      total += row_loss(loss, o, a.outputs, target_of(a, a.example[b]));
    }
    risks[e] = total / static_cast<double>(a.batch);
  }
}

}  // namespace

template <class Value>
PredictionTerms prediction_cpu(const PredictionArguments<Value>& a, Value* outputs, double* risks) {
  if (a.plain()) return {plain_prediction(a, outputs), 0, 0};
  sum_risks(a, outputs, risks);
  const RiskSpread spread = RiskSpread::of(risks, a.environments());
  const auto noisy_rows = static_cast<double>(a.rows - a.batch);
  const Loss loss = a.kind();
  double distance = 0;
  // The clean rows last: until then the noisy ones are compared with them.
  for (int64_t e = a.environments() - 1; e >= 0; --e) {
    const double scale = risk_factor(risks[e], spread.mean, a.risk) / static_cast<double>(a.rows);
    const bool compared = e > 0 && a.consistency > 0;
    for (int64_t b = 0; b < a.batch; ++b) {
      Value* o = outputs + (e * a.batch + b) * a.outputs;
      const RowTarget<Value> target = target_of(a, a.example[b]);
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
