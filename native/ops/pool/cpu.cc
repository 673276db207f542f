#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/rows.h"
#include "base/vectorized.h"
#include "ops/perturb/noisy_columns.h"
#include "ops/pool/kernel.h"

namespace cmir {
namespace {

// Values of noisy frames at a time, about: they stay in the first cache.
constexpr int64_t kBlockValues = 4096;

/** Frames at a time: a multiple of 4, so that every block begins with a counter of its own. */
int64_t block_frames(int64_t columns) {
  return std::max<int64_t>(4, kBlockValues / columns / 4 * 4);
}

/** One environment of one example. */
struct Copy {
  RowKey row;
  bool clean, dropped;
  NoiseKind kind;
  float intensity;
};

Copy copy_of(const SequenceArguments& a, int64_t made, int64_t example) {
  const int64_t e = made + (a.clean ? 0 : 1);  // 0 is the clean one
  if (e == 0) return {.row = {}, .clean = true, .dropped = false, .kind = {}, .intensity = 0};
  const auto index = static_cast<uint32_t>(a.index[example]);
  Copy copy{
      .row = {a.key, index, a.step, philox_tag(Stream::noise, a.modality, e)},
      .clean = false,
      .dropped = false,
      .kind = static_cast<NoiseKind>(a.kinds[e - 1]),
      .intensity = static_cast<float>(a.intensities[e - 1]),
  };
  if (copy.kind == NoiseKind::drop) {
    copy.dropped =
        is_dropped(a.key, index, a.step, a.modality, a.modalities, e, probability(copy.intensity));
    copy.clean = !copy.dropped;
  }
  return copy;
}

/** Memory of a thread. */
template <class Scalar>
struct Room {
  std::vector<Scalar> frames, scores;
};

/** Calls use(first frame, number of frames, values) for stretches of an example's noisy frames. */
template <class Scalar, class Use>
CMIR_INLINE void for_noisy_frames(
    const Copy& copy,
    int64_t frames,
    int64_t columns,
    const Scalar* x,
    Room<Scalar>& room,
    const Use& use
) {
  if (copy.clean) return use(0, frames, x);
  const int64_t most = block_frames(columns);
  room.frames.resize(static_cast<size_t>(std::min(most, frames) * columns));
  Scalar* block = room.frames.data();
  if (copy.dropped) std::fill(room.frames.begin(), room.frames.end(), Scalar(0));
  for (int64_t first = 0; first < frames; first += most) {
    const int64_t count = std::min(most, frames - first);
    const int64_t begin = first * columns, end = begin + count * columns;
    if (!copy.dropped) {
      noisy_columns(copy.kind, copy.row, copy.intensity, begin, end, x + begin, block);
    }
    use(first, count, static_cast<const Scalar*>(block));
  }
}

/** Calls body(chunk, example, made environment, room) for all, chunks of examples in parallel. */
template <class Scalar, class Body>
void for_each_copy(const SequenceArguments& a, const Body& body) {
  const int64_t frames = a.offsets[a.examples] - a.offsets[0];
  const int64_t cost = 8 * a.made() * a.columns * (frames / std::max<int64_t>(1, a.examples) + 1);
  RowChunks(a.examples).for_each(cost, [&](int64_t chunk, int64_t begin, int64_t end) {
    Room<Scalar> room;
    vectorized([&] {
      for (int64_t b = begin; b < end; ++b) {
        for (int64_t e = 0; e < a.made(); ++e) body(chunk, b, e, room);
      }
    });
  });
}

template <class Scalar>
CMIR_INLINE Scalar dot(int64_t size, const Scalar* a, const Scalar* b) {
  Scalar sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < size; ++i) sum += a[i] * b[i];
  return sum;
}

template <class Scalar>
CMIR_INLINE void add_scaled(int64_t size, Scalar factor, const Scalar* x, Scalar* sum) {
#pragma omp simd
  for (int64_t i = 0; i < size; ++i) sum[i] += factor * x[i];
}

template <class Scalar>
CMIR_INLINE void scale(int64_t size, Scalar factor, Scalar* x) {
#pragma omp simd
  for (int64_t i = 0; i < size; ++i) x[i] *= factor;
}

/** The mean of one example's noisy frames, T > 0. */
template <class Scalar>
CMIR_INLINE void mean_of_copy(
    const Copy& copy,
    int64_t frames,
    int64_t columns,
    const Scalar* x,
    Room<Scalar>& room,
    Scalar* out
) {
  std::fill_n(out, columns, Scalar(0));
  if (copy.dropped) return;
  const bool on_mean = !copy.clean && copy.kind == NoiseKind::gaussian;
  Copy summed = copy;
  summed.clean = copy.clean || on_mean;
  for_noisy_frames(
      summed, frames, columns, x, room, [&](int64_t, int64_t count, const Scalar* values) {
        for (int64_t t = 0; t < count; ++t) {
          add_scaled(columns, Scalar(1), values + t * columns, out);
        }
      }
  );
  for (int64_t c = 0; c < columns; ++c) out[c] /= static_cast<Scalar>(frames);
  if (on_mean) {
    const float intensity = copy.intensity * mean_noise_scale(frames);
    noisy_columns(copy.kind, copy.row, intensity, 0, columns, out, out);
  }
}

/** Attention over one example's noisy frames, T > 0, in one pass: what was summed so far shrinks
 * whenever a larger score comes (Milakov and Gimelshein, 2018). */
template <class Scalar>
CMIR_INLINE void attend_copy(
    const Copy& copy,
    int64_t frames,
    int64_t columns,
    const Scalar* x,
    const Scalar* query,
    Room<Scalar>& room,
    Scalar* out
) {
  const Scalar factor = 1 / std::sqrt(static_cast<Scalar>(columns));
  Scalar largest = -std::numeric_limits<Scalar>::infinity(), total = 0;
  room.scores.resize(static_cast<size_t>(frames));
  std::fill_n(out, columns, Scalar(0));
  for_noisy_frames(
      copy, frames, columns, x, room, [&](int64_t first, int64_t count, const Scalar* values) {
        Scalar* score = room.scores.data() + first;
        for (int64_t t = 0; t < count; ++t) {
          score[t] = factor * dot(columns, values + t * columns, query);
        }
        const Scalar most = std::max(largest, *std::max_element(score, score + count));
        const Scalar shrink = std::exp(largest - most);
        scale(columns, shrink, out);
        total *= shrink;
        largest = most;
        for (int64_t t = 0; t < count; ++t) {
          const Scalar weight = std::exp(score[t] - largest);
          total += weight;
          add_scaled(columns, weight, values + t * columns, out);
        }
      }
  );
  scale(columns, 1 / total, out);
  for (Scalar& score : room.scores) score = std::exp(score - largest) / total;
}

}  // namespace

