// CorpusObject: where a host's data source puts documents during one call of its callback. One
// thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "capi/src/internal/handle.h"
#include "cpp/data/source.h"

namespace tessera::capi {

class CorpusObject {
 public:
  explicit CorpusObject(const std::function<absl::Status(Document)>& take) : take_(take) {}

  // Copies the document. After the first error all calls give that one.
  absl::Status AddText(std::string_view text);
  absl::Status AddTokens(std::string_view bytes, int width);

  const absl::Status& status() const { return status_; }

 private:
  absl::Status Add(Document document, std::shared_ptr<const std::string> owner);

  const std::function<absl::Status(Document)>& take_;   // of the reading that this is a part of
  absl::Status status_;
};

}  // namespace tessera::capi

struct tsr_corpus
    : tessera::capi::ShellOf<tessera::capi::CorpusObject, tessera::capi::HandleKind::kCorpus> {};
