#include <ATen/Parallel.h>

#include "base/scratch.h"
#include "ops/perturb/kernel.h"
#include "ops/perturb/launch.h"
#include "ops/perturb/op.h"
#include "ops/perturb/reference.h"
#include "test/check.h"

namespace cmir::test {
namespace {

constexpr int64_t kSeed = 0x123456789ABCD;

at::Tensor run(
    const at::Tensor& x,
    const at::Tensor& index,
    const std::vector<int64_t>& kinds,
    const std::vector<double>& intensities,
    int64_t step = 5,
    int64_t modality = 1,
    const std::optional<at::Tensor>& scale = {}
) {
  return perturb(
      x, index, at::scalar_tensor(step, at::kLong), kSeed, modality, 3, kinds, intensities, scale
  );
}

at::Tensor range(int64_t n) { return at::arange(n, at::kLong); }

TEST_CASE("perturb: additive noise and erasure are those of the definition") {
  for (const auto type : kTypes) {
    for (const int64_t columns : {1, 3, 4, 7, 129}) {
      const at::Tensor x = normal({6, columns}, type);
      const at::Tensor index = range(6) * 1000 + 7;
      const at::Tensor found = run(x, index, {0, 1, 2}, {0.5, 0.25, 0.4});
      at::Tensor expected = at::empty({4, 6, columns}, at::kDouble);
      expected[0] = x;
      for (int64_t b = 0; b < 6; ++b) {
        for (int64_t c = 0; c < columns; ++c) {
          const auto draw = [&](int64_t kind, int64_t e) {
            return reference::draw(kind, kSeed, 5, 1, e, index[b].item<int64_t>(), c);
          };
          const double clean = x[b][c].item<double>();
          expected[1][b][c] = clean + 0.5 * draw(0, 1);
          expected[2][b][c] = clean + 0.25 * draw(1, 2);
          expected[3][b][c] = draw(2, 3) < 0.4 ? 0 : clean;
        }
      }
      CHECK(found[0].equal(x));
      // Draws are float32 whatever x is.
      CHECK((found.to(at::kDouble) - expected).abs().max().item<double>() < 2e-6);
    }
  }
}

TEST_CASE("perturb: the moments of the draws") {
  const at::Tensor out =
      run(at::zeros({2000, 64}), range(2000), {0, 1, 2}, {1, 1, 0.3}).to(at::kDouble);
  const auto moment = [&](int64_t e, int64_t power) {
    return out[e].pow(power).mean().item<double>();
  };
  for (const int64_t e : {1, 2}) {
    CHECK(std::abs(moment(e, 1)) < 0.015);
    CHECK(std::abs(moment(e, 2) - 1) < 0.03);
  }
  CHECK(std::abs(moment(1, 4) - 3) < 0.1);  // normal
  CHECK(std::abs(moment(2, 4) - 6) < 0.5);  // Laplace
  const at::Tensor kept = run(at::ones({2000, 64}), range(2000), {2, 2}, {0.3, 7});
  CHECK(std::abs(kept[1].to(at::kDouble).mean().item<double>() - 0.7) < 0.01);
  CHECK(std::abs(kept[2].to(at::kDouble).mean().item<double>() - 0.05) < 0.01);  // at most 0.95
}

TEST_CASE("perturb: draws do not depend on how a batch is cut, on order, layout or threads") {
  const at::Tensor x = normal({50, 33}, at::kFloat);
  const std::vector<int64_t> kinds{0, 2, 3};
  const std::vector<double> intensities{0.5, 0.5, 0.5};
  const at::Tensor whole = run(x, range(50), kinds, intensities);
  const at::Tensor order = at::arange(49, -1, -1, at::kLong);
  CHECK(
      run(x.index_select(0, order), order, kinds, intensities).equal(whole.index_select(1, order))
  );
  CHECK(run(x.narrow(0, 20, 7), range(50).narrow(0, 20, 7), kinds, intensities)
            .equal(whole.narrow(1, 20, 7)));
  CHECK(run(x.t().contiguous().t(), range(50), kinds, intensities).equal(whole));
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const at::Tensor big = normal({3000, 100}, at::kFloat);
  const at::Tensor one = run(big, range(3000), kinds, intensities);
  at::set_num_threads(4);
  CHECK(run(big, range(3000), kinds, intensities).equal(one));
  at::set_num_threads(threads);
}

TEST_CASE("perturb: seed, step, modality and environment each change the draws") {
  const at::Tensor x = at::zeros({4, 8});
  const at::Tensor base = run(x, range(4), {0, 0}, {1, 1});
  CHECK_FALSE(base[1].equal(base[2]));
  CHECK_FALSE(run(x, range(4), {0, 0}, {1, 1}, 6)[1].equal(base[1]));
  CHECK_FALSE(run(x, range(4), {0, 0}, {1, 1}, 5, 2)[1].equal(base[1]));
  CHECK_FALSE(perturb(x, range(4), at::scalar_tensor(5, at::kLong), kSeed + 1, 1, 3, {0}, {1.0})[1]
                  .equal(base[1]));
}

TEST_CASE("perturb: drop takes whole modalities, never all of an example") {
  std::vector<at::Tensor> kept;
  for (int64_t m = 0; m < 3; ++m) {
    const at::Tensor out = run(at::ones({4000, 5}), range(4000), {3}, {0.6}, 5, m)[1];
    CHECK((out == out.narrow(1, 0, 1)).all().item<bool>());
    kept.push_back(out.select(1, 0));
  }
  const at::Tensor count = at::stack(kept).sum(0);
  CHECK(count.min().item<double>() == 1);
  // P(kept) = 0.4 + P(all dropped) / 3
  CHECK(std::abs(kept[0].to(at::kDouble).mean().item<double>() - (0.4 + 0.216 / 3)) < 0.03);
  const at::Tensor alone =
      perturb(at::ones({9, 2}), range(9), at::scalar_tensor(0, at::kLong), 1, 0, 1, {3}, {0.9});
  CHECK(alone[1].equal(at::ones({9, 2})));
}

TEST_CASE("perturb: masks of a larger intensity hold those of a smaller one") {
  const at::Tensor x = at::ones({200, 40});
  const at::Tensor few = run(x, range(200), {2}, {0.2})[1],
                   many = run(x, range(200), {2}, {0.6})[1];
  CHECK((many <= few).all().item<bool>());
}

TEST_CASE("perturb: the gradient is that of fixed noise") {
  const at::Tensor x = normal({3, 6}, at::kDouble).requires_grad_(true);
  const at::Tensor incoming = normal({4, 3, 6}, at::kDouble, 3);
  const at::Tensor out = run(x, range(3), {0, 2, 3}, {0.5, 0.5, 0.5});
  (out * incoming).sum().backward();
  const at::Tensor kept = run(at::ones({3, 6}, at::kDouble), range(3), {0, 2, 3}, {0, 0.5, 0.5});
  check_close(x.grad(), (incoming * kept).sum(0));
}

TEST_CASE("perturb: a row's scale is a factor of its gaussian noise alone") {
  const std::vector<int64_t> kinds{0, 1, 2, 3};
  const std::vector<double> intensities{0.5, 0.25, 0.4, 0.5};
  for (const auto type : kTypes) {
    const at::Tensor x = normal({5, 33}, type).requires_grad_(type == at::kDouble);
    const at::Tensor scale = at::tensor({1.0F, 0.5F, 0.0F, 2.0F, 0.25F});
    const at::Tensor plain = run(x, range(5), kinds, intensities);
    const at::Tensor found = run(x, range(5), kinds, intensities, 5, 1, scale);
    // Powers of two scale without rounding.
    const at::Tensor expected =
        run(at::zeros_like(x), range(5), kinds, intensities)[1] * scale.to(type).unsqueeze(1) + x;
    CHECK(found[1].equal(expected));
    CHECK(found[1][2].equal(x[2]));
    for (const int64_t e : {0, 2, 3, 4}) CHECK(found[e].equal(plain[e]));
    CHECK(run(x, range(5), kinds, intensities, 5, 1, at::ones({5})).equal(plain));
    if (type != at::kDouble) continue;
    const at::Tensor incoming = normal({5, 5, 33}, type, 2);
    (found * incoming).sum().backward();
    const at::Tensor gradient = x.grad().clone();
    x.mutable_grad().zero_();
    (plain * incoming).sum().backward();
    CHECK(gradient.equal(x.grad()));
  }
}

TEST_CASE("perturb: empty input, no environments, three dimensions") {
  CHECK(run(at::zeros({0, 4}), range(0), {0}, {1}).sizes() == at::IntArrayRef({2, 0, 4}));
  CHECK(run(at::zeros({3, 0}), range(3), {0}, {1}).sizes() == at::IntArrayRef({2, 3, 0}));
  CHECK(run(normal({3, 4}, at::kFloat), range(3), {}, {}).sizes() == at::IntArrayRef({1, 3, 4}));
  const at::Tensor x = normal({2, 3, 4}, at::kFloat);
  CHECK(run(x, range(2), {0}, {1}).flatten(2).equal(run(x.flatten(1), range(2), {0}, {1})));
}

TEST_CASE("perturb: refuses what it cannot mean") {
  const at::Tensor x = at::zeros({2, 3});
  check_throws([&] { run(x, range(3), {0}, {1}); }, "expected index of int64 [2]");
  check_throws([&] { run(x.to(at::kInt), range(2), {0}, {1}); }, "float32, float64 or bfloat16");
  check_throws([&] { run(x, range(2), {4}, {1}); }, "expected 0 to 3, found 4");
  check_throws([&] { run(x, range(2), {0}, {-1}); }, "at least 0, found -1");
  check_throws([&] { run(x, range(2), {0}, {}); }, "one intensity a kind");
  check_throws([&] { run(x, range(2), {0}, {1}, 0, 3); }, "modality < modalities");
  check_throws(
      [&] { run(x, range(2), {0}, {1}, 0, 1, at::ones({3})); },
      "expected scale of float32 [2], found Float [3]"
  );
  check_throws(
      [&] { run(x, range(2), {0}, {1}, 0, 1, at::ones({2}, at::kDouble)); }, "found Double [2]"
  );
}

TEST_CASE("perturb: the CUDA kernel draws what the CPU draws") {
  const auto device = kernel_device();
  if (!device) return;
  // More than one launch takes, among them every kind.
  std::vector<int64_t> many_kinds;
  std::vector<double> many_intensities;
  for (int64_t e = 0; e < 130; ++e) {
    many_kinds.push_back(e % 4);
    many_intensities.push_back(0.1 + 0.01 * static_cast<double>(e));
  }
  const auto check = [&](const at::Tensor& x,
                         const std::vector<int64_t>& kinds,
                         const std::vector<double>& intensities,
                         const std::optional<at::Tensor>& scale = {}) {
    INFO("shape " << x.sizes() << " " << x.scalar_type());
    const at::Tensor index = range(x.size(0)) * 1000 + 7, step = at::scalar_tensor(5, at::kLong);
    std::vector<int64_t> sizes{1 + static_cast<int64_t>(kinds.size())};
    for (const int64_t size : x.sizes()) sizes.push_back(size);
    const at::Tensor out = at::empty(sizes, x.options().device(*device));
    perturb_on_device(x.to(*device), index, step, kSeed, 1, 3, kinds, intensities, scale, out);
    const at::Tensor expected = run(x, index, kinds, intensities, 5, 1, scale);
    CHECK(out[0].cpu().equal(x));
    // Draws are float32 whatever x is, and rounded by each device in its own way.
    check_close(x.scalar_type() == at::kDouble ? out.cpu().to(at::kFloat) : out.cpu(), expected);
    // What is erased or dropped is so on both.
    CHECK((out.cpu() == 0).equal(expected == 0));
  };
  for (const auto type : kAllTypes) {
    for (const int64_t columns : {1, 3, 4, 7, 47, 128, 1029}) {
      check(normal({6, columns}, type), {0, 1, 2, 3}, {0.5, 0.25, 0.4, 0.5});
    }
    check(normal({40, 8}, type), {2, 3}, {7, 7});
    check(normal({5, 3, 4}, type), {0}, {1});
    check(normal({5, 4}, type), {}, {});
    check(normal({3, 5}, type), many_kinds, many_intensities);
    check(normal({3, 5}, type), many_kinds, many_intensities, at::tensor({0.0F, 0.3F, 1.0F}));
  }
}

TEST_CASE("perturb: the CUDA kernel writes a copy in bfloat16 beside what it draws") {
  const auto device = kernel_device();
  if (!device) return;
  const std::vector<int64_t> kinds{0, 1, 2, 3};
  const std::vector<double> intensities{0.5, 0.25, 0.4, 0.5};
  for (const int64_t columns : {1, 7, 8, 130}) {
    INFO("columns " << columns);
    const at::Tensor x = normal({6, columns}, at::kFloat).to(*device);
    const at::Tensor index = range(6).to(*device), step = at::full({}, 5, index.options());
    const at::Tensor out = at::empty({5, 6, columns}, x.options());
    const at::Tensor rounded = at::empty(out.sizes(), x.options().dtype(at::kBFloat16));
    const PerturbArguments arguments{
        .rows = 6,
        .columns = columns,
        .source = nullptr,
        .index = index.const_data_ptr<int64_t>(),
        .step = 0,
        .key = PhiloxKey::from_seed(static_cast<uint64_t>(kSeed)),
        .modality = 1,
        .modalities = 3,
        .environments = 4,
        .kinds = kinds.data(),
        .intensities = intensities.data(),
    };
    perturb_cuda(
        arguments,
        step.const_data_ptr<int64_t>(),
        x.const_data_ptr<float>(),
        out.mutable_data_ptr<float>(),
        current_stream(),
        mutable_kernel_data<at::BFloat16>(rounded)
    );
    CHECK(rounded.equal(out.to(at::kBFloat16)));
    CHECK_FALSE(out[1].equal(x));
  }
}

}  // namespace
}  // namespace cmir::test
