#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/parameters.h"
#include "ops/dropout/op.h"

namespace cmir {

/** Z of one modality, both [E, B, d]. */
struct Codes {
  at::Tensor invariant, spurious;
};

/**
 * The networks of CmIR. The paper says "MLP"; these are ours:
 *   encoder  g_m: Linear(D', H) ReLU Dropout Linear(H, 2d), the first half invariant
 *   decoder  r_m: Linear(2d, H) ReLU Linear(H, D')
 *   head:         Linear(M d, H) ReLU Dropout Linear(H, outputs), on the invariant parts alone
 * D' is D_m, of sequences the width of what the pooling in front of the encoder makes.
 * A dropout site switches dropout on; evaluation passes none.
 */
class CmirModel {
 public:
  CmirModel(ModelShape shape, at::TensorOptions options);

  /** Frames [E, B, T, D_m] of sequences of lengths int64 [B] to one vector each, [E, B, D']. */
  at::Tensor pool(size_t modality, const at::Tensor& frames, const at::Tensor& lengths) const;

  /** x [E, B, D'] to its codes. */
  Codes encode(
      size_t modality, const at::Tensor& x, const std::optional<DropoutSite>& dropout = {}
  ) const;

  /** x [E, B, D'] to the invariant part alone, without computing the spurious one. */
  at::Tensor encode_invariant(size_t modality, const at::Tensor& x) const;

  /** Codes to a reconstruction [E, B, D']. */
  at::Tensor decode(size_t modality, const Codes& codes) const;

  /** Invariant parts, one [E, B, d] a modality, to [E, B, outputs]. */
  at::Tensor predict(
      const std::vector<at::Tensor>& invariant, const std::optional<DropoutSite>& dropout = {}
  ) const;

  const ModelShape& shape() const { return shape_; }
  Parameters& parameters() { return parameters_; }
  const Parameters& parameters() const { return parameters_; }

 private:
  at::Tensor hidden(
      const std::string& layer, const at::Tensor& x, const std::optional<DropoutSite>& dropout
  ) const;

  ModelShape shape_;
  Parameters parameters_;
};

}  // namespace cmir
