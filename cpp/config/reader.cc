#include "cpp/config/reader.h"

#include "absl/strings/str_cat.h"

namespace tessera {

ConfigReader::ConfigReader(const ConfigNode& node, std::string_view type)
    : node_(&node), type_(type) {
  if (node.type() != type) {
    status_ = absl::FailedPreconditionError(
        absl::StrCat("config node: expected a resolved ", type, ", got a ", node.type()));
  }
}

const ConfigValue* ConfigReader::Find(std::string_view name) const {
  if (!status_.ok()) return nullptr;
  return node_ != nullptr ? node_->Value(name) : table_->Find(name);
}

const ConfigValue* ConfigReader::Require(std::string_view name) {
  const ConfigValue* value = Find(name);
  if (value == nullptr && status_.ok()) {
    status_ = absl::FailedPreconditionError(absl::StrCat(
        type_, ".", name, ": expected a value, got nothing; the config is not resolved"));
  }
  return value;
}

void ConfigReader::Check(std::string_view name, bool fits) {
  if (fits || !status_.ok()) return;
  status_ = absl::FailedPreconditionError(absl::StrCat(
      type_, ".", name, ": the value is not of the type that this library was built with"));
}

bool ConfigReader::Convert(const ConfigValue& value, bool& out) {
  if (value.AsBool() == nullptr) return false;
  out = *value.AsBool();
  return true;
}

bool ConfigReader::Convert(const ConfigValue& value, int64_t& out) {
  if (value.AsInt() == nullptr) return false;
  out = *value.AsInt();
  return true;
}

bool ConfigReader::Convert(const ConfigValue& value, double& out) {
  if (value.AsFloat() == nullptr) return false;
  out = *value.AsFloat();
  return true;
}

bool ConfigReader::Convert(const ConfigValue& value, std::string& out) {
  if (value.AsText() == nullptr) return false;
  out = *value.AsText();
  return true;
}

}  // namespace tessera
