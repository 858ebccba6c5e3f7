#include "cpp/config/flatbuffer_codec.h"

#include <cstdint>
#include <cstring>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/base/unaligned.h"
#include "cpp/base/text.h"
#include "cpp/config/config.h"
#include "cpp/config/field_check.h"
#include "cpp/config/table_verifier.h"
#include "flatbuffers/flatbuffers.h"
#include "gen/schemas/config_generated.h"

namespace tessera {
namespace {

namespace fb = ::tessera::config::fb;
using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;
using flatbuffers::uoffset_t;

constexpr uoffset_t kMostTables = 1 << 20;

// --- Writing ---

// Calls `act` with a value of the C++ type that stores the field.
template <typename Act>
auto WithStorage(const FieldInfo& field, Act act) {
  if (field.kind == FieldKind::kFloat) return field.width == 4 ? act(float{}) : act(double{});
  if (field.kind == FieldKind::kBool) return act(uint8_t{});
  const bool u = field.is_unsigned;
  switch (field.width) {
    case 1:
      return u ? act(uint8_t{}) : act(int8_t{});
    case 2:
      return u ? act(uint16_t{}) : act(int16_t{});
    case 4:
      return u ? act(uint32_t{}) : act(int32_t{});
    default:
      return u ? act(uint64_t{}) : act(int64_t{});
  }
}

template <typename T>
T ScalarOf(const FieldInfo& field, const ConfigValue& value) {
  if (const bool* flag = value.AsBool()) return static_cast<T>(*flag);
  if (const int64_t* number = value.AsInt()) return static_cast<T>(*number);
  if (const double* number = value.AsFloat()) return static_cast<T>(*number);
  if (const std::string* name = value.AsText()) {
    for (const EnumMember& member : field.members) {
      if (member.name == *name) return static_cast<T>(member.number);
    }
  }
  return T{};
}

using Entries = std::vector<std::pair<const FieldInfo*, const ConfigValue*>>;

Offset<void> WriteTable(FlatBufferBuilder& builder, const Entries& entries);

Offset<void> WriteNested(FlatBufferBuilder& builder, const TypeInfo& type,
                         const ConfigValue& value) {
  Entries entries;
  for (const FieldInfo& field : type.fields) {
    if (const ConfigValue* entry = value.Find(field.name)) entries.emplace_back(&field, entry);
  }
  return WriteTable(builder, entries);
}

// What a field refers to: text, list or nested table. 0 for a scalar.
uoffset_t WriteReferred(FlatBufferBuilder& builder, const FieldInfo& field,
                        const ConfigValue& value) {
  const ConfigValue::List* list = value.AsList();
  if (field.kind == FieldKind::kText) {
    if (list == nullptr) return builder.CreateString(*value.AsText()).o;
    std::vector<std::string> texts;
    for (const ConfigValue& item : *list) texts.push_back(*item.AsText());
    return builder.CreateVectorOfStrings(texts).o;
  }
  if (field.kind == FieldKind::kTable) {
    if (list == nullptr) return WriteNested(builder, *field.table, value).o;
    std::vector<Offset<flatbuffers::Table>> tables;
    for (const ConfigValue& item : *list) {
      tables.emplace_back(WriteNested(builder, *field.table, item).o);
    }
    return builder.CreateVector(tables).o;
  }
  if (list == nullptr) return 0;
  return WithStorage(field, [&](auto zero) {
    std::vector<decltype(zero)> items;
    for (const ConfigValue& item : *list) items.push_back(ScalarOf<decltype(zero)>(field, item));
    return builder.CreateVector(items).o;
  });
}

Offset<void> WriteTable(FlatBufferBuilder& builder, const Entries& entries) {
  std::vector<uoffset_t> referred;
  for (const auto& [field, value] : entries) {
    referred.push_back(WriteReferred(builder, *field, *value));
  }
  const uoffset_t start = builder.StartTable();
  for (size_t i = 0; i < entries.size(); ++i) {
    const FieldInfo& field = *entries[i].first;
    if (referred[i] != 0) {
      builder.AddOffset(field.position, Offset<void>(referred[i]));
    } else {
      WithStorage(field, [&](auto zero) {
        builder.AddElement(field.position, ScalarOf<decltype(zero)>(field, *entries[i].second));
        return 0;
      });
    }
  }
  return Offset<void>(builder.EndTable(start));
}

std::vector<uint8_t> NodeBytes(const ConfigNode& node, bool everything) {
  Entries entries;
  for (size_t i = 0; i < node.info().fields.size(); ++i) {
    const ConfigNode::Field& field = node.field(i);
    const bool counts = field.state == FieldState::kSet || everything;
    if (counts && !field.value.empty()) entries.emplace_back(&node.info().fields[i], &field.value);
  }
  FlatBufferBuilder builder(256);
  builder.ForceDefaults(true);
  builder.Finish(WriteTable(builder, entries));
  return {builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()};
}

class Encoder {
 public:
  explicit Encoder(bool everything) : everything_(everything) {}

