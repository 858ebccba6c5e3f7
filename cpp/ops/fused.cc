// y... = several row-wise ops one after the other, as the FusedProgram in the attributes says.
//
// Made by the pass `fuse`; the executor runs it a tile of rows at a time with the kernels of the
// steps, so that results have the bits of the steps run one by one. It comes after differentiation
// and has no gradient of its own.
#include "cpp/ops/fused.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cpp/base/status_macros.h"
#include "cpp/ir/op_table.h"
#include "cpp/ops/collective.h"

namespace tessera {
namespace {

absl::Status Not(const OpDef& op, std::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("fused: '", op.name(), "' cannot be cut by rows: ", why));
}

ValueType TileType(const RowValue& value) {
  ValueType type;
  type.dtype = value.dtype;
  if (!value.whole) type.dims.push_back(Dim::Symbol("R"));
  if (value.columns > 0) type.dims.push_back(Dim(value.columns));
  return type;
}

// An op that works along one dim does so within rows when that dim is the last one of all operands.
absl::Status CheckAlongRow(const OpDef& op, const Attrs& attrs,
                           absl::Span<const RowValue> inputs) {
  // Of a tile [R, columns].
  if (attrs.Int("dim") != 1 && attrs.Ints("dims") != std::vector<int64_t>{1}) {
    return Not(op, "it does not work along the last dim alone");
  }
  for (const RowValue& input : inputs) {
    if (input.columns == 0 || input.whole) return Not(op, "an operand has no such dim");
  }
  return absl::OkStatus();
}

// Operands of an op that is not elementwise: leading dims where there are rows, and none elsewhere.
absl::Status CheckRowOperands(const OpDef& op, const Attrs& attrs,
                              absl::Span<const RowValue> inputs) {
  if (op.signature_fn() != nullptr) return CheckAlongRow(op, attrs, inputs);
  ASSIGN_OR_RETURN(const Signature signature, Signature::Parse(op.signature_text()));
  if (!signature.IsRowWise()) return Not(op, "its rows depend on each other");
  ASSIGN_OR_RETURN(const auto operands, signature.Match(inputs.size()));
  for (size_t i = 0; i < inputs.size(); ++i) {
    const SignatureOperand& operand = *operands[i];
    if (operand.HasRest() == inputs[i].whole) {
      return Not(op, absl::StrCat("operand '", operand.name, "' has ",
                                  inputs[i].whole ? "no rows" : "rows"));
    }
    const size_t own = operand.terms.size() - (operand.HasRest() ? 1 : 0);
    if (own > (inputs[i].columns > 0 ? 1 : 0)) {
      return Not(op, absl::StrCat("a row of '", operand.name, "' has ", own, " dims"));
    }
  }
  return absl::OkStatus();
}

// The operand that tells steps what lies before their rows; -1 when none asks.
absl::StatusOr<int> RowOffsetOf(const FusedProgram& program) {
  for (const FusedProgram::Step& step : program.steps) {
    ASSIGN_OR_RETURN(const OpDef* op, OpTable::Builtin().Get(step.op));
    const int offset = op->RowOffset();
    if (offset >= 0 && offset < static_cast<int>(step.inputs.size())) return step.inputs[offset];
  }
  return -1;
}

absl::StatusOr<std::string> FusedSignature(const OpUse& use) {
  ASSIGN_OR_RETURN(const FusedProgram program, FusedProgram::FromAttrs(use.attrs));
  ASSIGN_OR_RETURN(const int offset, RowOffsetOf(program));
  const auto columns = [](int64_t count) {
    return count == 0 ? std::string() : absl::StrCat(count);
  };
  std::vector<std::string> inputs, outputs;
  for (size_t i = 0; i < program.operands.size(); ++i) {
    const FusedProgram::Operand& operand = program.operands[i];
    const std::string own = columns(operand.columns);
    const std::string name =
        static_cast<int>(i) == offset ? std::string("offset") : absl::StrCat("x", i);
    inputs.push_back(operand.whole
                         ? absl::StrCat(name, "[", own, "]")
                         : absl::StrCat(name, "[...", own.empty() ? "" : ", ", own, "]"));
  }
  for (size_t o = 0; o < program.outputs.size(); ++o) {
    const std::string own = columns(program.result(program.outputs[o]).columns);
    outputs.push_back(absl::StrCat("y", o, "[...", own.empty() ? "" : ", ", own, "]"));
  }
  return absl::StrCat(absl::StrJoin(inputs, ", "), " -> ", absl::StrJoin(outputs, ", "));
}

absl::StatusOr<std::vector<DType>> FusedDTypes(const OpUse& use) {
  ASSIGN_OR_RETURN(const FusedProgram program, FusedProgram::FromAttrs(use.attrs));
  std::vector<DType> dtypes;
  for (int output : program.outputs) dtypes.push_back(program.result(output).dtype);
  return dtypes;
}

absl::Status CheckFused(const OpUse& use) {
  ASSIGN_OR_RETURN(const FusedProgram program, FusedProgram::FromAttrs(use.attrs));
  std::vector<DType> dtypes;
  for (const ValueType& type : use.inputs) dtypes.push_back(type.dtype);
  return CheckFusedSteps(program, dtypes);
}

double FusedFlops(absl::Span<const std::vector<int64_t>>,
                  absl::Span<const std::vector<int64_t>> outputs, const Attrs& attrs) {
  const auto program = FusedProgram::FromAttrs(attrs);
  if (!program.ok() || outputs.empty()) return 0;
  const int64_t columns = program->result(program->outputs[0]).columns;
  double rows = 1;
  for (int64_t dim : outputs[0]) rows *= static_cast<double>(dim);
  rows /= static_cast<double>(std::max<int64_t>(1, columns));
  double flops = 0;  // one for each element of each step
  for (const FusedProgram::Step& step : program->steps) {
    flops += rows * static_cast<double>(std::max<int64_t>(1, step.results[0].columns));
  }
  return flops;
}

}  // namespace

