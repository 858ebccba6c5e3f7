// tsr_runtime_load_plugin: shared libraries that register parts with a runtime.
//
// Who loads a library runs its code; so a runtime must allow it. A library is never unloaded: what
// it registered has its code in it. Whether it fits is known from its version before any of its
// code but tessera_plugin has run (and its initialisers, which dlopen runs).

#include <dlfcn.h>
#include <sys/stat.h>

#include <cstring>

#include "absl/strings/str_cat.h"
#include "capi/src/internal/arguments.h"
#include "capi/src/internal/guard.h"
#include "capi/src/internal/options.h"
#include "capi/src/internal/scope_object.h"
#include "cpp/base/status_macros.h"
#include "cpp/base/text.h"

namespace tessera::capi {
namespace {

constexpr const char* kEntry = "tessera_plugin";
constexpr size_t kMostManifestBytes = 1 << 16;

std::string VersionText(uint32_t version) {
  return absl::StrCat(version >> 16, ".", version >> 8 & 0xff, ".", version & 0xff);
}

// Within a major version, and before 1.0 within a minor one, an older header fits.
absl::Status CheckVersion(uint32_t version, const std::string& path) {
  const uint32_t ours = tsr_version();
  const uint32_t group = ours >> 16 == 0 ? ~0xffu : ~0xffffu;
  if ((version & group) == (ours & group) && version <= ours) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      path, ": expected a plug-in for version ", VersionText(ours),
      " of Tessera or an older one that it goes on with, got one for ", VersionText(version)));
}

absl::StatusOr<const tsr_plugin*> Open(const std::string& path) {
  struct stat facts = {};
  if (::stat(path.c_str(), &facts) != 0) {
    return absl::NotFoundError(absl::StrCat(path, ": ", std::strerror(errno)));
  }
  // A name without a slash would be searched in the system's folders.
  const std::string exact = path.find('/') == std::string::npos ? absl::StrCat("./", path) : path;
  void* const library = ::dlopen(exact.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (library == nullptr) {
    return absl::FailedPreconditionError(absl::StrCat(path, ": does not load: ", ::dlerror()));
  }
  void* const entry = ::dlsym(library, kEntry);
  if (entry == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": expected a plug-in, which exports ", kEntry, ", found none"));
  }
  const tsr_plugin* plugin = nullptr;
  RETURN_IF_ERROR(CallHost(path, [&]() -> tsr_status* {
    plugin = reinterpret_cast<const tsr_plugin* (*)()>(entry)();
    return nullptr;
  }));
  if (plugin != nullptr) return plugin;
  return absl::FailedPreconditionError(
      absl::StrCat(path, ": expected a description from ", kEntry, ", got NULL"));
}

absl::StatusOr<std::string> ReadManifest(const tsr_plugin& plugin, const std::string& path) {
  const std::string what = absl::StrCat(path, ": manifest");
  RETURN_IF_ERROR(CheckPointer(plugin.manifest, what));
  const size_t size = ::strnlen(plugin.manifest, kMostManifestBytes + 1);
  if (size > kMostManifestBytes) {
    return absl::FailedPreconditionError(
        absl::StrCat(what, ": expected at most ", kMostManifestBytes, " bytes, got more"));
  }
  ASSIGN_OR_RETURN(const std::string_view text, ReadText(plugin.manifest, size, what));
  OptionReader reader(text, what);
  std::string name, version;
  const bool has_name = reader.Text("name", &name) && !name.empty();
  const bool has_version = reader.Text("version", &version) && !version.empty();
  reader.All();
  RETURN_IF_ERROR(reader.Finish());
  if (has_name && has_version) return std::string(text);
  return absl::FailedPreconditionError(absl::StrCat(
      what, ": expected a name and a version, got ", Quoted(text)));
}

absl::StatusOr<std::string> Load(tsr_runtime* runtime, const std::string& path) {
  ASSIGN_OR_RETURN(const tsr_plugin* given, Open(path));
  constexpr uint32_t kFirstVersion = sizeof(tsr_plugin);
  // The version says more than a size that does not fit.
  if (given->struct_size >= kFirstVersion) RETURN_IF_ERROR(CheckVersion(given->version, path));
  ASSIGN_OR_RETURN(const tsr_plugin plugin, ReadStruct(given, kFirstVersion, path));
  ASSIGN_OR_RETURN(const std::string manifest, ReadManifest(plugin, path));
  RETURN_IF_ERROR(CheckPointer(reinterpret_cast<const void*>(plugin.start),
                               absl::StrCat(path, ": start")));
  RETURN_IF_ERROR(CallHost(path, [&] { return plugin.start(runtime); }));
  return manifest;
}

}  // namespace
}  // namespace tessera::capi

tsr_status* tsr_runtime_load_plugin(tsr_runtime* runtime, const char* path, size_t path_len,
                                    char** out_text, size_t* out_len) {
  using namespace tessera::capi;  // NOLINT: one function
  return Guard([&](Call& call) -> absl::Status {
    RETURN_IF_ERROR(CheckTextOut(out_text, out_len));
    ASSIGN_OR_RETURN(const auto object, call.Use(runtime, "runtime"));
    ASSIGN_OR_RETURN(const std::string file, ReadPath(path, path_len, "path"));
    if (!object->options().plugins) {
      return absl::PermissionDeniedError(absl::StrCat(
          file, ": plug-ins are off; the runtime option \"plugins\": true allows them"));
    }
    ASSIGN_OR_RETURN(const std::string manifest, Load(runtime, file));
    return GiveText(manifest, out_text, out_len);
  });
}
