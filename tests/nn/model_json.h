// ModelParts: a small language model as config text, with the pieces that tests change.
#pragma once

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/substitute.h"

namespace tessera {

inline constexpr int64_t kVocab = 13, kWidth = 8;

struct ModelParts {
  int num_layers = 2;
  std::string position = R"({"type": "RotaryPosition"})";
  std::string norm = R"({"type": "RmsNorm"})";
  std::string final_norm;  // empty: as `norm`
  std::string layer;       // fields of the layer, with a comma behind each
  std::string decoder;     // further fields of the decoder, with a comma behind each
  std::string embedding = R"("init_std": 0.02)";
  std::string attention = R"("num_heads": 2)";
  std::string feed_forward = R"("hidden_dim": 10)";
  std::string dropout = "null";
  std::string head = R"("tied": false)";
  std::string loss = R"("ignore_index": -100)";
  double ignored = -100;   // the target that does not count
};

inline std::string ModelJson(const ModelParts& parts) {
  return absl::Substitute(
      R"({"type": "LanguageModel", "vocab_size": $0, "model_dim": $1,
          "decoder": {$2, "position": $3, "dropout": $4, "norm": $5,
                      "layer": {$6 "norm": $7, "dropout": $4, $8}},
          $9})",
      kVocab, kWidth, absl::StrCat(parts.decoder, "\"num_layers\": ", parts.num_layers),
      parts.position, parts.dropout,
      parts.final_norm.empty() ? parts.norm : parts.final_norm, parts.layer, parts.norm,
      absl::StrCat("\"attention\": {", parts.attention, "}, \"feed_forward\": {",
                   parts.feed_forward, "}"),
      absl::StrCat("\"embedding\": {", parts.embedding, "}, \"head\": {", parts.head,
                   "}, \"loss\": {", parts.loss, "}"));
}

}  // namespace tessera
