#include "cpp/ir/op_table.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "cpp/base/suggest.h"

namespace tessera {

const OpTable& OpTable::Builtin() {
  static const OpTable* const table = [] {
    auto* built = new OpTable();
    for (OpFactory factory : BuiltinOps()) {
      OpDef def = factory();
      // Two files cannot have one name; an op that names itself otherwise is found by a test.
      (void)built->Register(std::move(def));
    }
    return built;
  }();
  return *table;
}

absl::Status OpTable::Register(OpDef def) {
  if (def.name().empty()) return absl::InvalidArgumentError("op: expected a name, got none");
  if (def.version() < 1) {
    return absl::InvalidArgumentError(absl::StrCat("op '", def.name(),
                                                   "': expected a version from 1 on, got ",
                                                   def.version()));
  }
  const std::string name = def.name();
  absl::MutexLock lock(&mutex_);
  if ((base_ == nullptr || base_->Find(name) == nullptr) &&
      defs_.try_emplace(name, std::make_unique<OpDef>(std::move(def))).second) {
    return absl::OkStatus();
  }
  return absl::AlreadyExistsError(absl::StrCat("op '", name, "' exists already"));
}

const OpDef* OpTable::Find(std::string_view name) const {
  {
    absl::ReaderMutexLock lock(&mutex_);
    const auto it = defs_.find(name);
    if (it != defs_.end()) return it->second.get();
  }
  return base_ == nullptr ? nullptr : base_->Find(name);
}

absl::StatusOr<const OpDef*> OpTable::Get(std::string_view name) const {
  const OpDef* def = Find(name);
  if (def != nullptr) return def;
  return absl::NotFoundError(
      absl::StrCat("unknown op '", name, "'", SuggestionText(name, Names())));
}

std::vector<std::string> OpTable::Names() const {
  std::vector<std::string> names = base_ == nullptr ? std::vector<std::string>() : base_->Names();
  {
    absl::ReaderMutexLock lock(&mutex_);
    for (const auto& [name, def] : defs_) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace tessera
