// Files of lines (.lines): each line is a document.
#include <memory>
#include <string>

#include "cpp/base/status_macros.h"
#include "cpp/data/file_view.h"
#include "cpp/data/source.h"

namespace tessera {
namespace {

class LinesSource : public DataSource {
 public:
  std::string_view name() const override { return "lines"; }
  std::vector<std::string_view> endings() const override { return {".lines"}; }

  absl::Status Read(const std::string& path, const SourceOptions&,
                    const std::function<absl::Status(Document)>& take) const override {
    ASSIGN_OR_RETURN(const FileView view, ViewFile(path));
    std::string_view rest = view.bytes;
    while (!rest.empty()) {
      const size_t end = std::min(rest.find('\n'), rest.size());
      Document document;
      document.text = rest.substr(0, end);
      document.owner = view.owner;
      RETURN_IF_ERROR(take(std::move(document)));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return absl::OkStatus();
  }
};

}  // namespace

std::unique_ptr<DataSource> NewLinesSource() { return std::make_unique<LinesSource>(); }

}  // namespace tessera
