#include "training/device_step.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <map>
#include <mutex>

#include "base/scratch.h"
#include "ops/decorrelation/launch.h"
#include "ops/dropout/kernel.h"
#include "ops/invariance/kernel.h"
#include "ops/perturb/kernel.h"
#include "ops/reconstruction/kernel.h"
#include "training/arguments.h"
#include "training/environments.h"
#include "training/graph.h"
#include "training/kernels.h"
#include "training/step.h"

namespace cmir {
namespace {

// Batch sizes whose graphs are kept: the whole batch, an epoch's last one, and some to spare.
constexpr size_t kMaxGraphs = 8;

/**
 * While it lives, LibTorch's float32 products on CUDA devices are rounded as asked. The setting
 * belongs to the process: those who queue products take turns.
 */
class ProductPrecision {
 public:
  explicit ProductPrecision(bool tf32) : lock_(mutex()), before_(precision()) {
    at::globalContext().setFloat32MatmulPrecision(tf32 ? "high" : "highest");
  }
  ~ProductPrecision() { at::globalContext().setFloat32MatmulPrecision(before_); }
  ProductPrecision(const ProductPrecision&) = delete;
  ProductPrecision& operator=(const ProductPrecision&) = delete;

 private:
  static std::mutex& mutex() {
    static std::mutex all;
    return all;
  }
  static std::string precision() {
    switch (at::globalContext().float32MatmulPrecision()) {
      case at::Float32MatmulPrecision::HIGHEST:
        return "highest";
      case at::Float32MatmulPrecision::HIGH:
        return "high";
      case at::Float32MatmulPrecision::MEDIUM:
        return "medium";
    }
    return "highest";
  }
  std::lock_guard<std::mutex> lock_;
  std::string before_;
};

/** A linear layer, y = x weight^T + bias, with its backward written out. */
struct Layer {
  at::Tensor weight, bias;                    // [outputs, inputs], [outputs]
  at::Tensor weight_gradient, bias_gradient;  // the same

  Layer(const Parameters& parameters, const std::string& name)
      : weight(parameters[name + ".weight"].detach()),
        bias(parameters[name + ".bias"].detach()),
        weight_gradient(parameters[name + ".weight"].grad()),
        bias_gradient(parameters[name + ".bias"].grad()) {}

  /** out [rows, outputs] = x weight^T + bias. */
  void forward(const at::Tensor& x, at::Tensor out) const {
    at::addmm_out(out, bias, x, weight.t());
  }

  /** The weight's gradient: gradient^T x, gradient [rows, outputs], x [rows, inputs]. */
  void differentiate_weight(const at::Tensor& gradient, const at::Tensor& x) const {
    at::Tensor out = weight_gradient;
    at::mm_out(out, gradient.t(), x);
  }

  /** out [rows, inputs] = gradient weight, added to what is there with `adds`. */
  void differentiate_input(const at::Tensor& gradient, at::Tensor out, bool adds = false) const {
    if (adds) {
      at::addmm_out(out, out, gradient, weight);
    } else {
      at::mm_out(out, gradient, weight);
    }
  }
};

template <class Value>
class GraphedStep final : public DeviceStep {
 public:
  GraphedStep(const TrainerConfig& config, const Parameters& parameters, const Optimizer& optimizer)
      : config_(config),
        environments_(config.environments),
        key_(PhiloxKey::from_seed(static_cast<uint64_t>(config.seed))),
        options_(parameters.flat().options()),
        adamw_{
            .learning_rate = config.optimizer.learning_rate,
            .weight_decay = config.optimizer.weight_decay,
            .clip_norm = config.optimizer.clip_norm,
            .size = parameters.flat().numel(),
            .parameters = parameters.flat().template mutable_data_ptr<Value>(),
            .gradients = parameters.gradients().template const_data_ptr<Value>(),
            .exp_avg = optimizer.exp_avg.template mutable_data_ptr<Value>(),
            .exp_avg_sq = optimizer.exp_avg_sq.template mutable_data_ptr<Value>(),
        },
        head_hidden_(parameters, "head.0"),
        head_output_(parameters, "head.3"),
        widest_(std::max({config.model.hidden, 2 * config.model.latent, config.outputs})) {
    for (const Modality& modality : config.modalities) {
      const std::string encoder = "encoders." + modality.name,
                        decoder = "decoders." + modality.name;
      networks_.push_back({
          {parameters, encoder + ".0"},
          {parameters, encoder + ".3"},
          {parameters, decoder + ".0"},
          {parameters, decoder + ".2"},
      });
      widest_ = std::max(widest_, modality.features);
    }
    buffers_.resize(networks_.size());
    scratch_ = std::make_unique<Scratch>(widest_, options_);
    // Terms of constraints that are off stay 0.
    terms_ = at::zeros({term_count(config)}, options_.dtype(at::kDouble));
    sums_ = at::zeros_like(terms_);
    factors_ = at::zeros({4}, options_.dtype(at::kDouble));
    step_ = at::zeros({}, options_.dtype(at::kLong));
  }

