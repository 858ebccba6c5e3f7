// What fusion gives: chains of row-wise ops as the planner runs them one by one, and as one `fused`
// node, alternately on the same threads; and whether both give the same bytes.
//
// Both sides are planned by the executor's own planner, with memory reused and operations in place,
// and timed by the processor time of their tasks.
//   fuse_bench [threads = 2] [rounds = 15]
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "cpp/exec/function_plan.h"
#include "cpp/ir/text_parser.h"
#include "cpp/passes/pass.h"
#include "kernels/cpu/internal/cpu_features.h"
#include "tests/bench/bench_kit.h"
#include "tests/ops/interpreter.h"

namespace tessera {
namespace {

struct Chain {
  const char* name;
  const char* text;
};
// 8 x 2048 tokens; the last dims of a layer, or of a router with 64 experts.
const Chain kChains[] = {
    {"residual + rms_norm, bf16, 512",
     "func f(\n    %0 argument x: bf16[B,T,512]\n    %1 argument y: bf16[B,T,512]\n"
     "    %2 param s: bf16[512]\n) {\n"
     "  %3 = add(%0, %1) : bf16[B,T,512]\n"
     "  %4 = rms_norm(%3, %2) {epsilon: 1e-05} : bf16[B,T,512]\n"
     "  return %3 as x\n  return %4 as z\n}\n"},
    {"dropout + residual + rms_norm, bf16, 512",
     "func f(\n    %0 argument x: bf16[B,T,512]\n    %1 argument y: bf16[B,T,512]\n"
     "    %2 param s: bf16[512]\n    %3 argument key: u32[4]\n    %4 argument offset: i64[]\n) {\n"
     "  %5 = dropout(%0, %3, %4) {rate: 0.1} : bf16[B,T,512]\n"
     "  %6 = add(%5, %1) : bf16[B,T,512]\n"
     "  %7 = rms_norm(%6, %2) {epsilon: 1e-05} : bf16[B,T,512]\n"
     "  return %6 as x\n  return %7 as z\n}\n"},
    {"update + bf16 copy, f32",
     "func f(\n    %0 argument p: f32[B,T,512]\n    %1 argument g: f32[B,T,512]\n"
     "    %2 argument m: f32[B,T,512]\n    %3 argument v: f32[B,T,512]\n"
     "    %4 argument lr: f32[]\n    %5 argument step: f32[]\n    %6 argument clip: f32[]\n) {\n"
     "  %7, %8, %9 = adamw_update(%0, %1, %2, %3, %4, %5, %6) : f32[B,T,512], f32[B,T,512], "
     "f32[B,T,512]\n"
     "  %10 = cast(%7) {dtype: \"bf16\"} : bf16[B,T,512]\n"
     "  return %7 as p\n  return %8 as m\n  return %9 as v\n  return %10 as w\n}\n"},
    {"own norm of 6 ops, f32, 512",
     "func f(\n    %0 argument x: f32[B,T,512]\n    %1 param s: f32[512]\n"
     "    %2 argument epsilon: f32[]\n) {\n"
     "  %3 = square(%0) : f32[B,T,512]\n"
     "  %4 = reduce_mean(%3) {dims: [2], keep_dims: true} : f32[B,T,1]\n"
     "  %5 = add(%4, %2) : f32[B,T,1]\n"
     "  %6 = rsqrt(%5) : f32[B,T,1]\n"
     "  %7 = mul(%0, %6) : f32[B,T,512]\n"
     "  %8 = mul(%7, %1) : f32[B,T,512]\n"
     "  return %8 as z\n}\n"},
    {"8 products and sums, bf16, 1408",
     "func f(\n    %0 argument x: bf16[B,T,1408]\n    %1 argument y: bf16[B,T,1408]\n"
     "    %2 param a: bf16[1408]\n    %3 param b: bf16[1408]\n) {\n"
     "  %4 = mul(%0, %2) : bf16[B,T,1408]\n"
     "  %5 = add(%4, %3) : bf16[B,T,1408]\n"
     "  %6 = mul(%5, %1) : bf16[B,T,1408]\n"
     "  %7 = add(%6, %0) : bf16[B,T,1408]\n"
     "  %8 = relu(%7) : bf16[B,T,1408]\n"
     "  %9 = mul(%8, %1) : bf16[B,T,1408]\n"
     "  %10 = sub(%9, %0) : bf16[B,T,1408]\n"
     "  %11 = add(%10, %3) : bf16[B,T,1408]\n"
     "  return %11 as z\n}\n"},
    {"router: bias, sigmoid, scale, f32, 64",
     "func f(\n    %0 argument x: f32[B,T,64]\n    %1 param b: f32[64]\n"
     "    %2 argument c: f32[]\n) {\n"
     "  %3 = add(%0, %1) : f32[B,T,64]\n"
     "  %4 = softmax(%3) : f32[B,T,64]\n"
     "  %5 = mul(%4, %2) : f32[B,T,64]\n"
     "  return %4 as p\n  return %5 as z\n}\n"},
};

FunctionRef Fused(const FunctionRef& function) {
  for (const NamedPass& pass : BuiltinPasses()) {
    if (pass.name == "fuse") return *pass.create().run(function, OpTable::Builtin());
  }
  std::abort();
}

// A function with memory of its own.
class Subject {
 public:
  Subject(const FunctionRef& function, const SymbolSizes& sizes)
      : plan_(*FunctionPlan::Make(function, CallBinding::Plain(*function), sizes, CpuKernels(),
                                  cpu::DetectIsa())) {
    for (const FunctionInput& input : function->inputs()) {
      const SizedType type = *SizeType(function->type(input.value), sizes);
      tsr_operand operand{};
      cpu::FillOperand(&operand, type.dtype, type.dims, static_cast<int64_t>(bases_.size()) * 100);
      float* numbers = static_cast<float*>(operand.data);
      if (type.dims.empty()) *numbers = 0.5f;
      if (input.name == "v") {  // no mean of squares is negative
        for (int64_t i = 0; i < type.count; ++i) numbers[i] = numbers[i] < 0 ? 0 : numbers[i];
      }
      bases_.push_back(static_cast<char*>(operand.data));
    }
    for (const FunctionOutput& output : function->outputs()) {
      const SizedType type = *SizeType(function->type(output.value), sizes);
      results_.push_back(type.bytes);
      bases_.push_back(static_cast<char*>(cpu::Room(static_cast<size_t>(type.bytes))));
    }
    bases_.push_back(static_cast<char*>(cpu::Room(static_cast<size_t>(plan_->frame_bytes()))));
    plan_->Bind(bases_);
    plan_->SetWorkspace(cpu::Room(static_cast<size_t>(plan_->workspace_bytes())));
  }

