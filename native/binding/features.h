#pragma once

#include <napi.h>

#include <string>
#include <vector>

#include "data/table.h"

namespace cmir {

/** Keeps JavaScript arrays alive whose memory is used; made and destroyed on the main thread. */
using JsArrays = std::vector<Napi::ObjectReference>;

/** NativeFeatures of binding.d.ts, read: nothing is copied but offsets, no file opened yet. */
struct FeatureInput {
  at::Tensor values;  // in memory, or undefined
  std::string path;   // else
  int64_t offset, rows, width;
  at::Tensor offsets;  // of a sequence

  int64_t examples() const { return offsets.defined() ? offsets.numel() - 1 : rows; }

  /** On any thread. Throws c10::Error that names the file where it cannot be mapped. */
  FeatureTable table() const;
};

/** Throws a TypeError that begins with `path`; adds to `arrays` what the result refers to. */
FeatureInput read_features(
    Napi::Value value, const std::string& path, int64_t width, JsArrays& arrays
);

/** Defines fitNormalizer of binding.d.ts. */
Napi::Function define_fit_normalizer(Napi::Env env);

}  // namespace cmir