  void bind(const std::vector<at::Tensor>& features, const at::Tensor& targets) override {
    graphs_.clear();  // they read the data where it was
    capacity_ = 0;    // batches may need memory for features of their own now
    features_ = features;
    targets_ = targets;
  }

  void begin(int64_t step) override {
    step_.fill_(step);
    sums_.zero_();
  }

  void differentiate(
      const at::Tensor& rows, const std::vector<ModalityBatch>& features, double weight
  ) override {
    place(rows, features);
    queue_gradients(rows.numel());
    queue_end(weight, false);
  }

  void train(const at::Tensor& rows, const std::vector<ModalityBatch>& features) override {
    place(rows, features);
    const int64_t size = rows.numel();
    if (graphs_.size() >= kMaxGraphs && !graphs_.contains(size)) graphs_.clear();
    const auto [entry, is_new] = graphs_.try_emplace(size);
    if (is_new) {
      // Once as it is: what the libraries set up at first use is no part of a graph.
      queue_step(size);
      return;
    }
    std::unique_ptr<Graph>& graph = entry->second;
    if (graph == nullptr) {
      warm_up();
      auto captured = std::make_unique<Graph>();
      captured->capture([this, size] { queue_step(size); });
      graph = std::move(captured);
    }
    graph->replay();
  }

  const at::Tensor& sums() const override { return sums_; }

  int64_t memory() const override {
    size_t bytes = rows_.defined() ? rows_.nbytes() : 0;
    const auto add = [&bytes](const at::Tensor& tensor) {
      if (tensor.defined()) bytes += tensor.nbytes();
    };
    for (const Buffers& b : buffers_) {
      for (const at::Tensor& tensor : {b.own, b.x, b.hidden, b.z, b.z_gradient}) add(tensor);
    }
    for (const auto& tensor : {hidden_, hidden_gradient_, output_, decorrelation_}) add(tensor);
    return static_cast<int64_t>(bytes) + scratch_->bytes();
  }

 private:
  struct Networks {
    Layer encoder_hidden, encoder_output, decoder_hidden, decoder_output;
  };
  /** What the backward pass needs of a modality: flat, seen as matrices of the rows at hand. */
  struct Buffers {
    at::Tensor own;         // [B, D], features that the batch brought with it, or undefined
    at::Tensor x;           // [R, D], R = E B
    at::Tensor hidden;      // [R, H]
    at::Tensor z;           // [R, 2d], the first half invariant
    at::Tensor z_gradient;  // [R, 2d]
  };
  /** The same for the rows at hand. */
  struct Activations {
    at::Tensor x, hidden, z, z_gradient;
  };

  int64_t environments() const { return 1 + static_cast<int64_t>(environments_.kinds.size()); }
  int64_t latent() const { return config_.model.latent; }
  int64_t width(size_t m) const { return config_.modalities[m].features; }

  static at::Tensor matrix(const at::Tensor& buffer, int64_t rows, int64_t columns) {
    return buffer.narrow(0, 0, rows * columns).view({rows, columns});
  }
  static Value* data(const at::Tensor& tensor) { return tensor.template mutable_data_ptr<Value>(); }
  Activations activations(size_t m) const {
    const Buffers& b = buffers_[m];
    return {
        matrix(b.x, all_, width(m)),
        matrix(b.hidden, all_, config_.model.hidden),
        matrix(b.z, all_, 2 * latent()),
        matrix(b.z_gradient, all_, 2 * latent()),
    };
  }
  /** Where the kind-th constraint of a modality tells its value. */
  double* term(size_t kind, size_t m) const {
    return terms_.template mutable_data_ptr<double>() + 2 + kind * networks_.size() + m;
  }
  const int64_t* step_number() const { return step_.template const_data_ptr<int64_t>(); }
  const int64_t* rows() const { return rows_.template const_data_ptr<int64_t>(); }

