#pragma once

#include <napi.h>

namespace cmir {

/** Defines NativeOps of binding.d.ts: the operators on typed arrays. */
Napi::Object define_ops(Napi::Env env);

}  // namespace cmir
