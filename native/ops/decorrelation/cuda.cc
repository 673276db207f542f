#include <ATen/ATen.h>
#include <c10/core/DeviceGuard.h>

#include <algorithm>

#include "base/scratch.h"
#include "ops/decorrelation/launch.h"

namespace cmir {

namespace {

/** Sizes of a DecorrelationMemory's parts, each a multiple of what the products read at a time. */
struct Sizes {
  Sizes(int64_t environments, int64_t batch, int64_t columns)
      : side(std::min(batch, columns)),
        rows(rounded(2 * environments * batch * columns)),
        norms(rounded(2 * environments * batch)),
        square(rounded(2 * environments * side * side)) {}
  static int64_t rounded(int64_t elements) { return (elements + 63) / 64 * 64; }
  int64_t side, rows, norms, square;
};

}  // namespace

DecorrelationMemory::DecorrelationMemory(
    int64_t environments, int64_t batch, int64_t columns, const at::Tensor& buffer
) {
  const Sizes sizes(environments, batch, columns);
  const auto cut = [&buffer](int64_t start, at::IntArrayRef shape) {
    return buffer.narrow(0, start, c10::multiply_integers(shape)).view(shape);
  };
  unit = cut(0, {2, environments, batch, columns});
  product = cut(sizes.rows, {2, environments, batch, columns});
  inverse_norm = cut(2 * sizes.rows, {2, environments, batch});
  square = cut(2 * sizes.rows + sizes.norms, {2, environments, sizes.side, sizes.side});
}

int64_t DecorrelationMemory::elements(int64_t environments, int64_t batch, int64_t columns) {
  const Sizes sizes(environments, batch, columns);
  return 2 * sizes.rows + sizes.norms + sizes.square;
}

template <class Value>
void decorrelation_on_stream(
    const DecorrelationArguments& arguments,
    const Value* invariant,
    const Value* spurious,
    Value* invariant_gradient,
    Value* spurious_gradient,
    DecorrelationMemory& memory,
    double value_scale,
    double* value,
    const KernelScratch& scratch
) {
  const CudaStream stream = current_stream();
  const DecorrelationRows<Value> rows{
      .unit = memory.unit.mutable_data_ptr<Value>(),
      .product = memory.product.mutable_data_ptr<Value>(),
      .inverse_norm = memory.inverse_norm.mutable_data_ptr<Value>(),
  };
  decorrelation_normalize_cuda(arguments, invariant, spurious, rows, stream);

  const at::Tensor a = memory.unit[0], b = memory.unit[1];  // [E, B, d]
  at::Tensor product_a = memory.product[0], product_b = memory.product[1];
  if (arguments.batch < arguments.columns) {
    at::Tensor c = memory.square[0];  // [E, B, B]
    at::bmm_out(c, a, b.mT());
    at::bmm_out(product_a, c, b);
    at::bmm_out(product_b, c.mT(), a);
  } else {
    const at::Tensor all = memory.unit.flatten(0, 1);  // [2 E, B, d]
    at::Tensor grams = memory.square.flatten(0, 1);    // [2 E, d, d]
    at::bmm_out(grams, all.mT(), all);
    at::bmm_out(product_a, a, memory.square[1]);
    at::bmm_out(product_b, b, memory.square[0]);
  }

  decorrelation_finish_cuda(
      arguments, rows, invariant_gradient, spurious_gradient, value_scale, value, scratch, stream
  );
}

#define CMIR_INSTANTIATE(Value)          \
  template void decorrelation_on_stream( \
      const DecorrelationArguments&,     \
      const Value*,                      \
      const Value*,                      \
      Value*,                            \
      Value*,                            \
      DecorrelationMemory&,              \
      double,                            \
      double*,                           \
      const KernelScratch&               \
  )
CMIR_INSTANTIATE(float);
CMIR_INSTANTIATE(double);
#undef CMIR_INSTANTIATE

std::tuple<at::Tensor, at::Tensor, at::Tensor> decorrelation_on_device(
    const at::Tensor& invariant, const at::Tensor& spurious, double off_diagonal
) {
  const auto type = invariant.scalar_type();
  if (type == at::kBFloat16) {
    const auto [value, first, second] =
        decorrelation_on_device(invariant.to(at::kFloat), spurious.to(at::kFloat), off_diagonal);
    return {value.to(type), first.to(type), second.to(type)};
  }
  const auto format = at::MemoryFormat::Contiguous;
  at::Tensor first = at::empty_like(invariant, format), second = at::empty_like(spurious, format);
  if (invariant.numel() == 0) return {invariant.new_zeros({}), first, second};
  const c10::OptionalDeviceGuard guard(invariant.device());
  const DecorrelationInput input(invariant, spurious, off_diagonal);
  const DecorrelationArguments& arguments = input.arguments;
  const int64_t e = arguments.environments, b = arguments.batch, d = arguments.columns;
  DecorrelationMemory memory(
      e, b, d, at::empty({DecorrelationMemory::elements(e, b, d)}, invariant.options())
  );
  const at::Tensor value = at::empty({}, invariant.options().dtype(at::kDouble));
  const Scratch scratch(1, invariant.options());
  AT_DISPATCH_FLOATING_TYPES(type, "decorrelation", [&] {
    decorrelation_on_stream(
        arguments,
        input.invariant.const_data_ptr<scalar_t>(),
        input.spurious.const_data_ptr<scalar_t>(),
        first.mutable_data_ptr<scalar_t>(),
        second.mutable_data_ptr<scalar_t>(),
        memory,
        arguments.gradient_scale,
        value.mutable_data_ptr<double>(),
        scratch.get()
    );
  });
  return {value.to(type), first, second};
}

}  // namespace cmir
