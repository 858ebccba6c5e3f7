// How fast matmul kernels are, beside what the machine can do at that moment.
//
// Each round runs a loop of multiply-adds on registers only and then every shape with every kernel
// that takes it, on the same threads, so that both see the same neighbours; the table shows the
// least and the median time, its rate, and the median of the ratios of the rounds; the first kernel
// of a shape is the one that a step takes. gemm_compare.py puts a peer beside it. Usage:
//   gemm_bench [threads = 2] [rounds = 9] [part of a kernel's name] [m n k [transposed]]
// with one shape only, whose left operand is stored transposed if transposed = l, the right if r.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "cpp/device/kernel_sink.h"
#include "cpp/tensor/dtype.h"
#include "kernels/cpu/internal/cpu_features.h"
#include "tests/bench/bench_kit.h"

namespace tessera::cpu {

void RegisterMatmulKernels(KernelSink& sink);

namespace {

struct Shape {
  int64_t m, n, k;
  bool transpose_lhs, transpose_rhs;
  DType in, out;
};

// One kernel on one shape: operands, plan and the times of the rounds.
struct Subject {
  Shape shape;
  tsr_kernel_def def;
  tsr_operand inputs[2] = {};
  tsr_operand output = {};
  tsr_attr attrs[2] = {};
  tsr_kernel_call call = {};
  tsr_kernel_plan plan = {};
  std::vector<double> seconds;
  std::vector<double> shares;

  bool Prepare() {
    using Sizes = std::vector<int64_t>;
    const Shape& s = shape;
    FillOperand(&inputs[0], s.in, s.transpose_lhs ? Sizes{s.k, s.m} : Sizes{s.m, s.k});
    FillOperand(&inputs[1], s.in, s.transpose_rhs ? Sizes{s.n, s.k} : Sizes{s.k, s.n});
    FillOperand(&output, s.out, {s.m, s.n});
    attrs[0].name = "transpose_lhs";
    attrs[0].i = s.transpose_lhs;
    attrs[1].name = "transpose_rhs";
    attrs[1].i = s.transpose_rhs;
    call = {sizeof(call), 2, 1, 2, inputs, &output, attrs, nullptr, def.isa, 0};
    plan.struct_size = sizeof(plan);
    plan.phase_count = 1;
    char reason[TSR_REASON_BYTES] = {};
    if (def.prepare(&call, &plan, reason) != 0) return false;
    call.thread_room = &TestRoom;
    call.workspace = Room(plan.workspace_bytes);
    return true;
  }

