#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "data/gather.h"
#include "ops/decorrelation/launch.h"
#include "ops/invariance/kernel.h"
#include "ops/perturb/kernel.h"
#include "ops/reconstruction/kernel.h"
#include "training/arguments.h"
#include "training/device_layers.h"
#include "training/environments.h"
#include "training/step.h"

namespace cmir {

/**
 * Terms and gradients of a batch on a CUDA device: noise, forward and backward as LibTorch's matrix
 * products and our kernels on the current stream. Value is what everything is computed in, Factor
 * what products read: the same, or bfloat16 beside float32. Then the kernels that write an
 * activation or a gradient write it as a factor too, or nothing else where no more than products
 * read it.
 */
template <class Value, class Factor>
class DeviceGradients {
 public:
  using Memory = DeviceBuffers<Value, Factor>;

  /** `factors` are the parameters as products read them, flat; `step` is read when kernels run, and
   * must outlive it. */
  DeviceGradients(
      const TrainerConfig& config,
      const Parameters& parameters,
      const at::Tensor& factors,
      const at::Tensor& step
  )
      : config_(config),
        environments_(config.environments),
        key_(PhiloxKey::from_seed(static_cast<uint64_t>(config.seed))),
        options_(parameters.flat().options()),
        buffers_(config, options_),
        head_hidden_(parameters, parameters.split(factors), "head.0"),
        head_output_(parameters, parameters.split(factors), "head.3"),
        step_(step),
        scratch_(buffers_.widest(), options_),
        // Those of constraints that are off stay 0.
        terms_(at::zeros({term_count(config)}, options_.dtype(at::kDouble))),
        risks_(at::zeros({environments()}, options_.dtype(at::kDouble))) {
    const auto weights = parameters.split(factors);
    for (const Modality& modality : config.modalities) {
      const std::string encoder = "encoders." + modality.name,
                        decoder = "decoders." + modality.name;
      networks_.push_back({
          {parameters, weights, encoder + ".0"},
          {parameters, weights, encoder + ".3"},
          {parameters, weights, decoder + ".0"},
          {parameters, weights, decoder + ".2"},
      });
    }
  }

  /** As DeviceStep::bind(). */
  void bind(
      const std::vector<at::Tensor>& features,
      const std::vector<at::Tensor>& scales,
      const at::Tensor& targets
  ) {
    features_ = features;
    scales_ = scales;
    targets_ = targets;
    own_.assign(features.size(), at::Tensor());
  }

  /**
   * Copies the batch's rows, and features of its own, to where queue() reads them. Returns whether
   * they, or the buffers, lie elsewhere than before: there is memory for so many now.
   */
  bool place(const at::Tensor& rows, const std::vector<ModalityBatch>& features) {
    TORCH_CHECK_VALUE(targets_.defined(), "the uploaded data has no targets");
    const int64_t size = rows.numel();
    bool moved = false;
    if (!buffers_.fits(size)) {
      moved = true;
      buffers_.reserve(size);
      rows_ = at::empty({size}, options_.dtype(at::kLong));
    }
    rows_.narrow(0, 0, size).copy_(rows);
    for (size_t m = 0; m < own_.size(); ++m) {
      if (features_[m].defined()) continue;
      if (!own_[m].defined() || own_[m].size(0) < size) {
        moved = true;
        own_[m] = at::empty({size, width(m)}, options_);
      }
      own_[m].narrow(0, 0, size).copy_(features[m].values);
    }
    return moved;
  }

  /** Queues the terms and the parameters' gradients of the first `size` rows that were placed. */
  void queue(int64_t size) {
    const ProductPrecision precision(config_.precision == "tf32");
    batch_ = size;
    all_ = environments() * size;
    for (size_t m = 0; m < networks_.size(); ++m) {
      encode(m);
      constrain(m);
      if (config_.weights.reconstruction > 0) reconstruct(m);
    }
    differentiate_head();
    for (size_t m = 0; m < networks_.size(); ++m) differentiate_encoder(m);
  }

  /**
   * One product of each form, which is of no use: what cuBLAS sets up at a thread's first product
   * on a stream cannot be recorded, and this call may be another thread's than the last.
   */
  void warm_up() const {
    const at::Tensor any = at::zeros({16, 16}, buffers_.factor_options()),
                     row = at::zeros({16}, options_);
    const at::Tensor out = at::empty({16, 16}, options_);
    layers_.forward(any, any, row, out);
    product(out, any, any);
    product(out, any, any, /*adds=*/true);
    const at::Tensor batch = out.unsqueeze(0);  // decorrelation's products are not rounded
    at::bmm(batch, batch);
  }

  /** float64 [term_count], the unweighted terms of the rows queued last; the loss is 0. */
  const at::Tensor& terms() const { return terms_; }
  const Scratch& scratch() const { return scratch_; }

