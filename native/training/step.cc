#include "training/step.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <numeric>

#include "base/gemm.h"
#include "base/rows.h"
#include "model/linear.h"
#include "ops/decorrelation/kernel.h"
#include "ops/dropout/kernel.h"
#include "ops/invariance/kernel.h"
#include "ops/perturb/kernel.h"
#include "ops/reconstruction/kernel.h"
#include "training/arguments.h"
#include "training/buffers.h"
#include "training/common_noise.h"
#include "training/environments.h"

namespace cmir {
namespace {

template <class Value>
class CpuStep final : public Step {
 public:
  CpuStep(const TrainerConfig& config, const Parameters& parameters)
      : config_(config),
        environments_(config.environments),
        common_draw_(
            config.environments.empty() ? environments_ : common_draw(config.environments)
        ),
        key_(PhiloxKey::from_seed(static_cast<uint64_t>(config.seed))),
        bfloat16_(config.precision == "bf16"),
        common_(config.sharing == "common" && !config.environments.empty()),
        head_hidden_(parameters, "head.0", bfloat16_),
        head_output_(parameters, "head.3", bfloat16_),
        buffers_(config, parameters.flat().options()),
        risks_(config.environments.size() + 2) {
    for (const Modality& modality : config.modalities) {
      const std::string encoder = "encoders." + modality.name,
                        decoder = "decoders." + modality.name;
      networks_.push_back({
          {parameters, encoder + ".0", bfloat16_},
          {parameters, encoder + ".3", bfloat16_},
          {parameters, decoder + ".0", bfloat16_},
          {parameters, decoder + ".2", bfloat16_},
      });
    }
    for (const double intensity : environments_.intensities) {
      scales_.push_back(static_cast<Value>(static_cast<float>(intensity)));
    }
  }

  void run(const StepBatch& batch, int64_t step, std::span<double> terms) override {
    buffers_.reserve(environments() * batch.size);
    batch_ = batch.size;
    rows_ = environments() * batch_;
    index_ = batch.rows;
    step_ = static_cast<uint32_t>(step);
    std::fill(terms.begin(), terms.end(), 0.0);

    for (size_t m = 0; m < networks_.size(); ++m) {
      encode(m, batch);
      constrain(m, terms);
      if (config_.weights.reconstruction > 0) reconstruct(m, terms);
    }
    differentiate_head(batch, terms);
    for (size_t m = 0; m < networks_.size(); ++m) {
      differentiate_encoder(m);
      const at::Tensor& gradient = batch.inputs[m].gradient;
      if (gradient.defined()) {
        networks_[m].encoder_hidden.differentiate_input(
            rows_, buffers_.hidden_gradient, gradient.template mutable_data_ptr<Value>()
        );
      }
    }
    terms[0] = total(terms);
  }

  void predict(const StepBatch& batch, const at::Tensor& out) override {
    const int64_t size = batch.size;
    const EnvironmentLists clean({});
    buffers_.reserve(size);
    batch_ = size;
    index_ = batch.rows;
    step_ = 0;
    for (size_t m = 0; m < networks_.size(); ++m) {
      const Activations<Value>& a = buffers_.modalities[m];
      const StepInput& input = batch.inputs[m];
      const Value* x = input.values.template const_data_ptr<Value>();
      if (input.rows != nullptr) {
        perturb_cpu(perturb_arguments(m, input, clean), x, a.x);
        x = a.x;
      }
      const Networks& n = networks_[m];
      n.encoder_hidden.evaluate(
          size, x, buffers_.hidden, n.encoder_hidden.outputs, n.encoder_hidden.outputs
      );
      hidden_forward_cpu(hidden_arguments(0, 1, 0), buffers_.hidden);
      n.encoder_output.evaluate(size, buffers_.hidden, a.z, 2 * latent(), latent());
    }
    run_head(size, hidden_arguments(0, 1, 0), false);
    const int64_t outputs = head_output_.outputs;
    head_output_.evaluate(
        size, buffers_.hidden, out.template mutable_data_ptr<Value>(), outputs, outputs
    );
  }

  int64_t memory() const override { return buffers_.bytes(); }

