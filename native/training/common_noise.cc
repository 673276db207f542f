#include "training/common_noise.h"

#include <ATen/Parallel.h>

#include "base/vectorized.h"

namespace cmir {
namespace {

constexpr int64_t kGrain = 16384;

}  // namespace

template <class Value>
void subtract_cpu(int64_t size, const Value* start, Value* values) {
  at::parallel_for(0, size, kGrain, [&](int64_t begin, int64_t end) {
    vectorized([&] {
      for (int64_t i = begin; i < end; ++i) values[i] -= start[i];
    });
  });
}

template <class Value>
void spread_cpu(
    int64_t size,
    const Value* start,
    const Value* direction,
    const std::vector<Value>& scales,
    Value* out
) {
  at::parallel_for(0, size, kGrain, [&](int64_t begin, int64_t end) {
    vectorized([&] {
      for (size_t e = 0; e < scales.size(); ++e) {
        const Value scale = scales[e];
        Value* target = out + static_cast<int64_t>(e) * size;
#pragma omp simd
        for (int64_t i = begin; i < end; ++i) target[i] = start[i] + scale * direction[i];
      }
    });
  });
}

template <class Value>
void weighted_sums_cpu(
    int64_t size,
    const Value* values,
    const std::vector<Value>& scales,
    Value* sum,
    Value* scaled_sum
) {
  at::parallel_for(0, size, kGrain, [&](int64_t begin, int64_t end) {
    vectorized([&] {
      for (size_t e = 0; e < scales.size(); ++e) {
        const Value scale = scales[e];
        const Value* part = values + static_cast<int64_t>(e) * size;
        if (e == 0) {
          for (int64_t i = begin; i < end; ++i) sum[i] = scaled_sum[i] = 0;
        }
#pragma omp simd
        for (int64_t i = begin; i < end; ++i) {
          sum[i] += part[i];
          scaled_sum[i] += scale * part[i];
        }
      }
    });
  });
}

template void subtract_cpu(int64_t, const float*, float*);
template void subtract_cpu(int64_t, const double*, double*);
template void spread_cpu(int64_t, const float*, const float*, const std::vector<float>&, float*);
template void spread_cpu(
    int64_t, const double*, const double*, const std::vector<double>&, double*
);
template void weighted_sums_cpu(int64_t, const float*, const std::vector<float>&, float*, float*);
template void weighted_sums_cpu(
    int64_t, const double*, const std::vector<double>&, double*, double*
);

}  // namespace cmir
