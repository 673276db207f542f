#include "training/prediction.h"

#include <cmath>
#include <functional>

#include "test/check.h"

namespace cmir::test {
namespace {

constexpr int64_t kTargets = 11;

/** Outputs of environments with targets, and the terms from their definitions, term by term. */
struct Outputs {
  Outputs(const std::string& loss, int64_t environments, int64_t batch)
      : columns(loss == "crossEntropy" ? 3 : 1),
        values(normal({environments, batch, columns}, at::kDouble, 1)),
        targets(normal({kTargets}, at::kDouble, 2)),
        classes(at::arange(kTargets, at::kLong).remainder(3)),
        rows((at::arange(batch, at::kLong) * 4).remainder(kTargets)),
        arguments{
            .loss = loss,
            .rows = environments * batch,
            .batch = batch,
            .outputs = columns,
            .example = rows.const_data_ptr<int64_t>(),
            .targets = targets.const_data_ptr<double>(),
            .classes = loss == "crossEntropy" ? classes.const_data_ptr<int64_t>() : nullptr,
            .risk = 0,
            .consistency = 0,
        } {}

  double loss_of(const at::Tensor& o, int64_t b) const {
    const int64_t example = arguments.example[b];
    if (arguments.classes != nullptr) {
      const at::Tensor share = o.exp() / o.exp().sum();
      return -std::log(share[arguments.classes[example]].item<double>());
    }
    const double error = o[0].item<double>() - arguments.targets[example];
    return arguments.loss == "l1" ? std::abs(error) : error * error;
  }

  static double distance(const std::string& loss, const at::Tensor& o, const at::Tensor& clean) {
    if (loss != "crossEntropy") return std::abs((o - clean).item<double>());
    const at::Tensor p = clean.exp() / clean.exp().sum(), q = o.exp() / o.exp().sum();
    return (p * (p / q).log()).sum().item<double>();
  }

  /** The weighted sum of the terms of `o`, where `clean` [B, columns] are what teaches. */
  double objective(const at::Tensor& o, const at::Tensor& clean, PredictionTerms* told) const {
    const int64_t environments = o.size(0), batch = o.size(1);
    std::vector<double> risks;
    double mean = 0, variance = 0, distances = 0;
    for (int64_t e = 0; e < environments; ++e) {
      double risk = 0;
      for (int64_t b = 0; b < batch; ++b) {
        risk += loss_of(o[e][b], b) / static_cast<double>(batch);
        if (e > 0) distances += distance(arguments.loss, o[e][b], clean[b]);
      }
      risks.push_back(risk);
      mean += risk / static_cast<double>(environments);
    }
    for (const double risk : risks) variance += std::pow(risk - mean, 2);
    variance /= static_cast<double>(environments);
    distances /= static_cast<double>((environments - 1) * batch);
    if (told != nullptr) *told = {mean, variance, distances};
    return mean + arguments.risk * variance + arguments.consistency * distances;
  }

  int64_t columns;
  at::Tensor values;  // [E, B, columns]
  at::Tensor targets, classes, rows;
  PredictionArguments<double> arguments;
};

void check_terms(Outputs& outputs) {
  const PredictionArguments<double>& a = outputs.arguments;
  const at::Tensor clean = outputs.values[0].clone(), gradient = outputs.values.clone();
  std::vector<double> risks(static_cast<size_t>(a.environments()));
  const PredictionTerms found =
      prediction_cpu(a, gradient.mutable_data_ptr<double>(), risks.data());
  PredictionTerms expected{};
  outputs.objective(outputs.values, clean, &expected);
  CHECK(found.prediction == doctest::Approx(expected.prediction).epsilon(1e-12));
  const double risk = a.risk > 0 ? expected.risk : 0;
  CHECK(found.risk == doctest::Approx(risk).epsilon(1e-10));
  const double consistency = a.consistency > 0 ? expected.consistency : 0;
  CHECK(found.consistency == doctest::Approx(consistency).epsilon(1e-10));
  const at::Tensor differences = at::zeros_like(gradient);
  const double h = 1e-6;
  for (int64_t i = 0; i < gradient.numel(); ++i) {
    const auto moved = [&](double by) {
      at::Tensor o = outputs.values.clone();
      o.view(-1)[i] += by;
      return outputs.objective(o, clean, nullptr);
    };
    differences.view(-1)[i] = (moved(h) - moved(-h)) / (2 * h);
  }
  const double error = (gradient - differences).abs().max().item<double>();
  CHECK(error < 1e-7 * (1 + differences.abs().max().item<double>()));
}

TEST_CASE("prediction: risk and consistency are their definitions, with finite differences") {
  for (const std::string loss : {"l1", "mse", "crossEntropy"}) {
    for (const auto& [environments, batch] : {std::pair{2, 1}, {2, 7}, {5, 4}}) {
      for (const auto& [risk, consistency] :
           {std::pair{0.0, 0.0}, {1.7, 0.0}, {0.0, 0.6}, {2.0, 0.9}}) {
        INFO(loss << " " << environments << " x " << batch << ": " << risk << " " << consistency);
        Outputs outputs(loss, environments, batch);
        outputs.arguments.risk = risk;
        outputs.arguments.consistency = consistency;
        check_terms(outputs);
      }
    }
  }
}

TEST_CASE("prediction: environments that agree have no risk, no distance, no further gradient") {
  for (const std::string loss : {"l1", "mse", "crossEntropy"}) {
    Outputs outputs(loss, 3, 4);
    outputs.values.copy_(outputs.values.narrow(0, 0, 1).clone().expand_as(outputs.values));
    std::vector<double> risks(3);
    const auto run = [&](double weight) {
      outputs.arguments.risk = outputs.arguments.consistency = weight;
      at::Tensor gradient = outputs.values.clone();
      const PredictionTerms terms =
          prediction_cpu(outputs.arguments, gradient.mutable_data_ptr<double>(), risks.data());
      CHECK(terms.risk < 1e-30);
      CHECK(terms.consistency < 1e-15);
      return gradient;
    };
    const at::Tensor plain = run(0);
    check_close(run(3), plain);
  }
}

TEST_CASE("prediction: probabilities that vanish leave the distance finite, NaN reaches it") {
  Outputs outputs("crossEntropy", 2, 2);
  outputs.arguments.consistency = 1;
  outputs.values[0][0][1] = 2000;  // the other classes' probabilities are 0
  std::vector<double> risks(2);
  const auto distance = [&] {
    at::Tensor gradient = outputs.values.clone();
    return prediction_cpu(outputs.arguments, gradient.mutable_data_ptr<double>(), risks.data())
        .consistency;
  };
  CHECK(std::isfinite(distance()));
  outputs.values[1][1][0] = std::numeric_limits<double>::quiet_NaN();
  CHECK(std::isnan(distance()));
}

}  // namespace
}  // namespace cmir::test
