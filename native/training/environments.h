#pragma once

#include <string>
#include <vector>

#include "base/noise.h"
#include "training/config.h"

namespace cmir {

/** The kind of that name; throws c10::Error listing the names. */
NoiseKind noise_kind(const std::string& name);

/** Environments as the two lists that the operator `perturb` takes. */
struct EnvironmentLists {
  std::vector<int64_t> kinds;
  std::vector<double> intensities;

  explicit EnvironmentLists(const std::vector<Environment>& environments);
};

/** Environment 1 with intensity 1: the draw that all environments of one sharing scale. */
EnvironmentLists common_draw(const std::vector<Environment>& environments);

}  // namespace cmir
