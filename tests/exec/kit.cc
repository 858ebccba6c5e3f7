#include "tests/exec/kit.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <stdexcept>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "gtest/gtest.h"
#include "tests/support/thread_room.h"

namespace tessera {
namespace {

constexpr int64_t kTaskElements = 16;
std::atomic<int64_t> kit_tasks{0};

int64_t Count(const tsr_operand& operand) {
  int64_t count = 1;
  for (int d = 0; d < operand.rank; ++d) count *= operand.dims[d];
  return count;
}

float* In(const tsr_kernel_call* call, int i) { return static_cast<float*>(call->inputs[i].data); }
float* Out(const tsr_kernel_call* call, int o) {
  return static_cast<float*>(call->outputs[o].data);
}

bool IsF32(const tsr_kernel_call* call, char* reason) {
  for (int i = 0; i < call->input_count; ++i) {
    if (call->inputs[i].dtype == static_cast<int32_t>(DType::kF32)) continue;
    std::snprintf(reason, TSR_REASON_BYTES, "operand %d is not f32", i);
    return false;
  }
  return true;
}

// Calls body(call, i) for every element of output 0.
template <void (*body)(const tsr_kernel_call*, int64_t)>
int32_t PrepareElements(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!IsF32(call, reason)) return 1;
  plan->tasks[0] = (Count(call->outputs[0]) + kTaskElements - 1) / kTaskElements;
  plan->run = [](const tsr_kernel_call* c, const tsr_kernel_plan*, int32_t, int64_t task) {
    kit_tasks.fetch_add(1);
    const int64_t end = std::min(Count(c->outputs[0]), (task + 1) * kTaskElements);
    for (int64_t i = task * kTaskElements; i < end; ++i) body(c, i);
  };
  return 0;
}

void AddBody(const tsr_kernel_call* c, int64_t i) { Out(c, 0)[i] = In(c, 0)[i] + In(c, 1)[i]; }
void MulBody(const tsr_kernel_call* c, int64_t i) { Out(c, 0)[i] = In(c, 0)[i] * In(c, 1)[i]; }
void NegBody(const tsr_kernel_call* c, int64_t i) { Out(c, 0)[i] = -In(c, 0)[i]; }
void RootBody(const tsr_kernel_call* c, int64_t i) {
  Out(c, 0)[i] = In(c, 0)[i] < 0 ? __builtin_nanf("") : In(c, 0)[i];
}
void Fma3Body(const tsr_kernel_call* c, int64_t i) {
  Out(c, 0)[i] = In(c, 0)[i] * In(c, 1)[i] + In(c, 2)[i];
}
void UpdateBody(const tsr_kernel_call* c, int64_t i) {
  const float gradient = In(c, 1)[i];
  const float m = 0.9f * In(c, 2)[i] + 0.1f * gradient;
  const float v = 0.9f * In(c, 3)[i] + gradient * gradient;
  Out(c, 0)[i] = In(c, 0)[i] - 0.1f * m / (v + 1);
  Out(c, 1)[i] = m;
  Out(c, 2)[i] = v;
}
void ThrowBody(const tsr_kernel_call*, int64_t) { throw std::runtime_error("disk on fire"); }

// One task for each output row of y[M,N] = a[M,K] b[K,N].
int32_t PrepareMatmul(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!IsF32(call, reason)) return 1;
  plan->tasks[0] = call->outputs[0].dims[0];
  plan->run = [](const tsr_kernel_call* c, const tsr_kernel_plan*, int32_t, int64_t row) {
    kit_tasks.fetch_add(1);
    const int64_t columns = c->outputs[0].dims[1], depth = c->inputs[0].dims[1];
    for (int64_t n = 0; n < columns; ++n) {
      float sum = 0;
      for (int64_t k = 0; k < depth; ++k) {
        sum += In(c, 0)[row * depth + k] * In(c, 1)[k * columns + n];
      }
      Out(c, 0)[row * columns + n] = sum;
    }
  };
  return 0;
}

int32_t PrepareTranspose(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!IsF32(call, reason)) return 1;
  plan->tasks[0] = call->outputs[0].dims[0];
  plan->run = [](const tsr_kernel_call* c, const tsr_kernel_plan*, int32_t, int64_t row) {
    const int64_t rows = c->outputs[0].dims[0], columns = c->outputs[0].dims[1];
    for (int64_t n = 0; n < columns; ++n) Out(c, 0)[row * columns + n] = In(c, 0)[n * rows + row];
  };
  return 0;
}

// Phase 0 writes halves of each row's sum to the workspace, phase 1 adds them.
int32_t PrepareRowSum(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!IsF32(call, reason)) return 1;
  const int64_t rows = call->outputs[0].dims[0];
  plan->phase_count = 2;
  plan->tasks[0] = 2 * rows;
  plan->tasks[1] = rows;
  plan->workspace_bytes = static_cast<size_t>(2 * rows) * sizeof(float);
  plan->run = [](const tsr_kernel_call* c, const tsr_kernel_plan*, int32_t phase, int64_t task) {
    float* partial = static_cast<float*>(c->workspace);
    if (phase == 1) {
      Out(c, 0)[task] = partial[2 * task] + partial[2 * task + 1];
      return;
    }
    const int64_t columns = c->inputs[0].dims[1], middle = columns / 2;
    const float* row = In(c, 0) + task / 2 * columns;
    partial[task] = 0;
    for (int64_t k = task % 2 == 0 ? 0 : middle; k < (task % 2 == 0 ? middle : columns); ++k) {
      partial[task] += row[k];
    }
  };
  return 0;
}