  /** Copies the batch's rows, and features of its own, to where graphs read them, in memory for so
   * many. */
  void place(const at::Tensor& rows, const std::vector<ModalityBatch>& features) {
    TORCH_CHECK_VALUE(targets_.defined(), "the uploaded data has no targets");
    const int64_t size = rows.numel();
    if (size > capacity_) {
      graphs_.clear();
      const int64_t all = environments() * size, hidden = config_.model.hidden;
      for (size_t m = 0; m < buffers_.size(); ++m) {
        const auto flat = [&](int64_t columns) { return at::empty({all * columns}, options_); };
        buffers_[m] = {
            features_[m].defined() ? at::Tensor() : at::empty({size * width(m)}, options_),
            flat(width(m)),
            flat(hidden),
            flat(2 * latent()),
            flat(2 * latent())
        };
      }
      hidden_ = at::empty({all * hidden}, options_);
      hidden_gradient_ = at::empty({all * hidden}, options_);
      output_ = at::empty({all * widest_}, options_);
      decorrelation_ =
          at::empty({DecorrelationMemory::elements(environments(), size, latent())}, options_);
      rows_ = at::empty({size}, options_.dtype(at::kLong));
      capacity_ = size;
    }
    rows_.narrow(0, 0, size).copy_(rows);
    for (size_t m = 0; m < buffers_.size(); ++m) {
      if (features_[m].defined()) continue;
      matrix(buffers_[m].own, size, width(m)).copy_(features[m].values);
    }
  }

  /**
   * One product of each form, which is of no use: what cuBLAS sets up at a thread's first product
   * on a stream cannot be recorded, and this call may be another thread's than the last.
   */
  void warm_up() const {
    const at::Tensor any = at::zeros({16, 16}, options_), row = at::zeros({16}, options_);
    at::Tensor out = at::empty_like(any);
    at::mm_out(out, any, any);
    at::addmm_out(out, row, any, any);
    at::addmm_out(out, out, any, any);
    const at::Tensor batch = any.unsqueeze(0);
    at::bmm(batch, batch);
  }

  void queue_step(int64_t size) {
    queue_gradients(size);
    adamw_cuda(
        adamw_,
        step_number(),
        factors_.template mutable_data_ptr<double>(),
        scratch_->get(),
        current_stream()
    );
    queue_end(static_cast<double>(size), true);
  }

  /** The loss from its terms, their sums, and with `counts` the step's number. */
  void queue_end(double examples, bool counts) {
    const auto& [invariance, decorrelation, reconstruction] = config_.weights;
    const StepTotals totals{
        .modalities = static_cast<int64_t>(networks_.size()),
        .weights = {invariance, decorrelation, reconstruction},
        .examples = examples,
        .counts = counts,
    };
    finish_step_cuda(
        totals,
        terms_.template mutable_data_ptr<double>(),
        sums_.template mutable_data_ptr<double>(),
        step_.template mutable_data_ptr<int64_t>(),
        current_stream()
    );
  }

  void queue_gradients(int64_t size) {
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
  void hidden_forward(const HiddenArguments& arguments, const at::Tensor& x) const {
    hidden_forward_cuda(arguments, step_number(), data(x), current_stream());
  }
  void hidden_backward(
      const HiddenArguments& arguments,
      const at::Tensor& x,
      const at::Tensor& gradient,
      const Layer& layer
  ) const {
    hidden_backward_cuda(
        arguments,
        static_cast<const Value*>(data(x)),
        data(gradient),
        data(layer.bias_gradient),
        scratch_->get(),
        current_stream()
    );
  }
  void sum_columns(const at::Tensor& gradient, const Layer& layer) const {
    column_sums_cuda(
        gradient.size(0),
        gradient.size(1),
        static_cast<const Value*>(data(gradient)),
        data(layer.bias_gradient),
        scratch_->get(),
        current_stream()
    );
  }

  void encode(size_t m) {
    const Activations a = activations(m);
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
    };
    perturb_cuda(
        arguments,
        step_number(),
        static_cast<const Value*>(data(bound ? features_[m] : buffers_[m].own)),
        data(a.x),
        current_stream()
    );
    n.encoder_hidden.forward(a.x, a.hidden);
    hidden_forward(
        hidden_arguments(static_cast<int64_t>(m), environments(), config_.model.dropout), a.hidden
    );
    n.encoder_output.forward(a.hidden, a.z);
  }

