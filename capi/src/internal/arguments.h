// Arguments: checks of what callers hand in, and how results are handed out.
//
// Every error is INVALID_ARGUMENT and begins with the argument's name. Thread-safe.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "capi/include/tessera.h"
#include "cpp/tensor/dtype.h"

namespace tessera::capi {

// UTF-8 text; NULL with length 0 is empty.
absl::StatusOr<std::string_view> ReadText(const char* text, size_t len, std::string_view name);
// The same, and not empty.
absl::StatusOr<std::string_view> ReadName(const char* text, size_t len, std::string_view name);
// A path in the file system: any bytes but 0, and not empty.
absl::StatusOr<std::string> ReadPath(const char* path, size_t len, std::string_view name);
// Any bytes.
absl::StatusOr<std::string_view> ReadBytes(const void* bytes, size_t len, std::string_view name);
absl::StatusOr<DType> ReadDType(tsr_dtype dtype, std::string_view name);

// The pointer of an output (or of anything else that must be there).
absl::Status CheckPointer(const void* pointer, std::string_view name);
// Those of out_text and out_len.
absl::Status CheckTextOut(const void* out_text, const void* out_len);

// An array with its length. A length that cannot be one is refused.
template <typename T>
absl::StatusOr<absl::Span<const T>> ReadArray(const T* items, size_t count, std::string_view name) {
  if (count == 0) return absl::Span<const T>();
  if (items == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": expected ", count, " items, got NULL"));
  }
  if (count > PTRDIFF_MAX / sizeof(T)) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": expected a length that memory can hold, got ", count, " items"));
  }
  return absl::MakeConstSpan(items, count);
}

// Hands out text (or bytes), 0-terminated, for tsr_text_free. RESOURCE_EXHAUSTED without memory.
absl::Status GiveText(std::string_view text, char** out_text, size_t* out_len);

// Hands out up to *inout_count values and sets it to their number; INVALID_ARGUMENT, with both
// numbers, when there is less room. Checks the pointers. `values` are left to the caller on error.
template <typename T>
absl::Status GiveValues(absl::Span<const T> values, T* outputs, size_t* inout_count,
                        std::string_view what) {
  if (inout_count == nullptr) {
    return absl::InvalidArgumentError("inout_count: expected a pointer, got NULL");
  }
  if (*inout_count < values.size() || (outputs == nullptr && !values.empty())) {
    return absl::InvalidArgumentError(absl::StrCat(
        "outputs: expected room for the ", values.size(), " outputs of ", what, ", got ",
        outputs == nullptr ? "NULL" : absl::StrCat("room for ", *inout_count)));
  }
  std::copy(values.begin(), values.end(), outputs);
  *inout_count = values.size();
  return absl::OkStatus();
}

absl::Status CheckStructSize(const void* data, uint32_t given, uint32_t least, uint32_t known,
                             std::string_view name);

// A struct that the caller filled, of whatever version: what it does not have is zero; what this
// library does not know must be zero.
template <typename T>
absl::StatusOr<T> ReadStruct(const T* given, uint32_t least, std::string_view name) {
  absl::Status status =
      given == nullptr
          ? CheckPointer(nullptr, name)
          : CheckStructSize(given, given->struct_size, least, sizeof(T), name);
  if (!status.ok()) return status;
  T full{};
  std::memcpy(&full, given, std::min<size_t>(given->struct_size, sizeof(T)));
  return full;
}

// Fills the part of a caller's struct that it knows; its struct_size stays. `least` is the size of
// the struct in the first version.
template <typename T>
absl::Status CheckStructOut(const T* out, uint32_t least, std::string_view name) {
  if (out == nullptr) return CheckPointer(nullptr, name);
  if (out->struct_size >= least) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(name, ".struct_size: expected at least ", least,
                                                 " (sizeof the struct), got ", out->struct_size));
}
template <typename T>
void GiveStruct(const T& value, T* out) {
  const uint32_t size = out->struct_size;
  std::memcpy(static_cast<void*>(out), &value, std::min<size_t>(size, sizeof(T)));
  out->struct_size = size;
}

}  // namespace tessera::capi
