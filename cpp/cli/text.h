// Text for people: printf into a string, counts, sizes and durations, nearest names.
//
// Independent of the locale. Thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tessera::cli {

// sprintf into a string.
[[gnu::format(printf, 1, 2)]] std::string Format(const char* format, ...);

// "12", "4.2K", "26.1M", "1.0B".
std::string ReadableCount(double count);
// "512 B", "1.5 KiB", "24.0 GiB".
std::string ReadableBytes(double bytes);
// "4.2 s", "3:07", "2:03:09".
std::string ReadableDuration(double seconds);

// The candidate that `name` was probably meant for, or "" when none is near.
std::string NearestName(std::string_view name, const std::vector<std::string_view>& candidates);

// How many columns a terminal uses for a UTF-8 text: code points.
size_t TextColumns(std::string_view text);
// The beginning of a UTF-8 text, at most so many columns.
std::string_view CutColumns(std::string_view text, size_t columns);

// As text of XML, attributes too; control characters become spaces.
std::string XmlEscaped(std::string_view text);

// `text` in lines of at most `columns` columns, each after `indent` spaces.
std::string Wrapped(std::string_view text, size_t indent, size_t columns);

}  // namespace tessera::cli
