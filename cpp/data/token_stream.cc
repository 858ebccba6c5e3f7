#include "cpp/data/token_stream.h"

#include <algorithm>
#include <utility>

#include "absl/crc/crc32c.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace tessera {
namespace {

constexpr int64_t kFingerprintBlocks = 64;
constexpr int64_t kFingerprintIds = 512;  // per block

template <typename Narrow>
void Widen(const void* from, int64_t count, int32_t* ids) {
  const auto* bytes = static_cast<const uint8_t*>(from);
  for (int64_t i = 0; i < count; ++i) {
    Narrow id;
    std::memcpy(&id, bytes + i * static_cast<int64_t>(sizeof(id)), sizeof(id));
    ids[i] = static_cast<int32_t>(id);
  }
}

void WidenSpan(const TokenSpan& span, int64_t begin, int64_t count, int32_t* ids) {
  const void* from = static_cast<const uint8_t*>(span.data) + begin * span.width;
  if (span.width == 1) return Widen<uint8_t>(from, count, ids);
  if (span.width == 2) return Widen<uint16_t>(from, count, ids);
  return Widen<uint32_t>(from, count, ids);
}

}  // namespace

void TokenStream::AppendDocument(TokenSpan tokens, std::string path,
                                 std::shared_ptr<const void> owner) {
  if (tokens.count == 0) return;
  document_starts_.push_back(size_);
  pieces_.push_back({size_, tokens, std::move(path), std::move(owner)});
  size_ += tokens.count;
}

void TokenStream::CutAfter(uint32_t id) {
  std::vector<int64_t> starts;
  for (const Piece& piece : pieces_) {
    starts.push_back(piece.start);
    // The last id of a piece needs no cut: the next piece starts a document anyway.
    for (int64_t i = 0; i + 1 < piece.tokens.count; ++i) {
      if (piece.tokens.At(i) == id) starts.push_back(piece.start + i + 1);
    }
  }
  document_starts_ = std::move(starts);
}

const TokenStream::Piece& TokenStream::PieceAt(int64_t position) const {
  const auto after = std::upper_bound(
      pieces_.begin(), pieces_.end(), position,
      [](int64_t value, const Piece& piece) { return value < piece.start; });
  return *(after - 1);
}

absl::Status TokenStream::Read(int64_t begin, int64_t count, int32_t* ids) const {
  if (begin < 0 || count < 0 || count > size_ || begin > size_ - count) {
    return absl::OutOfRangeError(absl::StrCat("corpus: ids ", begin, " to ", begin + count,
                                              " asked for, it has ", size_));
  }
  int64_t done = 0;
  while (done < count) {
    const Piece& piece = PieceAt(begin + done);
    const int64_t from = begin + done - piece.start;
    const int64_t part = std::min(count - done, piece.tokens.count - from);
    WidenSpan(piece.tokens, from, part, ids + done);
    if (vocab_size_ > 0) {
      for (int64_t i = 0; i < part; ++i) {
        // The comparison is unsigned, so that uint32 ids above 2^31 are caught too.
        const auto id = static_cast<uint32_t>(ids[done + i]);
        if (static_cast<int64_t>(id) < vocab_size_) continue;
        return absl::InvalidArgumentError(
            absl::StrCat(piece.path, ": byte ", (from + i) * piece.tokens.width, ": token id ", id,
                         ", expected below the vocabulary size ", vocab_size_));
      }
    }
    done += part;
  }
  return absl::OkStatus();
}

uint64_t TokenStream::Fingerprint() const {
  absl::crc32c_t crc{0};
  int32_t ids[kFingerprintIds];
  const int64_t blocks = std::min(kFingerprintBlocks, (size_ + kFingerprintIds - 1) /
                                                          kFingerprintIds);
  for (int64_t b = 0; b < blocks; ++b) {
    const int64_t count = std::min(kFingerprintIds, size_);
    // Evenly spread, the first at the start and the last at the end.
    int64_t begin = blocks == 1 ? 0 : (size_ - count) / (blocks - 1) * b;
    if (b == blocks - 1) begin = size_ - count;
    int64_t done = 0;
    while (done < count) {
      const Piece& piece = PieceAt(begin + done);
      const int64_t from = begin + done - piece.start;
      const int64_t part = std::min(count - done, piece.tokens.count - from);
      WidenSpan(piece.tokens, from, part, ids + done);
      done += part;
    }
    crc = absl::ExtendCrc32c(
        crc, absl::string_view(reinterpret_cast<const char*>(ids),
                               static_cast<size_t>(count) * sizeof(ids[0])));
  }
  return (static_cast<uint64_t>(size_) << 32) ^ static_cast<uint64_t>(static_cast<uint32_t>(crc));
}

}  // namespace tessera
