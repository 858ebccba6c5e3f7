// BPE: byte-pair encoding (Sennrich et al., arXiv 1508.07909). A word begins as its characters; of
// all neighbours that have a merge the one learned first is joined, leftmost first, until none is
// left. A heap of candidates makes that n log n for the long words of SentencePiece's kind.
#include <algorithm>
#include <queue>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/base/text.h"
#include "cpp/data/tokenizers/internal/pipeline.h"
#include "cpp/data/tokenizers/internal/token_model.h"
#include "cpp/data/tokenizers/internal/unicode.h"

namespace tessera {
namespace {

struct Merge {
  int32_t rank, id;
};

uint64_t PairKey(int32_t left, int32_t right) {
  return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
}

class BpeModel : public TokenModel {
 public:
  absl::Status Read(const ConfigValue& described);
  absl::Status Encode(std::string_view word, std::vector<int32_t>& ids) const override;

 private:
  struct Symbol {
    int32_t id, previous, next;
  };
  struct Candidate {
    int32_t rank, left;
    int32_t left_id, right_id, id;
    bool operator>(const Candidate& other) const {
      return std::pair(rank, left) > std::pair(other.rank, other.left);
    }
  };
  using Heap = std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>>;

  absl::Status ReadMerge(const ConfigValue& merge, int32_t rank);
  absl::Status Symbols(std::string_view word, std::vector<Symbol>& symbols) const;
  void Propose(const std::vector<Symbol>& symbols, int32_t left, Heap& heap) const;

  absl::flat_hash_map<uint64_t, Merge> merges_;
  std::string prefix_, suffix_;   // of characters within a word, and of its last one
  int32_t unknown_ = -1;
  bool fuses_unknown_ = false, falls_back_to_bytes_ = false, ignores_merges_ = false;
};

absl::Status BpeModel::ReadMerge(const ConfigValue& merge, int32_t rank) {
  std::string left, right;
  if (const std::string* text = merge.AsText()) {
    const size_t blank = text->find(' ');
    if (blank != std::string::npos) {
      left = text->substr(0, blank);
      right = text->substr(blank + 1);
    }
  } else if (const ConfigValue::List* list = merge.AsList();
             list != nullptr && list->size() == 2 && (*list)[0].AsText() && (*list)[1].AsText()) {
    left = *(*list)[0].AsText();
    right = *(*list)[1].AsText();
  }
  const std::string tail =
      !prefix_.empty() && right.starts_with(prefix_) ? right.substr(prefix_.size()) : right;
  const int32_t a = IdOf(left), b = IdOf(right), both = IdOf(absl::StrCat(left, tail));
  if (left.empty() || right.empty() || a < 0 || b < 0 || both < 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "merges[", rank, "]: expected two tokens that make a third, got ", merge.ToJson()));
  }
  merges_.insert_or_assign(PairKey(a, b), Merge{rank, both});
  return absl::OkStatus();
}

absl::Status BpeModel::Read(const ConfigValue& described) {
  const ConfigValue* vocab = described.Find("vocab");
  const ConfigValue* merges = described.Find("merges");
  if (vocab == nullptr || vocab->AsTable() == nullptr || merges == nullptr ||
      merges->AsList() == nullptr) {
    return absl::InvalidArgumentError("BPE: expected 'vocab' and 'merges'");
  }
  for (const auto& [token, id] : *vocab->AsTable()) {
    if (id.AsInt() == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat("vocab of ", Quoted(token), ": no id"));
    }
    RETURN_IF_ERROR(AddToken(token, *id.AsInt()));
  }
  ASSIGN_OR_RETURN(prefix_, ReadText(described, "continuing_subword_prefix", ""));
  ASSIGN_OR_RETURN(suffix_, ReadText(described, "end_of_word_suffix", ""));
  ASSIGN_OR_RETURN(fuses_unknown_, ReadBool(described, "fuse_unk", false));
  ASSIGN_OR_RETURN(falls_back_to_bytes_, ReadBool(described, "byte_fallback", false));
  ASSIGN_OR_RETURN(ignores_merges_, ReadBool(described, "ignore_merges", false));
  ASSIGN_OR_RETURN(const std::string unknown, ReadText(described, "unk_token", ""));
  if (const ConfigValue* dropout = described.Find("dropout");
      dropout != nullptr && !dropout->empty() &&
      !(dropout->AsFloat() != nullptr && *dropout->AsFloat() == 0)) {
    return absl::UnimplementedError("BPE: dropout is not supported");
  }
  if (!unknown.empty()) unknown_ = IdOf(unknown);
  int32_t rank = 0;
  for (const ConfigValue& merge : *merges->AsList()) RETURN_IF_ERROR(ReadMerge(merge, rank++));
  return absl::OkStatus();
}

