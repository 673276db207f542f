#pragma once

// Lets a binary that is built on a new Linux run on an old one: what the C and C++ libraries of the
// build machine have in newer versions than LibTorch itself asks for (glibc 2.28, GCC 8) is taken
// from the older versions that they still hold. scripts/prebuild.mjs checks that nothing newer is
// left.

#ifdef __linux__
#include <features.h>
#endif

#if defined(__x86_64__) && defined(__GLIBC__)
#define CMIR_OLD_GLIBC

// In all our code `symbol` is the function `name`, which may call `name`_old: that of `version`.
#define CMIR_OLD(result, name, symbol, version, ...)     \
  extern "C" result name##_old(__VA_ARGS__);             \
  __asm__(".symver " #name "_old, " symbol "@" version); \
  extern "C" __attribute__((visibility("hidden"))) result name(__VA_ARGS__) __asm__(symbol)

#endif
