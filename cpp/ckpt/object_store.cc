#include "cpp/ckpt/object_store.h"

#include <atomic>
#include <set>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/synchronization/mutex.h"
#include "cpp/base/status_macros.h"

namespace tessera {
namespace {

// An ObjectStore whose calls wait for each other. A call from inside one, by the host's own code,
// would wait for itself; it is refused.
class OneAtATime {
 public:
  explicit OneAtATime(std::unique_ptr<ObjectStore> objects) : objects_(std::move(objects)) {}

  // `call` gets the ObjectStore. The result is a Status or a StatusOr.
  template <typename Call>
  auto Do(const std::string& path, Call&& call) -> decltype(call(std::declval<ObjectStore&>())) {
    if (inside_.load() == std::this_thread::get_id()) {
      return absl::FailedPreconditionError(
          absl::StrCat(path, ": a checkpoint store is used from one of its own callbacks"));
    }
    absl::MutexLock lock(&mutex_);
    inside_.store(std::this_thread::get_id());
    auto result = call(*objects_);
    inside_.store(std::thread::id());
    return result;
  }

 private:
  absl::Mutex mutex_;
  std::atomic<std::thread::id> inside_ = std::thread::id();
  const std::unique_ptr<ObjectStore> objects_;
};

class NewObject : public WritableFile {
 public:
  NewObject(OneAtATime& objects, std::string path, std::string name)
      : objects_(objects), path_(std::move(path)), name_(std::move(name)) {}

  ~NewObject() override {
    if (is_ended_) return;
    objects_.Do(path_, [&](ObjectStore& store) { return store.Remove(name_); }).IgnoreError();
  }

  absl::Status Append(std::string_view bytes) override {
    RETURN_IF_ERROR(objects_.Do(path_, [&](ObjectStore& store) {
      return store.Write(name_, written_, bytes, /*is_last=*/false);
    }));
    written_ += static_cast<int64_t>(bytes.size());
    return absl::OkStatus();
  }

  absl::Status Sync() override { return absl::OkStatus(); }

  absl::Status Close() override {
    if (is_ended_) return absl::OkStatus();
    RETURN_IF_ERROR(objects_.Do(path_, [&](ObjectStore& store) {
      return store.Write(name_, written_, {}, /*is_last=*/true);
    }));
    is_ended_ = true;
    return absl::OkStatus();
  }

 private:
  OneAtATime& objects_;
  const std::string path_;
  const std::string name_;
  int64_t written_ = 0;
  bool is_ended_ = false;
};

class OpenObject : public ReadableFile {
 public:
  OpenObject(OneAtATime& objects, std::string path, StoredObject object)
      : objects_(objects), path_(std::move(path)), object_(std::move(object)) {}

  int64_t bytes() const override { return object_.bytes; }

  absl::Status ReadAt(int64_t offset, void* out, size_t bytes) const override {
    const int64_t left = offset > object_.bytes ? 0 : object_.bytes - offset;
    if (bytes > static_cast<size_t>(left)) {
      return absl::OutOfRangeError(absl::StrCat(path_, ": ends at byte ", object_.bytes,
                                                ", expected ", bytes, " bytes from ", offset));
    }
    if (bytes == 0) return absl::OkStatus();
    ASSIGN_OR_RETURN(const size_t got, objects_.Do(path_, [&](ObjectStore& store) {
      return store.Read(object_.name, offset, out, bytes);
    }));
    if (got > bytes) {
      return absl::InvalidArgumentError(absl::StrCat(path_, ": expected at most ", bytes,
                                                     " bytes from ", offset, ", got ", got));
    }
    if (got < bytes) {
      return absl::OutOfRangeError(absl::StrCat(path_, ": expected ", bytes, " bytes from ",
                                                offset, ", got ", got));
    }
    return absl::OkStatus();
  }

 private:
  OneAtATime& objects_;
  const std::string path_;
  const StoredObject object_;
};

class ObjectFileStore : public FileStore {
 public:
  ObjectFileStore(std::string name, std::unique_ptr<ObjectStore> objects, bool is_exclusive)
      : scheme_(absl::StrCat(name, ":")), objects_(std::move(objects)),
        is_exclusive_(is_exclusive) {}

  // Folders are what names have in common: there is nothing to make, and nothing to sync.
  absl::Status CreateFolders(const std::string&) override { return absl::OkStatus(); }
  absl::Status CreateFolder(const std::string&) override { return absl::OkStatus(); }
  absl::Status SyncFolder(const std::string&) override { return absl::OkStatus(); }

  absl::StatusOr<int64_t> FreeBytes(const std::string& path) override {
    return absl::UnimplementedError(absl::StrCat(path, ": nobody knows how much there is room"));
  }

  absl::StatusOr<std::vector<std::string>> List(const std::string& path) override {
    const std::string prefix = Prefix(path);
    ASSIGN_OR_RETURN(const std::vector<StoredObject> found, Find(path, prefix));
    std::set<std::string> names;
    for (const StoredObject& object : found) {
      const std::string_view rest = std::string_view(object.name).substr(prefix.size());
      names.emplace(rest.substr(0, rest.find('/')));
    }
    return std::vector<std::string>(names.begin(), names.end());
  }