  int64_t bytes() const {
    size_t bytes = rows_.defined() ? rows_.nbytes() : 0;
    for (const at::Tensor& features : own_) bytes += features.defined() ? features.nbytes() : 0;
    return buffers_.bytes() + scratch_.bytes() + static_cast<int64_t>(bytes);
  }

 private:
  struct Networks {
    DeviceLayer encoder_hidden, encoder_output, decoder_hidden, decoder_output;
  };

  int64_t environments() const { return 1 + static_cast<int64_t>(environments_.kinds.size()); }
  int64_t latent() const { return config_.model.latent; }
  int64_t width(size_t m) const { return config_.modalities[m].features; }
  DeviceActivations activations(size_t m) const { return buffers_.modality(m, all_); }

  /** Where the kind-th constraint of a modality tells its value. */
  double* term(size_t kind, size_t m) const {
    return terms_.template mutable_data_ptr<double>() + kSharedTerms + kind * networks_.size() + m;
  }
  const int64_t* step_number() const { return step_.template const_data_ptr<int64_t>(); }
  const int64_t* rows() const { return rows_.template const_data_ptr<int64_t>(); }

  HiddenArguments hidden_arguments(int64_t layer, int64_t environments, double probability) const {
    return {
        .environments = environments,
        .batch = batch_,
        .columns = config_.model.hidden,
        .index = rows(),
        .step = 0,  // read on the device
        .key = key_,
        .layer = layer,
        .probability = probability,
    };
  }

  void encode(size_t m) {
    const DeviceActivations a = activations(m);
    const Networks& n = networks_[m];
    const bool bound = features_[m].defined();
    const PerturbArguments arguments{
        .rows = batch_,
        .columns = width(m),
        .source = bound ? rows() : nullptr,
        .index = rows(),
        .step = 0,  // read on the device
        .key = key_,
        .modality = static_cast<int64_t>(m),
        .modalities = static_cast<int64_t>(networks_.size()),
        .environments = environments() - 1,
        .kinds = environments_.kinds.data(),
        .intensities = environments_.intensities.data(),
        .shared_draw = config_.sharing == "common",
        .scale = bound && scales_[m].defined() ? scales_[m].const_data_ptr<float>() : nullptr,
    };
    perturb_cuda(
        arguments,
        step_number(),
        static_cast<const Value*>(Memory::data(bound ? features_[m] : own_[m])),
        Memory::data(a.x),
        current_stream(),
        Memory::rounded(a.x_factor)
    );
    const at::Tensor inner = buffers_.inner(all_);
    layers_.forward(a.x_factor, n.encoder_hidden, inner);
    layers_.hidden_forward(
        hidden_arguments(static_cast<int64_t>(m), environments(), config_.model.dropout),
        inner,
        n.encoder_hidden,
        a.hidden
    );
    layers_.forward(a.hidden, n.encoder_output, a.z);
    layers_.add_left_bias(n.encoder_output, a.z, Memory::rounded(a.z_factor));
  }

  /** R_inv and R_dec, whose gradients begin z_gradient. */
  void constrain(size_t m) {
    const DeviceActivations a = activations(m);
    const int64_t d = latent(), e = environments();
    const double invariance = config_.weights.invariance,
                 decorrelation = config_.weights.decorrelation;
    if (invariance == 0 || decorrelation == 0) a.z_gradient.zero_();
    if (invariance > 0) {
      const double scale = invariance_scale(e, batch_, d);
      const InvarianceArguments arguments = invariance_arguments(config_, e, batch_);
      invariance_cuda(
          arguments,
          static_cast<const Value*>(Memory::data(a.z)),
          Memory::data(a.z_gradient),
          scale,
          term(0, m),
          scratch_.get(),
          current_stream()
      );
    }
    if (decorrelation > 0) {
      const double scale = 1 / static_cast<double>(all_);
      const DecorrelationArguments arguments = decorrelation_arguments(config_, e, batch_);
      DecorrelationMemory memory(e, batch_, d, buffers_.decorrelation());
      const Value* z = Memory::data(a.z);
      Value* gradient = Memory::data(a.z_gradient);
      decorrelation_on_stream(
          arguments, z, z + d, gradient, gradient + d, memory, scale, term(1, m), scratch_.get()
      );
    }
  }

