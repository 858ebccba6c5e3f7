#include "cpp/config/registry.h"

#include <algorithm>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cpp/base/status_macros.h"
#include "cpp/base/suggest.h"
#include "cpp/base/text.h"
#include "cpp/config/json_schema.h"
#include "cpp/config/schema_loader.h"
#include "gen/schemas/embedded.h"
#include "rapidjson/stringbuffer.h"
#include "rapidjson/writer.h"

namespace tessera {
namespace {

using Writer = rapidjson::Writer<rapidjson::StringBuffer>;

void Put(Writer& writer, std::string_view name, std::string_view value) {
  writer.Key(name.data(), static_cast<rapidjson::SizeType>(name.size()));
  writer.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
}

void PutIf(Writer& writer, std::string_view name, std::string_view value) {
  if (!value.empty()) Put(writer, name, value);
}

void PutRaw(Writer& writer, std::string_view name, const std::string& json) {
  writer.Key(name.data(), static_cast<rapidjson::SizeType>(name.size()));
  writer.RawValue(json.data(), json.size(), rapidjson::kNumberType);
}

void PutList(Writer& writer, std::string_view name, const std::vector<std::string>& items) {
  writer.Key(name.data(), static_cast<rapidjson::SizeType>(name.size()));
  writer.StartArray();
  for (const std::string& item : items) {
    writer.String(item.data(), static_cast<rapidjson::SizeType>(item.size()));
  }
  writer.EndArray();
}

std::string KindName(const FieldInfo& field) {
  static constexpr const char* kNames[] = {"bool", "int",   "float", "text",
                                           "enum", "table", "slot"};
  const std::string name = kNames[static_cast<int>(field.kind)];
  return field.is_list ? "list of " + name : name;
}

void PutFields(Writer& writer, const TypeInfo& info, int depth);

void PutField(Writer& writer, const FieldInfo& field, int depth) {
  writer.StartObject();
  Put(writer, "name", field.name);
  Put(writer, "type", KindName(field));
  Put(writer, "doc", field.doc);
  PutIf(writer, "unit", field.unit);
  if (field.kind != FieldKind::kSlot) Put(writer, "expected", field.Expected());
  if (field.is_required) PutRaw(writer, "required", "true");
  if (field.is_optional) PutRaw(writer, "optional", "true");
  if (!field.fallback.empty()) PutRaw(writer, "default", field.fallback.ToJson());
  if (field.min) PutRaw(writer, "min", ShortestNumber(*field.min));
  if (field.max) PutRaw(writer, "max", ShortestNumber(*field.max));
  if (field.above) PutRaw(writer, "above", ShortestNumber(*field.above));
  if (field.below) PutRaw(writer, "below", ShortestNumber(*field.below));
  if (!field.choices.empty()) PutList(writer, "choices", field.choices);
  PutIf(writer, "flows", field.flows);
  PutIf(writer, "inherits", field.inherits);
  PutIf(writer, "follows", field.follows);
  PutIf(writer, "at_least", field.at_least);
  PutIf(writer, "divides", field.divides);
  PutIf(writer, "role", field.role);
  PutIf(writer, "default_type", field.default_type);
  PutIf(writer, "usual_type", field.usual_type);
  if (field.is_inner) PutRaw(writer, "inner", "true");
  if (field.adopts) PutRaw(writer, "adopts", "true");
  PutIf(writer, "only_if", field.only_if.text());
  PutIf(writer, "like", field.like);
  if (!field.gives.empty()) {
    writer.Key("gives");
    writer.StartObject();
    for (const GivenValue& given : field.gives) Put(writer, given.name, given.formula.text());
    writer.EndObject();
  }
  PutIf(writer, "enum", field.enum_name);
  if (!field.members.empty()) {
    writer.Key("values");
    writer.StartArray();
    for (const EnumMember& member : field.members) {
      writer.StartObject();
      Put(writer, "name", member.name);
      Put(writer, "doc", member.doc);
      writer.EndObject();
    }
    writer.EndArray();
  }
  if (field.table != nullptr) {
    Put(writer, "table", field.table->name);
    // A table may hold itself; its inside is shown a few levels deep.
    if (depth < 4) PutFields(writer, *field.table, depth + 1);
  }
  writer.EndObject();
}

void PutFields(Writer& writer, const TypeInfo& info, int depth) {
  writer.Key("fields");
  writer.StartArray();
  for (const FieldInfo& field : info.fields) PutField(writer, field, depth);
  writer.EndArray();
}

void PutHead(Writer& writer, const TypeInfo& info) {
  Put(writer, "type", info.name);
  PutList(writer, "roles", info.roles);
  Put(writer, "doc", info.doc);
  PutRaw(writer, "builtin", info.is_builtin ? "true" : "false");
}

std::string TypeNameOf(std::string_view schema_name) {
  std::string name;
  bool upper = true;
  for (const char c : schema_name.substr(schema_name.rfind('/') + 1)) {
    if (c != '_') name += upper ? absl::ascii_toupper(static_cast<unsigned char>(c)) : c;
    upper = c == '_';
  }
  return name;
}

}  // namespace

const FieldInfo* TypeInfo::Find(std::string_view field) const {
  for (const FieldInfo& entry : fields) {
    if (entry.name == field) return &entry;
  }
  for (const FieldInfo& entry : fields) {
    if (std::find(entry.was.begin(), entry.was.end(), field) != entry.was.end()) return &entry;
  }
  return nullptr;
}

bool TypeInfo::HasRole(std::string_view role) const {
  return std::find(roles.begin(), roles.end(), role) != roles.end();
}

const FieldInfo* TypeInfo::InnerSlot() const {
  for (const FieldInfo& field : fields) {
    if (field.is_inner) return &field;
  }
  return nullptr;
}

const FieldInfo* TypeInfo::AdoptingSlot() const {
  for (const FieldInfo& field : fields) {
    if (field.adopts) return &field;
  }
  return nullptr;
}

std::vector<std::string> TypeInfo::FieldNames() const {
  std::vector<std::string> names;
  for (const FieldInfo& field : fields) names.push_back(field.name);
  return names;
}

std::shared_ptr<const SchemaRegistry> SchemaRegistry::MakeBuiltin() {
  auto registry = std::make_shared<SchemaRegistry>(nullptr);
  for (const EmbeddedSchema& schema : EmbeddedSchemas()) {
    // Config types are in sub-folders; plain tables have no role and come with their users. The
    // schemas are ours and tests hold every one of them against this.
    if (schema.name.find('/') == std::string_view::npos) continue;
    registry->Add(std::string(schema.bytes), TypeNameOf(schema.name), true).IgnoreError();
  }
  return registry;
}

std::shared_ptr<const SchemaRegistry> SchemaRegistry::Builtin() {
  static const std::shared_ptr<const SchemaRegistry>& builtin =
      *new std::shared_ptr<const SchemaRegistry>(MakeBuiltin());
  return builtin;
}

absl::Status SchemaRegistry::Add(std::string bytes, std::string_view type, bool is_builtin) {
  auto kept = std::make_unique<std::string>(std::move(bytes));
  ASSIGN_OR_RETURN(LoadedSchema loaded, LoadSchema(*kept, type));
  if (loaded.type->roles.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        type, ": expected a role, as in `table ", type, " (role: \"feed_forward\")`, got none"));
  }
  loaded.type->is_builtin = is_builtin;
  loaded.type->schema = *kept;
  for (const auto& table : loaded.tables) table->schema = *kept;
  if (const TypeInfo* known = Find(type)) {
    if (known->schema == *kept) return absl::OkStatus();
    return absl::AlreadyExistsError(
        absl::StrCat("config type '", type, "' is already known, with another schema"));
  }
  absl::MutexLock lock(&mutex_);
  const TypeInfo* added = loaded.type.get();
  if (!types_.try_emplace(added->name, std::move(loaded.type)).second) {
    return absl::AlreadyExistsError(absl::StrCat("config type '", type, "' is already known"));
  }
  for (const std::string& alias : added->aliases) aliases_.try_emplace(alias, added);
  for (auto& table : loaded.tables) tables_.push_back(std::move(table));
  bytes_.push_back(std::move(kept));
  return absl::OkStatus();
}

