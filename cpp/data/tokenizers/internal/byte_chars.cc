// GPT-2's table: bytes that print stand for themselves, the others for U+0100 and on, in order.
#include <array>

#include "cpp/data/tokenizers/internal/pipeline.h"
#include "cpp/data/tokenizers/internal/unicode.h"

namespace tessera {
namespace {

struct ByteChars {
  std::array<std::string, 256> chars;
  std::array<int, 0x200> bytes;

  ByteChars() {
    bytes.fill(-1);
    uint32_t next = 0x100;
    for (uint32_t byte = 0; byte < 256; ++byte) {
      const bool prints = (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte != 0xAD);
      const uint32_t code = prints ? byte : next++;
      AppendUtf8(code, chars[byte]);
      bytes[code] = static_cast<int>(byte);
    }
  }
};

const ByteChars& Table() {
  static const auto* const kTable = new ByteChars;
  return *kTable;
}

}  // namespace

const std::string& CharOfByte(unsigned char byte) { return Table().chars[byte]; }

int ByteOfChar(uint32_t code) {
  return code < Table().bytes.size() ? Table().bytes[code] : -1;
}

}  // namespace tessera
