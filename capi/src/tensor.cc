// Functions of tessera.h about tensors; DLPack in and out.
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "capi/src/internal/arguments.h"
#include "capi/src/internal/guard.h"
#include "capi/src/internal/objects.h"
#include "cpp/base/status_macros.h"
#include "cpp/device/backend.h"
#include "dlpack/dlpack.h"

namespace {

using tessera::DType;
using tessera::Tensor;
using tessera::capi::Call;
using tessera::capi::CheckPointer;
using tessera::capi::Guard;
using tessera::capi::GuardValue;
using tessera::capi::TensorObject;

constexpr int kBitsPerByte = 8;

absl::Status GiveTensor(Tensor tensor, tsr_tensor** out_tensor) {
  auto object = std::make_shared<TensorObject>();
  object->tensor = std::move(tensor);
  *out_tensor = tessera::capi::NewHandle<tsr_tensor>(std::move(object));
  return absl::OkStatus();
}

absl::Status CheckRank(int64_t rank) {
  if (rank >= 0 && rank <= TSR_MAX_DIMS) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("rank: expected 0 to ", TSR_MAX_DIMS, ", got ", rank));
}

uint8_t DLCodeOf(DType dtype) {
  switch (dtype) {
    case DType::kF64:
    case DType::kF32:
    case DType::kF16:
      return kDLFloat;
    case DType::kBF16:
      return kDLBfloat;
    case DType::kI64:
    case DType::kI32:
    case DType::kI8:
      return kDLInt;
    case DType::kU32:
    case DType::kU16:
    case DType::kU8:
      return kDLUInt;
    case DType::kBool:
      return kDLBool;
  }
  return kDLOpaqueHandle;
}

DLDataType DLTypeOf(DType dtype) {
  return {DLCodeOf(dtype), static_cast<uint8_t>(tessera::SizeOf(dtype) * kBitsPerByte), 1};
}

absl::StatusOr<DType> DTypeOf(const DLDataType& type) {
  for (DType dtype : tessera::kAllDTypes) {
    const DLDataType known = DLTypeOf(dtype);
    if (known.code == type.code && known.bits == type.bits && type.lanes == 1) return dtype;
  }
  return absl::UnimplementedError(absl::StrCat(
      "dl_managed_tensor: expected a dtype of tsr_dtype, got DLPack code ",
      static_cast<int>(type.code), " with ", static_cast<int>(type.bits), " bits and ", type.lanes,
      " lanes"));
}

// Row-major without gaps; what has no elements, or one along a dim, may have any stride there.
bool IsDense(const DLTensor& tensor, int64_t count) {
  if (tensor.strides == nullptr || count == 0) return true;
  int64_t expected = 1;
  for (int i = tensor.ndim - 1; i >= 0; --i) {
    if (tensor.shape[i] != 1 && tensor.strides[i] != expected) return false;
    expected *= tensor.shape[i];
  }
  return true;
}

// A tensor over the memory of `dl`, which is not owned yet.
absl::StatusOr<Tensor> ReadDLTensor(const DLTensor& dl, std::function<void()> release) {
  if (dl.device.device_type != kDLCPU) {
    return absl::UnimplementedError(
        absl::StrCat("dl_managed_tensor: expected memory of the CPU (DLPack device 1), got device ",
                     static_cast<int>(dl.device.device_type), ":", dl.device.device_id));
  }
  RETURN_IF_ERROR(CheckRank(dl.ndim));
  if (dl.ndim > 0) RETURN_IF_ERROR(CheckPointer(dl.shape, "dl_managed_tensor.shape"));
  Tensor tensor;
  ASSIGN_OR_RETURN(tensor.dtype, DTypeOf(dl.dtype));
  if (dl.ndim > 0) tensor.dims.assign(dl.shape, dl.shape + dl.ndim);
  ASSIGN_OR_RETURN(const int64_t count, tessera::ElementCount(tensor.dims));
  if (count > PTRDIFF_MAX / static_cast<int64_t>(tessera::SizeOf(tensor.dtype))) {
    return absl::InvalidArgumentError(absl::StrCat(
        "dl_managed_tensor: expected a size that memory can hold, got ", tensor.TypeText()));
  }
  if (!IsDense(dl, count)) {
    return absl::UnimplementedError(absl::StrCat(
        "dl_managed_tensor: expected row-major strides without gaps for ", tensor.TypeText(),
        ", got [", absl::StrJoin(absl::MakeConstSpan(dl.strides, dl.ndim), ","),
        "]; copy it first"));
  }
  if (count > 0) RETURN_IF_ERROR(CheckPointer(dl.data, "dl_managed_tensor.data"));
  char* data = dl.data == nullptr ? nullptr : static_cast<char*>(dl.data) + dl.byte_offset;
  if (reinterpret_cast<uintptr_t>(data) % tessera::SizeOf(tensor.dtype) != 0) {
    return absl::UnimplementedError(absl::StrCat(
        "dl_managed_tensor: expected data aligned to ", tessera::SizeOf(tensor.dtype),
        " bytes for ", tensor.TypeText(), ", got an address that is not; copy it first"));
  }
  tensor.buffer = tessera::Buffer::Wrap(data, tensor.bytes(), std::move(release));
  return tensor;
}