absl::StatusOr<std::vector<FusedProgram::Result>> RowStep(const OpDef& op, const Attrs& attrs,
                                                          absl::Span<const RowValue> inputs) {
  if (OpTable::Builtin().Find(op.name()) != &op) return Not(op, "it is registered");
  if (op.is_view() || op.must_alias() || IsCollective(op) || op.name() == "fused") {
    return Not(op, "it is a view, a state, a collective or fused itself");
  }
  if (op.elementwise_inputs() == 0) RETURN_IF_ERROR(CheckRowOperands(op, attrs, inputs));
  std::vector<ValueType> types;
  bool tiled = false;
  for (const RowValue& input : inputs) {
    types.push_back(TileType(input));
    tiled = tiled || !input.whole;
  }
  if (!tiled) return Not(op, "no operand has rows");
  ASSIGN_OR_RETURN(const std::vector<ValueType> outputs, op.Infer({types, attrs}));
  std::vector<FusedProgram::Result> results;
  for (const ValueType& type : outputs) {
    const size_t rank = type.dims.size();
    const bool fits = (rank == 1 || (rank == 2 && type.dims[1].IsConst() &&
                                     type.dims[1].value() > 0)) &&
                      type.dims[0] == Dim::Symbol("R");
    if (!fits) return Not(op, absl::StrCat("a result is ", type.ToText()));
    results.push_back({type.dtype, rank == 2 ? type.dims[1].value() : 0});
  }
  if (results.empty()) return Not(op, "it has no result");
  return results;
}

absl::Status CheckFusedSteps(const FusedProgram& program, absl::Span<const DType> operands) {
  if (operands.size() != program.operands.size()) {
    return absl::InvalidArgumentError(absl::StrCat("fused: expected ", program.operands.size(),
                                                   " operands, got ", operands.size()));
  }
  std::vector<RowValue> values;
  for (size_t i = 0; i < operands.size(); ++i) {
    values.push_back({operands[i], program.operands[i].columns, program.operands[i].whole});
  }
  for (const FusedProgram::Step& step : program.steps) {
    ASSIGN_OR_RETURN(const OpDef* op, OpTable::Builtin().Get(step.op));
    ASSIGN_OR_RETURN(const Attrs complete, op->CompleteAttrs(step.attrs));
    if (complete != step.attrs) {
      return absl::InvalidArgumentError(
          absl::StrCat("fused: '", step.op, "': expected all attributes, ", ToText(complete),
                       ", got ", ToText(step.attrs)));
    }
    std::vector<RowValue> inputs;
    for (int input : step.inputs) inputs.push_back(values[input]);
    ASSIGN_OR_RETURN(const auto results, RowStep(*op, complete, inputs));
    if (results != step.results) {
      return absl::InvalidArgumentError(absl::StrCat(
          "fused: '", step.op, "' gives other results than the ", step.results.size(), " stated"));
    }
    for (const FusedProgram::Result& result : results) {
      values.push_back({result.dtype, result.columns, false});
    }
  }
  return absl::OkStatus();
}

OpDef FusedOp() {
  return OpDef("fused")
      .Doc("several row-wise ops, run over tiles of rows")
      .SignatureBy(FusedSignature)
      .RequiredAttr(AttrSpec::kText, "operands", "columns of each, such as [512] or whole[512]")
      .RequiredAttr(AttrSpec::kText, "steps",
                    "of each: results, op, operands; such as f32[8]: add 0 1")
      .RequiredAttr(AttrSpec::kInts, "outputs", "numbers of the results of the node")
      .AnyAttrs()
      .OutputDTypes(FusedDTypes)
      .Check(CheckFused)
      .Flops(FusedFlops)
      .Grouped("unchanged");
}

}  // namespace tessera
