// GraphObject: a function that a host builds op by op.
//
// One thread at a time may use it (OneThread). What is compiled from it is a copy, so building may
// go on afterwards.
#pragma once

#include <memory>
#include <utility>

#include "capi/src/internal/handle.h"
#include "capi/src/internal/one_thread.h"
#include "capi/src/internal/runtime_object.h"
#include "cpp/ir/function.h"

namespace tessera::capi {

class GraphObject {
 public:
  GraphObject(std::shared_ptr<RuntimeObject> runtime, Function function)
      : runtime_(std::move(runtime)), function_(std::move(function)) {}

  const std::shared_ptr<RuntimeObject>& runtime() const { return runtime_; }
  OneThread& threads() { return threads_; }
  Function& function() { return function_; }

 private:
  const std::shared_ptr<RuntimeObject> runtime_;
  OneThread threads_;
  Function function_;
};

}  // namespace tessera::capi

struct tsr_graph
    : tessera::capi::ShellOf<tessera::capi::GraphObject, tessera::capi::HandleKind::kGraph> {};
