// Reading of stored functions: nothing in the bytes is trusted.
#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "cpp/base/status_macros.h"
#include "cpp/base/unaligned.h"
#include "cpp/ir/internal/stored_limits.h"
#include "cpp/ir/serializer.h"
#include "cpp/ir/verifier.h"
#include "flatbuffers/flatbuffers.h"
#include "gen/schemas/graph_generated.h"

namespace tessera {
namespace {

namespace fb = ir::fb;

// The schema nests five deep. A table costs a reader little more than it costs in the bytes.
constexpr int kMaxTableDepth = 8;
constexpr int kMaxTables = 1 << 24;

template <typename T>
using Vector = flatbuffers::Vector<T>;

template <typename T>
size_t SizeOf(const Vector<T>* vector) {
  return vector == nullptr ? 0 : vector->size();
}

std::string Text(const flatbuffers::String* text) {
  return text == nullptr ? std::string() : text->str();
}

absl::Status Damaged(std::string text) {
  return absl::InvalidArgumentError(absl::StrCat("stored functions: ", text));
}

// FlatBuffers reads numbers in place, so the buffer must be aligned; a view need not be.
class AlignedBytes {
 public:
  explicit AlignedBytes(std::string_view bytes) : size_(bytes.size()) {
    if (reinterpret_cast<uintptr_t>(bytes.data()) % sizeof(uint64_t) == 0) {
      data_ = reinterpret_cast<const uint8_t*>(bytes.data());
      return;
    }
    copy_.resize((bytes.size() + sizeof(uint64_t) - 1) / sizeof(uint64_t));
    std::memcpy(copy_.data(), bytes.data(), bytes.size());
    data_ = reinterpret_cast<const uint8_t*>(copy_.data());
  }
  const uint8_t* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  std::vector<uint64_t> copy_;
  const uint8_t* data_ = nullptr;
  size_t size_;
};

absl::StatusOr<AttrValue> ReadAttrValue(const fb::Attr& attr) {
  switch (attr.kind()) {
    case fb::AttrKind_Bool:
      return AttrValue(attr.int_value() != 0);
    case fb::AttrKind_Int:
      return AttrValue(attr.int_value());
    case fb::AttrKind_Float:
      return AttrValue(attr.float_value().value_or(0.0));
    case fb::AttrKind_Text: {
      if (attr.text() == nullptr) return AttrValue(std::string());
      return AttrValue(std::string(attr.text()->begin(), attr.text()->end()));
    }
    case fb::AttrKind_Ints: {
      if (attr.ints() == nullptr) return AttrValue(std::vector<int64_t>());
      return AttrValue(CopyUnaligned<int64_t>(attr.ints()->Data(), attr.ints()->size()));
    }
  }
  return Damaged(absl::StrCat("unknown kind ", static_cast<int>(attr.kind()), " of an attribute"));
}

class Reader {
 public:
  Reader(const fb::StoredFunctions& root, const OpTable& ops) : root_(root), ops_(ops) {}

  absl::StatusOr<FunctionArchive> Read() {
    RETURN_IF_ERROR(ReadTypes());
    RETURN_IF_ERROR(ReadOps());
    for (const fb::Function* function : *root_.functions()) RETURN_IF_ERROR(Read(*function));
    FunctionArchive stored;
    stored.tracing_key = Text(root_.tracing_key());
    for (const fb::Entry* entry : *root_.entries()) {
      const std::string name = entry->name()->str();
      if (entry->function() >= functions_.size()) {
        return Damaged(absl::StrCat("entry '", name, "': function ", entry->function(), " of ",
                                    functions_.size()));
      }
      if (!stored.functions.try_emplace(name, functions_[entry->function()]).second) {
        return Damaged(absl::StrCat("entry '", name, "' stands twice"));
      }
    }
    return stored;
  }

