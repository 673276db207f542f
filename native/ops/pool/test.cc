#include <ATen/Parallel.h>

#include <numeric>

#include "base/rows.h"
#include "ops/perturb/op.h"
#include "ops/pool/kernel.h"
#include "test/check.h"

namespace cmir::test {
namespace {

constexpr int64_t kSeed = 0x123456789ABCD, kStep = 5, kModality = 1, kModalities = 3;
// Every kind, the draws of each by its environment's number.
const std::vector<int64_t> kKinds{0, 1, 2, 3, 0};
const std::vector<double> kIntensities{0.5, 0.25, 0.4, 0.5, 1.5};
const auto kNoisy = static_cast<int64_t>(kKinds.size());

/** Sequences of these lengths, none and one among them, with noise of every kind. */
struct Sequences {
  Sequences(const std::vector<int64_t>& lengths, int64_t columns, at::ScalarType type)
      : lengths(lengths) {
    std::vector<int64_t> bounds{0};
    for (const int64_t length : lengths) bounds.push_back(bounds.back() + length);
    offsets = at::tensor(bounds, at::kLong);
    index = at::arange(size(), at::kLong) * 991 + 5;
    frames = normal({bounds.back(), columns}, type);
  }

  int64_t size() const { return static_cast<int64_t>(lengths.size()); }
  int64_t columns() const { return frames.size(1); }

  SequenceArguments arguments(bool clean = true) const {
    return {
        .examples = size(),
        .columns = columns(),
        .offsets = offsets.const_data_ptr<int64_t>(),
        .index = index.const_data_ptr<int64_t>(),
        .step = kStep,
        .key = PhiloxKey::from_seed(kSeed),
        .modality = kModality,
        .modalities = kModalities,
        .environments = kNoisy,
        .kinds = kKinds.data(),
        .intensities = kIntensities.data(),
        .clean = clean,
    };
  }

  /** Some of them in another order. */
  Sequences some(const std::vector<int64_t>& rows) const {
    std::vector<int64_t> some_lengths;
    std::vector<at::Tensor> parts;
    for (const int64_t row : rows) {
      some_lengths.push_back(lengths[static_cast<size_t>(row)]);
      parts.push_back(example(row));
    }
    Sequences others(some_lengths, columns(), frames.scalar_type());
    others.frames = at::cat(parts);
    others.index = index.index_select(0, at::tensor(rows, at::kLong));
    return others;
  }

  at::Tensor example(int64_t b) const {
    return frames.narrow(0, offsets[b].item<int64_t>(), lengths[static_cast<size_t>(b)]);
  }

  /** Its noisy frames [1 + K, T, D]: those of a row of T * D columns. */
  at::Tensor noisy(int64_t b) const {
    const at::Tensor x = example(b);
    return perturbed(x.reshape({1, -1}), b, {}).view({1 + kNoisy, x.size(0), columns()});
  }

  at::Tensor perturbed(
      const at::Tensor& row, int64_t b, const std::optional<at::Tensor>& scale
  ) const {
    return perturb(
        row,
        index.narrow(0, b, 1),
        at::scalar_tensor(kStep, at::kLong),
        kSeed,
        kModality,
        kModalities,
        kKinds,
        kIntensities,
        scale
    );
  }

