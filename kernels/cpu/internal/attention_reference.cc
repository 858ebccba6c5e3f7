#include "kernels/cpu/internal/attention_reference.h"

#include <cmath>
#include <limits>

#include "kernels/cpu/internal/attention_shape.h"

namespace tessera::cpu::dense {
namespace {

constexpr int64_t kKeys = 128;   // scores held at once
constexpr int64_t kDepth = 256;  // sums held at once; deeper heads make the scores again

struct Row {
  int64_t batch;
  int64_t at;    // query or key
  int64_t head;  // of queries or of keys
};

Row RowOf(int64_t task, int64_t rows, int64_t heads) {
  return {task / heads / rows, task / heads % rows, task % heads};
}

template <class T>
Sum<T> Dot(const T* a, const T* b, int64_t size) {
  Sum<T> sum = 0;
  for (int64_t i = 0; i < size; ++i) sum += Load(a[i]) * Load(b[i]);
  return sum;
}

// One call seen as typed arrays; rows are found by batch, position and head.
template <class T>
struct View {
  const AttentionShape& s;
  const T* q;
  const T* k;
  const T* v;

  View(const tsr_kernel_call* call, const AttentionShape& shape)
      : s(shape),
        q(static_cast<const T*>(call->inputs[0].data)),
        k(static_cast<const T*>(call->inputs[1].data)),
        v(static_cast<const T*>(call->inputs[2].data)) {}

  int64_t QueryRow(int64_t b, int64_t t, int64_t h) const {
    return (b * s.queries + t) * s.heads + h;
  }
  int64_t KeyRow(int64_t b, int64_t key, int64_t g) const {
    return (b * s.keys + key) * s.key_heads + g;
  }
  int64_t LseAt(int64_t b, int64_t t, int64_t h) const {
    return (b * s.heads + h) * s.queries + t;
  }

  // The product after scale and cap; |slope| becomes its derivative by the raw product.
  Sum<T> Capped(int64_t query_row, int64_t key_row, Sum<T>* slope) const {
    const Sum<T> x = static_cast<Sum<T>>(s.scale) *
                     Dot(q + query_row * s.depth, k + key_row * s.depth, s.depth);
    *slope = static_cast<Sum<T>>(s.scale);
    if (s.softcap == 0) return x;
    const Sum<T> cap = static_cast<Sum<T>>(s.softcap);
    const Sum<T> bent = std::tanh(x / cap);
    *slope *= 1 - bent * bent;
    return cap * bent;
  }
  // The score with all that is added to it.
  Sum<T> Score(Row row, int64_t key, const ScoreAdditions& additions, Sum<T>* slope) const {
    const Sum<T> score = Capped(QueryRow(row.batch, row.at, row.head),
                                KeyRow(row.batch, key, row.head / s.group()), slope);
    return s.has_additions() ? score + additions.At<Sum<T>>(row.at, key) : score;
  }
};

// Running softmax of one query over key blocks, for values [e, e + width).
template <class T>
struct OnlineRow {
  Sum<T> max = -std::numeric_limits<Sum<T>>::infinity();
  Sum<T> total = 0;
  Sum<T> sums[kDepth] = {};

  void Take(const View<T>& view, const AttentionMask& mask, const ScoreAdditions& additions,
            Row row, int64_t key_begin, int64_t key_end, int64_t e, int64_t width) {
    const int64_t g = row.head / view.s.group();
    Sum<T> scores[kKeys];
    Sum<T> top = max;
    Sum<T> slope;
    for (int64_t key = key_begin; key < key_end; ++key) {
      Sum<T>& score = scores[key - key_begin];
      score = -std::numeric_limits<Sum<T>>::infinity();
      if (!mask.Same(row.at, key)) continue;
      score = view.Score(row, key, additions, &slope);
      // A NaN score must reach the result, so it may become the maximum.
      if (!(score <= top)) top = score;
    }
    if (top == -std::numeric_limits<Sum<T>>::infinity()) return;
    const Sum<T> shrink = std::exp(max - top);
    max = top;
    total *= shrink;
    for (int64_t i = 0; i < width; ++i) sums[i] *= shrink;
    for (int64_t key = key_begin; key < key_end; ++key) {
      if (!mask.Same(row.at, key)) continue;
      const Sum<T> p = std::exp(scores[key - key_begin] - top);
      const T* value = view.v + view.KeyRow(row.batch, key, g) * view.s.value_depth + e;
      total += p;
      for (int64_t i = 0; i < width; ++i) sums[i] += p * Load(value[i]);
    }
  }

