#include "cpp/interop/gguf_file.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/base/text.h"
#include "cpp/config/plain_json.h"
#include "cpp/interop/gguf_blocks.h"

namespace tessera {
namespace {

constexpr uint64_t kMostKeys = 1 << 16;
constexpr uint64_t kMostTensors = 1 << 20;
constexpr uint64_t kMostItems = 1 << 22;      // of all lists
constexpr uint64_t kLongestText = 16 << 20;
constexpr size_t kShortList = 1024;           // longer ones are kept apart
constexpr int64_t kMostKeyParts = 8;
constexpr uint32_t kMostDims = 8;
constexpr int64_t kDefaultAlignment = 32, kMostAlignment = 1 << 20;
constexpr size_t kBufferBytes = 1 << 20;

// Reads forward through a file, piece by piece.
class Cursor {
 public:
  explicit Cursor(const ReadableFile& file) : file_(file) {}

  int64_t at() const { return begin_ + static_cast<int64_t>(next_); }
  uint64_t left() const { return static_cast<uint64_t>(file_.bytes() - at()); }

  absl::Status Read(void* out, size_t bytes) {
    if (bytes > left()) {
      return absl::DataLossError(
          absl::StrCat("byte ", at(), ": expected ", bytes, " more bytes, got ", left()));
    }
    char* to = static_cast<char*>(out);
    while (bytes > 0) {
      if (next_ == buffer_.size()) RETURN_IF_ERROR(Fill());
      const size_t part = std::min(bytes, buffer_.size() - next_);
      std::memcpy(to, buffer_.data() + next_, part);
      next_ += part;
      to += part;
      bytes -= part;
    }
    return absl::OkStatus();
  }
  template <typename T>
  absl::StatusOr<T> Number() {
    T value;
    RETURN_IF_ERROR(Read(&value, sizeof(value)));
    return value;
  }
  absl::StatusOr<std::string> Text() {
    ASSIGN_OR_RETURN(const uint64_t length, Number<uint64_t>());
    if (length > kLongestText || length > left()) {
      return absl::DataLossError(
          absl::StrCat("byte ", at(), ": expected a text of at most ",
                       std::min(left(), kLongestText), " bytes, got ", length));
    }
    std::string text(length, '\0');
    RETURN_IF_ERROR(Read(text.data(), text.size()));
    return text;
  }

 private:
  absl::Status Fill() {
    begin_ += static_cast<int64_t>(buffer_.size());
    next_ = 0;
    buffer_.resize(std::min<uint64_t>(kBufferBytes, static_cast<uint64_t>(file_.bytes() - begin_)));
    return file_.ReadAt(begin_, buffer_.data(), buffer_.size());
  }

