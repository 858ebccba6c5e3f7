#include "cpp/comm/wire.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cpp/base/status_macros.h"

namespace tessera::comm {
namespace {

// Enough for the addresses of 10,000 ranks in one value; anything larger is not ours.
constexpr uint32_t kMaxPayloadBytes = 4 << 20;
constexpr size_t kHeaderBytes = 5;
constexpr absl::Duration kRetryPause = absl::Milliseconds(50);

std::string SystemText(int error) { return std::strerror(error); }

void PutU32(uint32_t value, std::string& out) {
  for (int i = 0; i < 4; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

uint32_t GetU32(std::string_view bytes) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) {
    value |= static_cast<uint32_t>(static_cast<uint8_t>(bytes[i])) << (8 * i);
  }
  return value;
}

using AddressList = std::unique_ptr<addrinfo, void (*)(addrinfo*)>;

absl::StatusOr<AddressList> Resolve(const std::string& host, int port, bool to_listen) {
  addrinfo hints = {};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | (to_listen ? AI_PASSIVE : 0);
  addrinfo* found = nullptr;
  const int error = getaddrinfo(host.empty() ? nullptr : host.c_str(),
                                std::to_string(port).c_str(), &hints, &found);
  if (error != 0) {
    return absl::UnavailableError(absl::StrCat("address ", host, ": ", gai_strerror(error)));
  }
  return AddressList(found, freeaddrinfo);
}

// 0, or the error of the system.
int TryConnect(const addrinfo& address, absl::Time deadline, Descriptor* connected) {
  Descriptor socket(::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.is_open()) return errno;
  if (::connect(socket.get(), address.ai_addr, address.ai_addrlen) != 0) {
    if (errno != EINPROGRESS) return errno;
    pollfd waited = {socket.get(), POLLOUT, 0};
    const int64_t left_ms = absl::ToInt64Milliseconds(deadline - absl::Now());
    const int ready = ::poll(&waited, 1, static_cast<int>(std::max<int64_t>(left_ms, 0)));
    if (ready == 0) return ETIMEDOUT;
    int error = 0;
    socklen_t size = sizeof(error);
    if (ready < 0 || ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
      return errno;
    }
    if (error != 0) return error;
  }
  *connected = std::move(socket);
  return 0;
}

}  // namespace

void Descriptor::Close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

absl::StatusOr<Descriptor> Listen(const std::string& host, int port) {
  ASSIGN_OR_RETURN(AddressList addresses, Resolve(host, port, /*to_listen=*/true));
  int error = EADDRNOTAVAIL;
  for (const addrinfo* address = addresses.get(); address; address = address->ai_next) {
    Descriptor socket(::socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int on = 1;
    if (socket.is_open() &&
        ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
        ::bind(socket.get(), address->ai_addr, address->ai_addrlen) == 0 &&
        ::listen(socket.get(), SOMAXCONN) == 0) {
      return socket;
    }
    error = errno;
  }
  return absl::UnavailableError(
      absl::StrCat("listening on ", host, ":", port, ": ", SystemText(error)));
}

absl::StatusOr<int> LocalPort(const Descriptor& socket) {
  sockaddr_storage address = {};
  socklen_t size = sizeof(address);
  if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return absl::InternalError(absl::StrCat("getsockname: ", SystemText(errno)));
  }
  const bool is_v6 = address.ss_family == AF_INET6;
  return ntohs(is_v6 ? reinterpret_cast<sockaddr_in6*>(&address)->sin6_port
                     : reinterpret_cast<sockaddr_in*>(&address)->sin_port);
}

absl::StatusOr<std::string> LocalAddress(const Descriptor& socket) {
  sockaddr_storage address = {};
  socklen_t size = sizeof(address);
  char text[NI_MAXHOST] = {};
  if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
      ::getnameinfo(reinterpret_cast<sockaddr*>(&address), size, text, sizeof(text), nullptr, 0,
                    NI_NUMERICHOST) != 0) {
    return absl::InternalError(absl::StrCat("getsockname: ", SystemText(errno)));
  }
  return std::string(text);
}

absl::StatusOr<Descriptor> Connect(const std::string& host, int port, absl::Time deadline) {
  int error = 0;
  do {
    ASSIGN_OR_RETURN(AddressList addresses, Resolve(host, port, /*to_listen=*/false));
    for (const addrinfo* address = addresses.get(); address; address = address->ai_next) {
      Descriptor socket;
      error = TryConnect(*address, deadline, &socket);
      if (error != 0) continue;
      const int on = 1;
      ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
      return socket;
    }
    // The other side may only be about to start.
    absl::SleepFor(std::min(kRetryPause, std::max(deadline - absl::Now(), absl::ZeroDuration())));
  } while (absl::Now() < deadline);
  return absl::DeadlineExceededError(
      absl::StrCat("connecting to ", host, ":", port, ": ", SystemText(error)));
}

