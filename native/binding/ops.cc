#include "binding/ops.h"

#include <ATen/ATen.h>

#include <vector>

#include "binding/js.h"
#include "binding/trainer.h"
#include "binding/worker.h"
#include "ops/decorrelation/op.h"
#include "ops/invariance/op.h"
#include "ops/perturb/op.h"
#include "ops/reconstruction/op.h"
#include "training/environments.h"

namespace cmir {
namespace {

using Napi::CallbackInfo;
using Tensors = std::vector<at::Tensor>;

const std::shared_ptr<EngineThread>& shared_thread(Napi::Env env) {
  return env.GetInstanceData<Addon>()->shared_thread();
}

/** Runs a constraint in a worker: its value first, then one gradient an input. */
template <class Compute>
Napi::Value run_loss(Napi::Env env, Compute compute) {
  return in_worker(
      env,
      shared_thread(env),
      std::move(compute),
      [](Napi::Env environment, const Tensors& result) {
        Napi::Object object = Napi::Object::New(environment);
        object["value"] = js::write(environment, result[0].item<double>());
        Napi::Array gradients = Napi::Array::New(environment);
        for (uint32_t i = 1; i < result.size(); ++i) {
          gradients.Set(i - 1, js::write_tensor(environment, result[i]));
        }
        object["gradients"] = gradients;
        return object;
      }
  );
}

Napi::Value Perturb(const CallbackInfo& info) {
  const at::Tensor x = js::read_tensor(info[0], "x");
  const Napi::Object options = js::read_object(info[1], "options");
  const auto environments =
      js::read<std::vector<Environment>>(options.Get("environments"), "options.environments");
  const auto integer = [&](const char* name) {
    return js::read_integer(options.Get(name), std::string("options.") + name);
  };
  const int64_t seed = integer("seed"), step = integer("step"), modality = integer("modality"),
                modalities = integer("modalities");
  const Napi::Value key_values = options.Get("keys");
  at::Tensor keys;
  if (!key_values.IsNull()) keys = js::read_indices(key_values, "options.keys", napi_uint32_array);
  return in_worker(
      info.Env(),
      shared_thread(info.Env()),
      [=] {
        TORCH_CHECK_VALUE(x.dim() == 2, "x: expected [rows, features], found ", x.sizes());
        const EnvironmentLists lists(environments);
        return perturb(
            x,
            keys.defined() ? keys : at::arange(x.size(0), at::kLong),
            at::scalar_tensor(step, at::kLong),
            seed,
            modality,
            modalities,
            lists.kinds,
            lists.intensities
        );
      },
      js::write_tensor
  );
}

Napi::Value Invariance(const CallbackInfo& info) {
  const at::Tensor z = js::read_tensor(info[0], "z");
  return run_loss(info.Env(), [z] {
    auto [value, gradient] = invariance_with_gradient(z);
    return Tensors{value, gradient};
  });
}

Napi::Value Decorrelation(const CallbackInfo& info) {
  const at::Tensor invariant = js::read_tensor(info[0], "invariant");
  const at::Tensor spurious = js::read_tensor(info[1], "spurious");
  const double off_diagonal = js::read_number(info[2], "offDiagonal");
  return run_loss(info.Env(), [=] {
    auto [value, first, second] = decorrelation_with_gradients(invariant, spurious, off_diagonal);
    return Tensors{value, first, second};
  });
}

Napi::Value Reconstruction(const CallbackInfo& info) {
  const at::Tensor output = js::read_tensor(info[0], "output");
  const at::Tensor target = js::read_tensor(info[1], "target");
  return run_loss(info.Env(), [=] {
    auto [value, gradient] = reconstruction_with_gradient(output, target);
    return Tensors{value, gradient};
  });
}

}  // namespace

Napi::Object define_ops(Napi::Env env) {
  Napi::Object ops = Napi::Object::New(env);
  ops["perturb"] = Napi::Function::New<Perturb>(env, "perturb");
  ops["invariance"] = Napi::Function::New<Invariance>(env, "invariance");
  ops["decorrelation"] = Napi::Function::New<Decorrelation>(env, "decorrelation");
  ops["reconstruction"] = Napi::Function::New<Reconstruction>(env, "reconstruction");
  return ops;
}

}  // namespace cmir
