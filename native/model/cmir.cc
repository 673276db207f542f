#include "model/cmir.h"

#include <ATen/ATen.h>

#include "model/pooling.h"

namespace cmir {

CmirModel::CmirModel(ModelShape shape, at::TensorOptions options)
    : shape_(std::move(shape)), parameters_(shape_, options) {}

at::Tensor CmirModel::pool(
    size_t modality, const at::Tensor& frames, const at::Tensor& lengths
) const {
  const std::string name = "pooling." + shape_.modalities[modality].name;
  if (shape_.model.pooling == "attention") {
    return attention_pooling(frames, lengths, parameters_[name + ".query"]);
  }
  if (shape_.model.pooling == "gru") {
    return gru_pooling(frames, lengths, gru_parameters(parameters_, name));
  }
  return mean_pooling(frames, lengths);
}

at::Tensor CmirModel::hidden(
    const std::string& layer, const at::Tensor& x, const std::optional<DropoutSite>& site
) const {
  at::Tensor h = at::linear(x, parameters_[layer + ".weight"], parameters_[layer + ".bias"]).relu();
  return site ? dropout(h, *site, shape_.model.dropout) : h;
}

Codes CmirModel::encode(
    size_t modality, const at::Tensor& x, const std::optional<DropoutSite>& site
) const {
  const std::string name = "encoders." + shape_.modalities[modality].name;
  const at::Tensor h = hidden(name + ".0", x, site);
  const at::Tensor z =
      at::linear(h, parameters_[name + ".3.weight"], parameters_[name + ".3.bias"]);
  const int64_t d = shape_.model.latent;
  return {z.narrow(-1, 0, d), z.narrow(-1, d, d)};
}

at::Tensor CmirModel::encode_invariant(size_t modality, const at::Tensor& x) const {
  const std::string name = "encoders." + shape_.modalities[modality].name;
  const int64_t d = shape_.model.latent;
  return at::linear(
      hidden(name + ".0", x, {}),
      parameters_[name + ".3.weight"].narrow(0, 0, d),
      parameters_[name + ".3.bias"].narrow(0, 0, d)
  );
}

at::Tensor CmirModel::decode(size_t modality, const Codes& codes) const {
  const std::string name = "decoders." + shape_.modalities[modality].name;
  const at::Tensor h = hidden(name + ".0", at::cat({codes.invariant, codes.spurious}, -1), {});
  return at::linear(h, parameters_[name + ".2.weight"], parameters_[name + ".2.bias"]);
}

at::Tensor CmirModel::predict(
    const std::vector<at::Tensor>& invariant, const std::optional<DropoutSite>& site
) const {
  const at::Tensor h = hidden("head.0", at::cat(invariant, -1), site);
  return at::linear(h, parameters_["head.3.weight"], parameters_["head.3.bias"]);
}

}  // namespace cmir
