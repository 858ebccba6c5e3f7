// WrappedStore: a store that asks before every operation whether it may, and passes it on.
//
// Tests derive from it to fail, wait or "die" at a chosen operation. As thread-safe as Before.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/ckpt/file_store.h"

namespace tessera {

class WrappedStore : public FileStore {
 public:
  explicit WrappedStore(FileStore& inner) : inner_(inner) {}

  absl::Status CreateFolders(const std::string& path) override {
    return Allow("folders", path, [&] { return inner_.CreateFolders(path); });
  }
  absl::Status CreateFolder(const std::string& path) override {
    return Allow("folder", path, [&] { return inner_.CreateFolder(path); });
  }
  absl::StatusOr<std::vector<std::string>> List(const std::string& path) override {
    return Allow("list", path, [&] { return inner_.List(path); });
  }
  absl::StatusOr<bool> Exists(const std::string& path) override {
    return Allow("exists", path, [&] { return inner_.Exists(path); });
  }
  absl::StatusOr<bool> IsFolder(const std::string& path) override {
    return Allow("is_folder", path, [&] { return inner_.IsFolder(path); });
  }
  absl::StatusOr<std::unique_ptr<WritableFile>> Create(const std::string& path) override {
    auto file = Allow("create", path, [&] { return inner_.Create(path); });
    if (!file.ok()) return file;
    return std::make_unique<File>(*this, *std::move(file), path);
  }
  absl::StatusOr<std::unique_ptr<ReadableFile>> Open(const std::string& path) override {
    return Allow("open", path, [&] { return inner_.Open(path); });
  }
  absl::Status Rename(const std::string& from, const std::string& to) override {
    return Allow("rename", from, [&] { return inner_.Rename(from, to); });
  }
  absl::Status RemoveAll(const std::string& path) override {
    return Allow("remove", path, [&] { return inner_.RemoveAll(path); });
  }
  absl::Status SyncFolder(const std::string& path) override {
    return Allow("sync_folder", path, [&] { return inner_.SyncFolder(path); });
  }
  absl::StatusOr<int64_t> FreeBytes(const std::string& path) override {
    return Allow("free", path, [&] { return inner_.FreeBytes(path); });
  }
  absl::StatusOr<std::unique_ptr<FileLock>> TryLock(const std::string& folder) override {
    return Allow("lock", folder, [&] { return inner_.TryLock(folder); });
  }

 protected:
  // Called before each operation, by its name above or "append", "sync", "close". An error is
  // returned in place of doing it.
  virtual absl::Status Before(std::string_view operation, const std::string& path) = 0;
  // How much of an append that is not allowed reaches the file nevertheless.
  virtual size_t TornBytes(size_t bytes) { return 0; }

  FileStore& inner_;

 private:
  class File : public WritableFile {
   public:
    File(WrappedStore& store, std::unique_ptr<WritableFile> inner, std::string path)
        : store_(store), inner_(std::move(inner)), path_(std::move(path)) {}
    absl::Status Append(std::string_view bytes) override {
      const absl::Status allowed = store_.Before("append", path_);
      if (allowed.ok()) return inner_->Append(bytes);
      inner_->Append(bytes.substr(0, store_.TornBytes(bytes.size()))).IgnoreError();
      return allowed;
    }
    absl::Status Sync() override {
      return store_.Allow("sync", path_, [&] { return inner_->Sync(); });
    }
    absl::Status Close() override {
      return store_.Allow("close", path_, [&] { return inner_->Close(); });
    }

   private:
    WrappedStore& store_;
    const std::unique_ptr<WritableFile> inner_;
    const std::string path_;
  };

  template <typename Do>
  auto Allow(std::string_view operation, const std::string& path, Do&& perform)
      -> decltype(perform()) {
    absl::Status allowed = Before(operation, path);
    if (!allowed.ok()) return allowed;
    return perform();
  }
};

}  // namespace tessera
