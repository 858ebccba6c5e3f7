// Text: UTF-8 checks, quoting for error messages, and numbers and sizes for people to read.
//
// Independent of the locale. General string work (split, join, strip) is Abseil's. Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tessera {

// The index of the first byte that is not part of well-formed UTF-8 (no overlong forms, no
// surrogates, nothing above U+10FFFF), or text.size() when all is well.
size_t ValidUtf8Prefix(std::string_view text);
inline bool IsValidUtf8(std::string_view text) { return ValidUtf8Prefix(text) == text.size(); }

// `text` in single quotes for an error message: control characters and bytes that are not UTF-8 as
// escapes, cut after about `longest` bytes with "...".
std::string Quoted(std::string_view text, size_t longest = 80);

// The shortest decimal form that reads back as the same number: 0.1, 1e-05, 3, nan, inf.
std::string ShortestNumber(double value);
std::string ShortestNumber(float value);

// "512 bytes", "1.5 KiB", "24.0 GiB".
std::string ReadableBytes(int64_t bytes);

// "12", "4.2K", "26.1M", "1.0B" for counts of parameters and tokens.
std::string ReadableCount(int64_t count);

}  // namespace tessera
