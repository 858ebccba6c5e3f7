// The room of a thread (cpp/device/backend.h) for tests and benchmarks that run kernels without a
// pool. Holds NaN patterns at first, between guards.
#pragma once

#include <algorithm>
#include <cstring>
#include <iterator>
#include <memory>

#include "cpp/device/backend.h"

namespace tessera {

struct alignas(64) GuardedRoom {
  unsigned char before[64];
  unsigned char room[TSR_THREAD_ROOM_BYTES];
  unsigned char after[64];

  GuardedRoom() { Fill(); }
  void Fill() { std::memset(static_cast<void*>(this), 0xff, sizeof(*this)); }
};

inline GuardedRoom& OwnTestRoom() {
  thread_local const auto room = std::make_unique<GuardedRoom>();
  return *room;
}

inline void* TestRoom() { return OwnTestRoom().room; }

// Whether nothing was written beside this thread's room.
inline bool TestRoomIntact() {
  const auto touched = [](unsigned char byte) { return byte != 0xff; };
  const GuardedRoom& own = OwnTestRoom();
  return std::none_of(std::begin(own.before), std::end(own.before), touched) &&
         std::none_of(std::begin(own.after), std::end(own.after), touched);
}

}  // namespace tessera