template <class Scalar>
void mean_frames_cpu(const SequenceArguments& a, const Scalar* frames, Scalar* out) {
  for_each_copy<Scalar>(a, [&](int64_t, int64_t b, int64_t e, Room<Scalar>& room) {
    const int64_t first = a.offsets[b], count = a.offsets[b + 1] - first;
    Scalar* target = out + (e * a.examples + b) * a.columns;
    if (count == 0) {
      std::fill_n(target, a.columns, Scalar(0));
    } else {
      mean_of_copy(copy_of(a, e, b), count, a.columns, frames + first * a.columns, room, target);
    }
  });
}

template <class Scalar>
void attend_frames_cpu(
    const SequenceArguments& a,
    const Scalar* frames,
    const Scalar* query,
    Scalar* weights,
    Scalar* out
) {
  const int64_t all = a.offsets[a.examples];
  for_each_copy<Scalar>(a, [&](int64_t, int64_t b, int64_t e, Room<Scalar>& room) {
    const int64_t first = a.offsets[b], count = a.offsets[b + 1] - first;
    Scalar* target = out + (e * a.examples + b) * a.columns;
    if (count == 0) return static_cast<void>(std::fill_n(target, a.columns, Scalar(0)));
    attend_copy(
        copy_of(a, e, b), count, a.columns, frames + first * a.columns, query, room, target
    );
    if (weights != nullptr) std::copy_n(room.scores.data(), count, weights + e * all + first);
  });
}

template <class Scalar>
void attend_frames_backward_cpu(
    const SequenceArguments& a,
    const Scalar* frames,
    const AttentionGradient<Scalar>& g,
    Scalar* query_gradient
) {
  const int64_t all = a.offsets[a.examples], columns = a.columns;
  const int64_t chunks = RowChunks(a.examples).count();
  const Scalar factor = 1 / std::sqrt(static_cast<Scalar>(columns));
  std::fill_n(g.parts, chunks * columns, Scalar(0));
  for_each_copy<Scalar>(a, [&](int64_t chunk, int64_t b, int64_t e, Room<Scalar>& room) {
    const int64_t first = a.offsets[b], count = a.offsets[b + 1] - first;
    const Copy copy = copy_of(a, e, b);
    if (count == 0 || copy.dropped) return;
    const int64_t row = (e * a.examples + b) * columns;
    const Scalar* incoming = g.incoming + row;
    const Scalar* weights = g.weights + e * all + first;
    // d out / d score_t is weight_t (x_t - out).
    const Scalar mean = dot(columns, incoming, g.out + row);
    for_noisy_frames(
        copy,
        count,
        columns,
        frames + first * columns,
        room,
        [&](int64_t start, int64_t stretch, const Scalar* values) {
          for (int64_t t = 0; t < stretch; ++t) {
            const Scalar* x = values + t * columns;
            const Scalar score_gradient = weights[start + t] * (dot(columns, incoming, x) - mean);
            add_scaled(columns, factor * score_gradient, x, g.parts + chunk * columns);
          }
        }
    );
  });
  sum_chunks(g.parts, chunks, columns, query_gradient);
}

template <class Scalar>
void place_frames_cpu(
    const SequenceArguments& a, const Scalar* frames, const FramePlaces& places, Scalar* out
) {
  for_each_copy<Scalar>(a, [&](int64_t, int64_t b, int64_t e, Room<Scalar>& room) {
    const int64_t first = a.offsets[b], count = a.offsets[b + 1] - first;
    const int64_t place = places.places[b] * a.made() + e;
    for_noisy_frames(
        copy_of(a, e, b),
        count,
        a.columns,
        frames + first * a.columns,
        room,
        [&](int64_t start, int64_t stretch, const Scalar* values) {
          for (int64_t t = 0; t < stretch; ++t) {
            const int64_t row = places.starts[start + t] + place;
            std::copy_n(values + t * a.columns, a.columns, out + row * a.columns);
          }
        }
    );
  });
}

#define CMIR_INSTANTIATE(Scalar)                                                         \
  template void mean_frames_cpu(const SequenceArguments&, const Scalar*, Scalar*);       \
  template void attend_frames_cpu(                                                       \
      const SequenceArguments&, const Scalar*, const Scalar*, Scalar*, Scalar*           \
  );                                                                                     \
  template void attend_frames_backward_cpu(                                              \
      const SequenceArguments&, const Scalar*, const AttentionGradient<Scalar>&, Scalar* \
  );                                                                                     \
  template void place_frames_cpu(                                                        \
      const SequenceArguments&, const Scalar*, const FramePlaces&, Scalar*               \
  )
CMIR_INSTANTIATE(float);
CMIR_INSTANTIATE(double);
#undef CMIR_INSTANTIATE

}  // namespace cmir
