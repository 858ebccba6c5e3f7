// MemoryObjects: an ObjectStore in memory whose operations can be counted, and one of them made to
// fail. One thread at a time, which is what an ObjectFileStore promises.
#pragma once

#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cpp/ckpt/object_store.h"

namespace tessera {

// What is in the store, held by the test.
struct Bucket {
  std::map<std::string, std::string> objects;
  std::map<std::string, std::string> open;  // not ended
  int64_t operations = 0;
  int64_t fails_at = -1;   // the number of an operation
  bool dies = false;       // and all after it
  int64_t read_less = 0;   // bytes that a read keeps to itself; below 0: claims more
  std::string failed;      // the operation that did
};

class MemoryObjects : public ObjectStore {
 public:
  explicit MemoryObjects(Bucket& bucket) : bucket_(bucket) {}

  absl::Status Write(const std::string& name, int64_t offset, std::string_view bytes,
                     bool is_last) override {
    const absl::Status allowed = Before("write", name);
    std::string& object = bucket_.open[name];
    if (!allowed.ok()) {
      object.append(bytes.substr(0, bytes.size() / 2));
      return allowed;
    }
    if (static_cast<int64_t>(object.size()) != offset) {
      return absl::InternalError(absl::StrCat(name, ": at ", object.size(), ", got ", offset));
    }
    object.append(bytes);
    if (!is_last) return absl::OkStatus();
    if (bucket_.objects.contains(name)) return absl::InternalError(name + ": written twice");
    bucket_.objects[name] = std::move(object);
    bucket_.open.erase(name);
    return absl::OkStatus();
  }

  absl::StatusOr<size_t> Read(const std::string& name, int64_t offset, void* out,
                              size_t bytes) override {
    absl::Status allowed = Before("read", name);
    if (!allowed.ok()) return allowed;
    const auto found = bucket_.objects.find(name);
    if (found == bucket_.objects.end()) return absl::NotFoundError(name);
    const std::string part = found->second.substr(static_cast<size_t>(offset), bytes);
    std::memcpy(out, part.data(), part.size());
    return part.size() - static_cast<size_t>(bucket_.read_less);
  }

  absl::StatusOr<std::vector<StoredObject>> List(const std::string& prefix) override {
    absl::Status allowed = Before("list", prefix);
    if (!allowed.ok()) return allowed;
    std::vector<StoredObject> found;
    for (const auto& [name, object] : bucket_.objects) {
      if (absl::StartsWith(name, prefix)) {
        found.push_back({name, static_cast<int64_t>(object.size())});
      }
    }
    return found;
  }

  absl::Status Rename(const std::string& from, const std::string& to) override {
    absl::Status allowed = Before("rename", from);
    if (!allowed.ok()) return allowed;
    std::map<std::string, std::string> renamed;
    for (auto& [name, object] : bucket_.objects) {
      const bool moves = absl::StartsWith(name, from);
      renamed[moves ? to + name.substr(from.size()) : name] = std::move(object);
    }
    bucket_.objects = std::move(renamed);
    return absl::OkStatus();
  }

  absl::Status Remove(const std::string& name) override {
    absl::Status allowed = Before("remove", name);
    if (!allowed.ok()) return allowed;
    bucket_.objects.erase(name);
    bucket_.open.erase(name);
    return absl::OkStatus();
  }

 private:
  absl::Status Before(std::string_view operation, const std::string& name) {
    const int64_t number = bucket_.operations++;
    const bool fails = bucket_.fails_at >= 0 && (number == bucket_.fails_at ||
                                                 (bucket_.dies && number > bucket_.fails_at));
    if (!fails) return absl::OkStatus();
    if (number == bucket_.fails_at) bucket_.failed = absl::StrCat(operation, " ", name);
    return absl::UnavailableError(absl::StrCat("no ", operation, " now"));
  }

  Bucket& bucket_;
};

inline std::unique_ptr<FileStore> NewBucketStore(Bucket& bucket, bool is_exclusive = true) {
  return NewObjectFileStore("bucket", std::make_unique<MemoryObjects>(bucket), is_exclusive);
}

}  // namespace tessera
