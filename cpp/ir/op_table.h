// OpTable: the ops that one runtime knows, by name: the built-in ones and those it registered.
//
// The built-in table is written by the build from the files of cpp/ops and handed down by whoever
// composes the library (capi, tests). Only grows: what it gave out stays as it is. Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "cpp/ir/op_def.h"

namespace tessera {

// Written by the build: one factory per file of cpp/ops.
absl::Span<const OpFactory> BuiltinOps();

class OpTable {
 public:
  // All built-in ops. Never freed; shared by every runtime, immutable.
  static const OpTable& Builtin();

  explicit OpTable(const OpTable* base = nullptr) : base_(base) {}

  // ALREADY_EXISTS when the name is taken. The def lives as long as the table.
  absl::Status Register(OpDef def);
  // nullptr when unknown.
  const OpDef* Find(std::string_view name) const;
  // NOT_FOUND with the nearest known name.
  absl::StatusOr<const OpDef*> Get(std::string_view name) const;
  // Sorted names, the base's included.
  std::vector<std::string> Names() const;

 private:
  const OpTable* const base_;
  mutable absl::Mutex mutex_;
  std::map<std::string, std::unique_ptr<OpDef>, std::less<>> defs_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tessera