  // The sink's share of the sum; it has no value.
  void Sink(Sum<T> sink, int64_t width) {
    if (sink == -std::numeric_limits<Sum<T>>::infinity()) return;
    const Sum<T> top = max < sink ? sink : max;
    const Sum<T> shrink = std::exp(max - top);
    max = top;
    total = total * shrink + std::exp(sink - top);
    for (int64_t i = 0; i < width; ++i) sums[i] *= shrink;
  }
};

template <class T>
void RunForward(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t,
                int64_t task) {
  const auto s = Params<AttentionShape>(plan);
  const View<T> view(call, s);
  const Row row = RowOf(task, s.queries, s.heads);
  const AttentionMask mask = MaskOf(call, s, row.batch);
  const KeyRange range = mask.Range(row.at);
  const ScoreAdditions additions = AdditionsOf(call, s, row.batch, row.head, mask);
  const Sum<T> sink = static_cast<Sum<T>>(SinkOf(call, s, row.head));
  T* y = static_cast<T*>(call->outputs[0].data) +
         view.QueryRow(row.batch, row.at, row.head) * s.value_depth;
  Sum<T>* lse = static_cast<Sum<T>*>(call->outputs[1].data);
  int64_t e = 0;
  do {
    const int64_t width = std::min(kDepth, s.value_depth - e);
    OnlineRow<T> online;
    for (int64_t key = range.begin; key < range.end; key += kKeys) {
      online.Take(view, mask, additions, row, key, std::min(range.end, key + kKeys), e, width);
    }
    online.Sink(sink, width);
    const bool blind = online.total == 0;
    for (int64_t i = 0; i < width; ++i) {
      Store(blind ? Sum<T>{0} : online.sums[i] / online.total, &y[e + i]);
    }
    lse[view.LseAt(row.batch, row.at, row.head)] =
        blind ? -std::numeric_limits<Sum<T>>::infinity() : online.max + std::log(online.total);
    e += kDepth;
  } while (e < s.value_depth);
}

// The gradient's own operands.
template <class T>
struct GradView : View<T> {
  const T* y;
  const Sum<T>* lse;
  const T* dy;
  Sum<T>* delta;  // sum of dy * y of each query row, laid out as lse; not for the bias

  GradView(const tsr_kernel_call* call, const AttentionShape& shape)
      : View<T>(call, shape),
        y(static_cast<const T*>(call->inputs[3].data)),
        lse(static_cast<const Sum<T>*>(call->inputs[4].data)),
        dy(static_cast<const T*>(call->inputs[5].data)),
        delta(static_cast<Sum<T>*>(call->workspace)) {}

  Sum<T> Delta(int64_t query_row) const {
    const int64_t e = this->s.value_depth;
    return Dot(dy + query_row * e, y + query_row * e, e);
  }

