// What the control channel speaks: frames over a TCP connection, and the sockets under it.
//
// A frame is a length, a type and a payload of numbers and texts. A connection never blocks:
// frames to send wait in it until Flush, and Receive takes what has come. It knows no meanings
// (control_channel.h does). Not thread-safe: a connection belongs to one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace tessera::comm {

// An open file descriptor, closed with it.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { Close(); }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) {
      Close();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  int get() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }
  void Close();

 private:
  int fd_ = -1;
};

// A socket that listens on an address; port 0 takes a free one. Unavailable when the address
// cannot be bound, with the reason of the system.
absl::StatusOr<Descriptor> Listen(const std::string& host, int port);
// The port a socket is bound to.
absl::StatusOr<int> LocalPort(const Descriptor& socket);
// The own address of a connected socket, as digits: "127.0.0.1".
absl::StatusOr<std::string> LocalAddress(const Descriptor& socket);
// Connects, trying again until `deadline`. DeadlineExceeded naming the address.
absl::StatusOr<Descriptor> Connect(const std::string& host, int port, absl::Time deadline);
// A descriptor that becomes readable when Ring is called, to end a poll from another thread.
absl::StatusOr<Descriptor> NewBell();
void Ring(const Descriptor& bell);
void ClearBell(const Descriptor& bell);

struct Frame {
  uint8_t type = 0;
  std::string payload;
};

// Writes a payload; the order of the calls is the format.
class Packer {
 public:
  Packer& Number(int64_t value);
  Packer& Text(std::string_view text);
  std::string Take() { return std::move(payload_); }

 private:
  std::string payload_;
};

// Reads a payload back. After something that does not fit, ok() is false and values are empty.
class Unpacker {
 public:
  explicit Unpacker(std::string_view payload) : rest_(payload) {}
  int64_t Number();
  std::string Text();
  bool ok() const { return ok_; }

 private:
  std::string_view Bytes(size_t count);
  std::string_view rest_;
  bool ok_ = true;
};

class Connection {
 public:
  // Takes over a connected socket and makes it non-blocking.
  explicit Connection(Descriptor socket);

  int fd() const { return socket_.get(); }
  bool has_output() const { return sent_ < output_.size(); }
  void Queue(uint8_t type, std::string_view payload);
  // Sends what the socket takes now. Unavailable when the other side is gone.
  absl::Status Flush();
  // Appends the frames that have come. Unavailable at the end of the stream or on an error,
  // DataLoss on bytes that are no frame; frames before that are appended all the same.
  absl::Status Receive(std::vector<Frame>& frames);

 private:
  absl::Status TakeFrames(std::vector<Frame>& frames);
  Descriptor socket_;
  std::string input_;
  std::string output_;
  size_t sent_ = 0;
};

}  // namespace tessera::comm