// Writes row 1 only: everything else has to be in the memory already.
int32_t PrepareAppend(const tsr_kernel_call*, tsr_kernel_plan* plan, char*) {
  plan->tasks[0] = 1;
  plan->run = [](const tsr_kernel_call* c, const tsr_kernel_plan*, int32_t, int64_t) {
    const int64_t columns = c->outputs[0].dims[1];
    for (int64_t k = 0; k < columns; ++k) Out(c, 0)[columns + k] += In(c, 1)[k];
  };
  return 0;
}

int32_t PrepareNever(const tsr_kernel_call*, tsr_kernel_plan*, char* reason) {
  std::snprintf(reason, TSR_REASON_BYTES, "the moon is wrong");
  return 1;
}

OpTable* NewOps() {
  auto* ops = new OpTable();
  const auto add = [ops](OpDef def) {
    const absl::Status status = ops->Register(std::move(def));
    if (!status.ok()) ADD_FAILURE() << status;
  };
  const char* two = "x[...], y[...] -> z[...]";
  add(OpDef("add").Signature(two).InPlace({{0, 0}, {0, 1}}));
  add(OpDef("plain_add").Signature(two).InPlace({{0, 0}, {0, 1}}));
  add(OpDef("mul").Signature(two).InPlace({{0, 0}, {0, 1}}));
  add(OpDef("neg").Signature("x[...] -> z[...]").InPlace({{0, 0}}));
  add(OpDef("root").Signature("x[...] -> z[...]").InPlace({{0, 0}}));
  add(OpDef("fma3")
          .Signature("x[...], y[...], z[...] -> r[...]")
          .InPlace({{0, 0}, {0, 1}, {0, 2}}));
  add(OpDef("matmul").Signature("x[M, K], y[K, N] -> z[M, N]"));
  add(OpDef("transpose").Signature("x[M, N] -> z[N, M]"));
  add(OpDef("reshape")
          .Signature("x[...] -> y[{shape...}]")
          .RequiredAttr(AttrSpec::kText, "shape", "dims of the result")
          .View());
  add(OpDef("row_sum").Signature("x[M, N] -> y[M]"));
  add(OpDef("append").Signature("cache[S, D], x[D] -> y[S, D]").MustAlias());
  add(OpDef("update")
          .Signature("p[...], g[...], m[...], v[...] -> q[...], r[...], s[...]")
          .InPlace({{0, 0}, {1, 2}, {2, 3}}));
  add(OpDef("throws").Signature("x[...] -> z[...]"));
  add(OpDef("refused").Signature("x[...] -> z[...]"));
  add(OpDef("unknown").Signature("x[...] -> z[...]"));
  return ops;
}

KernelTable* NewKernels() {
  std::vector<tsr_kernel_def> defs;
  const auto add = [&defs](const char* op, const char* name, auto prepare, uint32_t flags,
                           int isa = TSR_ISA_REFERENCE) {
    defs.push_back({sizeof(tsr_kernel_def), isa, op, name, prepare, 1, flags});
  };
  constexpr uint32_t kBoth = TSR_KERNEL_IN_PLACE_0 | TSR_KERNEL_IN_PLACE_1;
  add("add", "add.kit", PrepareElements<AddBody>, kBoth);
  add("plain_add", "plain_add.kit", PrepareElements<AddBody>, 0);
  add("mul", "mul.kit", PrepareElements<MulBody>, kBoth);
  add("neg", "neg.kit", PrepareElements<NegBody>, TSR_KERNEL_IN_PLACE_0);
  add("root", "root.kit", PrepareElements<RootBody>, TSR_KERNEL_IN_PLACE_0);
  add("fma3", "fma3.kit", PrepareElements<Fma3Body>, kBoth | TSR_KERNEL_IN_PLACE_2);
  add("matmul", "matmul.kit", PrepareMatmul, 0);
  add("transpose", "transpose.kit", PrepareTranspose, 0);
  add("row_sum", "row_sum.kit", PrepareRowSum, 0);
  add("append", "append.kit", PrepareAppend, 0);
  add("update", "update.kit", PrepareElements<UpdateBody>, TSR_KERNEL_IN_PLACE_0);
  add("throws", "throws.kit", PrepareElements<ThrowBody>, 0);
  add("refused", "refused.fast", PrepareNever, 0, TSR_ISA_AVX512);
  add("refused", "refused.plain", PrepareNever, 0);
  return new KernelTable(std::move(defs));
}

}  // namespace

const OpTable& KitOps() {
  static const OpTable* ops = NewOps();
  return *ops;
}

const KernelTable& KitKernels() {
  static const KernelTable* kernels = NewKernels();
  return *kernels;
}

