// A tiny addon without LibTorch: it loads LibTorch's libraries from wherever they are, so that the
// real addon needs no path of its own.

#include <dlfcn.h>
#ifdef __APPLE__
#include <mach-o/dyld.h>
#else
#include <link.h>
#endif
#include <napi.h>

#include <string>
#include <vector>

#include "base/glibc.h"

#ifdef CMIR_OLD_GLIBC
// 2.34 moved them from libdl, which Node loads, to libc.
CMIR_OLD(void*, cmir_dlopen, "dlopen", "GLIBC_2.2.5", const char* path, int mode);
void* cmir_dlopen(const char* path, int mode) { return cmir_dlopen_old(path, mode); }

CMIR_OLD(char*, cmir_dlerror, "dlerror", "GLIBC_2.2.5");
char* cmir_dlerror() { return cmir_dlerror_old(); }
#endif

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

/** Paths of the libraries that this process has loaded. */
std::vector<std::string> LibraryPaths() {
  std::vector<std::string> paths;
#ifdef __APPLE__
  for (uint32_t i = 0; i < _dyld_image_count(); ++i) paths.emplace_back(_dyld_get_image_name(i));
#else
  const auto add = [](dl_phdr_info* library, size_t, void* all) {
    static_cast<std::vector<std::string>*>(all)->emplace_back(library->dlpi_name);
    return 0;
  };
  dl_iterate_phdr(add, &paths);
#endif
  return paths;
}

Napi::Value Loaded(const Napi::CallbackInfo& info) {
  const Napi::Array paths = Napi::Array::New(info.Env());
  for (const std::string& path : LibraryPaths()) {
    paths.Set(paths.Length(), Napi::String::New(info.Env(), path));
  }
  return paths;
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports["loaded"] = Napi::Function::New<Loaded>(env, "loaded");
  exports["open"] = Napi::Function::New<Open>(env, "open");
  return exports;
}

}  // namespace

NODE_API_MODULE(cmir_loader, Init)