// What tsr_tensor_to_dlpack gives away: ends when its deleter is called.
struct Lent {
  DLManagedTensor managed{};
  std::vector<int64_t> dims, strides;
  Tensor tensor;
};

// What `read` finds in the tensor, or `otherwise`.
template <typename Result, typename Read>
Result ReadTensor(const tsr_tensor* tensor, Result otherwise, Read read) {
  return GuardValue(otherwise, [&]() -> Result {
    const auto object = tessera::capi::ObjectOf(tensor, "tensor");
    return object.ok() ? read((*object)->tensor) : otherwise;
  });
}

}  // namespace

tsr_status* tsr_tensor_new(tsr_dtype dtype, const int64_t* dims, int32_t rank,
                           tsr_tensor** out_tensor) {
  return Guard([&](Call&) -> absl::Status {
    RETURN_IF_ERROR(CheckPointer(out_tensor, "out_tensor"));
    ASSIGN_OR_RETURN(const DType type, tessera::capi::ReadDType(dtype, "dtype"));
    RETURN_IF_ERROR(CheckRank(rank));
    ASSIGN_OR_RETURN(const auto sizes,
                     tessera::capi::ReadArray(dims, static_cast<size_t>(rank), "dims"));
    ASSIGN_OR_RETURN(Tensor tensor,
                     Tensor::Zeros(type, std::vector<int64_t>(sizes.begin(), sizes.end())));
    return GiveTensor(std::move(tensor), out_tensor);
  });
}

tsr_status* tsr_tensor_from_dlpack(void* dl_managed_tensor, tsr_tensor** out_tensor) {
  return Guard([&](Call&) -> absl::Status {
    RETURN_IF_ERROR(CheckPointer(dl_managed_tensor, "dl_managed_tensor"));
    RETURN_IF_ERROR(CheckPointer(out_tensor, "out_tensor"));
    auto* managed = static_cast<DLManagedTensor*>(dl_managed_tensor);
    // Ours only when nothing can fail any more: on error the caller keeps it.
    const auto is_ours = std::make_shared<std::atomic<bool>>(false);
    ASSIGN_OR_RETURN(Tensor tensor, ReadDLTensor(managed->dl_tensor, [managed, is_ours] {
                       if (is_ours->load() && managed->deleter != nullptr) {
                         managed->deleter(managed);
                       }
                     }));
    RETURN_IF_ERROR(GiveTensor(std::move(tensor), out_tensor));
    is_ours->store(true);
    return absl::OkStatus();
  });
}

tsr_status* tsr_tensor_to_dlpack(const tsr_tensor* tensor, void** out_dl_managed_tensor) {
  return Guard([&](Call& call) -> absl::Status {
    ASSIGN_OR_RETURN(const auto object, call.Use(tensor, "tensor"));
    RETURN_IF_ERROR(CheckPointer(out_dl_managed_tensor, "out_dl_managed_tensor"));
    auto lent = std::make_unique<Lent>();
    lent->tensor = object->tensor;
    lent->dims = lent->tensor.dims;
    lent->strides.assign(lent->dims.size(), 1);
    for (size_t i = lent->dims.size(); i > 1; --i) {
      lent->strides[i - 2] = lent->strides[i - 1] * std::max<int64_t>(lent->dims[i - 1], 1);
    }
    DLTensor& dl = lent->managed.dl_tensor;
    dl.data = lent->tensor.data();
    dl.device = {kDLCPU, 0};
    dl.ndim = static_cast<int32_t>(lent->dims.size());
    dl.dtype = DLTypeOf(lent->tensor.dtype);
    dl.shape = lent->dims.data();
    dl.strides = lent->strides.data();
    lent->managed.manager_ctx = lent.get();
    lent->managed.deleter = [](DLManagedTensor* self) {
      delete static_cast<Lent*>(self->manager_ctx);
    };
    *out_dl_managed_tensor = &lent.release()->managed;
    return absl::OkStatus();
  });
}

void tsr_tensor_free(tsr_tensor* tensor) { tessera::capi::FreeHandle(tensor); }

tsr_dtype tsr_tensor_dtype(const tsr_tensor* tensor) {
  return ReadTensor(tensor, static_cast<tsr_dtype>(0),
                    [](const Tensor& read) { return static_cast<tsr_dtype>(read.dtype); });
}

int32_t tsr_tensor_rank(const tsr_tensor* tensor) {
  return ReadTensor(tensor, int32_t{-1},
                    [](const Tensor& read) { return static_cast<int32_t>(read.dims.size()); });
}

int64_t tsr_tensor_dim(const tsr_tensor* tensor, int32_t index) {
  return ReadTensor(tensor, int64_t{-1}, [index](const Tensor& read) -> int64_t {
    if (index < 0 || static_cast<size_t>(index) >= read.dims.size()) return -1;
    return read.dims[static_cast<size_t>(index)];
  });
}

size_t tsr_tensor_bytes(const tsr_tensor* tensor) {
  return ReadTensor(tensor, size_t{0}, [](const Tensor& read) { return read.bytes(); });
}

void* tsr_tensor_data(const tsr_tensor* tensor) {
  return ReadTensor(tensor, static_cast<void*>(nullptr),
                    [](const Tensor& read) { return read.data(); });
}