  // Adds the node and what is below it; returns its place in the list.
  int32_t Add(const ConfigNode& node) {
    const size_t place = nodes_.size();
    nodes_.emplace_back();
    if (!node.info().is_builtin) types_.insert(&node.info());
    std::vector<Offset<fb::Child>> children;
    for (size_t i = 0; i < node.info().fields.size(); ++i) {
      const ConfigNode::Slot& slot = node.slot(i);
      const FieldInfo& field = node.info().fields[i];
      const bool can_be_empty = field.is_optional || field.is_list;
      const bool counts = slot.state == FieldState::kSet || everything_;
      if (field.kind != FieldKind::kSlot || !counts) continue;
      if (slot.children.empty() && !can_be_empty) continue;
      const auto name = [&] { return builder_.CreateString(field.name); };
      if (slot.children.empty()) {
        children.push_back(fb::CreateChild(builder_, name(), 0, -1));
      }
      for (size_t k = 0; k < slot.children.size(); ++k) {
        const int32_t child = Add(*slot.children[k]);
        children.push_back(fb::CreateChild(builder_, name(), static_cast<uint32_t>(k), child));
      }
    }
    const std::vector<uint8_t> bytes = NodeBytes(node, everything_);
    const auto type = builder_.CreateString(node.info().name);
    builder_.ForceVectorAlignment(bytes.size(), 1, 8);
    const auto content = builder_.CreateVector(bytes);
    const auto list = builder_.CreateVector(children);
    nodes_[place] = fb::CreateNode(builder_, type,
                                   static_cast<uint32_t>(node.info().schema_version), content,
                                   list);
    return static_cast<int32_t>(place);
  }

  std::string Finish() {
    std::vector<Offset<fb::TypeSchema>> types;
    for (const TypeInfo* type : types_) {
      const auto name = builder_.CreateString(type->name);
      builder_.ForceVectorAlignment(type->schema.size(), 1, 8);
      const auto bytes = builder_.CreateVector(
          reinterpret_cast<const uint8_t*>(type->schema.data()), type->schema.size());
      types.push_back(fb::CreateTypeSchema(builder_, name, bytes));
    }
    const auto nodes = builder_.CreateVector(nodes_);
    const auto schemas = types.empty() ? 0 : builder_.CreateVector(types);
    fb::FinishConfigBuffer(builder_, fb::CreateConfig(builder_, nodes, schemas));
    return {reinterpret_cast<const char*>(builder_.GetBufferPointer()), builder_.GetSize()};
  }

 private:
  struct ByName {
    bool operator()(const TypeInfo* a, const TypeInfo* b) const { return a->name < b->name; }
  };