  /** R_rec: the decoder forward and backward; adds to z_gradient. */
  void reconstruct(size_t m) {
    const DeviceActivations a = activations(m);
    const Networks& n = networks_[m];
    const int64_t columns = width(m);
    const HiddenArguments plain = hidden_arguments(0, environments(), 0);
    const at::Tensor hidden = buffers_.hidden(all_), inner = buffers_.inner(all_),
                     output = buffers_.output(all_, columns);
    layers_.forward(a.z_factor, n.decoder_hidden, inner);
    layers_.hidden_forward(plain, inner, n.decoder_hidden, hidden);
    layers_.forward(hidden, n.decoder_output, output);

    const at::Tensor gradient = buffers_.factor_of(output);
    reconstruction_cuda(
        reconstruction_arguments(config_, environments(), batch_, columns),
        static_cast<const Value*>(Memory::data(output)),
        layers_.left_bias(n.decoder_output),
        static_cast<const Value*>(Memory::data(a.x)),
        Memory::factor_data(gradient),
        Memory::data(n.decoder_output.bias_gradient),
        reconstruction_scale(environments(), batch_, columns),
        term(2, m),
        scratch_.get(),
        current_stream()
    );

    n.decoder_output.differentiate_weight(gradient, hidden);
    n.decoder_output.differentiate_input(gradient, inner);
    const at::Tensor inner_gradient =
        layers_.hidden_backward(plain, hidden, inner, n.decoder_hidden);
    n.decoder_hidden.differentiate_weight(inner_gradient, a.z_factor);
    n.decoder_hidden.differentiate_input(inner_gradient, a.z_gradient, /*adds=*/true);
  }

  /** The head forward and backward; adds to the invariant half of z_gradient. */
  void differentiate_head() {
    // Environments lie one after another, so the clean one alone is the first rows.
    const int64_t used = config_.prediction.on == "clean" ? 1 : environments();
    const int64_t count = used * batch_, d = latent();
    const auto modalities = static_cast<int64_t>(networks_.size());
    const HiddenArguments arguments = hidden_arguments(modalities, used, config_.model.dropout);
    const at::Tensor hidden = buffers_.hidden(count), inner = buffers_.inner(count),
                     output = buffers_.output(count, config_.outputs);
    const auto invariant_half = [&](const at::Tensor& z) {
      return z.narrow(0, 0, count).narrow(1, 0, d);
    };

    for (int64_t m = 0; m < modalities; ++m) {
      const at::Tensor z = invariant_half(activations(static_cast<size_t>(m)).z_factor);
      const at::Tensor weight = head_hidden_.weight.narrow(1, m * d, d);
      if (m == 0) {
        layers_.forward(z, weight, head_hidden_.bias, inner);
      } else {
        product(inner, z, weight.t(), /*adds=*/true);
      }
    }
    layers_.hidden_forward(arguments, inner, head_hidden_, hidden);
    layers_.forward(hidden, head_output_, output);
    layers_.add_left_bias(head_output_, output, nullptr);

    prediction_cuda(
        prediction_arguments<Value>(config_, count, batch_, rows(), targets_),
        Memory::data(output),
        risks_.template mutable_data_ptr<double>(),
        terms_.template mutable_data_ptr<double>() + 1,
        scratch_.get(),
        current_stream()
    );

    const at::Tensor gradient = layers_.sum_columns(output, head_output_);
    head_output_.differentiate_weight(gradient, hidden);
    head_output_.differentiate_input(gradient, inner);
    const at::Tensor inner_gradient =
        layers_.hidden_backward(arguments, hidden, inner, head_hidden_);
    for (int64_t m = 0; m < modalities; ++m) {
      const DeviceActivations a = activations(static_cast<size_t>(m));
      const auto columns = [&](const at::Tensor& weight) { return weight.narrow(1, m * d, d); };
      product(
          columns(head_hidden_.weight_gradient), inner_gradient.t(), invariant_half(a.z_factor)
      );
      product(
          invariant_half(a.z_gradient), inner_gradient, columns(head_hidden_.weight), /*adds=*/true
      );
    }
  }

  void differentiate_encoder(size_t m) {
    const DeviceActivations a = activations(m);
    const Networks& n = networks_[m];
    const at::Tensor inner = buffers_.inner(all_);
    const at::Tensor gradient = layers_.sum_columns(a.z_gradient, n.encoder_output);
    n.encoder_output.differentiate_weight(gradient, a.hidden);
    n.encoder_output.differentiate_input(gradient, inner);
    const at::Tensor inner_gradient = layers_.hidden_backward(
        hidden_arguments(static_cast<int64_t>(m), environments(), config_.model.dropout),
        a.hidden,
        inner,
        n.encoder_hidden
    );
    n.encoder_hidden.differentiate_weight(inner_gradient, a.x_factor);
  }

  const TrainerConfig config_;
  const EnvironmentLists environments_;
  const PhiloxKey key_;
  const at::TensorOptions options_;
  Memory buffers_;
  std::vector<Networks> networks_;
  DeviceLayer head_hidden_, head_output_;
  const at::Tensor& step_;  // int64 []
  const Scratch scratch_;
  const DeviceLayers<Value, Factor> layers_{buffers_, scratch_, step_};

  std::vector<at::Tensor> features_, scales_;  // of all data
  std::vector<at::Tensor> own_;  // [>= B, D_m], features that a batch brought, where it does
  at::Tensor targets_;
  at::Tensor rows_;         // int64 [B]
  const at::Tensor terms_;  // float64
  const at::Tensor risks_;  // float64 [E]

  // The batch that is queued.
  int64_t batch_ = 0, all_ = 0;
};

}  // namespace cmir
