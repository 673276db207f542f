#pragma once

#include <napi.h>

#include <memory>
#include <set>

#include "training/trainer.h"

namespace cmir {

/** What one environment (the main thread, or one worker thread) of the addon owns: nothing is
 * global. */
struct Addon {
  /** Trainers that live, so that an environment that ends stops their epochs first. */
  std::set<Trainer*> trainers;

  ~Addon() {
    for (Trainer* trainer : trainers) trainer->abort();
  }
};

/** Defines the class Trainer of binding.d.ts. */
Napi::Function define_trainer(Napi::Env env);

}  // namespace cmir