  std::vector<int64_t> lengths;
  at::Tensor offsets, index, frames;
};

/** Runs `kernel` as it is compiled for the frames' type. */
template <class Kernel>
void dispatch(const Sequences& s, const Kernel& kernel) {
  if (s.frames.scalar_type() == at::kDouble) {
    kernel(double{});
  } else {
    kernel(float{});
  }
}

at::Tensor mean(const Sequences& s, bool clean = true) {
  const at::Tensor out =
      at::empty({kNoisy + (clean ? 1 : 0), s.size(), s.columns()}, s.frames.options());
  dispatch(s, [&]<class Scalar>(Scalar) {
    mean_frames_cpu(
        s.arguments(clean), s.frames.const_data_ptr<Scalar>(), out.mutable_data_ptr<Scalar>()
    );
  });
  return out;
}

struct Attended {
  at::Tensor out, weights;
};
Attended attend(const Sequences& s, const at::Tensor& query) {
  const Attended result{
      at::empty({1 + kNoisy, s.size(), s.columns()}, s.frames.options()),
      at::empty({1 + kNoisy, s.frames.size(0)}, s.frames.options())
  };
  dispatch(s, [&]<class Scalar>(Scalar) {
    attend_frames_cpu(
        s.arguments(),
        s.frames.const_data_ptr<Scalar>(),
        query.const_data_ptr<Scalar>(),
        result.weights.mutable_data_ptr<Scalar>(),
        result.out.mutable_data_ptr<Scalar>()
    );
  });
  return result;
}

at::Tensor query_gradient(
    const Sequences& s, const Attended& attended, const at::Tensor& incoming
) {
  const at::Tensor parts = at::empty({RowChunks::kMaxChunks, s.columns()}, s.frames.options());
  const at::Tensor out = at::empty({s.columns()}, s.frames.options());
  dispatch(s, [&]<class Scalar>(Scalar) {
    const AttentionGradient<Scalar> gradient{
        .weights = attended.weights.const_data_ptr<Scalar>(),
        .out = attended.out.const_data_ptr<Scalar>(),
        .incoming = incoming.const_data_ptr<Scalar>(),
        .parts = parts.mutable_data_ptr<Scalar>(),
    };
    attend_frames_backward_cpu(
        s.arguments(), s.frames.const_data_ptr<Scalar>(), gradient, out.mutable_data_ptr<Scalar>()
    );
  });
  return out;
}

/** softmax(x q / sqrt(D)) x of noisy frames [E, T, D], in the type of the query. */
at::Tensor attention_by_definition(const at::Tensor& x, const at::Tensor& query) {
  const at::Tensor frames = x.to(query.scalar_type());
  const at::Tensor scores = at::matmul(frames, query) / std::sqrt(frames.size(2));
  return (scores.softmax(-1).unsqueeze(-1) * frames).sum(1);
}

/** Lengths of no frame, of one, and of some that need several blocks of a kernel, or do not. */
std::vector<Sequences> all_shapes(at::ScalarType type) {
  std::vector<Sequences> shapes;
  for (const int64_t columns : {1, 3, 4, 35, 129}) {
    shapes.emplace_back(std::vector<int64_t>{3, 0, 1, 7, 40}, columns, type);
  }
  shapes.emplace_back(std::vector<int64_t>{300, 119, 116}, 35, type);
  shapes.emplace_back(std::vector<int64_t>{9, 4}, 1501, type);
  shapes.emplace_back(std::vector<int64_t>{0, 0}, 3, type);
  return shapes;
}

TEST_CASE("pool: means are those of frames with the noise of one long row") {
  for (const auto type : kTypes) {
    for (const Sequences& s : all_shapes(type)) {
      INFO(type << " columns " << s.columns());
      const at::Tensor found = mean(s);
      at::Tensor expected = at::zeros(found.sizes(), at::kDouble);
      for (int64_t b = 0; b < s.size(); ++b) {
        const int64_t length = s.lengths[static_cast<size_t>(b)];
        if (length == 0) continue;
        expected.select(1, b) = s.noisy(b).to(at::kDouble).mean(1);
        // Gaussian noise is drawn once, for the mean, like that of a flat row.
        const at::Tensor scale = at::full({1}, mean_noise_scale(length));
        const at::Tensor clean = s.example(b).to(at::kDouble).mean(0, /*keepdim=*/true);
        const at::Tensor drawn = s.perturbed(clean, b, scale);
        for (const int64_t e : {1, 5}) expected[e][b] = drawn[e][0];
      }
      // Draws are float32 whatever the frames are.
      check_close(type == at::kDouble ? found.to(at::kFloat) : found, expected);
      CHECK(mean(s, /*clean=*/false).equal(found.narrow(0, 1, kNoisy)));
    }
  }
}

TEST_CASE("pool: noise of a mean of frames is distributed as the mean of their noise") {
  // 4 frames, 2000 examples: the variance of the mean is that of a frame's noise by 4.
  Sequences s(std::vector<int64_t>(2000, 4), 16, at::kDouble);
  s.frames.zero_();
  const at::Tensor out = mean(s);
  CHECK(std::abs(out[1].square().mean().item<double>() - 0.25 / 4) < 0.001);
  CHECK(std::abs(out[2].square().mean().item<double>() - 0.0625 / 4) < 0.001);
  CHECK(std::abs(out[5].mean().item<double>()) < 0.02);
}

TEST_CASE("pool: attention and the gradient of its query are those of autograd on noisy frames") {
  for (const auto type : kTypes) {
    for (const Sequences& s : all_shapes(type)) {
      INFO(type << " columns " << s.columns());
      // Scores far apart, and some about the same.
      for (const double size : {0.0, 1.0, 30.0}) {
        const at::Tensor query = normal({s.columns()}, type, 3) * size;
        const at::Tensor incoming = normal({1 + kNoisy, s.size(), s.columns()}, type, 4);
        const Attended found = attend(s, query);
        const at::Tensor leaf = query.to(at::kDouble).requires_grad_(true);
        at::Tensor expected = at::zeros(found.out.sizes(), at::kDouble);
        at::Tensor sum = (leaf * 0).sum();
        for (int64_t b = 0; b < s.size(); ++b) {
          if (s.lengths[static_cast<size_t>(b)] == 0) continue;
          const at::Tensor pooled = attention_by_definition(s.noisy(b), leaf);
          expected.select(1, b) = pooled.detach();
          sum = sum + (pooled * incoming.select(1, b).to(at::kDouble)).sum();
        }
        sum.backward();
        const auto compare = [&](const at::Tensor& a, const at::Tensor& b) {
          check_close(type == at::kDouble ? a.to(at::kFloat) : a, b);
        };
        compare(found.out, expected);
        if (size < 30) compare(query_gradient(s, found, incoming), leaf.grad());
        // Far apart, differences of large scores are what is left of float32.
        const at::Tensor gradient = query_gradient(s, found, incoming).to(at::kDouble);
        const double scale = std::max(1.0, leaf.grad().abs().max().item<double>());
        CHECK((gradient - leaf.grad()).abs().max().item<double>() < 1e-3 * scale);
      }
    }
  }
}

TEST_CASE("pool: frames go where they are told to") {
  for (const auto type : kTypes) {
    const Sequences s({3, 0, 1, 4, 130}, 35, type);
    // By time, and at each time the longest first: rows one after another.
    const std::vector<int64_t> order{4, 3, 0, 2};
    std::vector<int64_t> places(5, -1), starts;
    for (size_t i = 0; i < order.size(); ++i) {
      places[static_cast<size_t>(order[i])] = static_cast<int64_t>(i);
    }
    const int64_t made = kNoisy + 1;
    int64_t rows = 0;
    std::vector<at::Tensor> expected;
    for (int64_t t = 0; t < 130; ++t) {
      starts.push_back(rows);
      for (const int64_t b : order) {
        if (s.lengths[static_cast<size_t>(b)] <= t) continue;
        expected.push_back(s.noisy(b).select(1, t));
        rows += made;
      }
    }
    const at::Tensor out = at::empty({rows, 35}, s.frames.options());
    dispatch(s, [&]<class Scalar>(Scalar) {
      place_frames_cpu(
          s.arguments(),
          s.frames.const_data_ptr<Scalar>(),
          {.starts = starts.data(), .places = places.data()},
          out.mutable_data_ptr<Scalar>()
      );
    });
    CHECK(out.equal(at::cat(expected)));
  }
}

TEST_CASE("pool: results do not depend on how a batch is cut, on order or threads") {
  std::vector<int64_t> lengths(60);
  std::iota(lengths.begin(), lengths.end(), 0);
  const Sequences s(lengths, 33, at::kFloat);
  const at::Tensor query = normal({33}, at::kFloat, 3);
  const at::Tensor incoming = normal({1 + kNoisy, 60, 33}, at::kFloat, 4);
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const at::Tensor means = mean(s);
  const Attended attended = attend(s, query);
  const at::Tensor gradient = query_gradient(s, attended, incoming);
  at::set_num_threads(4);
  CHECK(mean(s).equal(means));
  CHECK(attend(s, query).out.equal(attended.out));
  CHECK(query_gradient(s, attended, incoming).equal(gradient));
  at::set_num_threads(threads);
  const std::vector<int64_t> rows{7, 0, 59, 8};
  const Sequences some = s.some(rows);
  const at::Tensor numbers = at::tensor(rows, at::kLong);
  CHECK(mean(some).equal(means.index_select(1, numbers)));
  CHECK(attend(some, query).out.equal(attended.out.index_select(1, numbers)));
}

}  // namespace
}  // namespace cmir::test
