#include "training/sequences.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <numeric>

#include "base/rows.h"
#include "model/pooling.h"
#include "ops/pool/kernel.h"

namespace cmir {
namespace {

int64_t bytes_of(std::initializer_list<at::Tensor> tensors) {
  size_t bytes = 0;
  for (const at::Tensor& tensor : tensors) bytes += tensor.storage().nbytes();
  return static_cast<int64_t>(bytes);
}

/** What all poolings know of their modality. */
struct Place {
  int64_t modality, modalities, features;
  at::TensorOptions options;

  Place(const TrainerConfig& config, size_t m, const Parameters& parameters)
      : modality(static_cast<int64_t>(m)),
        modalities(static_cast<int64_t>(config.modalities.size())),
        features(config.modalities[m].features),
        options(parameters.flat().options()) {}

  SequenceArguments arguments(const ModalityBatch& batch, const SequenceNoise& noise) const {
    return {
        .examples = batch.offsets.numel() - 1,
        .columns = features,
        .offsets = batch.offsets.const_data_ptr<int64_t>(),
        .index = noise.index,
        .step = static_cast<uint32_t>(noise.step),
        .key = PhiloxKey::from_seed(static_cast<uint64_t>(noise.seed)),
        .modality = modality,
        .modalities = modalities,
        .environments = static_cast<int64_t>(noise.environments.kinds.size()),
        .kinds = noise.environments.kinds.data(),
        .intensities = noise.environments.intensities.data(),
        .clean = noise.clean,
    };
  }
  at::Tensor empty() const { return at::empty({0}, options); }
};

template <class Value>
class MeanPooling final : public SequencePooling {
 public:
  explicit MeanPooling(const Place& place) : place_(place), out_(place.empty()) {}

  StepInput forward(const ModalityBatch& batch, const SequenceNoise& noise, bool) override {
    const SequenceArguments arguments = place_.arguments(batch, noise);
    out_.resize_({arguments.made(), arguments.examples, arguments.columns});
    mean_frames_cpu(
        arguments,
        batch.values.template const_data_ptr<Value>(),
        out_.template mutable_data_ptr<Value>()
    );
    return {.values = out_};
  }
  void backward() override {}
  int64_t memory() const override { return bytes_of({out_}); }

 private:
  const Place place_;
  at::Tensor out_;
};

template <class Value>
class AttentionPooling final : public SequencePooling {
 public:
  AttentionPooling(const Place& place, at::Tensor query)
      : place_(place),
        query_(std::move(query)),
        out_(place.empty()),
        weights_(place.empty()),
        gradient_(place.empty()),
        parts_(at::empty({RowChunks::kMaxChunks, place.features}, place.options)) {}

  StepInput forward(const ModalityBatch& batch, const SequenceNoise& noise, bool learns) override {
    arguments_ = place_.arguments(batch, noise);
    frames_ = batch.values;
    const int64_t made = arguments_.made();
    out_.resize_({made, arguments_.examples, arguments_.columns});
    if (learns) {
      weights_.resize_({made, frames_.size(0)});
      gradient_.resize_(out_.sizes());
    }
    attend_frames_cpu(
        arguments_,
        frames_.template const_data_ptr<Value>(),
        query_.template const_data_ptr<Value>(),
        learns ? weights_.template mutable_data_ptr<Value>() : nullptr,
        out_.template mutable_data_ptr<Value>()
    );
    return {.values = out_, .gradient = learns ? gradient_ : at::Tensor()};
  }

  void backward() override {
    const AttentionGradient<Value> gradient{
        .weights = weights_.template const_data_ptr<Value>(),
        .out = out_.template const_data_ptr<Value>(),
        .incoming = gradient_.template const_data_ptr<Value>(),
        .parts = parts_.template mutable_data_ptr<Value>(),
    };
    attend_frames_backward_cpu(
        arguments_,
        frames_.template const_data_ptr<Value>(),
        gradient,
        query_.grad().template mutable_data_ptr<Value>()
    );
  }

  int64_t memory() const override { return bytes_of({out_, weights_, gradient_, parts_}); }

 private:
  const Place place_;
  const at::Tensor query_;
  at::Tensor out_, weights_, gradient_, parts_;
  SequenceArguments arguments_{};
  at::Tensor frames_;
};

/** The frames of all copies of a batch's examples, time by time, those that last longest first: the
 * order that at::gru takes sequences of different lengths in. */
struct PackedOrder {
  at::Tensor examples;          // int64 [n], those that have frames, the longest first
  at::Tensor sizes;             // int64 [longest], copies that last so long
  std::vector<int64_t> starts;  // [longest], the first row of each time
  std::vector<int64_t> places;  // [B], an example's place in `examples`
  int64_t rows = 0;

