#include "training/environments.h"

#include <c10/util/Exception.h>

#include <array>

namespace cmir {

NoiseKind noise_kind(const std::string& name) {
  static constexpr std::array kNames{"gaussian", "laplace", "erase", "drop"};
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (name == kNames[i]) return static_cast<NoiseKind>(i);
  }
  TORCH_CHECK_VALUE(
      false, "environments.kind: expected one of gaussian, laplace, erase, drop, found '", name, "'"
  );
}

EnvironmentLists::EnvironmentLists(const std::vector<Environment>& environments) {
  for (const Environment& environment : environments) {
    kinds.push_back(static_cast<int64_t>(noise_kind(environment.kind)));
    intensities.push_back(environment.intensity);
  }
}

EnvironmentLists common_draw(const std::vector<Environment>& environments) {
  return EnvironmentLists({{environments.front().kind, 1}});
}

}  // namespace cmir
