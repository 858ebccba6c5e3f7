// The forward loops of vector attention. Included after attention_blocks.h.
//
// A task takes some blocks of 64 queries that share a key head through the key blocks that any of
// them sees, in rising order, with a running maximum and sum per query. Dao et al.,
// "FlashAttention", 2022. It packs a key block into scratch of its own for all of its query blocks;
// where several heads read the keys and have one query block each, phase 0 packs them instead.
// Probabilities are rounded to bf16 before they meet bf16 values; the sum they are divided by is
// not.
#pragma once

namespace tessera::cpu::dense {
namespace {

template <class Math>
void PackForward(const tsr_kernel_call* call, const AttentionShape& s, int64_t batch, int64_t head,
                 int64_t block, char* k_columns, char* v_rows) {
  using Element = const typename Math::Element;
  HeadRows<Element> k(call->inputs[1].data, batch, s.keys, s.key_heads, head, s.depth);
  HeadRows<Element> v(call->inputs[2].data, batch, s.keys, s.key_heads, head, s.value_depth);
  // Rows of a cache that are not written yet are packed as zeros, whatever they hold.
  k.positions = v.positions = MaskOf(call, s, batch).limit;
  if (k.positions <= block * kAttentionBlock) return;
  PackColumns<Math>(k, block, k_columns);
  PackRows<Math>(v, block, v_rows);
}

template <class Math>
class ForwardTask {
 public:
  using Element = typename Math::Element;
  using Weight = typename Math::Weight;

  ForwardTask(const tsr_kernel_call* call, const AttentionParams& params, int64_t task,
              char* scratch)
      : call_(call),
        p_(params),
        s_(p_.shape),
        rule_(s_),
        scratch_(scratch),
        key_head_(task / ForwardTasksOfHead(p_) % s_.key_heads),
        batch_(task / ForwardTasksOfHead(p_) / s_.key_heads),
        mask_(MaskOf(call, s_, batch_)) {
    const int64_t blocks = s_.group() * p_.query_blocks;
    begin_ = task % ForwardTasksOfHead(p_) * p_.chunk;
    end_ = std::min<int64_t>(blocks, begin_ + p_.chunk);
    for (Weight& weight : weights_) weight = Weight{};
  }

  void Run() {
    KeyRange keys = {p_.key_blocks, 0};
    for (int64_t i = begin_; i < end_; ++i) {
      Enter(i);
      Begin();
      const KeyRange range = KeyBlocks();
      if (range.begin >= range.end) continue;
      keys = {std::min(keys.begin, range.begin), std::max(keys.end, range.end)};
    }
    for (int64_t key = keys.begin; key < keys.end; ++key) {
      char* k_columns = scratch_ + p_.k_columns;
      char* v_rows = scratch_ + ValueRows(p_);
      if (p_.fused) {
        PackForward<Math>(call_, s_, batch_, key_head_, key, k_columns, v_rows);
      } else {
        PackedKeys(p_, call_, (batch_ * s_.key_heads + key_head_) * p_.key_blocks + key, layout_,
                   &k_columns, &v_rows);
      }
      for (int64_t i = begin_; i < end_; ++i) {
        Enter(i);
        const KeyRange range = KeyBlocks();
        if (key < range.begin || key >= range.end) continue;
        const int64_t left = mask_.Range(block_ * kAttentionBlock + rows_ - 1).end -
                             key * kAttentionBlock;
        Scores(k_columns, left < kAttentionBlock ? left : kAttentionBlock);
        Weigh(key * kAttentionBlock);
        AddWeighted<Math>(weights_, v_rows, s_.value_depth, padded_rows_, width_, factors_, sums_);
      }
    }
    for (int64_t i = begin_; i < end_; ++i) {
      Enter(i);
      Finish();
    }
  }