  PackedOrder(const SequenceArguments& a) : places(static_cast<size_t>(a.examples), 0) {
    const auto length = [&](int64_t b) { return a.offsets[b + 1] - a.offsets[b]; };
    std::vector<int64_t> order(places.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int64_t x, int64_t y) {
      return length(x) > length(y);
    });
    while (!order.empty() && length(order.back()) == 0) order.pop_back();
    for (size_t i = 0; i < order.size(); ++i) {
      places[static_cast<size_t>(order[i])] = static_cast<int64_t>(i);
    }
    std::vector<int64_t> counts;
    auto lasting = static_cast<int64_t>(order.size());
    for (int64_t t = 0; lasting > 0; ++t) {
      while (lasting > 0 && length(order[static_cast<size_t>(lasting - 1)]) <= t) --lasting;
      if (lasting == 0) break;
      starts.push_back(rows);
      counts.push_back(lasting * a.made());
      rows += counts.back();
    }
    examples = at::tensor(order, at::kLong);
    sizes = at::tensor(counts, at::kLong);
  }
};

template <class Value>
class GruPooling final : public SequencePooling {
 public:
  GruPooling(const Place& place, std::vector<at::Tensor> parameters)
      : place_(place),
        parameters_(std::move(parameters)),
        hidden_(parameters_[1].size(1)),
        packed_(place.empty()),
        out_(place.empty()),
        gradient_(place.empty()) {}

  StepInput forward(const ModalityBatch& batch, const SequenceNoise& noise, bool learns) override {
    const SequenceArguments arguments = place_.arguments(batch, noise);
    const PackedOrder order(arguments);
    const int64_t made = arguments.made(), examples = order.examples.numel();
    out_.resize_({made, arguments.examples, hidden_}).zero_();
    if (learns) gradient_.resize_(out_.sizes());
    examples_ = order.examples;
    states_ = at::Tensor();
    if (examples > 0) {
      packed_.resize_({order.rows, place_.features});
      place_frames_cpu(
          arguments,
          batch.values.template const_data_ptr<Value>(),
          {.starts = order.starts.data(), .places = order.places.data()},
          packed_.template mutable_data_ptr<Value>()
      );
      states_ = last_states(order.sizes, made, learns);
      out_.index_copy_(1, examples_, states_.detach().transpose(0, 1));
    }
    return {.values = out_, .gradient = learns ? gradient_ : at::Tensor()};
  }

  void backward() override {
    if (!states_.defined()) {
      for (const at::Tensor& parameter : parameters_) parameter.grad().zero_();
      return;
    }
    const at::Tensor incoming = gradient_.index_select(1, examples_).transpose(0, 1);
    const auto gradients = torch::autograd::grad({states_}, parameters_, {incoming});
    for (size_t i = 0; i < parameters_.size(); ++i) parameters_[i].grad().copy_(gradients[i]);
    states_ = at::Tensor();
  }

  int64_t memory() const override { return bytes_of({packed_, out_, gradient_}); }

 private:
  /** Hidden states after the last frame of each copy, in their order, [n, E, H]. */
  at::Tensor last_states(const at::Tensor& sizes, int64_t made, bool learns) const {
    const at::AutoGradMode grad_mode(learns);
    const at::Tensor start = at::zeros({1, sizes[0].item<int64_t>(), hidden_}, place_.options);
    const at::Tensor states = std::get<1>(at::gru(
        packed_,
        sizes,
        start,
        parameters_,
        /*has_biases=*/true,
        /*num_layers=*/1,
        /*dropout=*/0,
        /*train=*/learns,
        /*bidirectional=*/false
    ));
    return states.view({-1, made, hidden_});
  }

  const Place place_;
  const std::vector<at::Tensor> parameters_;
  const int64_t hidden_;
  at::Tensor packed_, out_, gradient_;
  at::Tensor examples_, states_;  // of the last batch, states [n, E, H] with their graph
};

template <class Value>
std::unique_ptr<SequencePooling> make_of(
    const TrainerConfig& config, size_t modality, const Parameters& parameters
) {
  const Place place(config, modality, parameters);
  const std::string name = "pooling." + config.modalities[modality].name;
  if (config.model.pooling == "attention") {
    return std::make_unique<AttentionPooling<Value>>(place, parameters[name + ".query"]);
  }
  if (config.model.pooling == "gru") {
    return std::make_unique<GruPooling<Value>>(place, gru_parameters(parameters, name));
  }
  return std::make_unique<MeanPooling<Value>>(place);
}

}  // namespace

std::unique_ptr<SequencePooling> make_sequence_pooling(
    const TrainerConfig& config, size_t modality, const Parameters& parameters
) {
  const auto make = config.precision == "float64" ? make_of<double> : make_of<float>;
  return make(config, modality, parameters);
}

}  // namespace cmir
