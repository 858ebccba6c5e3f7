#include "cpp/compile/update_functions.h"

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/compile/compiler.h"
#include "cpp/ir/graph.h"

namespace tessera {

absl::Status UpdateFunctions::AddAll() {
  const char* const names[] = {kLearningRateSlot, kStepSlot, kClipSlot};
  for (int i = 0; i < 3; ++i) {
    scalars_[i] = builder_.AddSlot(names[i], SlotKind::kScalar, {DType::kF32, {}}, false);
  }
  const int count = static_cast<int>(builder_.program().params.size());
  for (int i = 0; i < count; ++i) {
    const ProgramParam param = builder_.program().params[i];
    if (!param.trainable) continue;
    RETURN_IF_ERROR(AddNorm(param));
    RETURN_IF_ERROR(AddCommit(i));
  }
  return absl::OkStatus();
}

absl::Status UpdateFunctions::AddNorm(const ProgramParam& param) {
  const ValueType type{param.dtype, param.dims};
  FunctionRef& shared = functions_[absl::StrCat("norm/", type.ToText())];
  if (shared == nullptr) {
    auto function = std::make_shared<Function>("sum_of_squares");
    const ValueId x = function->AddInput("x", InputKind::kArgument, type);
    Graph graph(ops_, *function);
    const ValueId sum = graph.Op("sum_of_squares", {x});
    RETURN_IF_ERROR(graph.status());
    function->AddOutput("sum", sum);
    shared = function;
  }
  const ValueType result = shared->type(shared->outputs()[0].value);
  const int slot = builder_.AddSlot(absl::StrCat("norm/", param.path), SlotKind::kResult, result,
                                    false);
  builder_.program().norm_slots.push_back(slot);
  norm_calls_.push_back(
      builder_.AddCall(shared, param.path, {param.gradient_slot}, {slot}));
  return absl::OkStatus();
}

absl::StatusOr<FunctionRef> UpdateFunctions::UpdateFunction(const ProgramParam& param) {
  const ValueType type{param.dtype, param.dims};
  const std::string key = absl::StrCat("update/", type.ToText(), "/", Name(param.compute_dtype),
                                       "/", rule_->Key(param));
  FunctionRef& shared = functions_[key];
  if (shared != nullptr) return shared;
  auto function = std::make_shared<Function>("update");
  UpdateValues values;
  values.param = function->AddInput("param", InputKind::kArgument, type);
  values.gradient = function->AddInput("gradient", InputKind::kArgument, type);
  const std::vector<std::string> slots = rule_->SlotNames(param);
  for (const std::string& slot : slots) {
    values.slots.push_back(function->AddInput(slot, InputKind::kArgument, type));
  }
  const ValueType scalar{DType::kF32, {}};
  values.learning_rate = function->AddInput(kLearningRateSlot, InputKind::kArgument, scalar);
  values.step = function->AddInput(kStepSlot, InputKind::kArgument, scalar);
  values.clip = function->AddInput(kClipSlot, InputKind::kArgument, scalar);
  Graph graph(ops_, *function);
  ASSIGN_OR_RETURN(const std::vector<ValueId> results, rule_->Build(graph, param, values));
  RET_CHECK_EQ(results.size(), slots.size() + 1);
  ValueId weight = kNoValue;
  if (param.weight_slot != param.param_slot) weight = graph.Cast(results[0], param.compute_dtype);
  RETURN_IF_ERROR(graph.status());
  function->AddOutput("param", results[0]);
  for (size_t i = 0; i < slots.size(); ++i) function->AddOutput(slots[i], results[i + 1]);
  if (weight != kNoValue) function->AddOutput("weight", weight);
  shared = function;
  return shared;
}

absl::Status UpdateFunctions::AddCommit(int index) {
  const ProgramParam param = builder_.program().params[index];
  ASSIGN_OR_RETURN(FunctionRef function, UpdateFunction(param));
  std::vector<int> inputs = {param.param_slot, param.gradient_slot};
  std::vector<int> outputs = {param.param_slot};
  for (const std::string& name : rule_->SlotNames(param)) {
    const int slot = builder_.AddSlot(absl::StrCat(param.path, "/", name), SlotKind::kOptimizer,
                                      {param.dtype, param.dims}, false, index);
    inputs.push_back(slot);
    outputs.push_back(slot);
  }
  inputs.insert(inputs.end(), {scalars_[0], scalars_[1], scalars_[2]});
  if (param.weight_slot != param.param_slot) outputs.push_back(param.weight_slot);
  commit_calls_.push_back(
      builder_.AddCall(function, param.path, std::move(inputs), std::move(outputs)));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<int>> UpdateFunctions::AddRefresh() {
  std::vector<int> calls;
  const std::vector<ProgramParam> params = builder_.program().params;
  for (const ProgramParam& param : params) {
    if (param.weight_slot == param.param_slot) continue;
    const ValueType type{param.dtype, param.dims};
    FunctionRef& shared =
        functions_[absl::StrCat("refresh/", type.ToText(), "/", Name(param.compute_dtype))];
    if (shared == nullptr) {
      auto function = std::make_shared<Function>("refresh");
      const ValueId x = function->AddInput("param", InputKind::kArgument, type);
      Graph graph(ops_, *function);
      const ValueId weight = graph.Cast(x, param.compute_dtype);
      RETURN_IF_ERROR(graph.status());
      function->AddOutput("weight", weight);
      shared = function;
    }
    calls.push_back(
        builder_.AddCall(shared, param.path, {param.param_slot}, {param.weight_slot}));
  }
  return calls;
}

}  // namespace tessera
