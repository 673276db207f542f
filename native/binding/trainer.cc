#include "binding/trainer.h"

#include <ATen/ATen.h>

#include <utility>

#include "binding/features.h"
#include "binding/js.h"
#include "binding/worker.h"

namespace cmir {
namespace {

using Napi::CallbackInfo;

Napi::Object write_terms(Napi::Env env, const TermValues& terms) {
  Napi::Object object = Napi::Object::New(env);
  object["loss"] = js::write(env, terms.loss);
  object["prediction"] = js::write(env, terms.prediction);
  object["risk"] = js::write(env, terms.risk);
  object["consistency"] = js::write(env, terms.consistency);
  object["invariance"] = js::write(env, terms.invariance);
  object["decorrelation"] = js::write(env, terms.decorrelation);
  object["reconstruction"] = js::write(env, terms.reconstruction);
  return object;
}

/** NativeDivergence, or null. */
Napi::Value write_divergence(Napi::Env env, const std::optional<Divergence>& found) {
  if (!found) return env.Null();
  Napi::Object object = Napi::Object::New(env);
  const auto known = [&](bool is_known, const auto& value) {
    return is_known ? js::write(env, value) : env.Null();
  };
  object["term"] = js::write(env, found->term);
  object["modality"] = known(!found->modality.empty(), found->modality);
  object["value"] = js::write(env, found->value);
  object["step"] = known(found->step > 0, found->step);
  std::vector<int64_t> rows;
  if (found->rows.defined()) {
    const auto* first = found->rows.const_data_ptr<int64_t>();
    rows.assign(first, first + found->rows.numel());
  }
  object["rows"] = js::write(env, rows);
  return object;
}

void check_examples(Napi::Env env, const std::string& path, int64_t expected, int64_t found) {
  if (found == expected) return;
  throw Napi::TypeError::New(
      env,
      path + ": expected " + std::to_string(expected) + " examples, found " + std::to_string(found)
  );
}

std::optional<EvaluationNoise> read_noise(Napi::Value value) {
  if (value.IsNull()) return std::nullopt;
  const Napi::Object object = js::read_object(value, "noise");
  EvaluationNoise noise{
      .kind = js::read_string(object.Get("kind"), "noise.kind"),
      .intensity = js::read_number(object.Get("intensity"), "noise.intensity"),
      .seed = js::read_integer(object.Get("seed"), "noise.seed"),
  };
  const Napi::Value names = object.Get("modalities");
  if (!names.IsNull()) {
    noise.modalities = js::read<std::vector<std::string>>(names, "noise.modalities");
  }
  return noise;
}

Napi::Value undefined(Napi::Env env, bool) { return env.Undefined(); }

/** Calls `make` and turns what it throws into a JavaScript error. */
template <class Make>
auto guarded(Napi::Env env, const Make& make) {
  try {
    return make();
  } catch (const Napi::Error&) {
    throw;
  } catch (const std::exception& error) {
    throw Napi::Error::New(env, describe(error));
  }
}

/** A trainer with the JavaScript arrays that its data lies in, which live as long as it does. */
struct Engine {
  explicit Engine(const TrainerConfig& config) : trainer(config) {}
  JsArrays arrays;
  Trainer trainer;
};

class TrainerObject : public Napi::ObjectWrap<TrainerObject> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(
        env,
        "Trainer",
        {
            InstanceAccessor<&TrainerObject::ParameterCount>("parameterCount"),
            InstanceAccessor<&TrainerObject::Memory>("memory"),
            InstanceAccessor<&TrainerObject::Progress>("progress"),
            InstanceAccessor<&TrainerObject::Disposed>("disposed"),
            InstanceMethod<&TrainerObject::Upload>("upload"),
            InstanceMethod<&TrainerObject::TrainEpoch>("trainEpoch"),
            InstanceMethod<&TrainerObject::Abort>("abort"),
            InstanceMethod<&TrainerObject::Predict>("predict"),
            InstanceMethod<&TrainerObject::Encode>("encode"),
            InstanceMethod<&TrainerObject::Gradients>("gradients"),
            InstanceMethod<&TrainerObject::GetState>("getState"),
            InstanceMethod<&TrainerObject::SetState>("setState"),
            InstanceMethod<&TrainerObject::Dispose>("dispose"),
        }
    );
  }

