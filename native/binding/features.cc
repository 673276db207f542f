#include "binding/features.h"

#include <ATen/ATen.h>

#include <memory>
#include <utility>

#include "binding/js.h"
#include "binding/trainer.h"
#include "binding/worker.h"
#include "data/normalizer.h"

namespace cmir {
namespace {

int64_t read_at_least(int64_t least, Napi::Value value, const std::string& path) {
  const int64_t number = js::read_integer(value, path);
  if (number < least) {
    throw Napi::TypeError::New(
        value.Env(),
        path + ": expected at least " + std::to_string(least) + ", found " + std::to_string(number)
    );
  }
  return number;
}

Napi::Value FitNormalizer(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const int64_t width = read_at_least(1, info[1], "width");
  auto arrays = std::make_shared<JsArrays>();
  FeatureInput input = read_features(info[0], "features", width, *arrays);
  const at::Tensor rows = js::read_indices(info[2], "rows", napi_int32_array);
  const int64_t max_length = read_at_least(0, info[3], "maxLength");
  return in_worker(
      env,
      env.GetInstanceData<Addon>()->shared_thread(),
      [input = std::move(input), rows, max_length] {
        const FeatureTable table = input.table();
        check_table(table, "features", input.width);
        return fit_normalizer(table, rows, max_length);
      },
      [arrays](Napi::Env environment, const Normalizer& normalizer) {
        Napi::Object object = Napi::Object::New(environment);
        object["mean"] = js::write_floats(environment, normalizer.mean);
        object["std"] = js::write_floats(environment, normalizer.std);
        return object;
      }
  );
}

}  // namespace

FeatureTable FeatureInput::table() const {
  if (values.defined()) return {.values = values, .offsets = offsets};
  MappedFloats mapped = map_floats(path, offset, rows, width);
  return {.values = mapped.values, .offsets = offsets, .file = std::move(mapped.file)};
}

FeatureInput read_features(
    Napi::Value value, const std::string& path, int64_t width, JsArrays& arrays
) {
  const Napi::Object object = js::read_object(value, path);
  FeatureInput input{
      .values = {}, .path = {}, .offset = 0, .rows = 0, .width = width, .offsets = {}
  };
  const Napi::Value values = object.Get("values"), offsets = object.Get("offsets");
  if (values.IsTypedArray()) {
    input.values = js::view_floats(values, path + ".values", width);
    input.rows = input.values.size(0);
    arrays.push_back(Napi::Persistent(values.As<Napi::Object>()));
  } else {
    const Napi::Object file = js::read_object(values, path + ".values");
    input.path = js::read_string(file.Get("path"), path + ".values.path");
    input.offset = js::read_integer(file.Get("offset"), path + ".values.offset");
    input.rows = js::read_integer(file.Get("rows"), path + ".values.rows");
  }
  if (!offsets.IsNull()) input.offsets = js::read_integers(offsets, path + ".offsets");
  return input;
}

Napi::Function define_fit_normalizer(Napi::Env env) {
  return Napi::Function::New<FitNormalizer>(env, "fitNormalizer");
}

}  // namespace cmir
