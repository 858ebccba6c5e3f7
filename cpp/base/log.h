// Log: where the library's few messages go: to the host, or nowhere, which is the default.
//
// The library prints nothing itself. A runtime gets a Log from its host and hands it down; errors
// are Statuses and never log lines. Copies share the sink. Thread-safe if the sink is.
#pragma once

#include <functional>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"

namespace tessera {

enum class LogLevel { kDebug, kInfo, kWarning };

std::string_view LogLevelName(LogLevel level);

class Log {
 public:
  using Sink = std::function<void(LogLevel level, std::string_view text)>;

  Log() = default;  // off
  explicit Log(Sink sink, LogLevel least = LogLevel::kInfo)
      : sink_(std::move(sink)), least_(least) {}

  bool WouldWrite(LogLevel level) const { return sink_ != nullptr && level >= least_; }

  // The parts are joined only when somebody listens.
  template <typename... Parts>
  void Write(LogLevel level, const Parts&... parts) const {
    if (WouldWrite(level)) sink_(level, absl::StrCat(parts...));
  }

 private:
  Sink sink_;
  LogLevel least_ = LogLevel::kInfo;
};

}  // namespace tessera
