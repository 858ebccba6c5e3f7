#include "cpp/base/text.h"

#include <charconv>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace tessera {
namespace {

// The length of the well-formed sequence at the start of `text`, 0 when there is none. The ranges
// of the second byte are those of Unicode's table 3-7.
size_t Utf8SequenceLength(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  size_t length = 0;
  unsigned char low = 0x80, high = 0xBF;
  if (first >= 0xC2 && first <= 0xDF) {
    length = 2;
  } else if (first >= 0xE0 && first <= 0xEF) {
    length = 3;
    if (first == 0xE0) low = 0xA0;
    if (first == 0xED) high = 0x9F;
  } else if (first >= 0xF0 && first <= 0xF4) {
    length = 4;
    if (first == 0xF0) low = 0x90;
    if (first == 0xF4) high = 0x8F;
  }
  if (length == 0 || text.size() < length || byte(1) < low || byte(1) > high) return 0;
  for (size_t i = 2; i < length; ++i) {
    if (byte(i) < 0x80 || byte(i) > 0xBF) return 0;
  }
  return length;
}

template <typename Float>
std::string Shortest(Float value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[64];
  const std::to_chars_result end = std::to_chars(buffer, buffer + sizeof(buffer), value);
  return std::string(buffer, end.ptr);
}

std::string Scaled(int64_t value, double base, const char* const* units, int unit_count) {
  double scaled = static_cast<double>(value);
  int unit = 0;
  while (std::abs(scaled) >= base && unit + 1 < unit_count) {
    scaled /= base;
    ++unit;
  }
  return unit == 0 ? absl::StrCat(value, units[0]) : absl::StrFormat("%.1f%s", scaled, units[unit]);
}

}  // namespace

size_t ValidUtf8Prefix(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    const size_t length = Utf8SequenceLength(text.substr(at));
    if (length == 0) break;
    at += length;
  }
  return at;
}

std::string Quoted(std::string_view text, size_t longest) {
  std::string out = "'";
  size_t at = 0;
  while (at < text.size() && at < longest) {
    const size_t length = Utf8SequenceLength(text.substr(at));
    const auto byte = static_cast<unsigned char>(text[at]);
    if (length == 0 || byte < 0x20 || byte == 0x7F) {
      absl::StrAppend(&out, "\\x", absl::Hex(byte, absl::kZeroPad2));
      ++at;
    } else {
      out.append(text.substr(at, length));
      at += length;
    }
  }
  out += at < text.size() ? "...'" : "'";
  return out;
}

std::string ShortestNumber(double value) { return Shortest(value); }
std::string ShortestNumber(float value) { return Shortest(value); }

std::string ReadableBytes(int64_t bytes) {
  static constexpr const char* kUnits[] = {" bytes", " KiB", " MiB", " GiB", " TiB", " PiB"};
  return Scaled(bytes, 1024, kUnits, 6);
}

std::string ReadableCount(int64_t count) {
  static constexpr const char* kUnits[] = {"", "K", "M", "B", "T"};
  return Scaled(count, 1000, kUnits, 5);
}

}  // namespace tessera
