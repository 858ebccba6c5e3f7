// TokenSpan and TokenBuffer: token ids in the narrowest width that holds them.
//
// A corpus is kept with 1, 2 or 4 bytes a token, so text under a byte tokenizer costs what the
// file costs. Neither class knows what an id means (tokenizer.h) or which ids are legal
// (token_stream.h checks them where they are read). Reading from several threads is safe.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

namespace tessera {

// Borrowed ids: `count` unsigned integers of `width` bytes each (1, 2 or 4), native byte order,
// not necessarily aligned.
struct TokenSpan {
  const void* data = nullptr;
  int64_t count = 0;
  int width = 1;

  // REQUIRES: 0 <= index < count.
  uint32_t At(int64_t index) const {
    const auto* bytes = static_cast<const uint8_t*>(data) + index * width;
    if (width == 1) return *bytes;
    if (width == 2) {
      uint16_t id;
      std::memcpy(&id, bytes, sizeof(id));
      return id;
    }
    uint32_t id;
    std::memcpy(&id, bytes, sizeof(id));
    return id;
  }
};

// Bytes per id for a vocabulary of `vocab_size` ids.
constexpr int TokenWidthFor(int64_t vocab_size) {
  return vocab_size <= 256 ? 1 : vocab_size <= 65536 ? 2 : 4;
}

// Owns ids that are written one after another. Ids wider than the width are cut off: choose the
// width with TokenWidthFor.
class TokenBuffer {
 public:
  explicit TokenBuffer(int width) : width_(width) {}

  void Put(uint32_t id) {
    if (width_ == 1) {
      bytes_.push_back(static_cast<uint8_t>(id));
      return;
    }
    const size_t at = bytes_.size();
    bytes_.resize(at + static_cast<size_t>(width_));
    if (width_ == 2) {
      const auto narrow = static_cast<uint16_t>(id);
      std::memcpy(bytes_.data() + at, &narrow, sizeof(narrow));
    } else {
      std::memcpy(bytes_.data() + at, &id, sizeof(id));
    }
  }

  // Room for `count` more ids.
  void Reserve(int64_t count) {
    const size_t needed = bytes_.size() + static_cast<size_t>(count * width_);
    // Grow at least by half: many small reservations must not copy the corpus each time.
    if (needed > bytes_.capacity()) bytes_.reserve(needed + bytes_.size() / 2);
  }

  void ShrinkToFit() { bytes_.shrink_to_fit(); }
  int64_t size() const { return static_cast<int64_t>(bytes_.size()) / width_; }
  // Valid until the next Put.
  TokenSpan span() const { return {bytes_.data(), size(), width_}; }

 private:
  int width_;
  std::vector<uint8_t> bytes_;
};

}  // namespace tessera