absl::Status SchemaRegistry::RegisterText(std::string_view text, std::string_view type) {
  ASSIGN_OR_RETURN(std::string bytes, CompileSchema(text));
  return Add(std::move(bytes), type, false);
}

absl::Status SchemaRegistry::RegisterBinary(std::string_view bytes, std::string_view type) {
  return Add(std::string(bytes), type, false);
}

const TypeInfo* SchemaRegistry::Find(std::string_view type) const {
  {
    absl::MutexLock lock(&mutex_);
    const auto found = types_.find(type);
    if (found != types_.end()) return found->second.get();
    const auto alias = aliases_.find(type);
    if (alias != aliases_.end()) return alias->second;
  }
  return base_ == nullptr ? nullptr : base_->Find(type);
}

absl::StatusOr<const TypeInfo*> SchemaRegistry::Get(std::string_view type) const {
  if (const TypeInfo* info = Find(type)) return info;
  return absl::NotFoundError(
      absl::StrCat("config type ", Quoted(type), " is not known", SuggestionText(type, Names())));
}

std::vector<const TypeInfo*> SchemaRegistry::List(std::string_view role) const {
  std::vector<const TypeInfo*> found;
  if (base_ != nullptr) found = base_->List(role);
  {
    absl::MutexLock lock(&mutex_);
    for (const auto& [name, info] : types_) {
      if (role.empty() || info->HasRole(role)) found.push_back(info.get());
    }
  }
  std::sort(found.begin(), found.end(),
            [](const TypeInfo* a, const TypeInfo* b) { return a->name < b->name; });
  return found;
}

std::vector<std::string> SchemaRegistry::Names(std::string_view role) const {
  std::vector<std::string> names;
  for (const TypeInfo* info : List(role)) names.push_back(info->name);
  return names;
}

std::vector<std::string> SchemaRegistry::Roles() const {
  std::set<std::string> roles;
  for (const TypeInfo* info : List()) roles.insert(info->roles.begin(), info->roles.end());
  return {roles.begin(), roles.end()};
}

absl::StatusOr<std::string> SchemaRegistry::DescribeJson(std::string_view type) const {
  ASSIGN_OR_RETURN(const TypeInfo* info, Get(type));
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  writer.StartObject();
  PutHead(writer, *info);
  if (!info->aliases.empty()) PutList(writer, "aliases", info->aliases);
  PutRaw(writer, "schema_version", absl::StrCat(info->schema_version));
  PutFields(writer, *info, 0);
  PutRaw(writer, "example", ExampleOf(*this, *info));
  writer.EndObject();
  return std::string(buffer.GetString(), buffer.GetSize());
}

std::string SchemaRegistry::ListJson(std::string_view role) const {
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  writer.StartArray();
  for (const TypeInfo* info : List(role)) {
    writer.StartObject();
    PutHead(writer, *info);
    writer.EndObject();
  }
  writer.EndArray();
  return std::string(buffer.GetString(), buffer.GetSize());
}

std::string SchemaRegistry::TypesWithField(std::string_view field) const {
  std::vector<std::string> names;
  for (const TypeInfo* info : List()) {
    if (info->Find(field) != nullptr && names.size() < 4) names.push_back(info->name);
  }
  return absl::StrJoin(names, ", ");
}

}  // namespace tessera
