#include "cpp/optim/field_error.h"

#include "absl/strings/str_cat.h"
#include "cpp/config/errors.h"
#include "cpp/config/tree.h"

namespace tessera {

absl::Status FieldError(const ConfigNode& node, std::string_view field, std::string_view expected,
                        std::string_view hint) {
  ConfigError error;
  error.path = absl::StrCat(node.type(), ".", field);
  error.expected = std::string(expected);
  error.hint = std::string(hint);
  if (const ConfigNode::Field* found = node.FindField(field)) {
    error.got = found->value.empty() ? "nothing" : found->value.ToJson();
    const ConfigOrigin& origin =
        found->state == FieldState::kSet ? found->origin : node.origin();
    if (origin.source != nullptr) error.file = *origin.source;
    error.line = origin.line;
    error.column = origin.column;
  }
  ConfigErrors errors;
  errors.Add(std::move(error));
  return errors.ToStatus();
}

}  // namespace tessera
