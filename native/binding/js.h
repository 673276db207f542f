#pragma once

#include <ATen/core/Tensor.h>
#include <napi.h>

#include <map>
#include <string>
#include <vector>

#include "base/fields.h"

namespace cmir::js {

// Reading: strict, with the path of what is wrong.

/** Throws a TypeError "path: expected what". */
[[noreturn]] void reject(Napi::Value value, const std::string& path, const char* expected);

double read_number(Napi::Value value, const std::string& path);
int64_t read_integer(Napi::Value value, const std::string& path);
std::string read_string(Napi::Value value, const std::string& path);
bool read_boolean(Napi::Value value, const std::string& path);
Napi::Object read_object(Napi::Value value, const std::string& path);
Napi::Array read_array(Napi::Value value, const std::string& path);

template <class T>
T read(Napi::Value value, const std::string& path) {
  if constexpr (std::is_same_v<T, double>) {
    return read_number(value, path);
  } else if constexpr (std::is_same_v<T, int64_t>) {
    return read_integer(value, path);
  } else if constexpr (std::is_same_v<T, bool>) {
    return read_boolean(value, path);
  } else if constexpr (std::is_same_v<T, std::string>) {
    return read_string(value, path);
  } else if constexpr (HasFields<T>) {
    const Napi::Object object = read_object(value, path);
    const auto fields = T::fields();
    const Napi::Array keys = object.GetPropertyNames();
    for (uint32_t i = 0; i < keys.Length(); ++i) {
      const std::string key = keys.Get(i).ToString();
      const bool known =
          std::apply([&](const auto&... field) { return ((key == field.name) || ...); }, fields);
      if (!known) throw Napi::TypeError::New(value.Env(), path + "." + key + ": unknown field");
    }
    T result;
    std::apply(
        [&](const auto&... field) {
          ((result.*field.member = read<std::decay_t<decltype(result.*field.member)>>(
                object.Get(field.name), path + "." + field.name
            )),
           ...);
        },
        fields
    );
    return result;
  } else {
    const Napi::Array array = read_array(value, path);
    T result;
    for (uint32_t i = 0; i < array.Length(); ++i) {
      result.push_back(
          read<typename T::value_type>(array.Get(i), path + "[" + std::to_string(i) + "]")
      );
    }
    return result;
  }
}

/** A copy of a Float32Array as [sizes...]. */
at::Tensor read_floats(Napi::Value value, const std::string& path, at::IntArrayRef sizes);
/** A Float32Array as [n / columns, columns]: the array's own memory, which it must outlive. */
at::Tensor view_floats(Napi::Value value, const std::string& path, int64_t columns);
/** A copy of a Float64Array of safe integers as int64 [n]. */
at::Tensor read_integers(Napi::Value value, const std::string& path);
/** A copy of an Int32Array or Uint32Array as int64 [n]. */
at::Tensor read_indices(Napi::Value value, const std::string& path, napi_typedarray_type type);
/** A copy of a NativeTensor. */
at::Tensor read_tensor(Napi::Value value, const std::string& path);

// Writing.

template <class T>
Napi::Value write(Napi::Env env, const T& value) {
  if constexpr (std::is_same_v<T, double> || std::is_same_v<T, int64_t>) {
    return Napi::Number::New(env, static_cast<double>(value));
  } else if constexpr (std::is_same_v<T, bool>) {
    return Napi::Boolean::New(env, value);
  } else if constexpr (std::is_same_v<T, std::string>) {
    return Napi::String::New(env, value);
  } else if constexpr (HasFields<T>) {
    Napi::Object object = Napi::Object::New(env);
    std::apply(
        [&](const auto&... field) {
          (object.Set(field.name, write(env, value.*field.member)), ...);
        },
        T::fields()
    );
    return object;
  } else {
    Napi::Array array = Napi::Array::New(env, value.size());
    for (uint32_t i = 0; i < value.size(); ++i) array.Set(i, write(env, value[i]));
    return array;
  }
}

/** A copy of a CPU tensor as a Float32Array or Float64Array. */
Napi::Value write_floats(Napi::Env env, const at::Tensor& tensor);
/** A NativeTensor. */
Napi::Object write_tensor(Napi::Env env, const at::Tensor& tensor);
Napi::Object write_tensors(Napi::Env env, const std::map<std::string, at::Tensor>& tensors);

}  // namespace cmir::js
