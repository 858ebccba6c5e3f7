// The gradient loops of vector attention. Included after attention_blocks.h.
//
// Scores and their gradients are made with keys as rows. dk and dv of a key block are sums over
// query heads and query blocks in rising order, dq of a query block over key blocks in rising
// order. With enough key heads each is a task of its own ("fused"): it takes some key blocks at a
// time, packed in scratch of its own, through all query blocks, which are packed once for each
// such chunk, and makes dk, dv and dq together. With fewer, phase 0 packs all blocks into the
// workspace; then key tasks make dk and dv, and query tasks dq, with the scores made once more.
// Which of the two follows from the shape; the bits are the same.
#pragma once

namespace tessera::cpu::dense {
namespace {

// One block of keys, packed, and one of queries.
struct KeyPack {
  char* k_columns;
  char* v_columns;
  char* k_rows;
};
struct QueryPack {
  char* q_columns;
  char* dy_columns;
  char* q_rows;
  char* dy_rows;
  float* delta;  // sum of dy * y per query
};

// Blocks one after another, in the workspace or in a task's scratch.
struct PackedGrad {
  const AttentionParams& p;
  AttentionLayout layout;

  KeyPack Key(char* base, int64_t i) const {
    return {base + p.k_columns + i * DepthColumns(), base + p.v_columns + i * ValueColumns(),
            base + p.k_rows + i * DepthRows()};
  }
  QueryPack Query(char* base, int64_t i) const {
    return {base + p.q_columns + i * DepthColumns(), base + p.dy_columns + i * ValueColumns(),
            base + p.q_rows + i * DepthRows(),
            base + p.dy_rows + i * RowsBlockBytes(p.shape.value_depth, layout),
            reinterpret_cast<float*>(base + p.delta + i * kAttentionBlock * 4)};
  }

 private:
  int64_t DepthColumns() const { return ColumnsBlockBytes(p.shape.depth, layout); }
  int64_t ValueColumns() const { return ColumnsBlockBytes(p.shape.value_depth, layout); }
  int64_t DepthRows() const { return RowsBlockBytes(p.shape.depth, layout); }
};

template <class Math>
void PackKeys(const tsr_kernel_call* call, const AttentionShape& s, int64_t batch, int64_t head,
              int64_t block, const KeyPack& pack) {
  using Element = const typename Math::Element;
  HeadRows<Element> k(call->inputs[1].data, batch, s.keys, s.key_heads, head, s.depth);
  HeadRows<Element> v(call->inputs[2].data, batch, s.keys, s.key_heads, head, s.value_depth);
  // Rows of a cache that are not written yet are packed as zeros, whatever they hold.
  k.positions = v.positions = MaskOf(call, s, batch).limit;
  if (k.positions <= block * kAttentionBlock) return;
  PackColumns<Math>(k, block, pack.k_columns);
  PackRows<Math>(k, block, pack.k_rows);
  PackColumns<Math>(v, block, pack.v_columns);
}

template <class Math>
void PackQueries(const tsr_kernel_call* call, const AttentionShape& s, int64_t batch, int64_t head,
                 int64_t block, const QueryPack& pack) {
  using Element = const typename Math::Element;
  const auto rows = [&](int32_t input, int64_t depth) {
    return HeadRows<Element>(call->inputs[input].data, batch, s.queries, s.heads, head, depth);
  };
  PackColumns<Math>(rows(0, s.depth), block, pack.q_columns);
  PackRows<Math>(rows(0, s.depth), block, pack.q_rows);
  const HeadRows<Element> y = rows(3, s.value_depth);
  const HeadRows<Element> dy = rows(5, s.value_depth);
  PackColumns<Math>(dy, block, pack.dy_columns);
  PackRows<Math>(dy, block, pack.dy_rows);
  for (int64_t r = 0; r < kAttentionBlock; ++r) {
    Vec sum = Zero();
    if (r < dy.RowsOf(block)) {
      Element* a = dy.Row(block * kAttentionBlock + r);
      Element* b = y.Row(block * kAttentionBlock + r);
      int64_t e = 0;
      for (; e + kLanes <= s.value_depth; e += kLanes) {
        sum = MulAdd(LoadV(a + e), LoadV(b + e), sum);
      }
      const int64_t rest = s.value_depth - e;
      if (rest > 0) sum = MulAdd(LoadPart(a + e, rest), LoadPart(b + e, rest), sum);
    }
    pack.delta[r] = SumOf(sum);
  }
}

// One block, query blocks before key blocks, into the workspace.
template <class Math>
void PackBackward(const tsr_kernel_call* call, const AttentionParams& p, int64_t task) {
  const AttentionShape& s = p.shape;
  const PackedGrad packed = {p, {Math::kUnit, kPanelColumns}};
  char* workspace = static_cast<char*>(call->workspace);
  const int64_t queries = s.batch * s.heads * p.query_blocks;
  if (task < queries) {
    const int64_t head = task / p.query_blocks;
    PackQueries<Math>(call, s, head / s.heads, head % s.heads, task % p.query_blocks,
                      packed.Query(workspace, task));
  } else {
    task -= queries;
    const int64_t head = task / p.key_blocks;
    PackKeys<Math>(call, s, head / s.key_heads, head % s.key_heads, task % p.key_blocks,
                   packed.Key(workspace, task));
  }
}

// Scores and gradients of one pair of blocks.
template <class Math>
class GradBlock {
 public:
  using Element = typename Math::Element;
  using Weight = typename Math::Weight;
  using Packed = typename Math::Unit::Packed;