  bool everything_;
  FlatBufferBuilder builder_{1024};
  std::vector<Offset<fb::Node>> nodes_;
  std::set<const TypeInfo*, ByName> types_;
};

// --- Reading ---

// A copy with the alignment that FlatBuffers wants.
class Aligned {
 public:
  explicit Aligned(std::string_view bytes) : words_((bytes.size() + 15) / 16 * 2 + 2) {
    if (!bytes.empty()) std::memcpy(words_.data(), bytes.data(), bytes.size());
  }
  const uint8_t* data() const { return reinterpret_cast<const uint8_t*>(words_.data()); }

 private:
  std::vector<uint64_t> words_;
};

absl::Status Bad(std::string_view where, std::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("config bytes: ", where, where.empty() ? "" : ": ", what));
}

template <typename T>
ConfigValue ValueOf(const FieldInfo& field, T stored) {
  switch (field.kind) {
    case FieldKind::kBool:
      return ConfigValue(stored != 0);
    case FieldKind::kFloat:
      return ConfigValue(static_cast<double>(stored));
    case FieldKind::kEnum:
      for (const EnumMember& member : field.members) {
        if (member.number == static_cast<int64_t>(stored)) return ConfigValue(member.name);
      }
      return ConfigValue(absl::StrCat("number ", stored));
    default:
      return ConfigValue(static_cast<int64_t>(stored));
  }
}

// Range and so on, as for JSON.
absl::Status Fit(const FieldInfo& field, ConfigValue& value, const std::string& where) {
  const std::string wrong = FitElement(field, value);
  if (wrong.empty()) return absl::OkStatus();
  FieldInfo element = field;
  element.is_list = false;
  return Bad(where, absl::StrCat("expected ", element.Expected(), ", got ", wrong));
}

absl::StatusOr<ConfigValue> ReadTable(const flatbuffers::Table& table, const TypeInfo& type,
                                      const std::string& where);

absl::StatusOr<ConfigValue> ReadField(const flatbuffers::Table& table, const FieldInfo& field,
                                      const std::string& where) {
  using flatbuffers::String;
  using flatbuffers::Table;
  using flatbuffers::Vector;
  ConfigValue::List list;
  const auto take = [&](ConfigValue value) -> absl::Status {
    RETURN_IF_ERROR(Fit(field, value, where));
    list.push_back(std::move(value));
    return absl::OkStatus();
  };
  if (field.kind == FieldKind::kText && field.is_list) {
    for (const String* text : *table.GetPointer<const Vector<Offset<String>>*>(field.position)) {
      RETURN_IF_ERROR(take(ConfigValue(text->str())));
    }
  } else if (field.kind == FieldKind::kText) {
    RETURN_IF_ERROR(
        take(ConfigValue(table.GetPointer<const String*>(field.position)->str())));
  } else if (field.kind == FieldKind::kTable && field.is_list) {
    for (const Table* item : *table.GetPointer<const Vector<Offset<Table>>*>(field.position)) {
      ASSIGN_OR_RETURN(ConfigValue value, ReadTable(*item, *field.table, where));
      list.push_back(std::move(value));
    }
  } else if (field.kind == FieldKind::kTable) {
    return ReadTable(*table.GetPointer<const Table*>(field.position), *field.table, where);
  } else {
    RETURN_IF_ERROR(WithStorage(field, [&](auto zero) -> absl::Status {
      using T = decltype(zero);
      if (!field.is_list) return take(ValueOf(field, table.GetField<T>(field.position, T{})));
      const auto& items = *table.GetPointer<const Vector<T>*>(field.position);
      for (uint32_t k = 0; k < items.size(); ++k) {
        RETURN_IF_ERROR(take(ValueOf(field, ReadUnaligned<T>(items.Data(), k))));
      }
      return absl::OkStatus();
    }));
  }
  if (field.is_list) return ConfigValue(std::move(list));
  return std::move(list.front());
}

// Fields that this library does not know would be lost: an error instead.
absl::Status CheckKnown(const flatbuffers::Table& table, const TypeInfo& type,
                        const std::string& where) {
  const uint8_t* vtable = table.GetVTable();
  const auto size = flatbuffers::ReadScalar<flatbuffers::voffset_t>(vtable);
  for (uint32_t position = 4; position + 1 < size; position += 2) {
    const auto at = static_cast<flatbuffers::voffset_t>(position);
    if (table.GetOptionalFieldOffset(at) == 0) continue;
    bool known = false;
    for (const FieldInfo& field : type.fields) {
      known = known || (field.position == position && field.kind != FieldKind::kSlot);
    }
    if (!known) {
      return Bad(where, absl::StrCat("expected the fields of ", type.name, ", got field number ",
                                     (position - 4) / 2, "; written by a newer version"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<ConfigValue> ReadTable(const flatbuffers::Table& table, const TypeInfo& type,
                                      const std::string& where) {
  RETURN_IF_ERROR(CheckKnown(table, type, where));
  ConfigValue::Table entries;
  for (const FieldInfo& field : type.fields) {
    if (field.kind == FieldKind::kSlot || !table.CheckField(field.position)) continue;
    ASSIGN_OR_RETURN(ConfigValue value,
                     ReadField(table, field, absl::StrCat(where, ".", field.name)));
    entries.emplace_back(field.name, std::move(value));
  }
  return ConfigValue(std::move(entries));
}

absl::Status ReadFields(std::string_view bytes, ConfigNode& node) {
  const std::string where(node.type());
  const Aligned copy(bytes);
  const flatbuffers::Table* stored = VerifiedTable(copy.data(), bytes.size(), node.info());
  if (stored == nullptr) return Bad(where, "expected a table of this type, got damaged bytes");
  ASSIGN_OR_RETURN(ConfigValue table, ReadTable(*stored, node.info(), where));
  for (size_t i = 0; i < node.info().fields.size(); ++i) {
    if (ConfigValue* value = table.Find(node.info().fields[i].name)) {
      node.field(i) = {FieldState::kSet, std::move(*value), {}};
    }
  }
  return absl::OkStatus();
}

using Nodes = flatbuffers::Vector<Offset<fb::Node>>;

class Decoder {
 public:
  Decoder(const SchemaRegistry& registry, const Nodes& nodes)
      : registry_(registry), nodes_(nodes), used_(nodes.size(), false) {}

  absl::StatusOr<std::unique_ptr<ConfigNode>> Decode() {
    ASSIGN_OR_RETURN(std::unique_ptr<ConfigNode> root, Node(0, 1));
    for (size_t i = 0; i < used_.size(); ++i) {
      if (!used_[i]) return Bad("", absl::StrCat("node ", i, " belongs to no parent"));
    }
    return root;
  }

 private:
  absl::StatusOr<std::unique_ptr<ConfigNode>> Node(uint32_t place, int depth) {
    if (depth > ConfigLimits::kDepth) {
      return Bad("", absl::StrCat("nodes are nested more than ", ConfigLimits::kDepth, " deep"));
    }
    if (used_[place]) return Bad("", absl::StrCat("node ", place, " has two parents"));
    used_[place] = true;
    const fb::Node& stored = *nodes_.Get(place);
    const absl::StatusOr<const TypeInfo*> info = registry_.Get(stored.type()->str());
    if (!info.ok()) return Bad("", info.status().message());
    if (stored.schema_version() > static_cast<uint32_t>((*info)->schema_version)) {
      return Bad((*info)->name, absl::StrCat("expected schema version ", (*info)->schema_version,
                                             " or older, got ", stored.schema_version()));
    }
    auto node = std::make_unique<ConfigNode>(*info);
    RETURN_IF_ERROR(ReadFields(
        {reinterpret_cast<const char*>(stored.bytes()->data()), stored.bytes()->size()}, *node));
    if (stored.children() != nullptr) {
      for (const fb::Child* child : *stored.children()) {
        RETURN_IF_ERROR(AddChild(*child, place, depth, *node));
      }
    }
    return node;
  }

  absl::Status AddChild(const fb::Child& child, uint32_t parent, int depth, ConfigNode& node) {
    const std::string name = child.slot()->str();
    const FieldInfo* field = node.info().Find(name);
    if (field == nullptr || field->kind != FieldKind::kSlot) {
      return Bad(node.type(), absl::StrCat("has no slot ", Quoted(name)));
    }
    ConfigNode::Slot& slot = node.slot(static_cast<size_t>(field - node.info().fields.data()));
    const bool is_first = slot.state == FieldState::kUnset;
    slot.state = FieldState::kSet;
    if (child.node() == -1) {
      if (is_first && (field->is_optional || field->is_list)) return absl::OkStatus();
      return Bad(node.type(), absl::StrCat("slot ", name, " cannot be empty"));
    }
    if (child.index() != slot.children.size() || (!field->is_list && !is_first) ||
        (!is_first && slot.children.empty())) {
      return Bad(node.type(), absl::StrCat("slot ", name, ": children are out of order"));
    }
    if (child.node() <= static_cast<int64_t>(parent) ||
        child.node() >= static_cast<int64_t>(nodes_.size())) {
      return Bad(node.type(), absl::StrCat("slot ", name, ": points to node ", child.node()));
    }
    const int below = field->is_list ? depth + 2 : depth + 1;
    ASSIGN_OR_RETURN(std::unique_ptr<ConfigNode> made,
                     Node(static_cast<uint32_t>(child.node()), below));
    if (!made->info().HasRole(field->role)) {
      return Bad(node.type(), absl::StrCat("slot ", name, ": expected a type with the role ",
                                           field->role, ", got ", made->type()));
    }
    slot.children.push_back(std::move(made));
    return absl::OkStatus();
  }

  const SchemaRegistry& registry_;
  const Nodes& nodes_;
  std::vector<bool> used_;
};

}  // namespace

std::string EncodeConfig(const ConfigNode& root, bool everything) {
  Encoder encoder(everything);
  encoder.Add(root);
  return encoder.Finish();
}

absl::StatusOr<DecodedConfig> DecodeConfig(std::shared_ptr<const SchemaRegistry> registry,
                                           std::string_view bytes) {
  const Aligned copy(bytes);
  flatbuffers::Verifier verifier(copy.data(), bytes.size(), 64, kMostTables);
  if (bytes.size() < 8 || bytes.size() > ConfigLimits::kTextBytes ||
      !fb::ConfigBufferHasIdentifier(copy.data()) || !fb::VerifyConfigBuffer(verifier)) {
    return Bad("", "expected a FlatBuffers config (identifier TSRC), got other or damaged bytes");
  }
  const fb::Config& config = *fb::GetConfig(copy.data());
  if (config.nodes()->size() == 0 || config.nodes()->size() > ConfigLimits::kNodes) {
    return Bad("", absl::StrCat("expected 1 to ", ConfigLimits::kNodes, " nodes, got ",
                                config.nodes()->size()));
  }
  DecodedConfig decoded;
  decoded.registry = registry;
  if (config.types() != nullptr) {
    auto extended = std::make_shared<SchemaRegistry>(registry);
    bool is_extended = false;
    for (const fb::TypeSchema* type : *config.types()) {
      if (registry->Find(type->type()->str()) != nullptr) continue;
      const std::string_view schema(reinterpret_cast<const char*>(type->bytes()->data()),
                                    type->bytes()->size());
      RETURN_IF_ERROR(extended->RegisterBinary(schema, type->type()->str()));
      is_extended = true;
    }
    if (is_extended) decoded.registry = extended;
  }
  ASSIGN_OR_RETURN(decoded.root, Decoder(*decoded.registry, *config.nodes()).Decode());
  return decoded;
}

}  // namespace tessera