  absl::StatusOr<bool> Exists(const std::string& path) override {
    const std::string name = ObjectName(path);
    ASSIGN_OR_RETURN(const std::vector<StoredObject> found, Find(path, name));
    const std::string below = absl::StrCat(name, "/");
    for (const StoredObject& object : found) {
      if (object.name == name || absl::StartsWith(object.name, below)) return true;
    }
    return false;
  }

  absl::StatusOr<bool> IsFolder(const std::string& path) override {
    ASSIGN_OR_RETURN(const std::vector<StoredObject> found, Find(path, Prefix(path)));
    return !found.empty();
  }

  absl::StatusOr<std::unique_ptr<WritableFile>> Create(const std::string& path) override {
    ASSIGN_OR_RETURN(const bool exists, Exists(path));
    if (exists) return absl::AlreadyExistsError(absl::StrCat(path, " is there already"));
    return std::make_unique<NewObject>(objects_, path, ObjectName(path));
  }

  absl::StatusOr<std::unique_ptr<ReadableFile>> Open(const std::string& path) override {
    const std::string name = ObjectName(path);
    ASSIGN_OR_RETURN(std::vector<StoredObject> found, Find(path, name));
    for (StoredObject& object : found) {
      if (object.name == name) {
        return std::make_unique<OpenObject>(objects_, path, std::move(object));
      }
    }
    return absl::NotFoundError(absl::StrCat(path, ": no such object"));
  }

  absl::Status Rename(const std::string& from, const std::string& to) override {
    ASSIGN_OR_RETURN(const bool is_taken, Exists(to));
    if (is_taken) return absl::AlreadyExistsError(absl::StrCat(to, " is there already"));
    ASSIGN_OR_RETURN(const bool is_there, IsFolder(from));
    if (!is_there) return absl::NotFoundError(absl::StrCat(from, ": no such objects"));
    return objects_.Do(from, [&](ObjectStore& store) {
      return store.Rename(Prefix(from), Prefix(to));
    });
  }

  absl::Status RemoveAll(const std::string& path) override {
    const std::string name = ObjectName(path);
    ASSIGN_OR_RETURN(const std::vector<StoredObject> found, Find(path, name));
    const std::string below = absl::StrCat(name, "/");
    for (const StoredObject& object : found) {
      if (object.name != name && !absl::StartsWith(object.name, below)) continue;
      RETURN_IF_ERROR(
          objects_.Do(path, [&](ObjectStore& store) { return store.Remove(object.name); }));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::unique_ptr<FileLock>> TryLock(const std::string& folder) override;

 private:
  class Lock;

  // "memory://a/b/" is the object "a/b"; the root is "". So is "memory:/a/b" (StoreOfPath).
  std::string ObjectName(std::string_view path) const {
    absl::ConsumePrefix(&path, scheme_);
    return absl::StrJoin(absl::StrSplit(path, '/', absl::SkipEmpty()), "/");
  }

  // What names of objects in this folder begin with.
  std::string Prefix(std::string_view path) const {
    std::string name = ObjectName(path);
    return name.empty() ? name : absl::StrCat(name, "/");
  }

  absl::StatusOr<std::vector<StoredObject>> Find(const std::string& path,
                                                 const std::string& prefix) {
    return objects_.Do(path, [&](ObjectStore& store) { return store.List(prefix); });
  }

  const std::string scheme_;
  OneAtATime objects_;
  const bool is_exclusive_;
  absl::Mutex mutex_;
  std::set<std::string> locked_ ABSL_GUARDED_BY(mutex_);  // object names of folders
};

class ObjectFileStore::Lock : public FileLock {
 public:
  Lock(ObjectFileStore& store, std::string name) : store_(store), name_(std::move(name)) {}
  ~Lock() override {
    absl::MutexLock lock(&store_.mutex_);
    store_.locked_.erase(name_);
  }

 private:
  ObjectFileStore& store_;
  const std::string name_;
};

absl::StatusOr<std::unique_ptr<FileLock>> ObjectFileStore::TryLock(const std::string& folder) {
  if (!is_exclusive_) {
    return absl::UnimplementedError(absl::StrCat(folder, ": the store has no locks"));
  }
  std::string name = ObjectName(folder);
  absl::MutexLock lock(&mutex_);
  if (!locked_.insert(name).second) return std::unique_ptr<FileLock>();
  return std::make_unique<Lock>(*this, std::move(name));
}

}  // namespace

std::unique_ptr<FileStore> NewObjectFileStore(std::string name,
                                              std::unique_ptr<ObjectStore> objects,
                                              bool is_exclusive) {
  return std::make_unique<ObjectFileStore>(std::move(name), std::move(objects), is_exclusive);
}

}  // namespace tessera
