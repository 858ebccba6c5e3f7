// How fast attention kernels are, forward and gradient, beside what the machine can do then.
//
// Each round runs a loop of multiply-adds on registers only and then every shape with every kernel
// that takes it, on the same threads. The share is of the flops that the mask leaves: 4 (forward)
// or 10 (gradient) per seen pair and depth. Usage:
//   attention_bench [threads = 2] [rounds = 7] [part of a kernel's name]
//   attention_bench case BATCH SEQUENCE HEADS DEPTH bf16|f32 [threads = 2] [rounds = 3] [FILE]
// The second form times one causal shape with the kernels that a step takes and prints JSON: least
// seconds forward and backward, bytes of workspace. FILE gets y, dq, dk and dv; with it
// attention_compare.py puts a peer beside this.
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

void RegisterAttentionKernels(KernelSink& sink);
void RegisterAttentionGradKernels(KernelSink& sink);

namespace {

struct Shape {
  int64_t batch, queries, keys, heads, key_heads, depth;
  bool causal;
  bool decode;  // a cache that is full
  DType dtype;
};

constexpr Shape kShapes[] = {{8, 512, 512, 8, 8, 64, true, false, DType::kBF16},
                             {8, 512, 512, 8, 8, 64, true, false, DType::kF32},
                             {1, 4096, 4096, 8, 2, 64, true, false, DType::kBF16},
                             {12, 64, 64, 4, 4, 32, true, false, DType::kBF16},
                             {1, 1, 2048, 8, 2, 64, true, true, DType::kBF16},
                             {1, 1, 2048, 8, 2, 64, true, true, DType::kF32}};

struct Subject {
  Shape shape;
  tsr_kernel_def def;
  bool gradient;
  tsr_operand inputs[7] = {};
  tsr_operand outputs[3] = {};
  tsr_attr attrs[3] = {};
  tsr_kernel_call call = {};
  tsr_kernel_plan plan = {};
  std::vector<double> seconds = {};
  std::vector<double> shares = {};

  bool Prepare() {
    const Shape& s = shape;
    const std::vector<int64_t> of_queries = {s.batch, s.queries, s.heads, s.depth};
    const std::vector<int64_t> of_keys = {s.batch, s.keys, s.key_heads, s.depth};
    const std::vector<int64_t> of_rows = {s.batch, s.heads, s.queries};
    FillOperand(&inputs[0], s.dtype, of_queries);
    FillOperand(&inputs[1], s.dtype, of_keys, 100);
    FillOperand(&inputs[2], s.dtype, of_keys, 200);
    int32_t count = 3;
    if (gradient) {
      FillOperand(&inputs[3], s.dtype, of_queries);
      FillOperand(&inputs[4], DType::kF32, of_rows);
      FillOperand(&inputs[5], s.dtype, of_queries, 300);
      FillOperand(&outputs[1], s.dtype, of_keys);
      FillOperand(&outputs[2], s.dtype, of_keys);
      count = 6;
    } else {
      FillOperand(&outputs[1], DType::kF32, of_rows);
    }
    FillOperand(&outputs[0], s.dtype, of_queries);
    if (s.decode) {
      FillOperand(&inputs[count], DType::kI32, {s.batch});
      for (int64_t b = 0; b < s.batch; ++b) {
        static_cast<int32_t*>(inputs[count].data)[b] = static_cast<int32_t>(s.keys - s.queries);
      }
      ++count;
    }
    attrs[0].name = "causal";
    attrs[0].i = s.causal;
    attrs[1].name = "has_start";
    attrs[1].i = s.decode;
    attrs[2].name = "scale";
    attrs[2].kind = 2;
    attrs[2].f = 0.125;
    call = {sizeof(call), count,   gradient ? 3 : 2, 3, inputs, outputs,
            attrs,        nullptr, def.isa,          0};
    plan.struct_size = sizeof(plan);
    plan.phase_count = 1;
    char reason[TSR_REASON_BYTES] = {};
    if (def.prepare(&call, &plan, reason) != 0) return false;
    call.thread_room = &TestRoom;
    call.workspace = std::aligned_alloc(64, (plan.workspace_bytes + 127) / 64 * 64);
    return true;
  }