  // Seconds of one product: the fastest of a few, to be past the first touch of caches.
  double Time(Team& team) {
    double best = 1e30;
    for (int i = 0; i < 3; ++i) {
      const double start = Now();
      for (int32_t phase = 0; phase < plan.phase_count; ++phase) {
        team.Run(plan.tasks[phase], [&](int64_t t) { plan.run(&call, &plan, phase, t); });
      }
      best = std::min(best, Now() - start);
    }
    return best;
  }
  double flops() const { return 2.0 * shape.m * shape.n * shape.k; }
};

// In both types; the results of gradients by the weight are fp32.
void AddShape(int64_t m, int64_t n, int64_t k, bool left, bool right, std::vector<Shape>* shapes) {
  shapes->push_back({m, n, k, left, right, DType::kBF16, left ? DType::kF32 : DType::kBF16});
  shapes->push_back({m, n, k, left, right, DType::kF32, DType::kF32});
}

std::vector<Shape> Shapes() {
  // Forward, by the input and by the weight, of the products of samples/bench/dense.json; then
  // small ones, and few rows.
  const int64_t sizes[][5] = {
      {4096, 1536, 512, 0, 0}, {4096, 512, 512, 0, 0},  {4096, 2816, 512, 0, 0},
      {4096, 512, 1408, 0, 0}, {4096, 512, 1536, 0, 1}, {4096, 512, 512, 0, 1},
      {4096, 512, 2816, 0, 1}, {4096, 1408, 512, 0, 1}, {512, 1536, 4096, 1, 0},
      {512, 512, 4096, 1, 0},  {512, 2816, 4096, 1, 0}, {1408, 512, 4096, 1, 0},
      {768, 64, 64, 0, 0},     {768, 64, 768, 0, 1},    {64, 64, 64, 0, 0},
      {128, 384, 2048, 1, 0},  {1, 1408, 512, 0, 0},    {1, 32000, 512, 0, 1},
      {4, 1408, 512, 0, 0}};
  std::vector<Shape> shapes;
  for (const auto& s : sizes) AddShape(s[0], s[1], s[2], s[3] != 0, s[4] != 0, &shapes);
  return shapes;
}

int Main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : 2;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 9;
  const std::string wanted = argc > 3 ? argv[3] : "";
  Team team(threads);
  const std::vector<Peak> peaks = Peaks();
  if (peaks.empty()) {
    std::printf("no vector kernels on this machine\n");
    return 0;
  }
  KernelSink sink;
  RegisterMatmulKernels(sink);
  std::vector<Subject*> subjects;
  std::vector<Shape> shapes;
  if (argc > 6) {
    const std::string transposed = argc > 7 ? argv[7] : "";
    AddShape(std::atol(argv[4]), std::atol(argv[5]), std::atol(argv[6]), transposed == "l",
             transposed == "r", &shapes);
  } else {
    shapes = Shapes();
  }
  for (const Shape& shape : shapes) {
    for (const tsr_kernel_def& def : sink.defs()) {
      if (def.isa > DetectIsa() || def.isa < TSR_ISA_AVX2) continue;
      if (std::string(def.name).find(wanted) == std::string::npos) continue;
      Subject* subject = new Subject{.shape = shape, .def = def, .seconds = {}, .shares = {}};
      if (subject->Prepare()) subjects.push_back(subject);
    }
  }
  std::vector<std::vector<double>> peak_rates(peaks.size());
  for (int round = 0; round < rounds; ++round) {
    for (Subject* subject : subjects) {
      const size_t p = PeakOf(subject->def, peaks);
      const double start = Now();
      team.Run(threads, [&](int64_t) { peaks[p].run(); });
      const double peak = peaks[p].flops * threads / (Now() - start);
      peak_rates[p].push_back(peak);
      const double seconds = subject->Time(team);
      subject->seconds.push_back(seconds);
      subject->shares.push_back(subject->flops() / seconds / peak);
    }
  }
  for (size_t p = 0; p < peaks.size(); ++p) {
    if (peak_rates[p].empty()) continue;
    std::printf("peak %s, %d threads: %.0f GFLOP/s\n", peaks[p].name, threads,
                Median(peak_rates[p]) / 1e9);
  }
  std::printf("%-24s %-4s %5s %6s %5s  %-5s %10s %10s %9s %6s\n", "kernel", "in", "m", "n", "k",
              "T", "least us", "us", "GFLOP/s", "share");
  for (const Subject* s : subjects) {
    const double seconds = Median(s->seconds);
    const double least = *std::min_element(s->seconds.begin(), s->seconds.end());
    std::printf("%-24s %-4s %5ld %6ld %5ld  %c%c    %10.1f %10.1f %9.1f %5.0f%%\n", s->def.name,
                s->shape.in == DType::kBF16 ? "bf16" : "f32",
                static_cast<long>(s->shape.m), static_cast<long>(s->shape.n),
                static_cast<long>(s->shape.k), s->shape.transpose_lhs ? 'T' : '-',
                s->shape.transpose_rhs ? 'T' : '-', least * 1e6, seconds * 1e6,
                s->flops() / seconds / 1e9, 100 * Median(s->shares));
  }
  return 0;
}

}  // namespace
}  // namespace tessera::cpu

int main(int argc, char** argv) { return tessera::cpu::Main(argc, argv); }