  /** R_inv and R_dec, whose gradients begin z_gradient. */
  void constrain(size_t m) {
    const Activations a = activations(m);
    const int64_t d = latent(), e = environments();
    const auto& [invariance, decorrelation, reconstruction] = config_.weights;
    if (invariance == 0 || decorrelation == 0) a.z_gradient.zero_();
    if (invariance > 0) {
      const double scale = invariance_scale(e, batch_, d);
      const InvarianceArguments arguments = invariance_arguments(config_, e, batch_);
      invariance_cuda(
          arguments,
          static_cast<const Value*>(data(a.z)),
          data(a.z_gradient),
          scale,
          term(0, m),
          scratch_->get(),
          current_stream()
      );
    }
    if (decorrelation > 0) {
      const double scale = 1 / static_cast<double>(all_);
      const DecorrelationArguments arguments = decorrelation_arguments(config_, e, batch_);
      DecorrelationMemory memory(e, batch_, d, decorrelation_);
      const Value* z = data(a.z);
      Value* gradient = data(a.z_gradient);
      decorrelation_on_stream(
          arguments, z, z + d, gradient, gradient + d, memory, scale, term(1, m), scratch_->get()
      );
    }
  }

  /** R_rec: the decoder forward and backward; adds to z_gradient. */
  void reconstruct(size_t m) {
    const Activations a = activations(m);
    const Networks& n = networks_[m];
    const int64_t columns = width(m);
    const HiddenArguments plain = hidden_arguments(0, environments(), 0);
    const at::Tensor hidden = matrix(hidden_, all_, config_.model.hidden),
                     hidden_gradient = matrix(hidden_gradient_, all_, config_.model.hidden),
                     output = matrix(output_, all_, columns);
    n.decoder_hidden.forward(a.z, hidden);
    hidden_forward(plain, hidden);
    n.decoder_output.forward(hidden, output);

    const double scale = 1 / static_cast<double>(all_ * columns);
    const ReconstructionArguments arguments{
        .environments = environments(),
        .rows = batch_,
        .columns = columns,
        .shared_target = config_.reconstruction.target == "clean",
        .gradient_scale = 2 * scale * config_.weights.reconstruction,
    };
    reconstruction_cuda(
        arguments,
        static_cast<const Value*>(data(output)),
        static_cast<const Value*>(data(a.x)),
        data(output),
        data(n.decoder_output.bias_gradient),
        scale,
        term(2, m),
        scratch_->get(),
        current_stream()
    );

    n.decoder_output.differentiate_weight(output, hidden);
    n.decoder_output.differentiate_input(output, hidden_gradient);
    hidden_backward(plain, hidden, hidden_gradient, n.decoder_hidden);
    n.decoder_hidden.differentiate_weight(hidden_gradient, a.z);
    n.decoder_hidden.differentiate_input(hidden_gradient, a.z_gradient, /*adds=*/true);
  }

