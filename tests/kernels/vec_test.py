"""Vec for NEON gives what Vec for AVX2 does, bit by bit.

Method: one program calls every function of Vec (kernels/cpu/internal/vec_*.h), and the tile product
and few-row products made of them, on numbers of all kinds; compiled with AVX2 it runs here, with
NEON by qemu-user, and both print the same. So what the other tests say of the AVX2 kernels holds of
the arithmetic of NEON's too. Skipped where AVX2, the compiler for aarch64 or qemu-user is missing.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.environ.get("TESSERA_SOURCE") or os.path.dirname(os.path.dirname(HERE))
TIMEOUT_S = 600
FOREIGN = "aarch64-linux-gnu"
EMULATOR = shutil.which("qemu-aarch64-static") or shutil.which("qemu-aarch64")
PROGRAM = """
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <vector>

#include "kernels/cpu/gemm/few_rows.h"
#include "kernels/cpu/internal/@VEC@"

#include "kernels/cpu/gemm/few_rows_loops.h"
#include "kernels/cpu/gemm/plain_pack.h"
#include "kernels/cpu/gemm/tile_loops.h"

using namespace tessera::cpu;
using namespace tessera::cpu::dense;

uint32_t state = 1;
uint32_t Bits() { return state = state * 1664525u + 1013904223u, state >> 8; }
float Small() { return static_cast<float>(static_cast<int>(Bits() % 2001) - 1000) / 64.0f; }
float Any() {  // of any size, denormal, infinite, NaN
  const uint32_t bits = Bits() << 8 | Bits() % 256;
  float x;
  std::memcpy(&x, &bits, 4);
  return x;
}
void Show(const char* what, float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, 4);
  if (x != x) {
    std::printf("%s nan\\n", what);
  } else {
    std::printf("%s %08x\\n", what, bits);
  }
}
void Show(const char* what, Vec x) {
  float lanes[Vec::kLanes];
  StoreV(x, lanes);
  for (float lane : lanes) Show(what, lane);
}
Vec Load8(float (*next)()) {
  float lanes[8];
  for (float& lane : lanes) lane = next();
  return LoadV(lanes);
}

void Functions(float (*next)()) {
  const Vec a = Load8(next), b = Load8(next), c = Load8(next);
  Show("+", a + b);
  Show("-", a - b);
  Show("*", a * b);
  Show("/", a / b);
  Show("MulAdd", MulAdd(a, b, c));
  Show("Max", Max(a, b));
  Show("Min", Min(a, b));
  Show("WhereLess", WhereLess(a, b, c, a));
  Show("SumOf", SumOf(a));
  Show("Exp", Exp(a));
  Show("Tanh", Tanh(a));
  BF16 halves[8], part[8] = {};
  StoreV(a, halves);
  Show("bf16", LoadV(halves));
  const int64_t n = Bits() % 9;
  Show("LoadPart", LoadPart(halves, n));
  StorePart(b, part, n);
  Show("StorePart", LoadV(part));
  float floats[8] = {};
  StorePart(c, floats, n);
  Show("StorePart", LoadPart(floats, Bits() % 9));
  int32_t lanes[8];
  for (int32_t& lane : lanes) lane = static_cast<int32_t>(Bits() % 3);
  Show("WhereEqual", WhereEqual(lanes, 1, a, b));
  const int64_t begin = static_cast<int64_t>(Bits() % 12) - 2;
  Show("WhereLanes", WhereLanes(begin, static_cast<int64_t>(Bits() % 12) - 1, a, b));
}

template <class T>
void Products(int64_t rows, int64_t columns, int64_t k) {
  std::vector<T> lhs(rows * k), rhs(k * columns);
  for (T& x : lhs) Store(Small(), &x);
  for (T& x : rhs) Store(Small(), &x);
  std::vector<float> left(6 * k), right(16 * k), sums(6 * 16, 1.0f), out(6 * 16);
  PackPlain<T, 6>({lhs.data(), k, 1, rows, k}, left.data());
  PackPlain<T, 16>({rhs.data(), 1, columns, columns, k}, right.data());
  std::vector<float> turned(6 * k);
  PackPlain<T, 6>({lhs.data(), 1, rows, rows, k}, turned.data());
  for (float x : turned) Show("pack", x);
  TileTarget target = {};
  target.out = out.data();
  target.add = sums.data();
  target.out_step = target.add_step = 16;
  target.rows = static_cast<int32_t>(rows);
  target.columns = static_cast<int32_t>(columns);
  TileRows<UnitF32, false, 6, 2, 6>(k, left.data(), 0, right.data(), target);
  for (float x : out) Show("tile", x);
  std::vector<float> wide(rows * k), few(rows * columns);
  for (int64_t i = 0; i < rows * k; ++i) wide[i] = Load(lhs[i]);
  for (const bool is_turned : {false, true}) {
    const FewRows work = {wide.data(), rhs.data(), few.data(), rows, k, is_turned ? 1 : columns,
                          is_turned ? k : 1, columns, 0, columns};
    RunFewRowsLoops<T, float>(work);
    for (float x : few) Show("few", x);
  }
}

int main() {
  for (int i = 0; i < 300; ++i) {
    Functions(Small);
    Functions(Any);
    const Vec a = Load8(Small);
    Show("MaxOf", MaxOf(a));
    Show("RoundToInt", RoundToInt(a));
    Show("ScaleByPower", ScaleByPower(a, RoundToInt(Load8(Small) * Splat(8.0f))));
  }
  for (int64_t rows = 1; rows <= 6; ++rows) {
    for (const int64_t columns : {1, 7, 8, 9, 16}) {
      Products<float>(rows, columns, 5 + 13 * rows);
      Products<BF16>(rows, columns, 3 + 17 * rows);
    }
  }
}
"""


def reason_to_skip():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        if " avx2 " not in file.read():
            return "this machine has no AVX2"
    if not shutil.which(f"{FOREIGN}-g++"):
        return f"no {FOREIGN}-g++ (Debian: g++-{FOREIGN})"
    return None if EMULATOR else "no qemu-aarch64 (Debian: qemu-user-static)"


class VecTest(unittest.TestCase):
    def lines_of(self, compiler, header, flags, runner):
        with tempfile.TemporaryDirectory(prefix="tessera-vec-") as folder:
            source, program = os.path.join(folder, "vec.cc"), os.path.join(folder, "vec")
            with open(source, "w", encoding="utf-8") as file:
                file.write(PROGRAM.replace("@VEC@", header))
            subprocess.run([compiler, "-std=c++20", "-O2", "-ffp-contract=off", "-static", *flags,
                            f"-I{SOURCE}", source, "-o", program], check=True, timeout=TIMEOUT_S)
            return subprocess.run([*runner, program], check=True, capture_output=True, text=True,
                                  timeout=TIMEOUT_S).stdout.splitlines()

    def test_neon_gives_the_bits_of_avx2(self):
        here = self.lines_of("g++", "vec_avx2.h", ["-mavx2", "-mfma", "-mf16c"], [])
        there = self.lines_of(f"{FOREIGN}-g++", "vec_neon.h", [], [EMULATOR])
        self.assertGreater(len(here), 90_000)
        self.assertEqual(len(here), len(there))
        wrong = [f"{a} on AVX2, {b} on NEON" for a, b in zip(here, there, strict=True) if a != b]
        self.assertEqual(wrong[:20], [])


if __name__ == "__main__":
    REASON = reason_to_skip()
    if REASON:
        print(f"skipped: {REASON}")
        sys.exit(77)
    unittest.main()