  const ReadableFile& file_;
  int64_t begin_ = 0;
  size_t next_ = 0;
  std::vector<char> buffer_;
};

enum ValueType : uint32_t {
  kU8 = 0, kI8, kU16, kI16, kU32, kI32, kF32, kBool, kText, kList, kU64, kI64, kF64
};

template <typename T>
absl::StatusOr<ConfigValue> Integer(Cursor& cursor) {
  ASSIGN_OR_RETURN(const T value, cursor.Number<T>());
  if constexpr (sizeof(T) == 8 && std::is_unsigned_v<T>) {
    if (value > static_cast<T>(std::numeric_limits<int64_t>::max())) {
      return ConfigValue(static_cast<double>(value));
    }
  }
  return ConfigValue(static_cast<int64_t>(value));
}

absl::StatusOr<ConfigValue> Value(Cursor& cursor, uint32_t type, uint64_t* items_left);

absl::StatusOr<ConfigValue> ListValue(Cursor& cursor, uint64_t* items_left) {
  ASSIGN_OR_RETURN(const uint32_t type, cursor.Number<uint32_t>());
  ASSIGN_OR_RETURN(const uint64_t count, cursor.Number<uint64_t>());
  if (type == kList) return absl::UnimplementedError("a list of lists");
  if (count > *items_left || count > cursor.left()) {
    return absl::DataLossError(absl::StrCat("byte ", cursor.at(), ": expected a list of at most ",
                                            std::min(*items_left, cursor.left()), ", got ", count));
  }
  *items_left -= count;
  ConfigValue::List list;
  for (uint64_t i = 0; i < count; ++i) {
    ASSIGN_OR_RETURN(ConfigValue item, Value(cursor, type, items_left));
    list.push_back(std::move(item));
  }
  return ConfigValue(std::move(list));
}

absl::StatusOr<ConfigValue> Value(Cursor& cursor, uint32_t type, uint64_t* items_left) {
  switch (type) {
    case kU8: return Integer<uint8_t>(cursor);
    case kI8: return Integer<int8_t>(cursor);
    case kU16: return Integer<uint16_t>(cursor);
    case kI16: return Integer<int16_t>(cursor);
    case kU32: return Integer<uint32_t>(cursor);
    case kI32: return Integer<int32_t>(cursor);
    case kU64: return Integer<uint64_t>(cursor);
    case kI64: return Integer<int64_t>(cursor);
    case kF32: {
      ASSIGN_OR_RETURN(const float value, cursor.Number<float>());
      return ConfigValue(static_cast<double>(value));
    }
    case kF64: {
      ASSIGN_OR_RETURN(const double value, cursor.Number<double>());
      return ConfigValue(value);
    }
    case kBool: {
      ASSIGN_OR_RETURN(const uint8_t value, cursor.Number<uint8_t>());
      return ConfigValue(value != 0);
    }
    case kText: {
      ASSIGN_OR_RETURN(std::string value, cursor.Text());
      return ConfigValue(std::move(value));
    }
    case kList: return ListValue(cursor, items_left);
    default:
      return absl::DataLossError(
          absl::StrCat("byte ", cursor.at(), ": expected a type from 0 to 12, got ", type));
  }
}

// The dims of a tensor, slowest first, and how many bytes it takes.
absl::StatusOr<int64_t> BytesOf(const GgufType& type, const std::vector<int64_t>& dims) {
  ASSIGN_OR_RETURN(const int64_t count, ElementCount(dims));
  const int64_t row = dims.empty() ? 1 : dims.back();
  if (row % type.block != 0 || count / type.block > INT64_MAX / type.block_bytes) {
    return absl::DataLossError(
        absl::StrCat("expected rows of a multiple of ", type.block, ", got ", row));
  }
  return count / type.block * type.block_bytes;
}

absl::Status ReadKey(Cursor& cursor, uint64_t* items_left, std::string& key, ConfigValue& value) {
  ASSIGN_OR_RETURN(key, cursor.Text());
  ASSIGN_OR_RETURN(const uint32_t type, cursor.Number<uint32_t>());
  ASSIGN_OR_RETURN(value, Value(cursor, type, items_left));
  if (key.empty() || std::count(key.begin(), key.end(), '.') >= kMostKeyParts) {
    return absl::DataLossError(absl::StrCat("key ", Quoted(key), ": expected a name of at most ",
                                            kMostKeyParts, " parts"));
  }
  return absl::OkStatus();
}

struct TensorHead {
  WeightInfo info;
  uint32_t type = 0;
  int64_t offset = 0, bytes = 0;
};

absl::StatusOr<TensorHead> ReadTensorHead(Cursor& cursor) {
  TensorHead head;
  ASSIGN_OR_RETURN(head.info.name, cursor.Text());
  ASSIGN_OR_RETURN(const uint32_t rank, cursor.Number<uint32_t>());
  if (rank > kMostDims) {
    return absl::DataLossError(absl::StrCat("tensor ", Quoted(head.info.name),
                                            ": expected at most ", kMostDims, " dims, got ", rank));
  }
  for (uint32_t d = 0; d < rank; ++d) {
    ASSIGN_OR_RETURN(const int64_t dim, cursor.Number<int64_t>());
    head.info.dims.insert(head.info.dims.begin(), dim);
  }
  ASSIGN_OR_RETURN(head.type, cursor.Number<uint32_t>());
  ASSIGN_OR_RETURN(head.offset, cursor.Number<int64_t>());
  const GgufType* type = FindGgufType(head.type);
  if (type == nullptr) {
    return absl::UnimplementedError(
        absl::StrCat("tensor ", Quoted(head.info.name), ": ggml type ", head.type,
                     " is not read here; known are F32, F16, BF16, F64, Q4_0, Q4_1, Q5_0, Q5_1 "
                     "and Q8_0"));
  }
  head.info.dtype = type->dtype;
  const auto bytes = BytesOf(*type, head.info.dims);
  if (!bytes.ok()) {
    return absl::DataLossError(
        absl::StrCat("tensor ", Quoted(head.info.name), ": ", bytes.status().message()));
  }
  head.bytes = *bytes;
  return head;
}

}  // namespace

absl::StatusOr<std::unique_ptr<GgufFile>> GgufFile::Open(const std::string& path,
                                                         FileStore* store) {
  std::unique_ptr<GgufFile> file(new GgufFile);
  file->path_ = path;
  ASSIGN_OR_RETURN(file->file_, StoreOrLocal(store).Open(path));
  if (const absl::Status read = file->ReadHead(); !read.ok()) {
    return absl::Status(read.code(), absl::StrCat(path, ": ", read.message()));
  }
  return file;
}

absl::Status GgufFile::ReadHead() {
  Cursor cursor(*file_);
  char magic[4];
  RETURN_IF_ERROR(cursor.Read(magic, sizeof(magic)));
  ASSIGN_OR_RETURN(const uint32_t version, cursor.Number<uint32_t>());
  if (std::memcmp(magic, "GGUF", 4) != 0 || version < 2 || version > 3) {
    return absl::DataLossError("expected a GGUF file of version 2 or 3, got something else");
  }
  ASSIGN_OR_RETURN(const uint64_t tensor_count, cursor.Number<uint64_t>());
  ASSIGN_OR_RETURN(const uint64_t key_count, cursor.Number<uint64_t>());
  if (tensor_count > kMostTensors || key_count > kMostKeys) {
    return absl::DataLossError(absl::StrCat("expected at most ", kMostTensors, " tensors and ",
                                            kMostKeys, " keys, got ", tensor_count, " and ",
                                            key_count));
  }
  metadata_ = ConfigValue(ConfigValue::Table());
  uint64_t items_left = kMostItems;
  for (uint64_t i = 0; i < key_count; ++i) {
    std::string key;
    ConfigValue value;
    RETURN_IF_ERROR(ReadKey(cursor, &items_left, key, value));
    if (ConfigValue::List* list = value.AsList(); list != nullptr && list->size() > kShortList) {
      lists_[key] = std::move(*list);
    } else {
      PutAt(metadata_, key, std::move(value));
    }
  }
  for (uint64_t i = 0; i < tensor_count; ++i) {
    ASSIGN_OR_RETURN(TensorHead head, ReadTensorHead(cursor));
    if (!places_.try_emplace(head.info.name, Place{head.type, head.offset, head.bytes}).second) {
      return absl::DataLossError(
          absl::StrCat("tensor ", Quoted(head.info.name), " stands twice"));
    }
    weights_.push_back(std::move(head.info));
  }
  std::sort(weights_.begin(), weights_.end(),
            [](const WeightInfo& a, const WeightInfo& b) { return a.name < b.name; });
  return PlaceTensors(cursor.at());
}

absl::Status GgufFile::PlaceTensors(int64_t head_bytes) {
  const ConfigValue* given = FindAt(metadata_, "general.alignment");
  const int64_t alignment =
      given != nullptr && given->AsInt() != nullptr ? *given->AsInt() : kDefaultAlignment;
  if (alignment < 1 || alignment > kMostAlignment) {
    return absl::DataLossError(absl::StrCat("general.alignment: expected 1 to ", kMostAlignment,
                                            ", got ", alignment));
  }
  const int64_t data = (head_bytes + alignment - 1) / alignment * alignment;
  for (auto& [name, place] : places_) {
    const int64_t left = file_->bytes() - data;
    if (place.offset < 0 || left < 0 || place.offset > left || place.bytes > left - place.offset) {
      return absl::DataLossError(absl::StrCat("tensor ", Quoted(name), ": its ", place.bytes,
                                              " bytes at ", place.offset,
                                              " of the data do not lie in the file"));
    }
    place.offset += data;
  }
  return absl::OkStatus();
}

const ConfigValue::List* GgufFile::LongList(std::string_view key) const {
  const auto found = lists_.find(key);
  if (found != lists_.end()) return &found->second;
  const ConfigValue* value = FindAt(metadata_, key);
  return value == nullptr ? nullptr : value->AsList();
}

absl::StatusOr<Tensor> GgufFile::Read(std::string_view name) const {
  const WeightInfo* info = Find(name);
  const auto place = places_.find(name);
  if (info == nullptr || place == places_.end()) {
    return absl::NotFoundError(absl::StrCat(path_, ": there is no tensor ", Quoted(name)));
  }
  const GgufType* type = FindGgufType(place->second.type);
  ASSIGN_OR_RETURN(Tensor tensor, Tensor::Zeros(info->dtype, info->dims));
  if (type->block == 1) {
    RETURN_IF_ERROR(file_->ReadAt(place->second.offset, tensor.data(), tensor.bytes()));
    return tensor;
  }
  // A piece at a time: the quantised bytes are not all needed beside the others.
  const int64_t blocks = place->second.bytes / type->block_bytes;
  constexpr int64_t kBlocksAtOnce = 1 << 14;
  std::vector<unsigned char> piece;
  for (int64_t done = 0; done < blocks; done += kBlocksAtOnce) {
    const int64_t count = std::min(kBlocksAtOnce, blocks - done);
    piece.resize(static_cast<size_t>(count * type->block_bytes));
    RETURN_IF_ERROR(file_->ReadAt(place->second.offset + done * type->block_bytes, piece.data(),
                                  piece.size()));
    DequantiseToBF16(*type, piece.data(), static_cast<size_t>(count),
                     tensor.data_as<uint16_t>() + done * type->block);
  }
  return tensor;
}

}  // namespace tessera
