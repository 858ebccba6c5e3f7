// HostCallback: a host's `user` pointer with its `destroy`, which is called exactly once.
#pragma once

namespace tessera::capi {

class HostCallback {
 public:
  using Destroy = void (*)(void* user);

  HostCallback(void* user, Destroy destroy) : user_(user), destroy_(destroy) {}
  HostCallback(const HostCallback&) = delete;
  HostCallback& operator=(const HostCallback&) = delete;
  // A destroy that throws is the host's fault; nobody could be told.
  ~HostCallback() {
    try {
      if (destroy_ != nullptr) destroy_(user_);
    } catch (...) {
      return;
    }
  }

  void* user() const { return user_; }

 private:
  void* const user_;
  const Destroy destroy_;
};

}  // namespace tessera::capi