  GradBlock(const tsr_kernel_call* call, const AttentionParams& params, int64_t batch)
      : call_(call),
        p_(params),
        s_(p_.shape),
        batch_(batch),
        mask_(MaskOf(call, s_, batch)),
        packed_{p_, {Math::kUnit, kPanelColumns}},
        rule_(s_) {
    for (float& one : ones_) one = 1;
  }

  // dk and dv of one key block, from the workspace.
  void KeySide(int64_t key_head, int64_t key_block, float* dk, float* dv) {
    Clear(dk, SumsOf(s_.depth, packed_.layout));
    Clear(dv, SumsOf(s_.value_depth, packed_.layout));
    const KeyPack key = KeyAt((batch_ * s_.key_heads + key_head) * p_.key_blocks + key_block);
    const KeyRange queries = QueryBlocksOf(key_block);
    for (int64_t i = 0; i < s_.group(); ++i) {
      const int64_t head = key_head * s_.group() + i;
      for (int64_t b = queries.begin; b < queries.end; ++b) {
        const QueryPack query = QueryAt((batch_ * s_.heads + head) * p_.query_blocks + b);
        Pair(head, b, query, key_block, key, dk, dv, nullptr);
      }
    }
    StoreKeys(key_head, key_block, dk, dv);
  }

  // dk, dv and dq of one key head, |p_.chunk| key blocks at a time, packed in |scratch|.
  void KeyHead(int64_t key_head, char* scratch) {
    // Without keys there is one chunk of none, for dq's sake.
    for (int64_t first = 0; first < std::max(1, p_.key_blocks); first += p_.chunk) {
      const int64_t count = std::min<int64_t>(p_.chunk, p_.key_blocks - first);
      float* sums = SumsOfChunk(scratch);
      Clear(sums, count * KeySums());
      KeyRange queries = {p_.query_blocks, 0};
      for (int64_t j = 0; j < count; ++j) {
        PackKeys<Math>(call_, s_, batch_, key_head, first + j, packed_.Key(scratch, j));
        const KeyRange range = QueryBlocksOf(first + j);
        if (range.begin >= range.end) continue;
        queries = {std::min(queries.begin, range.begin), std::max(queries.end, range.end)};
      }
      for (int64_t i = 0; i < s_.group(); ++i) {
        for (int64_t b = 0; b < p_.query_blocks; ++b) {
          const bool any = queries.begin <= b && b < queries.end;
          QueryOfChunk(key_head * s_.group() + i, b, first, any ? count : 0, scratch);
        }
      }
      for (int64_t j = 0; j < count; ++j) {
        float* dk = sums + j * KeySums();
        StoreKeys(key_head, first + j, dk, dk + SumsOf(s_.depth, packed_.layout));
      }
    }
  }

