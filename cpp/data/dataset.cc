#include "cpp/data/dataset.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "cpp/base/file.h"
#include "cpp/base/status_macros.h"
#include "cpp/data/source.h"

namespace tessera {
namespace {

absl::Status Prefixed(std::string_view path, const absl::Status& status) {
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(path, ": ", status.message()));
}

absl::Status CheckOptions(const DataOptions& options) {
  if (options.train.empty()) {
    return absl::InvalidArgumentError("training data: expected a file, folder or glob, got none");
  }
  if (!(options.validation_fraction >= 0.0 && options.validation_fraction < 1.0)) {
    return absl::InvalidArgumentError(
        absl::StrCat("validation fraction: expected at least 0 and below 1, got ",
                     options.validation_fraction));
  }
  if (options.token_width != 2 && options.token_width != 4) {
    return absl::InvalidArgumentError(
        absl::StrCat("token width: expected 2 or 4 bytes, got ", options.token_width));
  }
  if (options.end_of_document > UINT32_MAX) {
    return absl::InvalidArgumentError(
        absl::StrCat("end of document: expected a token id, got ", options.end_of_document));
  }
  return absl::OkStatus();
}

// Whether the files hold ids rather than text, found by looking at documents; a mixture is an
// error that names both files. Text documents go to `on_text`.
struct CorpusReader {
  const DataOptions& options;
  SourceOptions source_options;
  std::string first_path;
  bool is_tokens = false;

  absl::Status Read(const SourceFile& file,
                    const std::function<absl::Status(const Document&)>& take) {
    return file.source->Read(file.path, source_options, [&](Document document) -> absl::Status {
      if (first_path.empty()) {
        first_path = file.path;
        is_tokens = document.is_tokens;
      } else if (is_tokens != document.is_tokens) {
        return absl::InvalidArgumentError(absl::StrCat(
            file.path, ": holds ", document.is_tokens ? "token ids" : "text", ", but ", first_path,
            " holds ", is_tokens ? "token ids" : "text", "; a corpus is one or the other"));
      }
      return take(document);
    });
  }
};

absl::Status LearnFrom(const std::vector<SourceFile>& files, CorpusReader& reader,
                       std::string_view separator, Tokenizer& tokenizer) {
  for (const SourceFile& file : files) {
    RETURN_IF_ERROR(reader.Read(file, [&](const Document& document) -> absl::Status {
      if (document.is_tokens) return absl::OkStatus();
      return Prefixed(file.path, tokenizer.Learn(document.text));
    }));
  }
  RETURN_IF_ERROR(Prefixed("separator", tokenizer.Learn(separator)));
  return tokenizer.FinishLearning();
}

// Documents end to end; text is encoded, each file into a buffer of its own.
absl::StatusOr<std::shared_ptr<const TokenStream>> ReadStream(
    const std::vector<SourceFile>& files, CorpusReader& reader, const Tokenizer* tokenizer,
    int64_t vocab_size) {
  auto stream = std::make_shared<TokenStream>(vocab_size);
  bool any_tokens = false;
  for (const SourceFile& file : files) {
    RETURN_IF_ERROR(reader.Read(file, [&](const Document& document) -> absl::Status {
      if (document.is_tokens) {
        any_tokens = true;
        stream->AppendDocument(document.tokens, file.path, document.owner);
        return absl::OkStatus();
      }
      if (document.text.empty()) return absl::OkStatus();
      RET_CHECK(tokenizer != nullptr);
      auto ids = std::make_shared<TokenBuffer>(TokenWidthFor(tokenizer->vocab_size()));
      RETURN_IF_ERROR(Prefixed(file.path, tokenizer->Encode(document.text, *ids)));
      RETURN_IF_ERROR(
          Prefixed("separator", tokenizer->Encode(reader.options.separator, *ids)));
      ids->ShrinkToFit();
      const TokenSpan span = ids->span();
      stream->AppendDocument(span, file.path, std::move(ids));
      return absl::OkStatus();
    }));
  }
  if (any_tokens && reader.options.end_of_document >= 0) {
    stream->CutAfter(static_cast<uint32_t>(reader.options.end_of_document));
  }
  return stream;
}

absl::Status CheckNotEmpty(const TokenStream& stream, const std::vector<std::string>& specs) {
  if (stream.size() > 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(specs.front(), specs.size() > 1 ? " and others" : "",
                   ": expected text or token ids, got nothing but empty files"));
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Dataset>> Dataset::Open(const DataOptions& options) {
  RETURN_IF_ERROR(CheckOptions(options));
  ASSIGN_OR_RETURN(std::vector<SourceFile> train_files,
                   ListFiles(options.train, options.source, options.added_sources));
  std::vector<SourceFile> validation_files;
  if (!options.validation.empty()) {
    ASSIGN_OR_RETURN(validation_files, ListFiles(options.validation, options.source,
                                                 options.added_sources));
  }
  CorpusReader reader{options, {options.token_width}, "", false};

  std::unique_ptr<Tokenizer> tokenizer;
  if (!options.packed_tokenizer.empty()) {
    ASSIGN_OR_RETURN(tokenizer, UnpackTokenizer(options.packed_tokenizer));
  } else {
    ASSIGN_OR_RETURN(tokenizer, NewTokenizer(options.tokenizer));
    if (!options.tokenizer_file.empty()) {
      ASSIGN_OR_RETURN(const std::string state, ReadFile(options.tokenizer_file));
      RETURN_IF_ERROR(Prefixed(options.tokenizer_file, tokenizer->RestoreState(state)));
    }
    if (tokenizer->learns()) {
      RETURN_IF_ERROR(LearnFrom(train_files, reader, options.separator, *tokenizer));
    }
  }

  auto dataset = std::shared_ptr<Dataset>(new Dataset());
  ASSIGN_OR_RETURN(dataset->train_stream_,
                   ReadStream(train_files, reader, tokenizer.get(), options.vocab_size));
  RETURN_IF_ERROR(CheckNotEmpty(*dataset->train_stream_, options.train));
  const int64_t train_size = dataset->train_stream_->size();
  dataset->train_ = {dataset->train_stream_.get(), 0, train_size};
  if (!validation_files.empty()) {
    ASSIGN_OR_RETURN(dataset->validation_stream_,
                     ReadStream(validation_files, reader, tokenizer.get(), options.vocab_size));
    RETURN_IF_ERROR(CheckNotEmpty(*dataset->validation_stream_, options.validation));
    dataset->validation_ = {dataset->validation_stream_.get(), 0,
                            dataset->validation_stream_->size()};
  } else {
    // As nanoGPT cuts it: the first int(n * 0.9) for training, the rest for validation.
    auto cut = static_cast<int64_t>(
        std::floor(static_cast<double>(train_size) * (1.0 - options.validation_fraction)));
    cut -= cut % options.record_length;
    dataset->train_.end = cut;
    dataset->validation_ = {dataset->train_stream_.get(), cut, train_size};
  }

  const bool keeps_tokenizer = !reader.is_tokens || !options.packed_tokenizer.empty();
  dataset->vocab_size_ = reader.is_tokens ? options.vocab_size : tokenizer->vocab_size();
  if (keeps_tokenizer) dataset->tokenizer_ = std::move(tokenizer);
  return std::shared_ptr<const Dataset>(std::move(dataset));
}

}  // namespace tessera
