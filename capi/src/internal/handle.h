// Handles: what the pointers of tessera.h point to, and how a call finds out what it was given.
//
// A handle is a small shell around a shared object; freeing it drops one reference. Each shell
// begins with the magic number of its kind, so NULL and handles of another kind are always noticed.
// Once a runtime of the process is "checked", every pointer is looked up in the table of live
// handles first: freed handles and pointers that are no handles are noticed without being read, and
// the shells of freed handles are kept for a while, so that their addresses do not come back as
// other handles. That table is the one thing that runtimes share. Thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "capi/include/tessera.h"

namespace tessera::capi {

enum class HandleKind : uint32_t {
  kStatus = 0x54737201,  // "Tsr" and a number
  kRuntime,
  kConfig,
  kTensor,
  kGraph,
  kScope,
  kProgram,
  kTrainer,
  kGenerator,
  kJob,
  kCorpus,
  kListing,
};

// "trainer"
std::string_view KindName(HandleKind kind);

struct Shell {
  explicit Shell(HandleKind kind) : magic(static_cast<uint32_t>(kind)) {}

  uint32_t magic;
  std::shared_ptr<void> object;
};

template <typename ObjectType, HandleKind kKindOf>
struct ShellOf : Shell {
  using Object = ObjectType;
  static constexpr HandleKind kKind = kKindOf;
  ShellOf() : Shell(kKindOf) {}
};

// From now on pointers are looked up, for the rest of the process.
void TurnCheckingOn();
bool IsCheckingOn();

// Enters a new shell into the table, or ends one: takes the object out of it and deletes or keeps
// the shell. The object is then null when the pointer was no live handle of that kind.
void EnterShell(Shell* shell);
std::shared_ptr<void> EndShell(const void* pointer, HandleKind kind,
                               void (*remove)(Shell* shell)) noexcept;
// The object of a live handle. INVALID_ARGUMENT: "`name`: expected a config, got NULL".
absl::StatusOr<std::shared_ptr<void>> FindObject(const void* pointer, HandleKind kind,
                                                 std::string_view name);

// A new handle, a reference to `object`.
template <typename Handle>
Handle* NewHandle(std::shared_ptr<typename Handle::Object> object) {
  auto handle = std::make_unique<Handle>();
  handle->object = std::move(object);
  EnterShell(handle.get());
  return handle.release();
}

// The object of a handle; it lives on while the caller holds it, whoever frees the handle.
template <typename Handle>
absl::StatusOr<std::shared_ptr<typename Handle::Object>> ObjectOf(const Handle* handle,
                                                                  std::string_view name) {
  absl::StatusOr<std::shared_ptr<void>> found = FindObject(handle, Handle::kKind, name);
  if (!found.ok()) return std::move(found).status();
  return std::static_pointer_cast<typename Handle::Object>(*std::move(found));
}

// Frees a handle: the reference it held, to be let go by the caller outside of any lock. Null for
// NULL, and for what is no live handle of the kind.
template <typename Handle>
std::shared_ptr<typename Handle::Object> TakeHandle(Handle* handle) noexcept {
  return std::static_pointer_cast<typename Handle::Object>(
      EndShell(handle, Handle::kKind, [](Shell* shell) { delete static_cast<Handle*>(shell); }));
}

}  // namespace tessera::capi