  // dq of one query block, from the workspace.
  void QuerySide(int64_t head, int64_t query_block, float* dq) {
    SetBlocks(0, query_block);
    Clear(dq, SumsOf(s_.depth, packed_.layout));
    const int64_t at = (batch_ * s_.heads + head) * p_.query_blocks + query_block;
    const QueryPack query = QueryAt(at);
    const int64_t first = query_block * kAttentionBlock;
    const int64_t begin = mask_.Range(first).begin;
    const int64_t end = mask_.Range(first + query_rows_ - 1).end;
    const int64_t keys = (batch_ * s_.key_heads + head / s_.group()) * p_.key_blocks;
    LoadQueryFacts(head, query);
    for (int64_t b = begin / kAttentionBlock; b * kAttentionBlock < end; ++b) {
      const KeyPack key = KeyAt(keys + b);
      SetBlocks(b, query_block);
      DotBlocks<Math>(query.q_columns, key.k_columns, s_.depth, Padded(query_rows_),
                      Columns(key_rows_), scores_);
      DotBlocks<Math>(query.dy_columns, key.v_columns, s_.value_depth, Padded(query_rows_),
                      Columns(key_rows_), value_scores_);
      if (s_.has_additions()) AddTo<false>(head);
      Gradients<false>();
      AddWeighted<Math>(slopes_, key.k_rows, s_.depth, Padded(query_rows_), key_rows_, ones_, dq);
    }
    StoreBlock(0, head, s_.heads, s_.queries, query_block, s_.depth, dq);
  }

  // sums[64, 64] += the gradients of the scores of one pair of blocks.
  void BiasSide(int64_t head, int64_t query_block, int64_t key_block, float* sums) {
    SetBlocks(key_block, query_block);
    if (key_rows_ == 0) return;
    const QueryPack query =
        QueryAt((batch_ * s_.heads + head) * p_.query_blocks + query_block);
    const KeyPack key =
        KeyAt((batch_ * s_.key_heads + head / s_.group()) * p_.key_blocks + key_block);
    LoadQueryFacts(head, query);
    DotBlocks<Math>(query.q_columns, key.k_columns, s_.depth, Padded(query_rows_),
                    Columns(key_rows_), scores_);
    DotBlocks<Math>(query.dy_columns, key.v_columns, s_.value_depth, Padded(query_rows_),
                    Columns(key_rows_), value_scores_);
    AddTo<false>(head);
    if (mask_.query_segments != nullptr) {
      CopySegments(mask_.key_segments, key_first_, s_.keys, segments_);
    }
    const bool all = SeesAll();
    for (int64_t r = 0; r < query_rows_; ++r) {
      const RowMask mask = all ? RowMask{} : MaskOfRow<false>(r);
      for (int64_t c = 0; c < Columns(key_rows_); c += kLanes) {
        const int64_t at = r * kAttentionBlock + c;
        const Vec score = rule_.Score(LoadV(scores_ + at)) + LoadV(added_ + at);
        Vec ds = Exp(score - Splat(lse_[r])) * (LoadV(value_scores_ + at) - Splat(delta_[r]));
        if (!all) ds = mask.Apply(c, ds, Zero());
        StoreV(LoadV(sums + at) + ds, sums + at);
      }
    }
  }

  static void Clear(float* sums, int64_t size) {
    for (int64_t i = 0; i < size; ++i) sums[i] = 0;
  }

 private:
  KeyPack KeyAt(int64_t i) const { return packed_.Key(static_cast<char*>(call_->workspace), i); }
  QueryPack QueryAt(int64_t i) const {
    return packed_.Query(static_cast<char*>(call_->workspace), i);
  }

