#include "cpp/exec/executor.h"

#include <algorithm>
#include <chrono>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cpp/base/status_macros.h"
#include "cpp/exec/executor_state.h"
#include "cpp/exec/offset_plan.h"
#include "cpp/ir/printer.h"

namespace tessera {
namespace {

constexpr size_t kLargestReported = 10;

struct TaskContext {
  const tsr_kernel_call* call;
  const tsr_kernel_plan* plan;
  int32_t phase;
  TaskTrace* trace;
};

void RunTask(void* context, int64_t task) {
  const auto* task_context = static_cast<const TaskContext*>(context);
  TaskTrace* trace = task_context->trace;
  const int64_t begin = trace == nullptr ? 0 : trace->Now();
  task_context->plan->run(task_context->call, task_context->plan, task_context->phase, task);
  if (trace != nullptr) trace->AddTask(begin);
}

absl::Status CheckMemoryLimit(const MemoryReport& memory, const std::string& largest_frame,
                              int64_t limit) {
  const int64_t total = memory.total_bytes();
  if (limit <= 0 || total <= limit) return absl::OkStatus();
  const auto print = [](std::string* out, const std::pair<std::string, int64_t>& entry) {
    absl::StrAppend(out, entry.first, " ", entry.second);
  };
  return absl::ResourceExhaustedError(absl::StrCat(
      "memory: the plan needs ", total, " bytes, the limit is ", limit, " (persistent ",
      memory.persistent_bytes, ", gradients ", memory.gradient_bytes, ", activations ",
      memory.activation_bytes, ", frame ", memory.frame_bytes, " of '", largest_frame,
      "', workspace ", memory.workspace_bytes, "); largest at the peak, in bytes: ",
      absl::StrJoin(memory.largest, "; ", print)));
}

}  // namespace

absl::StatusOr<ProgramPlan> ProgramPlan::Make(const Program& program, const KernelTable& kernels,
                                              const ExecutorOptions& options) {
  ProgramPlan plan;
  ASSIGN_OR_RETURN(plan.slots, SlotPlan::Make(program, options.sizes));
  std::map<std::pair<int, CallBinding>, int> known;
  for (const ProgramCall& call : program.calls) {
    ASSIGN_OR_RETURN(CallBinding binding, CallBinding::Of(call));
    const auto [it, is_new] = known.try_emplace({call.function, std::move(binding)},
                                                static_cast<int>(plan.functions.size()));
    if (is_new) {
      absl::StatusOr<std::unique_ptr<FunctionPlan>> made =
          FunctionPlan::Make(program.functions[call.function], it->first.second, options.sizes,
                             kernels, options.isa);
      if (!made.ok()) {
        return absl::Status(made.status().code(),
                            absl::StrCat(made.status().message(), " at '", call.at, "'"));
      }
      plan.functions.push_back(*std::move(made));
    }
    plan.call_functions.push_back(it->second);
  }
  MemoryReport& memory = plan.memory;
  std::string largest_frame;
  for (const auto& function : plan.functions) {
    if (function->frame_bytes() > memory.frame_bytes) largest_frame = function->function().name();
    memory.frame_bytes = std::max(memory.frame_bytes, function->frame_bytes());
    memory.workspace_bytes = std::max(memory.workspace_bytes,
                                      AlignBytes(function->workspace_bytes()));
  }
  memory.persistent_bytes = plan.slots.persistent_bytes();
  memory.gradient_bytes = plan.slots.gradient_bytes();
  memory.activation_bytes = plan.slots.owned_bytes() + plan.slots.arena_bytes();
  memory.lower_bound_bytes = plan.slots.owned_bytes() + plan.slots.arena_lower_bound_bytes();
  memory.largest = plan.slots.LargestAtPeak(program, kLargestReported);
  RETURN_IF_ERROR(CheckMemoryLimit(memory, largest_frame, options.memory_limit_bytes));
  return plan;
}

absl::Status Executor::State::Allocate() {
  const SlotPlan& slots = plan.slots;
  for (const GradientBucket& bucket : slots.buckets()) {
    ASSIGN_OR_RETURN(std::shared_ptr<Buffer> buffer,
                     Buffer::Allocate(static_cast<size_t>(bucket.bytes)));
    gradient_buffers.push_back(std::move(buffer));
  }
  ASSIGN_OR_RETURN(owned_buffer, Buffer::Allocate(static_cast<size_t>(slots.owned_bytes())));
  const int64_t arena_bytes = slots.arena_bytes();
  ASSIGN_OR_RETURN(arena_buffer,
                   Buffer::Allocate(static_cast<size_t>(arena_bytes + plan.memory.frame_bytes +
                                                        plan.memory.workspace_bytes)));
  char* arena = static_cast<char*>(arena_buffer->data());
  frame = arena + arena_bytes;
  for (const auto& function : plan.functions) {
    function->SetWorkspace(frame + plan.memory.frame_bytes);
  }
  persistent.resize(slots.total_instances());
  addresses.resize(slots.total_instances());
  for (size_t s = 0; s < program->slots.size(); ++s) {
    const Slot& slot = program->slots[s];
    for (int m = 0; m < slots.instance_count(static_cast<int>(s)); ++m) {
      const int index = slots.InstanceIndex(static_cast<int>(s), m);
      const SlotInstance& instance = slots.instance(index);
      switch (instance.region) {
        case SlotRegion::kNone:
          break;
        case SlotRegion::kPersistent: {
          const SizedType& type = slots.type(static_cast<int>(s));
          ASSIGN_OR_RETURN(persistent[index], store->GetOrCreate(slot.kind, StoreName(slot, m),
                                                                 type.dtype, type.dims));
          addresses[index] = static_cast<char*>(persistent[index].data());
          break;
        }
        case SlotRegion::kGradient:
          addresses[index] = static_cast<char*>(gradient_buffers[instance.bucket]->data()) +
                             instance.offset;
          break;
        case SlotRegion::kOwned:
          addresses[index] = static_cast<char*>(owned_buffer->data()) + instance.offset;
          break;
        case SlotRegion::kArena:
          addresses[index] = arena + instance.offset;
          break;
      }
    }
  }
  return absl::OkStatus();
}

FunctionPlan& Executor::State::BindCall(const Action& action) {
  const ProgramCall& call = program->calls[action.call];
  FunctionPlan& function = *plan.functions[plan.call_functions[action.call]];
  char** base = bases.data();
  for (int slot : call.inputs) {
    *base++ = addresses[plan.slots.InstanceIndex(slot, action.micro_batch)];
  }
  for (int slot : call.outputs) {
    *base++ = slot < 0 ? nullptr : addresses[plan.slots.InstanceIndex(slot, action.micro_batch)];
  }
  *base = frame;
  function.Bind(bases);
  return function;
}

absl::Status Executor::State::RunKernel(PlannedKernel& planned, const std::string& at) {
  const PreparedKernel& kernel = *planned.kernel;
  for (int32_t phase = 0; phase < kernel.plan.phase_count; ++phase) {
    TaskContext context{&kernel.call, &kernel.plan, phase, trace.get()};
    if (!pool->Run(kernel.plan.tasks[phase], RunTask, &context)) {
      // What a kernel reported before another task threw is given up with the call.
      (void)planned.kernel->failure.Take();
      const absl::StatusCode code = pool->last_error_is_memory()
                                        ? absl::StatusCode::kResourceExhausted
                                        : absl::StatusCode::kInternal;
      return absl::Status(code, absl::StrCat(planned.op(), " at '", at, "': kernel ",
                                             kernel.def.name, " threw: ", pool->last_error()));
    }
    if (kernel.failure.failed()) {
      const absl::Status failure = planned.kernel->failure.Take();
      return absl::Status(failure.code(),
                          absl::StrCat(planned.op(), " at '", at, "': ", failure.message()));
    }
  }
  return absl::OkStatus();
}

absl::Status Executor::State::RunAction(const Action& action) {
  if (trace == nullptr) return RunActionOf(action);
  const auto number = static_cast<int>(&action - program->schedule.data());
  trace->BeginUse(number, action.call, -1);
  const int64_t begin = trace->Now();
  RETURN_IF_ERROR(RunActionOf(action));
  if (action.call < 0) trace->AddTask(begin);
  return absl::OkStatus();
}

absl::Status Executor::State::RunActionOf(const Action& action) {
  if (action.kind == ActionKind::kReduce) return RunReduce();
  if (action.kind == ActionKind::kReduceSlot) return RunReduceSlot(action);
  if (action.kind == ActionKind::kSend || action.kind == ActionKind::kReceive) {
    return RunTransfer(action);
  }
  const std::string& at = program->calls[action.call].at;
  FunctionPlan& function = BindCall(action);
  if (!options.profile && trace == nullptr) {
    for (PlannedKernel& planned : function.kernels()) RETURN_IF_ERROR(RunKernel(planned, at));
    return absl::OkStatus();
  }
  for (size_t k = 0; k < function.kernels().size(); ++k) {
    if (trace != nullptr) {
      trace->BeginUse(static_cast<int>(&action - program->schedule.data()), action.call,
                      static_cast<int>(k));
    }
    const auto start = std::chrono::steady_clock::now();
    RETURN_IF_ERROR(RunKernel(function.kernels()[k], at));
    if (!options.profile) continue;
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    times[action.call][k].seconds += taken.count();
    ++times[action.call][k].uses;
  }
  return absl::OkStatus();
}

absl::Status Executor::State::RunReduce() {
  if (options.communicator == nullptr || options.communicator->size() <= 1) {
    return absl::OkStatus();
  }
  for (size_t b = 0; b < gradient_buffers.size(); ++b) {
    const GradientBucket& bucket = plan.slots.buckets()[b];
    if (!bucket.reduce) continue;
    const int64_t count = bucket.bytes / static_cast<int64_t>(SizeOf(bucket.dtype));
    const absl::Status status = options.communicator->AllReduce(gradient_buffers[b]->data(), count,
                                                                bucket.dtype, ReduceOp::kSum);
    if (!status.ok()) {
      return absl::Status(status.code(), absl::StrCat("reduce of the ", Name(bucket.dtype),
                                                      " gradients: ", status.message()));
    }
  }
  return absl::OkStatus();
}

absl::Status Executor::State::RunReduceSlot(const Action& action) {
  if (options.communicator == nullptr || options.communicator->size() <= 1) {
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const Tensor tensor, SlotTensor(action.slot, action.micro_batch));
  const absl::Status status = options.communicator->AllReduce(tensor.data(), tensor.count(),
                                                              tensor.dtype, ReduceOp::kSum);
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat("sum of '", program->slots[action.slot].name,
                                                  "' over the ranks: ", status.message()));
}

