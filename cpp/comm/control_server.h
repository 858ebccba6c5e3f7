// The server of the control channel, hosted by rank 0. See control_channel.h for what it is for.
//
// One thread, which alone knows the state; started and stopped from any one thread. It speaks the
// messages below over wire.h.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "cpp/comm/wire.h"

namespace tessera::comm {

// Types of frames and what their payloads hold, in order.
enum Message : uint8_t {
  kHello = 1,  // rank to server: greeting, rank, world, generation, host, pid
  kRefuse,     // server to rank: text
  kWelcome,    // server to rank: host, pid of rank 0
  kBeat,       // both ways; from a rank: collectives entered, whether it is in one
  kSet,        // rank to server: key, value
  kGet,        // rank to server: key; answered when the key is there
  kValue,      // server to rank: key, value
  kAbort,      // rank to server: reason
  kTrouble,    // rank to server: what the transport said
  kFail,       // server to rank: status code, text
  kBye,        // both ways: leaves in good order
};

inline constexpr const char* kGreeting = "tessera control 1";

struct ServerOptions {
  int world = 1;
  std::string address;
  int port = 0;
  int64_t generation = 0;
  int64_t join_timeout_ms = 0;
  int64_t heartbeat_timeout_ms = 0;
  int64_t collective_timeout_ms = 0;
};

// Milliseconds of a clock that never jumps.
int64_t SteadyMs();

// "rank 2 (host node7, pid 4711)"
std::string RankText(int64_t rank, std::string_view host, int64_t pid);

class ControlServer {
 public:
  // Listens and starts the thread. Unavailable when the address cannot be bound.
  static absl::StatusOr<std::unique_ptr<ControlServer>> Start(const ServerOptions& options);
  // Says farewell to all and ends the thread.
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

  int port() const { return port_; }

 private:
  class State;
  ControlServer();

  int port_ = 0;
  std::unique_ptr<State> state_;
  std::thread thread_;
};

}  // namespace tessera::comm
