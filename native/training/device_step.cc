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
        gradients_of_batch_(parameters.gradients()),
        step_(at::zeros({}, options_.dtype(at::kLong))),
        draw_(accumulates() ? at::zeros_like(step_) : step_),
        rate_now_(config.optimizer.learning_rate),
        rate_(at::full({}, rate_now_, options_.dtype(at::kDouble))),
        share_(at::zeros({}, options_)),
        accumulated_(accumulates() ? at::zeros_like(parameters_) : at::Tensor()),
        update_(at::zeros({4}, options_.dtype(at::kDouble))),
        sums_(at::zeros({term_count(config)}, options_.dtype(at::kDouble))),
        gradients_(config, parameters, factors_, draw_),
        adamw_{
            .learning_rate = rate_.template const_data_ptr<double>(),
            .weight_decay = config.optimizer.weight_decay,
            .clip_norm = config.optimizer.clip_norm,
            .spared = optimizer.spared().defined()
                          ? optimizer.spared().template const_data_ptr<bool>()
                          : nullptr,
            .size = parameters.flat().numel(),
            .parameters = parameters.flat().template mutable_data_ptr<Value>(),
            .gradients = (accumulates() ? accumulated_ : parameters.gradients())
                             .template const_data_ptr<Value>(),
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
    if (accumulates()) {
      draw_.fill_(first_draw(config_, step));
      accumulated_.zero_();
    }
    if constexpr (kRounds) factors_.copy_(parameters_);
  }

  void differentiate(
      const at::Tensor& rows, const std::vector<ModalityBatch>& features, double weight
  ) override {
    place(rows, features);
    gradients_.queue(rows.numel());
    queue_end(weight, false);
  }

  void train(
      const at::Tensor& rows, const std::vector<ModalityBatch>& features, double rate
  ) override {
    set_rate(rate);
    run(rows, features);
  }

  void accumulate(
      const at::Tensor& rows, const std::vector<ModalityBatch>& features, double share
  ) override {
    share_.fill_(share);
    run(rows, features);
  }

  void update(double rate) override {
    set_rate(rate);
    queue_update();
    accumulated_.zero_();
    step_.add_(1);
    // The draws that a smaller step left are skipped.
    draw_.copy_(step_ * config_.optimizer.accumulation);
  }

  const at::Tensor& sums() const override { return sums_; }

  int64_t memory() const override {
    size_t bytes = kRounds ? factors_.nbytes() : 0;
    if (accumulates()) bytes += accumulated_.nbytes();
    return gradients_.bytes() + static_cast<int64_t>(bytes);
  }

 private:
  using Memory = DeviceBuffers<Value, Factor>;
  static constexpr bool kRounds = Memory::kRounds;

  bool accumulates() const { return config_.optimizer.accumulation > 1; }

  /** Graphs read the rate where it lies. */
  void set_rate(double rate) {
    if (rate != rate_now_) rate_.fill_(rate);
    rate_now_ = rate;
  }

  /** Queues a batch, from its size's second time on as a graph. */
  void run(const at::Tensor& rows, const std::vector<ModalityBatch>& features) {
    place(rows, features);
    const int64_t size = rows.numel();
    if (graphs_.size() >= kMaxGraphs && !graphs_.contains(size)) graphs_.clear();
    const auto [entry, is_new] = graphs_.try_emplace(size);
    if (is_new) {
      // Once as it is: what the libraries set up at first use is no part of a graph.
      queue_batch(size);
      return;
    }
    std::unique_ptr<Graph>& graph = entry->second;
    if (graph == nullptr) {
      gradients_.warm_up();
      auto captured = std::make_unique<Graph>();
      captured->capture([this, size] { queue_batch(size); });
      graph = std::move(captured);
    }
    graph->replay();
  }

  /** Puts the batch where graphs read it. */
  void place(const at::Tensor& rows, const std::vector<ModalityBatch>& features) {
    if (gradients_.place(rows, features)) graphs_.clear();
  }

  /** The whole step, or one of its batches. */
  void queue_batch(int64_t size) {
    gradients_.queue(size);
    if (accumulates()) {
      at::Tensor sum = accumulated_;
      sum.addcmul_(gradients_of_batch_, share_);
    } else {
      queue_update();
    }
    queue_end(static_cast<double>(size), true);
  }

  void queue_update() {
    adamw_cuda(
        adamw_,
        step_.template const_data_ptr<int64_t>(),
        update_.template mutable_data_ptr<double>(),
        gradients_.scratch().get(),
        current_stream()
    );
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
        draw_.template mutable_data_ptr<int64_t>(),
        current_stream()
    );
  }

  const TrainerConfig config_;
  const at::TensorOptions options_;
  const at::Tensor parameters_, factors_;  // flat; factors_ as products read them
  const at::Tensor gradients_of_batch_;    // flat
  const at::Tensor step_, draw_;           // int64 [], the same without accumulation
  double rate_now_;
  const at::Tensor rate_;           // float64 []
  const at::Tensor share_;          // [], of the batch in its step
  const at::Tensor accumulated_;    // flat; undefined without accumulation
  const at::Tensor update_, sums_;  // float64
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
