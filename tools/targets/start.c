// The start of a program that is built for a floor (floor.py): constructors.
//
// Since glibc 2.34 the C library runs a program's constructors itself; before, a function did that
// which the program's start file handed over, and the start files of today hand over none. Of a
// caller of the old version of __libc_start_main a later glibc takes it that its own function runs
// the constructors; so they run once, there and here.
#include <stddef.h>

typedef void (*Constructor)(int, char**, char**);
extern Constructor __init_array_start[] __attribute__((weak, visibility("hidden")));
extern Constructor __init_array_end[] __attribute__((weak, visibility("hidden")));
extern void _init(void) __attribute__((weak, visibility("hidden")));

static void Construct(int count, char** words, char** environment) {
  if (_init != NULL) _init();
  const ptrdiff_t rest = __init_array_end - __init_array_start;
  for (ptrdiff_t i = 0; i < rest; ++i) __init_array_start[i](count, words, environment);
}

#if defined(__x86_64__)
__asm__(".symver OldStart, __libc_start_main@GLIBC_2.2.5");
#else
__asm__(".symver OldStart, __libc_start_main@GLIBC_2.17");
#endif
extern int OldStart(int (*main)(int, char**, char**), int count, char** words,
                    void (*construct)(int, char**, char**), void (*destroy)(void),
                    void (*unload)(void), void* stack_end);

int __libc_start_main(int (*main)(int, char**, char**), int count, char** words,
                      void (*construct)(int, char**, char**), void (*destroy)(void),
                      void (*unload)(void), void* stack_end) {
  return OldStart(main, count, words, construct != NULL ? construct : Construct, destroy, unload,
                  stack_end);
}
