#include "cpp/train/agreement.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"

namespace tessera {
namespace {

constexpr size_t kTextBytes = 504;
// The limit keeps a broken rank from making the others ask for all memory.
constexpr int64_t kMaxBroadcastBytes = int64_t{1} << 32;

struct Note {
  int32_t code = 0;
  uint32_t length = 0;
  char text[kTextBytes] = {};

  std::string_view view() const { return {text, std::min<size_t>(length, kTextBytes)}; }
};

bool IsAlone(Communicator* communicator) {
  return communicator == nullptr || communicator->size() <= 1;
}

absl::StatusOr<std::vector<Note>> Gather(Communicator& communicator, int code,
                                         std::string_view text) {
  Note own;
  own.code = code;
  own.length = static_cast<uint32_t>(std::min(text.size(), kTextBytes));
  std::memcpy(own.text, text.data(), own.length);
  std::vector<Note> all(static_cast<size_t>(communicator.size()));
  RETURN_IF_ERROR(communicator.AllGather(&own, sizeof(own), all.data()));
  return all;
}

}  // namespace

absl::StatusOr<bool> AgreeOnAny(Communicator* communicator, bool own) {
  if (IsAlone(communicator)) return own;
  int32_t flag = own ? 1 : 0;
  RETURN_IF_ERROR(communicator->AllReduce(&flag, 1, DType::kI32, ReduceOp::kMax));
  return flag != 0;
}

absl::Status AgreeOnStatus(Communicator* communicator, const absl::Status& own) {
  if (IsAlone(communicator)) return own;
  const bool is_group_lost = absl::IsAborted(own) || absl::IsUnavailable(own);
  if (is_group_lost) return own;  // nobody is there to agree with
  ASSIGN_OR_RETURN(const std::vector<Note> notes,
                   Gather(*communicator, static_cast<int>(own.code()), own.message()));
  if (!own.ok()) return own;
  for (size_t rank = 0; rank < notes.size(); ++rank) {
    if (notes[rank].code == 0) continue;
    return absl::Status(static_cast<absl::StatusCode>(notes[rank].code),
                        absl::StrCat("rank ", rank, ": ", notes[rank].view()));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> AgreeOnText(Communicator* communicator, std::string_view own) {
  if (IsAlone(communicator)) return std::string(own);
  ASSIGN_OR_RETURN(const std::vector<Note> notes, Gather(*communicator, 0, own));
  for (size_t rank = 0; rank < notes.size(); ++rank) {
    if (notes[rank].length > 0) return absl::StrCat("rank ", rank, ": ", notes[rank].view());
  }
  return std::string();
}

absl::Status AgreeOnSame(Communicator* communicator, uint64_t own, std::string_view what) {
  if (IsAlone(communicator)) return absl::OkStatus();
  std::vector<uint64_t> all(static_cast<size_t>(communicator->size()));
  RETURN_IF_ERROR(communicator->AllGather(&own, sizeof(own), all.data()));
  for (size_t rank = 1; rank < all.size(); ++rank) {
    if (all[rank] != all[0]) {
      return absl::InvalidArgumentError(
          absl::StrCat(what, ": expected the same on all ranks, rank ", rank,
                       " has another than rank 0"));
    }
  }
  return absl::OkStatus();
}

absl::Status BroadcastText(Communicator* communicator, std::string& text) {
  if (IsAlone(communicator)) return absl::OkStatus();
  int64_t bytes = static_cast<int64_t>(text.size());
  RETURN_IF_ERROR(communicator->Broadcast(&bytes, sizeof(bytes), 0));
  RET_CHECK(bytes >= 0 && bytes <= kMaxBroadcastBytes) << bytes << " bytes from rank 0";
  text.resize(static_cast<size_t>(bytes));
  return communicator->Broadcast(text.data(), bytes, 0);
}

absl::Status SumOverRanks(Communicator* communicator, absl::Span<double> values) {
  if (IsAlone(communicator)) return absl::OkStatus();
  return communicator->AllReduce(values.data(), static_cast<int64_t>(values.size()), DType::kF64,
                                 ReduceOp::kSum);
}

}  // namespace tessera
