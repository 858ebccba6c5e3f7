#include "cpp/exec/kernel_choice.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cpp/base/status_macros.h"
#include "cpp/exec/fused_kernel.h"
#include "cpp/exec/offset_plan.h"
#include "cpp/exec/thread_pool.h"

namespace tessera {
namespace {

constexpr int64_t kCopyTaskBytes = 256 << 10;

tsr_operand OperandOf(const SizedType& type) {
  tsr_operand operand{};
  operand.rank = static_cast<int32_t>(type.dims.size());
  operand.dtype = static_cast<int32_t>(type.dtype);
  std::copy(type.dims.begin(), type.dims.end(), operand.dims);
  return operand;
}

tsr_attr AttrOf(const Attrs::Entry& entry) {
  tsr_attr attr{};
  attr.name = entry.first.c_str();
  const AttrValue& value = entry.second;
  attr.kind = static_cast<int32_t>(value.index());
  if (const bool* flag = std::get_if<bool>(&value)) {
    attr.i = *flag ? 1 : 0;
  } else if (const int64_t* number = std::get_if<int64_t>(&value)) {
    attr.i = *number;
  } else if (const double* real = std::get_if<double>(&value)) {
    attr.f = *real;
  } else if (const std::string* text = std::get_if<std::string>(&value)) {
    attr.text = text->c_str();
  } else if (const auto* ints = std::get_if<IntList>(&value)) {
    attr.ints = ints->data();
    attr.count = static_cast<int32_t>(ints->size());
  }
  return attr;
}

std::string UseText(std::string_view op, const Attrs& attrs,
                    const std::vector<const SizedType*>& inputs,
                    const std::vector<const SizedType*>& outputs) {
  const auto print = [](std::string* out, const SizedType* type) {
    absl::StrAppend(out, type->ToText());
  };
  return absl::StrCat(op, "(", absl::StrJoin(inputs, ", ", print), ") -> ",
                      absl::StrJoin(outputs, ", ", print),
                      attrs.empty() ? "" : absl::StrCat(" ", ToText(attrs)));
}

// Asks one candidate. OK with "" in `reason` when it takes the call.
absl::Status AskKernel(const tsr_kernel_def& def, PreparedKernel& kernel, std::string& reason) {
  char text[TSR_REASON_BYTES] = {};
  kernel.def = def;
  kernel.call.user = def.user;
  kernel.plan = {};
  kernel.plan.struct_size = sizeof(tsr_kernel_plan);
  kernel.plan.phase_count = 1;
  int32_t refused = 1;
  try {
    refused = def.prepare(&kernel.call, &kernel.plan, text);
  } catch (const std::exception& exception) {
    return absl::InternalError(absl::StrCat("kernel ", def.name, " threw: ", exception.what()));
  } catch (...) {
    return absl::InternalError(absl::StrCat("kernel ", def.name, " threw"));
  }
  if (refused != 0) {
    text[TSR_REASON_BYTES - 1] = '\0';
    reason = text[0] == '\0' ? "declined without a reason" : text;
    return absl::OkStatus();
  }
  reason.clear();
  const tsr_kernel_plan& plan = kernel.plan;
  bool sound = plan.run != nullptr && plan.phase_count >= 0 &&
               plan.phase_count <= TSR_KERNEL_MAX_PHASES;
  for (int32_t phase = 0; sound && phase < plan.phase_count; ++phase) {
    sound = plan.tasks[phase] >= 0;
  }
  if (!sound) {
    return absl::InternalError(absl::StrCat("kernel ", def.name, " prepared an impossible plan"));
  }
  if (plan.workspace_bytes > static_cast<size_t>(kMaxPlannedBytes)) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "kernel ", def.name, " asks for a workspace of ", plan.workspace_bytes, " bytes"));
  }
  return absl::OkStatus();
}

// Knobs that the table has for the call that `kernel` is prepared for.
absl::Status TakeTuned(const TuningTable* tuning, PreparedKernel& kernel) {
  if (tuning == nullptr || kernel.def.explore == nullptr) return absl::OkStatus();
  const NamedKnobs* named = tuning->Find(kernel.def, kernel.call);
  if (named == nullptr) return absl::OkStatus();
  const auto refused = [&](const absl::Status& status) {
    return absl::Status(status.code(),
                        absl::StrCat(tuning->source(), ": entry for ", kernel.def.name, " ",
                                     TuningText(kernel.call), ": ", status.message(),
                                     "; take the entry out, or tune again"));
  };
  const absl::StatusOr<tsr_kernel_space> space = ExploreKernel(kernel, nullptr, nullptr);
  if (!space.ok()) return refused(space.status());
  absl::StatusOr<std::vector<int64_t>> knobs = OrderKnobs(*space, *named);
  if (!knobs.ok()) return refused(knobs.status());
  const absl::Status set = SetKnobs(kernel, *std::move(knobs));
  return set.ok() ? set : refused(set);
}

int32_t PrepareCopy(const tsr_kernel_call*, tsr_kernel_plan*, char*) { return 0; }

