// PowerStore: a file system in memory that forgets, on a power failure, what was not synced.
//
// It is as forgetful as the standard allows, which real disks only are on bad days: content is
// durable once its file was synced, a name once its folder was. On PowerFailure each of the
// operations on a folder since its last sync happens or not, by chance but in order, and of an
// unsynced file a random part is there, the rest garbage. Not thread-safe; locks are always free.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cpp/ckpt/file_store.h"
#include "tests/ckpt/ckpt_testing.h"

namespace tessera {

class PowerStore : public FileStore {
 public:
  // The operation after which every other one fails until PowerFailure; -1: none.
  void DieAfter(int64_t operations) { dies_after_ = operations; }
  int64_t operations() const { return operations_; }

  // Loses what was not synced, and works again.
  void PowerFailure(TestRandom& random) {
    Forget(root_, random);
    dies_after_ = -1;
  }

  absl::Status CreateFolders(const std::string& path) override {
    std::string part;
    for (const std::string& name : Split(path)) {
      const std::string parent = part;
      part += "/" + name;
      if (Find(part) != nullptr) continue;
      if (absl::Status made = CreateFolder(part); !made.ok()) return made;
      if (absl::Status synced = SyncFolder(parent); !synced.ok()) return synced;
    }
    return absl::OkStatus();
  }
  absl::Status CreateFolder(const std::string& path) override {
    if (!Lives()) return Dead();
    return Link(path, NewFolder());
  }
  absl::StatusOr<std::vector<std::string>> List(const std::string& path) override {
    if (!Lives()) return Dead();
    const NodePointer node = Find(path);
    if (node == nullptr || !node->is_folder) return absl::NotFoundError(path);
    std::vector<std::string> names;
    for (const auto& [name, child] : node->names) names.push_back(name);
    return names;
  }
  absl::StatusOr<bool> Exists(const std::string& path) override {
    if (!Lives()) return Dead();
    return Find(path) != nullptr;
  }
  absl::StatusOr<bool> IsFolder(const std::string& path) override {
    if (!Lives()) return Dead();
    const NodePointer node = Find(path);
    return node != nullptr && node->is_folder;
  }
  absl::StatusOr<std::unique_ptr<WritableFile>> Create(const std::string& path) override {
    if (!Lives()) return Dead();
    auto node = std::make_shared<Node>();
    if (absl::Status linked = Link(path, node); !linked.ok()) return linked;
    return std::make_unique<Writer>(*this, node);
  }
  absl::StatusOr<std::unique_ptr<ReadableFile>> Open(const std::string& path) override {
    if (!Lives()) return Dead();
    const NodePointer node = Find(path);
    if (node == nullptr) return absl::NotFoundError(path);
    if (node->is_folder) return absl::InvalidArgumentError(path);
    return std::make_unique<Reader>(node->content);
  }
  absl::Status Rename(const std::string& from, const std::string& to) override {
    if (!Lives()) return Dead();
    const auto [parent, name] = SplitLast(from);
    const auto [to_parent, to_name] = SplitLast(to);
    if (parent != to_parent) return absl::UnimplementedError("rename between folders");
    const NodePointer folder = Find(parent);
    if (folder == nullptr || !folder->names.contains(name)) return absl::NotFoundError(from);
    if (folder->names.contains(to_name)) return absl::AlreadyExistsError(to);
    Do(*folder, {name, to_name, nullptr});
    return absl::OkStatus();
  }
  absl::Status RemoveAll(const std::string& path) override {
    if (!Lives()) return Dead();
    const auto [parent, name] = SplitLast(path);
    const NodePointer folder = Find(parent);
    if (folder == nullptr || !folder->names.contains(name)) return absl::OkStatus();
    // Children first, as a file system has it: a failure in between finds half a folder.
    const NodePointer node = folder->names.at(name);
    while (!node->names.empty()) {
      const std::string child = JoinPath(path, node->names.begin()->first);
      if (absl::Status removed = RemoveAll(child); !removed.ok()) return removed;
    }
    Do(*folder, {name, "", nullptr});
    return absl::OkStatus();
  }
  absl::Status SyncFolder(const std::string& path) override {
    if (!Lives()) return Dead();
    const NodePointer node = Find(path);
    if (node == nullptr || !node->is_folder) return absl::NotFoundError(path);
    node->durable_names = node->names;
    node->unsynced.clear();
    return absl::OkStatus();
  }
  absl::StatusOr<int64_t> FreeBytes(const std::string&) override {
    if (!Lives()) return Dead();
    return int64_t{1} << 40;
  }
  absl::StatusOr<std::unique_ptr<FileLock>> TryLock(const std::string& folder) override {
    if (!Lives()) return Dead();
    return std::make_unique<FileLock>();
  }

