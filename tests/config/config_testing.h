// What the config tests share: a complete small config, and reading it.
#pragma once

#include <string>
#include <string_view>

#include "absl/strings/str_replace.h"
#include "cpp/config/config.h"
#include "gtest/gtest.h"

namespace tessera {

// Line numbers in this text are part of what the tests expect.
inline constexpr char kSmall[] = R"({
  "model": {
    "vocab_size": 256,
    "model_dim": 128,
    "decoder": {
      "num_layers": 2,
      "layer": {
        "attention": {"num_heads": 4},
        "feed_forward": {"hidden_dim": 512}
      }
    }
  },
  "data": {"train": "text.txt"}
}
)";

inline Config Parsed(std::string_view text, std::string_view name = "small.json") {
  absl::StatusOr<Config> config = Config::FromJson(SchemaRegistry::Builtin(), text, name);
  EXPECT_TRUE(config.ok()) << config.status();
  if (!config.ok()) return *Config::OfType(SchemaRegistry::Builtin());
  return *std::move(config);
}

inline Config Resolved(const Config& config) {
  absl::StatusOr<Config> resolved = config.Resolve();
  EXPECT_TRUE(resolved.ok()) << resolved.status();
  return resolved.ok() ? *std::move(resolved) : config;
}

// kSmall with one piece of text replaced; the piece must be there.
inline std::string SmallWith(std::string_view from, std::string_view to) {
  const std::string changed = absl::StrReplaceAll(kSmall, {{from, to}});
  EXPECT_NE(changed, kSmall) << from;
  return changed;
}

}  // namespace tessera
