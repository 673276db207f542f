// Older versions of what the core takes from the C and C++ libraries.

#include "base/glibc.h"

#ifdef CMIR_OLD_GLIBC

#include <pthread.h>
#include <sys/stat.h>

// 2.29 leaves out SVID's way of reporting errors; the values are the same.
CMIR_OLD(double, cmir_exp, "exp", "GLIBC_2.2.5", double x);
double cmir_exp(double x) { return cmir_exp_old(x); }

CMIR_OLD(double, cmir_log, "log", "GLIBC_2.2.5", double x);
double cmir_log(double x) { return cmir_log_old(x); }

CMIR_OLD(double, cmir_pow, "pow", "GLIBC_2.2.5", double x, double y);
double cmir_pow(double x, double y) { return cmir_pow_old(x, y); }

// 2.34 moved it from libpthread, which Node loads, to libc.
CMIR_OLD(int, cmir_once, "pthread_once", "GLIBC_2.2.5", pthread_once_t* once, void (*run)());
int cmir_once(pthread_once_t* once, void (*run)()) { return cmir_once_old(once, run); }

// Before 2.33 an inline function, which told the layout of struct stat that it knew.
extern "C" int cmir_fxstat(int layout, int descriptor, struct stat* status);
__asm__(".symver cmir_fxstat, __fxstat@GLIBC_2.2.5");
extern "C" __attribute__((visibility("hidden"))) int cmir_fstat(
    int descriptor, struct stat* status
) __asm__("fstat");
int cmir_fstat(int descriptor, struct stat* status) {
  constexpr int kLayout = 1;  // _STAT_VER of x86-64
  return cmir_fxstat(kLayout, descriptor, status);
}

// GCC 12's std::condition_variable::wait differs in being noexcept.
CMIR_OLD(
    void,
    cmir_wait,
    "_ZNSt18condition_variable4waitERSt11unique_lockISt5mutexE",
    "GLIBCXX_3.4.11",
    void* condition,
    void* lock
);
void cmir_wait(void* condition, void* lock) { cmir_wait_old(condition, lock); }

// Since 2.32 shared_ptr asks it whether it may count without atomic instructions: never, here.
extern "C" __attribute__((visibility("hidden")))
const char cmir_single_threaded __asm__("__libc_single_threaded");
const char cmir_single_threaded = 0;

#endif