  double TimeOnce(Team& team) {
    const double start = Now();
    for (int32_t phase = 0; phase < plan.phase_count; ++phase) {
      team.Run(plan.tasks[phase], [&](int64_t t) { plan.run(&call, &plan, phase, t); });
    }
    return Now() - start;
  }
  double Time(Team& team) {
    const double first = TimeOnce(team);
    return std::min(first, TimeOnce(team));
  }
  double flops() const {
    const Shape& s = shape;
    double pairs = static_cast<double>(s.queries * s.keys);
    if (s.causal && s.queries == s.keys) pairs = pairs / 2 + static_cast<double>(s.queries) / 2;
    return (gradient ? 10.0 : 4.0) * pairs * static_cast<double>(s.batch * s.heads * s.depth);
  }
};

// The first kernel that takes the shape.
Subject* Best(const Shape& shape, bool gradient) {
  KernelSink sink;
  gradient ? RegisterAttentionGradKernels(sink) : RegisterAttentionKernels(sink);
  for (const tsr_kernel_def& def : sink.defs()) {
    if (def.isa > DetectIsa()) continue;
    Subject* subject = new Subject{.shape = shape, .def = def, .gradient = gradient};
    if (subject->Prepare()) return subject;
  }
  std::fprintf(stderr, "no kernel takes the shape\n");
  std::exit(1);
}

void Write(std::FILE* file, const tsr_operand& operand) {
  size_t count = SizeOf(static_cast<DType>(operand.dtype));
  for (int32_t i = 0; i < operand.rank; ++i) count *= static_cast<size_t>(operand.dims[i]);
  if (std::fwrite(operand.data, 1, count, file) == count) return;
  std::fprintf(stderr, "no room for the results\n");
  std::exit(1);
}

int RunCase(int argc, char** argv) {
  if (argc < 7) {
    std::fprintf(stderr, "attention_bench case BATCH SEQUENCE HEADS DEPTH bf16|f32 [threads] "
                         "[rounds] [FILE]\n");
    return 2;
  }
  const int64_t length = std::atoll(argv[3]), heads = std::atoll(argv[4]);
  const Shape shape = {std::atoll(argv[2]), length, length, heads, heads, std::atoll(argv[5]), true,
                       false, std::string(argv[6]) == "bf16" ? DType::kBF16 : DType::kF32};
  Team team(argc > 7 ? std::atoi(argv[7]) : 2);
  const int rounds = argc > 8 ? std::atoi(argv[8]) : 3;
  Subject* forward = Best(shape, false);
  Subject* backward = Best(shape, true);
  for (int i = 0; i < 3; ++i) backward->inputs[i].data = forward->inputs[i].data;
  for (int i = 0; i < 2; ++i) backward->inputs[3 + i].data = forward->outputs[i].data;
  double forward_s = 1e30, backward_s = 1e30, both_s = 1e30;
  for (int round = 0; round <= rounds; ++round) {
    const double there = forward->TimeOnce(team), back = backward->TimeOnce(team);
    if (round == 0) continue;  // to be past the first touch of memory
    forward_s = std::min(forward_s, there);
    backward_s = std::min(backward_s, back);
    both_s = std::min(both_s, there + back);
  }
  std::printf("{\"forward_s\": %.6g, \"backward_s\": %.6g, \"both_s\": %.6g, \"flops\": %.6g, "
              "\"workspace_bytes\": [%zu, %zu], \"kernels\": [\"%s\", \"%s\"]}\n",
              forward_s, backward_s, both_s, forward->flops() + backward->flops(),
              forward->plan.workspace_bytes, backward->plan.workspace_bytes, forward->def.name,
              backward->def.name);
  if (argc <= 9) return 0;
  std::FILE* file = std::fopen(argv[9], "wb");
  if (file == nullptr) {
    std::fprintf(stderr, "%s: cannot be written\n", argv[9]);
    return 1;
  }
  Write(file, forward->outputs[0]);
  for (const tsr_operand& gradient : backward->outputs) Write(file, gradient);
  return std::fclose(file) == 0 ? 0 : 1;
}

int Main(int argc, char** argv) {
  if (argc > 1 && std::string(argv[1]) == "case") return RunCase(argc, argv);
  const int threads = argc > 1 ? std::atoi(argv[1]) : 2;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 7;
  const std::string wanted = argc > 3 ? argv[3] : "";
  Team team(threads);
  const std::vector<Peak> peaks = Peaks();
  if (peaks.empty()) {
    std::printf("no vector kernels on this machine\n");
    return 0;
  }
  std::vector<Subject*> subjects;
  for (const Shape& shape : kShapes) {
    for (const bool gradient : {false, true}) {
      KernelSink sink;
      gradient ? RegisterAttentionGradKernels(sink) : RegisterAttentionKernels(sink);
      for (const tsr_kernel_def& def : sink.defs()) {
        const bool slow = def.isa < TSR_ISA_AVX2 && !shape.decode;
        if (def.isa > DetectIsa() || slow || (gradient && shape.decode)) continue;
        if (std::string(def.name).find(wanted) == std::string::npos) continue;
        Subject* subject = new Subject{.shape = shape, .def = def, .gradient = gradient};
        if (subject->Prepare()) subjects.push_back(subject);
      }
    }
  }
  for (int round = 0; round < rounds; ++round) {
    for (Subject* subject : subjects) {
      const size_t p = PeakOf(subject->def, peaks);
      const double start = Now();
      team.Run(threads, [&](int64_t) { peaks[p].run(); });
      const double peak = peaks[p].flops * threads / (Now() - start);
      const double seconds = subject->Time(team);
      subject->seconds.push_back(seconds);
      subject->shares.push_back(subject->flops() / seconds / peak);
    }
  }
  std::printf("%-34s %3s %5s %5s %3s %3s %3s %10s %10s %9s %6s\n", "kernel", "B", "T", "S", "H",
              "G", "D", "us", "least us", "GFLOP/s", "share");
  for (const Subject* s : subjects) {
    const double seconds = Median(s->seconds);
    const double least = *std::min_element(s->seconds.begin(), s->seconds.end());
    std::printf("%-34s %3ld %5ld %5ld %3ld %3ld %3ld %10.1f %10.1f %9.1f %5.0f%%\n", s->def.name,
                static_cast<long>(s->shape.batch), static_cast<long>(s->shape.queries),
                static_cast<long>(s->shape.keys), static_cast<long>(s->shape.heads),
                static_cast<long>(s->shape.key_heads), static_cast<long>(s->shape.depth),
                seconds * 1e6, least * 1e6, s->flops() / seconds / 1e9, 100 * Median(s->shares));
  }
  return 0;
}

}  // namespace
}  // namespace tessera::cpu

int main(int argc, char** argv) { return tessera::cpu::Main(argc, argv); }