absl::Status Executor::State::RunTransfer(const Action& action) {
  const bool sends = action.kind == ActionKind::kSend;
  RET_CHECK(options.communicator != nullptr) << "a stage of a pipeline needs a communicator";
  ASSIGN_OR_RETURN(const Tensor tensor, SlotTensor(action.slot, action.micro_batch));
  const auto bytes = static_cast<int64_t>(tensor.bytes());
  Communicator& group = *options.communicator;
  const absl::Status status = sends
                                  ? group.Send(tensor.data(), bytes, action.peer, action.tag)
                                  : group.Receive(tensor.data(), bytes, action.peer, action.tag);
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat("'", program->slots[action.slot].name,
                                                  "' micro-batch ", action.micro_batch, ": ",
                                                  status.message()));
}

absl::StatusOr<Tensor> Executor::State::SlotTensor(int slot, int micro_batch) const {
  if (slot < 0 || slot >= static_cast<int>(program->slots.size())) {
    return absl::InvalidArgumentError(absl::StrCat("slot: expected 0 to ",
                                                   program->slots.size() - 1, ", got ", slot));
  }
  if (micro_batch < 0 || micro_batch >= plan.slots.instance_count(slot)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "slot '", program->slots[slot].name, "': expected a micro-batch from 0 to ",
        plan.slots.instance_count(slot) - 1, ", got ", micro_batch));
  }
  const int index = plan.slots.InstanceIndex(slot, micro_batch);
  const SlotInstance& instance = plan.slots.instance(index);
  Tensor tensor;
  tensor.dtype = plan.slots.type(slot).dtype;
  tensor.dims = plan.slots.type(slot).dims;
  tensor.offset_bytes = static_cast<size_t>(instance.offset);
  switch (instance.region) {
    case SlotRegion::kNone:
      return absl::NotFoundError(
          absl::StrCat("slot '", program->slots[slot].name, "' is used by no action"));
    case SlotRegion::kPersistent:
      return persistent[index];
    case SlotRegion::kGradient:
      tensor.buffer = gradient_buffers[instance.bucket];
      break;
    case SlotRegion::kOwned:
      tensor.buffer = owned_buffer;
      break;
    case SlotRegion::kArena:
      tensor.buffer = arena_buffer;
      break;
  }
  return tensor;
}