 private:
  // Makes block |i| of the key head the one that is worked on.
  void Enter(int64_t i) {
    block_ = i % p_.query_blocks;
    head_ = key_head_ * s_.group() + i / p_.query_blocks;
    rows_ = std::min(kAttentionBlock, s_.queries - block_ * kAttentionBlock);
    padded_rows_ = RoundUpTo(rows_, kTileRows);
    const int64_t at = i - begin_;
    q_ = scratch_ + p_.q_columns + at * ColumnsBlockBytes(s_.depth, layout_);
    sums_ = reinterpret_cast<float*>(scratch_ + p_.sums) + at * SumsOf(s_.value_depth, layout_);
    totals_ = reinterpret_cast<float*>(scratch_ + p_.delta) + at * kForwardFacts;
    max_ = totals_ + kAttentionBlock * kLanes;
  }

  void Begin() {
    const HeadRows<const Element> q(call_->inputs[0].data, batch_, s_.queries, s_.heads, head_,
                                    s_.depth);
    PackColumns<Math>(q, block_, q_);
    const int64_t size = SumsOf(s_.value_depth, layout_);
    for (int64_t i = 0; i < size; ++i) sums_[i] = 0;
    for (int64_t r = 0; r < kAttentionBlock; ++r) {
      max_[r] = -kInfinity;
      StoreV(Zero(), totals_ + r * kLanes);
    }
  }

  // Key blocks that the block's queries may see.
  KeyRange KeyBlocks() const {
    const int64_t first = block_ * kAttentionBlock;
    return {mask_.Range(first).begin / kAttentionBlock,
            CeilDiv(mask_.Range(first + rows_ - 1).end, kAttentionBlock)};
  }

  void Scores(const char* k, int64_t width) {
    width_ = width;
    columns_ = RoundUpTo(width, kPanelColumns);
    DotBlocks<Math>(q_, k, s_.depth, padded_rows_, columns_, scores_);
  }

  RowMask MaskOfRow(int64_t row, int64_t key_first) const {
    const KeyRange range = mask_.Range(block_ * kAttentionBlock + row);
    RowMask mask;
    mask.begin = range.begin - key_first;
    mask.end = range.end - key_first;
    if (mask_.query_segments != nullptr) {
      mask.segments = segments_;
      mask.segment = mask_.query_segments[block_ * kAttentionBlock + row];
    }
    return mask;
  }

  // Whether every query of the block sees every key of the block.
  bool SeesAll(int64_t key_first) const {
    if (mask_.query_segments != nullptr || width_ < kAttentionBlock) return false;
    const KeyRange top = mask_.Range(block_ * kAttentionBlock);
    const KeyRange bottom = mask_.Range(block_ * kAttentionBlock + rows_ - 1);
    return bottom.begin <= key_first && top.end >= key_first + kAttentionBlock;
  }

  // |adds|: whether something is added to scores, known to the caller.
  Vec ScoreAt(bool adds, int64_t at) const {
    const Vec x = rule_.Score(LoadV(scores_ + at));
    return adds ? x + LoadV(added_ + at) : x;
  }

  // Scores to weights relative to the new maximum, and the factors that bring old sums there.
  void Weigh(int64_t key_first) {
    const bool all = SeesAll(key_first);
    if (mask_.key_segments != nullptr) {
      CopySegments(mask_.key_segments, key_first, s_.keys, segments_);
    }
    const bool adds = s_.has_additions();
    if (adds) {
      FillAdditions<false>(AdditionsOf(call_, s_, batch_, head_, mask_), block_ * kAttentionBlock,
                           rows_, key_first, width_, added_);
    }
    alignas(64) float old_max[kAttentionBlock];
    for (int64_t r = 0; r < rows_; ++r) {
      float* row = scores_ + r * kAttentionBlock;
      Vec top = Splat(-kInfinity);
      if (all) {
        for (int64_t c = 0; c < columns_; c += kLanes) {
          const Vec x = ScoreAt(adds, r * kAttentionBlock + c);
          StoreV(x, row + c);
          top = Max(top, x);
        }
      } else {
        const RowMask mask = MaskOfRow(r, key_first);
        for (int64_t c = 0; c < columns_; c += kLanes) {
          const Vec score = ScoreAt(adds, r * kAttentionBlock + c);
          const Vec x = mask.Apply(c, score, Splat(-kInfinity));
          StoreV(x, row + c);
          top = Max(top, x);
        }
      }
      const float block_max = MaxOf(top);
      old_max[r] = max_[r];
      if (block_max > max_[r]) max_[r] = block_max;
      // A query that has seen no key yet keeps weights of zero instead of infinity - infinity.
      safe_[r] = max_[r] == -kInfinity ? 0 : max_[r];
    }
    for (int64_t r = rows_; r < kAttentionBlock; ++r) old_max[r] = 0;
    for (int64_t r = 0; r < kAttentionBlock; r += kLanes) {
      StoreV(Exp(LoadV(old_max + r) - LoadV(safe_ + r)), factors_ + r);
    }
    for (int64_t r = 0; r < rows_; ++r) {
      const float* row = scores_ + r * kAttentionBlock;
      Weight* weights = weights_ + r * kAttentionBlock;
      const Vec top = Splat(safe_[r]);
      Vec total = LoadV(totals_ + r * kLanes) * Splat(factors_[r]);
      for (int64_t c = 0; c < columns_; c += kLanes) {
        const Vec weight = Exp(LoadV(row + c) - top);
        total = total + weight;
        Math::StoreWeights(weight, weights + c);
      }
      StoreV(total, totals_ + r * kLanes);
    }
  }