  // Processor seconds: what neighbours take does not count.
  double Time(cpu::Team& team) {
    double seconds = 0;
    for (PlannedKernel& planned : plan_->kernels()) {
      const PreparedKernel& kernel = *planned.kernel;
      for (int32_t phase = 0; phase < kernel.plan.phase_count; ++phase) {
        seconds += team.Run(kernel.plan.tasks[phase], [&](int64_t task) {
          kernel.plan.run(&kernel.call, &kernel.plan, phase, task);
        });
      }
    }
    return seconds;
  }

  bool HasResultsOf(const Subject& other) const {
    const size_t inputs = bases_.size() - 1 - results_.size();
    for (size_t o = 0; o < results_.size(); ++o) {
      if (std::memcmp(bases_[inputs + o], other.bases_[inputs + o],
                      static_cast<size_t>(results_[o])) != 0) {
        return false;
      }
    }
    return true;
  }

 private:
  std::unique_ptr<FunctionPlan> plan_;
  std::vector<char*> bases_;
  std::vector<int64_t> results_;  // bytes of each
};

int Main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : 2;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 15;
  const SymbolSizes sizes = {{"B", 8}, {"T", 2048}};
  cpu::Team team(threads);
  std::printf("%-40s %9s %9s %7s %7s %6s\n", "chain", "plain ms", "fused ms", "ratio", "least",
              "bytes");
  for (const Chain& chain : kChains) {
    const FunctionRef function = *ParseFunctionText(chain.text, OpTable::Builtin());
    Subject plain(function, sizes), fused(Fused(function), sizes);
    plain.Time(team);
    fused.Time(team);
    std::vector<double> before, after, ratios;
    for (int round = 0; round < rounds; ++round) {
      const bool first = round % 2 == 0;
      if (first) before.push_back(plain.Time(team));
      after.push_back(fused.Time(team));
      if (!first) before.push_back(plain.Time(team));
      ratios.push_back(before.back() / after.back());
    }
    const double least = *std::min_element(before.begin(), before.end()) /
                         *std::min_element(after.begin(), after.end());
    std::printf("%-40s %9.2f %9.2f %7.2f %7.2f %6s\n", chain.name, 1e3 * cpu::Median(before),
                1e3 * cpu::Median(after), cpu::Median(ratios), least,
                fused.HasResultsOf(plain) ? "same" : "DIFFER");
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace
}  // namespace tessera

int main(int argc, char** argv) { return tessera::Main(argc, argv); }
