// tessera_store.hpp - checkpoint stores for C++17: a part of tessera.hpp, which includes it.
//
//   class Bucket : public tessera::CheckpointStore { ... };
//   tessera::RegisterStore(runtime, "bucket", std::make_unique<Bucket>());
//   config.Set("trainer.checkpoint_folder", "bucket://runs/a");
//
// What the functions are to do is said in tessera_store.h, under the same name.
#ifndef TESSERA_STORE_HPP_
#define TESSERA_STORE_HPP_

#ifndef TESSERA_HPP_
#error "include tessera.hpp, which includes this header"
#endif

namespace tessera {

// A place for named objects. Called by one thread at a time; what it throws leaves the call that
// saves or loads.
class CheckpointStore {
 public:
  using Add = std::function<void(std::string_view name, int64_t bytes)>;

  virtual ~CheckpointStore() = default;
  virtual void Write(std::string_view name, int64_t offset, std::string_view bytes,
                     bool is_last) = 0;
  // Fills `buffer`; returns how many bytes there were, at most `size`.
  virtual size_t Read(std::string_view name, int64_t offset, char* buffer, size_t size) = 0;
  virtual void List(std::string_view prefix, const Add& add) = 0;
  virtual void Rename(std::string_view from, std::string_view to) = 0;
  virtual void Remove(std::string_view name) = 0;
};

namespace internal {

// Calls `act` with the store; what it throws becomes the status.
template <typename Act>
tsr_status* InStore(void* user, Act act) {
  try {
    act(**static_cast<std::unique_ptr<CheckpointStore>*>(user));
    return nullptr;
  } catch (...) {
    return Exceptions::Get().Keep();
  }
}

inline void FillStore(tsr_store_def& def) {
  def.write = [](void* user, const char* name, size_t name_len, int64_t offset, const void* bytes,
                 size_t len, int32_t last) -> tsr_status* {
    return InStore(user, [&](CheckpointStore& store) {
      store.Write({name, name_len}, offset, {static_cast<const char*>(bytes), len}, last != 0);
    });
  };
  def.read = [](void* user, const char* name, size_t name_len, int64_t offset, void* buffer,
                size_t len, size_t* out_len) -> tsr_status* {
    return InStore(user, [&](CheckpointStore& store) {
      *out_len = store.Read({name, name_len}, offset, static_cast<char*>(buffer), len);
    });
  };
  def.list = [](void* user, const char* prefix, size_t prefix_len,
                tsr_listing* listing) -> tsr_status* {
    return InStore(user, [&](CheckpointStore& store) {
      store.List({prefix, prefix_len}, [listing](std::string_view name, int64_t bytes) {
        Check(tsr_listing_add(listing, name.data(), name.size(), bytes));
      });
    });
  };
  def.rename = [](void* user, const char* from, size_t from_len, const char* to,
                  size_t to_len) -> tsr_status* {
    return InStore(user, [&](CheckpointStore& store) {
      store.Rename({from, from_len}, {to, to_len});
    });
  };
  def.remove = [](void* user, const char* name, size_t name_len) -> tsr_status* {
    return InStore(user, [&](CheckpointStore& store) { store.Remove({name, name_len}); });
  };
}

}  // namespace internal

// With `is_shared` other processes save there too.
inline void RegisterStore(const Runtime& runtime, const std::string& name,
                          std::unique_ptr<CheckpointStore> store, bool is_shared = false) {
  using Owned = std::unique_ptr<CheckpointStore>;
  tsr_store_def def{};
  def.struct_size = sizeof(def);
  def.is_shared = is_shared ? 1 : 0;
  def.name = name.c_str();
  internal::FillStore(def);
  def.user = new Owned(std::move(store));  // destroyed also when registering fails
  def.destroy = &internal::Destroy<Owned>;
  internal::Check(tsr_runtime_register_store(runtime.get(), &def));
}

// What a checkpoint holds, as JSON; `path` may be in a store of the runtime.
inline std::string InspectCheckpoint(const Runtime& runtime, std::string_view path,
                                     bool verify = false) {
  return internal::Text([&](char** text, size_t* len) {
    return tsr_runtime_inspect(runtime.get(), path.data(), path.size(), verify ? 1 : 0, text, len);
  });
}

// A parameter of a checkpoint, or what the optimizer keeps for it in `slot`.
inline Tensor ReadTensor(const Runtime& runtime, std::string_view path, std::string_view name,
                         std::string_view slot = "") {
  return Tensor(Tensor::Made([&](tsr_tensor** out) {
    return tsr_runtime_read_tensor(runtime.get(), path.data(), path.size(), name.data(),
                                   name.size(), slot.data(), slot.size(), out);
  }));
}

}  // namespace tessera

#endif  // TESSERA_STORE_HPP_
