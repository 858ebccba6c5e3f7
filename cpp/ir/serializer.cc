// Writing of stored functions; cpp/ir/serializer_reader.cc reads them.
#include "cpp/ir/serializer.h"

#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/ir/internal/stored_limits.h"
#include "cpp/ir/printer.h"
#include "cpp/ir/verifier.h"
#include "flatbuffers/flatbuffers.h"
#include "gen/schemas/graph_generated.h"

namespace tessera {
namespace {

namespace fb = ir::fb;

template <typename T>
using Offset = flatbuffers::Offset<T>;
template <typename T>
using Vector = Offset<flatbuffers::Vector<T>>;

class Writer {
 public:
  absl::StatusOr<std::string> Write(const FunctionArchive& stored) {
    std::vector<Offset<fb::Entry>> entries;
    for (const auto& [name, function] : stored.functions) {
      if (function == nullptr) {
        return absl::InvalidArgumentError(
            absl::StrCat("stored function '", name, "': expected a function, got none"));
      }
      ASSIGN_OR_RETURN(const uint32_t index, Add(function, 1));
      entries.push_back(fb::CreateEntry(builder_, builder_.CreateString(name), index));
    }
    const auto key = builder_.CreateString(stored.tracing_key);
    const auto types = Types();
    const auto ops = Ops();
    const auto functions = builder_.CreateVector(functions_);
    const auto entry_vector = builder_.CreateVector(entries);
    builder_.Finish(fb::CreateStoredFunctions(builder_, kGraphFormatVersion, key, types, ops,
                                              functions, entry_vector),
                    fb::StoredFunctionsIdentifier());
    return std::string(reinterpret_cast<const char*>(builder_.GetBufferPointer()),
                       builder_.GetSize());
  }

 private:
  // Index of the function in the list; callees go before it.
  absl::StatusOr<uint32_t> Add(const FunctionRef& function, int depth) {
    if (const auto it = indices_.find(function.get()); it != indices_.end()) return it->second;
    if (depth > kMaxCallDepth) return StoredBudget::TooDeep(function->name());
    for (const Node& node : function->nodes()) {
      if (node.is_call()) RETURN_IF_ERROR(Add(node.callee, depth + 1).status());
    }
    if (const absl::Status verified = Verify(*function); !verified.ok()) {
      return absl::InvalidArgumentError(verified.message());
    }
    // Equal texts, with callees named by their index, are equal functions.
    std::string text = ToText(*function, [this, &function](const Function& named) {
      return &named == function.get() ? named.name() : absl::StrCat(indices_.at(&named));
    });
    const auto [it, is_new] =
        by_text_.try_emplace(std::move(text), static_cast<uint32_t>(functions_.size()));
    if (is_new) {
      RETURN_IF_ERROR(CheckContent(*function));
      functions_.push_back(Put(*function));
    }
    indices_[function.get()] = it->second;
    kept_.push_back(function);
    return it->second;
  }

  absl::Status CheckContent(const Function& function) {
    std::vector<size_t> callees;
    for (const Node& node : function.nodes()) {
      if (node.is_call()) callees.push_back(indices_.at(node.callee.get()));
      for (const auto& [name, value] : node.attrs.entries()) {
        RETURN_IF_ERROR(budget_.Spend(function.name(), AttrWork(name, value)));
      }
      RETURN_IF_ERROR(budget_.Spend(function.name(), NodeWork(node.inputs.size())));
    }
    for (const Value& value : function.values()) {
      const absl::Status fits = CheckStoredType(value.type);
      if (!fits.ok()) {
        return absl::InvalidArgumentError(
            absl::StrCat("stored function '", function.name(), "': ", fits.message()));
      }
      RETURN_IF_ERROR(budget_.Spend(function.name(), TypeWork(value.type)));
    }
    RETURN_IF_ERROR(CheckStoredNumbers(function));
    return budget_.AddFunction(function.name(), function.nodes().size(), callees);
  }

  uint32_t TypeIndex(const ValueType& type) {
    const auto [it, is_new] =
        type_indices_.try_emplace(type.ToText(), static_cast<uint32_t>(types_.size()));
    if (is_new) types_.push_back(type);
    return it->second;
  }

  uint32_t OpIndex(const OpDef& op) {
    const auto [it, is_new] =
        op_indices_.try_emplace(op.name(), static_cast<uint32_t>(ops_.size()));
    if (is_new) ops_.push_back(&op);
    return it->second;
  }

  Vector<Offset<fb::Type>> Types() {
    std::vector<Offset<fb::Type>> types;
    for (const ValueType& type : types_) {
      const std::string text = ToText(type.dims);
      const auto dims = builder_.CreateString(text.substr(1, text.size() - 2));
      types.push_back(fb::CreateType(builder_, static_cast<uint8_t>(type.dtype), dims));
    }
    return builder_.CreateVector(types);
  }

  Vector<Offset<fb::Op>> Ops() {
    std::vector<Offset<fb::Op>> ops;
    for (const OpDef* op : ops_) {
      ops.push_back(fb::CreateOp(builder_, builder_.CreateString(op->name()),
                                 static_cast<uint32_t>(op->version())));
    }
    return builder_.CreateVector(ops);
  }