 private:
  struct Networks {
    Linear<Value> encoder_hidden, encoder_output, decoder_hidden, decoder_output;
  };

  int64_t environments() const { return 1 + static_cast<int64_t>(environments_.kinds.size()); }
  int64_t latent() const { return config_.model.latent; }

  HiddenArguments hidden_arguments(int64_t layer, int64_t environments, double probability) const {
    return {
        .environments = environments,
        .batch = batch_,
        .columns = config_.model.hidden,
        .index = index_,
        .step = step_,
        .key = key_,
        .layer = layer,
        .probability = probability,
    };
  }

  PerturbArguments perturb_arguments(
      size_t m, const StepInput& input, const EnvironmentLists& noisy
  ) const {
    return {
        .rows = batch_,
        .columns = config_.modalities[m].features,
        .source = input.rows,
        .index = index_,
        .step = step_,
        .key = key_,
        .modality = static_cast<int64_t>(m),
        .modalities = static_cast<int64_t>(networks_.size()),
        .environments = static_cast<int64_t>(noisy.kinds.size()),
        .kinds = noisy.kinds.data(),
        .intensities = noisy.intensities.data(),
        .scale = input.scale.defined() ? input.scale.template const_data_ptr<float>() : nullptr,
    };
  }

  void encode(size_t m, const StepBatch& batch) {
    Activations<Value>& a = buffers_.modalities[m];
    const Networks& n = networks_[m];
    const StepInput& input = batch.inputs[m];
    a.input = a.x;
    if (input.ready()) {
      a.input = input.values.template const_data_ptr<Value>();
      n.encoder_hidden.forward(rows_, a.input, a.hidden);
    } else if (common_) {
      encode_common(m, input);
    } else {
      perturb_cpu(
          perturb_arguments(m, input, environments_),
          input.values.template const_data_ptr<Value>(),
          a.x
      );
      n.encoder_hidden.forward(rows_, a.x, a.hidden);
    }
    hidden_forward_cpu(
        hidden_arguments(static_cast<int64_t>(m), environments(), config_.model.dropout), a.hidden
    );
    n.encoder_output.forward(rows_, a.hidden, a.z);
  }

  /**
   * With x_e = x + s_e n, one draw n for all environments, the first layer needs two products
   * instead of E: W x_e + b = (W x + b) + s_e W n.
   */
  void encode_common(size_t m, const StepInput& input) {
    const Activations<Value>& a = buffers_.modalities[m];
    const Linear<Value>& layer = networks_[m].encoder_hidden;
    const PerturbArguments arguments = perturb_arguments(m, input, common_draw_);
    // x, then x + n
    perturb_cpu(arguments, input.values.template const_data_ptr<Value>(), a.noise);
    const int64_t size = batch_ * arguments.columns;
    Value* noise = a.noise + size;
    subtract_cpu(size, a.noise, noise);
    if (config_.weights.reconstruction > 0) spread_cpu(size, a.noise, noise, scales_, a.x);
    Value *clean = buffers_.hidden_gradient,
          *along = buffers_.hidden_gradient + batch_ * layer.outputs;
    layer.forward(batch_, a.noise, clean);
    layer.forward_without_bias(batch_, noise, along);
    spread_cpu(batch_ * layer.outputs, clean, along, scales_, a.hidden);
  }

  /** Its weight's gradient: (sum_e g_e)^T x + (sum_e s_e g_e)^T n. */
  void differentiate_common(size_t m) {
    const Activations<Value>& a = buffers_.modalities[m];
    const Linear<Value>& layer = networks_[m].encoder_hidden;
    const int64_t size = batch_ * layer.outputs;
    Value *clean = buffers_.hidden, *along = buffers_.hidden + size;
    weighted_sums_cpu(size, buffers_.hidden_gradient, scales_, clean, along);
    layer.differentiate_weight(batch_, clean, a.noise);
    layer.differentiate_weight(batch_, along, a.noise + batch_ * layer.inputs, true);
  }

