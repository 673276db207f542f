#pragma once

#include <napi.h>

#include <memory>
#include <set>

#include "binding/engine_thread.h"
#include "training/trainer.h"

namespace cmir {

/** What one environment (the main thread, or one worker thread) of the addon owns: nothing is
 * global. */
struct Addon {
  /** Trainers that live, so that an environment that ends stops their epochs first. */
  std::set<Trainer*> trainers;

  /** The thread of all that belongs to no trainer, made when it is first needed. */
  const std::shared_ptr<EngineThread>& shared_thread() {
    if (!shared_thread_) shared_thread_ = std::make_shared<EngineThread>();
    return shared_thread_;
  }

  ~Addon() {
    for (Trainer* trainer : trainers) trainer->abort();
  }

 private:
  std::shared_ptr<EngineThread> shared_thread_;
};

/** Defines the class Trainer of binding.d.ts. */
Napi::Function define_trainer(Napi::Env env);

}  // namespace cmir
