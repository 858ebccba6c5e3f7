// The gradient loops of vector attention. Included after attention_blocks.h.
//
// Phase 0 packs all operands by block and forms delta = sum of dy * y per query. In phase 1 a key
// task makes scores and their gradients with keys as rows, and adds to dk and dv of its block over
// query heads and query blocks in rising order. dq is made either by query tasks, with the scores
// made once more, or, when there are enough key heads to be tasks of their own, beside dk and dv
// ("fused"), over key blocks in rising order. Which of the two follows from the shape.
#pragma once

namespace tessera::cpu::dense {
namespace {

// Where the blocks of one batch and head lie in the workspace.
struct PackedGrad {
  const AttentionParams& p;
  char* workspace;
  AttentionLayout layout;

  char* At(int64_t offset, int64_t block, int64_t bytes) const {
    return workspace + offset + block * bytes;
  }
  char* QColumns(int64_t i) const { return At(p.q_columns, i, DepthColumns()); }
  char* KColumns(int64_t i) const { return At(p.k_columns, i, DepthColumns()); }
  char* VColumns(int64_t i) const { return At(p.v_columns, i, ValueColumns()); }
  char* DyColumns(int64_t i) const { return At(p.dy_columns, i, ValueColumns()); }
  char* QRows(int64_t i) const { return At(p.q_rows, i, DepthRows()); }
  char* KRows(int64_t i) const { return At(p.k_rows, i, DepthRows()); }
  char* DyRows(int64_t i) const {
    return At(p.dy_rows, i, RowsBlockBytes(p.shape.value_depth, layout));
  }
  float* Delta(int64_t i) const {
    return reinterpret_cast<float*>(At(p.delta, i, kAttentionBlock * 4));
  }

