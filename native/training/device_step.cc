#include "training/device_step.h"

#include <ATen/ATen.h>

#include <map>

#include "training/device_gradients.h"
#include "training/graph.h"
#include "training/kernels.h"

namespace cmir {
namespace {

// Batch sizes whose graphs are kept: the whole batch, an epoch's last one, and some to spare.
constexpr size_t kMaxGraphs = 8;

/** Steps of DeviceGradients, clipping and AdamW, captured as a graph for each size of a batch. */
template <class Value, class Factor>
class GraphedStep final : public DeviceStep {
 public:
  GraphedStep(const TrainerConfig& config, const Parameters& parameters, const Optimizer& optimizer)
      : config_(config),
        options_(parameters.flat().options()),
        parameters_(parameters.flat()),
        factors_(
            kRounds ? at::empty_like(parameters_, c10::CppTypeToScalarType<Factor>::value)
                    : parameters_
        ),
        step_(at::zeros({}, options_.dtype(at::kLong))),
        update_(at::zeros({4}, options_.dtype(at::kDouble))),
        sums_(at::zeros({term_count(config)}, options_.dtype(at::kDouble))),
        gradients_(config, parameters, factors_, step_),
        adamw_{
            .learning_rate = config.optimizer.learning_rate,
            .weight_decay = config.optimizer.weight_decay,
            .clip_norm = config.optimizer.clip_norm,
            .size = parameters.flat().numel(),
            .parameters = parameters.flat().template mutable_data_ptr<Value>(),
            .gradients = parameters.gradients().template const_data_ptr<Value>(),
            .exp_avg = optimizer.exp_avg.template mutable_data_ptr<Value>(),
            .exp_avg_sq = optimizer.exp_avg_sq.template mutable_data_ptr<Value>(),
            .rounded = Memory::rounded(factors_),
        } {}

  void bind(
      const std::vector<at::Tensor>& features,
      const std::vector<at::Tensor>& scales,
      const at::Tensor& targets
  ) override {
    graphs_.clear();  // they read the data where it was
    gradients_.bind(features, scales, targets);
  }

  void begin(int64_t step) override {
    step_.fill_(step);
    sums_.zero_();
    if constexpr (kRounds) factors_.copy_(parameters_);
  }

  void differentiate(
      const at::Tensor& rows, const std::vector<ModalityBatch>& features, double weight
  ) override {
    place(rows, features);
    gradients_.queue(rows.numel());
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
      gradients_.warm_up();
      auto captured = std::make_unique<Graph>();
      captured->capture([this, size] { queue_step(size); });
      graph = std::move(captured);
    }
    graph->replay();
  }

  const at::Tensor& sums() const override { return sums_; }

  int64_t memory() const override {
    return gradients_.bytes() + static_cast<int64_t>(kRounds ? factors_.nbytes() : 0);
  }

 private:
  using Memory = DeviceBuffers<Value, Factor>;
  static constexpr bool kRounds = Memory::kRounds;

  /** Puts the batch where graphs read it. */
  void place(const at::Tensor& rows, const std::vector<ModalityBatch>& features) {
    if (gradients_.place(rows, features)) graphs_.clear();
  }

  void queue_step(int64_t size) {
    gradients_.queue(size);
    adamw_cuda(
        adamw_,
        step_.template const_data_ptr<int64_t>(),
        update_.template mutable_data_ptr<double>(),
        gradients_.scratch().get(),
        current_stream()
    );
    queue_end(static_cast<double>(size), true);
  }

  /** The loss from its terms, their sums, and with `counts` the step's number. */
  void queue_end(double examples, bool counts) {
    const Weights& weights = config_.weights;
    const StepTotals totals{
        .modalities = static_cast<int64_t>(config_.modalities.size()),
        .risk = weights.risk,
        .consistency = weights.consistency,
        .weights = {weights.invariance, weights.decorrelation, weights.reconstruction},
        .examples = examples,
        .counts = counts,
    };
    finish_step_cuda(
        totals,
        gradients_.terms().template mutable_data_ptr<double>(),
        sums_.template mutable_data_ptr<double>(),
        step_.template mutable_data_ptr<int64_t>(),
        current_stream()
    );
  }

  const TrainerConfig config_;
  const at::TensorOptions options_;
  const at::Tensor parameters_, factors_;  // flat; factors_ as products read them
  const at::Tensor step_;                  // int64 []
  const at::Tensor update_, sums_;         // float64
  DeviceGradients<Value, Factor> gradients_;
  const AdamwArguments<Value> adamw_;
  std::map<int64_t, std::unique_ptr<Graph>> graphs_;  // by batch size; null until its second step
};

}  // namespace

std::unique_ptr<DeviceStep> make_device_step(
    const TrainerConfig& config, const Parameters& parameters, const Optimizer& optimizer
) {
  if (config.precision == "float64") {
    return std::make_unique<GraphedStep<double, double>>(config, parameters, optimizer);
  }
  if (config.precision == "bf16") {
    return std::make_unique<GraphedStep<float, c10::BFloat16>>(config, parameters, optimizer);
  }
  return std::make_unique<GraphedStep<float, float>>(config, parameters, optimizer);
}

}  // namespace cmir
