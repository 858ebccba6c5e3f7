#include "capi/src/internal/handle.h"

#include <array>
#include <atomic>
#include <deque>
#include <unordered_map>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"

namespace tessera::capi {
namespace {

constexpr uint32_t kFreedMagic = 0x54737200;
constexpr size_t kShards = 16;
// Freed shells that one shard keeps; each is some tens of bytes.
constexpr size_t kKeptPerShard = 4096;

std::atomic<bool> checking{false};

bool IsKind(uint32_t magic) {
  return magic >= static_cast<uint32_t>(HandleKind::kStatus) &&
         magic <= static_cast<uint32_t>(HandleKind::kListing);
}

std::string WithArticle(std::string_view noun) { return absl::StrCat("a ", noun); }

absl::Status Refuse(HandleKind kind, std::string_view name, std::string_view got) {
  return absl::InvalidArgumentError(
      absl::StrCat(name, ": expected ", WithArticle(KindName(kind)), ", got ", got));
}

struct Entry {
  Shell* shell = nullptr;
  uint32_t kind = 0;
  bool is_freed = false;
  void (*remove)(Shell*) = nullptr;
};

// One part of the table of live handles. (Not Abseil's table: one that runs out of memory while it
// grows is left broken.)
struct Shard {
  absl::Mutex mutex;
  std::unordered_map<const void*, Entry> entries ABSL_GUARDED_BY(mutex);
  std::deque<const void*> freed ABSL_GUARDED_BY(mutex);   // oldest first
};

// Never destroyed: handles may be freed while the process ends.
Shard& ShardOf(const void* pointer) {
  static auto* const shards = new std::array<Shard, kShards>();
  const auto bits = reinterpret_cast<uintptr_t>(pointer) >> 5;
  return (*shards)[(bits ^ (bits >> 7)) % kShards];
}

// Keeps the shell of a freed handle, and drops the one that was kept longest.
void KeepFreed(Shard& shard, const void* pointer) ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mutex) {
  shard.freed.push_back(pointer);
  if (shard.freed.size() <= kKeptPerShard) return;
  const auto oldest = shard.entries.find(shard.freed.front());
  shard.freed.pop_front();
  oldest->second.remove(oldest->second.shell);
  shard.entries.erase(oldest);
}

absl::StatusOr<std::shared_ptr<void>> LookUp(const void* pointer, HandleKind kind,
                                             std::string_view name) {
  Shard& shard = ShardOf(pointer);
  absl::MutexLock lock(&shard.mutex);
  const auto it = shard.entries.find(pointer);
  if (it == shard.entries.end()) {
    return Refuse(kind, name, "a pointer that is no handle of this library");
  }
  const std::string found = WithArticle(KindName(static_cast<HandleKind>(it->second.kind)));
  if (it->second.is_freed) return Refuse(kind, name, absl::StrCat(found, " that was freed"));
  if (it->second.kind != static_cast<uint32_t>(kind)) return Refuse(kind, name, found);
  return it->second.shell->object;
}

}  // namespace

std::string_view KindName(HandleKind kind) {
  switch (kind) {
    case HandleKind::kStatus:
      return "status";
    case HandleKind::kRuntime:
      return "runtime";
    case HandleKind::kConfig:
      return "config";
    case HandleKind::kTensor:
      return "tensor";
    case HandleKind::kGraph:
      return "graph";
    case HandleKind::kScope:
      return "scope";
    case HandleKind::kProgram:
      return "program";
    case HandleKind::kTrainer:
      return "trainer";
    case HandleKind::kGenerator:
      return "generator";
    case HandleKind::kJob:
      return "job";
    case HandleKind::kCorpus:
      return "corpus";
    case HandleKind::kListing:
      return "listing";
  }
  return "handle";
}

void TurnCheckingOn() { checking.store(true); }
bool IsCheckingOn() { return checking.load(std::memory_order_relaxed); }

void EnterShell(Shell* shell) {
  Shard& shard = ShardOf(shell);
  absl::MutexLock lock(&shard.mutex);
  shard.entries[shell] = Entry{shell, shell->magic, false, nullptr};
}

std::shared_ptr<void> EndShell(const void* pointer, HandleKind kind,
                               void (*remove)(Shell* shell)) noexcept {
  if (pointer == nullptr) return nullptr;
  std::shared_ptr<void> object;
  Shard& shard = ShardOf(pointer);
  absl::MutexLock lock(&shard.mutex);
  const auto it = shard.entries.find(pointer);
  if (it == shard.entries.end() || it->second.is_freed ||
      it->second.kind != static_cast<uint32_t>(kind)) {
    return nullptr;
  }
  Shell* shell = it->second.shell;
  object.swap(shell->object);
  shell->magic = kFreedMagic;
  if (IsCheckingOn()) {
    it->second.is_freed = true;
    it->second.remove = remove;
    KeepFreed(shard, pointer);
  } else {
    shard.entries.erase(it);
    remove(shell);
  }
  return object;
}

absl::StatusOr<std::shared_ptr<void>> FindObject(const void* pointer, HandleKind kind,
                                                 std::string_view name) {
  if (pointer == nullptr) return Refuse(kind, name, "NULL");
  if (IsCheckingOn()) return LookUp(pointer, kind, name);
  if (reinterpret_cast<uintptr_t>(pointer) % alignof(Shell) != 0) {
    return Refuse(kind, name, "a pointer that is no handle of this library");
  }
  const auto* shell = static_cast<const Shell*>(pointer);
  if (shell->magic == static_cast<uint32_t>(kind)) return shell->object;
  if (IsKind(shell->magic)) {
    return Refuse(kind, name, WithArticle(KindName(static_cast<HandleKind>(shell->magic))));
  }
  return Refuse(kind, name, shell->magic == kFreedMagic
                                ? absl::StrCat(WithArticle(KindName(kind)), " that was freed")
                                : "a pointer that is no handle of this library");
}

}  // namespace tessera::capi
