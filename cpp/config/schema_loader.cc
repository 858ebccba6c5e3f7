#include "cpp/config/schema_loader.h"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "cpp/base/status_macros.h"
#include "cpp/base/text.h"
#include "flatbuffers/idl.h"
#include "flatbuffers/reflection_generated.h"
#include "gen/schemas/attributes_text.h"

namespace tessera {
namespace {

using Attributes = flatbuffers::Vector<flatbuffers::Offset<reflection::KeyValue>>;
using Doc = flatbuffers::Vector<flatbuffers::Offset<flatbuffers::String>>;

// Far more than any real schema; nesting of plain tables is bounded with it.
constexpr size_t kMostTables = 64;
constexpr size_t kMostFields = 1000;

std::string ShortName(const flatbuffers::String* full) {
  const std::string name = full->str();
  return name.substr(name.rfind('.') + 1);
}

std::string Joined(const Doc* doc) {
  std::string text;
  if (doc == nullptr) return text;
  for (const flatbuffers::String* line : *doc) {
    absl::StrAppend(&text, text.empty() ? "" : " ", absl::StripAsciiWhitespace(line->str()));
  }
  return text;
}

const flatbuffers::String* Attribute(const Attributes* attributes, const char* name) {
  if (attributes == nullptr) return nullptr;
  const reflection::KeyValue* found = attributes->LookupByKey(name);
  return found == nullptr ? nullptr : found->value();
}

bool HasAttribute(const Attributes* attributes, const char* name) {
  return attributes != nullptr && attributes->LookupByKey(name) != nullptr;
}

std::string TextOf(const Attributes* attributes, const char* name) {
  const flatbuffers::String* value = Attribute(attributes, name);
  return value == nullptr ? "" : value->str();
}

std::vector<std::string> ListOf(const Attributes* attributes, const char* name) {
  std::vector<std::string> items;
  for (const std::string_view item :
       absl::StrSplit(TextOf(attributes, name), ',', absl::SkipWhitespace())) {
    items.emplace_back(absl::StripAsciiWhitespace(item));
  }
  return items;
}

absl::Status ReadBound(const Attributes* attributes, const char* name,
                       std::optional<double>& bound) {
  if (!HasAttribute(attributes, name)) return absl::OkStatus();
  double value = 0;
  const std::string text = TextOf(attributes, name);
  if (!absl::SimpleAtod(text, &value)) {
    return absl::InvalidArgumentError(
        absl::StrCat("attribute ", name, ": expected a number, got ", Quoted(text)));
  }
  bound = value;
  return absl::OkStatus();
}

absl::Status AddGiven(std::string_view name, std::string_view text, FieldInfo& entry) {
  ASSIGN_OR_RETURN(Formula formula, Formula::Parse(text));
  entry.gives.push_back({std::string(name), std::move(formula)});
  return absl::OkStatus();
}

// "model_dim -> hidden_dim": what comes before and after the arrow.
absl::Status AddArrow(std::string_view text, std::string_view before, std::string_view after,
                      std::string_view quote, FieldInfo& entry) {
  if (text.empty()) return absl::OkStatus();
  const std::vector<std::string_view> parts = absl::StrSplit(text, "->");
  if (parts.size() != 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected `before -> after`, got ", Quoted(text)));
  }
  const auto quoted = [quote](std::string_view part) {
    return absl::StrCat(quote, absl::StripAsciiWhitespace(part), quote);
  };
  RETURN_IF_ERROR(AddGiven(before, quoted(parts[0]), entry));
  return AddGiven(after, quoted(parts[1]), entry);
}

// See schemas/attributes.fbs.
absl::Status ReadFormulas(const Attributes* attributes, FieldInfo& entry) {
  RETURN_IF_ERROR(AddArrow(TextOf(attributes, "dims"), "in_dim", "out_dim", "", entry));
  RETURN_IF_ERROR(AddArrow(TextOf(attributes, "names"), "in_name", "out_name", "'", entry));
  for (const std::string_view item :
       absl::StrSplit(TextOf(attributes, "gives"), ';', absl::SkipWhitespace())) {
    const std::vector<std::string_view> parts = absl::StrSplit(item, absl::MaxSplits('=', 1));
    const std::string_view name = absl::StripAsciiWhitespace(parts.front());
    RETURN_IF_ERROR(AddGiven(name, parts.back(), entry));
  }
  const std::string only_if = TextOf(attributes, "only_if");
  if (only_if.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(entry.only_if, Formula::Parse(only_if));
  return absl::OkStatus();
}

class Loader {
 public:
  explicit Loader(const reflection::Schema& schema) : schema_(schema) {}

  absl::StatusOr<LoadedSchema> Load(std::string_view type) {
    const reflection::Object* object = Find(type);
    if (object == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("schema: expected a table '", type, "', found none of that name"));
    }
    LoadedSchema loaded;
    loaded.type = std::make_unique<TypeInfo>();
    RETURN_IF_ERROR(Fill(*object, *loaded.type));
    loaded.tables = std::move(tables_);
    return loaded;
  }

 private:
  const reflection::Object* Find(std::string_view name) const {
    for (const reflection::Object* object : *schema_.objects()) {
      if (!object->is_struct() && ShortName(object->name()) == name) return object;
    }
    return nullptr;
  }

  absl::Status Fill(const reflection::Object& object, TypeInfo& info) {
    info.name = ShortName(object.name());
    info.doc = Joined(object.documentation());
    info.roles = ListOf(object.attributes(), "role");
    info.aliases = ListOf(object.attributes(), "aliases");
    const std::string version = TextOf(object.attributes(), "schema_version");
    if (!version.empty() && (!absl::SimpleAtoi(version, &info.schema_version) ||
                             info.schema_version < 1)) {
      return absl::InvalidArgumentError(
          absl::StrCat(info.name, ": schema_version: expected a positive integer, got ",
                       Quoted(version)));
    }
    if (object.fields()->size() > kMostFields) {
      return absl::InvalidArgumentError(absl::StrCat(info.name, ": expected at most ", kMostFields,
                                                     " fields, got ", object.fields()->size()));
    }
    std::map<uint16_t, const reflection::Field*> in_order;
    for (const reflection::Field* field : *object.fields()) {
      if (!field->deprecated()) in_order[field->id()] = field;
    }
    for (const auto& [id, field] : in_order) {
      FieldInfo entry;
      const absl::Status status = FillField(*field, entry);
      if (!status.ok()) {
        return absl::Status(status.code(), absl::StrCat(info.name, ".", field->name()->str(), ": ",
                                                        status.message()));
      }
      info.fields.push_back(std::move(entry));
    }
    RETURN_IF_ERROR(CheckFormulas(info));
    return CheckMarks(info);
  }

  static absl::Status CheckFormulas(const TypeInfo& info) {
    for (const FieldInfo& field : info.fields) {
      absl::Status status = field.only_if.Check(info);
      for (const GivenValue& given : field.gives) status.Update(given.formula.Check(info));
      if (!status.ok()) {
        return absl::InvalidArgumentError(
            absl::StrCat(info.name, ".", field.name, ": ", status.message()));
      }
    }
    return absl::OkStatus();
  }

  static absl::Status CheckMarks(const TypeInfo& info) {
    int inner = 0, adopting = 0;
    for (const FieldInfo& field : info.fields) {
      if (field.is_inner && field.is_list) {
        return absl::InvalidArgumentError(
            absl::StrCat(info.name, ".", field.name, ": an inner slot holds one module, no list"));
      }
      inner += field.is_inner ? 1 : 0;
      adopting += field.adopts ? 1 : 0;
    }
    if (inner <= 1 && adopting <= 1) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(
        info.name, ": expected at most one slot marked `", inner > 1 ? "inner" : "adopts", "`"));
  }