  Offset<fb::Attr> Put(const Attrs::Entry& entry) {
    const auto name = builder_.CreateSharedString(entry.first);
    const AttrValue& value = entry.second;
    Vector<uint8_t> text = 0;
    Vector<int64_t> ints = 0;
    if (const auto* held = std::get_if<std::string>(&value)) {
      text = builder_.CreateVector(reinterpret_cast<const uint8_t*>(held->data()), held->size());
    }
    if (const auto* held = std::get_if<IntList>(&value)) {
      ints = builder_.CreateVector(*held);
    }
    fb::AttrBuilder attr(builder_);
    attr.add_name(name);
    attr.add_text(text);
    attr.add_ints(ints);
    attr.add_kind(static_cast<fb::AttrKind>(value.index()));
    if (const auto* held = std::get_if<bool>(&value)) attr.add_int_value(*held ? 1 : 0);
    if (const auto* held = std::get_if<int64_t>(&value)) attr.add_int_value(*held);
    if (const auto* held = std::get_if<double>(&value)) attr.add_float_value(*held);
    return attr.Finish();
  }

  Offset<fb::Node> Put(const Function& function, const Node& node) {
    std::vector<Offset<fb::Attr>> attrs;
    for (const Attrs::Entry& entry : node.attrs.entries()) attrs.push_back(Put(entry));
    const Vector<Offset<fb::Attr>> attr_vector =
        attrs.empty() ? Vector<Offset<fb::Attr>>(0) : builder_.CreateVector(attrs);
    const auto at = node.is_call() ? builder_.CreateString(node.at)
                                   : Offset<flatbuffers::String>(0);
    const std::vector<uint32_t> operands(node.inputs.begin(), node.inputs.end());
    const auto inputs = builder_.CreateVector(operands);
    std::vector<uint32_t> results;
    for (ValueId id : node.outputs) results.push_back(TypeIndex(function.type(id)));
    const auto outputs = builder_.CreateVector(results);
    fb::NodeBuilder built(builder_);
    built.add_attrs(attr_vector);
    built.add_at(at);
    built.add_inputs(inputs);
    built.add_outputs(outputs);
    built.add_color(static_cast<fb::Color>(node.color));
    if (node.is_call()) {
      built.add_callee(indices_.at(node.callee.get()));
    } else {
      built.add_op(OpIndex(*node.op));
    }
    return built.Finish();
  }

  Offset<fb::ParamSpec> Put(const ParamSpec& spec) {
    if (spec == ParamSpec()) return 0;
    const auto kind = builder_.CreateSharedString(spec.init.kind);
    std::vector<Offset<flatbuffers::String>> names;
    for (const std::string& dim : spec.logical_dims) {
      names.push_back(builder_.CreateSharedString(dim));
    }
    const auto dims = builder_.CreateVector(names);
    fb::ParamSpecBuilder built(builder_);
    built.add_init_kind(kind);
    built.add_mean(spec.init.mean);
    built.add_stddev(spec.init.stddev);
    built.add_logical_dims(dims);
    built.add_decay(spec.decay);
    built.add_is_buffer(spec.is_buffer);
    return built.Finish();
  }

  Offset<fb::Function> Put(const Function& function) {
    std::vector<Offset<fb::Input>> inputs;
    for (const FunctionInput& input : function.inputs()) {
      const auto param = Put(input.param);
      const auto name = builder_.CreateSharedString(input.name);
      inputs.push_back(fb::CreateInput(builder_, name, static_cast<fb::InputKind>(input.kind),
                                       TypeIndex(function.type(input.value)),
                                       static_cast<uint32_t>(input.value), param));
    }
    std::vector<Offset<fb::Node>> nodes;
    for (const Node& node : function.nodes()) nodes.push_back(Put(function, node));
    std::vector<Offset<fb::Output>> outputs;
    for (const FunctionOutput& output : function.outputs()) {
      const auto name = builder_.CreateSharedString(output.name);
      fb::OutputBuilder built(builder_);
      built.add_name(name);
      built.add_kind(static_cast<fb::OutputKind>(output.kind));
      built.add_value(static_cast<uint32_t>(output.value));
      if (output.weight != 1) built.add_weight(output.weight);
      outputs.push_back(built.Finish());
    }
    const auto name = builder_.CreateSharedString(function.name());
    const auto input_vector = builder_.CreateVector(inputs);
    const auto node_vector = builder_.CreateVector(nodes);
    const auto output_vector = builder_.CreateVector(outputs);
    return fb::CreateFunction(builder_, name, input_vector, node_vector, output_vector);
  }

  flatbuffers::FlatBufferBuilder builder_;
  StoredBudget budget_;
  std::map<const Function*, uint32_t> indices_;
  std::map<std::string, uint32_t> by_text_;
  std::vector<FunctionRef> kept_;  // so that no address in indices_ is used twice
  std::vector<Offset<fb::Function>> functions_;
  std::map<std::string, uint32_t> type_indices_, op_indices_;
  std::vector<ValueType> types_;
  std::vector<const OpDef*> ops_;
};

}  // namespace

absl::StatusOr<std::string> SerializeFunctions(const FunctionArchive& stored) {
  return Writer().Write(stored);
}

}  // namespace tessera
