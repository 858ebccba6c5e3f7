// A fixed series of collectives with awkward numbers, run by the tests of both transports: their
// results must be equal to the last bit. Not a test itself.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/device/communicator.h"

namespace tessera {

// Values whose sum depends on the order: magnitudes from 2^-12 to 2^11.
inline float AwkwardValue(int rank, int64_t index) {
  uint32_t bits = static_cast<uint32_t>(index) * 2654435761u + static_cast<uint32_t>(rank) * 40503u;
  bits ^= bits >> 15;
  bits *= 2246822519u;
  bits ^= bits >> 13;
  const float fraction = static_cast<float>(bits & 0xFFFFFF) / 16777216.0f - 0.5f;
  return fraction * static_cast<float>(1 << ((bits >> 24) % 24)) / 4096.0f;
}

template <typename T, typename Make>
absl::Status AppendReduced(Communicator& comm, int64_t count, DType dtype, ReduceOp op, Make make,
                           std::string& result) {
  std::vector<T> values(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) values[static_cast<size_t>(i)] = make(comm.rank(), i);
  RETURN_IF_ERROR(comm.AllReduce(values.data(), count, dtype, op));
  result.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
  return absl::OkStatus();
}

// The bytes that all results make together; the same on every rank.
inline absl::StatusOr<std::string> RunCollectives(Communicator& comm) {
  std::string result;
  for (int64_t count : {int64_t{0}, int64_t{1}, int64_t{2}, int64_t{7}, int64_t{100'003}}) {
    for (ReduceOp op : {ReduceOp::kSum, ReduceOp::kMax}) {
      RETURN_IF_ERROR(AppendReduced<float>(comm, count, DType::kF32, op, AwkwardValue, result));
      RETURN_IF_ERROR(AppendReduced<double>(comm, count, DType::kF64, op, AwkwardValue, result));
      RETURN_IF_ERROR(AppendReduced<uint16_t>(
          comm, count, DType::kBF16, op,
          [](int rank, int64_t i) { return BF16FromFloat(AwkwardValue(rank, i)); }, result));
      RETURN_IF_ERROR(AppendReduced<int64_t>(
          comm, count, DType::kI64, op,
          [](int rank, int64_t i) { return i * (rank + 1) - (int64_t{1} << 60); }, result));
      RETURN_IF_ERROR(AppendReduced<int32_t>(
          comm, count, DType::kI32, op,
          [](int rank, int64_t i) { return static_cast<int32_t>(i * 7 - rank * 1000); }, result));
    }
  }
  for (int root = 0; root < comm.size(); ++root) {
    for (size_t bytes : {size_t{0}, size_t{1}, size_t{70'001}}) {
      std::string block(bytes, static_cast<char>('a' + comm.rank()));
      RETURN_IF_ERROR(comm.Broadcast(block.data(), static_cast<int64_t>(bytes), root));
      result += block;
    }
  }
  for (size_t bytes : {size_t{0}, size_t{3}, size_t{50'000}}) {
    const std::string block(bytes, static_cast<char>('A' + comm.rank()));
    std::string all(bytes * static_cast<size_t>(comm.size()), '?');
    RETURN_IF_ERROR(comm.AllGather(block.data(), static_cast<int64_t>(bytes), all.data()));
    result += all;
  }
  RETURN_IF_ERROR(comm.Barrier());
  return result;
}

// What rank `from` sends to rank `to`.
inline std::string MessageText(int from, int to, int tag, size_t bytes) {
  return std::string(bytes, static_cast<char>('a' + 9 * from + 3 * to + tag));
}

// Every rank sends to every other, all before anybody receives; received in another order than
// sent. INTERNAL when a message is not what was sent.
inline absl::Status RunMessages(Communicator& comm) {
  constexpr size_t kSizes[] = {70'001, 0, 1};
  for (int round = 0; round < 3; ++round) {
    for (int other = 0; other < comm.size(); ++other) {
      for (int tag = 0; tag < 3 && other != comm.rank(); ++tag) {
        const std::string text = MessageText(comm.rank(), other, tag, kSizes[tag]);
        RETURN_IF_ERROR(comm.Send(text.data(), static_cast<int64_t>(text.size()), other, tag));
      }
    }
    RETURN_IF_ERROR(comm.Barrier());   // messages and collectives do not mix
    for (int tag = 2; tag >= 0; --tag) {
      for (int other = comm.size() - 1; other >= 0; --other) {
        if (other == comm.rank()) continue;
        std::string text(kSizes[tag], '?');
        RETURN_IF_ERROR(comm.Receive(text.data(), static_cast<int64_t>(text.size()), other, tag));
        if (text == MessageText(other, comm.rank(), tag, kSizes[tag])) continue;
        return absl::InternalError(absl::StrCat("message ", tag, " of rank ", other, " to rank ",
                                                comm.rank(), " arrived damaged"));
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace tessera