  // Floats of dk and dv of a block.
  int64_t KeySums() const {
    return SumsOf(s_.depth, packed_.layout) + SumsOf(s_.value_depth, packed_.layout);
  }

  // dk and dv of a chunk's blocks, after dq of one query block.
  float* SumsOfChunk(char* scratch) const {
    return reinterpret_cast<float*>(scratch + p_.sums) + SumsOf(s_.depth, packed_.layout);
  }

  // Query blocks that may see something of a key block.
  KeyRange QueryBlocksOf(int64_t key_block) const {
    const int64_t first = key_block * kAttentionBlock;
    const int64_t rows = std::clamp<int64_t>(mask_.limit - first, 0, kAttentionBlock);
    const KeyRange queries = mask_.Queries(first, first + rows, s_.queries);
    return {queries.begin / kAttentionBlock, CeilDiv(queries.end, kAttentionBlock)};
  }

  // One query block and |count| packed key blocks from |first|. Its dq is kept from chunk to chunk
  // in the result, where that is fp32, else in the workspace.
  void QueryOfChunk(int64_t head, int64_t block, int64_t first, int64_t count, char* scratch) {
    const bool is_first = first == 0, is_last = first + p_.chunk >= p_.key_blocks;
    if (count == 0 && !is_first && !is_last) return;
    const int64_t size = SumsOf(s_.depth, packed_.layout);
    float* dq = reinterpret_cast<float*>(scratch + p_.sums);
    if (p_.keeps_dq) {
      const int64_t at = (batch_ * s_.heads + head) * p_.query_blocks + block;
      char* kept = static_cast<char*>(call_->workspace) + SpilledScratch(p_);
      dq = reinterpret_cast<float*>(kept) + at * size;
    } else if (!is_first) {
      if (count == 0) return;
      LoadQueries(head, block, dq);
    }
    if (is_first) Clear(dq, size);
    if (count > 0) {
      const QueryPack query = packed_.Query(scratch, 0);
      PackQueries<Math>(call_, s_, batch_, head, block, query);
      for (int64_t j = 0; j < count; ++j) {
        const KeyRange range = QueryBlocksOf(first + j);
        if (block < range.begin || block >= range.end) continue;
        float* dk = SumsOfChunk(scratch) + j * KeySums();
        Pair(head, block, query, first + j, packed_.Key(scratch, j), dk, dk + size, dq);
      }
    }
    if (is_last || !p_.keeps_dq) {
      SetBlocks(0, block);
      StoreBlock(0, head, s_.heads, s_.queries, block, s_.depth, dq);
    }
  }

  // Adds the shares of one pair of blocks to dk and dv and, where there is one, to dq.
  void Pair(int64_t head, int64_t query_block, const QueryPack& query, int64_t key_block,
            const KeyPack& key, float* dk, float* dv, float* dq) {
    SetBlocks(key_block, query_block);
    DotBlocks<Math>(key.k_columns, query.q_columns, s_.depth, Padded(key_rows_),
                    Columns(query_rows_), scores_);
    DotBlocks<Math>(key.v_columns, query.dy_columns, s_.value_depth, Padded(key_rows_),
                    Columns(query_rows_), value_scores_);
    LoadQueryFacts(head, query);
    if (s_.has_additions()) AddTo<true>(head);
    Gradients<true>();
    AddWeighted<Math>(weights_, query.dy_rows, s_.value_depth, Padded(key_rows_), query_rows_,
                      ones_, dv);
    AddWeighted<Math>(slopes_, query.q_rows, s_.depth, Padded(key_rows_), query_rows_, ones_, dk);
    if (dq != nullptr) AddToQueries(key, dq);
  }

  void StoreKeys(int64_t key_head, int64_t key_block, const float* dk, const float* dv) {
    StoreBlock(1, key_head, s_.key_heads, s_.keys, key_block, s_.depth, dk);
    StoreBlock(2, key_head, s_.key_heads, s_.keys, key_block, s_.value_depth, dv);
  }

