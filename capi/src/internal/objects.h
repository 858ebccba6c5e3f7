// The objects behind the handles of configs and tensors, which other parts of the interface use.
#pragma once

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "capi/src/internal/handle.h"
#include "capi/src/internal/runtime_object.h"
#include "cpp/config/config.h"
#include "cpp/tensor/tensor.h"

namespace tessera::capi {

// A config of a runtime. Thread-safe.
class ConfigObject {
 public:
  ConfigObject(std::shared_ptr<RuntimeObject> runtime, Config config)
      : runtime_(std::move(runtime)), config_(std::move(config)) {}

  const std::shared_ptr<RuntimeObject>& runtime() const { return runtime_; }
  // A copy as of now.
  Config Get() const {
    absl::MutexLock lock(&mutex_);
    return config_;
  }
  absl::Status Set(std::string_view path, std::string_view value, std::string_view origin) {
    absl::MutexLock lock(&mutex_);
    return config_.Set(path, value, origin);
  }

  absl::StatusOr<std::vector<ModifierReport>> Modify(std::string_view text,
                                                     std::string_view name) {
    absl::MutexLock lock(&mutex_);
    return config_.Modify(text, name, &runtime_->hardware());
  }

 private:
  const std::shared_ptr<RuntimeObject> runtime_;
  mutable absl::Mutex mutex_;
  Config config_ ABSL_GUARDED_BY(mutex_);
};

// A tensor; it belongs to no runtime and never changes but in its bytes.
struct TensorObject {
  Tensor tensor;
};

}  // namespace tessera::capi

struct tsr_config
    : tessera::capi::ShellOf<tessera::capi::ConfigObject, tessera::capi::HandleKind::kConfig> {};
struct tsr_tensor
    : tessera::capi::ShellOf<tessera::capi::TensorObject, tessera::capi::HandleKind::kTensor> {};
