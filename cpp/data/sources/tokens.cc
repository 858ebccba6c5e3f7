// Token files (.bin): bare ids, uint16 or uint32 in this machine's byte order, mapped from disk.
// The format of nanoGPT's prepared data sets. Ids are checked when they are read.
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/data/file_view.h"
#include "cpp/data/source.h"

namespace tessera {
namespace {

class TokensSource : public DataSource {
 public:
  std::string_view name() const override { return "tokens"; }
  std::vector<std::string_view> endings() const override { return {".bin"}; }

  absl::Status Read(const std::string& path, const SourceOptions& options,
                    const std::function<absl::Status(Document)>& take) const override {
    ASSIGN_OR_RETURN(const FileView view, ViewFile(path));
    const auto width = static_cast<size_t>(options.token_width);
    if (view.bytes.size() % width != 0) {
      return absl::DataLossError(absl::StrCat(
          path, ": byte ", view.bytes.size() - view.bytes.size() % width, ": the last of the ids ",
          "of ", width, " bytes each is cut off (the file has ", view.bytes.size(), " bytes)"));
    }
    Document document;
    document.is_tokens = true;
    document.tokens = {view.bytes.data(), static_cast<int64_t>(view.bytes.size() / width),
                       options.token_width};
    document.owner = view.owner;
    return take(std::move(document));
  }
};

}  // namespace

std::unique_ptr<DataSource> NewTokensSource() { return std::make_unique<TokensSource>(); }

}  // namespace tessera
