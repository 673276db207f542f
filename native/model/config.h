#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/fields.h"

namespace cmir {

struct Modality {
  std::string name;
  int64_t features;  // D_m
  static constexpr auto fields() {
    return std::tuple{Field{"name", &Modality::name}, Field{"features", &Modality::features}};
  }
};
static_assert(complete<Modality>);

struct ModelConfig {
  int64_t hidden;  // H
  int64_t latent;  // d
  double dropout;
  static constexpr auto fields() {
    return std::tuple{
        Field{"hidden", &ModelConfig::hidden},
        Field{"latent", &ModelConfig::latent},
        Field{"dropout", &ModelConfig::dropout}
    };
  }
};
static_assert(complete<ModelConfig>);

/** Everything that decides the shapes of the parameters. */
struct ModelShape {
  std::vector<Modality> modalities;
  int64_t outputs;
  ModelConfig model;
};

}  // namespace cmir
