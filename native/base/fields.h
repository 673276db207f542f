#pragma once

#include <tuple>
#include <utility>

namespace cmir {

/** A member of an aggregate with its name: the struct's `fields()` lists them once, for reading and
 * writing. */
template <class Struct, class Value>
struct Field {
  const char* name;
  Value Struct::* member;
};
template <class Struct, class Value>
Field(const char*, Value Struct::*) -> Field<Struct, Value>;

template <class T>
concept HasFields = requires { T::fields(); };

namespace detail {

struct AnyValue {
  template <class T>
  operator T() const;
};

template <class T, size_t... I>
constexpr bool braces_take(std::index_sequence<I...>) {
  return requires { T{(static_cast<void>(I), AnyValue{})...}; };
}

template <class T, size_t N = 0>
constexpr size_t member_count() {
  if constexpr (!braces_take<T>(std::make_index_sequence<N + 1>{})) {
    return N;
  } else {
    return member_count<T, N + 1>();
  }
}

}  // namespace detail

/** True when fields() names every member of the aggregate. */
template <HasFields T>
inline constexpr bool complete =
    std::tuple_size_v<decltype(T::fields())> == detail::member_count<T>();

}  // namespace cmir
