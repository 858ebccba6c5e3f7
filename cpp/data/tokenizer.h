// Tokenizer: text to token ids and back.
//
// A tokenizer is a file in data/tokenizers/: `<name>.cc` defines
// `std::unique_ptr<Tokenizer> New<Name>Tokenizer()`, and the build makes the table from the
// folder. It does not read files (source.h does) and does not know documents (dataset.h does).
// Learn and RestoreState change it; everything else is const and safe from several threads.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "cpp/data/token_buffer.h"

namespace tessera {

class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  // What configs and checkpoints call it: "ByteTokenizer".
  virtual std::string_view name() const = 0;

  // Ids are 0 .. vocab_size() - 1. Meaningful once learning has finished.
  virtual int64_t vocab_size() const = 0;

  // Whether it must see the training text before it can encode.
  virtual bool learns() const { return false; }
  // Shows it a piece of the training text; every document is shown once, in order, then
  // FinishLearning is called. InvalidArgument with the byte offset when the text does not suit.
  virtual absl::Status Learn(std::string_view text);
  virtual absl::Status FinishLearning();

  // Appends the ids of `text`. InvalidArgument with the byte offset of what it cannot encode.
  virtual absl::Status Encode(std::string_view text, TokenBuffer& ids) const = 0;

  // The bytes that `ids` stand for. An id outside the vocabulary becomes U+FFFD; never an error.
  // A byte tokenizer may return bytes that are not UTF-8.
  virtual std::string Decode(absl::Span<const int32_t> ids) const = 0;

  // How many of the first ids stand for a text that no ids after them change: all but the last ones
  // where characters are split over tokens.
  virtual size_t Settled(absl::Span<const int32_t> ids) const { return ids.size(); }

  // What a checkpoint keeps, and the way back. DataLoss when the bytes are not a state of this
  // type of tokenizer; it is then unchanged.
  virtual std::string SaveState() const = 0;
  virtual absl::Status RestoreState(std::string_view state) = 0;

  // Encode into a vector: for prompts.
  absl::StatusOr<std::vector<int32_t>> EncodeIds(std::string_view text) const;
};

// A tokenizer by name ("ByteTokenizer"; "Byte" and "byte" do as well). NotFound lists the names.
absl::StatusOr<std::unique_ptr<Tokenizer>> NewTokenizer(std::string_view name);

// A line with the type, then its state: what a checkpoint stores for a tokenizer, and the way
// back without a config. DataLoss or NotFound when it cannot be read.
std::string PackTokenizer(const Tokenizer& tokenizer);
absl::StatusOr<std::unique_ptr<Tokenizer>> UnpackTokenizer(std::string_view packed);

// Every tokenizer of the build, for the catalogue.
std::vector<std::string> TokenizerNames();

}  // namespace tessera
