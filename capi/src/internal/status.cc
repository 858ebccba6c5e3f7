#include "capi/src/internal/status.h"

#include <exception>
#include <new>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "cpp/base/text.h"
#include "cpp/config/errors.h"
#include "cpp/config/json_document.h"

namespace tessera::capi {
namespace {

constexpr char kPathUrl[] = "tessera/path";
constexpr char kFileUrl[] = "tessera/file";
constexpr char kRankUrl[] = "tessera/rank";
constexpr char kPayloadUrl[] = "tessera/payload";
constexpr char kHostUrl[] = "tessera/host";

std::string Detail(const absl::Status& status, const char* url) {
  const absl::optional<absl::Cord> payload = status.GetPayload(url);
  return payload.has_value() ? std::string(*payload) : "";
}

absl::Status WithDetail(absl::Status status, const char* url, std::string_view text) {
  if (!status.ok()) status.SetPayload(url, absl::Cord(text));
  return status;
}

const JsonValue* Member(const JsonValue& object, std::string_view name) {
  for (const JsonMember& member : object.members) {
    if (member.name == name) return &member.value;
  }
  return nullptr;
}

// What the getters say of a config is what its first error says.
void ReadConfigErrors(const std::string& list, StatusObject& object) {
  object.payload = absl::StrCat("{\"errors\": ", list, "}");
  JsonDocument document(list, "errors");
  ConfigErrors errors;
  if (!document.Parse(errors) || document.root().items.empty()) return;
  const JsonValue& first = document.root().items.front();
  if (const JsonValue* path = Member(first, "path")) object.path = path->text;
  if (const JsonValue* file = Member(first, "file")) object.file = file->text;
  if (const JsonValue* line = Member(first, "line")) {
    (void)absl::SimpleAtoi(line->text, &object.line);
  }
}

// The rank that a failed group names in its message ("rank 2 (host a, pid 7) died: ..."), or -1.
int RankInMessage(const absl::Status& status) {
  if (!absl::IsUnavailable(status) && !absl::IsAborted(status)) return -1;
  constexpr std::string_view kRank = "rank ";
  const absl::string_view message = status.message();
  for (size_t at = message.find(kRank); at != absl::string_view::npos;
       at = message.find(kRank, at + 1)) {
    absl::string_view digits = message.substr(at + kRank.size());
    digits = digits.substr(0, digits.find_first_not_of("0123456789"));
    int rank = 0;
    if (absl::SimpleAtoi(digits, &rank)) return rank;
  }
  return -1;
}

std::string Utf8(std::string_view text) {
  return IsValidUtf8(text) ? std::string(text) : Quoted(text, text.size() * 4 + 2);
}

}  // namespace

tsr_status* OutOfMemoryStatus() noexcept {
  // In static storage and never ended; the getters know it by its address.
  alignas(tsr_status) static unsigned char storage[sizeof(tsr_status)];
  static tsr_status* const status = new (storage) tsr_status();
  return status;
}

tsr_status* NewStatus(const absl::Status& status) noexcept {
  if (status.ok()) return nullptr;
  try {
    auto object = std::make_shared<StatusObject>();
    object->code = status.code();
    object->message = Utf8(status.message());
    const std::string errors = ConfigErrorsJson(status);
    if (!errors.empty()) ReadConfigErrors(errors, *object);
    if (const std::string path = Detail(status, kPathUrl); !path.empty()) object->path = path;
    if (const std::string file = Detail(status, kFileUrl); !file.empty()) object->file = file;
    if (const std::string json = Detail(status, kPayloadUrl); !json.empty()) object->payload = json;
    object->rank = RankInMessage(status);
    if (int rank = 0; absl::SimpleAtoi(Detail(status, kRankUrl), &rank)) object->rank = rank;
    return NewHandle<tsr_status>(std::move(object));
  } catch (...) {
    return OutOfMemoryStatus();
  }
}

absl::Status TakeHostStatus(tsr_status* status) {
  if (status == nullptr) return absl::OkStatus();
  if (status == OutOfMemoryStatus()) {
    return MarkAsHost(absl::ResourceExhaustedError(kNoMemoryMessage));
  }
  auto object = ObjectOf(status, "status of a callback");
  if (!object.ok()) return MarkAsHost(std::move(object).status());
  const StatusObject& given = **object;
  absl::Status taken(given.code == absl::StatusCode::kOk ? absl::StatusCode::kUnknown : given.code,
                     given.message);
  if (!given.path.empty()) taken = WithPath(std::move(taken), given.path);
  if (!given.file.empty()) taken = WithFile(std::move(taken), given.file);
  if (given.rank >= 0) taken = WithRank(std::move(taken), given.rank);
  if (given.payload != "{}") taken = WithPayload(std::move(taken), given.payload);
  tsr_status_free(status);
  return MarkAsHost(std::move(taken));
}

absl::Status MarkAsHost(absl::Status status) {
  return WithDetail(std::move(status), kHostUrl, "1");
}

bool IsHosts(const absl::Status& status) { return status.GetPayload(kHostUrl).has_value(); }

absl::Status WithPath(absl::Status status, std::string_view path) {
  return WithDetail(std::move(status), kPathUrl, path);
}
absl::Status WithFile(absl::Status status, std::string_view file) {
  return WithDetail(std::move(status), kFileUrl, file);
}
absl::Status WithRank(absl::Status status, int rank) {
  return WithDetail(std::move(status), kRankUrl, absl::StrCat(rank));
}
absl::Status WithPayload(absl::Status status, std::string_view json) {
  return WithDetail(std::move(status), kPayloadUrl, json);
}

}  // namespace tessera::capi
