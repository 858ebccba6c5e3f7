// KernelSink: where the files of a backend folder put their kernels, best first.
//
// A kernel file defines `void Register<FileName>Kernels(KernelSink&)`; the build writes the table
// that calls them all. Not thread-safe; filled once, before first use.
#pragma once

#include <vector>

#include "cpp/device/backend.h"

namespace tessera {

class KernelSink {
 public:
  void Add(const tsr_kernel_def& def) { defs_.push_back(def); }
  const std::vector<tsr_kernel_def>& defs() const { return defs_; }

 private:
  std::vector<tsr_kernel_def> defs_;
};

}  // namespace tessera
