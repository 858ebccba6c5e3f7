#include "cpp/data/source.h"

#include <glob.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cpp/base/status_macros.h"
#include "cpp/data/file_view.h"
#include "cpp/data/tables.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

constexpr size_t kLookBytes = 4096;
constexpr std::string_view kFallbackSource = "text";

// The source for a file: the one that is asked for, the one that claims its ending, or text.
const std::shared_ptr<const DataSource>& ChooseSource(const SharedSources& sources,
                                                      const std::string& path) {
  size_t fallback = 0;
  for (size_t i = 0; i < sources.size(); ++i) {
    if (sources[i]->name() == kFallbackSource) fallback = i;
    for (std::string_view ending : sources[i]->endings()) {
      if (absl::EndsWithIgnoreCase(path, ending)) return sources[i];
    }
  }
  return sources[fallback];
}

absl::Status SystemError(const std::string& path, const std::error_code& error) {
  return absl::UnavailableError(absl::StrCat(path, ": ", error.message()));
}

// Regular files below `folder`, sorted; hidden ones left out. Links to folders are not followed,
// as they may lead in circles.
absl::StatusOr<std::vector<std::string>> ListFolder(const std::string& folder) {
  std::vector<std::string> paths;
  std::error_code error;
  fs::recursive_directory_iterator entry(folder, error);
  if (error) return SystemError(folder, error);
  for (const fs::recursive_directory_iterator end; entry != end; entry.increment(error)) {
    if (error) return SystemError(folder, error);
    if (absl::StartsWith(entry->path().filename().string(), ".")) {
      if (entry->is_directory(error)) entry.disable_recursion_pending();
      continue;
    }
    if (entry->is_regular_file(error)) paths.push_back(entry->path().string());
  }
  if (error) return SystemError(folder, error);
  std::sort(paths.begin(), paths.end());
  return paths;
}

// Paths that match, sorted by bytes whatever the locale; folders among them are left out.
absl::StatusOr<std::vector<std::string>> ListGlob(const std::string& pattern) {
  glob_t found = {};
  const int result = ::glob(pattern.c_str(), GLOB_NOSORT, nullptr, &found);
  std::vector<std::string> paths;
  for (size_t i = 0; i < found.gl_pathc; ++i) {
    std::error_code error;
    if (fs::is_regular_file(found.gl_pathv[i], error)) paths.emplace_back(found.gl_pathv[i]);
  }
  ::globfree(&found);
  if (result != 0 && result != GLOB_NOMATCH) {
    return absl::UnavailableError(absl::StrCat(pattern, ": cannot read a folder on the way"));
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

// Adds those of `paths`, found in a folder or by a glob, that are of the kind their source reads.
absl::Status AddSuitable(const SharedSources& sources, const std::vector<std::string>& paths,
                         std::vector<SourceFile>& files) {
  for (const std::string& path : paths) {
    const auto& source = ChooseSource(sources, path);
    ASSIGN_OR_RETURN(const std::string first_bytes, ReadStart(path, kLookBytes));
    if (source->Suits(first_bytes)) files.push_back({path, source});
  }
  return absl::OkStatus();
}

}  // namespace

bool DataSource::Suits(std::string_view) const { return true; }

absl::Status AddedSources::Register(std::shared_ptr<const DataSource> source) {
  absl::MutexLock lock(&mutex_);
  if (FindSource(source->name(), sources_).ok()) {
    return absl::AlreadyExistsError(
        absl::StrCat("data source '", source->name(), "' is already known"));
  }
  sources_.push_back(std::move(source));
  return absl::OkStatus();
}

SharedSources AddedSources::All() const {
  absl::MutexLock lock(&mutex_);
  return sources_;
}

absl::StatusOr<std::shared_ptr<const DataSource>> FindSource(std::string_view name,
                                                             const SharedSources& added) {
  for (const auto& create : SourceTable()) {
    std::shared_ptr<const DataSource> source = create();
    if (source->name() == name) return source;
  }
  std::vector<std::string> names = SourceNames();
  for (const auto& source : added) {
    if (source->name() == name) return source;
    names.emplace_back(source->name());
  }
  return absl::NotFoundError(absl::StrCat("data source: expected one of ",
                                          absl::StrJoin(names, ", "), ", got '", name, "'"));
}

std::vector<std::string> SourceNames() {
  std::vector<std::string> names;
  for (const auto& create : SourceTable()) names.emplace_back(create()->name());
  return names;
}

absl::StatusOr<std::vector<SourceFile>> ListFiles(absl::Span<const std::string> specs,
                                                  std::string_view source,
                                                  const SharedSources& added) {
  SharedSources sources;
  if (source.empty()) {
    for (const auto& create : SourceTable()) sources.push_back(create());
  } else {
    ASSIGN_OR_RETURN(std::shared_ptr<const DataSource> chosen, FindSource(source, added));
    sources.push_back(std::move(chosen));
  }
  RET_CHECK(!sources.empty());

  std::vector<SourceFile> files;
  if (!sources.front()->reads_files()) {
    for (const std::string& spec : specs) files.push_back({spec, sources.front()});
    return files;
  }
  for (const std::string& spec : specs) {
    const size_t count_before = files.size();
    std::error_code error;
    const fs::file_status status = fs::status(spec, error);
    if (fs::is_directory(status)) {
      ASSIGN_OR_RETURN(const std::vector<std::string> paths, ListFolder(spec));
      RETURN_IF_ERROR(AddSuitable(sources, paths, files));
    } else if (fs::exists(status)) {
      // A file named by itself is taken whatever it looks like; so are names with a * in them.
      files.push_back({spec, ChooseSource(sources, spec)});
    } else if (spec.find_first_of("*?[") != std::string::npos) {
      ASSIGN_OR_RETURN(const std::vector<std::string> paths, ListGlob(spec));
      RETURN_IF_ERROR(AddSuitable(sources, paths, files));
    }
    if (files.size() > count_before) continue;
    return absl::NotFoundError(
        absl::StrCat("data: '", spec, "': expected a file, a folder with files or a glob that ",
                     "matches some, found nothing"));
  }
  return files;
}

}  // namespace tessera