absl::StatusOr<Descriptor> NewBell() {
  Descriptor bell(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!bell.is_open()) {
    return absl::ResourceExhaustedError(absl::StrCat("eventfd: ", SystemText(errno)));
  }
  return bell;
}

void Ring(const Descriptor& bell) {
  const uint64_t one = 1;
  // Full means that it rings already.
  [[maybe_unused]] const ssize_t written = ::write(bell.get(), &one, sizeof(one));
}

void ClearBell(const Descriptor& bell) {
  uint64_t count;
  [[maybe_unused]] const ssize_t taken = ::read(bell.get(), &count, sizeof(count));
}

Packer& Packer::Number(int64_t value) {
  PutU32(static_cast<uint32_t>(value), payload_);
  PutU32(static_cast<uint32_t>(static_cast<uint64_t>(value) >> 32), payload_);
  return *this;
}

Packer& Packer::Text(std::string_view text) {
  PutU32(static_cast<uint32_t>(text.size()), payload_);
  payload_.append(text);
  return *this;
}

std::string_view Unpacker::Bytes(size_t count) {
  if (!ok_ || rest_.size() < count) {
    ok_ = false;
    return {};
  }
  const std::string_view bytes = rest_.substr(0, count);
  rest_.remove_prefix(count);
  return bytes;
}

int64_t Unpacker::Number() {
  const std::string_view bytes = Bytes(8);
  if (!ok_) return 0;
  return static_cast<int64_t>(GetU32(bytes) | static_cast<uint64_t>(GetU32(bytes.substr(4))) << 32);
}

std::string Unpacker::Text() {
  const std::string_view size = Bytes(4);
  if (!ok_) return "";
  return std::string(Bytes(GetU32(size)));
}

Connection::Connection(Descriptor socket) : socket_(std::move(socket)) {
  const int flags = ::fcntl(socket_.get(), F_GETFL, 0);
  ::fcntl(socket_.get(), F_SETFL, flags | O_NONBLOCK);
}

void Connection::Queue(uint8_t type, std::string_view payload) {
  PutU32(static_cast<uint32_t>(payload.size()), output_);
  output_.push_back(static_cast<char>(type));
  output_.append(payload);
}

absl::Status Connection::Flush() {
  while (has_output()) {
    // No SIGPIPE: the host may not expect one.
    const ssize_t written = ::send(socket_.get(), output_.data() + sent_, output_.size() - sent_,
                                   MSG_NOSIGNAL);
    if (written > 0) {
      sent_ += static_cast<size_t>(written);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return absl::OkStatus();
    } else if (errno != EINTR) {
      return absl::UnavailableError(SystemText(errno));
    }
  }
  output_.clear();
  sent_ = 0;
  return absl::OkStatus();
}

absl::Status Connection::Receive(std::vector<Frame>& frames) {
  char buffer[16384];
  for (;;) {
    const ssize_t got = ::recv(socket_.get(), buffer, sizeof(buffer), 0);
    if (got > 0) {
      input_.append(buffer, static_cast<size_t>(got));
      RETURN_IF_ERROR(TakeFrames(frames));
    } else if (got == 0) {
      return absl::UnavailableError("connection closed");
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return absl::OkStatus();
    } else if (errno != EINTR) {
      return absl::UnavailableError(SystemText(errno));
    }
  }
}

absl::Status Connection::TakeFrames(std::vector<Frame>& frames) {
  size_t at = 0;
  while (input_.size() - at >= kHeaderBytes) {
    const uint32_t size = GetU32(std::string_view(input_).substr(at));
    if (size > kMaxPayloadBytes) {
      return absl::DataLossError(absl::StrCat("a frame of ", size, " bytes; expected at most ",
                                              kMaxPayloadBytes));
    }
    if (input_.size() - at - kHeaderBytes < size) break;
    frames.push_back({static_cast<uint8_t>(input_[at + 4]),
                      input_.substr(at + kHeaderBytes, size)});
    at += kHeaderBytes + size;
  }
  input_.erase(0, at);
  return absl::OkStatus();
}

}  // namespace tessera::comm
