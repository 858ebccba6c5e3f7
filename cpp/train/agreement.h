// Agreement: how the ranks of a run come to one answer.
//
// Every function is a collective: all ranks call it, in the same order. With a null communicator
// or one rank it returns what it was given. Stateless; one thread at a time per communicator.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "cpp/device/communicator.h"

namespace tessera {

// True everywhere when it is true on any rank.
absl::StatusOr<bool> AgreeOnAny(Communicator* communicator, bool own);

// OK everywhere, or an error everywhere: the own one, or that of the lowest rank that has one,
// named "rank N: ...". Long messages are cut on the other ranks.
absl::Status AgreeOnStatus(Communicator* communicator, const absl::Status& own);

// The text of the lowest rank whose text is not empty, "rank N: ..." when there are several ranks;
// cut to a few hundred bytes.
absl::StatusOr<std::string> AgreeOnText(Communicator* communicator, std::string_view own);

// INVALID_ARGUMENT naming the first rank whose value is not that of rank 0. `what` begins the text.
absl::Status AgreeOnSame(Communicator* communicator, uint64_t own, std::string_view what);

// Rank 0's bytes on every rank.
absl::Status BroadcastText(Communicator* communicator, std::string& text);

// Adds up element by element over the ranks; allocates nothing.
absl::Status SumOverRanks(Communicator* communicator, absl::Span<double> values);

}  // namespace tessera