 private:
  int64_t DepthColumns() const { return ColumnsBlockBytes(p.shape.depth, layout); }
  int64_t ValueColumns() const { return ColumnsBlockBytes(p.shape.value_depth, layout); }
  int64_t DepthRows() const { return RowsBlockBytes(p.shape.depth, layout); }
};

template <class Math>
void PackBackward(const tsr_kernel_call* call, const AttentionParams& p, int64_t task) {
  using Element = const typename Math::Element;
  const AttentionShape& s = p.shape;
  const PackedGrad packed = {
      p, static_cast<char*>(call->workspace), {Math::kUnit, kPanelColumns}};
  const int64_t queries = s.batch * s.heads * p.query_blocks;
  const bool query = task < queries;
  if (!query) task -= queries;
  const int64_t blocks = query ? p.query_blocks : p.key_blocks;
  const int64_t heads = query ? s.heads : s.key_heads;
  const int64_t block = task % blocks;
  const int64_t head = task / blocks % heads;
  const int64_t batch = task / blocks / heads;
  const auto rows = [&](int32_t input, int64_t depth) {
    return HeadRows<Element>(call->inputs[input].data, batch, query ? s.queries : s.keys, heads,
                             head, depth);
  };
  if (!query) {
    HeadRows<Element> k = rows(1, s.depth);
    HeadRows<Element> v = rows(2, s.value_depth);
    // Rows of a cache that are not written yet are packed as zeros, whatever they hold.
    k.positions = v.positions = MaskOf(call, s, batch).limit;
    if (k.positions <= block * kAttentionBlock) return;
    PackColumns<Math>(k, block, packed.KColumns(task));
    PackRows<Math>(k, block, packed.KRows(task));
    PackColumns<Math>(v, block, packed.VColumns(task));
    return;
  }
  PackColumns<Math>(rows(0, s.depth), block, packed.QColumns(task));
  PackRows<Math>(rows(0, s.depth), block, packed.QRows(task));
  const HeadRows<Element> y = rows(3, s.value_depth);
  const HeadRows<Element> dy = rows(5, s.value_depth);
  PackColumns<Math>(dy, block, packed.DyColumns(task));
  PackRows<Math>(dy, block, packed.DyRows(task));
  float* delta = packed.Delta(task);
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
    delta[r] = SumOf(sum);
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
        packed_{p_, static_cast<char*>(call->workspace), {Math::kUnit, kPanelColumns}},
        rule_(s_) {
    for (float& one : ones_) one = 1;
  }

  // dk and dv of one key block; with |dq_sums|, [query blocks of the group][64, depth], also the
  // block's share of dq.
  void KeySide(int64_t key_head, int64_t key_block, float* dk, float* dv, float* dq_sums) {
    SetBlocks(key_block, 0);
    Clear(dk, SumsOf(s_.depth, packed_.layout));
    Clear(dv, SumsOf(s_.value_depth, packed_.layout));
    const int64_t key = (batch_ * s_.key_heads + key_head) * p_.key_blocks + key_block;
    const int64_t first = key_block * kAttentionBlock;
    const KeyRange queries = mask_.Queries(first, first + key_rows_, s_.queries);
    const int64_t dq_size = SumsOf(s_.depth, packed_.layout);
    for (int64_t i = 0; i < s_.group(); ++i) {
      const int64_t head = batch_ * s_.heads + key_head * s_.group() + i;
      for (int64_t b = queries.begin / kAttentionBlock; b * kAttentionBlock < queries.end; ++b) {
        const int64_t query = head * p_.query_blocks + b;
        SetBlocks(key_block, b);
        DotBlocks<Math>(packed_.KColumns(key), packed_.QColumns(query), s_.depth,
                        Padded(key_rows_), Columns(query_rows_), scores_);
        DotBlocks<Math>(packed_.VColumns(key), packed_.DyColumns(query), s_.value_depth,
                        Padded(key_rows_), Columns(query_rows_), value_scores_);
        LoadQueryFacts(head, query);
        if (s_.has_additions()) AddTo<true>(key_head * s_.group() + i);
        Gradients<true>();
        AddWeighted<Math>(weights_, packed_.DyRows(query), s_.value_depth, Padded(key_rows_),
                          query_rows_, ones_, dv);
        AddWeighted<Math>(slopes_, packed_.QRows(query), s_.depth, Padded(key_rows_), query_rows_,
                          ones_, dk);
        if (dq_sums != nullptr) AddToQueries(key, dq_sums + (i * p_.query_blocks + b) * dq_size);
      }
    }
    StoreBlock(1, key_head, s_.key_heads, s_.keys, key_block, s_.depth, dk);
    StoreBlock(2, key_head, s_.key_heads, s_.keys, key_block, s_.value_depth, dv);
  }

  // dq of one query block.
  void QuerySide(int64_t head, int64_t query_block, float* dq) {
    SetBlocks(0, query_block);
    Clear(dq, SumsOf(s_.depth, packed_.layout));
    const int64_t query = (batch_ * s_.heads + head) * p_.query_blocks + query_block;
    const int64_t first = query_block * kAttentionBlock;
    const int64_t begin = mask_.Range(first).begin;
    const int64_t end = mask_.Range(first + query_rows_ - 1).end;
    const int64_t keys = (batch_ * s_.key_heads + head / s_.group()) * p_.key_blocks;
    LoadQueryFacts(batch_ * s_.heads + head, query);
    for (int64_t b = begin / kAttentionBlock; b * kAttentionBlock < end; ++b) {
      SetBlocks(b, query_block);
      DotBlocks<Math>(packed_.QColumns(query), packed_.KColumns(keys + b), s_.depth,
                      Padded(query_rows_), Columns(key_rows_), scores_);
      DotBlocks<Math>(packed_.DyColumns(query), packed_.VColumns(keys + b), s_.value_depth,
                      Padded(query_rows_), Columns(key_rows_), value_scores_);
      if (s_.has_additions()) AddTo<false>(head);
      Gradients<false>();
      AddWeighted<Math>(slopes_, packed_.KRows(keys + b), s_.depth, Padded(query_rows_), key_rows_,
                        ones_, dq);
    }
    StoreQueries(head, query_block, dq);
  }

  // sums[64, 64] += the gradients of the scores of one pair of blocks.
  void BiasSide(int64_t head, int64_t query_block, int64_t key_block, float* sums) {
    SetBlocks(key_block, query_block);
    if (key_rows_ == 0) return;
    const int64_t query = (batch_ * s_.heads + head) * p_.query_blocks + query_block;
    const int64_t key =
        (batch_ * s_.key_heads + head / s_.group()) * p_.key_blocks + key_block;
    LoadQueryFacts(batch_ * s_.heads + head, query);
    DotBlocks<Math>(packed_.QColumns(query), packed_.KColumns(key), s_.depth,
                    Padded(query_rows_), Columns(key_rows_), scores_);
    DotBlocks<Math>(packed_.DyColumns(query), packed_.VColumns(key), s_.value_depth,
                    Padded(query_rows_), Columns(key_rows_), value_scores_);
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

  void StoreQueries(int64_t head, int64_t query_block, const float* dq) {
    StoreBlock(0, head, s_.heads, s_.queries, query_block, s_.depth, dq);
  }

  static void Clear(float* sums, int64_t size) {
    for (int64_t i = 0; i < size; ++i) sums[i] = 0;
  }

 private:
  static int64_t Padded(int64_t rows) { return RoundUpTo(rows, kTileRows); }
  static int64_t Columns(int64_t columns) { return RoundUpTo(columns, kPanelColumns); }

  void SetBlocks(int64_t key_block, int64_t query_block) {
    key_first_ = key_block * kAttentionBlock;
    query_first_ = query_block * kAttentionBlock;
    key_rows_ = std::clamp<int64_t>(mask_.limit - key_first_, 0, kAttentionBlock);
    query_rows_ = std::min(kAttentionBlock, s_.queries - query_first_);
  }

  void LoadQueryFacts(int64_t head, int64_t query) {
    const float* lse = static_cast<const float*>(call_->inputs[4].data) + head * s_.queries;
    const float* delta = packed_.Delta(query);
    for (int64_t r = 0; r < kAttentionBlock; ++r) {
      lse_[r] = r < query_rows_ ? lse[query_first_ + r] : 0;
      // A bias of -infinity may hide every key: weights are e^(s - infinity) = 0 then.
      if (lse_[r] == -kInfinity) lse_[r] = kInfinity;
      delta_[r] = delta[r];
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
  void AddToQueries(int64_t key, float* dq) {
    constexpr int64_t kUnits = kAttentionBlock / Math::kUnit;
    const int64_t columns = Columns(s_.depth);
    const BlockProduct<Math> product = {
        Padded(query_rows_),
        columns,
        CeilDiv(key_rows_, Math::kUnit),
        Math::Across(slopes_, Padded(key_rows_), across_),
        1,
        kAttentionBlock,
        reinterpret_cast<const Packed*>(packed_.KRows(key)),
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
void RunFused(const tsr_kernel_call* call, const AttentionParams& p, int64_t task, float* dk,
              float* dv) {
  const AttentionShape& s = p.shape;
  const AttentionLayout layout = {Math::kUnit, kPanelColumns};
  const int64_t size = SumsOf(s.depth, layout);
  const int64_t blocks = s.group() * p.query_blocks;
  float* dq = reinterpret_cast<float*>(static_cast<char*>(call->workspace) + p.sums) +
              task * blocks * size;
  GradBlock<Math> block(call, p, task / s.key_heads);
  const int64_t key_head = task % s.key_heads;
  block.Clear(dq, blocks * size);
  for (int64_t b = 0; b < p.key_blocks; ++b) block.KeySide(key_head, b, dk, dv, dq);
  for (int64_t i = 0; i < blocks; ++i) {
    block.StoreQueries(key_head * s.group() + i / p.query_blocks, i % p.query_blocks,
                       dq + i * size);
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
  alignas(64) float sums[kAttentionBlock * kAttentionBlock];
  for (int64_t key = 0; key < p.key_blocks; ++key) {
    GradBlock<Math>::Clear(sums, kAttentionBlock * kAttentionBlock);
    for (int64_t b = first; b < last; ++b) {
      GradBlock<Math>(call, p, b).BiasSide(head, block, key, sums);
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
  if (phase == 0) {
    PackBackward<Math>(call, p, task);
    return;
  }
  const AttentionShape& s = p.shape;
  const AttentionLayout layout = {Math::kUnit, kPanelColumns};
  const int64_t dq_size = SumsOf(s.depth, layout);
  const int64_t key_size = dq_size + SumsOf(s.value_depth, layout);
  const int64_t queries = s.batch * s.heads * p.query_blocks;
  alignas(64) float stack_sums[kStackSums];
  const bool on_stack = key_size <= kStackSums;
  float* kept = reinterpret_cast<float*>(static_cast<char*>(call->workspace) + p.sums);
  if (p.fused) {
    float* sums = on_stack ? stack_sums
                           : kept + queries * dq_size + task * p.key_blocks * key_size;
    RunFused<Math>(call, p, task, sums, sums + dq_size);
  } else if (task < queries) {
    const int64_t head = task / p.query_blocks;
    GradBlock<Math> block(call, p, head / s.heads);
    block.QuerySide(head % s.heads, task % p.query_blocks,
                    on_stack ? stack_sums : kept + task * dq_size);
  } else {
    const int64_t key = task - queries;
    const int64_t head = key / p.key_blocks;
    float* sums = on_stack ? stack_sums : kept + queries * dq_size + key * key_size;
    GradBlock<Math> block(call, p, head / s.key_heads);
    block.KeySide(head % s.key_heads, key % p.key_blocks, sums, sums + dq_size, nullptr);
  }
}

}  // namespace
}  // namespace tessera::cpu::dense
