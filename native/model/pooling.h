#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "model/parameters.h"

namespace cmir {

// How a sequence becomes one vector, in its readable form: padded, for autograd, on any device.
// Frames [E, B, T, D] are those of B examples in E environments, T at least 1; of lengths int64
// [B], 0 to T, the first so many frames of an example count, whatever finite numbers stand in the
// others. An example without frames becomes 0 and has no gradient.

/** The mean over an example's frames, [E, B, D]. */
at::Tensor mean_pooling(const at::Tensor& frames, const at::Tensor& lengths);

/**
 * The sum of an example's frames weighted by softmax(x_t . query / sqrt(D)) over t, [E, B, D]: dot
 * product attention (Vaswani et al., 2017) with one learned query [D].
 */
at::Tensor attention_pooling(
    const at::Tensor& frames, const at::Tensor& lengths, const at::Tensor& query
);

/** The hidden state of torch.nn.GRU(D, H) (Cho et al., 2014) after an example's last frame, [E, B,
 * H]. */
at::Tensor gru_pooling(
    const at::Tensor& frames, const at::Tensor& lengths, const std::vector<at::Tensor>& parameters
);

/** What at::gru takes: weight_ih_l0 [3H, D], weight_hh_l0 [3H, H], bias_ih_l0, bias_hh_l0 [3H]. */
std::vector<at::Tensor> gru_parameters(const Parameters& parameters, const std::string& name);

}  // namespace cmir
