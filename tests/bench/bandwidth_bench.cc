// How near to a copy of memory the kernels come that only stream through it: norm, residual, gated
// activation, cross-entropy, AdamW, casts, at sizes that no cache holds.
//
// Each round runs every kernel between two copies on the same threads; the share is of the copies'
// bytes a second. All is timed by the processor time of the tasks: they wait for memory in it,
// while what other programs take does not count. Bytes are those that must be read or written once.
//   bandwidth_bench [threads = 2] [rounds = 15] [part of a kernel's name]
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "cpp/device/kernel_sink.h"
#include "cpp/tensor/dtype.h"
#include "kernels/cpu/internal/cpu_features.h"
#include "tests/bench/bench_kit.h"

namespace tessera::cpu {

void RegisterAllCpuKernels(KernelSink& sink);

namespace {

constexpr DType kF32 = DType::kF32, kBF16 = DType::kBF16;
using Dims = std::vector<int64_t>;

struct OperandSpec {
  DType dtype;
  Dims dims;
};

// What is written in place is an output with the number of its input.
struct Use {
  const char* op;
  std::vector<OperandSpec> inputs;
  std::vector<OperandSpec> outputs;
  std::vector<int> in_place = {};
  std::vector<tsr_attr> attrs = {};
};

tsr_attr FloatAttr(const char* name, double value) {
  return {.name = name, .kind = 2, .count = 0, .i = 0, .f = value, .text = nullptr,
          .ints = nullptr};
}
tsr_attr TextAttr(const char* name, const char* value) {
  return {.name = name, .kind = 3, .count = 0, .i = 0, .f = 0, .text = value, .ints = nullptr};
}

// A layer's activations of 4096 x 4 tokens, scores of 1024 tokens in a vocabulary of 32,000, and
// 26 million parameters.
std::vector<Use> Uses() {
  std::vector<Use> uses;
  for (const DType dtype : {kF32, kBF16}) {
    const OperandSpec x = {dtype, {16384, 512}}, scale = {dtype, {512}};
    const OperandSpec hidden = {dtype, {16384, 1408}}, logits = {dtype, {1024, 32000}};
    const OperandSpec ids = {DType::kI32, {1024}}, per_row = {kF32, {1024}};
    const tsr_attr silu = TextAttr("activation", "silu"), epsilon = FloatAttr("epsilon", 1e-6);
    uses.push_back({"add", {x, x}, {x}});
    uses.push_back({"rms_norm", {x, scale}, {x}, {}, {epsilon}});
    const OperandSpec dscale = {kF32, scale.dims};
    uses.push_back({"rms_norm_grad", {x, scale, x}, {x, dscale}, {}, {epsilon}});
    uses.push_back({"layer_norm", {x, scale, scale}, {x}, {}, {epsilon}});
    uses.push_back({"layer_norm_grad", {x, scale, x}, {x, dscale, dscale}, {}, {epsilon}});
    uses.push_back({"glu", {hidden, hidden}, {hidden}, {}, {silu}});
    uses.push_back({"glu_grad", {hidden, hidden, hidden}, {hidden, hidden}, {0, 1}, {silu}});
    uses.push_back({"cross_entropy", {logits, ids}, {per_row, per_row}});
    uses.push_back({"cross_entropy_grad", {logits, ids, per_row, per_row}, {logits}, {0}});
  }
  const OperandSpec params = {kF32, {26 << 20}}, one = {kF32, {}};
  uses.push_back({"cast", {params}, {{kBF16, params.dims}}});
  uses.push_back({"sum_of_squares", {params}, {one}});
  uses.push_back({"adamw_update", {params, params, params, params, one, one, one},
                  {params, params, params}, {0, 2, 3}, {FloatAttr("weight_decay", 0.1)}});
  return uses;
}

size_t BytesOf(const tsr_operand& operand) {
  size_t bytes = SizeOf(static_cast<DType>(operand.dtype));
  for (int32_t i = 0; i < operand.rank; ++i) bytes *= static_cast<size_t>(operand.dims[i]);
  return bytes;
}

struct Subject {
  Use use;
  tsr_kernel_def def = {};
  tsr_operand inputs[8] = {};
  tsr_operand outputs[4] = {};
  tsr_kernel_call call = {};
  tsr_kernel_plan plan = {};
  double bytes = 0;
  std::vector<void*> saved = {};
  std::vector<double> rates = {};
  std::vector<double> shares = {};

