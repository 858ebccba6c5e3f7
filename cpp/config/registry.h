// SchemaRegistry: the config types there are, as their schemas describe them.
//
// The built-in registry holds the schemas embedded in the library; a runtime makes its own on top
// of it, to which it adds custom types from schema text. Types are never removed, and what is
// returned lives as long as the registry. Says nothing about what a type does: a module of a known
// type may still have no code here. Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "cpp/config/formula.h"
#include "cpp/config/value.h"

namespace tessera {

enum class FieldKind { kBool, kInt, kFloat, kText, kEnum, kTable, kSlot };

struct EnumMember {
  std::string name;
  int64_t number = 0;
  std::string doc;
};

struct TypeInfo;

// What a slot gives to the fields below it that ask for this name.
struct GivenValue {
  std::string name;   // "out_dim"
  Formula formula;
};

struct FieldInfo {
  std::string name;
  FieldKind kind = FieldKind::kInt;
  bool is_list = false;
  bool is_optional = false;    // may stay without a value (slot: may stay empty)
  bool is_required = false;
  ConfigValue fallback;        // the default; nothing when there is none
  std::string doc;
  std::string unit;
  std::optional<double> min, max, above, below;   // above and below are exclusive
  std::vector<std::string> choices;
  // See schemas/attributes.fbs.
  std::string flows, inherits, follows, at_least, divides, unless;
  std::vector<std::string> was;
  std::string example;         // JSON
  std::string enum_name;
  std::vector<EnumMember> members;
  const TypeInfo* table = nullptr;   // of a nested plain table
  std::string role;                  // of a slot
  std::string default_type;          // filled in when nothing is said
  std::string usual_type;            // when fields are given without a type; else stays empty
  bool is_inner = false;             // of a slot: see `inner` and `adopts` in attributes.fbs
  bool adopts = false;
  std::vector<GivenValue> gives;     // of a slot
  Formula only_if;                   // of a slot
  std::string like;                  // of a slot
  uint16_t position = 0;             // place in the FlatBuffers table
  uint8_t width = 0;                 // bytes of a scalar there; 0: not a scalar
  bool is_unsigned = false;

  // "an integer from 1 to 8", "one of relu, gelu", "text", "true or false"
  std::string Expected() const;
};

struct TypeInfo {
  std::string name;
  std::vector<std::string> roles;    // primary one first; none: a plain table, not for slots
  std::vector<std::string> aliases;
  std::string doc;
  int schema_version = 1;
  bool is_builtin = false;
  std::vector<FieldInfo> fields;     // in the schema's order
  std::string_view schema;           // binary schema

  const FieldInfo* Find(std::string_view field) const;   // also under an earlier name
  bool HasRole(std::string_view role) const;
  // Is it the type of this name, or does it say that it is a kind of it?
  bool IsA(const TypeInfo& other) const { return this == &other || HasRole(other.name); }
  // The slot marked `inner`, which makes the type a wrapper, or nullptr; the same for `adopts`.
  const FieldInfo* InnerSlot() const;
  const FieldInfo* AdoptingSlot() const;
  std::vector<std::string> FieldNames() const;
};

class SchemaRegistry {
 public:
  static std::shared_ptr<const SchemaRegistry> Builtin();

  // An empty one on top of `base`, which may be null.
  explicit SchemaRegistry(std::shared_ptr<const SchemaRegistry> base) : base_(std::move(base)) {}

  // Adds the table `type` of a schema text. `include "attributes.fbs";` is neither needed nor
  // allowed. INVALID_ARGUMENT with what is wrong with the text; ALREADY_EXISTS for a known name
  // with another schema (the same one again is fine).
  absl::Status RegisterText(std::string_view text, std::string_view type);
  // The same from a binary schema.
  absl::Status RegisterBinary(std::string_view bytes, std::string_view type);

  // By name or alias; nullptr when unknown.
  const TypeInfo* Find(std::string_view type) const;
  // NOT_FOUND with the nearest name.
  absl::StatusOr<const TypeInfo*> Get(std::string_view type) const;
  // Types that fill a role, sorted by name; all of them for "".
  std::vector<const TypeInfo*> List(std::string_view role = "") const;
  std::vector<std::string> Names(std::string_view role = "") const;
  std::vector<std::string> Roles() const;

  // A type as a JSON object: name, roles, doc, schema_version, fields with type, default, range,
  // unit, doc and so on, an example. NOT_FOUND with the nearest name.
  absl::StatusOr<std::string> DescribeJson(std::string_view type) const;
  // JSON list of {type, roles, doc, builtin}, for a role or all.
  std::string ListJson(std::string_view role = "") const;
  // Fields of that name in any type, for hints: "Attention, Linear".
  std::string TypesWithField(std::string_view field) const;

 private:
  absl::Status Add(std::string bytes, std::string_view type, bool is_builtin);
  static std::shared_ptr<const SchemaRegistry> MakeBuiltin();

  const std::shared_ptr<const SchemaRegistry> base_;
  mutable absl::Mutex mutex_;
  std::map<std::string, std::unique_ptr<TypeInfo>, std::less<>> types_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, const TypeInfo*, std::less<>> aliases_ ABSL_GUARDED_BY(mutex_);
  // Plain tables that fields point to, and the bytes that TypeInfo::schema views.
  std::vector<std::unique_ptr<TypeInfo>> tables_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<std::string>> bytes_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tessera
