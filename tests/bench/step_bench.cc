// Where the time of a training step goes: a config's step, run op by op with its profile.
//
// Builds the step as a trainer would (trace, compile, plan), fills parameters and tokens from a
// hash, and prints the fastest and median step and the processor time of one (which neighbours
// change least), the memory plan, and a table of ops: milliseconds a step, uses, GFLOP/s, GB/s,
// share of the step. The profile is of the steps after the timed ones.
//   step_bench [config = samples/bench/dense.json] [threads = 2] [steps = 7] [isa] [spin_us = 50]
#include <sys/resource.h>

#include <algorithm>
#include <map>

#include "cpp/compile/compiler.h"
#include "cpp/config/config.h"
#include "cpp/exec/executor.h"
#include "cpp/nn/tracer.h"
#include "cpp/optim/optimizer.h"
#include "kernels/cpu/internal/cpu_features.h"
#include "tests/bench/bench_step.h"

namespace tessera {
namespace {

constexpr int kProfiledSteps = 3;

double ProcessorSeconds() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void PrintProfile(const Executor& executor) {
  struct Row {
    std::string what;
    double seconds = 0, flops = 0, bytes = 0;
    int64_t uses = 0;
  };
  std::map<std::string, Row> by_kernel;
  double total = 0;
  for (const NodeProfile& node : executor.Profile()) {
    const char* part = node.kind == ActionKind::kForward     ? "F "
                       : node.kind == ActionKind::kBackward ? "B "
                                                            : "  ";
    Row& row = by_kernel[part + node.kernel];
    row.what = part + node.kernel;
    row.seconds += node.seconds;
    row.flops += node.flops;
    row.bytes += node.bytes;
    row.uses += node.uses;
    total += node.seconds;
  }
  std::vector<Row> rows;
  for (const auto& [name, row] : by_kernel) rows.push_back(row);
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
    return a.seconds > b.seconds;
  });
  std::printf("%-40s %9s %6s %9s %8s %6s\n", "kernel", "ms", "uses", "GFLOP/s", "GB/s", "share");
  for (const Row& row : rows) {
    std::printf("%-40s %9.2f %6ld %9.1f %8.1f %5.1f%%\n", row.what.c_str(),
                row.seconds * 1e3 / kProfiledSteps, static_cast<long>(row.uses / kProfiledSteps),
                row.flops / row.seconds / 1e9, row.bytes / row.seconds / 1e9,
                100 * row.seconds / total);
  }
  std::printf("sum of kernels %.1f ms\n", total * 1e3 / kProfiledSteps);
}

int Main(int argc, char** argv) {
  const std::string path = argc > 1 ? argv[1] : "samples/bench/dense.json";
  const int threads = argc > 2 ? std::atoi(argv[2]) : 2;
  const int steps = argc > 3 ? std::atoi(argv[3]) : 7;
  const int isa = argc > 4 ? std::atoi(argv[4]) : TSR_ISA_AMX;
  const int spin_us = argc > 5 ? std::atoi(argv[5]) : 50;
  const Config config =
      Need(Need(Config::Load(SchemaRegistry::Builtin(), path)).Resolve());
  Step step(config, threads, isa, spin_us);
  step.Make(false);
  step.Run();
  const double first_loss = step.Loss();
  std::vector<double> seconds;
  double processor_s = 1e30;
  for (int i = 0; i < steps; ++i) {
    const double start = Now();
    const double processor_start = ProcessorSeconds();
    step.Run();
    seconds.push_back(Now() - start);
    processor_s = std::min(processor_s, ProcessorSeconds() - processor_start);
  }
  std::sort(seconds.begin(), seconds.end());
  const MemoryReport& memory = step.executor().memory();
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  std::printf("step %.1f ms (median %.1f; processor %.1f), %.0f tokens/s, loss %.4f -> %.4f\n",
              seconds.front() * 1e3, seconds[seconds.size() / 2] * 1e3, processor_s * 1e3,
              static_cast<double>(step.tokens()) / seconds.front(), first_loss, step.Loss());
  std::printf("MB: persistent %.0f, gradients %.0f, activations %.0f (lower bound %.0f), frame "
              "%.0f, workspace %.0f; peak of the process %.0f\n",
              memory.persistent_bytes / 1e6, memory.gradient_bytes / 1e6,
              memory.activation_bytes / 1e6, memory.lower_bound_bytes / 1e6,
              memory.frame_bytes / 1e6, memory.workspace_bytes / 1e6, usage.ru_maxrss / 1e3);
  step.Make(true);
  for (int i = 0; i < kProfiledSteps; ++i) step.Run();
  PrintProfile(step.executor());
  return 0;
}

}  // namespace
}  // namespace tessera

int main(int argc, char** argv) { return tessera::Main(argc, argv); }