  /** R_inv and R_dec, whose gradients begin z_gradient. */
  void constrain(size_t m, std::span<double> terms) {
    const Activations<Value>& a = buffers_.modalities[m];
    const int64_t d = latent(), e = environments();
    const double invariance = config_.weights.invariance,
                 decorrelation = config_.weights.decorrelation;
    if (invariance == 0 || decorrelation == 0) std::fill_n(a.z_gradient, rows_ * 2 * d, Value(0));
    if (invariance > 0) {
      const double scale = invariance_scale(e, batch_, d);
      const InvarianceArguments arguments = invariance_arguments(config_, e, batch_);
      *constraint(terms, 0, m) = scale * invariance_cpu(arguments, a.z, a.z_gradient);
    }
    if (decorrelation > 0) {
      const double scale = 1 / static_cast<double>(rows_);
      const DecorrelationArguments arguments = decorrelation_arguments(config_, e, batch_);
      const double value = decorrelation_cpu(
          arguments, a.z, a.z + d, a.z_gradient, a.z_gradient + d, buffers_.decorrelation
      );
      *constraint(terms, 1, m) = scale * value;
    }
  }

  /** R_rec: the decoder forward and backward; adds to z_gradient. */
  void reconstruct(size_t m, std::span<double> terms) {
    const Activations<Value>& a = buffers_.modalities[m];
    const Networks& n = networks_[m];
    const int64_t features = n.decoder_output.outputs;
    const HiddenArguments plain = hidden_arguments(0, environments(), 0);
    n.decoder_hidden.forward(rows_, a.z, buffers_.hidden);
    hidden_forward_cpu(plain, buffers_.hidden);
    n.decoder_output.forward(rows_, buffers_.hidden, buffers_.output);

    const double sum = reconstruction_cpu(
        reconstruction_arguments(config_, environments(), batch_, features),
        buffers_.output,
        a.input,
        buffers_.output,
        buffers_.column_parts,
        n.decoder_output.bias_gradient
    );
    *constraint(terms, 2, m) = reconstruction_scale(environments(), batch_, features) * sum;

    n.decoder_output.differentiate_weight(rows_, buffers_.output, buffers_.hidden);
    n.decoder_output.differentiate_input(rows_, buffers_.output, buffers_.hidden_gradient);
    hidden_backward_cpu(
        plain,
        buffers_.hidden,
        buffers_.hidden_gradient,
        buffers_.column_parts,
        n.decoder_hidden.bias_gradient
    );
    n.decoder_hidden.differentiate_weight(rows_, buffers_.hidden_gradient, a.z);
    n.decoder_hidden.differentiate_input(rows_, buffers_.hidden_gradient, a.z_gradient, true);
  }

  /** The head's hidden layer on the invariant halves of z, into buffers_.hidden. */
  void run_head(int64_t rows, const HiddenArguments& arguments, bool bfloat16) {
    const int64_t d = latent();
    const Linear<Value>& first = head_hidden_;
    for (size_t m = 0; m < networks_.size(); ++m) {
      const auto part = static_cast<int64_t>(m) * d;
      gemm(
          rows,
          first.outputs,
          d,
          row_major<Value>(buffers_.modalities[m].z, 2 * d),
          row_major(first.weight + part, first.inputs).transposed(),
          buffers_.hidden,
          first.outputs,
          {.out = m > 0, .row = m == 0 ? first.bias : nullptr, .bfloat16 = bfloat16}
      );
    }
    hidden_forward_cpu(arguments, buffers_.hidden);
  }

