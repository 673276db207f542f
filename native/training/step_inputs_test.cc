#include "ops/perturb/op.h"
#include "test/check.h"
#include "training/environments.h"
#include "training/step.h"
#include "training/step_fixture.h"

namespace cmir::test {
namespace {

/** What each environment's encoder sees, [E, B, D], of those rows, made before the step. */
at::Tensor ready_values(const Scene& scene, size_t modality, const at::Tensor& rows) {
  const EnvironmentLists lists(scene.config.environments);
  return perturb(
      scene.features[modality].index_select(0, rows),
      rows,
      at::scalar_tensor(3, at::kLong),
      scene.config.seed,
      static_cast<int64_t>(modality),
      static_cast<int64_t>(scene.features.size()),
      lists.kinds,
      lists.intensities
  );
}

TEST_CASE("step: inputs that come ready give the same bits, and their gradients") {
  for (const std::string target : {"environment", "clean"}) {
    TrainerConfig config = step_config();
    config.reconstruction.target = target;
    Scene scene(config);
    const at::Tensor rows = some_rows(11);
    const auto [terms, gradients] = scene.step(rows);
    std::vector<StepInput> inputs = scene.inputs(rows);
    for (const size_t m : {0, 2}) {
      const at::Tensor values = ready_values(scene, m, rows);
      inputs[m] = {.values = values, .gradient = at::empty_like(values)};
    }
    const auto [found_terms, found] = scene.step(rows, inputs);
    CHECK(found_terms == terms);
    CHECK(found.equal(gradients));

    // Down to the features, through noise held fixed: what autograd makes of the whole.
    std::vector<at::Tensor> leaves;
    scene.reference(rows, &leaves);
    for (const size_t m : {0, 2}) {
      Scene fixed(config);
      fixed.features[m].requires_grad_(true);
      ready_values(fixed, m, rows).backward(inputs[m].gradient);
      check_close(fixed.features[m].grad().index_select(0, rows), leaves[m].grad());
    }
  }
}

TEST_CASE("step: evaluation of inputs that come ready is that of the same rows") {
  Scene scene(step_config());
  const at::NoGradGuard no_grad;
  const auto step = make_step(scene.config, scene.model.parameters());
  const at::Tensor rows = some_rows(9), out = at::empty({9, 1}, at::kDouble);
  step->predict(scene.batch(rows, scene.inputs(rows)), out);
  const at::Tensor expected = out.clone();
  std::vector<StepInput> inputs = scene.inputs(rows);
  inputs[1] = {.values = scene.features[1].index_select(0, rows).unsqueeze(0)};
  step->predict(scene.batch(rows, inputs), out.zero_());
  CHECK(out.equal(expected));
}

TEST_CASE("step: a batch that was gathered is the same as its rows of all data") {
  for (const std::string sharing : {"independent", "common"}) {
    TrainerConfig config = step_config();
    config.sharing = sharing;
    if (sharing == "common") config.environments = {{"gaussian", 0.5}, {"gaussian", 1}};
    Scene scene(config);
    const at::NoGradGuard no_grad;
    const at::Tensor rows = some_rows(11), out = at::empty({11, 1}, at::kDouble);
    const auto [terms, gradients] = scene.step(rows);
    std::vector<StepInput> inputs = scene.inputs(rows);
    for (const size_t m : {0, 2}) {
      inputs[m] = {.values = scene.features[m].index_select(0, rows)};
    }
    const auto [found_terms, found] = scene.step(rows, inputs);
    CHECK(found_terms == terms);
    CHECK(found.equal(gradients));
    const auto step = make_step(config, scene.model.parameters());
    step->predict(scene.batch(rows, scene.inputs(rows)), out);
    const at::Tensor expected = out.clone();
    step->predict(scene.batch(rows, inputs), out.zero_());
    CHECK(out.equal(expected));
  }
}

TEST_CASE("step: flat rows have their own scale of gaussian noise") {
  const at::NoGradGuard no_grad;
  const at::Tensor rows = some_rows(11);
  TrainerConfig weaker = step_config();
  weaker.modalities = {{"vision", 33, false}};
  weaker.environments = {{"gaussian", 0.8}, {"laplace", 0.7}};
  Scene scaled(weaker);
  std::vector<StepInput> inputs = scaled.inputs(rows);
  inputs[0].scale = at::full({kExamples}, 0.25F);
  const auto terms = scaled.step(rows, inputs).first;
  scaled.config.environments[0].intensity = 0.2;
  CHECK(scaled.step(rows).first == terms);
}

}  // namespace
}  // namespace cmir::test
