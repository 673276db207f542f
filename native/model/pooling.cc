#include "model/pooling.h"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>

namespace cmir {
namespace {

/** Which frames count, bool [B, T]. */
at::Tensor counted(const at::Tensor& frames, const at::Tensor& lengths) {
  return at::arange(frames.size(2), lengths.options()) < lengths.unsqueeze(1);
}

}  // namespace

at::Tensor mean_pooling(const at::Tensor& frames, const at::Tensor& lengths) {
  const at::Tensor others = counted(frames, lengths).logical_not().unsqueeze(-1);
  return frames.masked_fill(others, 0).sum(2) / lengths.clamp_min(1).unsqueeze(-1);
}

at::Tensor attention_pooling(
    const at::Tensor& frames, const at::Tensor& lengths, const at::Tensor& query
) {
  const at::Tensor counts = counted(frames, lengths), others = counts.logical_not();
  const at::Tensor scores =
      at::matmul(frames, query) / std::sqrt(static_cast<double>(query.numel()));  // [E, B, T]
  // Where nothing counts, a softmax over infinities would be NaN, in its gradient too.
  const at::Tensor hidden = others.logical_and(counts.any(1, /*keepdim=*/true));
  const at::Tensor weights = scores.masked_fill(hidden, -std::numeric_limits<double>::infinity())
                                 .softmax(-1)
                                 .masked_fill(others, 0);
  return (weights.unsqueeze(-1) * frames.masked_fill(others.unsqueeze(-1), 0)).sum(2);
}

at::Tensor gru_pooling(
    const at::Tensor& frames, const at::Tensor& lengths, const std::vector<at::Tensor>& parameters
) {
  const int64_t environments = frames.size(0), batch = frames.size(1);
  const int64_t hidden = parameters[1].size(1);
  const at::Tensor start = at::zeros({1, environments * batch, hidden}, frames.options());
  const at::Tensor states = std::get<0>(at::gru(
                                            frames.flatten(0, 1),
                                            start,
                                            parameters,
                                            /*has_biases=*/true,
                                            /*num_layers=*/1,
                                            /*dropout=*/0,
                                            /*train=*/true,
                                            /*bidirectional=*/false,
                                            /*batch_first=*/true
                                        ))
                                .view({environments, batch, -1, hidden});
  const at::Tensor last = (lengths - 1).clamp_min(0).view({1, -1, 1, 1});
  const at::Tensor pooled = states.gather(2, last.expand({environments, -1, 1, hidden})).squeeze(2);
  return pooled.masked_fill((lengths == 0).view({1, -1, 1}), 0);
}

std::vector<at::Tensor> gru_parameters(const Parameters& parameters, const std::string& name) {
  return {
      parameters[name + ".weight_ih_l0"],
      parameters[name + ".weight_hh_l0"],
      parameters[name + ".bias_ih_l0"],
      parameters[name + ".bias_hh_l0"],
  };
}

}  // namespace cmir
