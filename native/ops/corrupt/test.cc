#include <ATen/Parallel.h>

#include <limits>

#include "ops/corrupt/kernel.h"
#include "ops/corrupt/reference.h"
#include "test/check.h"

namespace cmir::test {
namespace {

using enum CorruptionKind;

const std::vector<CorruptionKind> kKinds{
    gaussian, laplace, erase, replace, frame, block, modality, drop
};
const std::vector<CorruptionKind> kMasks{erase, frame, block, modality, drop};
const PhiloxKey kKey = reference::evaluation_key(0x123456789ABCD, "text");

/** Sequences, or rows where lengths are all 1 and `rows` is true. */
struct Batch {
  Batch(std::vector<int64_t> of, int64_t columns, at::ScalarType type, bool rows = false)
      : lengths(std::move(of)), rows(rows) {
    std::vector<int64_t> bounds{0};
    for (const int64_t length : lengths) bounds.push_back(bounds.back() + length);
    offsets = at::tensor(bounds, at::kLong);
    index = at::arange(size(), at::kLong) * 991 + 5;
    x = normal({bounds.back(), columns}, type);
  }

  int64_t size() const { return static_cast<int64_t>(lengths.size()); }

  at::Tensor operator()(CorruptionKind kind, double s) const {
    const CorruptionArguments arguments{
        .examples = size(),
        .columns = x.size(1),
        .offsets = rows ? nullptr : offsets.const_data_ptr<int64_t>(),
        .index = index.const_data_ptr<int64_t>(),
        .key = kKey,
        .kind = kind,
        .intensity = s,
        .seed = PhiloxKey::from_seed(7),
        .modality = 1,
        .modalities = 3,
    };
    at::Tensor out = at::full_like(x, std::numeric_limits<double>::quiet_NaN());
    if (x.scalar_type() == at::kDouble) {
      corrupt_cpu(arguments, x.const_data_ptr<double>(), out.mutable_data_ptr<double>());
    } else {
      corrupt_cpu(arguments, x.const_data_ptr<float>(), out.mutable_data_ptr<float>());
    }
    return out;
  }

  at::Tensor example(const at::Tensor& values, int64_t b) const {
    return values.narrow(0, offsets[b].item<int64_t>(), lengths[static_cast<size_t>(b)]);
  }

