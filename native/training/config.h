#pragma once

#include <string>
#include <vector>

#include "model/config.h"

namespace cmir {

/** One noisy environment, resolved: C++ never sees a shorthand. */
struct Environment {
  std::string kind;
  double intensity;
  static constexpr auto fields() {
    return std::tuple{
        Field{"kind", &Environment::kind}, Field{"intensity", &Environment::intensity}
    };
  }
};
static_assert(complete<Environment>);

struct Weights {
  double invariance, decorrelation, reconstruction;  // lambda_1, lambda_2, lambda_3
  double risk, consistency;                          // of terms of the prediction
  static constexpr auto fields() {
    return std::tuple{
        Field{"invariance", &Weights::invariance},
        Field{"decorrelation", &Weights::decorrelation},
        Field{"reconstruction", &Weights::reconstruction},
        Field{"risk", &Weights::risk},
        Field{"consistency", &Weights::consistency}
    };
  }
};
static_assert(complete<Weights>);

struct DecorrelationConfig {
  double off_diagonal;  // weight of C_ij, i != j
  static constexpr auto fields() {
    return std::tuple{Field{"offDiagonal", &DecorrelationConfig::off_diagonal}};
  }
};
static_assert(complete<DecorrelationConfig>);

struct PredictionConfig {
  std::string loss;  // l1, mse, crossEntropy
  std::string on;    // all, clean
  static constexpr auto fields() {
    return std::tuple{Field{"loss", &PredictionConfig::loss}, Field{"on", &PredictionConfig::on}};
  }
};
static_assert(complete<PredictionConfig>);

struct ReconstructionConfig {
  std::string target;  // environment, clean
  static constexpr auto fields() {
    return std::tuple{Field{"target", &ReconstructionConfig::target}};
  }
};
static_assert(complete<ReconstructionConfig>);

struct OptimizerConfig {
  double learning_rate, weight_decay, clip_norm;
  bool decay_biases;     // and all other parameters of one dimension
  std::string schedule;  // constant, linear, cosine
  double warmup;         // share of all steps
  int64_t epochs;        // that the schedule spans
  int64_t accumulation;  // batches a step
  static constexpr auto fields() {
    return std::tuple{
        Field{"learningRate", &OptimizerConfig::learning_rate},
        Field{"weightDecay", &OptimizerConfig::weight_decay},
        Field{"clipNorm", &OptimizerConfig::clip_norm},
        Field{"decayBiases", &OptimizerConfig::decay_biases},
        Field{"schedule", &OptimizerConfig::schedule},
        Field{"warmup", &OptimizerConfig::warmup},
        Field{"epochs", &OptimizerConfig::epochs},
        Field{"accumulation", &OptimizerConfig::accumulation}
    };
  }
};
static_assert(complete<OptimizerConfig>);

/** NativeConfig of binding.d.ts, field by field; the defaults live in lib/config.ts alone. */
struct TrainerConfig {
  int64_t seed;
  std::string device;
  int64_t threads;
  std::string precision;  // float32, float64; bf16, tf32: products of training in those
  std::vector<Modality> modalities;
  int64_t max_length;  // frames of an example that count, the first ones; 0: all
  int64_t outputs;
  ModelConfig model;
  std::vector<Environment> environments;
  std::string sharing;  // independent, common: one draw for all environments, scaled
  Weights weights;
  DecorrelationConfig decorrelation;
  PredictionConfig prediction;
  ReconstructionConfig reconstruction;
  OptimizerConfig optimizer;
  static constexpr auto fields() {
    return std::tuple{
        Field{"seed", &TrainerConfig::seed},
        Field{"device", &TrainerConfig::device},
        Field{"threads", &TrainerConfig::threads},
        Field{"precision", &TrainerConfig::precision},
        Field{"modalities", &TrainerConfig::modalities},
        Field{"maxLength", &TrainerConfig::max_length},
        Field{"outputs", &TrainerConfig::outputs},
        Field{"model", &TrainerConfig::model},
        Field{"environments", &TrainerConfig::environments},
        Field{"sharing", &TrainerConfig::sharing},
        Field{"weights", &TrainerConfig::weights},
        Field{"decorrelation", &TrainerConfig::decorrelation},
        Field{"prediction", &TrainerConfig::prediction},
        Field{"reconstruction", &TrainerConfig::reconstruction},
        Field{"optimizer", &TrainerConfig::optimizer}
    };
  }
};
static_assert(complete<TrainerConfig>);

/** Throws c10::Error naming the field that holds a value the engine cannot compute with. */
void validate(const TrainerConfig& config);

}  // namespace cmir
