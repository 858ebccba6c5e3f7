// RuntimeObject: what a runtime owns: tables, threads, the group of ranks, and its limits.
//
// Handles made from a runtime hold it by shared_ptr; it ends with the last of them. Registering is
// possible at any time while others use the tables: they lock themselves and only grow, and what
// they hand out lives as long as the runtime. Thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "capi/src/internal/handle.h"
#include "cpp/ckpt/store_table.h"
#include "cpp/config/config.h"
#include "cpp/config/part_table.h"
#include "cpp/config/registry.h"
#include "cpp/data/source.h"
#include "cpp/exec/thread_pool.h"
#include "cpp/generate/environment.h"
#include "cpp/optim/optimizer.h"
#include "cpp/optim/schedule.h"

namespace tessera::capi {

struct RuntimeOptions {
  int64_t threads = 0;       // 0: all cores this process may use
  int64_t spin_us = 0;
  std::string isa;           // a cap by name; empty: the best there is
  bool checked = false;
  bool plugins = false;      // may plug-ins be loaded?
  int64_t memory_limit_bytes = 0;
  int64_t rank = 0, world_size = 1;
  std::string master_addr;
  int64_t master_port = 0;
  double timeout_s = 60;
  std::string hardware;      // JSON of what is said about the hardware; empty: nothing

  static absl::StatusOr<RuntimeOptions> FromJson(std::string_view text);
};

class RuntimeObject {
 public:
  // Joins the group when world_size > 1.
  static absl::StatusOr<std::shared_ptr<RuntimeObject>> Create(const RuntimeOptions& options);
  ~RuntimeObject();

  const RuntimeOptions& options() const { return options_; }
  OpTable& ops() { return *ops_; }
  ModuleTable& modules() { return *modules_; }
  const std::shared_ptr<SchemaRegistry>& schemas() const { return schemas_; }
  // What modifiers with `when` ask: a resolved config of the type Hardware.
  const Config& hardware() const { return *hardware_; }
  KernelTable& kernels() { return *kernels_; }
  PartTable<Optimizer>& optimizers() { return optimizers_; }
  PartTable<Schedule>& schedules() { return schedules_; }
  AddedSources& sources() { return sources_; }
  StoreTable& stores() { return stores_; }
  int isa() const { return isa_; }
  // Why it is that one: "the best of this machine", "asked for; this machine has amx".
  const std::string& isa_reason() const { return isa_reason_; }
  int threads() const { return pool_->threads(); }
  Communicator* communicator() const { return communicator_.get(); }

  // What compiling and running needs; points into the runtime, which its user must hold.
  Environment environment();
  // Held while something is registered in several tables, so that registering is all or nothing.
  absl::Mutex& registration_mutex() { return registration_mutex_; }

  // After a broken invariant of ours nothing of this runtime is trusted any more. The first reason
  // stays.
  void Poison(std::string_view reason);
  // OK, or INTERNAL with that reason.
  absl::Status CheckUsable() const;

 private:
  RuntimeObject() = default;
  absl::Status ChooseIsa();
  absl::Status DescribeHardware();
  absl::Status Join();

  RuntimeOptions options_;
  std::unique_ptr<OpTable> ops_;
  std::unique_ptr<ModuleTable> modules_;
  std::shared_ptr<SchemaRegistry> schemas_;
  std::optional<Config> hardware_;
  std::unique_ptr<KernelTable> kernels_;
  PartTable<Optimizer> optimizers_;
  PartTable<Schedule> schedules_;
  AddedSources sources_;
  StoreTable stores_;
  std::unique_ptr<ThreadPool> pool_;
  std::unique_ptr<Communicator> communicator_;
  int isa_ = TSR_ISA_REFERENCE;
  std::string isa_reason_;
  absl::Mutex registration_mutex_;

  mutable absl::Mutex mutex_;
  std::string poison_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tessera::capi

struct tsr_runtime
    : tessera::capi::ShellOf<tessera::capi::RuntimeObject, tessera::capi::HandleKind::kRuntime> {};
