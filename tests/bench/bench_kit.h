// What benchmarks of kernels share: threads that take tasks from a counter, loops that show what
// the machine can do at that moment, medians. Header only; one thread drives a Team.
#pragma once

#include <algorithm>
#include <atomic>
#include <barrier>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <thread>
#include <vector>

#include "cpp/device/backend.h"
#include "cpp/tensor/dtype.h"
#include "cpp/tensor/zero_pages.h"
#include "kernels/cpu/internal/cpu_features.h"
#include "tests/support/thread_room.h"

#if defined(__x86_64__)
#include "kernels/cpu/internal/intrinsics.h"
#endif

namespace tessera::cpu {

// Memory as a step's buffers have it: on large pages when there is much of it. Never freed: a
// benchmark ends soon.
inline void* Room(size_t bytes) {
  void* room = bytes >= (size_t{1} << 20) ? MapZeroPages(bytes) : nullptr;
  return room != nullptr ? room : std::aligned_alloc(64, (bytes + 127) / 64 * 64);
}

// Gives an operand its type and memory, filled with numbers between -0.5 and 0.5: pairs.py makes
// the same ones for a peer.
inline void FillOperand(tsr_operand* operand, DType dtype, const std::vector<int64_t>& dims,
                        int64_t shift = 0) {
  operand->rank = static_cast<int32_t>(dims.size());
  operand->dtype = static_cast<int32_t>(dtype);
  int64_t count = 1;
  for (size_t i = 0; i < dims.size(); ++i) count *= operand->dims[i] = dims[i];
  const size_t bytes = static_cast<size_t>(count) * SizeOf(dtype);
  operand->data = Room(bytes);
  for (int64_t i = 0; i < count; ++i) {
    const float value = static_cast<float>((i * 7919 + shift) % 1021) / 1021.0f - 0.5f;
    const uint16_t half = BF16FromFloat(value);
    std::memcpy(static_cast<char*>(operand->data) + i * static_cast<int64_t>(SizeOf(dtype)),
                dtype == DType::kBF16 ? static_cast<const void*>(&half) : &value, SizeOf(dtype));
  }
}

inline double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

inline double ThreadSeconds() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

// Threads that do the tasks of one job after another, taken from a counter.
class Team {
 public:
  explicit Team(int threads) : start_(threads), end_(threads) {
    for (int i = 1; i < threads; ++i) pool_.emplace_back([this] { Serve(); });
  }
  ~Team() {
    stop_ = true;
    start_.arrive_and_wait();
    for (std::thread& thread : pool_) thread.join();
  }
  // Answers with the processor seconds of all threads together. The clock is asked once a thread,
  // not once a task: it takes as long as a tenth of a short one.
  template <class F>
  double Run(int64_t tasks, const F& task) {
    next_ = 0;
    nanoseconds_ = 0;
    tasks_ = tasks;
    context_ = &task;
    call_ = [](const void* f, int64_t i) { (*static_cast<const F*>(f))(i); };
    start_.arrive_and_wait();
    Work();
    end_.arrive_and_wait();
    return static_cast<double>(nanoseconds_) * 1e-9;
  }

 private:
  void Serve() {
    for (;;) {
      start_.arrive_and_wait();
      if (stop_) return;
      Work();
      end_.arrive_and_wait();
    }
  }
  void Work() {
    const double start = ThreadSeconds();
    for (int64_t i; (i = next_.fetch_add(1)) < tasks_;) call_(context_, i);
    nanoseconds_ += static_cast<int64_t>((ThreadSeconds() - start) * 1e9);
  }

  std::barrier<> start_;
  std::barrier<> end_;
  std::vector<std::thread> pool_;
  std::atomic<int64_t> next_{0};
  std::atomic<int64_t> nanoseconds_{0};
  int64_t tasks_ = 0;
  const void* context_ = nullptr;
  void (*call_)(const void*, int64_t) = nullptr;
  std::atomic<bool> stop_{false};
};

inline constexpr int64_t kPeakLoops = 400000;
inline constexpr int kSums = 24;

#if defined(__x86_64__)

__attribute__((target("avx512f"))) inline void PeakFma512() {
  __m512 sums[kSums];
  for (auto& sum : sums) sum = _mm512_setzero_ps();
  const __m512 x = _mm512_set1_ps(0.5f);
  for (int64_t i = 0; i < kPeakLoops; ++i) {
#pragma GCC unroll 24
    for (int j = 0; j < kSums; ++j) sums[j] = _mm512_fmadd_ps(x, x, sums[j]);
    asm volatile("" : : "v"(sums[0]), "v"(sums[kSums - 1]));
  }
  for (auto& sum : sums) asm volatile("" : : "v"(sum));
}

__attribute__((target("avx512f,avx512bf16"))) inline void PeakDot512() {
  __m512 sums[kSums];
  for (auto& sum : sums) sum = _mm512_setzero_ps();
  const __m512bh x = (__m512bh)_mm512_set1_epi32(0x3f003f00);
  for (int64_t i = 0; i < kPeakLoops; ++i) {
#pragma GCC unroll 24
    for (int j = 0; j < kSums; ++j) sums[j] = _mm512_dpbf16_ps(sums[j], x, x);
    asm volatile("" : : "v"(sums[0]), "v"(sums[kSums - 1]));
  }
  for (auto& sum : sums) asm volatile("" : : "v"(sum));
}

__attribute__((target("avx2,fma"))) inline void PeakFma256() {
  __m256 sums[12];
  for (auto& sum : sums) sum = _mm256_setzero_ps();
  const __m256 x = _mm256_set1_ps(0.5f);
  for (int64_t i = 0; i < 2 * kPeakLoops; ++i) {
#pragma GCC unroll 12
    for (int j = 0; j < 12; ++j) sums[j] = _mm256_fmadd_ps(x, x, sums[j]);
    asm volatile("" : : "x"(sums[0]), "x"(sums[11]));
  }
  for (auto& sum : sums) asm volatile("" : : "x"(sum));
}

#endif  // defined(__x86_64__)

struct Peak {
  const char* name;
  int32_t isa;
  double flops;  // of one call
  void (*run)();
};

inline std::vector<Peak> Peaks() {
  std::vector<Peak> peaks;
#if defined(__x86_64__)
  const double loops = static_cast<double>(kPeakLoops) * kSums;
  peaks.push_back({"fma 256", TSR_ISA_AVX2, loops * 16, PeakFma256});
  peaks.push_back({"fma 512", TSR_ISA_AVX512, loops * 32, PeakFma512});
  peaks.push_back({"dot 512", TSR_ISA_AVX512_BF16, loops * 64, PeakDot512});
#endif
  std::erase_if(peaks, [](const Peak& p) { return p.isa > DetectIsa(); });
  return peaks;
}

// The peak that a kernel is measured by: dot products for bf16 where the kernel uses them.
inline size_t PeakOf(const tsr_kernel_def& def, const std::vector<Peak>& peaks) {
  size_t best = 0;
  for (size_t i = 0; i < peaks.size(); ++i) {
    if (peaks[i].isa <= def.isa) best = i;
  }
  return best;
}

inline double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace tessera::cpu
