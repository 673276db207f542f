#pragma once

#include <cstdint>
#include <string>

#include "training/prediction_row.h"

namespace cmir {

/** Terms of all modalities together, which a step tells first: loss, then those of PredictionTerms.
 */
inline constexpr int64_t kSharedTerms = 4;

/** Outputs [E * B, outputs] against the targets of B examples, the same in every environment. */
template <class Value>
struct PredictionArguments {
  std::string loss;  // l1, mse, crossEntropy
  int64_t rows, batch, outputs;
  const int64_t* example;    // [B], rows of the targets
  const Value* targets;      // [N], for l1 and mse
  const int64_t* classes;    // [N], for crossEntropy
  double risk, consistency;  // weights of these terms; they need E >= 2

  int64_t environments() const { return rows / batch; }
  /** Whether there is no more than L_pred, which one pass over the rows computes. */
  bool plain() const { return risk == 0 && consistency == 0; }
  Loss kind() const {
    return loss == "l1" ? Loss::l1 : loss == "mse" ? Loss::mse : Loss::cross_entropy;
  }
};

/** Unweighted; what has no weight is 0. */
struct PredictionTerms {
  double prediction;  // L_pred, the mean over rows
  // Var_e(risk_e) over environments, risk_e the mean loss of one: V-REx (Krueger et al., 2021).
  double risk;
  // The mean distance of noisy rows to the clean ones of their examples, which are constants there.
  double consistency;
};

/** How far the risks of environments lie apart. */
struct RiskSpread {
  double mean, variance;

  /** Of risks [E], which another block may have written: volatile there. */
  CMIR_HOST_DEVICE static RiskSpread of(const volatile double* risks, int64_t environments) {
    const auto count = static_cast<double>(environments);
    double mean = 0, variance = 0;
    for (int64_t e = 0; e < environments; ++e) mean += risks[e] / count;
    for (int64_t e = 0; e < environments; ++e) {
      const double gap = risks[e] - mean;
      variance += gap * gap / count;
    }
    return {mean, variance};
  }
};

/** d (mean + weight * variance) / d risk_e, times the number of environments. */
CMIR_HOST_DEVICE inline double risk_factor(double risk, double mean, double weight) {
  return 1 + 2 * weight * (risk - mean);
}

/**
 * The terms; `outputs` [rows, outputs] become the gradient of their weighted sum. `risks` [E] is
 * working memory, not used where the arguments are plain().
 */
template <class Value>
PredictionTerms prediction_cpu(
    const PredictionArguments<Value>& arguments, Value* outputs, double* risks
);

}  // namespace cmir
