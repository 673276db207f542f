#pragma once

#include <c10/core/ScalarType.h>

#include "test/check.h"
#include "training/config.h"
#include "training/trainer_data.h"

// What the tests of a step share, on every device.

namespace cmir::test {

inline constexpr int64_t kExamples = 40;

/** Every kind of noise and every constraint, on widths that fit no vector. */
inline TrainerConfig step_config() {
  return {
      .seed = 5,
      .device = "cpu",
      .threads = 0,
      .precision = "float64",
      .modalities = {{"text", 13, false}, {"audio", 5, false}, {"vision", 33, false}},
      .max_length = 0,
      .outputs = 1,
      .model = {.hidden = 19, .latent = 6, .dropout = 0.3, .pooling = "mean"},
      .environments = {{"gaussian", 0.5}, {"laplace", 0.7}, {"erase", 0.3}, {"drop", 0.4}},
      .sharing = "independent",
      .weights = {.invariance = 0.7, .decorrelation = 0.5, .reconstruction = 0.3},
      .decorrelation = {.off_diagonal = 0.3},
      .prediction = {.loss = "l1", .on = "all"},
      .reconstruction = {.target = "environment"},
      .optimizer = {.learning_rate = 0.01, .weight_decay = 0.01, .clip_norm = 1},
  };
}

/** Data for a trainer of that configuration. */
inline TrainerInput step_input() {
  return {
      .features =
          {{normal({kExamples, 13}, at::kFloat, 1)},
           {normal({kExamples, 5}, at::kFloat, 2)},
           {normal({kExamples, 33}, at::kFloat, 3)}},
      .targets = normal({kExamples}, at::kFloat, 4),
  };
}

inline at::ScalarType type_of(const TrainerConfig& config) {
  return config.precision == "float64" ? at::kDouble : at::kFloat;
}

}  // namespace cmir::test