  /** The head forward and backward; adds to the invariant half of z_gradient. */
  void differentiate_head(const StepBatch& batch, std::span<double> terms) {
    // Environments lie one after another, so the clean one alone is the first rows.
    const int64_t used = config_.prediction.on == "clean" ? 1 : environments();
    const int64_t rows = used * batch_, d = latent();
    const auto modalities = static_cast<int64_t>(networks_.size());
    const HiddenArguments arguments = hidden_arguments(modalities, used, config_.model.dropout);
    const Linear<Value>& first = head_hidden_;
    const Linear<Value>& last = head_output_;
    run_head(rows, arguments, bfloat16_);
    last.forward(rows, buffers_.hidden, buffers_.output);

    const double* weights = config_.prediction.class_weights.data();
    const auto prediction =
        prediction_arguments<Value>(config_, rows, batch_, batch.rows, batch.targets, weights);
    const PredictionTerms found = prediction_cpu(prediction, buffers_.output, risks_.data());
    terms[1] = found.prediction;
    terms[2] = found.risk;
    terms[3] = found.consistency;

    column_sums_cpu(rows, last.outputs, buffers_.output, buffers_.column_parts, last.bias_gradient);
    last.differentiate_weight(rows, buffers_.output, buffers_.hidden);
    last.differentiate_input(rows, buffers_.output, buffers_.hidden_gradient);
    hidden_backward_cpu(
        arguments,
        buffers_.hidden,
        buffers_.hidden_gradient,
        buffers_.column_parts,
        first.bias_gradient
    );
    for (int64_t m = 0; m < modalities; ++m) {
      const Activations<Value>& a = buffers_.modalities[static_cast<size_t>(m)];
      gemm(
          first.outputs,
          d,
          rows,
          row_major<Value>(buffers_.hidden_gradient, first.outputs).transposed(),
          row_major<Value>(a.z, 2 * d),
          first.weight_gradient + m * d,
          first.inputs,
          {.bfloat16 = bfloat16_}
      );
      gemm(
          rows,
          d,
          first.outputs,
          row_major<Value>(buffers_.hidden_gradient, first.outputs),
          row_major(first.weight + m * d, first.inputs),
          a.z_gradient,
          2 * d,
          {.out = true, .bfloat16 = bfloat16_}
      );
    }
  }

  void differentiate_encoder(size_t m) {
    const Activations<Value>& a = buffers_.modalities[m];
    const Networks& n = networks_[m];
    column_sums_cpu(
        rows_, 2 * latent(), a.z_gradient, buffers_.column_parts, n.encoder_output.bias_gradient
    );
    n.encoder_output.differentiate_weight(rows_, a.z_gradient, a.hidden);
    n.encoder_output.differentiate_input(rows_, a.z_gradient, buffers_.hidden_gradient);
    hidden_backward_cpu(
        hidden_arguments(static_cast<int64_t>(m), environments(), config_.model.dropout),
        a.hidden,
        buffers_.hidden_gradient,
        buffers_.column_parts,
        n.encoder_hidden.bias_gradient
    );
    if (common_) {
      differentiate_common(m);
    } else {
      n.encoder_hidden.differentiate_weight(rows_, buffers_.hidden_gradient, a.input);
    }
  }

  /** Where the kind-th constraint of a modality tells its value. */
  template <class Terms>
  auto* constraint(const Terms& terms, size_t kind, size_t m) const {
    return terms.data() + kSharedTerms + kind * networks_.size() + m;
  }

  double total(std::span<const double> terms) const {
    const auto sum = [&](size_t kind) {
      const double* begin = constraint(terms, kind, 0);
      return std::accumulate(begin, begin + networks_.size(), 0.0);
    };
    const Weights& weights = config_.weights;
    return terms[1] + weights.risk * terms[2] + weights.consistency * terms[3] +
           weights.invariance * sum(0) + weights.decorrelation * sum(1) +
           weights.reconstruction * sum(2);
  }

  const TrainerConfig config_;
  const EnvironmentLists environments_, common_draw_;
  std::vector<Value> scales_{0};  // intensities, the clean environment's first
  const PhiloxKey key_;
  const bool bfloat16_, common_;
  std::vector<Networks> networks_;
  Linear<Value> head_hidden_, head_output_;
  Buffers<Value> buffers_;
  std::vector<double> risks_;  // [E + 1]

  // The batch at hand.
  int64_t batch_ = 0, rows_ = 0;
  const int64_t* index_ = nullptr;
  uint32_t step_ = 0;
};

}  // namespace

std::unique_ptr<Step> make_step(const TrainerConfig& config, const Parameters& parameters) {
  if (config.precision == "float64") return std::make_unique<CpuStep<double>>(config, parameters);
  return std::make_unique<CpuStep<float>>(config, parameters);
}

}  // namespace cmir
