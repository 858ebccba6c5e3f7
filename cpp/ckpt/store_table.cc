#include "cpp/ckpt/store_table.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace tessera {
namespace {

bool IsStoreName(std::string_view name) {
  if (name.empty() || !absl::ascii_islower(static_cast<unsigned char>(name[0]))) return false;
  return name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string_view::npos;
}

}  // namespace

absl::Status StoreTable::Register(std::string name, std::unique_ptr<FileStore> store) {
  if (!IsStoreName(name)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "checkpoint store '", name, "': expected a name of lower-case letters, digits and '_'"));
  }
  absl::MutexLock lock(&mutex_);
  const auto [place, is_new] = stores_.try_emplace(std::move(name), std::move(store));
  if (is_new) return absl::OkStatus();
  return absl::AlreadyExistsError(
      absl::StrCat("checkpoint store '", place->first, "' is there already"));
}

absl::StatusOr<FileStore*> StoreOfPath(const StoreTable* added, std::string_view path) {
  const size_t end = path.find(":/");
  if (end == std::string_view::npos || !IsStoreName(path.substr(0, end))) return &PosixFileStore();
  const std::string_view name = path.substr(0, end);
  std::string known;
  if (added != nullptr) {
    absl::MutexLock lock(&added->mutex_);
    const auto found = added->stores_.find(name);
    if (found != added->stores_.end()) return found->second.get();
    for (const auto& [other, store] : added->stores_) {
      absl::StrAppend(&known, known.empty() ? "" : ", ", other);
    }
  }
  if (path.substr(end, 3) != "://") return &PosixFileStore();
  return absl::NotFoundError(absl::StrCat(path, ": no checkpoint store '", name, "'; ",
                                          known.empty() ? "none is registered here"
                                                        : absl::StrCat("there are: ", known)));
}

}  // namespace tessera
