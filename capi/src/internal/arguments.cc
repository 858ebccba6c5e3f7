#include "capi/src/internal/arguments.h"

#include <cstdlib>

#include "cpp/base/text.h"

namespace tessera::capi {

absl::Status CheckPointer(const void* pointer, std::string_view name) {
  if (pointer != nullptr) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(name, ": expected a pointer, got NULL"));
}

absl::Status CheckTextOut(const void* out_text, const void* out_len) {
  absl::Status status = CheckPointer(out_text, "out_text");
  if (status.ok()) status = CheckPointer(out_len, "out_len");
  return status;
}

absl::StatusOr<std::string_view> ReadBytes(const void* bytes, size_t len, std::string_view name) {
  if (len == 0) return std::string_view();
  if (bytes == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": expected ", len, " bytes, got NULL"));
  }
  if (len > PTRDIFF_MAX) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": expected a length that memory can hold, got ", len, " bytes"));
  }
  return std::string_view(static_cast<const char*>(bytes), len);
}

absl::StatusOr<std::string_view> ReadText(const char* text, size_t len, std::string_view name) {
  absl::StatusOr<std::string_view> read = ReadBytes(text, len, name);
  if (!read.ok()) return read;
  const size_t good = ValidUtf8Prefix(*read);
  if (good == read->size()) return read;
  return absl::InvalidArgumentError(absl::StrCat(
      name, ": expected UTF-8 text, got ", Quoted(*read), ", which is none from byte ", good));
}

absl::StatusOr<std::string_view> ReadName(const char* text, size_t len, std::string_view name) {
  absl::StatusOr<std::string_view> read = ReadText(text, len, name);
  if (!read.ok() || !read->empty()) return read;
  return absl::InvalidArgumentError(absl::StrCat(name, ": expected some text, got none"));
}

absl::StatusOr<std::string> ReadPath(const char* path, size_t len, std::string_view name) {
  absl::StatusOr<std::string_view> read = ReadBytes(path, len, name);
  if (!read.ok()) return std::move(read).status();
  if (read->empty()) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": expected a path, got none"));
  }
  if (read->find('\0') != std::string_view::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": expected a path without byte 0, got ", Quoted(*read)));
  }
  return std::string(*read);
}

absl::StatusOr<DType> ReadDType(tsr_dtype dtype, std::string_view name) {
  for (DType known : kAllDTypes) {
    if (static_cast<int64_t>(known) == static_cast<int64_t>(dtype)) return known;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      name, ": expected a tsr_dtype (1 to 11), got ", static_cast<int64_t>(dtype)));
}

absl::Status GiveText(std::string_view text, char** out_text, size_t* out_len) {
  absl::Status status = CheckTextOut(out_text, out_len);
  if (!status.ok()) return status;
  char* copy = static_cast<char*>(std::malloc(text.size() + 1));
  if (copy == nullptr) {
    return absl::ResourceExhaustedError(
        absl::StrCat("memory: expected ", text.size() + 1, " bytes for a text, got none"));
  }
  std::copy(text.begin(), text.end(), copy);
  copy[text.size()] = '\0';
  *out_text = copy;
  *out_len = text.size();
  return absl::OkStatus();
}

absl::Status CheckStructSize(const void* data, uint32_t given, uint32_t least, uint32_t known,
                             std::string_view name) {
  if (given < least) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ".struct_size: expected at least ", least, " (sizeof the struct), got ",
                     given));
  }
  const auto* bytes = static_cast<const unsigned char*>(data);
  for (uint32_t i = known; i < given; ++i) {
    if (bytes[i] != 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          name, ": expected zero in the fields that a newer version added, got a value at byte ", i,
          "; this library knows ", known, " bytes"));
    }
  }
  return absl::OkStatus();
}

}  // namespace tessera::capi
