// Where the time of a training step goes: a config's step, run op by op with its profile.
//
// Builds the step as a trainer would (trace, compile, plan), fills parameters and tokens from a
// hash, and prints the fastest and median step and the processor time of one (which neighbours
// change least), the memory plan, and a table of ops: milliseconds a step, uses, GFLOP/s, GB/s,
// share of the step. The profile is of the steps after the timed ones.
//   step_bench [config = samples/bench/dense.json] [threads = 2] [steps = 7] [isa] [spin_us = 50]
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "cpp/compile/compiler.h"
#include "cpp/config/config.h"
#include "cpp/device/kernel_sink.h"
#include "cpp/exec/executor.h"
#include "cpp/exec/thread_pool.h"
#include "cpp/ir/op_table.h"
#include "cpp/nn/tracer.h"
#include "cpp/optim/optimizer.h"
#include "kernels/cpu/internal/cpu_features.h"

namespace tessera {

namespace cpu {
void RegisterAllCpuKernels(KernelSink& sink);
}  // namespace cpu

namespace {

constexpr int kProfiledSteps = 3;

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

double ProcessorSeconds() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

template <class T>
T Need(absl::StatusOr<T> value) {
  if (!value.ok()) {
    std::fprintf(stderr, "%s\n", std::string(value.status().message()).c_str());
    std::exit(1);
  }
  return *std::move(value);
}
void Need(const absl::Status& status) {
  if (!status.ok()) {
    std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
    std::exit(1);
  }
}

// Small numbers from a hash of their index.
float NumberAt(uint64_t seed, int64_t i) {
  uint64_t x = (seed * 0x9e3779b97f4a7c15u) ^ static_cast<uint64_t>(i);
  x *= 0xbf58476d1ce4e5b9u;
  x ^= x >> 31;
  x *= 0x94d049bb133111ebu;
  return static_cast<float>(x >> 40) / static_cast<float>(1 << 24) - 0.5f;
}

int64_t IntOf(const Config& config, const char* path) {
  return std::atoll(Need(config.Get(path)).c_str());
}

class Step {
 public:
  Step(const Config& config, int threads, int isa, int spin_us)
      : batch_(IntOf(config, "trainer.batch_size")),
        length_(IntOf(config, "trainer.sequence_length")),
        vocab_(IntOf(config, "model.vocab_size")),
        pool_({threads, spin_us}) {
    const ModuleTable modules;
    TraceOptions trace;
    const std::string dtype = Need(config.Get("runtime.dtype"));
    trace.dtype = dtype.find("bf16") != std::string::npos ? DType::kBF16 : DType::kF32;
    Tracer tracer(OpTable::Builtin(), modules, trace);
    const FunctionRef main =
        Need(tracer.TraceMain(*config.Section("model"), LanguageModelArguments(trace.mode),
                              LanguageModelAmbients(trace.mode)));
    const auto optimizer = Need(NewOptimizer(*config.Section("optimizer")));
    CompileOptions compile;
    compile.gradients = true;
    compile.results = false;
    compile.update = optimizer.get();
    program_ = Need(Compile(*main, OpTable::Builtin(), compile));
    KernelSink sink;
    cpu::RegisterAllCpuKernels(sink);
    kernels_ = std::make_unique<KernelTable>(sink.defs());
    options_.sizes = {{"B", batch_}, {"T", length_}};
    options_.isa = std::min<int>(isa, cpu::DetectIsa());
    store_ = std::make_shared<SlotStore>();
  }

  void Make(bool profile) {
    options_.profile = profile;
    executor_.reset();
    executor_ = Need(Executor::Create(program_, *kernels_, &pool_, store_, options_));
    Fill();
  }

  void Run() {
    Need(executor_->Run({ActionKind::kPrologue, ActionKind::kForward, ActionKind::kBackward,
                         ActionKind::kCollect, ActionKind::kReduce, ActionKind::kNorm}));
    Need(executor_->Run({ActionKind::kCommit}));
  }

  double Loss() {
    for (const SumSpec& sum : program_->sums) {
      if (!sum.is_loss) continue;
      return FloatAt(sum.numerator_slot) / FloatAt(sum.denominator_slot);
    }
    return 0;
  }
  const Executor& executor() const { return *executor_; }
  int64_t tokens() const { return batch_ * length_; }

 private:
  double FloatAt(int slot) {
    const Tensor tensor = Need(executor_->SlotTensor(slot));
    return *static_cast<const float*>(tensor.data());
  }

  void Fill() {
    for (size_t s = 0; s < program_->slots.size(); ++s) {
      const Slot& slot = program_->slots[s];
      const bool filled = slot.kind == SlotKind::kInput || slot.kind == SlotKind::kScalar ||
                          slot.kind == SlotKind::kParam;
      if (filled) FillOne(s, slot);
    }
    Need(executor_->Run({ActionKind::kRefresh}));
  }

  void FillOne(size_t s, const Slot& slot) {
    const Tensor tensor = Need(executor_->SlotTensor(static_cast<int>(s)));
    int64_t count = 1;
    for (const int64_t dim : tensor.dims) count *= dim;
    for (int64_t i = 0; i < count; ++i) {
      if (tensor.dtype == DType::kF32) {
        float value = NumberAt(s, i) * 0.06f;
        if (slot.kind == SlotKind::kScalar) {
          value = slot.name == kLearningRateSlot ? 3e-4f : 1.0f;
          if (slot.name.rfind("seed/", 0) == 0) value = 1.0f / static_cast<float>(tokens());
        } else if (tensor.dims.size() == 1) {
          value = 1;  // scales of norms
        }
        static_cast<float*>(tensor.data())[i] = value;
      } else if (tensor.dtype == DType::kI32) {
        int64_t value = i % length_;
        if (slot.name == "segments") value = 0;
        // Targets follow tokens, so that there is something to learn.
        if (slot.name == "tokens") value = i * i % 251 % vocab_;
        if (slot.name == "targets") value = (i + 1) * (i + 1) % 251 % vocab_;
        static_cast<int32_t*>(tensor.data())[i] = static_cast<int32_t>(value);
      } else {
        std::memset(tensor.data(), 0, SizeOf(tensor.dtype));
      }
    }
  }

  int64_t batch_;
  int64_t length_;
  int64_t vocab_;
  ThreadPool pool_;
  std::shared_ptr<const Program> program_;
  std::unique_ptr<KernelTable> kernels_;
  std::shared_ptr<SlotStore> store_;
  ExecutorOptions options_;
  std::unique_ptr<Executor> executor_;
};

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