 private:
  absl::Status ReadTypes() {
    for (const fb::Type* stored : *root_.types()) {
      ValueType type;
      type.dtype = static_cast<DType>(stored->dtype());
      if (tessera::SizeOf(type.dtype) == 0) {
        return Damaged(absl::StrCat("unknown dtype ", stored->dtype()));
      }
      const std::string_view text(stored->dims()->c_str(), stored->dims()->size());
      if (text.size() > (kMaxDimText + 1) * kMaxStoredRank) {
        return Damaged(absl::StrCat("dims of ", text.size(), " characters"));
      }
      ASSIGN_OR_RETURN(type.dims, ParseDims(text));
      RETURN_IF_ERROR(CheckStoredType(type));
      // One spelling for one type, or equal functions could have different bytes.
      const std::string canonical = ToText(type.dims);
      if (canonical.substr(1, canonical.size() - 2) != text) {
        return Damaged(absl::StrCat("expected dims ", canonical, ", got [", text.substr(0, 200),
                                    "]"));
      }
      RETURN_IF_ERROR(budget_.Spend("", TypeWork(type)));
      types_.push_back(std::move(type));
    }
    return absl::OkStatus();
  }

  absl::Status ReadOps() {
    for (const fb::Op* stored : *root_.ops()) {
      const std::string name = stored->name()->str();
      const OpDef* op = ops_.Find(name);
      if (op == nullptr) {
        return absl::NotFoundError(
            absl::StrCat("stored functions: op ", name, "@", stored->version(),
                         " is not known here; register it, or load its plug-in, first"));
      }
      if (static_cast<uint32_t>(op->version()) != stored->version()) {
        return absl::NotFoundError(absl::StrCat("stored functions: op ", name, "@",
                                                stored->version(), " is not known here, only ",
                                                name, "@", op->version()));
      }
      known_ops_.push_back(op);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<ValueType> TypeAt(uint32_t index) const {
    if (index < types_.size()) return types_[index];
    return Damaged(absl::StrCat("type ", index, " of ", types_.size()));
  }

  absl::Status Read(const fb::Function& stored) {
    auto function = std::make_shared<Function>(Text(stored.name()));
    const absl::Status status = ReadInto(stored, *function);
    if (status.ok()) {
      functions_.push_back(std::move(function));
      return absl::OkStatus();
    }
    // Broken rules of ours are broken rules of the bytes here.
    const absl::StatusCode code = status.code() == absl::StatusCode::kInternal
                                      ? absl::StatusCode::kInvalidArgument
                                      : status.code();
    return absl::Status(code, absl::StrCat("stored function '", function->name().substr(0, 200),
                                           "': ", status.message()));
  }

  absl::Status ReadInto(const fb::Function& stored, Function& function) {
    std::vector<size_t> callees;
    for (size_t i = 0; i < SizeOf(stored.nodes()); ++i) {
      const auto callee = stored.nodes()->Get(static_cast<uint32_t>(i))->callee();
      if (!callee.has_value()) continue;
      if (*callee >= functions_.size()) {
        return Damaged(absl::StrCat("node ", i, " calls function ", *callee,
                                    ", expected an earlier one"));
      }
      callees.push_back(*callee);
    }
    RETURN_IF_ERROR(budget_.AddFunction(function.name(), SizeOf(stored.nodes()), callees));
    next_input_ = 0;
    for (size_t i = 0; i < SizeOf(stored.nodes()); ++i) {
      RETURN_IF_ERROR(ReadDueInputs(stored, function));
      const absl::Status status =
          ReadNode(*stored.nodes()->Get(static_cast<uint32_t>(i)), function);
      if (!status.ok()) {
        return absl::Status(status.code(), absl::StrCat("node ", i, ": ", status.message()));
      }
    }
    RETURN_IF_ERROR(ReadDueInputs(stored, function));
    if (next_input_ != SizeOf(stored.inputs())) {
      return Damaged(absl::StrCat("input ", next_input_, " has a value that is not the next one"));
    }
    RETURN_IF_ERROR(ReadOutputs(stored, function));
    RETURN_IF_ERROR(CheckStoredNumbers(function));
    return Verify(function);
  }

  // Inputs whose number is the next free one: that is where they were added.
  absl::Status ReadDueInputs(const fb::Function& stored, Function& function) {
    for (; next_input_ < SizeOf(stored.inputs()); ++next_input_) {
      const fb::Input& input = *stored.inputs()->Get(static_cast<uint32_t>(next_input_));
      if (input.value() != function.values().size()) return absl::OkStatus();
      if (input.kind() > fb::InputKind_MAX) {
        return Damaged(absl::StrCat("unknown kind ", static_cast<int>(input.kind()),
                                    " of input '", input.name()->str(), "'"));
      }
      ASSIGN_OR_RETURN(ValueType type, TypeAt(input.type()));
      ParamSpec spec;
      if (input.param() != nullptr) {
        const fb::ParamSpec& param = *input.param();
        spec.init = {param.init_kind()->str(), param.mean().value_or(0.0),
                     param.stddev().value_or(0.0)};
        for (size_t i = 0; i < SizeOf(param.logical_dims()); ++i) {
          spec.logical_dims.push_back(param.logical_dims()->Get(static_cast<uint32_t>(i))->str());
          RETURN_IF_ERROR(budget_.Spend(function.name(), 32 + spec.logical_dims.back().size()));
        }
        spec.decay = param.decay();
        spec.is_buffer = param.is_buffer();
      }
      std::string name = input.name()->str();
      RETURN_IF_ERROR(budget_.Spend(function.name(), TypeWork(type) + name.size()));
      function.AddInput(std::move(name), static_cast<InputKind>(input.kind()), std::move(type),
                        std::move(spec));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<ValueId>> Operands(const fb::Node& stored, const Function& function) {
    RETURN_IF_ERROR(budget_.Spend(function.name(), NodeWork(SizeOf(stored.inputs()))));
    std::vector<ValueId> operands;
    for (size_t i = 0; i < SizeOf(stored.inputs()); ++i) {
      const uint32_t id = stored.inputs()->Get(static_cast<uint32_t>(i));
      if (id >= function.values().size()) {
        return Damaged(absl::StrCat("%", id, " is used before it is defined"));
      }
      operands.push_back(static_cast<ValueId>(id));
    }
    return operands;
  }

  absl::StatusOr<Attrs> ReadAttrs(const fb::Node& stored, const Function& function) {
    Attrs attrs;
    for (size_t i = 0; i < SizeOf(stored.attrs()); ++i) {
      const fb::Attr& attr = *stored.attrs()->Get(static_cast<uint32_t>(i));
      RETURN_IF_ERROR(budget_.Spend(function.name(), 64 + attr.name()->size() +
                                                         SizeOf(attr.text()) +
                                                         8 * SizeOf(attr.ints())));
      const std::string name = attr.name()->str();
      if (attrs.Find(name) != nullptr) {
        return Damaged(absl::StrCat("attribute '", name, "' stands twice"));
      }
      ASSIGN_OR_RETURN(AttrValue value, ReadAttrValue(attr));
      attrs.Set(name, std::move(value));
    }
    return attrs;
  }

  absl::Status ReadNode(const fb::Node& stored, Function& function) {
    if (stored.color() > fb::Color_MAX) {
      return Damaged(absl::StrCat("unknown color ", static_cast<int>(stored.color())));
    }
    ASSIGN_OR_RETURN(std::vector<ValueId> operands, Operands(stored, function));
    std::vector<ValueId> results;
    if (stored.callee().has_value()) {
      if (SizeOf(stored.attrs()) > 0) return Damaged("a call has attributes");
      ASSIGN_OR_RETURN(results, function.AddCall(functions_[*stored.callee()], Text(stored.at()),
                                                 std::move(operands)));
    } else {
      if (stored.op() >= known_ops_.size()) {
        return Damaged(absl::StrCat("op ", stored.op(), " of ", known_ops_.size()));
      }
      ASSIGN_OR_RETURN(Attrs attrs, ReadAttrs(stored, function));
      ASSIGN_OR_RETURN(results, function.AddNode(*known_ops_[stored.op()], std::move(attrs),
                                                 std::move(operands)));
    }
    if (results.size() != SizeOf(stored.outputs())) {
      return Damaged(absl::StrCat("expected ", results.size(), " results, got ",
                                  SizeOf(stored.outputs())));
    }
    for (size_t i = 0; i < results.size(); ++i) {
      ASSIGN_OR_RETURN(const ValueType type,
                       TypeAt(stored.outputs()->Get(static_cast<uint32_t>(i))));
      if (function.type(results[i]) != type) {
        return Damaged(absl::StrCat("result ", i, " is ", function.type(results[i]).ToText(),
                                    ", but ", type.ToText(), " is stored"));
      }
      RETURN_IF_ERROR(budget_.Spend(function.name(), TypeWork(type)));
    }
    function.SetColor(function.nodes().size() - 1, static_cast<NodeColor>(stored.color()));
    return absl::OkStatus();
  }

  absl::Status ReadOutputs(const fb::Function& stored, Function& function) {
    for (size_t i = 0; i < SizeOf(stored.outputs()); ++i) {
      const fb::Output& output = *stored.outputs()->Get(static_cast<uint32_t>(i));
      std::string name = output.name()->str();
      if (output.kind() > fb::OutputKind_MAX || output.value() >= function.values().size()) {
        return Damaged(absl::StrCat("output '", name, "' has kind ",
                                    static_cast<int>(output.kind()), " and value ",
                                    output.value()));
      }
      RETURN_IF_ERROR(budget_.Spend(function.name(), 32 + name.size()));
      function.AddOutput(std::move(name), static_cast<ValueId>(output.value()),
                         static_cast<OutputKind>(output.kind()), output.weight().value_or(1.0));
    }
    return absl::OkStatus();
  }

  const fb::StoredFunctions& root_;
  const OpTable& ops_;
  StoredBudget budget_;
  std::vector<ValueType> types_;
  std::vector<const OpDef*> known_ops_;
  std::vector<FunctionRef> functions_;
  size_t next_input_ = 0;
};

}  // namespace

absl::StatusOr<FunctionArchive> ParseFunctions(std::string_view bytes, const OpTable& ops) {
  // The smallest buffer with an identifier; FlatBuffers' own limit is 2 GB.
  if (bytes.size() < 12 || bytes.size() >= FLATBUFFERS_MAX_BUFFER_SIZE) {
    return Damaged(absl::StrCat("expected a buffer, got ", bytes.size(), " bytes"));
  }
  const AlignedBytes aligned(bytes);
  if (!fb::StoredFunctionsBufferHasIdentifier(aligned.data())) {
    return Damaged(absl::StrCat("expected the identifier '", fb::StoredFunctionsIdentifier(),
                                "' at byte 4"));
  }
  flatbuffers::Verifier verifier(aligned.data(), aligned.size(), kMaxTableDepth, kMaxTables);
  if (!fb::VerifyStoredFunctionsBuffer(verifier)) return Damaged("the buffer is damaged");
  const fb::StoredFunctions& root = *fb::GetStoredFunctions(aligned.data());
  if (root.format_version() > kGraphFormatVersion) {
    return absl::FailedPreconditionError(
        absl::StrCat("stored functions: written in format ", root.format_version(),
                     ", this library reads up to ", kGraphFormatVersion));
  }
  if (root.format_version() == 0) return Damaged("expected a format version from 1 on, got 0");
  auto stored = Reader(root, ops).Read();
  if (stored.ok() || stored.status().code() == absl::StatusCode::kNotFound) return stored;
  return absl::InvalidArgumentError(stored.status().message());
}

}  // namespace tessera