  absl::Status FillField(const reflection::Field& field, FieldInfo& entry) {
    const Attributes* attributes = field.attributes();
    entry.name = field.name()->str();
    entry.doc = Joined(field.documentation());
    entry.position = field.offset();
    entry.is_list = field.type()->base_type() == reflection::Vector;
    entry.is_required = HasAttribute(attributes, "required_field");
    entry.unit = TextOf(attributes, "unit");
    RETURN_IF_ERROR(ReadBound(attributes, "min", entry.min));
    RETURN_IF_ERROR(ReadBound(attributes, "max", entry.max));
    RETURN_IF_ERROR(ReadBound(attributes, "above", entry.above));
    RETURN_IF_ERROR(ReadBound(attributes, "below", entry.below));
    entry.choices = ListOf(attributes, "choices");
    entry.flows = TextOf(attributes, "flows");
    entry.inherits = TextOf(attributes, "inherits");
    entry.follows = TextOf(attributes, "follows");
    entry.at_least = TextOf(attributes, "at_least");
    entry.divides = TextOf(attributes, "divides");
    entry.unless = TextOf(attributes, "unless");
    entry.was = ListOf(attributes, "was");
    entry.example = TextOf(attributes, "example");
    if (entry.name == "type" || entry.name == "extends" || entry.name == "modifiers" ||
        entry.name == "parameters") {
      return absl::InvalidArgumentError("this name is reserved in configs");
    }
    RETURN_IF_ERROR(FillKind(field, entry));
    FillFallback(field, entry);
    return absl::OkStatus();
  }