void RunCopy(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t, int64_t task) {
  int64_t bytes;
  std::memcpy(&bytes, plan->params, sizeof(bytes));
  const int64_t begin = task * kCopyTaskBytes;
  const int64_t size = std::min(kCopyTaskBytes, bytes - begin);
  std::memcpy(static_cast<char*>(call->outputs[0].data) + begin,
              static_cast<const char*>(call->inputs[0].data) + begin, static_cast<size_t>(size));
}

}  // namespace

void KernelFailure::Fail(void* failure, int32_t code, const char* message, size_t message_len) {
  auto* self = static_cast<KernelFailure*>(failure);
  absl::MutexLock lock(&self->mutex_);
  if (!self->status_.ok()) return;
  // A kernel that fails with code 0 still failed.
  const auto known = code > 0 && code <= 16 ? static_cast<absl::StatusCode>(code)
                                            : absl::StatusCode::kUnknown;
  self->status_ = absl::Status(known, absl::string_view(message, message_len));
  self->failed_.store(true, std::memory_order_release);
}

absl::Status KernelFailure::Take() {
  absl::MutexLock lock(&mutex_);
  failed_.store(false, std::memory_order_release);
  return std::exchange(status_, absl::OkStatus());
}

std::string SizedType::ToText() const {
  return absl::StrCat(Name(dtype), "[", absl::StrJoin(dims, ","), "]");
}

absl::StatusOr<SizedType> SizeType(const ValueType& type, const SymbolSizes& sizes) {
  SizedType sized;
  sized.dtype = type.dtype;
  ASSIGN_OR_RETURN(sized.dims, Eval(type.dims, sizes));
  ASSIGN_OR_RETURN(sized.count, ElementCount(sized.dims));
  // Kernels reckon with products of dims, so an empty value may not have greater ones either.
  int64_t bytes = static_cast<int64_t>(SizeOf(type.dtype));
  for (int64_t dim : sized.dims) {
    if (dim > 0 && __builtin_mul_overflow(bytes, dim, &bytes)) bytes = INT64_MAX;
  }
  if (bytes > kMaxValueBytes) {
    return absl::ResourceExhaustedError(absl::StrCat(
        sized.ToText(), " has more bytes than a process can address, ", kMaxValueBytes));
  }
  sized.bytes = sized.count * static_cast<int64_t>(SizeOf(type.dtype));
  return sized;
}

const char* IsaName(int isa) {
  static constexpr const char* kNames[] = {"reference", "baseline",    "avx2",
                                           "avx512",    "avx512_bf16", "amx"};
  return isa >= 0 && isa < static_cast<int>(std::size(kNames)) ? kNames[isa] : "unknown";
}

void PreparedKernel::SetCall(const Attrs& node_attrs, const std::vector<const SizedType*>& inputs,
                             const std::vector<const SizedType*>& outputs, int isa) {
  for (const auto* types : {&inputs, &outputs}) {
    for (const SizedType* type : *types) operands.push_back(OperandOf(*type));
  }
  for (const Attrs::Entry& entry : node_attrs.entries()) attrs.push_back(AttrOf(entry));
  call = {.struct_size = sizeof(tsr_kernel_call),
          .input_count = static_cast<int32_t>(inputs.size()),
          .output_count = static_cast<int32_t>(outputs.size()),
          .attr_count = static_cast<int32_t>(attrs.size()),
          .inputs = operands.data(),
          .outputs = operands.data() + inputs.size(),
          .attrs = attrs.data(),
          .workspace = nullptr,
          .isa = isa,
          .reserved = 0,
          .user = nullptr,
          .failure = &failure,
          .fail = &KernelFailure::Fail,
          .knobs = nullptr,
          .thread_room = &ThreadPool::ThreadRoom};
}

bool AllowsInPlace(const OpDef& op, const PreparedKernel& kernel, int o, int k) {
  const auto& pairs = kernel.in_place.has_value() ? *kernel.in_place : op.in_place();
  if (std::find(pairs.begin(), pairs.end(), std::pair<int, int>(o, k)) == pairs.end()) return false;
  if (kernel.in_place.has_value()) return true;
  // The flags of a kernel name operands of output 0; a kernel that has any works element by
  // element, which is all that the op's further pairs ask.
  constexpr uint32_t kAny = TSR_KERNEL_IN_PLACE_0 | TSR_KERNEL_IN_PLACE_1 | TSR_KERNEL_IN_PLACE_2;
  const uint32_t asked = o == 0 && k <= 2 ? TSR_KERNEL_IN_PLACE_0 << k : kAny;
  return (kernel.def.flags & asked) != 0;
}

absl::StatusOr<std::unique_ptr<PreparedKernel>> ChooseKernel(
    const Node& node, const std::vector<const SizedType*>& inputs,
    const std::vector<const SizedType*>& outputs, const KernelTable& kernels, int isa) {
  for (const auto* types : {&inputs, &outputs}) {
    for (const SizedType* type : *types) {
      if (type->dims.size() <= TSR_MAX_DIMS) continue;
      return absl::InvalidArgumentError(absl::StrCat(node.op->name(), ": ", type->ToText(),
                                                     " has more than ", TSR_MAX_DIMS, " dims"));
    }
  }
  if (node.op->name() == "fused") return NewFusedKernel(node, inputs, outputs, kernels, isa);
  return ChooseKernel(node.op->name(), node.attrs, inputs, outputs, kernels, isa);
}

