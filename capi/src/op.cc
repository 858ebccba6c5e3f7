// tsr_runtime_register_op: ops whose kernel and gradient are a host's callbacks.

#include <cstring>
#include <set>

#include "absl/container/inlined_vector.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "capi/src/internal/arguments.h"
#include "capi/src/internal/building.h"
#include "capi/src/internal/guard.h"
#include "capi/src/internal/host_callback.h"
#include "capi/src/internal/scope_object.h"
#include "cpp/base/status_macros.h"
#include "cpp/base/text.h"
#include "cpp/ir/gradient_context.h"

namespace tessera::capi {
namespace {

constexpr uint32_t kMostVersion = 1u << 30;

// What a registered op's kernel and gradient rule share. The runtime's tables hold it. Thread-safe.
class HostOp {
 public:
  HostOp(const std::shared_ptr<RuntimeObject>& runtime, const tsr_op_def& def,
         std::shared_ptr<const HostCallback> callback)
      : runtime_(runtime),
        name_(def.name),
        kernel_name_(absl::StrCat(def.name, ".host")),
        run_(def.run),
        gradient_(def.gradient),
        callback_(std::move(callback)) {}

  tsr_kernel_def KernelDef(uint32_t version) const;
  absl::Status Gradient(GradientContext& context) const;

 private:
  static int32_t Prepare(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason);
  static void Run(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t phase,
                  int64_t task);
  // The same text for equal attributes, kept as long as this op: plans point to it.
  const std::string* Keep(std::string attrs) const;
  absl::Status CheckGradients(GradientContext& context,
                              absl::Span<const tsr_value> gradients) const;

  const std::weak_ptr<RuntimeObject> runtime_;
  const std::string name_, kernel_name_;
  const tsr_op_run run_;
  const tsr_op_gradient gradient_;
  const std::shared_ptr<const HostCallback> callback_;
  mutable absl::Mutex mutex_;
  mutable std::set<std::string> attrs_ ABSL_GUARDED_BY(mutex_);
};

const std::string* HostOp::Keep(std::string attrs) const {
  absl::MutexLock lock(&mutex_);
  return &*attrs_.insert(std::move(attrs)).first;
}

tsr_kernel_def HostOp::KernelDef(uint32_t version) const {
  tsr_kernel_def def{};
  def.struct_size = sizeof(def);
  def.isa = TSR_ISA_REFERENCE;
  def.op = name_.c_str();
  def.name = kernel_name_.c_str();
  def.prepare = &HostOp::Prepare;
  def.version = version;
  def.user = this;
  return def;
}

Attrs AttrsOf(const tsr_kernel_call& call) {
  Attrs attrs;
  for (int32_t i = 0; i < call.attr_count; ++i) {
    const tsr_attr& attr = call.attrs[i];
    switch (attr.kind) {
      case 0:
        attrs.Set(attr.name, attr.i != 0);
        break;
      case 1:
        attrs.Set(attr.name, attr.i);
        break;
      case 2:
        attrs.Set(attr.name, attr.f);
        break;
      case 3:
        attrs.Set(attr.name, std::string(attr.text));
        break;
      default:
        attrs.Set(attr.name, std::vector<int64_t>(attr.ints, attr.ints + attr.count));
    }
  }
  return attrs;
}

int32_t HostOp::Prepare(const tsr_kernel_call* call, tsr_kernel_plan* plan, char*) {
  const auto* self = static_cast<const HostOp*>(call->user);
  const std::string* attrs = self->Keep(AttrsToJson(AttrsOf(*call)));
  std::memcpy(plan->params, &attrs, sizeof(attrs));
  plan->phase_count = 1;
  plan->tasks[0] = 1;
  plan->run = &HostOp::Run;
  return 0;
}

using Operands = absl::InlinedVector<tsr_kernel_operand, 8>;

Operands OperandsOf(const tsr_operand* operands, int32_t count) {
  Operands list;
  for (int32_t i = 0; i < count; ++i) {
    list.push_back({operands[i].data, operands[i].dims, operands[i].rank,
                    static_cast<tsr_dtype>(operands[i].dtype)});
  }
  return list;
}

void HostOp::Run(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t, int64_t) {
  const auto* self = static_cast<const HostOp*>(call->user);
  const std::string* attrs = nullptr;
  std::memcpy(&attrs, plan->params, sizeof(attrs));
  const Operands inputs = OperandsOf(call->inputs, call->input_count);
  const Operands outputs = OperandsOf(call->outputs, call->output_count);
  // The executor names op and place.
  const absl::Status status = CallHost("", [&] {
    return self->run_(self->callback_->user(), attrs->data(), attrs->size(), inputs.data(),
                      inputs.size(), outputs.data(), outputs.size());
  });
  if (status.ok()) return;
  call->fail(call->failure, static_cast<int32_t>(status.code()), status.message().data(),
             status.message().size());
}

absl::Status HostOp::CheckGradients(GradientContext& context,
                                    absl::Span<const tsr_value> gradients) const {
  Graph& graph = context.graph();
  for (size_t i = 0; i < gradients.size(); ++i) {
    if (gradients[i] < 0) continue;
    const std::string what = absl::StrCat("op '", name_, "': gradient of operand ", i);
    RETURN_IF_ERROR(CheckValue(graph.function(), gradients[i], what));
    const ValueType& expected = context.input_type(i);
    const ValueType& got = graph.type(gradients[i]);
    if (got.dims == expected.dims && IsFloat(got.dtype)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(what, ": expected ", expected.ToText(), ", got ", got.ToText()));
  }
  return absl::OkStatus();
}

absl::Status HostOp::Gradient(GradientContext& context) const {
  const std::shared_ptr<RuntimeObject> runtime = runtime_.lock();
  RET_CHECK(runtime != nullptr) << "an op outlived its runtime";
  Graph& graph = context.graph();
  std::vector<tsr_value> values;
  for (size_t i = 0; i < context.input_count(); ++i) values.push_back(context.input(i));
  const size_t output_count = context.output_count();
  for (size_t i = 0; i < output_count; ++i) values.push_back(context.output(i));
  for (size_t i = 0; i < output_count; ++i) values.push_back(context.cotangent(i));
  RETURN_IF_ERROR(graph.status());
  const std::string attrs = AttrsToJson(context.attrs());
  std::vector<tsr_value> gradients(context.input_count(), kNoValue);
  size_t count = gradients.size();
  const auto object = std::make_shared<ScopeObject>(runtime, graph);
  RETURN_IF_ERROR(CallWithScope(object, absl::StrCat("op '", name_, "': gradient"), gradients,
                                count, [&](tsr_scope* scope) {
                                  return gradient_(callback_->user(), scope, attrs.data(),
                                                   attrs.size(), values.data(), values.size(),
                                                   gradients.data(), gradients.size());
                                }));
  RETURN_IF_ERROR(graph.status());
  RETURN_IF_ERROR(CheckGradients(context, gradients));
  for (size_t i = 0; i < gradients.size(); ++i) {
    if (gradients[i] >= 0) context.SetGradient(i, gradients[i]);
  }
  return absl::OkStatus();
}

absl::Status CheckName(std::string_view name) {
  bool sound = !name.empty() && absl::ascii_islower(static_cast<unsigned char>(name[0]));
  for (char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    sound = sound && (absl::ascii_islower(byte) || absl::ascii_isdigit(byte) || c == '_');
  }
  if (sound) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "def.name: expected lower-case letters, digits and '_', a letter first, got ",
      Quoted(name)));
}

