#include "cpp/cli/text_file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace tessera::cli {
namespace {

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

}  // namespace

Error ReadWholeFile(const std::string& path, size_t most, std::string* out) {
  const File file(std::fopen(path.c_str(), "rbe"), &std::fclose);
  if (file == nullptr) {
    const tsr_code code = errno == EACCES ? TSR_PERMISSION_DENIED : TSR_NOT_FOUND;
    return Error("open " + path + ": " + std::strerror(errno), code);
  }
  std::string text;
  char chunk[1 << 14];
  size_t got = 0;
  while ((got = std::fread(chunk, 1, sizeof(chunk), file.get())) > 0) {
    text.append(chunk, got);
    if (text.size() > most) {
      return Error(path + ": expected at most " + std::to_string(most) + " bytes, got more");
    }
  }
  if (std::ferror(file.get()) != 0) {
    return Error("read " + path + ": " + std::strerror(errno));
  }
  *out = std::move(text);
  return Error();
}

Error WriteWholeFile(const std::string& path, const std::string& text) {
  File file(std::fopen(path.c_str(), "wbe"), &std::fclose);
  if (file == nullptr || std::fwrite(text.data(), 1, text.size(), file.get()) != text.size() ||
      std::fclose(file.release()) != 0) {
    return Error("write " + path + ": " + std::strerror(errno), TSR_UNAVAILABLE);
  }
  return Error();
}

}  // namespace tessera::cli
