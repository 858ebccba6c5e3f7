// Functions of tessera_store.h: checkpoint stores whose objects a host's callbacks keep.
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "capi/src/internal/arguments.h"
#include "capi/src/internal/guard.h"
#include "capi/src/internal/host_callback.h"
#include "capi/src/internal/inspection.h"
#include "capi/src/internal/listing_object.h"
#include "capi/src/internal/objects.h"
#include "capi/src/internal/runtime_object.h"
#include "capi/src/internal/scope_object.h"
#include "cpp/base/status_macros.h"
#include "cpp/ckpt/checkpoint_reader.h"
#include "cpp/ckpt/object_store.h"
#include "cpp/ckpt/store_table.h"

namespace tessera::capi {

absl::Status ListingObject::Add(std::string_view name, int64_t bytes) {
  RETURN_IF_ERROR(status_);
  if (bytes < 0) {
    status_ = absl::InvalidArgumentError(
        absl::StrCat("bytes: expected the length of ", name, ", got ", bytes));
  } else if (!absl::StartsWith(name, prefix_)) {
    status_ = absl::InvalidArgumentError(
        absl::StrCat("name: expected one that begins with '", prefix_, "', got '", name, "'"));
  } else if (!names_.emplace(name).second) {
    status_ = absl::InvalidArgumentError(absl::StrCat("name: '", name, "' is there already"));
  } else {
    objects_.push_back({std::string(name), bytes});
  }
  return status_;
}

namespace {

class HostStore : public ObjectStore {
 public:
  HostStore(const tsr_store_def& def, std::shared_ptr<const HostCallback> callback)
      : name_(def.name), def_(def), callback_(std::move(callback)) {}

  absl::Status Write(const std::string& name, int64_t offset, std::string_view bytes,
                     bool is_last) override {
    return CallHost(What("write of", name), [&] {
      return def_.write(callback_->user(), name.data(), name.size(), offset, bytes.data(),
                        bytes.size(), is_last ? 1 : 0);
    });
  }

  absl::StatusOr<size_t> Read(const std::string& name, int64_t offset, void* out,
                              size_t bytes) override {
    size_t got = 0;
    RETURN_IF_ERROR(CallHost(What("read of", name), [&] {
      return def_.read(callback_->user(), name.data(), name.size(), offset, out, bytes, &got);
    }));
    return got;
  }

  absl::StatusOr<std::vector<StoredObject>> List(const std::string& prefix) override {
    const auto listing = std::make_shared<ListingObject>(prefix);
    tsr_listing* const handle = NewHandle<tsr_listing>(listing);
    const absl::Status status = CallHost(What("list of", prefix), [&] {
      return def_.list(callback_->user(), prefix.data(), prefix.size(), handle);
    });
    FreeHandle(handle);
    RETURN_IF_ERROR(status);
    // What the callback was told and did not pass on.
    const absl::Status& told = listing->status();
    if (!told.ok()) {
      return absl::Status(told.code(), absl::StrCat(What("list of", prefix), ": ", told.message()));
    }
    return listing->TakeObjects();
  }

  absl::Status Rename(const std::string& from, const std::string& to) override {
    return CallHost(What("rename of", from), [&] {
      return def_.rename(callback_->user(), from.data(), from.size(), to.data(), to.size());
    });
  }

  absl::Status Remove(const std::string& name) override {
    return CallHost(What("remove of", name), [&] {
      return def_.remove(callback_->user(), name.data(), name.size());
    });
  }

 private:
  std::string What(std::string_view verb, std::string_view name) const {
    return absl::StrCat("checkpoint store '", name_, "': ", verb, " '", name, "'");
  }