  // What StoreBlock stored of dq, which is fp32.
  void LoadQueries(int64_t head, int64_t block, float* dq) {
    const HeadRows<const float> rows(call_->outputs[0].data, batch_, s_.queries, s_.heads, head,
                                     s_.depth);
    const int64_t step = Columns(s_.depth);
    for (int64_t r = 0; r < rows.RowsOf(block); ++r) {
      const float* row = rows.Row(block * kAttentionBlock + r);
      int64_t d = 0;
      for (; d + kLanes <= s_.depth; d += kLanes) StoreV(LoadV(row + d), dq + r * step + d);
      if (d < s_.depth) StoreV(LoadPart(row + d, s_.depth - d), dq + r * step + d);
    }
  }

  static int64_t Padded(int64_t rows) { return RoundUpTo(rows, kTileRows); }
  static int64_t Columns(int64_t columns) { return RoundUpTo(columns, kPanelColumns); }

  void SetBlocks(int64_t key_block, int64_t query_block) {
    key_first_ = key_block * kAttentionBlock;
    query_first_ = query_block * kAttentionBlock;
    key_rows_ = std::clamp<int64_t>(mask_.limit - key_first_, 0, kAttentionBlock);
    query_rows_ = std::min(kAttentionBlock, s_.queries - query_first_);
  }

  void LoadQueryFacts(int64_t head, const QueryPack& query) {
    const float* lse = static_cast<const float*>(call_->inputs[4].data) +
                       (batch_ * s_.heads + head) * s_.queries;
    for (int64_t r = 0; r < kAttentionBlock; ++r) {
      lse_[r] = r < query_rows_ ? lse[query_first_ + r] : 0;
      // A bias of -infinity may hide every key: weights are e^(s - infinity) = 0 then.
      if (lse_[r] == -kInfinity) lse_[r] = kInfinity;
      delta_[r] = query.delta[r];
    }
  }

  template <bool kKeyRows>
  void AddTo(int64_t head) {
    FillAdditions<kKeyRows>(AdditionsOf(call_, s_, batch_, head, mask_), query_first_, query_rows_,
                            key_first_, key_rows_, added_);
  }

  // Lanes of a row that see each other; keys are the rows when |kKeyRows|.
  template <bool kKeyRows>
  RowMask MaskOfRow(int64_t row) const {
    const bool segments = mask_.query_segments != nullptr;
    RowMask mask;
    if constexpr (kKeyRows) {
      const int64_t key = key_first_ + row;
      const KeyRange range = mask_.Queries(key, key + 1, s_.queries);
      mask.begin = range.begin - query_first_;
      mask.end = range.end - query_first_;
      if (segments) mask.segment = mask_.key_segments[key];
    } else {
      const KeyRange range = mask_.Range(query_first_ + row);
      mask.begin = range.begin - key_first_;
      mask.end = range.end - key_first_;
      if (segments) mask.segment = mask_.query_segments[query_first_ + row];
    }
    mask.segments = segments ? segments_ : nullptr;
    return mask;
  }

  bool SeesAll() const {
    if (mask_.query_segments != nullptr) return false;
    if (key_rows_ < kAttentionBlock || query_rows_ < kAttentionBlock) return false;
    const KeyRange top = mask_.Range(query_first_);
    const KeyRange bottom = mask_.Range(query_first_ + kAttentionBlock - 1);
    return bottom.begin <= key_first_ && top.end >= key_first_ + kAttentionBlock;
  }