  // One visible pair: probability of the key, gradients of its score and of the raw product.
  struct Pair {
    Sum<T> p, ds, raw_ds;
  };
  Pair PairOf(Row query, int64_t key, const ScoreAdditions& additions, Sum<T> delta_of) const {
    const int64_t row = this->QueryRow(query.batch, query.at, query.head);
    const int64_t key_row = this->KeyRow(query.batch, key, query.head / this->s.group());
    const Sum<T> of_row = lse[this->LseAt(query.batch, query.at, query.head)];
    Sum<T> slope;
    const Sum<T> score = this->Score(query, key, additions, &slope);
    // A bias of -infinity may hide every key.
    const bool blind = of_row == -std::numeric_limits<Sum<T>>::infinity();
    const Sum<T> p = blind ? 0 : std::exp(score - of_row);
    const int64_t e = this->s.value_depth;
    const Sum<T> ds = p * (Dot(dy + row * e, this->v + key_row * e, e) - delta_of);
    return {p, ds, ds * slope};
  }
};

template <class T>
void RunDq(const tsr_kernel_call* call, const AttentionShape& s, int64_t task) {
  const GradView<T> view(call, s);
  const Row row = RowOf(task, s.queries, s.heads);
  const AttentionMask mask = MaskOf(call, s, row.batch);
  const KeyRange range = mask.Range(row.at);
  const int64_t query_row = view.QueryRow(row.batch, row.at, row.head);
  const ScoreAdditions additions = AdditionsOf(call, s, row.batch, row.head, mask);
  const Sum<T> delta = view.Delta(query_row);
  view.delta[view.LseAt(row.batch, row.at, row.head)] = delta;
  T* dq = static_cast<T*>(call->outputs[0].data) + query_row * s.depth;
  for (int64_t d = 0; d < s.depth; d += kDepth) {
    const int64_t width = std::min(kDepth, s.depth - d);
    Sum<T> sums[kDepth] = {};
    for (int64_t key = range.begin; key < range.end; ++key) {
      if (!mask.Same(row.at, key)) continue;
      const Sum<T> ds = view.PairOf(row, key, additions, delta).raw_ds;
      const T* k = view.k + view.KeyRow(row.batch, key, row.head / s.group()) * s.depth + d;
      for (int64_t i = 0; i < width; ++i) sums[i] += ds * Load(k[i]);
    }
    for (int64_t i = 0; i < width; ++i) Store(sums[i], &dq[d + i]);
  }
}

// dk or dv of one key: |rows| are the query-side rows that p or ds weighs.
template <class T, bool kValue>
void RunKeySide(const tsr_kernel_call* call, const AttentionShape& s, Row row) {
  const GradView<T> view(call, s);
  const AttentionMask mask = MaskOf(call, s, row.batch);
  const KeyRange queries = mask.Queries(row.at, row.at + 1, s.queries);
  const int64_t size = kValue ? s.value_depth : s.depth;
  const T* rows = kValue ? view.dy : view.q;
  T* out = static_cast<T*>(call->outputs[kValue ? 2 : 1].data) +
           view.KeyRow(row.batch, row.at, row.head) * size;
  for (int64_t d = 0; d < size; d += kDepth) {
    const int64_t width = std::min(kDepth, size - d);
    Sum<T> sums[kDepth] = {};
    for (int64_t h = row.head * s.group(); h < (row.head + 1) * s.group(); ++h) {
      const ScoreAdditions additions = AdditionsOf(call, s, row.batch, h, mask);
      for (int64_t t = queries.begin; t < queries.end; ++t) {
        if (!mask.Same(t, row.at)) continue;
        const auto pair = view.PairOf({row.batch, t, h}, row.at, additions,
                                      view.delta[view.LseAt(row.batch, t, h)]);
        const Sum<T> weight = kValue ? pair.p : pair.raw_ds;
        const T* source = rows + view.QueryRow(row.batch, t, h) * size + d;
        for (int64_t i = 0; i < width; ++i) sums[i] += weight * Load(source[i]);
      }
    }
    for (int64_t i = 0; i < width; ++i) Store(sums[i], &out[d + i]);
  }
}

// Phase 0: delta and dq by query; phase 1: dk and dv by key.
template <class T>
void RunGrad(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t phase,
             int64_t task) {
  const auto s = Params<AttentionShape>(plan);
  if (phase == 0) {
    RunDq<T>(call, s, task);
    return;
  }
  const Row row = RowOf(task, s.keys, s.key_heads);
  RunKeySide<T, false>(call, s, row);
  RunKeySide<T, true>(call, s, row);
}

// One row of the bias's gradient, [keys] of a query and head, summed over the batch unless the bias
// has one. |B| is the bias's type.
template <class T, class B>
void RunBiasRow(const tsr_kernel_call* call, const AttentionShape& s, int64_t task) {
  const GradView<T> view(call, s);
  const int64_t t = task % s.queries;
  const int64_t h = task / s.queries % s.heads;
  const int64_t first = s.bias_by_batch ? task / s.queries / s.heads : 0;
  const int64_t last = s.bias_by_batch ? first + 1 : s.batch;
  B* out = static_cast<B*>(call->outputs[0].data) + task * s.keys;
  for (int64_t begin = 0; begin < s.keys; begin += kKeys) {
    const int64_t width = std::min(kKeys, s.keys - begin);
    Sum<T> sums[kKeys] = {};
    for (int64_t b = first; b < last; ++b) {
      const AttentionMask mask = MaskOf(call, s, b);
      const ScoreAdditions additions = AdditionsOf(call, s, b, h, mask);
      const KeyRange range = mask.Range(t);
      const Sum<T> delta = view.Delta(view.QueryRow(b, t, h));
      for (int64_t i = 0; i < width; ++i) {
        const int64_t key = begin + i;
        if (key < range.begin || key >= range.end || !mask.Same(t, key)) continue;
        sums[i] += view.PairOf({b, t, h}, key, additions, delta).ds;
      }
    }
    for (int64_t i = 0; i < width; ++i) Store(sums[i], &out[begin + i]);
  }
}

template <class T>
void RunBiasGrad(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t,
                 int64_t task) {
  const auto s = Params<AttentionShape>(plan);
  if (TypeOf(call->inputs[s.bias]) == s.dtype) {
    RunBiasRow<T, T>(call, s, task);
  } else {
    RunBiasRow<T, Sum<T>>(call, s, task);
  }
}

template <class Pick>
tsr_kernel_run ByDType(DType dtype, const Pick& pick) {
  switch (dtype) {
    case DType::kF64:
      return pick(double{});
    case DType::kF32:
      return pick(float{});
    case DType::kBF16:
      return pick(BF16{});
    case DType::kF16:
      return pick(F16{});
    default:
      return nullptr;
  }
}

}  // namespace

int32_t PrepareReferenceAttention(const tsr_kernel_call* call, tsr_kernel_plan* plan,
                                  char* reason) {
  AttentionShape s;
  if (ReadAttentionShape(call, 3, &s, reason) != 0) return 1;
  plan->run = ByDType(s.dtype, [](auto t) -> tsr_kernel_run { return RunForward<decltype(t)>; });
  if (plan->run == nullptr) return Decline(reason, "attention: float dtypes only");
  plan->phase_count = 1;
  plan->tasks[0] = s.batch * s.queries * s.heads;
  plan->workspace_bytes = 0;
  SetParams(plan, s);
  return 0;
}

int32_t PrepareReferenceAttentionGrad(const tsr_kernel_call* call, tsr_kernel_plan* plan,
                                      char* reason) {
  AttentionShape s;
  if (ReadAttentionShape(call, 6, &s, reason) != 0) return 1;
  plan->run = ByDType(s.dtype, [](auto t) -> tsr_kernel_run { return RunGrad<decltype(t)>; });
  if (plan->run == nullptr) return Decline(reason, "attention_grad: float dtypes only");
  plan->phase_count = 2;
  plan->tasks[0] = s.batch * s.queries * s.heads;
  plan->tasks[1] = s.batch * s.keys * s.key_heads;
  plan->workspace_bytes =
      static_cast<size_t>(plan->tasks[0]) * (s.dtype == DType::kF64 ? 8 : 4);
  SetParams(plan, s);
  return 0;
}

int32_t PrepareReferenceAttentionBiasGrad(const tsr_kernel_call* call, tsr_kernel_plan* plan,
                                          char* reason) {
  AttentionShape s;
  if (ReadAttentionShape(call, 6, &s, reason) != 0) return 1;
  if (s.bias < 0) return Decline(reason, "attention_bias_grad: there is no bias");
  plan->run = ByDType(s.dtype, [](auto t) -> tsr_kernel_run { return RunBiasGrad<decltype(t)>; });
  if (plan->run == nullptr) return Decline(reason, "attention_bias_grad: float dtypes only");
  plan->phase_count = 1;
  plan->tasks[0] = (s.bias_by_batch ? s.batch : 1) * s.heads * s.queries;
  plan->workspace_bytes = 0;
  SetParams(plan, s);
  return 0;
}

}  // namespace tessera::cpu::dense
