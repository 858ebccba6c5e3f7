// PartTable: how parts of one kind (optimizers, schedules) are made that a host has added to its
// runtime, by the name of their config type. It only grows, and what it hands out stays.
// Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"

namespace tessera {

class ConfigNode;

template <typename Part>
class PartTable {
 public:
  using Factory = std::function<absl::StatusOr<std::unique_ptr<Part>>(const ConfigNode& config)>;

  // ALREADY_EXISTS when the name is taken.
  absl::Status Register(std::string type, Factory factory) {
    absl::MutexLock lock(&mutex_);
    const auto [it, is_new] = factories_.try_emplace(std::move(type), std::move(factory));
    if (is_new) return absl::OkStatus();
    return absl::AlreadyExistsError(absl::StrCat("type '", it->first, "' is already known"));
  }

  // nullptr when there is none of that name.
  const Factory* Find(std::string_view type) const {
    absl::ReaderMutexLock lock(&mutex_);
    const auto it = factories_.find(type);
    return it == factories_.end() ? nullptr : &it->second;
  }

  std::vector<std::string> Names() const {
    absl::ReaderMutexLock lock(&mutex_);
    std::vector<std::string> names;
    for (const auto& [name, factory] : factories_) names.push_back(name);
    return names;
  }

 private:
  mutable absl::Mutex mutex_;
  std::map<std::string, Factory, std::less<>> factories_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tessera
