// The part of ProgramObject that says what the program takes and gives.
#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "capi/src/internal/program_object.h"
#include "cpp/train/json_text.h"

namespace tessera::capi {
namespace {

// Constants as numbers, the rest as text.
void AddType(const ValueType& type, JsonText& json) {
  json.Text("dtype", Name(type.dtype)).Name("dims").BeginList();
  for (const Dim& dim : type.dims) {
    if (dim.IsConst()) {
      json.Integer(dim.value());
    } else {
      json.Text(dim.ToText());
    }
  }
  json.EndList();
}

void AddParameters(const Program& program, JsonText& json) {
  int64_t count = 0;
  json.Name("parameters").BeginList();
  for (const ProgramParam& param : program.params) {
    json.BeginObject().Text("path", param.path);
    AddType({param.dtype, param.dims}, json);
    json.Text("compute_dtype", Name(param.compute_dtype));
    json.Bool("has_gradient", param.gradient_slot >= 0).EndObject();
    count += Product(param.dims).value();
  }
  json.EndList().Integer("parameter_count", count);
}

// Tensors of an imported model under the names they had there.
void AddOriginalParameters(const Program& program, const OriginalNames& names, JsonText& json) {
  std::map<std::string, DType> dtypes;
  for (const ProgramParam& param : program.params) dtypes[param.path] = param.dtype;
  json.Name("original_parameters").BeginList();
  for (const NamedDims& tensor : names.tensors()) {
    const absl::StatusOr<std::string> path = names.FirstOfOurs(tensor.name);
    json.BeginObject().Text("name", tensor.name);
    json.Text("dtype", Name(path.ok() ? dtypes[*path] : DType::kF32));
    json.Name("dims").BeginList();
    for (int64_t dim : tensor.dims) json.Integer(dim);
    json.EndList().EndObject();
  }
  json.EndList();
}

}  // namespace

std::string ProgramObject::DescribeJson() const {
  JsonText json;
  json.BeginObject().Text("mode", mode_).Bool("gradients", gradients_);
  json.Name("inputs").BeginList();
  for (const InputSpec& input : inputs_->specs()) {
    json.BeginObject().Text("name", input.name);
    AddType(input.type, json);
    json.Bool("optional", input.usual != UsualValue::kNone);
    if (input.usual != UsualValue::kNone) json.Text("usual", Explain(input.usual));
    json.EndObject();
  }
  json.EndList().Name("outputs").BeginList();
  for (const FunctionOutput& output : main_->outputs()) {
    if (output.kind != OutputKind::kResult) continue;
    // A model's first result is its logits, whatever the tracer calls it.
    const bool is_logits = is_model_ && output.name == "output_0";
    json.BeginObject().Text("name", is_logits ? "logits" : output.name);
    AddType(main_->type(output.value), json);
    json.EndObject();
  }
  for (const SumSpec& sum : program_->sums) {
    if (!sum.is_loss) continue;
    json.BeginObject().Text("name", absl::StrCat("loss/", sum.name));
    AddType({DType::kF64, {}}, json);
    json.EndObject();
  }
  json.EndList().Name("losses").BeginList();
  for (const SumSpec& sum : program_->sums) {
    if (!sum.is_loss) continue;
    json.BeginObject().Text("name", sum.name).Number("weight", sum.weight).EndObject();
  }
  json.EndList();
  AddParameters(*program_, json);
  if (original_names_ != nullptr) AddOriginalParameters(*program_, *original_names_, json);
  json.Name("state").BeginList();
  for (const Slot& slot : program_->slots) {
    if (slot.kind != SlotKind::kState) continue;
    json.BeginObject().Text("path", slot.name);
    AddType(slot.type, json);
    json.EndObject();
  }
  // Of everything but names of functions and modules: who built them does not count.
  json.EndList().Text("program_hash", absl::StrCat(absl::Hex(main_->Hash(), absl::kZeroPad16)));
  json.EndObject();
  return json.text();
}

}  // namespace tessera::capi
