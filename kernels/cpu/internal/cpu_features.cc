#include "kernels/cpu/internal/cpu_features.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

#include <cstdint>
#include <initializer_list>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
#elif defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>

#include <cstdint>
#include <cstdio>
#endif

namespace tessera::cpu {
namespace {

#if defined(__x86_64__)

struct Leaf {
  uint32_t a = 0, b = 0, c = 0, d = 0;
};

Leaf Cpuid(uint32_t leaf, uint32_t sub) {
  Leaf r;
  if (__get_cpuid_max(0, nullptr) >= leaf) __cpuid_count(leaf, sub, r.a, r.b, r.c, r.d);
  return r;
}

bool Has(uint32_t word, int bit) { return (word >> bit & 1u) != 0; }

__attribute__((target("xsave"))) uint64_t SavedRegisters() { return _xgetbv(0); }

// Linux keeps tile registers off until a process asks for them.
bool AskForTiles() {
#if defined(__linux__) && defined(SYS_arch_prctl)
  constexpr long kRequestPermission = 0x1023;
  constexpr long kTileData = 18;
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
#else
  return false;
#endif
}

tsr_isa Detect() {
  const Leaf one = Cpuid(1, 0);
  const Leaf seven = Cpuid(7, 0);
  if (!Has(one.c, 27)) return TSR_ISA_BASELINE;  // OSXSAVE
  const uint64_t saved = SavedRegisters();
  constexpr uint64_t kYmm = 0x6, kZmm = 0xe6, kTiles = 0x60000;
  const bool avx2 = (saved & kYmm) == kYmm && Has(one.c, 12) && Has(one.c, 29) && Has(seven.b, 5);
  if (!avx2) return TSR_ISA_BASELINE;
  const bool avx512 = (saved & kZmm) == kZmm && Has(seven.b, 16) && Has(seven.b, 17) &&
                      Has(seven.b, 30) && Has(seven.b, 31);
  if (!avx512) return TSR_ISA_AVX2;
  if (!Has(Cpuid(7, 1).a, 5)) return TSR_ISA_AVX512;
  const bool tiles = (saved & kTiles) == kTiles && Has(seven.d, 22) && Has(seven.d, 24);
  return tiles && AskForTiles() ? TSR_ISA_AMX : TSR_ISA_AVX512_BF16;
}

// "AuthenticAMD"
bool IsAmd() {
  const Leaf zero = Cpuid(0, 0);
  return zero.b == 0x68747541 && zero.d == 0x69746e65 && zero.c == 0x444d4163;
}

// The registers of a leaf as text.
void AppendText(std::initializer_list<uint32_t> words, std::string* text) {
  for (const uint32_t word : words) {
    for (int shift = 0; shift < 32; shift += 8) {
      const char c = static_cast<char>(word >> shift & 0xff);
      if (c >= ' ' && c <= '~') text->push_back(c);
    }
  }
}

// Leaves 0x80000002 to 4, without the blanks that fill them.
std::string Brand() {
  constexpr uint32_t kFirst = 0x80000002u, kLast = 0x80000004u;
  std::string text;
  if (__get_cpuid_max(0x80000000u, nullptr) < kLast) return text;
  for (uint32_t leaf = kFirst; leaf <= kLast; ++leaf) {
    Leaf r;
    __cpuid(leaf, r.a, r.b, r.c, r.d);
    AppendText({r.a, r.b, r.c, r.d}, &text);
  }
  const size_t begin = text.find_first_not_of(' '), end = text.find_last_not_of(' ');
  return begin == std::string::npos ? "" : text.substr(begin, end - begin + 1);
}

std::string FindModel() {
  const Leaf zero = Cpuid(0, 0);
  const uint32_t signature = Cpuid(1, 0).a;
  uint32_t family = signature >> 8 & 0xf, model = signature >> 4 & 0xf;
  if (family == 6 || family == 15) model += (signature >> 16 & 0xf) << 4;
  if (family == 15) family += signature >> 20 & 0xff;
  std::string text;
  AppendText({zero.b, zero.d, zero.c}, &text);
  char separator = ' ';
  for (const uint32_t number : {family, model, signature & 0xf}) {
    text.push_back(separator);
    text += std::to_string(number);
    separator = '/';
  }
  const std::string brand = Brand();
  if (!brand.empty()) text.append(1, ' ').append(brand);
  return text;
}

#else

tsr_isa Detect() { return TSR_ISA_BASELINE; }
bool IsAmd() { return false; }

#if defined(__aarch64__) && defined(__linux__)

// The main identification register, which Linux reads for a process where it says so.
std::string FindModel() {
  if ((getauxval(AT_HWCAP) & HWCAP_CPUID) == 0) return "";
  uint64_t id = 0;
  asm("mrs %0, MIDR_EL1" : "=r"(id));
  const auto bits = [id](int from, int count) {
    return static_cast<unsigned>(id >> from & ((1u << count) - 1));
  };
  char text[64];
  std::snprintf(text, sizeof(text), "aarch64 0x%02x/0x%03x/%u/%u", bits(24, 8), bits(4, 12),
                bits(20, 4), bits(0, 4));
  return text;
}

#else

std::string FindModel() { return ""; }

#endif

#endif  // defined(__x86_64__)

}  // namespace

tsr_isa DetectIsa() {
  static const tsr_isa found = Detect();
  return found;
}

std::string CpuModel() { return FindModel(); }

bool HasFastDots() {
  static const bool fast = IsAmd();
  return fast;
}

}  // namespace tessera::cpu
