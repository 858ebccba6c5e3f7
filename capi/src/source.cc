// tsr_runtime_register_source: data sources whose documents a host's callback adds.

#include <cstring>

#include "absl/strings/str_cat.h"
#include "capi/src/internal/arguments.h"
#include "capi/src/internal/corpus_object.h"
#include "capi/src/internal/guard.h"
#include "capi/src/internal/host_callback.h"
#include "capi/src/internal/scope_object.h"
#include "cpp/base/status_macros.h"

namespace tessera::capi {

absl::Status CorpusObject::Add(Document document, std::shared_ptr<const std::string> owner) {
  RETURN_IF_ERROR(status_);
  document.owner = std::move(owner);
  status_ = take_(std::move(document));
  return status_;
}

absl::Status CorpusObject::AddText(std::string_view text) {
  auto owner = std::make_shared<const std::string>(text);
  Document document;
  document.text = *owner;
  return Add(std::move(document), std::move(owner));
}

absl::Status CorpusObject::AddTokens(std::string_view bytes, int width) {
  auto owner = std::make_shared<const std::string>(bytes);
  Document document;
  document.is_tokens = true;
  document.tokens = {owner->data(), static_cast<int64_t>(owner->size()) / width, width};
  return Add(std::move(document), std::move(owner));
}

namespace {

class HostSource : public DataSource {
 public:
  HostSource(std::string name, tsr_source_read read, std::shared_ptr<const HostCallback> callback)
      : name_(std::move(name)), read_(read), callback_(std::move(callback)) {}

  std::string_view name() const override { return name_; }
  std::vector<std::string_view> endings() const override { return {}; }
  bool reads_files() const override { return false; }

  absl::Status Read(const std::string& path, const SourceOptions&,
                    const std::function<absl::Status(Document)>& take) const override {
    const auto corpus = std::make_shared<CorpusObject>(take);
    tsr_corpus* const handle = NewHandle<tsr_corpus>(corpus);
    const absl::Status status =
        CallHost(absl::StrCat("data source '", name_, "': ", path),
                 [&] { return read_(callback_->user(), handle, path.data(), path.size()); });
    FreeHandle(handle);
    RETURN_IF_ERROR(status);
    return corpus->status();   // what the callback was told and did not pass on
  }

 private:
  const std::string name_;
  const tsr_source_read read_;
  const std::shared_ptr<const HostCallback> callback_;
};

absl::Status Register(RuntimeObject& runtime, const tsr_source_def& def,
                      std::shared_ptr<const HostCallback> callback) {
  RETURN_IF_ERROR(CheckPointer(def.name, "def.name"));
  RETURN_IF_ERROR(CheckPointer(reinterpret_cast<const void*>(def.read), "def.read"));
  ASSIGN_OR_RETURN(const std::string_view name,
                   ReadName(def.name, std::strlen(def.name), "def.name"));
  return runtime.sources().Register(
      std::make_shared<HostSource>(std::string(name), def.read, std::move(callback)));
}

}  // namespace
}  // namespace tessera::capi

tsr_status* tsr_runtime_register_source(tsr_runtime* runtime, const tsr_source_def* def) {
  using namespace tessera::capi;  // NOLINT: one function
  return Guard([&](Call& call) -> absl::Status {
    constexpr uint32_t kFirstVersion = sizeof(tsr_source_def);
    ASSIGN_OR_RETURN(const tsr_source_def full, ReadStruct(def, kFirstVersion, "def"));
    // From here on `destroy` is called, however this ends.
    auto callback = std::make_shared<const HostCallback>(full.user, full.destroy);
    ASSIGN_OR_RETURN(const auto owner, call.Use(runtime, "runtime"));
    return Register(*owner, full, std::move(callback));
  });
}

tsr_status* tsr_corpus_add_text(tsr_corpus* corpus, const char* text, size_t text_len) {
  using namespace tessera::capi;  // NOLINT: one function
  return Guard([&](Call& call) -> absl::Status {
    ASSIGN_OR_RETURN(const auto object, call.Use(corpus, "corpus"));
    ASSIGN_OR_RETURN(const std::string_view read, ReadText(text, text_len, "text"));
    return object->AddText(read);
  });
}

tsr_status* tsr_corpus_add_tokens(tsr_corpus* corpus, const void* bytes, size_t len,
                                  int32_t width) {
  using namespace tessera::capi;  // NOLINT: one function
  return Guard([&](Call& call) -> absl::Status {
    ASSIGN_OR_RETURN(const auto object, call.Use(corpus, "corpus"));
    ASSIGN_OR_RETURN(const std::string_view read, ReadBytes(bytes, len, "bytes"));
    if (width != 2 && width != 4) {
      return absl::InvalidArgumentError(absl::StrCat("width: expected 2 or 4, got ", width));
    }
    if (read.size() % static_cast<size_t>(width) != 0) {
      return absl::InvalidArgumentError(absl::StrCat("len: expected a multiple of ", width,
                                                     ", the bytes of an id, got ", read.size()));
    }
    return object->AddTokens(read, width);
  });
}
