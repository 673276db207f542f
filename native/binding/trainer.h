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

  /** Made when an operator is first called. */
  std::shared_ptr<EngineThread> ops_thread;

  ~Addon() {
    for (Trainer* trainer : trainers) trainer->abort();
  }
};

/** Defines the class Trainer of binding.d.ts. */
Napi::Function define_trainer(Napi::Env env);

}  // namespace cmir
