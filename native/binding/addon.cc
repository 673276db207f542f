#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <napi.h>

#include "binding/features.h"
#include "binding/js.h"
#include "binding/ops.h"
#include "binding/trainer.h"
#include "binding/worker.h"

namespace cmir {
namespace {

Napi::Value Describe(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Napi::Object build = Napi::Object::New(env);
  build["builtFor"] = Napi::String::New(env, CMIR_TORCH_VERSION);
  build["cpuCapability"] = Napi::String::New(env, at::get_cpu_capability());
  build["threads"] = js::write(env, static_cast<int64_t>(at::get_num_threads()));
  const int64_t devices =
      at::globalContext().hasCUDA() ? at::detail::getCUDAHooks().deviceCount() : 0;
  build["cudaDevices"] = js::write(env, devices);
  return build;
}

Napi::Value EchoConfig(const Napi::CallbackInfo& info) {
  const auto config = js::read<TrainerConfig>(info[0], "config");
  try {
    validate(config);
  } catch (const std::exception& error) {
    throw Napi::Error::New(info.Env(), describe(error));
  }
  return js::write(info.Env(), config);
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new Addon);  // deleted with the environment
  exports["Trainer"] = define_trainer(env);
  exports["ops"] = define_ops(env);
  exports["fitNormalizer"] = define_fit_normalizer(env);
  exports["describe"] = Napi::Function::New<Describe>(env, "describe");
  exports["echoConfig"] = Napi::Function::New<EchoConfig>(env, "echoConfig");
  return exports;
}

}  // namespace
}  // namespace cmir

static Napi::Object InitModule(Napi::Env env, Napi::Object exports) {
  return cmir::Init(env, exports);
}
NODE_API_MODULE(cmir, InitModule)