  const std::string name_;
  const tsr_store_def def_;
  const std::shared_ptr<const HostCallback> callback_;
};

absl::Status Register(RuntimeObject& runtime, const tsr_store_def& def,
                      std::shared_ptr<const HostCallback> callback) {
  RETURN_IF_ERROR(CheckPointer(def.name, "def.name"));
  RETURN_IF_ERROR(CheckPointer(reinterpret_cast<const void*>(def.write), "def.write"));
  RETURN_IF_ERROR(CheckPointer(reinterpret_cast<const void*>(def.read), "def.read"));
  RETURN_IF_ERROR(CheckPointer(reinterpret_cast<const void*>(def.list), "def.list"));
  RETURN_IF_ERROR(CheckPointer(reinterpret_cast<const void*>(def.rename), "def.rename"));
  RETURN_IF_ERROR(CheckPointer(reinterpret_cast<const void*>(def.remove), "def.remove"));
  ASSIGN_OR_RETURN(const std::string_view name,
                   ReadName(def.name, std::strlen(def.name), "def.name"));
  if (def.is_shared != 0 && def.is_shared != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("def.is_shared: expected 0 or 1, got ", def.is_shared));
  }
  return runtime.stores().Register(
      std::string(name),
      NewObjectFileStore(std::string(name), std::make_unique<HostStore>(def, std::move(callback)),
                         def.is_shared == 0));
}

absl::StatusOr<Tensor> ReadTensor(RuntimeObject& runtime, const std::string& path,
                                  std::string_view name, std::string_view slot) {
  ASSIGN_OR_RETURN(FileStore* const store, StoreOfPath(&runtime.stores(), path));
  ASSIGN_OR_RETURN(const std::string found, ResolveCheckpoint(path, store));
  ASSIGN_OR_RETURN(const std::unique_ptr<CheckpointReader> reader,
                   CheckpointReader::Open(found, store));
  if (!slot.empty()) return reader->Read(TensorKind::kSlot, name, slot);
  const bool is_state = reader->Find(TensorKind::kParameter, name) == nullptr &&
                        reader->Find(TensorKind::kState, name) != nullptr;
  return reader->Read(is_state ? TensorKind::kState : TensorKind::kParameter, name);
}

}  // namespace
}  // namespace tessera::capi

tsr_status* tsr_runtime_register_store(tsr_runtime* runtime, const tsr_store_def* def) {
  using namespace tessera::capi;  // NOLINT: one function
  return Guard([&](Call& call) -> absl::Status {
    constexpr uint32_t kFirstVersion = sizeof(tsr_store_def);
    ASSIGN_OR_RETURN(const tsr_store_def full, ReadStruct(def, kFirstVersion, "def"));
    // From here on `destroy` is called, however this ends.
    auto callback = std::make_shared<const HostCallback>(full.user, full.destroy);
    ASSIGN_OR_RETURN(const auto owner, call.Use(runtime, "runtime"));
    return Register(*owner, full, std::move(callback));
  });
}

tsr_status* tsr_listing_add(tsr_listing* listing, const char* name, size_t name_len,
                            int64_t bytes) {
  using namespace tessera::capi;  // NOLINT: one function
  return Guard([&](Call& call) -> absl::Status {
    ASSIGN_OR_RETURN(const auto object, call.Use(listing, "listing"));
    ASSIGN_OR_RETURN(const std::string_view read, ReadName(name, name_len, "name"));
    return object->Add(read, bytes);
  });
}

tsr_status* tsr_runtime_inspect(tsr_runtime* runtime, const char* path, size_t path_len,
                                int32_t verify, char** out_text, size_t* out_len) {
  using namespace tessera::capi;  // NOLINT: one function
  return Guard([&](Call& call) -> absl::Status {
    ASSIGN_OR_RETURN(const auto object, call.Use(runtime, "runtime"));
    RETURN_IF_ERROR(CheckTextOut(out_text, out_len));
    ASSIGN_OR_RETURN(const std::string folder, ReadPath(path, path_len, "path"));
    ASSIGN_OR_RETURN(const std::string json, Inspect(&object->stores(), folder, verify != 0));
    return GiveText(json, out_text, out_len);
  });
}

tsr_status* tsr_runtime_read_tensor(tsr_runtime* runtime, const char* path, size_t path_len,
                                    const char* name, size_t name_len, const char* slot,
                                    size_t slot_len, tsr_tensor** out_tensor) {
  using namespace tessera::capi;  // NOLINT: one function
  return Guard([&](Call& call) -> absl::Status {
    ASSIGN_OR_RETURN(const auto object, call.Use(runtime, "runtime"));
    RETURN_IF_ERROR(CheckPointer(out_tensor, "out_tensor"));
    ASSIGN_OR_RETURN(const std::string folder, ReadPath(path, path_len, "path"));
    ASSIGN_OR_RETURN(const std::string_view of, ReadName(name, name_len, "name"));
    ASSIGN_OR_RETURN(const std::string_view kept, ReadText(slot, slot_len, "slot"));
    ASSIGN_OR_RETURN(tessera::Tensor tensor, ReadTensor(*object, folder, of, kept));
    *out_tensor = NewHandle<tsr_tensor>(
        std::make_shared<TensorObject>(TensorObject{std::move(tensor)}));
    return absl::OkStatus();
  });
}
