// What the tests of modifiers share: configs, modifiers of types of the tests' own, checks.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "cpp/config/config.h"
#include "gtest/gtest.h"
#include "tests/config/config_testing.h"

namespace tessera {

// Types that only these tests have: a mixture whose experts are another role, a wrapper, a layer
// that holds a list, and one that says it is a kind of Attention.
inline std::shared_ptr<const SchemaRegistry> TestTypes() {
  static const std::shared_ptr<const SchemaRegistry>& types = *[] {
    auto registry = std::make_shared<SchemaRegistry>(SchemaRegistry::Builtin());
    const std::pair<const char*, const char*> schemas[] = {
        {"Thinker", R"(table Thinker (role: "feed_forward,thought") {
            hidden_dim: long (required_field, min: "1", max: "4096");
            bias: bool = false;
            depth: long = 1; })"},
        {"Crowd", R"(table Crowd (role: "feed_forward") {
            num_experts: long = 4 (min: "1", max: "1024");
            top_k: long = 1 (min: "1");
            expert: Slot (role: "thought", default_type: "Thinker", adopts); })"},
        {"Sleeve", R"(table Sleeve (role: "attention") {
            rank: long = 4 (min: "1");
            inner: Slot (role: "attention", default_type: "Attention", inner); })"},
        {"Probe", R"(table Probe (role: "attention") {
            name: string;
            inner: Slot (role: "attention", default_type: "Attention", inner); })"},
        {"WideAttention", R"(table WideAttention (role: "attention,Attention") {
            num_heads: long (required_field, min: "1");
            bias: bool = false; })"},
        {"Pile", R"(table Pile (role: "layer") {
            layers: [Slot] (role: "layer", default_type: "TransformerLayer");
            note: string (default_text: "none"); })"},
    };
    for (const auto& [name, text] : schemas) {
      const absl::Status status = registry->RegisterText(text, name);
      EXPECT_TRUE(status.ok()) << name << ": " << status;
    }
    return new std::shared_ptr<const SchemaRegistry>(registry);
  }();
  return types;
}

inline Config ParsedWithTestTypes(std::string_view json) {
  absl::StatusOr<Config> config = Config::FromJson(TestTypes(), json, "small.json");
  EXPECT_TRUE(config.ok()) << config.status();
  return config.ok() ? *std::move(config) : *Config::OfType(TestTypes());
}

}  // namespace tessera
