#include "training/divergence.h"

#include <array>
#include <cmath>

#include "training/prediction.h"

namespace cmir {

Divergence divergence_of(const TrainerConfig& config, std::span<const double> terms) {
  static constexpr std::array kShared{"loss", "prediction", "risk", "consistency"};
  static constexpr std::array kConstraints{"invariance", "decorrelation", "reconstruction"};
  static_assert(kShared.size() == kSharedTerms);
  const size_t modalities = config.modalities.size();
  // The loss is the first term, and the last to be blamed.
  for (size_t i = 1; i < terms.size(); ++i) {
    if (std::isfinite(terms[i])) continue;
    if (i < kShared.size()) return {kShared[i], "", terms[i], 0, {}};
    const size_t place = i - kShared.size();
    return {
        kConstraints[place / modalities],
        config.modalities[place % modalities].name,
        terms[i],
        0,
        {}
    };
  }
  return {kShared[0], "", terms[0], 0, {}};
}

}  // namespace cmir
