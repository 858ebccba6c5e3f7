#include "capi/src/internal/host_type.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "capi/src/internal/arguments.h"
#include "cpp/base/status_macros.h"

namespace tessera::capi {

absl::StatusOr<const TypeInfo*> RegisterHostType(RuntimeObject& runtime, const char* schema,
                                                 const char* type, std::string_view role) {
  RETURN_IF_ERROR(CheckPointer(schema, "def.schema"));
  RETURN_IF_ERROR(CheckPointer(type, "def.type"));
  ASSIGN_OR_RETURN(const std::string_view name, ReadName(type, std::strlen(type), "def.type"));
  ASSIGN_OR_RETURN(const std::string_view text,
                   ReadName(schema, std::strlen(schema), "def.schema"));
  if (runtime.schemas()->Find(name) != nullptr) {
    return absl::AlreadyExistsError(
        absl::StrCat("type '", name, "' is already known to this runtime"));
  }
  // Looked at in a registry of its own first: what is registered cannot be taken back.
  SchemaRegistry alone(SchemaRegistry::Builtin());
  RETURN_IF_ERROR(alone.RegisterText(text, name));
  ASSIGN_OR_RETURN(const TypeInfo* seen, alone.Get(name));
  if (!seen->HasRole(role)) {
    return absl::InvalidArgumentError(absl::StrCat("def.schema: expected (role: \"", role,
                                                   "\") of table ", name, ", got the roles ",
                                                   absl::StrJoin(seen->roles, ", ")));
  }
  RETURN_IF_ERROR(runtime.schemas()->RegisterText(text, name));
  return runtime.schemas()->Get(name);
}

}  // namespace tessera::capi
