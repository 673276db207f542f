// A tiny addon without LibTorch: it tells which LibTorch the real one was compiled for, and loads
// that LibTorch's libraries from wherever they are, so that the real addon needs no path of its
// own.

#include <dlfcn.h>
#include <napi.h>

namespace {

void Open(const Napi::CallbackInfo& info) {
  if (info.Length() != 1 || !info[0].IsString()) {
    throw Napi::TypeError::New(info.Env(), "open: expected one argument, the library's path");
  }
  const std::string path = info[0].As<Napi::String>();
  if (dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL) == nullptr) {
    throw Napi::Error::New(info.Env(), dlerror());
  }
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports["torchVersion"] = Napi::String::New(env, CMIR_TORCH_VERSION);
  exports["open"] = Napi::Function::New<Open>(env, "open");
  return exports;
}

}  // namespace

NODE_API_MODULE(cmir_loader, Init)
