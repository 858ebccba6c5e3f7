// The compiler's vector intrinsics, without its false alarms. x86-64 only.
//
// GCC 12 builds many AVX-512 intrinsics on a deliberately undefined register and then warns about
// it wherever they are inlined; the warning is off for the rest of a file that includes this one.
#pragma once

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

#include <immintrin.h>
