// A config's training step as benchmarks of it run it: built as a trainer would (trace, compile,
// plan), with numbers from a hash in parameters and tokens. One thread drives a Step; what fails
// ends the program with its message.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
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
#include "tests/bench/bench_kit.h"

namespace tessera {

namespace cpu {
void RegisterAllCpuKernels(KernelSink& sink);
}  // namespace cpu

using cpu::Now;

template <class T>
T Need(absl::StatusOr<T> value) {
  if (!value.ok()) {
    std::fprintf(stderr, "%s\n", std::string(value.status().message()).c_str());
    std::exit(1);
  }
  return *std::move(value);
}
inline void Need(const absl::Status& status) {
  if (!status.ok()) {
    std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
    std::exit(1);
  }
}

// Small numbers from a hash of their index.
inline float NumberAt(uint64_t seed, int64_t i) {
  uint64_t x = (seed * 0x9e3779b97f4a7c15u) ^ static_cast<uint64_t>(i);
  x *= 0xbf58476d1ce4e5b9u;
  x ^= x >> 31;
  x *= 0x94d049bb133111ebu;
  return static_cast<float>(x >> 40) / static_cast<float>(1 << 24) - 0.5f;
}

inline int64_t IntOf(const Config& config, const char* path) {
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
  Executor& executor() { return *executor_; }
  const Program& program() const { return *program_; }
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

}  // namespace tessera