  bool Prepare(const KernelSink& sink) {
    for (size_t i = 0; i < use.inputs.size(); ++i) {
      const OperandSpec& spec = use.inputs[i];
      FillOperand(&inputs[i], spec.dtype, spec.dims, static_cast<int64_t>(i) * 100);
      bytes += static_cast<double>(BytesOf(inputs[i]));
      if (spec.dtype == DType::kI32) std::memset(inputs[i].data, 0, BytesOf(inputs[i]));
      if (spec.dims.empty()) *static_cast<float*>(inputs[i].data) = 0.5f;
    }
    if (std::string(use.op) == "adamw_update") {   // no mean of squares is negative
      float* squares = static_cast<float*>(inputs[3].data);
      for (int64_t i = 0; i < inputs[3].dims[0]; ++i) squares[i] = std::fabs(squares[i]);
    }
    for (size_t i = 0; i < use.outputs.size(); ++i) {
      if (i < use.in_place.size()) {
        outputs[i] = inputs[use.in_place[i]];
      } else {
        FillOperand(&outputs[i], use.outputs[i].dtype, use.outputs[i].dims);
      }
      bytes += static_cast<double>(BytesOf(outputs[i]));
    }
    for (const int at : use.in_place) {
      saved.push_back(Room(BytesOf(inputs[at])));
      std::memcpy(saved.back(), inputs[at].data, BytesOf(inputs[at]));
    }
    call = {.struct_size = sizeof(call),
            .input_count = static_cast<int32_t>(use.inputs.size()),
            .output_count = static_cast<int32_t>(use.outputs.size()),
            .attr_count = static_cast<int32_t>(use.attrs.size()),
            .inputs = inputs,
            .outputs = outputs,
            .attrs = use.attrs.data(),
            .workspace = nullptr,
            .isa = DetectIsa()};
    for (const tsr_kernel_def& candidate : sink.defs()) {
      if (candidate.isa > DetectIsa() || std::string(candidate.op) != use.op) continue;
      plan = {};
      plan.struct_size = sizeof(plan);
      plan.phase_count = 1;
      char reason[TSR_REASON_BYTES] = {};
      if (candidate.prepare(&call, &plan, reason) != 0) continue;
      def = candidate;
      call.thread_room = &TestRoom;
      call.workspace = Room(plan.workspace_bytes);
      return true;
    }
    std::fprintf(stderr, "no kernel takes %s\n", use.op);
    return false;
  }

  // What a round wrote over is put back: a gradient of gradients soon is denormal, which is slow.
  void Restore() {
    for (size_t i = 0; i < saved.size(); ++i) {
      const tsr_operand& input = inputs[use.in_place[i]];
      std::memcpy(input.data, saved[i], BytesOf(input));
    }
  }

  double Time(Team& team) {
    double seconds = 0;
    for (int32_t phase = 0; phase < plan.phase_count; ++phase) {
      seconds +=
          team.Run(plan.tasks[phase], [&](int64_t t) { plan.run(&call, &plan, phase, t); });
    }
    return seconds;
  }
};

// Bytes a second of one processor while all copy 128 MB in pieces as large as a kernel's tasks.
class Copy {
 public:
  Copy() : from_(Filled()), to_(Filled()) {}

  double Rate(Team& team) {
    const double seconds = team.Run(kBytes / kPiece, [&](int64_t i) {
      std::memcpy(to_ + i * kPiece, from_ + i * kPiece, kPiece);
    });
    return 2.0 * kBytes / seconds;
  }

 private:
  static constexpr int64_t kBytes = 128 << 20, kPiece = 64 << 10;

  static char* Filled() {
    void* room = Room(kBytes);
    std::memset(room, 1, kBytes);
    return static_cast<char*>(room);
  }

  char* from_;
  char* to_;
};

int Main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : 2;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 15;
  const std::string wanted = argc > 3 ? argv[3] : "";
  Team team(threads);
  Copy copy;
  KernelSink sink;
  RegisterAllCpuKernels(sink);
  std::printf("%-26s %-5s %8s %10s %10s %6s\n", "kernel", "dtype", "MB", "GB/s", "copy GB/s",
              "share");
  for (const Use& use : Uses()) {
    if (std::string(use.op).find(wanted) == std::string::npos) continue;
    Subject subject = {.use = use};
    if (!subject.Prepare(sink)) return 1;
    subject.Time(team);  // to be past the first touch of memory
    std::vector<double> copies;
    for (int round = 0; round < rounds; ++round) {
      subject.Restore();
      const double before = copy.Rate(team);
      const double rate = subject.bytes / subject.Time(team);
      const double after = copy.Rate(team);
      subject.rates.push_back(rate * threads);
      copies.push_back((before + after) / 2 * threads);
      subject.shares.push_back(rate / ((before + after) / 2));
    }
    std::printf("%-26s %-5s %8.0f %10.1f %10.1f %5.0f%%\n", subject.def.name,
                use.inputs[0].dtype == kF32 ? "f32" : "bf16", subject.bytes / 1e6,
                Median(subject.rates) / 1e9, Median(copies) / 1e9, 100 * Median(subject.shares));
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace
}  // namespace tessera::cpu

int main(int argc, char** argv) { return tessera::cpu::Main(argc, argv); }