  void Finish() {
    const HeadRows<Element> y(call_->outputs[0].data, batch_, s_.queries, s_.heads, head_,
                              s_.value_depth);
    float* lse = static_cast<float*>(call_->outputs[1].data) +
                 (batch_ * s_.heads + head_) * s_.queries + block_ * kAttentionBlock;
    const int64_t step = RoundUpTo(s_.value_depth, kPanelColumns);
    const float sink = static_cast<float>(SinkOf(call_, s_, head_));
    for (int64_t r = 0; r < rows_; ++r) {
      const SinkShare share(max_[r], SumOf(LoadV(totals_ + r * kLanes)), sink);
      StoreRow(sums_ + r * step, share.factor, s_.value_depth,
               y.Row(block_ * kAttentionBlock + r));
      lse[r] = share.lse;
    }
  }

  const tsr_kernel_call* call_;
  const AttentionParams& p_;
  const AttentionShape& s_;
  const ScoreRule rule_;
  const AttentionLayout layout_ = {Math::kUnit, kPanelColumns};
  char* scratch_;
  const int64_t key_head_;
  const int64_t batch_;
  const AttentionMask mask_;
  int64_t begin_;  // query blocks, counted over the heads of the key head
  int64_t end_;
  // Of the block that is worked on.
  int64_t block_ = 0;
  int64_t head_ = 0;
  int64_t rows_ = 0;
  int64_t padded_rows_ = 0;
  char* q_ = nullptr;
  float* sums_ = nullptr;
  float* totals_ = nullptr;
  float* max_ = nullptr;
  int64_t width_ = 0;    // keys of the key block that some query may see
  int64_t columns_ = 0;  // the same in whole panels
  alignas(64) float scores_[kAttentionBlock * kAttentionBlock];
  alignas(64) float added_[kAttentionBlock * kAttentionBlock];
  alignas(64) Weight weights_[kAttentionBlock * kAttentionBlock];
  alignas(64) float safe_[kAttentionBlock];
  alignas(64) float factors_[kAttentionBlock];
  alignas(64) int32_t segments_[kAttentionBlock];
};

template <class Math>
void RunAttentionForward(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t phase,
                         int64_t task) {
  const auto p = Params<AttentionParams>(plan);
  const AttentionShape& s = p.shape;
  if (!p.fused && phase == 0) {
    char *k_columns, *v_rows;
    PackedKeys(p, call, task, {Math::kUnit, kPanelColumns}, &k_columns, &v_rows);
    const int64_t head = task / p.key_blocks;
    PackForward<Math>(call, s, head / s.key_heads, head % s.key_heads, task % p.key_blocks,
                      k_columns, v_rows);
    return;
  }
  PairInRoom<ForwardTask<Math>>(call, p, task, TaskScratch(p, call, task)).Run();
}

}  // namespace
}  // namespace tessera::cpu::dense