  explicit TrainerObject(const CallbackInfo& info) : ObjectWrap(info) {
    const auto config = js::read<TrainerConfig>(info[0], "config");
    engine_ = guarded(info.Env(), [&] {
      return thread_->run([&] { return std::make_shared<Engine>(config); });
    });
    addon(info.Env()).trainers.insert(&engine_->trainer);
    report_memory(info.Env());
  }

  void Finalize(Napi::Env env) override { release(env); }

 private:
  static Addon& addon(Napi::Env env) { return *env.GetInstanceData<Addon>(); }

  /** The trainer, with all that its data lies in. */
  std::shared_ptr<Trainer> open(Napi::Env env) const {
    if (!engine_) throw Napi::Error::New(env, "Trainer: used after dispose()");
    return {engine_, &engine_->trainer};
  }

  /** Tells the garbage collector how much memory hangs on this small object. */
  void report_memory(Napi::Env env) {
    const int64_t now = engine_ ? engine_->trainer.memory() : 0;
    Napi::MemoryManagement::AdjustExternalMemory(env, now - std::exchange(reported_, now));
  }

  void release(Napi::Env env) {
    if (!engine_) return;
    engine_->trainer.abort();
    if (auto* data = env.GetInstanceData<Addon>()) data->trainers.erase(&engine_->trainer);
    engine_.reset();  // running work holds its own references
    thread_.reset();
    report_memory(env);
  }

  Napi::Value ParameterCount(const CallbackInfo& info) {
    return js::write(info.Env(), open(info.Env())->parameter_count());
  }
  Napi::Value Memory(const CallbackInfo& info) {
    return js::write(info.Env(), open(info.Env())->memory());
  }
  Napi::Value Progress(const CallbackInfo& info) {
    return js::write(info.Env(), open(info.Env())->progress());
  }
  Napi::Value Disposed(const CallbackInfo& info) {
    return Napi::Boolean::New(info.Env(), engine_ == nullptr);
  }
  void Abort(const CallbackInfo& info) { open(info.Env())->abort(); }
  void Dispose(const CallbackInfo& info) { release(info.Env()); }

  Napi::Value Upload(const CallbackInfo& info) {
    const Napi::Env env = info.Env();
    auto trainer = open(env);
    const Napi::Object data = js::read_object(info[0], "data");
    const int64_t rows = js::read_integer(data.Get("rows"), "data.rows");
    const Napi::Array list = js::read_array(data.Get("features"), "data.features");
    const auto& modalities = trainer->config().modalities;
    if (list.Length() != modalities.size()) js::reject(list, "data.features", "one a modality");
    // Of a sequence the frames stay where they are; all else is copied before the promise settles.
    auto arrays = std::make_shared<JsArrays>(), kept = std::make_shared<JsArrays>();
    std::vector<FeatureInput> features;
    for (uint32_t m = 0; m < list.Length(); ++m) {
      const std::string path = "data.features[" + std::to_string(m) + "]";
      features.push_back(read_features(
          list.Get(m), path, modalities[m].features, modalities[m].sequence ? *kept : *arrays
      ));
      check_examples(env, path, rows, features.back().examples());
    }
    TrainerInput input;
    const Napi::Value target_values = data.Get("targets"), key_values = data.Get("keys");
    input.replace_non_finite =
        js::read_boolean(data.Get("replaceNonFinite"), "data.replaceNonFinite");
    if (!target_values.IsNull()) {
      input.targets = js::read_floats(target_values, "data.targets", {rows});
    }
    if (!key_values.IsNull()) {
      input.keys = js::read_indices(key_values, "data.keys", napi_uint32_array);
    }
    // The object stays alive until its memory is reported.
    auto self = std::make_shared<Napi::ObjectReference>(Napi::Persistent(Value()));
    return in_worker(
        env,
        thread_,
        [trainer, features = std::move(features), input] {
          TrainerInput complete = input;
          for (const FeatureInput& one : features) complete.features.push_back(one.table());
          trainer->upload(complete);
          return true;
        },
        [this, self, arrays, kept](Napi::Env environment, bool) {
          if (engine_) {
            engine_->arrays = std::move(*kept);
            report_memory(environment);
          }
          return environment.Undefined();
        }
    );
  }