  absl::Status FillKind(const reflection::Field& field, FieldInfo& entry) {
    const reflection::BaseType base =
        entry.is_list ? field.type()->element() : field.type()->base_type();
    const int32_t index = field.type()->index();
    switch (base) {
      case reflection::Bool:
        entry.kind = FieldKind::kBool;
        entry.width = 1;
        return absl::OkStatus();
      case reflection::Byte:
      case reflection::UByte:
      case reflection::Short:
      case reflection::UShort:
      case reflection::Int:
      case reflection::UInt:
      case reflection::Long:
      case reflection::ULong:
        FillInteger(base, entry);
        if (index >= 0) FillEnum(*schema_.enums()->Get(index), entry);
        return absl::OkStatus();
      case reflection::Float:
      case reflection::Double:
        entry.kind = FieldKind::kFloat;
        entry.width = base == reflection::Float ? 4 : 8;
        return absl::OkStatus();
      case reflection::String:
        entry.kind = FieldKind::kText;
        return absl::OkStatus();
      case reflection::Obj:
        return FillObject(*schema_.objects()->Get(index), field, entry);
      default:
        return absl::InvalidArgumentError(
            "expected a number, bool, text, enum, table, Slot or a list of one, got another type");
    }
  }

  static void FillInteger(reflection::BaseType base, FieldInfo& entry) {
    entry.kind = FieldKind::kInt;
    entry.is_unsigned = base == reflection::UByte || base == reflection::UShort ||
                        base == reflection::UInt || base == reflection::ULong;
    if (base <= reflection::UByte) {
      entry.width = 1;
    } else if (base <= reflection::UShort) {
      entry.width = 2;
    } else {
      entry.width = base <= reflection::UInt ? 4 : 8;
    }
    const int bits = entry.width * 8;
    if (entry.is_unsigned && !entry.min) entry.min = 0;
    if (bits == 64) return;
    if (!entry.min) entry.min = -static_cast<double>(int64_t{1} << (bits - 1));
    const int64_t limit = int64_t{1} << (entry.is_unsigned ? bits : bits - 1);
    if (!entry.max) entry.max = static_cast<double>(limit - 1);
  }

  static void FillEnum(const reflection::Enum& found, FieldInfo& entry) {
    entry.kind = FieldKind::kEnum;
    entry.min.reset();
    entry.max.reset();
    entry.enum_name = ShortName(found.name());
    for (const reflection::EnumVal* value : *found.values()) {
      entry.members.push_back(
          {value->name()->str(), value->value(), Joined(value->documentation())});
    }
  }

  absl::Status FillObject(const reflection::Object& object, const reflection::Field& field,
                          FieldInfo& entry) {
    if (object.is_struct()) return absl::InvalidArgumentError("expected a table, got a struct");
    if (ShortName(object.name()) == "Slot") {
      entry.kind = FieldKind::kSlot;
      entry.role = TextOf(field.attributes(), "role");
      entry.default_type = TextOf(field.attributes(), "default_type");
      entry.usual_type = TextOf(field.attributes(), "usual_type");
      entry.is_optional = HasAttribute(field.attributes(), "optional");
      entry.is_inner = HasAttribute(field.attributes(), "inner");
      entry.adopts = HasAttribute(field.attributes(), "adopts");
      entry.like = TextOf(field.attributes(), "like");
      RETURN_IF_ERROR(ReadFormulas(field.attributes(), entry));
      if (entry.role.empty()) return absl::InvalidArgumentError("a slot needs a role");
      return absl::OkStatus();
    }
    entry.kind = FieldKind::kTable;
    TypeInfo*& table = by_name_[object.name()->str()];
    if (table == nullptr) {
      if (tables_.size() >= kMostTables) {
        return absl::InvalidArgumentError("too many tables inside each other");
      }
      tables_.push_back(std::make_unique<TypeInfo>());
      table = tables_.back().get();
      entry.table = table;
      return Fill(object, *tables_.back());
    }
    entry.table = table;
    return absl::OkStatus();
  }

