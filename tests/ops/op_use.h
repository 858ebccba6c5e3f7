// PreparedCase: a line of a case table, made into a function of one node and tensors for it.
//
// Fields are told apart by name: attributes of the op, settings of the runner (tolerance, dtypes,
// error, active, reference), and operands and results, which stand in the order of the signature.
// Header only.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "tests/ops/case_parser.h"
#include "tests/ops/interpreter.h"

namespace tessera {

struct PreparedCase {
  const OpDef* op = nullptr;
  std::shared_ptr<Function> function;  // one node; all its results are outputs
  std::vector<Tensor> inputs;
  std::vector<std::string> input_names;
  std::vector<std::string> output_names;
  std::vector<Tensor> expected;        // undefined where the case states none
  std::vector<bool> expected_typed;    // the case states the dtype too

  const Node& node() const { return function->nodes()[0]; }
};

// Operand and result fields of a case, by the names of the op's signature.
struct CaseFields {
  Attrs attrs;
  std::vector<std::pair<std::string, std::string>> tensors;
};

inline absl::StatusOr<CaseFields> SortFields(const OpDef& op, const OpCase& entry) {
  CaseFields sorted;
  for (const auto& [key, value] : entry.fields) {
    const AttrSpec* found = nullptr;
    for (const AttrSpec& spec : op.attr_specs()) {
      if (spec.name == key) found = &spec;
    }
    if (found != nullptr) {
      ASSIGN_OR_RETURN(AttrValue attr, CaseAttr(*found, value));
      sorted.attrs.Set(key, std::move(attr));
    } else if (key != "tolerance" && key != "dtypes" && key != "error" && key != "active" &&
               key != "check" && key != "reference") {
      sorted.tensors.emplace_back(key, value);
    }
  }
  return sorted;
}

// Name of the i-th of several operands that one signature operand stands for: x0, x1, ...
inline std::vector<std::string> OperandNames(const Signature& signature, size_t count) {
  std::vector<std::string> names;
  const auto matched = signature.Match(count);
  if (!matched.ok()) return names;
  size_t repeat = 0;
  for (const SignatureOperand* operand : *matched) {
    names.push_back(operand->repeated ? absl::StrCat(operand->name, repeat++) : operand->name);
  }
  return names;
}

// How many of the leading fields are operands: the count for which the op's signature has these
// very names. -1 when there is none; the last error of the signature is in `why`.
inline int CountOperands(const OpDef& op, const CaseFields& fields,
                         const std::vector<ValueType>& types, std::string* why) {
  const auto attrs = op.CompleteAttrs(fields.attrs);
  if (!attrs.ok()) {
    *why = std::string(attrs.status().message());
    return -1;
  }
  for (size_t count = fields.tensors.size() + 1; count-- > 0;) {
    const absl::Span<const ValueType> inputs(types.data(), count);
    const auto signature = op.SignatureOf({inputs, *attrs});
    if (!signature.ok()) {
      if (why->empty()) *why = std::string(signature.status().message());
      continue;
    }
    const std::vector<std::string> names = OperandNames(*signature, count);
    if (names.size() != count) continue;
    bool same = true;
    for (size_t i = 0; i < count; ++i) same = same && names[i] == fields.tensors[i].first;
    size_t next = count;
    for (const SignatureOperand& output : signature->outputs) {
      if (next < fields.tensors.size() && fields.tensors[next].first == output.name) ++next;
    }
    if (same && next == fields.tensors.size()) return static_cast<int>(count);
  }
  return -1;
}

inline uint64_t CaseSeed(const OpCase& entry, const std::string& operand) {
  return HashBytes(operand, HashBytes(entry.name, HashBytes(entry.op)));
}

inline ValueType TypeOfTensor(const Tensor& tensor) {
  ValueType type{tensor.dtype, {}};
  for (int64_t dim : tensor.dims) type.dims.push_back(Dim(dim));
  return type;
}

// `param_inputs`: inputs are parameters, whose gradients are wanted in the accumulation dtype.
inline absl::StatusOr<PreparedCase> PrepareCase(const OpCase& entry, DType run_dtype,
                                                bool param_inputs = false) {
  PreparedCase prepared;
  ASSIGN_OR_RETURN(prepared.op, OpTable::Builtin().Get(entry.op));
  ASSIGN_OR_RETURN(const CaseFields fields, SortFields(*prepared.op, entry));
  std::vector<Tensor> tensors;
  std::vector<ValueType> types;
  std::vector<bool> typed;
  for (const auto& [name, value] : fields.tensors) {
    bool given = false;
    ASSIGN_OR_RETURN(tensors.emplace_back(),
                     CaseTensor(value, run_dtype, CaseSeed(entry, name), &given));
    types.push_back(TypeOfTensor(tensors.back()));
    typed.push_back(given);
  }
  std::string why;
  int count = CountOperands(*prepared.op, fields, types, &why);
  // For a `fail` line: all of them, so that the op itself says what is wrong.
  if (count < 0) count = static_cast<int>(tensors.size());
  prepared.function = std::make_shared<Function>(entry.op);
  std::vector<ValueId> inputs;
  for (int i = 0; i < count; ++i) {
    prepared.input_names.push_back(fields.tensors[i].first);
    inputs.push_back(prepared.function->AddInput(
        fields.tensors[i].first, param_inputs ? InputKind::kParam : InputKind::kArgument,
        types[i]));
    prepared.inputs.push_back(tensors[i]);
  }
  ASSIGN_OR_RETURN(const std::vector<ValueId> outputs,
                   prepared.function->AddNode(*prepared.op, fields.attrs, inputs));
  const Node& node = prepared.function->nodes()[0];
  const absl::Span<const ValueType> input_types(types.data(), inputs.size());
  ASSIGN_OR_RETURN(const Signature signature,
                   prepared.op->SignatureOf({input_types, node.attrs}));
  size_t next = inputs.size();
  for (size_t o = 0; o < outputs.size(); ++o) {
    prepared.output_names.push_back(signature.outputs[o].name);
    prepared.function->AddOutput(signature.outputs[o].name, outputs[o]);
    const bool stated = next < tensors.size() && fields.tensors[next].first ==
                                                     signature.outputs[o].name;
    prepared.expected.push_back(stated ? tensors[next] : Tensor());
    prepared.expected_typed.push_back(stated && typed[next]);
    if (stated) ++next;
  }
  if (next != tensors.size()) {
    return absl::InvalidArgumentError(absl::StrCat(entry.place, ": field '",
                                                   fields.tensors[next].first,
                                                   "' fits no operand or result; ", why));
  }
  return prepared;
}

inline std::vector<DType> RunDTypes(const OpCase& entry) {
  std::vector<DType> dtypes;
  for (std::string_view name : absl::StrSplit(entry.Field("dtypes", "f64,f32,bf16"), ',')) {
    const std::optional<DType> dtype = DTypeFromName(name);
    if (dtype.has_value()) dtypes.push_back(*dtype);
  }
  return dtypes;
}

// Every line of every table; errors of the tables themselves come back as a status.
inline absl::StatusOr<std::vector<OpCase>> AllCases() {
  std::vector<std::string> paths;
  const std::string folder = absl::StrCat(TESSERA_SOURCE_DIR, "/tests/ops");
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    if (file.path().extension() == ".cases") paths.push_back(file.path().string());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<OpCase> all;
  for (const std::string& path : paths) {
    ASSIGN_OR_RETURN(const std::string text, ReadCaseFile(path));
    ASSIGN_OR_RETURN(std::vector<OpCase> cases,
                     ParseCases(text, std::filesystem::path(path).filename().string()));
    all.insert(all.end(), cases.begin(), cases.end());
  }
  return all;
}

}  // namespace tessera
