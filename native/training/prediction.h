#pragma once

#include <cstdint>
#include <string>

namespace cmir {

/** Outputs [E * B, outputs] against the targets of B examples, the same in every environment. */
template <class Value>
struct PredictionArguments {
  std::string loss;  // l1, mse, crossEntropy
  int64_t rows, batch, outputs;
  const int64_t* example;  // [B], rows of the targets
  const Value* targets;    // [N], for l1 and mse
  const int64_t* classes;  // [N], for crossEntropy
};

/** L_pred, the mean over rows; `outputs` [rows, outputs] become its gradient. */
template <class Value>
double prediction_cpu(const PredictionArguments<Value>& arguments, Value* outputs);

}  // namespace cmir
