#include "binding/js.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <sstream>

namespace cmir::js {
namespace {

const char* type_name(Napi::Value value) {
  switch (value.Type()) {
    case napi_undefined:
      return "undefined";
    case napi_null:
      return "null";
    case napi_boolean:
      return "a boolean";
    case napi_number:
      return "a number";
    case napi_string:
      return "a string";
    case napi_function:
      return "a function";
    case napi_object:
      return value.IsArray()        ? "an array"
             : value.IsTypedArray() ? "another typed array"
                                    : "an object";
    default:
      return "another type";
  }
}

bool is_typed_array(Napi::Value value, napi_typedarray_type type) {
  return value.IsTypedArray() && value.As<Napi::TypedArray>().TypedArrayType() == type;
}

bool is_safe_integer(double number) {
  constexpr double kLargest = 9007199254740991;  // 2^53 - 1, Number.MAX_SAFE_INTEGER
  return std::trunc(number) == number && std::abs(number) <= kLargest;
}

template <class Array>
at::Tensor copy(Napi::Value value, at::ScalarType type) {
  auto array = value.As<Array>();
  const auto length = static_cast<int64_t>(array.ElementLength());
  const at::Tensor tensor = at::empty({length}, type);
  // A length-0 array may have no memory at all.
  if (length > 0) std::memcpy(tensor.mutable_data_ptr(), array.Data(), tensor.nbytes());
  return tensor;
}

}  // namespace

void reject(Napi::Value value, const std::string& path, const char* expected) {
  throw Napi::TypeError::New(
      value.Env(), path + ": expected " + expected + ", found " + type_name(value)
  );
}

double read_number(Napi::Value value, const std::string& path) {
  if (!value.IsNumber()) reject(value, path, "a number");
  return value.As<Napi::Number>().DoubleValue();
}

int64_t read_integer(Napi::Value value, const std::string& path) {
  const double number = read_number(value, path);
  if (!is_safe_integer(number)) reject(value, path, "a safe integer");
  return static_cast<int64_t>(number);
}

std::string read_string(Napi::Value value, const std::string& path) {
  if (!value.IsString()) reject(value, path, "a string");
  return value.As<Napi::String>();
}

bool read_boolean(Napi::Value value, const std::string& path) {
  if (!value.IsBoolean()) reject(value, path, "a boolean");
  return value.As<Napi::Boolean>();
}

Napi::Object read_object(Napi::Value value, const std::string& path) {
  if (!value.IsObject()) reject(value, path, "an object");
  return value.As<Napi::Object>();
}

Napi::Array read_array(Napi::Value value, const std::string& path) {
  if (!value.IsArray()) reject(value, path, "an array");
  return value.As<Napi::Array>();
}

at::Tensor read_floats(Napi::Value value, const std::string& path, at::IntArrayRef sizes) {
  if (!is_typed_array(value, napi_float32_array)) reject(value, path, "a Float32Array");
  const at::Tensor tensor = copy<Napi::Float32Array>(value, at::kFloat);
  const int64_t expected = c10::multiply_integers(sizes);
  if (tensor.numel() != expected) {
    throw Napi::TypeError::New(
        value.Env(),
        path + ": expected " + std::to_string(expected) + " values, found " +
            std::to_string(tensor.numel())
    );
  }
  return tensor.view(sizes);
}

at::Tensor view_floats(Napi::Value value, const std::string& path, int64_t columns) {
  if (!is_typed_array(value, napi_float32_array)) reject(value, path, "a Float32Array");
  auto array = value.As<Napi::Float32Array>();
  const auto length = static_cast<int64_t>(array.ElementLength());
  if (length % columns != 0) {
    throw Napi::TypeError::New(
        value.Env(),
        path + ": expected rows of " + std::to_string(columns) + " values, found " +
            std::to_string(length) + " values"
    );
  }
  // A length-0 array may have no memory at all.
  if (length == 0) return at::empty({0, columns}, at::kFloat);
  return at::from_blob(array.Data(), {length / columns, columns}, at::kFloat);
}

at::Tensor read_integers(Napi::Value value, const std::string& path) {
  if (!is_typed_array(value, napi_float64_array)) reject(value, path, "a Float64Array");
  const at::Tensor numbers = copy<Napi::Float64Array>(value, at::kDouble);
  const auto* data = numbers.const_data_ptr<double>();
  const auto wrong = std::find_if_not(data, data + numbers.numel(), is_safe_integer);
  if (wrong != data + numbers.numel()) {
    throw Napi::TypeError::New(
        value.Env(), path + ": expected safe integers, found " + std::to_string(*wrong)
    );
  }
  return numbers.to(at::kLong);
}

at::Tensor read_indices(Napi::Value value, const std::string& path, napi_typedarray_type type) {
  const bool is_signed = type == napi_int32_array;
  if (!is_typed_array(value, type))
    reject(value, path, is_signed ? "an Int32Array" : "a Uint32Array");
  return (is_signed ? copy<Napi::Int32Array>(value, at::kInt)
                    : copy<Napi::Uint32Array>(value, at::kUInt32))
      .to(at::kLong);
}

at::Tensor read_tensor(Napi::Value value, const std::string& path) {
  const Napi::Object object = read_object(value, path);
  const auto shape = read<std::vector<int64_t>>(object.Get("shape"), path + ".shape");
  const Napi::Value data = object.Get("data");
  at::Tensor tensor;
  if (is_typed_array(data, napi_float32_array)) {
    tensor = copy<Napi::Float32Array>(data, at::kFloat);
  } else if (is_typed_array(data, napi_float64_array)) {
    tensor = copy<Napi::Float64Array>(data, at::kDouble);
  } else {
    reject(data, path + ".data", "a Float32Array or Float64Array");
  }
  double size = 1;
  for (const int64_t length : shape) {
    if (length < 0) reject(object.Get("shape"), path + ".shape", "lengths of at least 0");
    size *= static_cast<double>(length);
  }
  if (size != static_cast<double>(tensor.numel())) {
    std::ostringstream message;
    message << path << ": found " << tensor.numel() << " values, expected those of shape "
            << at::IntArrayRef(shape);
    throw Napi::TypeError::New(value.Env(), message.str());
  }
  return tensor.view(shape);
}

Napi::Value write_floats(Napi::Env env, const at::Tensor& tensor) {
  const at::Tensor values = tensor.contiguous();
  const auto length = static_cast<size_t>(values.numel());
  if (values.scalar_type() == at::kDouble) {
    auto array = Napi::Float64Array::New(env, length);
    if (length > 0) std::memcpy(array.Data(), values.const_data_ptr(), values.nbytes());
    return array;
  }
  auto array = Napi::Float32Array::New(env, length);
  if (length > 0) std::memcpy(array.Data(), values.const_data_ptr(), values.nbytes());
  return array;
}

Napi::Object write_tensor(Napi::Env env, const at::Tensor& tensor) {
  Napi::Object object = Napi::Object::New(env);
  object["shape"] = write(env, tensor.sizes().vec());
  object["data"] = write_floats(env, tensor);
  return object;
}

Napi::Object write_tensors(Napi::Env env, const std::map<std::string, at::Tensor>& tensors) {
  Napi::Object object = Napi::Object::New(env);
  for (const auto& [name, tensor] : tensors) object.Set(name, write_tensor(env, tensor));
  return object;
}

}  // namespace cmir::js