  // Raw products to probabilities (weights_) and gradients of the raw products (slopes_).
  template <bool kKeyRows>
  void Gradients() {
    const int64_t rows = kKeyRows ? key_rows_ : query_rows_;
    const int64_t columns = Columns(kKeyRows ? query_rows_ : key_rows_);
    const bool all = SeesAll(), adds = s_.has_additions();
    if (mask_.query_segments != nullptr) {
      if (kKeyRows) {
        CopySegments(mask_.query_segments, query_first_, s_.queries, segments_);
      } else {
        CopySegments(mask_.key_segments, key_first_, s_.keys, segments_);
      }
    }
    for (int64_t r = 0; r < rows; ++r) {
      const RowMask mask = all ? RowMask{} : MaskOfRow<kKeyRows>(r);
      const int64_t at = r * kAttentionBlock;
      for (int64_t c = 0; c < columns; c += kLanes) {
        Vec slope;
        Vec score = rule_.ScoreAndSlope(LoadV(scores_ + at + c), &slope);
        if (adds) score = score + LoadV(added_ + at + c);
        const Vec lse = kKeyRows ? LoadV(lse_ + c) : Splat(lse_[r]);
        const Vec delta = kKeyRows ? LoadV(delta_ + c) : Splat(delta_[r]);
        Vec p = Exp(score - lse);
        Vec ds = p * (LoadV(value_scores_ + at + c) - delta) * slope;
        if (!all) {
          p = mask.Apply(c, p, Zero());
          ds = mask.Apply(c, ds, Zero());
        }
        if (kKeyRows) Math::StoreWeights(p, weights_ + at + c);
        Math::StoreWeights(ds, slopes_ + at + c);
      }
    }
    // Rows that fill up a tile or a unit must add nothing.
    for (int64_t i = rows * kAttentionBlock; i < Padded(rows) * kAttentionBlock; ++i) {
      weights_[i] = Weight{};
      slopes_[i] = Weight{};
    }
  }

  // dq of the query block += slopes (keys are rows, read across) times the key block.
  void AddToQueries(const KeyPack& key, float* dq) {
    constexpr int64_t kUnits = kAttentionBlock / Math::kUnit;
    const int64_t columns = Columns(s_.depth);
    const BlockProduct<Math> product = {
        Padded(query_rows_),
        columns,
        CeilDiv(key_rows_, Math::kUnit),
        Math::Across(slopes_, Padded(key_rows_), across_),
        1,
        kAttentionBlock,
        reinterpret_cast<const Packed*>(key.k_rows),
        kPanelColumns,
        kUnits * kPanelColumns,
        dq,
        columns,
        ones_};
    product.Run();
  }

  void StoreBlock(int32_t output, int64_t head, int64_t heads, int64_t positions, int64_t block,
                  int64_t depth, const float* sums) {
    const HeadRows<Element> out(call_->outputs[output].data, batch_, positions, heads, head, depth);
    const int64_t step = Columns(depth);
    for (int64_t r = 0; r < out.RowsOf(block); ++r) {
      StoreRow(sums + r * step, 1.0f, depth, out.Row(block * kAttentionBlock + r));
    }
  }

