#pragma once

#include <c10/util/Exception.h>
#include <napi.h>

#include <memory>
#include <optional>
#include <string>

#include "binding/engine_thread.h"

namespace cmir {

/** What an exception says, without LibTorch's C++ backtrace. */
inline std::string describe(const std::exception& error) {
  const auto* torch_error = dynamic_cast<const c10::Error*>(&error);
  return torch_error != nullptr ? torch_error->what_without_backtrace() : error.what();
}

/**
 * Runs `compute` on an engine thread, while one of Node's waits for it, and settles a promise with
 * `convert` of its result on the main one. No exception leaves: a C++ exception becomes a
 * rejection.
 */
template <class Compute, class Convert>
class PromiseWorker : public Napi::AsyncWorker {
 public:
  static Napi::Promise run(
      Napi::Env env, std::shared_ptr<EngineThread> thread, Compute compute, Convert convert
  ) {
    auto* worker =
        new PromiseWorker(env, std::move(thread), std::move(compute), std::move(convert));
    Napi::Promise promise = worker->deferred_.Promise();
    worker->Queue();  // deletes itself when done
    return promise;
  }

 protected:
  void Execute() override {
    try {
      result_.emplace(thread_->run(compute_));
    } catch (const std::exception& error) {
      SetError(describe(error));
    }
  }

  void OnOK() override {
    const Napi::HandleScope scope(Env());
    try {
      deferred_.Resolve(convert_(Env(), *result_));
    } catch (const Napi::Error& error) {
      deferred_.Reject(error.Value());
    } catch (const std::exception& error) {
      deferred_.Reject(Napi::Error::New(Env(), describe(error)).Value());
    }
  }

  void OnError(const Napi::Error& error) override { deferred_.Reject(error.Value()); }

 private:
  PromiseWorker(
      Napi::Env env, std::shared_ptr<EngineThread> thread, Compute compute, Convert convert
  )
      : AsyncWorker(env),
        thread_(std::move(thread)),
        deferred_(Napi::Promise::Deferred::New(env)),
        compute_(std::move(compute)),
        convert_(std::move(convert)) {}

  std::shared_ptr<EngineThread> thread_;
  Napi::Promise::Deferred deferred_;
  Compute compute_;
  Convert convert_;
  std::optional<std::invoke_result_t<Compute>> result_;
};

template <class Compute, class Convert>
Napi::Promise in_worker(
    Napi::Env env, std::shared_ptr<EngineThread> thread, Compute compute, Convert convert
) {
  return PromiseWorker<Compute, Convert>::run(
      env, std::move(thread), std::move(compute), std::move(convert)
  );
}

}  // namespace cmir