 private:
  struct Node;
  using NodePointer = std::shared_ptr<Node>;

  // name -> to: rename; name -> "": removal; with a node: creation of name.
  struct Change {
    std::string name;
    std::string to;
    NodePointer node;
  };

  struct Node {
    bool is_folder = false;
    std::string content;
    std::string durable_content;
    std::map<std::string, NodePointer> names;
    std::map<std::string, NodePointer> durable_names;
    std::vector<Change> unsynced;
  };

  static NodePointer NewFolder() {
    auto folder = std::make_shared<Node>();
    folder->is_folder = true;
    return folder;
  }

  class Writer : public WritableFile {
   public:
    Writer(PowerStore& store, NodePointer node) : store_(store), node_(std::move(node)) {}
    absl::Status Append(std::string_view bytes) override {
      if (!store_.Lives()) return Dead();
      node_->content.append(bytes);
      return absl::OkStatus();
    }
    absl::Status Sync() override {
      if (!store_.Lives()) return Dead();
      node_->durable_content = node_->content;
      return absl::OkStatus();
    }
    absl::Status Close() override { return absl::OkStatus(); }

   private:
    PowerStore& store_;
    const NodePointer node_;
  };

  class Reader : public ReadableFile {
   public:
    explicit Reader(std::string content) : content_(std::move(content)) {}
    int64_t bytes() const override { return static_cast<int64_t>(content_.size()); }
    absl::Status ReadAt(int64_t offset, void* out, size_t bytes) const override {
      if (offset + static_cast<int64_t>(bytes) > this->bytes()) {
        return absl::OutOfRangeError("end of file");
      }
      std::memcpy(out, content_.data() + offset, bytes);
      return absl::OkStatus();
    }

   private:
    const std::string content_;
  };

  bool Lives() { return dies_after_ < 0 || operations_++ < dies_after_; }
  static absl::Status Dead() { return absl::CancelledError("the power is off"); }

  static std::vector<std::string> Split(const std::string& path) {
    std::vector<std::string> names;
    size_t begin = 0;
    while (begin < path.size()) {
      const size_t end = std::min(path.find('/', begin), path.size());
      if (end > begin) names.push_back(path.substr(begin, end - begin));
      begin = end + 1;
    }
    return names;
  }
  static std::pair<std::string, std::string> SplitLast(const std::string& path) {
    const size_t slash = path.rfind('/');
    return {path.substr(0, slash), path.substr(slash + 1)};
  }

  NodePointer Find(const std::string& path) {
    NodePointer node = root_;
    for (const std::string& name : Split(path)) {
      const auto found = node->names.find(name);
      if (found == node->names.end()) return nullptr;
      node = found->second;
    }
    return node;
  }

  absl::Status Link(const std::string& path, NodePointer node) {
    const auto [parent, name] = SplitLast(path);
    const NodePointer folder = Find(parent);
    if (folder == nullptr || !folder->is_folder) return absl::NotFoundError(parent);
    if (folder->names.contains(name)) return absl::AlreadyExistsError(path);
    Do(*folder, {name, "", std::move(node)});
    return absl::OkStatus();
  }

  static void Apply(std::map<std::string, NodePointer>& names, const Change& change) {
    if (change.node != nullptr) {
      names[change.name] = change.node;
      return;
    }
    const auto found = names.find(change.name);
    if (found == names.end()) return;
    const NodePointer node = found->second;
    names.erase(found);
    if (!change.to.empty()) names[change.to] = node;
  }

  static void Do(Node& folder, Change change) {
    Apply(folder.names, change);
    folder.unsynced.push_back(std::move(change));
  }

  static void Forget(const NodePointer& node, TestRandom& random) {
    if (!node->is_folder) {
      if (node->content == node->durable_content) return;
      std::string torn = node->content.substr(0, random.Below(node->content.size() + 1));
      for (size_t i = node->durable_content.size(); i < torn.size(); ++i) {
        if (random.Below(8) == 0) torn[i] = 0;
      }
      node->content = random.Below(2) == 0 ? torn : node->durable_content;
      node->durable_content = node->content;
      return;
    }
    for (const Change& change : node->unsynced) {
      if (random.Below(2) == 0) Apply(node->durable_names, change);
    }
    node->names = node->durable_names;
    node->unsynced.clear();
    for (const auto& [name, child] : node->names) Forget(child, random);
  }

  const NodePointer root_ = NewFolder();
  int64_t dies_after_ = -1;
  int64_t operations_ = 0;
};

}  // namespace tessera
