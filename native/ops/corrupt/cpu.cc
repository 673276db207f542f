#include <algorithm>
#include <cmath>
#include <vector>

#include "base/rows.h"
#include "base/vectorized.h"
#include "ops/corrupt/kernel.h"
#include "ops/perturb/noisy_columns.h"

namespace cmir {
namespace {

/** What draws of one kind are for, in the place of the counter's modality. */
enum class Purpose : int64_t { choice = 0, values = 1 };

RowKey row_key(const CorruptionArguments& a, uint32_t index, Purpose purpose) {
  const auto part = static_cast<int64_t>(purpose), kind = static_cast<int64_t>(a.kind);
  return {a.key, index, 0, philox_tag(Stream::evaluation, part, kind)};
}

/** For each time step whether it is hit, with probability `p` each. */
CMIR_INLINE void choose_steps(const RowKey& row, double p, std::vector<uint8_t>& hit) {
  const auto steps = static_cast<int64_t>(hit.size());
  draw_row<NoiseKind::erase>(row, steps, [&](int64_t first, int64_t count, const float* values) {
    for (int64_t t = 0; t < count; ++t) {
      hit[static_cast<size_t>(first + t)] = static_cast<double>(values[t]) < p;
    }
  });
}

/**
 * The stretch of round(p T) steps that begins at floor(u (T - length + 1)), u uniform: every place
 * is as likely, and a longer one holds every shorter one.
 */
void choose_stretch(const RowKey& row, double p, std::vector<uint8_t>& hit) {
  const auto steps = static_cast<int64_t>(hit.size());
  const int64_t length = std::llround(p * static_cast<double>(steps));
  const uint64_t places = static_cast<uint64_t>(steps - length + 1);
  const uint64_t word = philox(row.key, 0, row.index, row.step, row.tag)[0];
  const auto begin = static_cast<int64_t>(word * places >> 32);
  std::fill(hit.begin(), hit.end(), uint8_t{0});
  std::fill_n(hit.begin() + begin, length, uint8_t{1});
}

/** The time steps that are hit become N(0, 1). */
template <class Scalar>
CMIR_INLINE void replace_steps(
    const RowKey& row, int64_t columns, const std::vector<uint8_t>& hit, Scalar* out
) {
  const auto size = static_cast<int64_t>(hit.size()) * columns;
  draw_row<NoiseKind::gaussian>(row, size, [&](int64_t first, int64_t count, const float* values) {
    int64_t step = first / columns, left = (step + 1) * columns - first;
    for (int64_t i = 0; i < count; ++i, --left) {
      if (left == 0) {
        ++step;
        left = columns;
      }
      if (hit[static_cast<size_t>(step)] != 0) out[first + i] = static_cast<Scalar>(values[i]);
    }
  });
}

template <class Scalar>
void clear_steps(int64_t columns, const std::vector<uint8_t>& hit, Scalar* out) {
  for (size_t t = 0; t < hit.size(); ++t) {
    if (hit[t] != 0) std::fill_n(out + static_cast<int64_t>(t) * columns, columns, Scalar(0));
  }
}

/** Whether the whole modality of an example goes. */
bool is_missing(const CorruptionArguments& a, const RowKey& row) {
  if (a.kind == CorruptionKind::drop) {
    const float p = probability(static_cast<float>(a.intensity));
    return is_dropped(a.seed, row.index, 0, a.modality, a.modalities, /*environment=*/1, p);
  }
  const uint32_t word = philox(row.key, 0, row.index, row.step, row.tag)[0];
  return static_cast<double>(uniform(word)) < a.intensity;
}

/** Example b, of `steps` time steps; x and out begin with the first. */
template <class Scalar>
CMIR_INLINE void corrupt_example(
    const CorruptionArguments& a,
    int64_t b,
    int64_t steps,
    const Scalar* x,
    std::vector<uint8_t>& hit,
    Scalar* out
) {
  const int64_t size = steps * a.columns;
  const auto index = static_cast<uint32_t>(a.index[b]);
  const RowKey row = row_key(a, index, Purpose::choice);
  const auto noisy = [&](NoiseKind kind) {
    noisy_columns(kind, row, static_cast<float>(a.intensity), 0, size, x, out);
  };
  switch (a.kind) {
    case CorruptionKind::gaussian:
      return noisy(NoiseKind::gaussian);
    case CorruptionKind::laplace:
      return noisy(NoiseKind::laplace);
    case CorruptionKind::erase:
      return noisy(NoiseKind::erase);
    case CorruptionKind::drop:
    case CorruptionKind::modality:
      if (is_missing(a, row)) {
        std::fill_n(out, size, Scalar(0));
      } else {
        std::copy_n(x, size, out);
      }
      return;
    case CorruptionKind::replace:
    case CorruptionKind::frame:
    case CorruptionKind::block:
      break;
  }
  std::copy_n(x, size, out);
  hit.resize(static_cast<size_t>(steps));
  if (a.kind == CorruptionKind::block) {
    choose_stretch(row, a.intensity, hit);
  } else {
    choose_steps(row, a.intensity, hit);
  }
  if (a.kind == CorruptionKind::replace) {
    replace_steps(row_key(a, index, Purpose::values), a.columns, hit, out);
  } else {
    clear_steps(a.columns, hit, out);
  }
}

}  // namespace

template <class Scalar>
void corrupt_cpu(const CorruptionArguments& a, const Scalar* x, Scalar* out) {
  const int64_t rows = a.offsets == nullptr ? a.examples : a.offsets[a.examples] - a.offsets[0];
  const int64_t cost = 8 * a.columns * (rows / std::max<int64_t>(1, a.examples) + 1);
  RowChunks(a.examples).for_each(cost, [&](int64_t, int64_t begin, int64_t end) {
    std::vector<uint8_t> hit;
    vectorized([&] {
      for (int64_t b = begin; b < end; ++b) {
        const int64_t first = a.offsets == nullptr ? b : a.offsets[b];
        const int64_t steps = a.offsets == nullptr ? 1 : a.offsets[b + 1] - first;
        corrupt_example(a, b, steps, x + first * a.columns, hit, out + first * a.columns);
      }
    });
  });
}

template void corrupt_cpu(const CorruptionArguments&, const float*, float*);
template void corrupt_cpu(const CorruptionArguments&, const double*, double*);

}  // namespace cmir
