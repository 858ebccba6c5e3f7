#include "cpp/config/table_verifier.h"

#include "cpp/config/config.h"
#include "flatbuffers/flatbuffers.h"

namespace tessera {
namespace {

using flatbuffers::Table;
using flatbuffers::uoffset_t;

constexpr uoffset_t kMostTables = 1 << 20;

class TableVerifier {
 public:
  TableVerifier(const uint8_t* bytes, size_t size)
      : bytes_(bytes), verifier_(bytes, size, ConfigLimits::kDepth, kMostTables) {}

  const Table* Root(const TypeInfo& type) {
    const uint8_t* root = Target(0);
    return root != nullptr && IsTable(root, type) ? reinterpret_cast<const Table*>(root) : nullptr;
  }

 private:
  // What the offset at `place` points to; nullptr when either is outside.
  const uint8_t* Target(size_t place) const {
    const size_t offset = verifier_.VerifyOffset<uoffset_t>(place);
    return offset == 0 ? nullptr : bytes_ + place + offset;
  }

  bool IsTable(const uint8_t* start, const TypeInfo& type) {
    if (!verifier_.VerifyTableStart(start)) return false;
    const auto& table = *reinterpret_cast<const Table*>(start);
    for (const FieldInfo& field : type.fields) {
      if (field.kind == FieldKind::kSlot) continue;
      const size_t inside = table.GetOptionalFieldOffset(field.position);
      const size_t place = static_cast<size_t>(start - bytes_) + inside;
      if (inside != 0 && !IsField(place, field)) return false;
    }
    return verifier_.EndTable();
  }

  bool IsField(size_t place, const FieldInfo& field) {
    const bool is_referred = field.kind == FieldKind::kText || field.kind == FieldKind::kTable;
    if (!field.is_list) return is_referred ? IsReferred(place, field) : IsScalar(place, field);
    const uint8_t* list = Target(place);
    if (list == nullptr) return false;
    const size_t width = is_referred ? sizeof(uoffset_t) : WidthOf(field);
    if (!verifier_.VerifyVectorOrString<uoffset_t>(list, width)) return false;
    if (!is_referred) return true;  // read without regard to alignment
    const auto count = flatbuffers::ReadScalar<uoffset_t>(list);
    const size_t first = static_cast<size_t>(list - bytes_) + sizeof(uoffset_t);
    for (size_t k = 0; k < count; ++k) {
      if (!IsReferred(first + k * sizeof(uoffset_t), field)) return false;
    }
    return true;
  }

  bool IsReferred(size_t place, const FieldInfo& field) {
    const uint8_t* target = Target(place);
    if (target == nullptr) return false;
    if (field.kind == FieldKind::kTable) return IsTable(target, *field.table);
    return verifier_.VerifyString(reinterpret_cast<const flatbuffers::String*>(target));
  }

  bool IsScalar(size_t place, const FieldInfo& field) const {
    const size_t width = WidthOf(field);
    return verifier_.VerifyAlignment(place, width) && verifier_.Verify(place, width);
  }

  static size_t WidthOf(const FieldInfo& field) {
    return field.kind == FieldKind::kBool ? 1 : static_cast<size_t>(field.width);
  }

  const uint8_t* bytes_;
  flatbuffers::Verifier verifier_;
};

}  // namespace

const Table* VerifiedTable(const uint8_t* bytes, size_t size, const TypeInfo& type) {
  return TableVerifier(bytes, size).Root(type);
}

}  // namespace tessera
