// Text files: each is one document, taken byte for byte. Takes whatever no other source claims;
// in folders and globs, files with a NUL among their first bytes are no text and left out.
#include <memory>
#include <string>

#include "cpp/base/status_macros.h"
#include "cpp/data/file_view.h"
#include "cpp/data/source.h"

namespace tessera {
namespace {

class TextSource : public DataSource {
 public:
  std::string_view name() const override { return "text"; }
  std::vector<std::string_view> endings() const override { return {}; }

  bool Suits(std::string_view first_bytes) const override {
    return first_bytes.find('\0') == std::string_view::npos;
  }

  absl::Status Read(const std::string& path, const SourceOptions&,
                    const std::function<absl::Status(Document)>& take) const override {
    ASSIGN_OR_RETURN(const FileView view, ViewFile(path));
    Document document;
    document.text = view.bytes;
    document.owner = view.owner;
    return take(std::move(document));
  }
};

}  // namespace

std::unique_ptr<DataSource> NewTextSource() { return std::make_unique<TextSource>(); }

}  // namespace tessera
