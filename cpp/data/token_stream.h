// TokenStream: the documents of a corpus laid end to end, as one sequence of token ids.
//
// Held in memory or mapped from files; built once by dataset.h, then constant. It knows where
// documents start but nothing of windows and batches (window.h, loader.h). Appending is for one
// thread; afterwards reading from several threads is safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "cpp/data/token_buffer.h"

namespace tessera {

class TokenStream {
 public:
  // Ids of `vocab_size` and above are errors when read; 0 leaves them unchecked.
  explicit TokenStream(int64_t vocab_size) : vocab_size_(vocab_size) {}

  // Appends ids as a new document. `path` is for errors; `owner` keeps the memory alive.
  void AppendDocument(TokenSpan tokens, std::string path, std::shared_ptr<const void> owner);

  // Cuts what has been appended so far into documents after each `id`: one pass over all ids.
  void CutAfter(uint32_t id);

  int64_t size() const { return size_; }
  int64_t vocab_size() const { return vocab_size_; }
  // First positions of documents, rising, without empty documents.
  absl::Span<const int64_t> document_starts() const { return document_starts_; }

  // Copies ids begin .. begin + count - 1 to `ids`. OutOfRange outside the stream;
  // InvalidArgument naming file and byte offset when an id is not below vocab_size.
  absl::Status Read(int64_t begin, int64_t count, int32_t* ids) const;

  // A number that stands for the content: length and a checksum of blocks spread over it. Two
  // corpora of the same size that differ in little may share it; it catches the wrong file.
  uint64_t Fingerprint() const;

 private:
  struct Piece {
    int64_t start = 0;
    TokenSpan tokens;
    std::string path;
    std::shared_ptr<const void> owner;
  };

  const Piece& PieceAt(int64_t position) const;

  int64_t vocab_size_;
  int64_t size_ = 0;
  std::vector<Piece> pieces_;
  std::vector<int64_t> document_starts_;
};

// A part of a stream: [begin, end). Does not own the stream.
struct TokenRange {
  const TokenStream* stream = nullptr;
  int64_t begin = 0;
  int64_t end = 0;

  int64_t size() const { return end - begin; }
};

}  // namespace tessera