  std::vector<int64_t> lengths;
  bool rows;
  at::Tensor offsets, index, x;
};

Batch sequences(at::ScalarType type = at::kDouble) { return {{3, 0, 11, 1, 40, 2}, 7, type}; }
Batch vectors(int64_t count = 5, at::ScalarType type = at::kDouble) {
  return {std::vector<int64_t>(static_cast<size_t>(count), 1), 130, type, true};
}

/** 1 where a time step of one example [T, D] is all 0. */
at::Tensor missing(const at::Tensor& example) { return (example == 0).all(1); }

TEST_CASE("corrupt: every kind is the reference's") {
  for (const at::ScalarType type : {at::kFloat, at::kDouble}) {
    for (const Batch& batch : {sequences(type), vectors(5, type)}) {
      for (const CorruptionKind kind : kKinds) {
        if (kind == drop) continue;
        for (const double s : {0.0, 0.3, 0.5, 0.7, 1.0}) {
          INFO("kind " << static_cast<int>(kind) << ", intensity " << s);
          const at::Tensor out = batch(kind, s);
          for (int64_t b = 0; b < batch.size(); ++b) {
            check_close(
                batch.example(out, b).to(at::kFloat),
                reference::corrupted(
                    batch.example(batch.x, b).to(at::kDouble),
                    kind,
                    s,
                    kKey,
                    batch.index[b].item<int64_t>()
                )
            );
          }
        }
      }
    }
  }
}

TEST_CASE("corrupt: intensity 0 changes nothing, 1 takes all that is not capped") {
  for (const Batch& batch : {sequences(), vectors()}) {
    for (const CorruptionKind kind : kKinds) CHECK(batch(kind, 0).equal(batch.x));
    for (const CorruptionKind kind : {frame, block, modality}) {
      CHECK(batch(kind, 1).count_nonzero().item<int64_t>() == 0);
    }
    CHECK(((batch(replace, 1) - batch.x) != 0).all().item<bool>());
  }
}

TEST_CASE("corrupt: what is gone at a level is gone at every higher one") {
  const Batch batch{{90, 1, 7, 33, 0, 12, 5}, 3, at::kFloat};
  for (const CorruptionKind kind : kMasks) {
    INFO("kind " << static_cast<int>(kind));
    at::Tensor before = batch(kind, 0) == 0;
    for (int level = 1; level <= 100; ++level) {
      const at::Tensor gone = batch(kind, level / 100.0) == 0;
      CHECK(gone.logical_or(before.logical_not()).all().item<bool>());
      before = gone;
    }
  }
  at::Tensor before = batch.x;
  for (int level = 1; level <= 100; ++level) {
    const at::Tensor now = batch(replace, level / 100.0);
    CHECK((now == before).logical_or(before == batch.x).all().item<bool>());  // never drawn again
    before = now;
  }
}

TEST_CASE("corrupt: additive noise keeps its direction") {
  const Batch batch = sequences();
  for (const CorruptionKind kind : {gaussian, laplace}) {
    const at::Tensor direction = batch(kind, 0.25) - batch.x;
    check_close((batch(kind, 1.5) - batch.x).to(at::kFloat), 6 * direction);
  }
}

TEST_CASE("corrupt: block takes one stretch of the right length, anywhere alike") {
  const Batch batch{std::vector<int64_t>(20000, 10), 1, at::kFloat};
  const at::Tensor gone = (batch(block, 0.3) == 0).view({20000, 10}).to(at::kLong);
  CHECK((gone.sum(1) == 3).all().item<bool>());
  const at::Tensor first = gone.argmax(1), last = 9 - gone.flip(1).argmax(1);
  CHECK((last - first == 2).all().item<bool>());
  // 8 places, 2500 each; 5 standard deviations are 234.
  CHECK((first.bincount({}, 8) - 2500).abs().max().item<int64_t>() < 234);
}

TEST_CASE("corrupt: shares and moments are those of the definition") {
  const Batch batch{std::vector<int64_t>(4000, 10), 4, at::kFloat};
  for (const double s : {0.1, 0.7}) {
    for (const CorruptionKind kind : {erase, frame, modality}) {
      const double share = (batch(kind, s) == 0).to(at::kDouble).mean().item<double>();
      CHECK(share == doctest::Approx(s).epsilon(0.05 / s));
    }
    CHECK(
        missing(batch(frame, s)).to(at::kDouble).mean().item<double>() ==
        doctest::Approx(s).epsilon(0.02 / s)
    );
  }
  const at::Tensor drawn = batch(replace, 1).to(at::kDouble);
  CHECK(drawn.mean().item<double>() == doctest::Approx(0).scale(1).epsilon(0.02));
  CHECK(drawn.std().item<double>() == doctest::Approx(1).epsilon(0.02));
}

TEST_CASE("corrupt: an example's noise is its own, whatever is beside it, on any threads") {
  const Batch batch = sequences();
  const int threads = at::get_num_threads();
  for (const CorruptionKind kind : kKinds) {
    const at::Tensor all = batch(kind, 0.6);
    for (int64_t b = 0; b < batch.size(); ++b) {
      Batch one{{batch.lengths[static_cast<size_t>(b)]}, 7, at::kDouble};
      one.x = batch.example(batch.x, b).contiguous();
      one.index = batch.index.narrow(0, b, 1).contiguous();
      CHECK(one(kind, 0.6).equal(batch.example(all, b)));
    }
    const Batch many{std::vector<int64_t>(300, 20), 33, at::kFloat};
    at::set_num_threads(1);
    const at::Tensor expected = many(kind, 0.6);
    at::set_num_threads(3);
    CHECK(many(kind, 0.6).equal(expected));
    at::set_num_threads(threads);
  }
}

TEST_CASE("corrupt: modalities and kinds have draws of their own") {
  Batch batch = vectors(400);
  const at::Tensor first = batch(modality, 0.5) == 0, other = batch(frame, 0.5) == 0;
  CHECK_FALSE(first.equal(other));
  CHECK_FALSE((batch(gaussian, 1) - batch.x).allclose(batch(laplace, 1) - batch.x));
  CHECK(reference::evaluation_key(1, "text").low != reference::evaluation_key(1, "audio").low);
}

TEST_CASE("corrupt: nothing is nothing") {
  const Batch none{{}, 7, at::kFloat};
  const Batch empty{{0, 0}, 7, at::kFloat};
  for (const CorruptionKind kind : kKinds) {
    CHECK(none(kind, 0.5).numel() == 0);
    CHECK(empty(kind, 0.5).numel() == 0);
  }
}

}  // namespace
}  // namespace cmir::test
