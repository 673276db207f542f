#include <algorithm>

#include "base/draws.h"
#include "base/rows.h"
#include "base/vectorized.h"
#include "ops/dropout/kernel.h"

namespace cmir {
namespace {

CMIR_INLINE RowKey row_key(const HiddenArguments& a, int64_t row) {
  return {
      a.key,
      static_cast<uint32_t>(a.index[row % a.batch]),
      a.step,
      philox_tag(Stream::dropout, a.layer, row / a.batch)
  };
}

/** What a kept element is multiplied with. */
template <class Value>
Value kept(const HiddenArguments& a) {
  return static_cast<Value>(static_cast<float>(1 / (1 - a.probability)));
}

template <class Value>
CMIR_INLINE void forward_rows(const HiddenArguments& a, Value* x, int64_t begin, int64_t end) {
  const auto p = static_cast<float>(a.probability);
  const Value scale = kept<Value>(a);
  // Written so that NaN passes: it must reach the loss.
  const auto relu = [](Value value) { return value <= 0 ? Value(0) : value; };
  for (int64_t row = begin; row < end; ++row) {
    Value* h = x + row * a.columns;
    if (a.probability == 0) {
      for (int64_t c = 0; c < a.columns; ++c) h[c] = relu(h[c]);
      continue;
    }
    draw_row<NoiseKind::erase>(
        row_key(a, row), a.columns, [&](int64_t first, int64_t count, const float* values) {
          for (int64_t c = 0; c < count; ++c) {
            const Value value = relu(h[first + c]) * scale;
            h[first + c] = values[c] < p ? Value(0) : value;
          }
        }
    );
  }
}

template <class Value>
CMIR_INLINE void backward_rows(
    const HiddenArguments& a,
    const Value* x,
    Value* gradient,
    Value* sums,
    int64_t begin,
    int64_t end
) {
  const Value scale = a.probability == 0 ? Value(1) : kept<Value>(a);
  for (int64_t row = begin; row < end; ++row) {
    const Value* h = x + row * a.columns;
    Value* g = gradient + row * a.columns;
#pragma omp simd
    for (int64_t c = 0; c < a.columns; ++c) {
      const Value value = h[c] == 0 ? Value(0) : g[c] * scale;
      g[c] = value;
      sums[c] += value;
    }
  }
}

template <class Value>
CMIR_INLINE void sum_rows(
    int64_t columns, const Value* x, Value* sums, int64_t begin, int64_t end
) {
  for (int64_t row = begin; row < end; ++row) {
    const Value* values = x + row * columns;
#pragma omp simd
    for (int64_t c = 0; c < columns; ++c) sums[c] += values[c];
  }
}

}  // namespace

template <class Value>
void hidden_forward_cpu(const HiddenArguments& a, Value* x) {
  RowChunks(a.environments * a.batch)
      .for_each((a.probability == 0 ? 1 : 4) * a.columns, [&](int64_t, int64_t begin, int64_t end) {
        vectorized([&] { forward_rows(a, x, begin, end); });
      });
}

template <class Value>
void hidden_backward_cpu(
    const HiddenArguments& a,
    const Value* x,
    Value* gradient,
    Value* column_parts,
    Value* column_sums
) {
  const RowChunks chunks(a.environments * a.batch);
  chunks.for_each(2 * a.columns, [&](int64_t chunk, int64_t begin, int64_t end) {
    Value* sums = column_parts + chunk * a.columns;
    std::fill_n(sums, a.columns, Value(0));
    vectorized([&] { backward_rows(a, x, gradient, sums, begin, end); });
  });
  sum_chunks(column_parts, chunks.count(), a.columns, column_sums);
}

template <class Value>
void column_sums_cpu(
    int64_t rows, int64_t columns, const Value* x, Value* column_parts, Value* column_sums
) {
  const RowChunks chunks(rows);
  chunks.for_each(columns, [&](int64_t chunk, int64_t begin, int64_t end) {
    Value* sums = column_parts + chunk * columns;
    std::fill_n(sums, columns, Value(0));
    vectorized([&] { sum_rows(columns, x, sums, begin, end); });
  });
  sum_chunks(column_parts, chunks.count(), columns, column_sums);
}

void dropout_mask_cpu(const HiddenArguments& a, float* out) {
  const auto p = static_cast<float>(a.probability);
  const auto scale = kept<float>(a);
  RowChunks(a.environments * a.batch)
      .for_each(4 * a.columns, [&](int64_t, int64_t begin, int64_t end) {
        vectorized([&] {
          for (int64_t row = begin; row < end; ++row) {
            float* mask = out + row * a.columns;
            draw_row<NoiseKind::erase>(
                row_key(a, row), a.columns, [&](int64_t first, int64_t count, const float* values) {
                  for (int64_t c = 0; c < count; ++c) {
                    mask[first + c] = values[c] < p ? 0.0F : scale;
                  }
                }
            );
          }
        });
      });
}

template void hidden_forward_cpu(const HiddenArguments&, float*);
template void hidden_forward_cpu(const HiddenArguments&, double*);
template void hidden_backward_cpu(const HiddenArguments&, const float*, float*, float*, float*);
template void hidden_backward_cpu(const HiddenArguments&, const double*, double*, double*, double*);
template void column_sums_cpu(int64_t, int64_t, const float*, float*, float*);
template void column_sums_cpu(int64_t, int64_t, const double*, double*, double*);

}  // namespace cmir