  static void FillFallback(const reflection::Field& field, FieldInfo& entry) {
    if (entry.kind == FieldKind::kSlot || entry.is_required) return;
    if (entry.is_list) {
      entry.fallback = ConfigValue(ConfigValue::List());
      return;
    }
    if (entry.kind == FieldKind::kText) {
      entry.fallback = ConfigValue(TextOf(field.attributes(), "default_text"));
      return;
    }
    if (entry.kind == FieldKind::kTable) {
      entry.is_optional = true;
      return;
    }
    if (field.optional()) {
      entry.is_optional = true;
      return;
    }
    if (entry.kind == FieldKind::kBool) {
      entry.fallback = ConfigValue(field.default_integer() != 0);
    } else if (entry.kind == FieldKind::kInt) {
      entry.fallback = ConfigValue(field.default_integer());
    } else if (entry.kind == FieldKind::kFloat) {
      entry.fallback = ConfigValue(field.default_real());
    } else {
      for (const EnumMember& member : entry.members) {
        if (member.number == field.default_integer()) entry.fallback = ConfigValue(member.name);
      }
    }
  }

  const reflection::Schema& schema_;
  std::map<std::string, TypeInfo*> by_name_;
  std::vector<std::unique_ptr<TypeInfo>> tables_;
};

}  // namespace

absl::StatusOr<LoadedSchema> LoadSchema(std::string_view bytes, std::string_view type) {
  flatbuffers::Verifier verifier(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  if (!reflection::VerifySchemaBuffer(verifier)) {
    return absl::InvalidArgumentError("expected a binary FlatBuffers schema, got other bytes");
  }
  const reflection::Schema& schema = *reflection::GetSchema(bytes.data());
  // The verifier does not look at the numbers that point from fields to tables and enums.
  for (const reflection::Object* object : *schema.objects()) {
    for (const reflection::Field* field : *object->fields()) {
      const reflection::BaseType base = field->type()->base_type() == reflection::Vector
                                            ? field->type()->element()
                                            : field->type()->base_type();
      const size_t limit =
          base == reflection::Obj ? schema.objects()->size() : schema.enums()->size();
      const int32_t index = field->type()->index();
      if (index >= static_cast<int64_t>(limit) || (base == reflection::Obj && index < 0)) {
        return absl::InvalidArgumentError("a field of the binary schema points to nothing");
      }
    }
  }
  return Loader(schema).Load(type);
}

namespace {

constexpr char kSchemaName[] = "schema";

// "schema:3: 5: error: ..." counts a line that the text does not have.
std::string InLinesOfText(std::string_view error) {
  int64_t line = 0;
  const std::vector<std::string_view> parts = absl::StrSplit(error, absl::MaxSplits(':', 2));
  if (parts.size() < 3 || parts[0] != kSchemaName || !absl::SimpleAtoi(parts[1], &line)) {
    return std::string(error);
  }
  return absl::StrCat(kSchemaName, ":", line - 1, ":", parts[2]);
}

}  // namespace

absl::StatusOr<std::string> CompileSchema(std::string_view text) {
  if (!IsValidUtf8(text) || text.find('\0') != std::string_view::npos) {
    return absl::InvalidArgumentError("schema: expected UTF-8 text");
  }
  for (const std::string_view line : absl::StrSplit(text, '\n')) {
    if (absl::StripAsciiWhitespace(line).substr(0, 8) == "include ") {
      return absl::InvalidArgumentError(
          "schema: expected no include; the attributes are at hand without it");
    }
  }
  flatbuffers::IDLOptions options;
  options.binary_schema_comments = true;
  options.binary_schema_builtins = true;
  flatbuffers::Parser parser(options);
  RET_CHECK(parser.Parse(kAttributesText, nullptr, "attributes.fbs")) << parser.error_;
  // On a line of its own: a doc comment may stand on the text's first line.
  const std::string whole = absl::StrCat("namespace tessera.config;\n", text);
  if (!parser.Parse(whole.c_str(), nullptr, kSchemaName)) {
    return absl::InvalidArgumentError(InLinesOfText(absl::StripAsciiWhitespace(parser.error_)));
  }
  parser.Serialize();
  return std::string(reinterpret_cast<const char*>(parser.builder_.GetBufferPointer()),
                     parser.builder_.GetSize());
}

}  // namespace tessera