absl::Status Register(const std::shared_ptr<RuntimeObject>& runtime, const tsr_op_def& def,
                      std::shared_ptr<const HostCallback> callback) {
  RETURN_IF_ERROR(CheckPointer(def.name, "def.name"));
  RETURN_IF_ERROR(CheckPointer(def.signature, "def.signature"));
  RETURN_IF_ERROR(CheckPointer(reinterpret_cast<const void*>(def.run), "def.run"));
  RETURN_IF_ERROR(CheckName(def.name));
  ASSIGN_OR_RETURN(const std::string_view doc,
                   ReadText(def.doc, def.doc == nullptr ? 0 : std::strlen(def.doc), "def.doc"));
  if (def.version < 1 || def.version > kMostVersion) {
    return absl::InvalidArgumentError(absl::StrCat("def.version: expected 1 to ", kMostVersion,
                                                   ", got ", def.version));
  }
  absl::StatusOr<Signature> signature = Signature::Parse(def.signature);
  if (!signature.ok()) {
    return absl::Status(signature.status().code(),
                        absl::StrCat("op '", def.name, "': ", signature.status().message()));
  }
  if (signature->inputs.empty() || signature->outputs.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("op '", def.name, "': signature '", def.signature,
                     "': expected at least one output and one input, whose dtype it has"));
  }
  const auto op = std::make_shared<const HostOp>(runtime, def, std::move(callback));
  OpDef made = OpDef(def.name)
                   .Doc(std::string(doc))
                   .Version(static_cast<int>(def.version))
                   .Signature(def.signature)
                   .AnyAttrs();
  if (def.gradient != nullptr) {
    // Builders change the definition in place.
    (void)std::move(made).Gradient(
        [op](GradientContext& context) { return op->Gradient(context); });
  }
  absl::MutexLock lock(&runtime->registration_mutex());
  if (runtime->ops().Find(def.name) != nullptr) {
    return absl::AlreadyExistsError(
        absl::StrCat("op '", def.name, "' is already known to this runtime"));
  }
  RETURN_IF_ERROR(runtime->kernels().Register({op->KernelDef(def.version)}, op));
  return runtime->ops().Register(std::move(made));
}

}  // namespace
}  // namespace tessera::capi

tsr_status* tsr_runtime_register_op(tsr_runtime* runtime, const tsr_op_def* def) {
  using namespace tessera::capi;  // NOLINT: one function
  return Guard([&](Call& call) -> absl::Status {
    constexpr uint32_t kFirstVersion = sizeof(tsr_op_def);
    ASSIGN_OR_RETURN(const tsr_op_def full, ReadStruct(def, kFirstVersion, "def"));
    // From here on `destroy` is called, however this ends.
    auto callback = std::make_shared<const HostCallback>(full.user, full.destroy);
    ASSIGN_OR_RETURN(const auto owner, call.Use(runtime, "runtime"));
    return Register(owner, full, std::move(callback));
  });
}
