// ObjectStore: checkpoints in a place that has named objects and no folders: object storage, a
// database, memory.
//
// It is what a host has to give (capi/src/store.cc); NewObjectFileStore makes of it the FileStore
// that checkpoints are written to and read from. A name is a path without a leading '/', such as
// "runs/a/step_40/manifest.tsm". There is no lock and no sync: what Write with `is_last`, Rename
// and Remove have returned from must survive. Calls come from several threads, one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cpp/ckpt/file_store.h"

namespace tessera {

struct StoredObject {
  std::string name;
  int64_t bytes = 0;
};

class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  // Puts `bytes` behind the `offset` bytes that a new object has so far. The call with `is_last`
  // ends it; it may bring no bytes. An object that is not ended is removed, and nobody reads it.
  virtual absl::Status Write(const std::string& name, int64_t offset, std::string_view bytes,
                             bool is_last) = 0;
  // Copies up to `bytes` from `offset` on to `out`; returns how many there were.
  virtual absl::StatusOr<size_t> Read(const std::string& name, int64_t offset, void* out,
                                      size_t bytes) = 0;
  // All ended objects whose names begin with `prefix`, in any order.
  virtual absl::StatusOr<std::vector<StoredObject>> List(const std::string& prefix) = 0;
  // Every object whose name begins with `from` gets a name that begins with `to`; there are none
  // of these. This is what commits a checkpoint and what takes it away: it should be atomic. Where
  // it cannot be, the object named manifest.tsm moves last, since without it nothing is loaded.
  virtual absl::Status Rename(const std::string& from, const std::string& to) = 0;
  // One object, ended or not; one that is not there is fine.
  virtual absl::Status Remove(const std::string& name) = 0;
};

// The store of paths that begin with `name`://. With `is_exclusive` no other process writes there,
// so that what a dead one left behind is removed by the next save; otherwise nobody can tell.
std::unique_ptr<FileStore> NewObjectFileStore(std::string name,
                                              std::unique_ptr<ObjectStore> objects,
                                              bool is_exclusive);

}  // namespace tessera
