// What libstdc++, libgcc and our sources ask of a C library later than glibc 2.28, in its terms.
//
// Linked with hidden symbols into a library or program that is built for a floor (floor.py), so
// that it runs there and on every later glibc. Thread-safe.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

// --- 2.33: stat and its kin were functions with a version of the structure before ----------------
#if defined(__x86_64__)
enum { kStatVersion = 1 };
#else
enum { kStatVersion = 0 };
#endif
int __xstat(int version, const char* path, struct stat* out);
int __lxstat(int version, const char* path, struct stat* out);
int __fxstat(int version, int file, struct stat* out);
int __fxstatat(int version, int folder, const char* path, struct stat* out, int flags);

int stat(const char* path, struct stat* out) { return __xstat(kStatVersion, path, out); }
int lstat(const char* path, struct stat* out) { return __lxstat(kStatVersion, path, out); }
int fstat(int file, struct stat* out) { return __fxstat(kStatVersion, file, out); }
int fstatat(int folder, const char* path, struct stat* out, int flags) {
  return __fxstatat(kStatVersion, folder, path, out, flags);
}
// The structures are the same on 64-bit machines.
int stat64(const char* path, struct stat64* out) {
  return __xstat(kStatVersion, path, (struct stat*)out);
}
int lstat64(const char* path, struct stat64* out) {
  return __lxstat(kStatVersion, path, (struct stat*)out);
}
int fstat64(int file, struct stat64* out) {
  return __fxstat(kStatVersion, file, (struct stat*)out);
}

// --- 2.32: says whether atomic operations may be plain ones --------------------------------------
char __libc_single_threaded = 0;  // never

// --- 2.30: waiting by another clock than that of the day -----------------------------------------
typedef int (*ClockWait)(pthread_cond_t*, pthread_mutex_t*, clockid_t, const struct timespec*);

int pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex, clockid_t clock,
                           const struct timespec* until) {
  static _Atomic(ClockWait) found;
  static atomic_int is_known;
  if (!atomic_load_explicit(&is_known, memory_order_acquire)) {
    ClockWait function;
    *(void**)&function = dlsym(RTLD_DEFAULT, "pthread_cond_clockwait");
    atomic_store_explicit(&found, function, memory_order_relaxed);
    atomic_store_explicit(&is_known, 1, memory_order_release);
  }
  const ClockWait real = atomic_load_explicit(&found, memory_order_relaxed);
  if (real != NULL) return real(condition, mutex, clock, until);
  // As libstdc++ did before there was one: the same while from now, by the clock of the day.
  struct timespec now, today;
  if (clock_gettime(clock, &now) != 0 || clock_gettime(CLOCK_REALTIME, &today) != 0) return EINVAL;
  int64_t nanoseconds = (int64_t)(until->tv_sec - now.tv_sec) * 1000000000 +
                        (until->tv_nsec - now.tv_nsec) + today.tv_nsec;
  if (nanoseconds < 0) nanoseconds = 0;
  const struct timespec end = {today.tv_sec + nanoseconds / 1000000000, nanoseconds % 1000000000};
  const int result = pthread_cond_timedwait(condition, mutex, &end);
  if (result != ETIMEDOUT) return result;
  // The day may have been set forward meanwhile: then it was a wake-up without a reason.
  if (clock_gettime(clock, &now) != 0) return EINVAL;
  const int is_over = now.tv_sec != until->tv_sec ? now.tv_sec > until->tv_sec
                                                  : now.tv_nsec >= until->tv_nsec;
  return is_over ? ETIMEDOUT : 0;
}

// --- 2.36: random bits ---------------------------------------------------------------------------
uint32_t arc4random(void) {
  uint32_t bits = 0;
  size_t have = 0;
  while (have < sizeof(bits)) {  // a signal may come between
    const ssize_t count = getrandom((char*)&bits + have, sizeof(bits) - have, 0);
    if (count < 0 && errno != EINTR) abort();  // as the later function does
    if (count > 0) have += (size_t)count;
  }
  return bits;
}

// --- 2.35: the object that an address of code lies in, and where its unwind table is -------------
typedef struct {
  uintptr_t address;
  struct dl_find_object* out;
} Search;

static int Look(struct dl_phdr_info* info, size_t size, void* data) {
  (void)size;
  Search* search = data;
  const ElfW(Phdr)* table = NULL;
  uintptr_t low = UINTPTR_MAX, high = 0;
  int is_inside = 0;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)* part = &info->dlpi_phdr[i];
    if (part->p_type == PT_GNU_EH_FRAME) table = part;
    if (part->p_type != PT_LOAD) continue;
    const uintptr_t begin = info->dlpi_addr + part->p_vaddr;
    const uintptr_t end = begin + part->p_memsz;
    if (begin < low) low = begin;
    if (end > high) high = end;
    if (search->address >= begin && search->address < end) is_inside = 1;
  }
  if (!is_inside) return 0;
  if (table == NULL) return -1;
  search->out->dlfo_map_start = (void*)low;
  search->out->dlfo_map_end = (void*)high;
  search->out->dlfo_eh_frame = (void*)(info->dlpi_addr + table->p_vaddr);
  return 1;
}

int _dl_find_object(void* address, struct dl_find_object* out) {
  Search search = {(uintptr_t)address, out};
  out->dlfo_flags = 0;
  out->dlfo_link_map = NULL;
  return dl_iterate_phdr(Look, &search) == 1 ? 0 : -1;
}