Executor::Executor(std::unique_ptr<State> state) : state_(std::move(state)) {}
Executor::~Executor() = default;

namespace {

// A program that needs the whole batch must not train on shares of it.
absl::Status CheckRanks(const Program& program, const Communicator* communicator) {
  if (communicator == nullptr || communicator->size() <= 1) return absl::OkStatus();
  if (program.not_data_parallel.empty()) return absl::OkStatus();
  const bool reduces = std::any_of(
      program.schedule.begin(), program.schedule.end(),
      [](const Action& action) { return action.kind == ActionKind::kReduce; });
  if (!reduces) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("program: expected one that ", communicator->size(),
                   " ranks can share the batch of, got one that needs the whole batch: ",
                   program.not_data_parallel));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Executor>> Executor::Create(std::shared_ptr<const Program> program,
                                                           const KernelTable& kernels,
                                                           ThreadPool* pool,
                                                           std::shared_ptr<SlotStore> store,
                                                           const ExecutorOptions& options) {
  RET_CHECK(program != nullptr);
  RETURN_IF_ERROR(CheckRanks(*program, options.communicator));
  auto state = std::make_unique<State>();
  state->program = std::move(program);
  state->options = options;
  state->store = store != nullptr ? std::move(store) : std::make_shared<SlotStore>();
  if (pool == nullptr) {
    state->own_pool = std::make_unique<ThreadPool>(ThreadPoolOptions{});
    pool = state->own_pool.get();
  }
  state->pool = pool;
  ASSIGN_OR_RETURN(state->plan, ProgramPlan::Make(*state->program, kernels, options));
  RETURN_IF_ERROR(state->Allocate());
  size_t bases = 0;
  for (const auto& function : state->plan.functions) {
    bases = std::max(bases, static_cast<size_t>(function->base_count()));
  }
  state->bases.resize(bases);
  state->call_kinds.resize(state->program->calls.size(), ActionKind::kForward);
  for (auto it = state->program->schedule.rbegin(); it != state->program->schedule.rend(); ++it) {
    if (it->call >= 0) state->call_kinds[it->call] = it->kind;
  }
  if (options.profile) {
    for (int function : state->plan.call_functions) {
      state->times.emplace_back(state->plan.functions[function]->kernels().size());
    }
  }
  return std::unique_ptr<Executor>(new Executor(std::move(state)));
}

absl::StatusOr<MemoryReport> Executor::PlanOnly(std::shared_ptr<const Program> program,
                                                const KernelTable& kernels,
                                                const ExecutorOptions& options) {
  RET_CHECK(program != nullptr);
  ASSIGN_OR_RETURN(ProgramPlan plan, ProgramPlan::Make(*program, kernels, options));
  return plan.memory;
}

absl::Status Executor::Run(absl::Span<const ActionKind> kinds,
                           const std::function<bool()>& cancelled) {
  for (const Action& action : state_->program->schedule) {
    if (std::find(kinds.begin(), kinds.end(), action.kind) == kinds.end()) continue;
    if (cancelled && cancelled()) return absl::AbortedError("cancelled");
    RETURN_IF_ERROR(state_->RunAction(action));
  }
  return absl::OkStatus();
}

absl::StatusOr<Tensor> Executor::SlotTensor(int slot, int micro_batch) const {
  return state_->SlotTensor(slot, micro_batch);
}

const MemoryReport& Executor::memory() const { return state_->plan.memory; }
const Program& Executor::program() const { return *state_->program; }

std::vector<NodeProfile> Executor::Profile() const {
  std::vector<NodeProfile> profile;
  for (size_t c = 0; c < state_->times.size(); ++c) {
    const FunctionPlan& function = *state_->plan.functions[state_->plan.call_functions[c]];
    for (size_t k = 0; k < function.kernels().size(); ++k) {
      const KernelTime& time = state_->times[c][k];
      if (time.uses == 0) continue;
      const PlannedKernel& planned = function.kernels()[k];
      const double uses = static_cast<double>(time.uses);
      profile.push_back({.op = planned.op(),
                         .kernel = planned.kernel->def.name,
                         .at = state_->program->calls[c].at,
                         .kind = state_->call_kinds[c],
                         .seconds = time.seconds,
                         .flops = planned.flops * uses,
                         .bytes = planned.bytes * uses,
                         .uses = time.uses});
    }
  }
  return profile;
}

void Executor::StartTrace() { state_->trace = std::make_unique<TaskTrace>(); }

std::vector<TracedSpan> Executor::TakeTrace() {
  std::vector<TracedSpan> spans;
  const std::unique_ptr<TaskTrace> trace = std::move(state_->trace);
  if (trace == nullptr) return spans;
  for (const TaskSpan& span : trace->Take()) {
    TracedSpan traced;
    traced.kind = state_->program->schedule[span.action].kind;
    traced.op = Name(traced.kind);
    traced.thread = span.thread;
    traced.begin_s = static_cast<double>(span.begin_ns) * 1e-9;
    traced.end_s = static_cast<double>(span.end_ns) * 1e-9;
    if (span.kernel >= 0) {
      const FunctionPlan& function =
          *state_->plan.functions[state_->plan.call_functions[span.call]];
      const PlannedKernel& planned = function.kernels()[span.kernel];
      traced.op = planned.op();
      traced.kernel = planned.kernel->def.name;
      traced.at = state_->program->calls[span.call].at;
      traced.flops = planned.flops;
      traced.bytes = planned.bytes;
    }
    spans.push_back(std::move(traced));
  }
  return spans;
}

int Executor::tuned_kernel_count() const {
  int count = 0;
  for (const auto& function : state_->plan.functions) {
    for (const PlannedKernel& planned : function->kernels()) {
      if (!planned.kernel->knobs.empty()) ++count;
    }
  }
  return count;
}

std::string Executor::Fingerprint() const {
  std::set<std::string> kernels;
  for (const auto& function : state_->plan.functions) {
    for (const PlannedKernel& planned : function->kernels()) {
      if (planned.node == nullptr) continue;  // copies change no numbers
      kernels.insert(
          absl::StrCat(planned.kernel->def.name, " v", planned.kernel->def.version));
    }
  }
  return absl::StrJoin(kernels, "; ");
}

}  // namespace tessera