  Napi::Value TrainEpoch(const CallbackInfo& info) {
    const Napi::Env env = info.Env();
    auto trainer = open(env);
    const at::Tensor rows = js::read_indices(info[0], "rows", napi_int32_array);
    const int64_t batch_size = js::read_integer(info[1], "batchSize");
    trainer->arm();
    return in_worker(
        env,
        thread_,
        [trainer, rows, batch_size] { return trainer->train_epoch(rows, batch_size); },
        [](Napi::Env environment, const EpochResult& result) {
          Napi::Object object = Napi::Object::New(environment);
          object["terms"] = write_terms(environment, result.terms);
          object["steps"] = js::write(environment, result.steps);
          object["examples"] = js::write(environment, result.examples);
          object["seconds"] = js::write(environment, result.seconds);
          object["learningRate"] = js::write(environment, result.learning_rate);
          object["aborted"] = Napi::Boolean::New(environment, result.aborted);
          object["diverged"] = write_divergence(environment, result.diverged);
          return object;
        }
    );
  }

  Napi::Value Predict(const CallbackInfo& info) {
    const Napi::Env env = info.Env();
    auto trainer = open(env);
    const at::Tensor rows = js::read_indices(info[0], "rows", napi_int32_array);
    const std::optional<EvaluationNoise> noise = read_noise(info[1]);
    return in_worker(
        env,
        thread_,
        [trainer, rows, noise] { return trainer->predict(rows, noise); },
        js::write_floats
    );
  }

  Napi::Value Encode(const CallbackInfo& info) {
    const Napi::Env env = info.Env();
    auto trainer = open(env);
    const at::Tensor rows = js::read_indices(info[0], "rows", napi_int32_array);
    const std::optional<EvaluationNoise> noise = read_noise(info[1]);
    return in_worker(
        env,
        thread_,
        [trainer, rows, noise] { return trainer->encode(rows, noise); },
        [](Napi::Env environment, const std::vector<Codes>& codes) {
          Napi::Array invariant = Napi::Array::New(environment),
                      spurious = Napi::Array::New(environment);
          for (uint32_t m = 0; m < codes.size(); ++m) {
            invariant.Set(m, js::write_floats(environment, codes[m].invariant));
            spurious.Set(m, js::write_floats(environment, codes[m].spurious));
          }
          Napi::Object object = Napi::Object::New(environment);
          object["invariant"] = invariant;
          object["spurious"] = spurious;
          return object;
        }
    );
  }

  Napi::Value Gradients(const CallbackInfo& info) {
    const Napi::Env env = info.Env();
    auto trainer = open(env);
    const at::Tensor rows = js::read_indices(info[0], "rows", napi_int32_array);
    return in_worker(
        env,
        thread_,
        [trainer, rows] { return trainer->gradients(rows); },
        [](Napi::Env environment, const auto& result) {
          Napi::Object object = Napi::Object::New(environment);
          object["terms"] = write_terms(environment, result.first);
          object["gradients"] = js::write_tensors(environment, result.second);
          return object;
        }
    );
  }

  Napi::Value GetState(const CallbackInfo& info) {
    const Napi::Env env = info.Env();
    auto trainer = open(env);
    const bool optimizer = js::read_boolean(info[0], "optimizer");
    return in_worker(
        env,
        thread_,
        [trainer, optimizer] { return trainer->state(optimizer); },
        [](Napi::Env environment, const TrainerState& state) {
          Napi::Object object = Napi::Object::New(environment);
          object["step"] = js::write(environment, state.step);
          object["tensors"] = js::write_tensors(environment, state.tensors);
          return object;
        }
    );
  }

  Napi::Value SetState(const CallbackInfo& info) {
    const Napi::Env env = info.Env();
    auto trainer = open(env);
    const Napi::Object object = js::read_object(info[0], "state");
    TrainerState state{.step = js::read_integer(object.Get("step"), "state.step"), .tensors = {}};
    const Napi::Object tensors = js::read_object(object.Get("tensors"), "state.tensors");
    const Napi::Array names = tensors.GetPropertyNames();
    for (uint32_t i = 0; i < names.Length(); ++i) {
      const std::string name = names.Get(i).ToString();
      state.tensors[name] = js::read_tensor(tensors.Get(name), "state.tensors." + name);
    }
    return in_worker(
        env,
        thread_,
        [trainer, state = std::move(state)] {
          trainer->set_state(state);
          return true;
        },
        undefined
    );
  }

  std::shared_ptr<EngineThread> thread_ = std::make_shared<EngineThread>();
  std::shared_ptr<Engine> engine_;
  int64_t reported_ = 0;
};

}  // namespace

Napi::Function define_trainer(Napi::Env env) { return TrainerObject::define(env); }

}  // namespace cmir
