#pragma once

#include <cstdint>
#include <vector>

namespace cmir {

// Sums for environments that share one draw: environment e has scale s_e, the clean one 0.

/** values -= start, elementwise. */
template <class Value>
void subtract_cpu(int64_t size, const Value* start, Value* values);

/** out[e] = start + s_e * direction for each scale; out [E, size]. */
template <class Value>
void spread_cpu(
    int64_t size,
    const Value* start,
    const Value* direction,
    const std::vector<Value>& scales,
    Value* out
);

/** sum = sum_e values[e], scaled_sum = sum_e s_e values[e]; values [E, size]. */
template <class Value>
void weighted_sums_cpu(
    int64_t size,
    const Value* values,
    const std::vector<Value>& scales,
    Value* sum,
    Value* scaled_sum
);

}  // namespace cmir