absl::Status BpeModel::Symbols(std::string_view word, std::vector<Symbol>& symbols) const {
  bool was_unknown = false;
  std::vector<int32_t> bytes;
  const auto push = [&](int32_t id) {
    const auto index = static_cast<int32_t>(symbols.size());
    symbols.push_back({id, index - 1, index + 1});
  };
  for (size_t at = 0; at < word.size();) {
    const size_t length = std::min(Utf8Length(word[at]), word.size() - at);
    std::string character(word.substr(at, length));
    if (at > 0) character.insert(0, prefix_);
    if (at + length == word.size()) character += suffix_;
    int32_t id = IdOf(character);
    bytes.clear();
    if (id >= 0) {
      push(id);
    } else if (falls_back_to_bytes_ && BytesOf(word.substr(at, length), bytes)) {
      for (int32_t byte : bytes) push(byte);
    } else if (unknown_ >= 0) {
      if (!fuses_unknown_ || !was_unknown) push(unknown_);
    }  // without a token for it the public library drops it
    was_unknown = id < 0 && bytes.empty();
    at += length;
  }
  if (!symbols.empty()) symbols.back().next = -1;
  return absl::OkStatus();
}

void BpeModel::Propose(const std::vector<Symbol>& symbols, int32_t left, Heap& heap) const {
  const int32_t right = left < 0 ? -1 : symbols[left].next;
  if (right < 0) return;
  const auto merge = merges_.find(PairKey(symbols[left].id, symbols[right].id));
  if (merge == merges_.end()) return;
  heap.push({merge->second.rank, left, symbols[left].id, symbols[right].id, merge->second.id});
}

absl::Status BpeModel::Encode(std::string_view word, std::vector<int32_t>& ids) const {
  if (word.empty()) return absl::OkStatus();
  if (ignores_merges_) {
    if (const int32_t whole = IdOf(word); whole >= 0) {
      ids.push_back(whole);
      return absl::OkStatus();
    }
  }
  std::vector<Symbol> symbols;
  RETURN_IF_ERROR(Symbols(word, symbols));
  Heap heap;
  for (size_t i = 0; i + 1 < symbols.size(); ++i) Propose(symbols, static_cast<int32_t>(i), heap);
  while (!heap.empty()) {
    const Candidate best = heap.top();
    heap.pop();
    Symbol& left = symbols[best.left];
    // What was joined since does not count any more.
    if (left.id != best.left_id || left.next < 0) continue;
    if (symbols[left.next].id != best.right_id) continue;
    Symbol& right = symbols[left.next];
    left.id = best.id;
    left.next = right.next;
    right.id = -1;
    if (right.next >= 0) symbols[right.next].previous = best.left;
    Propose(symbols, left.previous, heap);
    Propose(symbols, best.left, heap);
  }
  for (int32_t i = symbols.empty() ? -1 : 0; i >= 0; i = symbols[i].next) {
    ids.push_back(symbols[i].id);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<TokenModel>> NewBpeModel(const ConfigValue& described) {
  auto model = std::make_unique<BpeModel>();
  RETURN_IF_ERROR(model->Read(described));
  return model;
}

}  // namespace tessera
