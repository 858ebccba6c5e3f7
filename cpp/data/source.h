// DataSource: a kind of file, and how to get documents out of it.
//
// A source is a file in data/sources/: `<name>.cc` defines
// `std::unique_ptr<DataSource> New<Name>Source()`, and the build makes the table from the folder.
// Which files there are is found by ListFiles below, and what becomes of the documents
// (tokenizing, splitting, packing) is dataset.h's business. Sources have no state and are safe
// from several threads.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "cpp/data/token_buffer.h"

namespace tessera {

// One document, either text or token ids. Views stay valid as long as `owner` is held.
struct Document {
  std::string_view text;
  TokenSpan tokens;
  bool is_tokens = false;
  std::shared_ptr<const void> owner;
};

struct SourceOptions {
  // Bytes of an id in token files: 2 (uint16) or 4 (uint32).
  int token_width = 2;
};

class DataSource {
 public:
  virtual ~DataSource() = default;

  // What configs call it: "text", "tokens".
  virtual std::string_view name() const = 0;

  // Endings of the file names it takes when the config names no source, such as ".bin". The text
  // source has none and takes what no other source claims.
  virtual std::vector<std::string_view> endings() const = 0;

  // False for a source whose documents are not in files: what configs list is then handed to Read
  // as it is written there.
  virtual bool reads_files() const { return true; }

  // Whether a file met in a folder or glob, not named itself, is of this kind; a look at its
  // first bytes. False leaves it out.
  virtual bool Suits(std::string_view first_bytes) const;

  // Calls `take` for each document of the file, in order, and stops at the first error. Errors
  // name the file and, where there is one, the byte offset.
  virtual absl::Status Read(const std::string& path, const SourceOptions& options,
                            const std::function<absl::Status(Document)>& take) const = 0;
};

using SharedSources = std::vector<std::shared_ptr<const DataSource>>;

// Sources that a host has added to its runtime. It only grows. Thread-safe.
class AddedSources {
 public:
  // ALREADY_EXISTS when the name is taken, also by one of the build.
  absl::Status Register(std::shared_ptr<const DataSource> source);
  SharedSources All() const;

 private:
  mutable absl::Mutex mutex_;
  SharedSources sources_ ABSL_GUARDED_BY(mutex_);
};

// A source by name, of the build or `added`. NotFound lists the names.
absl::StatusOr<std::shared_ptr<const DataSource>> FindSource(std::string_view name,
                                                             const SharedSources& added);
// Every source of the build, for the catalogue.
std::vector<std::string> SourceNames();

// A file and the source that reads it.
struct SourceFile {
  std::string path;
  std::shared_ptr<const DataSource> source;
};

// The files that `specs` name, in order; each spec is a file, a folder (read recursively, hidden
// files and links to folders left out) or a glob; files of one folder or glob are sorted by path.
// `source` forces a source by name; empty chooses by the file's ending. NotFound when a spec
// names nothing, with its text.
// Added sources count where they are forced.
absl::StatusOr<std::vector<SourceFile>> ListFiles(absl::Span<const std::string> specs,
                                                  std::string_view source,
                                                  const SharedSources& added = {});

}  // namespace tessera