  const tsr_kernel_call* call_;
  const AttentionParams& p_;
  const AttentionShape& s_;
  const int64_t batch_;
  const AttentionMask mask_;
  const PackedGrad packed_;
  const ScoreRule rule_;
  int64_t key_first_ = 0;
  int64_t query_first_ = 0;
  int64_t key_rows_ = 0;  // that any query may see
  int64_t query_rows_ = 0;
  alignas(64) float scores_[kAttentionBlock * kAttentionBlock];
  alignas(64) float value_scores_[kAttentionBlock * kAttentionBlock];
  alignas(64) float added_[kAttentionBlock * kAttentionBlock];
  alignas(64) Weight weights_[kAttentionBlock * kAttentionBlock];
  alignas(64) Weight slopes_[kAttentionBlock * kAttentionBlock];
  alignas(64) Packed across_[Math::kUnit == 1 ? 1 : kAttentionBlock * kAttentionBlock / 2];
  alignas(64) float lse_[kAttentionBlock];
  alignas(64) float delta_[kAttentionBlock];
  alignas(64) float ones_[kAttentionBlock];
  alignas(64) int32_t segments_[kAttentionBlock];
};

template <class Math>
void RunFused(const tsr_kernel_call* call, const AttentionParams& p, int64_t task) {
  const AttentionShape& s = p.shape;
  auto& block = PairInRoom<GradBlock<Math>>(call, p, task / s.key_heads);
  block.KeyHead(task % s.key_heads, TaskScratch(p, call, task));
}

// Query blocks first, then key blocks.
template <class Math>
void RunSides(const tsr_kernel_call* call, const AttentionParams& p, int64_t task) {
  const AttentionShape& s = p.shape;
  const AttentionLayout layout = {Math::kUnit, kPanelColumns};
  const int64_t dq_size = SumsOf(s.depth, layout);
  const int64_t key_size = dq_size + SumsOf(s.value_depth, layout);
  const int64_t queries = s.batch * s.heads * p.query_blocks;
  const bool in_room = KeepsSums(key_size);
  float* const room = reinterpret_cast<float*>(ThreadRoom(call));
  float* kept = reinterpret_cast<float*>(static_cast<char*>(call->workspace) + p.sums);
  if (task < queries) {
    const int64_t head = task / p.query_blocks;
    auto& block = PairInRoom<GradBlock<Math>>(call, p, head / s.heads);
    block.QuerySide(head % s.heads, task % p.query_blocks,
                    in_room ? room : kept + task * dq_size);
  } else {
    const int64_t key = task - queries;
    const int64_t head = key / p.key_blocks;
    float* sums = in_room ? room : kept + queries * dq_size + key * key_size;
    auto& block = PairInRoom<GradBlock<Math>>(call, p, head / s.key_heads);
    block.KeySide(head % s.key_heads, key % p.key_blocks, sums, sums + dq_size);
  }
}

// A query block of a head: over key blocks, and for each of them over the batch in rising order.
template <class Math, class T>
void RunBias(const tsr_kernel_call* call, const AttentionParams& p, int64_t task) {
  const AttentionShape& s = p.shape;
  const int64_t block = task % p.query_blocks;
  const int64_t head = task / p.query_blocks % s.heads;
  const int64_t first = s.bias_by_batch ? task / p.query_blocks / s.heads : 0;
  const int64_t last = s.bias_by_batch ? first + 1 : s.batch;
  const int64_t row = (first * s.heads + head) * s.queries + block * kAttentionBlock;
  T* out = static_cast<T*>(call->outputs[0].data) + row * s.keys;
  const int64_t rows = std::min(kAttentionBlock, s.queries - block * kAttentionBlock);
  float* const sums = reinterpret_cast<float*>(ThreadRoom(call));
  for (int64_t key = 0; key < p.key_blocks; ++key) {
    GradBlock<Math>::Clear(sums, kAttentionBlock * kAttentionBlock);
    for (int64_t b = first; b < last; ++b) {
      PairInRoom<GradBlock<Math>>(call, p, b).BiasSide(head, block, key, sums);
    }
    const int64_t width = std::min(kAttentionBlock, s.keys - key * kAttentionBlock);
    for (int64_t r = 0; r < rows; ++r) {
      StoreRow(sums + r * kAttentionBlock, 1.0f, width,
               out + r * s.keys + key * kAttentionBlock);
    }
  }
}

template <class Math>
void RunAttentionBiasBackward(const tsr_kernel_call* call, const tsr_kernel_plan* plan,
                              int32_t phase, int64_t task) {
  const auto p = Params<AttentionParams>(plan);
  if (phase == 0) {
    PackBackward<Math>(call, p, task);
  } else if (TypeOf(call->inputs[p.shape.bias]) == DType::kF32) {
    RunBias<Math, float>(call, p, task);
  } else {
    RunBias<Math, typename Math::Element>(call, p, task);
  }
}

template <class Math>
void RunAttentionBackward(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t phase,
                          int64_t task) {
  const auto p = Params<AttentionParams>(plan);
  if (p.fused) {
    RunFused<Math>(call, p, task);
  } else if (phase == 0) {
    PackBackward<Math>(call, p, task);
  } else {
    RunSides<Math>(call, p, task);
  }
}

}  // namespace
}  // namespace tessera::cpu::dense
