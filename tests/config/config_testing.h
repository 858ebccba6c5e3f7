// What the config tests share: a complete small config, and reading it.
#pragma once

#include <regex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_replace.h"
#include "cpp/config/config.h"
#include "gtest/gtest.h"

namespace tessera {

// Lists of the names of types, fields, roles and members grow with every new one; what errors say
// around them is what their texts are held against.
inline std::string WithoutLists(std::string text) {
  static const std::vector<std::pair<std::regex, std::string>>& lists =
      *new std::vector<std::pair<std::regex, std::string>>{
          {std::regex(R"(role (\w+) \([^)]*\))"), "role $1 (...)"},
          {std::regex(R"(field of (\w+) \([^)]*\))"), "field of $1 (...)"},
          {std::regex(R"(\(\w+(?:, \w+)+\))"), "(...)"},
          {std::regex(R"(one of '\w+'(?:, '\w+')*)"), "one of ..."},
          {std::regex(R"((the slots|it holds|slots for|it is a field of) \w+(?:, \w+)*)"),
           "$1 ..."},
      };
  for (const auto& [list, shown] : lists) text = std::regex_replace(text, list, shown);
  return text;
}

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
