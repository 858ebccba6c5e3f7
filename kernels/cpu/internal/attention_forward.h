// The forward loops of vector attention. Included after attention_blocks.h.
//
// Phase 0 packs k and v by key block. A phase 1 task takes 64 queries of a head through the key
// blocks that any of them sees, in rising order, with a running maximum and sum per query. Dao et
// al., "FlashAttention", 2022. Probabilities are rounded to bf16 before they meet bf16 values; the
// sum they are divided by is not.
#pragma once

namespace tessera::cpu::dense {
namespace {

template <class Math>
class ForwardTask {
 public:
  using Element = typename Math::Element;
  using Weight = typename Math::Weight;

  ForwardTask(const tsr_kernel_call* call, const AttentionParams& params, int64_t task)
      : call_(call),
        p_(params),
        s_(p_.shape),
        rule_(s_),
        block_(task % p_.query_blocks),
        head_(task / p_.query_blocks % s_.heads),
        batch_(task / p_.query_blocks / s_.heads),
        task_(task),
        mask_(MaskOf(call, s_, batch_)),
        additions_(AdditionsOf(call, s_, batch_, head_, mask_)) {}

  void Run() {
    const AttentionLayout layout = {Math::kUnit, kPanelColumns};
    workspace_ = static_cast<char*>(call_->workspace);
    const HeadRows<const Element> q(call_->inputs[0].data, batch_, s_.queries, s_.heads, head_,
                                    s_.depth);
    rows_ = q.RowsOf(block_);
    padded_rows_ = RoundUpTo(rows_, kTileRows);
    char* packed_q = workspace_ + p_.q_columns + task_ * ColumnsBlockBytes(s_.depth, layout);
    PackColumns<Math>(q, block_, packed_q);
    alignas(64) float stack_sums[kStackSums];
    const int64_t sums_size = SumsOf(s_.value_depth, layout);
    sums_ = sums_size <= kStackSums
                ? stack_sums
                : reinterpret_cast<float*>(workspace_ + p_.sums) + task_ * sums_size;
    for (int64_t i = 0; i < sums_size; ++i) sums_[i] = 0;
    for (int64_t i = 0; i < kAttentionBlock * kAttentionBlock; ++i) weights_[i] = Weight{};
    for (int64_t r = 0; r < kAttentionBlock; ++r) {
      max_[r] = -kInfinity;
      safe_[r] = 0;
      factors_[r] = 1;
      StoreV(Zero(), totals_ + r * kLanes);
    }
    const int64_t first = block_ * kAttentionBlock;
    const int64_t begin = mask_.Range(first).begin;
    const int64_t end = mask_.Range(first + rows_ - 1).end;
    const int64_t key_head = batch_ * s_.key_heads + head_ / s_.group();
    for (int64_t key = begin / kAttentionBlock; key * kAttentionBlock < end; ++key) {
      const int64_t at = key_head * p_.key_blocks + key;
      const int64_t width = end - key * kAttentionBlock;
      Scores(packed_q, workspace_ + p_.k_columns + at * ColumnsBlockBytes(s_.depth, layout),
             width < kAttentionBlock ? width : kAttentionBlock);
      Weigh(key * kAttentionBlock);
      AddWeighted<Math>(weights_, workspace_ + ValueRows(p_) +
                                      at * RowsBlockBytes(s_.value_depth, layout),
                        s_.value_depth, padded_rows_, width_, factors_, sums_);
    }
    Finish();
  }

 private:
  void Scores(const char* q, const char* k, int64_t width) {
    width_ = width;
    columns_ = RoundUpTo(width, kPanelColumns);
    DotBlocks<Math>(q, k, s_.depth, padded_rows_, columns_, scores_);
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
      FillAdditions<false>(additions_, block_ * kAttentionBlock, rows_, key_first, width_, added_);
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
  const int64_t block_;
  const int64_t head_;
  const int64_t batch_;
  const int64_t task_;
  const AttentionMask mask_;
  const ScoreAdditions additions_;
  char* workspace_ = nullptr;
  int64_t rows_ = 0;
  int64_t padded_rows_ = 0;
  int64_t width_ = 0;    // keys of the block that some query may see
  int64_t columns_ = 0;  // the same in whole panels
  float* sums_ = nullptr;
  alignas(64) float scores_[kAttentionBlock * kAttentionBlock];
  alignas(64) float added_[kAttentionBlock * kAttentionBlock];
  alignas(64) Weight weights_[kAttentionBlock * kAttentionBlock];
  alignas(64) float totals_[kAttentionBlock * kLanes];
  alignas(64) float max_[kAttentionBlock];
  alignas(64) float safe_[kAttentionBlock];
  alignas(64) float factors_[kAttentionBlock];
  alignas(64) int32_t segments_[kAttentionBlock];
};

template <class Math>
void PackForward(const tsr_kernel_call* call, const AttentionParams& p, int64_t task) {
  using Element = const typename Math::Element;
  const AttentionShape& s = p.shape;
  const AttentionLayout layout = {Math::kUnit, kPanelColumns};
  const int64_t block = task % p.key_blocks;
  const int64_t head = task / p.key_blocks % s.key_heads;
  const int64_t batch = task / p.key_blocks / s.key_heads;
  char* workspace = static_cast<char*>(call->workspace);
  HeadRows<Element> k(call->inputs[1].data, batch, s.keys, s.key_heads, head, s.depth);
  HeadRows<Element> v(call->inputs[2].data, batch, s.keys, s.key_heads, head, s.value_depth);
  // Rows of a cache that are not written yet are packed as zeros, whatever they hold.
  k.positions = v.positions = MaskOf(call, s, batch).limit;
  if (k.positions <= block * kAttentionBlock) return;
  PackColumns<Math>(k, block,
                    workspace + p.k_columns + task * ColumnsBlockBytes(s.depth, layout));
  PackRows<Math>(v, block,
                 workspace + ValueRows(p) + task * RowsBlockBytes(s.value_depth, layout));
}

template <class Math>
void RunAttentionForward(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t phase,
                         int64_t task) {
  const auto p = Params<AttentionParams>(plan);
  if (phase == 0) {
    PackForward<Math>(call, p, task);
    return;
  }
  ForwardTask<Math> forward(call, p, task);
  forward.Run();
}

}  // namespace
}  // namespace tessera::cpu::dense
