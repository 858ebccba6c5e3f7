// Owners of the library's handles and texts, and short forms of its calls.
//
// Each owner frees its handle once. As thread-safe as the handles themselves (tessera.h).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "capi/include/tessera.h"
#include "cpp/cli/error.h"

namespace tessera::cli {

template <auto Free>
struct Freer {
  template <typename T>
  void operator()(T* handle) const {
    Free(handle);
  }
};

using Runtime = std::unique_ptr<tsr_runtime, Freer<tsr_runtime_free>>;
using Config = std::unique_ptr<tsr_config, Freer<tsr_config_free>>;
using Tensor = std::unique_ptr<tsr_tensor, Freer<tsr_tensor_free>>;
using Program = std::unique_ptr<tsr_program, Freer<tsr_program_free>>;
using Trainer = std::unique_ptr<tsr_trainer, Freer<tsr_trainer_free>>;
using Generator = std::unique_ptr<tsr_generator, Freer<tsr_generator_free>>;
using Job = std::unique_ptr<tsr_job, Freer<tsr_job_free>>;

// Runs a call that ends with (char** out_text, size_t* out_len) and takes its text:
//   std::string text;
//   CLI_RETURN_IF_ERROR(CallText(&text, tsr_build_info));
template <typename Call, typename... Arguments>
Error CallText(std::string* out, Call call, Arguments... arguments) {
  char* text = nullptr;
  size_t size = 0;
  Error error = Error::Take(call(arguments..., &text, &size));
  if (!error) out->assign(text, size);
  tsr_text_free(text);
  return error;
}

// Runs a call that ends with (handle** out_handle).
template <typename Handle, typename Call, typename... Arguments>
Error CallHandle(Handle* out, Call call, Arguments... arguments) {
  typename Handle::pointer handle = nullptr;
  Error error = Error::Take(call(arguments..., &handle));
  out->reset(handle);
  return error;
}

}  // namespace tessera::cli