void ResetKitTasks() { kit_tasks.store(0); }
int64_t KitTasks() { return kit_tasks.load(); }

int ProgramKit::AddSlot(const std::string& name, SlotKind kind, const Dims& dims,
                        bool per_micro_batch) {
  program->slots.push_back({name, kind, {DType::kF32, dims}, per_micro_batch, -1});
  return static_cast<int>(program->slots.size()) - 1;
}

int ProgramKit::AddCall(const FunctionRef& function, const std::string& at,
                        std::vector<int> inputs, std::vector<int> outputs) {
  const auto it = std::find(program->functions.begin(), program->functions.end(), function);
  const int index = static_cast<int>(it - program->functions.begin());
  if (it == program->functions.end()) program->functions.push_back(function);
  program->calls.push_back({index, at, std::move(inputs), std::move(outputs)});
  return static_cast<int>(program->calls.size()) - 1;
}

ProgramKit ProgramKit::Single(const FunctionRef& function) {
  ProgramKit kit;
  std::vector<int> inputs, outputs;
  for (const FunctionInput& input : function->inputs()) {
    inputs.push_back(kit.AddSlot(input.name, SlotKind::kInput, function->type(input.value).dims));
  }
  for (const FunctionOutput& output : function->outputs()) {
    outputs.push_back(
        kit.AddSlot(output.name, SlotKind::kResult, function->type(output.value).dims));
  }
  kit.Act(ActionKind::kForward, kit.AddCall(function, "main", inputs, outputs));
  return kit;
}

std::unique_ptr<Executor> MakeExecutor(const ProgramKit& kit, const SymbolSizes& sizes,
                                       ThreadPool* pool) {
  ExecutorOptions options;
  options.sizes = sizes;
  auto executor = Executor::Create(kit.program, KitKernels(), pool, nullptr, options);
  EXPECT_TRUE(executor.ok()) << executor.status();
  return executor.ok() ? *std::move(executor) : nullptr;
}

void Fill(const Tensor& tensor, uint64_t seed) {
  uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;
  for (int64_t i = 0; i < tensor.count(); ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    tensor.data_as<float>()[i] = static_cast<float>(static_cast<int32_t>(state >> 32)) * 0x1p-31f;
  }
}

std::vector<uint8_t> Bytes(const Tensor& tensor) {
  const uint8_t* data = tensor.data_as<uint8_t>();
  return {data, data + tensor.bytes()};
}

std::vector<float> Floats(const Tensor& tensor) {
  const float* data = tensor.data_as<float>();
  return {data, data + tensor.count()};
}

absl::StatusOr<std::vector<Tensor>> Interpret(const Function& function,
                                              const std::vector<Tensor>& inputs,
                                              const SymbolSizes& sizes,
                                              const KernelTable& kernels) {
  std::vector<Tensor> values(function.values().size());
  for (size_t i = 0; i < inputs.size(); ++i) values[function.inputs()[i].value] = inputs[i];
  for (const Node& node : function.nodes()) {
    std::vector<SizedType> in, out;
    for (ValueId id : node.inputs) {
      ASSIGN_OR_RETURN(in.emplace_back(), SizeType(function.type(id), sizes));
    }
    for (ValueId id : node.outputs) {
      ASSIGN_OR_RETURN(out.emplace_back(), SizeType(function.type(id), sizes));
      ASSIGN_OR_RETURN(values[id], Tensor::Zeros(out.back().dtype, out.back().dims));
    }
    if (node.op->is_view() || node.op->must_alias()) {
      std::memcpy(values[node.outputs[0]].data(), values[node.inputs[0]].data(),
                  values[node.outputs[0]].bytes());
    }
    if (node.op->is_view()) continue;
    std::vector<const SizedType*> in_types, out_types;
    for (const SizedType& type : in) in_types.push_back(&type);
    for (const SizedType& type : out) out_types.push_back(&type);
    ASSIGN_OR_RETURN(std::unique_ptr<PreparedKernel> kernel,
                     ChooseKernel(node, in_types, out_types, kernels, TSR_ISA_AMX));
    for (size_t k = 0; k < in.size(); ++k) {
      const bool aliased = k == 0 && node.op->must_alias();
      kernel->input(k)->data = values[aliased ? node.outputs[0] : node.inputs[k]].data();
    }
    for (size_t o = 0; o < out.size(); ++o) {
      kernel->output(o)->data = values[node.outputs[o]].data();
    }
    std::vector<char> workspace(kernel->plan.workspace_bytes + 64);
    const uintptr_t start = reinterpret_cast<uintptr_t>(workspace.data());
    kernel->call.thread_room = &TestRoom;
    kernel->call.workspace = workspace.data() + (64 - start % 64) % 64;
    for (int32_t phase = 0; phase < kernel->plan.phase_count; ++phase) {
      for (int64_t task = 0; task < kernel->plan.tasks[phase]; ++task) {
        kernel->plan.run(&kernel->call, &kernel->plan, phase, task);
      }
    }
  }
  std::vector<Tensor> outputs;
  for (const FunctionOutput& output : function.outputs()) outputs.push_back(values[output.value]);
  return outputs;
}

}  // namespace tessera
