// Dataset: a corpus opened, tokenized and split into training and validation.
//
// Opening reads the files (text is tokenized into memory, token files are mapped) and fails with
// the file and offset of what is wrong. Which samples come when is window.h's business, batches
// are loader.h's. Constant once opened; safe from several threads.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cpp/data/source.h"
#include "cpp/data/token_stream.h"
#include "cpp/data/tokenizer.h"

namespace tessera {

struct DataOptions {
  // Files, folders or globs. Without `validation`, the last part of `train` is kept for it.
  std::vector<std::string> train = {};
  std::vector<std::string> validation = {};
  // Share of the tokens, from the end, that is kept for validation: in [0, 1).
  double validation_fraction = 0.1;
  // Kind of files ("text", "tokens", or an added source); empty: by the ending of each file.
  std::string source = "";
  // Sources that `source` may name beside those of the build.
  SharedSources added_sources = {};
  // Tokens of a record (objective.h): the split falls between two of them.
  int64_t record_length = 1;
  // For text. A tokenizer that learns does so from all of `train`, before the split.
  std::string tokenizer = "ByteTokenizer";
  // Its file, for one that is read and not learned (PretrainedTokenizer); empty: none.
  std::string tokenizer_file = "";
  // From a checkpoint (PackTokenizer); when set it is restored instead of learning anew.
  std::string packed_tokenizer = "";
  // Text put after every text document; may be empty.
  std::string separator = "";
  // Bytes of an id in token files: 2 or 4.
  int token_width = 2;
  // Id after which a document ends in token files; negative: each file is one document.
  int64_t end_of_document = -1;
  // Ids of token files must be below it; 0 leaves them unchecked.
  int64_t vocab_size = 0;
};

class Dataset {
 public:
  // InvalidArgument (bad options, text the tokenizer cannot encode, files of mixed kinds, nothing
  // in them), NotFound (no such file), DataLoss (a token file cut off in the middle of an id).
  static absl::StatusOr<std::shared_ptr<const Dataset>> Open(const DataOptions& options);

  TokenRange train() const { return train_; }
  // Empty (size 0) when nothing is kept for validation.
  TokenRange validation() const { return validation_; }
  // Null for token files without a packed tokenizer.
  const std::shared_ptr<const Tokenizer>& tokenizer() const { return tokenizer_; }
  // Number of ids a model must provide: the tokenizer's, or DataOptions::vocab_size.
  int64_t vocab_size() const { return vocab_size_; }

 private:
  Dataset() = default;

  int64_t vocab_size_ = 0;
  std::shared_ptr<const Tokenizer> tokenizer_;
  std::shared_ptr<const TokenStream> train_stream_;
  std::shared_ptr<const TokenStream> validation_stream_;
  TokenRange train_;
  TokenRange validation_;
};

}  // namespace tessera