absl::StatusOr<std::unique_ptr<PreparedKernel>> ChooseKernel(
    std::string_view op, const Attrs& attrs, const std::vector<const SizedType*>& inputs,
    const std::vector<const SizedType*>& outputs, const KernelTable& kernels, int isa) {
  auto kernel = std::make_unique<PreparedKernel>();
  kernel->SetCall(attrs, inputs, outputs, isa);
  std::vector<std::string> refusals;
  for (const tsr_kernel_def* def : kernels.Candidates(op)) {
    std::string reason;
    if (def->isa > isa) {
      reason = absl::StrCat("needs ", IsaName(def->isa), ", allowed is ", IsaName(isa));
    } else {
      absl::Status status = AskKernel(*def, *kernel, reason);
      if (!status.ok()) {
        return absl::Status(status.code(), absl::StrCat(UseText(op, attrs, inputs, outputs), ": ",
                                                        status.message()));
      }
      if (reason.empty()) {
        RETURN_IF_ERROR(TakeTuned(kernels.tuning(), *kernel));
        return kernel;
      }
    }
    refusals.push_back(absl::StrCat(def->name, ": ", reason));
  }
  if (refusals.empty()) refusals.push_back("there is none for this op");
  return absl::NotFoundError(absl::StrCat("no kernel for ", UseText(op, attrs, inputs, outputs),
                                          ": ", absl::StrJoin(refusals, "; ")));
}

absl::Status SetKnobs(PreparedKernel& kernel, std::vector<int64_t> knobs) {
  kernel.knobs = std::move(knobs);
  kernel.call.knobs = kernel.knobs.empty() ? nullptr : kernel.knobs.data();
  std::string reason;
  const tsr_kernel_def def = kernel.def;
  RETURN_IF_ERROR(AskKernel(def, kernel, reason));
  if (reason.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(reason, ": ", absl::StrJoin(kernel.knobs, ", ")));
}

absl::StatusOr<tsr_kernel_space> ExploreKernel(const PreparedKernel& kernel,
                                               tsr_kernel_visit visit, void* user) {
  if (kernel.def.explore == nullptr) {
    return absl::NotFoundError(absl::StrCat("kernel ", kernel.def.name, " has no knobs"));
  }
  tsr_kernel_space space = {};
  space.struct_size = sizeof(space);
  char reason[TSR_REASON_BYTES] = {};
  if (kernel.def.explore(&kernel.call, &space, visit, user, reason) != 0) {
    reason[TSR_REASON_BYTES - 1] = '\0';
    return absl::NotFoundError(absl::StrCat("kernel ", kernel.def.name, ": ", reason));
  }
  RET_CHECK(space.knob_count >= 1 && space.knob_count <= TSR_KERNEL_MAX_KNOBS &&
            space.trait_count >= 0 && space.trait_count <= TSR_KERNEL_MAX_TRAITS)
      << "kernel " << kernel.def.name << " has an impossible space";
  return space;
}

std::unique_ptr<PreparedKernel> NewCopyKernel(int64_t bytes) {
  auto kernel = std::make_unique<PreparedKernel>();
  kernel->def = {.struct_size = sizeof(tsr_kernel_def),
                 .isa = TSR_ISA_REFERENCE,
                 .op = "copy",
                 .name = "executor.copy",
                 .prepare = PrepareCopy,
                 .version = 1,
                 .flags = 0,
                 .user = nullptr,
                 .explore = nullptr};
  tsr_operand operand{};
  operand.rank = 1;
  operand.dtype = static_cast<int32_t>(DType::kU8);
  operand.dims[0] = bytes;
  kernel->operands = {operand, operand};
  kernel->call = {.struct_size = sizeof(tsr_kernel_call),
                  .input_count = 1,
                  .output_count = 1,
                  .attr_count = 0,
                  .inputs = kernel->operands.data(),
                  .outputs = kernel->operands.data() + 1,
                  .attrs = nullptr,
                  .workspace = nullptr,
                  .isa = TSR_ISA_REFERENCE,
                  .reserved = 0,
                  .user = nullptr,
                  .failure = &kernel->failure,
                  .fail = &KernelFailure::Fail,
                  .knobs = nullptr,
                  .thread_room = nullptr};
  kernel->plan.struct_size = sizeof(tsr_kernel_plan);
  kernel->plan.phase_count = 1;
  kernel->plan.tasks[0] = (bytes + kCopyTaskBytes - 1) / kCopyTaskBytes;
  kernel->plan.run = RunCopy;
  std::memcpy(kernel->plan.params, &bytes, sizeof(bytes));
  return kernel;
}

}  // namespace tessera
