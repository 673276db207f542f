#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/fields.h"

namespace cmir {

struct Modality {
  std::string name;
  int64_t features;  // D_m
  bool sequence;     // frames of D_m features each, not one vector an example
  static constexpr auto fields() {
    return std::tuple{
        Field{"name", &Modality::name},
        Field{"features", &Modality::features},
        Field{"sequence", &Modality::sequence}
    };
  }
};
static_assert(complete<Modality>);

struct ModelConfig {
  int64_t hidden;  // H
  int64_t latent;  // d
  double dropout;
  std::string pooling;  // mean, attention, gru: how a sequence becomes one vector
  static constexpr auto fields() {
    return std::tuple{
        Field{"hidden", &ModelConfig::hidden},
        Field{"latent", &ModelConfig::latent},
        Field{"dropout", &ModelConfig::dropout},
        Field{"pooling", &ModelConfig::pooling}
    };
  }
};
static_assert(complete<ModelConfig>);

/** D', the width of what the encoder sees of a modality: its features, unless a gru pools them. */
inline int64_t input_width(const Modality& modality, const ModelConfig& model) {
  return modality.sequence && model.pooling == "gru" ? model.hidden : modality.features;
}

/** Everything that decides the shapes of the parameters. */
struct ModelShape {
  std::vector<Modality> modalities;
  int64_t outputs;
  ModelConfig model;
};

}  // namespace cmir
