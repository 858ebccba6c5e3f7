// RunEnvironment: what of a runtime a config wants to use: fewer threads, a lower instruction set,
// kernels tuned by a file.
//
// A config can narrow what the runtime lends (runtime.threads, runtime.isa, runtime.spin_us); it
// cannot widen the instruction set. When the number of threads differs from the runtime's pool it
// gets a pool of its own; with tuned values (runtime.tuning) it gets a view of the kernels with
// them. Movable; the environment's pointers stay valid when it is moved.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "cpp/config/config.h"
#include "cpp/generate/environment.h"

namespace tessera {

struct RunEnvironment {
  Environment environment;
  std::unique_ptr<ThreadPool> pool;  // null: the runtime's
  std::unique_ptr<const KernelTable> kernels;  // null: the runtime's
  std::string tuning_note;           // what became of the file runtime.tuning; empty: there is none
};

// INVALID_ARGUMENT: an unknown instruction set. FAILED_PRECONDITION: a device that this build has
// no backend for. A tuning file that is not there, or not for this machine, is a note; one that is
// damaged is INVALID_ARGUMENT. REQUIRES: `config` is resolved.
absl::StatusOr<RunEnvironment> NarrowEnvironment(const Config& config,
                                                 const Environment& environment);

}  // namespace tessera