  /** The head forward and backward; adds to the invariant half of z_gradient. */
  void differentiate_head() {
    // Environments lie one after another, so the clean one alone is the first rows.
    const int64_t used = config_.prediction.on == "clean" ? 1 : environments();
    const int64_t count = used * batch_, d = latent();
    const auto modalities = static_cast<int64_t>(networks_.size());
    const HiddenArguments arguments = hidden_arguments(modalities, used, config_.model.dropout);
    at::Tensor hidden = matrix(hidden_, count, config_.model.hidden);
    const at::Tensor hidden_gradient = matrix(hidden_gradient_, count, config_.model.hidden),
                     output = matrix(output_, count, config_.outputs);
    const auto invariant_half = [&](const at::Tensor& z) {
      return z.narrow(0, 0, count).narrow(1, 0, d);
    };

    for (int64_t m = 0; m < modalities; ++m) {
      const at::Tensor z = invariant_half(activations(static_cast<size_t>(m)).z);
      const at::Tensor columns = head_hidden_.weight.narrow(1, m * d, d).t();
      at::addmm_out(hidden, m == 0 ? head_hidden_.bias : hidden, z, columns);
    }
    hidden_forward(arguments, hidden);
    head_output_.forward(hidden, output);

    const bool classes = config_.prediction.loss == "crossEntropy";
    const PredictionArguments<Value> prediction{
        .loss = config_.prediction.loss,
        .rows = count,
        .batch = batch_,
        .outputs = config_.outputs,
        .example = rows(),
        .targets = classes ? nullptr : targets_.template const_data_ptr<Value>(),
        .classes = classes ? targets_.template const_data_ptr<int64_t>() : nullptr,
    };
    prediction_cuda(
        prediction,
        data(output),
        terms_.template mutable_data_ptr<double>() + 1,
        scratch_->get(),
        current_stream()
    );

    sum_columns(output, head_output_);
    head_output_.differentiate_weight(output, hidden);
    head_output_.differentiate_input(output, hidden_gradient);
    hidden_backward(arguments, hidden, hidden_gradient, head_hidden_);
    for (int64_t m = 0; m < modalities; ++m) {
      const Activations a = activations(static_cast<size_t>(m));
      at::Tensor weight_gradient = head_hidden_.weight_gradient.narrow(1, m * d, d);
      at::mm_out(weight_gradient, hidden_gradient.t(), invariant_half(a.z));
      at::Tensor z_gradient = invariant_half(a.z_gradient);
      at::addmm_out(
          z_gradient, z_gradient, hidden_gradient, head_hidden_.weight.narrow(1, m * d, d)
      );
    }
  }

  void differentiate_encoder(size_t m) {
    const Activations a = activations(m);
    const Networks& n = networks_[m];
    const at::Tensor hidden_gradient = matrix(hidden_gradient_, all_, config_.model.hidden);
    sum_columns(a.z_gradient, n.encoder_output);
    n.encoder_output.differentiate_weight(a.z_gradient, a.hidden);
    n.encoder_output.differentiate_input(a.z_gradient, hidden_gradient);
    hidden_backward(
        hidden_arguments(static_cast<int64_t>(m), environments(), config_.model.dropout),
        a.hidden,
        hidden_gradient,
        n.encoder_hidden
    );
    n.encoder_hidden.differentiate_weight(hidden_gradient, a.x);
  }

  const TrainerConfig config_;
  const EnvironmentLists environments_;
  const PhiloxKey key_;
  const at::TensorOptions options_;
  const AdamwArguments<Value> adamw_;
  std::vector<Networks> networks_;
  Layer head_hidden_, head_output_;
  int64_t widest_;

  std::vector<at::Tensor> features_;
  at::Tensor targets_;

  // What graphs read and write, for batches of up to `capacity_` rows.
  int64_t capacity_ = 0;
  std::vector<Buffers> buffers_;
  at::Tensor hidden_, hidden_gradient_;  // [R, H], used in turn
  at::Tensor output_;                    // [R, widest layer]
  at::Tensor decorrelation_;
  at::Tensor rows_;  // int64 [B]
  std::unique_ptr<Scratch> scratch_;
  at::Tensor terms_, sums_, factors_;                 // float64
  at::Tensor step_;                                   // int64 []
  std::map<int64_t, std::unique_ptr<Graph>> graphs_;  // by batch size; null until its second step

  // The batch that is queued.
  int64_t batch_ = 0, all_ = 0;
};

}  // namespace

std::unique_ptr<DeviceStep> make_device_step(
    const TrainerConfig& config, const Parameters& parameters, const Optimizer& optimizer
) {
  if (config.precision == "float64") {
    return std::make_unique<GraphedStep<double>>(config, parameters, optimizer);
  }
  return std::make_unique<GraphedStep<float>>(config, parameters, optimizer);
}

}  // namespace cmir
