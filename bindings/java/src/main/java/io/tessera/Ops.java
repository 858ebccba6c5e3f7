package io.tessera;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A class for each op, with its attributes and operands:
 * {@code new Ops.Matmul().transposeRhs(true).add(scope, x, w)}. Made from the catalogue by bindings/generate; not edited.
 */
public final class Ops {
  private Ops() {}

  /** One use of an op, until it is added. */
  public abstract static class Call {
    private final String op;
    private final Map<String, Object> attrs = new LinkedHashMap<>();

    Call(String op) {
      this.op = op;
    }

    /** Numbers that JSON lacks are texts. */
    final void put(String name, Object value) {
      boolean isText = value instanceof Double number && !Double.isFinite(number);
      String text = String.valueOf(value);
      text = text.toLowerCase().replace("infinity", "inf");
      attrs.put(name, isText ? text : value);
    }

    final List<Value> many(OpBuilder to, Value... inputs) throws TesseraException {
      return to.addMany(op, attrs, List.of(inputs));
    }

    final Value one(OpBuilder to, Value... inputs) throws TesseraException {
      return Value.only(many(to, inputs), op);
    }
  }

  /**
   * y = |x|.
   */
  public static final class Abs extends Call {
    public Abs() {
      super("abs");
    }

    public Value add(OpBuilder to, Value x) throws TesseraException {
      return one(to, x);
    }
  }

  /**
   * one step of AdamW on a parameter and its two moments, in place.
   * Signature: param[...], grad[...], m[...], v[...], lr[], step[], clip[] -&gt; new_param[...],
   * new_m[...], new_v[...]
   * It has no gradient.
   */
  public static final class AdamwUpdate extends Call {
    public AdamwUpdate() {
      super("adamw_update");
    }

    /**
     * decay of the first moment, in [0, 1) (by default 0.9).
     */
    public AdamwUpdate beta1(double value) {
      put("beta1", value);
      return this;
    }

    /**
     * decay of the second moment, in [0, 1) (by default 0.999).
     */
    public AdamwUpdate beta2(double value) {
      put("beta2", value);
      return this;
    }

    /**
     * added to the root; at least 0 (by default 1e-08).
     */
    public AdamwUpdate epsilon(double value) {
      put("epsilon", value);
      return this;
    }

    /**
     * decoupled from the gradient; times lr (by default 0.0).
     */
    public AdamwUpdate weightDecay(double value) {
      put("weight_decay", value);
      return this;
    }

    public List<Value> add(OpBuilder to, Value param, Value grad, Value m, Value v, Value lr, Value step, Value clip) throws TesseraException {
      return many(to, param, grad, m, v, lr, step, clip);
    }
  }

  /**
   * out = x + y.
   */
  public static final class Add extends Call {
    public Add() {
      super("add");
    }

    public Value add(OpBuilder to, Value x, Value y) throws TesseraException {
      return one(to, x, y);
    }
  }

  /**
   * y = x0 + x1 + ..., summed in order and rounded once.
   * Signature: x*[...] -&gt; y[...]
   */
  public static final class AddN extends Call {
    public AddN() {
      super("add_n");
    }

    /**
     * of the result; empty: that of the operands (by default ).
     */
    public AddN dtype(String value) {
      put("dtype", value);
      return this;
    }

    public Value add(OpBuilder to, Value... inputs) throws TesseraException {
      return one(to, inputs);
    }
  }

  /**
   * y = the x of all ranks of a mesh axis one after the other along `dim`.
   * It has no gradient.
   */
  public static final class AllGather extends Call {
    /**
     * @param axis of the mesh.
     * @param ranks size of the axis.
     * @param dim along which the parts are joined.
     */
    public AllGather(String axis, long ranks, long dim) {
      super("all_gather");
      put("axis", axis);
      put("ranks", ranks);
      put("dim", dim);
    }

    public Value add(OpBuilder to, Value... inputs) throws TesseraException {
      return one(to, inputs);
    }

    public List<Value> addMany(OpBuilder to, Value... inputs) throws TesseraException {
      return many(to, inputs);
    }
  }

  /**
   * y = x summed (or the maximum) over the ranks of a mesh axis.
   * Signature: x[...] -&gt; y[...]
   * It has no gradient.
   */
  public static final class AllReduce extends Call {
    /**
     * @param axis of the mesh.
     */
    public AllReduce(String axis) {
      super("all_reduce");
      put("axis", axis);
    }

    /**
     * sum or max (by default sum).
     */
    public AllReduce reduce(String value) {
      put("reduce", value);
      return this;
    }

    public Value add(OpBuilder to, Value x) throws TesseraException {
      return one(to, x);
    }
  }

  /**
   * y[i] = start + i * step.
   * Signature: -&gt; y[{shape...}]
   * It has no gradient.
   */
  public static final class Arange extends Call {
    /**
     * @param shape the one dim of the result, such as "T".
     */
    public Arange(String shape) {
      super("arange");
      put("shape", shape);
    }

    /**
     * the first value (by default 0.0).
     */
    public Arange start(double value) {
      put("start", value);
      return this;
    }

    /**
     * from one value to the next (by default 1.0).
     */
    public Arange step(double value) {
      put("step", value);
      return this;
    }

    /**
     * of the result (by default i32).
     */
    public Arange dtype(String value) {
      put("dtype", value);
      return this;
    }

    public Value add(OpBuilder to, Value... inputs) throws TesseraException {
      return one(to, inputs);
    }
  }

  /**
   * y = the index of the largest element along `dim`.
   * It has no gradient.
   */
  public static final class Argmax extends Call {
    /**
     * @param dim along which is searched; it is gone from the result.
     */
    public Argmax(long dim) {
      super("argmax");
      put("dim", dim);
    }

    public Value add(OpBuilder to, Value x) throws TesseraException {
      return one(to, x);
    }

    public List<Value> addMany(OpBuilder to, Value x) throws TesseraException {
      return many(to, x);
    }
  }

  /**
   * y = softmax(scale * q . k) v by head over the keys a query sees; lse of the scores.
   */
  public static final class Attention extends Call {
    public Attention() {
      super("attention");
    }

    /**
     * a query sees no key after its own index (by default False).
     */
    public Attention causal(boolean value) {
      put("causal", value);
      return this;
    }

    /**
     * factor on q . k, such as 1 / sqrt(D) (by default 1.0).
     */
    public Attention scale(double value) {
      put("scale", value);
      return this;
    }

    /**
     * keys further back than this are not seen; 0: all are (by default 0).
     */
    public Attention window(long value) {
      put("window", value);
      return this;
    }

    /**
     * scores become cap * tanh(score / cap); 0: no cap (by default 0.0).
     */
    public Attention softcap(double value) {
      put("softcap", value);
      return this;
    }

    /**
     * operands q_segments, k_segments: only equal ones meet (by default False).
     */
    public Attention hasSegments(boolean value) {
      put("has_segments", value);
      return this;
    }

    /**
     * operand start: index of the first query of each batch row (by default False).
     */
    public Attention hasStart(boolean value) {
      put("has_start", value);
      return this;
    }

    /**
     * operand slopes: how fast scores of a head fall with distance (by default False).
     */
    public Attention hasSlopes(boolean value) {
      put("has_slopes", value);
      return this;
    }

    /**
     * operand bias: added to the scores (by default False).
     */
    public Attention hasBias(boolean value) {
      put("has_bias", value);
      return this;
    }

    /**
     * operand sinks: a logit of each head that has no value (by default False).
     */
    public Attention hasSinks(boolean value) {
      put("has_sinks", value);
      return this;
    }

    public Value add(OpBuilder to, Value... inputs) throws TesseraException {
      return one(to, inputs);
    }

    public List<Value> addMany(OpBuilder to, Value... inputs) throws TesseraException {
      return many(to, inputs);
    }
  }

  /**
   * gradient of attention with respect to its bias.
   * It has no gradient.
   */
  public static final class AttentionBiasGrad extends Call {
    public AttentionBiasGrad() {
      super("attention_bias_grad");
    }

    /**
     * a query sees no key after its own index (by default False).
     */
    public AttentionBiasGrad causal(boolean value) {
      put("causal", value);
      return this;
    }

    /**
     * factor on q . k, such as 1 / sqrt(D) (by default 1.0).
     */
    public AttentionBiasGrad scale(double value) {
      put("scale", value);
      return this;
    }

    /**
     * keys further back than this are not seen; 0: all are (by default 0).
     */
    public AttentionBiasGrad window(long value) {
      put("window", value);
      return this;
    }

    /**
     * scores become cap * tanh(score / cap); 0: no cap (by default 0.0).
     */
    public AttentionBiasGrad softcap(double value) {
      put("softcap", value);
      return this;
    }

    /**
     * operands q_segments, k_segments: only equal ones meet (by default False).
     */
    public AttentionBiasGrad hasSegments(boolean value) {
      put("has_segments", value);
      return this;
    }

    /**
     * operand start: index of the first query of each batch row (by default False).
     */
    public AttentionBiasGrad hasStart(boolean value) {
      put("has_start", value);
      return this;
    }

    /**
     * operand slopes: how fast scores of a head fall with distance (by default False).
     */
    public AttentionBiasGrad hasSlopes(boolean value) {
      put("has_slopes", value);
      return this;
    }

    /**
     * operand bias: added to the scores (by default False).
     */
    public AttentionBiasGrad hasBias(boolean value) {
      put("has_bias", value);
      return this;
    }

    public Value add(OpBuilder to, Value... inputs) throws TesseraException {
      return one(to, inputs);
    }

    public List<Value> addMany(OpBuilder to, Value... inputs) throws TesseraException {
      return many(to, inputs);
    }
  }

  /**
   * gradients of attention with respect to q, k and v.
   * It has no gradient.
   */
  public static final class AttentionGrad extends Call {
    public AttentionGrad() {
      super("attention_grad");
    }

    /**
     * a query sees no key after its own index (by default False).
     */
    public AttentionGrad causal(boolean value) {
      put("causal", value);
      return this;
    }

    /**
     * factor on q . k, such as 1 / sqrt(D) (by default 1.0).
     */
    public AttentionGrad scale(double value) {
      put("scale", value);
      return this;
    }

    /**
     * keys further back than this are not seen; 0: all are (by default 0).
     */
    public AttentionGrad window(long value) {
      put("window", value);
      return this;
    }

    /**
     * scores become cap * tanh(score / cap); 0: no cap (by default 0.0).
     */
    public AttentionGrad softcap(double value) {
      put("softcap", value);
      return this;
    }

    /**
     * operands q_segments, k_segments: only equal ones meet (by default False).
     */
    public AttentionGrad hasSegments(boolean value) {
      put("has_segments", value);
      return this;
    }

    /**
     * operand start: index of the first query of each batch row (by default False).
     */
    public AttentionGrad hasStart(boolean value) {
      put("has_start", value);
      return this;
    }

    /**
     * operand slopes: how fast scores of a head fall with distance (by default False).
     */
    public AttentionGrad hasSlopes(boolean value) {
      put("has_slopes", value);
      return this;
    }

    /**
     * operand bias: added to the scores (by default False).
     */
    public AttentionGrad hasBias(boolean value) {
      put("has_bias", value);
      return this;
    }

    public Value add(OpBuilder to, Value... inputs) throws TesseraException {
      return one(to, inputs);
    }

    public List<Value> addMany(OpBuilder to, Value... inputs) throws TesseraException {
      return many(to, inputs);
    }
  }

  /**
   * ids = the expert of every token, each expert getting an even share.
   * Signature: scores[..., N!, E!] -&gt; ids[..., N, 1]
   * It has no gradient.
   */
  public static final class BalancedAssignment extends Call {
    public BalancedAssignment() {
      super("balanced_assignment");
    }

    /**
     * how much a token may lose, in ranges of the scores (by default 0.01).
     */
    public BalancedAssignment precision(double value) {
      put("precision", value);
      return this;
    }

    public Value add(OpBuilder to, Value scores) throws TesseraException {
      return one(to, scores);
    }
  }

  /**
   * y = x repeated to the dims `shape`.
   */
  public static final class BroadcastTo extends Call {
    /**
     * @param shape dims of the result, such as "B,T,512".
     */
    public BroadcastTo(String shape) {
      super("broadcast_to");
      put("shape", shape);
    }

    public Value add(OpBuilder to, Value... inputs) throws TesseraException {
      return one(to, inputs);
    }

    public List<Value> addMany(OpBuilder to, Value... inputs) throws TesseraException {
      return many(to, inputs);
    }
  }

  /**
   * the cache with x written at `start`, in place.
   * Signature: cache[B, S!, G, D], x[B, T!, G, D], start[B] -&gt; new_cache[B, S, G, D]
   * It has no gradient.
   */
  public static final class CacheAppend extends Call {
    public CacheAppend() {
      super("cache_append");
    }

    public Value add(OpBuilder to, Value cache, Value x, Value start) throws TesseraException {
      return one(to, cache, x, start);
    }
  }

  /**
   * y = x in another dtype.
   * Signature: x[...] -&gt; y[...]
   */
  public static final class Cast extends Call {
    /**
     * @param dtype of the result.
     */
    public Cast(String dtype) {
      super("cast");
      put("dtype", dtype);
    }

    public Value add(OpBuilder to, Value x) throws TesseraException {
      return one(to, x);
    }
  }

  /**
   * y = x rounded up.
   * It has no gradient.
   */
  public static final class Ceil extends Call {
    public Ceil() {
      super("ceil");
    }

    public Value add(OpBuilder to, Value x) throws TesseraException {
      return one(to, x);
    }
  }

  /**
   * out[t] = sum over a token's slots of weight times the row that the slot has.
   * Signature: y[..., R!, D], slots[..., R!], rows[..., K!], weights?[..., K!] -&gt; out[..., D]
   */
  public static final class Combine extends Call {
    public Combine() {
      super("combine");
    }

    public Value add(OpBuilder to, Value... inputs) throws TesseraException {
      return one(to, inputs);
    }
  }

  /**
   * w[t, j] = the product of x[t] and the row that slot j of token t has.
   * Signature: x[..., D], y[..., R!, D], slots[..., R!], rows[..., K!] -&gt; w[..., K]
   */
  public static final class CombineDot extends Call {
    public CombineDot() {
      super("combine_dot");
    }

    /**
     * of the result (by default f32).
     */
    public CombineDot dtype(String value) {
      put("dtype", value);
      return this;
    }

    public Value add(OpBuilder to, Value x, Value y, Value slots, Value rows) throws TesseraException {
      return one(to, x, y, slots, rows);
    }
  }

  /**
   * y = the operands one after the other along `dim`.
   */
  public static final class Concat extends Call {
    /**
     * @param dim along which operands are joined.
     */
    public Concat(long dim) {
      super("concat");
      put("dim", dim);
    }

    public Value add(OpBuilder to, Value... inputs) throws TesseraException {
      return one(to, inputs);
    }

    public List<Value> addMany(OpBuilder to, Value... inputs) throws TesseraException {
      return many(to, inputs);
    }
  }

  /**
   * y = x, in memory of its own.
   * Signature: x[...] -&gt; y[...]
   */
  public static final class Copy extends Call {
    public Copy() {
      super("copy");
    }

    public Value add(OpBuilder to, Value x) throws TesseraException {
      return one(to, x);
    }
  }

  /**
   * y = cos(x).
   */
  public static final class Cos extends Call {
    public Cos() {
      super("cos");
    }

    public Value add(OpBuilder to, Value x) throws TesseraException {
      return one(to, x);
    }
  }

  /**
   * loss = -ln softmax(logits)[target], with label smoothing and z-loss; lse of the logits.
   * Signature: logits[..., V!], targets[...] -&gt; loss[...], lse[...]
   */
  public static final class CrossEntropy extends Call {
    public CrossEntropy() {
      super("cross_entropy");
    }

    /**
     * targets of this value have loss 0 (by default -100).
     */
    public CrossEntropy ignoreIndex(long value) {
      put("ignore_index", value);
      return this;
    }

    /**
     * weight of the uniform distribution in the target, in [0, 1) (by default 0.0).
     */
    public CrossEntropy labelSmoothing(double value) {
      put("label_smoothing", value);
      return this;
    }

    /**
     * weight of lse^2 (by default 0.0).
     */
    public CrossEntropy zLoss(double value) {
      put("z_loss", value);
      return this;
    }

    public List<Value> add(OpBuilder to, Value logits, Value targets) throws TesseraException {
      return many(to, logits, targets);
    }
  }

  /**
   * gradient of cross_entropy with respect to logits.
   * Signature: logits[..., V!], targets[...], lse[...], dloss[...] -&gt; dlogits[..., V]
   * It has no gradient.
   */
  public static final class CrossEntropyGrad extends Call {
    public CrossEntropyGrad() {
      super("cross_entropy_grad");
    }

    /**
     * targets of this value have loss 0 (by default -100).
     */
    public CrossEntropyGrad ignoreIndex(long value) {
      put("ignore_index", value);
      return this;
    }

    /**
     * weight of the uniform distribution in the target, in [0, 1) (by default 0.0).
     */
    public CrossEntropyGrad labelSmoothing(double value) {
      put("label_smoothing", value);
      return this;
    }

    /**
     * weight of lse^2 (by default 0.0).
     */
    public CrossEntropyGrad zLoss(double value) {
      put("z_loss", value);
      return this;
    }

    public Value add(OpBuilder to, Value logits, Value targets, Value lse, Value dloss) throws TesseraException {
      return one(to, logits, targets, lse, dloss);
    }
  }

  /**
   * y[i] = sum of x[0] .. x[i] along `dim`.
   */
  public static final class Cumsum extends Call {
    /**
     * @param dim along which is summed.
     */
    public Cumsum(long dim) {
      super("cumsum");
      put("dim", dim);
    }

    /**
     * sum from the end (by default False).
     */
    public Cumsum reverse(boolean value) {
      put("reverse", value);
      return this;
    }

    /**
     * leave out the element itself (by default False).
     */
    public Cumsum exclusive(boolean value) {
      put("exclusive", value);
      return this;
    }

    public Value add(OpBuilder to, Value x) throws TesseraException {
      return one(to, x);
    }

    public List<Value> addMany(OpBuilder to, Value x) throws TesseraException {
      return many(to, x);
    }
  }

  /**
   * y[r] = x[t] for every row r of a plan and the token t it came from, weighted if asked.
   * Signature: x[..., D], slots[..., R!], rows[..., K!], weights?[..., K!] -&gt; y[..., R, D]
   */
  public static final class Dispatch extends Call {
    public Dispatch() {
      super("dispatch");
    }

    public Value add(OpBuilder to, Value... inputs) throws TesseraException {
      return one(to, inputs);
    }
  }

  /**
   * out = x / y; integers rounded down, by 0 gives 0.
   */
  public static final class Div extends Call {
    public Div() {
      super("div");
    }

    public Value add(OpBuilder to, Value x, Value y) throws TesseraException {
      return one(to, x, y);
    }
  }

  /**
   * kept = ids, -1 in place of those that their expert has no room for.
   * Signature: ids[..., N!, K!], priority?[..., N!, K!] -&gt; kept[..., N, K]
   * It has no gradient.
   */
  public static final class DropOverCapacity extends Call {
    /**
     * @param numExperts how many there are.
     * @param factor room for this many times an even share.
     */
    public DropOverCapacity(long numExperts, double factor) {
      super("drop_over_capacity");
      put("num_experts", numExperts);
      put("factor", factor);
    }

    /**
     * room that every expert has at least (by default 0).
     */
    public DropOverCapacity minimum(long value) {
      put("minimum", value);
      return this;
    }

    /**
     * the share is rounded down, not up (by default False).
     */
    public DropOverCapacity roundDown(boolean value) {
      put("round_down", value);
      return this;
    }

    public Value add(OpBuilder to, Value... inputs) throws TesseraException {
      return one(to, inputs);
    }
  }

  /**
   * y = x / (1 - rate) where kept, otherwise 0.
   * Signature: x[...], key[4], offset[] -&gt; y[...]
   */
  public static final class Dropout extends Call {
    /**
     * @param rate probability of being dropped, in [0, 1).
     */
    public Dropout(double rate) {
      super("dropout");
      put("rate", rate);
    }

    public Value add(OpBuilder to, Value x, Value key, Value offset) throws TesseraException {
      return one(to, x, key, offset);
    }
  }

  /**
   * y = table[ids]; zeros for an id outside the table.
   * Signature: ids[...], table[V!, D] -&gt; y[..., D]
   */
  public static final class Embedding extends Call {
    public Embedding() {
      super("embedding");
    }

    public Value add(OpBuilder to, Value ids, Value table) throws TesseraException {
      return one(to, ids, table);
    }
  }

  /**
   * dtable[v] = sum of dy where ids is v.
   * Signature: ids[...], dy[..., D] -&gt; dtable[{rows}, D]
   * It has no gradient.
   */
  public static final class EmbeddingGrad extends Call {
    /**
     * @param rows rows of the table.
     */
    public EmbeddingGrad(long rows) {
      super("embedding_grad");
      put("rows", rows);
    }

    /**
     * of the result (by default f32).
     */
    public EmbeddingGrad dtype(String value) {
      put("dtype", value);
      return this;
    }

    public Value add(OpBuilder to, Value ids, Value dy) throws TesseraException {
      return one(to, ids, dy);
    }
  }

  /**
   * out = x == y.
   * It has no gradient.
   */
  public static final class Equal extends Call {
    public Equal() {
      super("equal");
    }

    public Value add(OpBuilder to, Value x, Value y) throws TesseraException {
      return one(to, x, y);
    }
  }

  /**
   * y = erf(x).
   */
  public static final class Erf extends Call {
    public Erf() {
      super("erf");
    }

    public Value add(OpBuilder to, Value x) throws TesseraException {
      return one(to, x);
    }
  }

  /**
   * y = e^x.
   */
  public static final class Exp extends Call {
    public Exp() {
      super("exp");
    }

    public Value add(OpBuilder to, Value x) throws TesseraException {
      return one(to, x);
    }
  }

  /**
   * y = e^x - 1.
   */
  public static final class Expm1 extends Call {
    public Expm1() {
      super("expm1");
    }

    public Value add(OpBuilder to, Value x) throws TesseraException {
      return one(to, x);
    }
  }

  /**
   * y = value everywhere.
   * Signature: -&gt; y[{shape...}]
   * It has no gradient.
   */
  public static final class Fill extends Call {
    public Fill() {
      super("fill");
    }

    /**
     * dims of the result, such as "B,T"; empty: a scalar (by default ).
     */
    public Fill shape(String value) {
      put("shape", value);
      return this;
    }

    /**
     * of every element (by default 0.0).
     */
    public Fill value(double value) {
      put("value", value);
      return this;
    }

    /**
     * of the result (by default f32).
     */
    public Fill dtype(String value) {
      put("dtype", value);
      return this;
    }

    public Value add(OpBuilder to, Value... inputs) throws TesseraException {
      return one(to, inputs);
    }
  }

  /**
   * y = x rounded down.
   * It has no gradient.
   */
  public static final class Floor extends Call {
    public Floor() {
      super("floor");
    }

    public Value add(OpBuilder to, Value x) throws TesseraException {
      return one(to, x);
    }
  }

  /**
   * several row-wise ops, run over tiles of rows.
   * It has no gradient.
   */
  public static final class Fused extends Call {
    /**
     * @param operands columns of each, such as [512] or whole[512].
     * @param steps of each: results, op, operands; such as f32[8]: add 0 1.
     * @param outputs numbers of the results of the node.
     */
    public Fused(String operands, String steps, List<Long> outputs) {
      super("fused");
      put("operands", operands);
      put("steps", steps);
      put("outputs", outputs);
    }

    public Value add(OpBuilder to, Value... inputs) throws TesseraException {
      return one(to, inputs);
    }

    public List<Value> addMany(OpBuilder to, Value... inputs) throws TesseraException {
      return many(to, inputs);
    }
  }

  /**
   * y = the slices of x along `dim` that the indices name; zeros for one outside.
   */
  public static final class Gather extends Call {
    /**
     * @param dim of x, from which is taken.
     */
    public Gather(long dim) {
      super("gather");
      put("dim", dim);
    }

    public Value add(OpBuilder to, Value... inputs) throws TesseraException {
      return one(to, inputs);
    }

    public List<Value> addMany(OpBuilder to, Value... inputs) throws TesseraException {
      return many(to, inputs);
    }
  }

  /**
   * y[r] = x[t] * w[experts[r]] for every row r of a plan and the token t it came from.
   */
  public static final class GatheredMatmul extends Call {
    public GatheredMatmul() {
      super("gathered_matmul");
    }

    /**
     * w is stored as [E, N, K] (by default False).
     */
    public GatheredMatmul transposeRhs(boolean value) {
      put("transpose_rhs", value);
      return this;
    }

    /**
     * of the result; empty: that of x (by default ).
     */
    public GatheredMatmul dtype(String value) {
      put("dtype", value);
      return this;
    }

    public Value add(OpBuilder to, Value... inputs) throws TesseraException {
      return one(to, inputs);
    }

    public List<Value> addMany(OpBuilder to, Value... inputs) throws TesseraException {
      return many(to, inputs);
    }
  }

  /**
   * dw[e] = the sum of x[t] times dy[r] over the rows of expert e, t the token of row r.
   * Signature: x[..., K], dy[..., R!, N], experts[..., R!], slots[..., R!], rows[..., J!] -&gt;
   * dw[{num_experts}, K, N]
   * It has no gradient.
   */
  public static final class GatheredMatmulGrad extends Call {
    /**
     * @param numExperts how many there are.
     */
    public GatheredMatmulGrad(long numExperts) {
      super("gathered_matmul_grad");
      put("num_experts", numExperts);
    }

    /**
     * of the result (by default f32).
     */
    public GatheredMatmulGrad dtype(String value) {
      put("dtype", value);
      return this;
    }

    public Value add(OpBuilder to, Value x, Value dy, Value experts, Value slots, Value rows) throws TesseraException {
      return one(to, x, dy, experts, slots, rows);
    }
  }

  /**
   * y = x/2 * (1 + erf(x / sqrt(2))), or its tanh approximation.
   */
  public static final class Gelu extends Call {
    public Gelu() {
      super("gelu");
    }

    /**
     * use the tanh approximation (by default False).
     */
    public Gelu tanh(boolean value) {
      put("tanh", value);
      return this;
    }

    public Value add(OpBuilder to, Value x) throws TesseraException {
      return one(to, x);
    }
  }

  /**
   * dx = dy * gelu'(x).
   * Signature: x[...], dy[...] -&gt; dx[...]
   * It has no gradient.
   */
  public static final class GeluGrad extends Call {
    public GeluGrad() {
      super("gelu_grad");
    }

    /**
     * of the tanh approximation (by default False).
     */
    public GeluGrad tanh(boolean value) {
      put("tanh", value);
      return this;
    }

    public Value add(OpBuilder to, Value x, Value dy) throws TesseraException {
      return one(to, x, dy);
    }
  }

  /**
   * y = act(gate) * up.
   * Signature: gate[...], up[...] -&gt; y[...]
   */
  public static final class Glu extends Call {
    /**
     * @param activation relu, gelu, gelu_tanh, silu or sigmoid.
     */
    public Glu(String activation) {
      super("glu");
      put("activation", activation);
    }

    public Value add(OpBuilder to, Value gate, Value up) throws TesseraException {
      return one(to, gate, up);
    }
  }

  /**
   * dgate = dy * up * act'(gate), dup = dy * act(gate).
   * Signature: gate[...], up[...], dy[...] -&gt; dgate[...], dup[...]
   * It has no gradient.
   */
  public static final class GluGrad extends Call {
    /**
     * @param activation as in glu.
     */
    public GluGrad(String activation) {
      super("glu_grad");
      put("activation", activation);
    }

    public List<Value> add(OpBuilder to, Value gate, Value up, Value dy) throws TesseraException {
      return many(to, gate, up, dy);
    }
  }

  /**
   * out = x &gt; y.
   * It has no gradient.
   */
  public static final class Greater extends Call {
    public Greater() {
      super("greater");
    }

    public Value add(OpBuilder to, Value x, Value y) throws TesseraException {
      return one(to, x, y);
    }
  }

  /**
   * out = x &gt;= y.
   * It has no gradient.
   */
  public static final class GreaterEqual extends Call {
    public GreaterEqual() {
      super("greater_equal");
    }

    public Value add(OpBuilder to, Value x, Value y) throws TesseraException {
      return one(to, x, y);
    }
  }

  /**
   * y[r] = x[r] * w[experts[r]] for rows sorted by expert.
   */
  public static final class GroupedMatmul extends Call {
    public GroupedMatmul() {
      super("grouped_matmul");
    }

    /**
     * w is stored as [E, N, K] (by default False).
     */
    public GroupedMatmul transposeRhs(boolean value) {
      put("transpose_rhs", value);
      return this;
    }

    /**
     * of the result; empty: that of x (by default ).
     */
    public GroupedMatmul dtype(String value) {
      put("dtype", value);
      return this;
    }

    public Value add(OpBuilder to, Value... inputs) throws TesseraException {
      return one(to, inputs);
    }

    public List<Value> addMany(OpBuilder to, Value... inputs) throws TesseraException {
      return many(to, inputs);
    }
  }

  /**
   * dw[e] = the sum of x[r] times dy[r] over the rows of expert e.
   * Signature: x[..., K], dy[..., N], experts[...] -&gt; dw[{num_experts}, K, N]
   * It has no gradient.
   */
  public static final class GroupedMatmulGrad extends Call {
    /**
     * @param numExperts how many there are.
     */
    public GroupedMatmulGrad(long numExperts) {
      super("grouped_matmul_grad");
      put("num_experts", numExperts);
    }

    /**
     * of the result (by default f32).
     */
    public GroupedMatmulGrad dtype(String value) {
      put("dtype", value);
      return this;
    }

    public Value add(OpBuilder to, Value x, Value dy, Value experts) throws TesseraException {
      return one(to, x, dy, experts);
    }
  }

  /**
   * y = true where x is neither infinite nor NaN.
   * It has no gradient.
   */
  public static final class IsFinite extends Call {
    public IsFinite() {
      super("is_finite");
    }

    public Value add(OpBuilder to, Value x) throws TesseraException {
      return one(to, x);
    }
  }

  /**
   * y = (x - mean(x)) / sqrt(var(x) + epsilon) * scale + bias, over the last dim.
   * Signature: x[..., D!], scale[D!], bias?[D!] -&gt; y[..., D]
   */
  public static final class LayerNorm extends Call {
    public LayerNorm() {
      super("layer_norm");
    }

    /**
     * added to the variance; at least 0 (by default 1e-05).
     */
    public LayerNorm epsilon(double value) {
      put("epsilon", value);
      return this;
    }

    public Value add(OpBuilder to, Value... inputs) throws TesseraException {
      return one(to, inputs);
    }
  }

  /**
   * gradients of layer_norm with respect to x, scale and bias.
   * Signature: x[..., D!], scale[D!], dy[..., D!] -&gt; dx[..., D], dscale[D], dbias[D]
   * It has no gradient.
   */
  public static final class LayerNormGrad extends Call {
    public LayerNormGrad() {
      super("layer_norm_grad");
    }

    /**
     * as in layer_norm (by default 1e-05).
     */
    public LayerNormGrad epsilon(double value) {
      put("epsilon", value);
      return this;
    }

    public List<Value> add(OpBuilder to, Value x, Value scale, Value dy) throws TesseraException {
      return many(to, x, scale, dy);
    }
  }

  /**
   * out = x &lt; y.
   * It has no gradient.
   */
  public static final class Less extends Call {
    public Less() {
      super("less");
    }

    public Value add(OpBuilder to, Value x, Value y) throws TesseraException {
      return one(to, x, y);
    }
  }

  /**
   * out = x &lt;= y.
   * It has no gradient.
   */
  public static final class LessEqual extends Call {
    public LessEqual() {
      super("less_equal");
    }

    public Value add(OpBuilder to, Value x, Value y) throws TesseraException {
      return one(to, x, y);
    }
  }

  /**
   * y = ln(x).
   */
  public static final class Log extends Call {
    public Log() {
      super("log");
    }

    public Value add(OpBuilder to, Value x) throws TesseraException {
      return one(to, x);
    }
  }

  /**
   * y = ln(1 + x).
   */
  public static final class Log1p extends Call {
    public Log1p() {
      super("log1p");
    }

    public Value add(OpBuilder to, Value x) throws TesseraException {
      return one(to, x);
    }
  }

  /**
   * y = x - ln(sum of e^x) over the last dim.
   * Signature: x[..., D!] -&gt; y[..., D]
   */
  public static final class LogSoftmax extends Call {
    public LogSoftmax() {
      super("log_softmax");
    }

    public Value add(OpBuilder to, Value x) throws TesseraException {
      return one(to, x);
    }
  }

  /**
   * dx = dy - e^y * sum of dy over the last dim.
   * Signature: y[..., D!], dy[..., D!] -&gt; dx[..., D]
   * It has no gradient.
   */
  public static final class LogSoftmaxGrad extends Call {
    public LogSoftmaxGrad() {
      super("log_softmax_grad");
    }

    public Value add(OpBuilder to, Value y, Value dy) throws TesseraException {
      return one(to, y, dy);
    }
  }

  /**
   * out = x and y.
   * It has no gradient.
   */
  public static final class LogicalAnd extends Call {
    public LogicalAnd() {
      super("logical_and");
    }

    public Value add(OpBuilder to, Value x, Value y) throws TesseraException {
      return one(to, x, y);
    }
  }

  /**
   * y = not x.
   * It has no gradient.
   */
  public static final class LogicalNot extends Call {
    public LogicalNot() {
      super("logical_not");
    }

    public Value add(OpBuilder to, Value x) throws TesseraException {
      return one(to, x);
    }
  }

  /**
   * out = x or y.
   * It has no gradient.
   */
  public static final class LogicalOr extends Call {
    public LogicalOr() {
      super("logical_or");
    }

    public Value add(OpBuilder to, Value x, Value y) throws TesseraException {
      return one(to, x, y);
    }
  }

  /**
   * out = x xor y.
   * It has no gradient.
   */
  public static final class LogicalXor extends Call {
    public LogicalXor() {
      super("logical_xor");
    }

    public Value add(OpBuilder to, Value x, Value y) throws TesseraException {
      return one(to, x, y);
    }
  }

  /**
   * y[m, n] = sum over k of lhs[m, k] * rhs[k, n].
   */
  public static final class Matmul extends Call {
    public Matmul() {
      super("matmul");
    }

    /**
     * lhs is stored as [..., K, M] (by default False).
     */
    public Matmul transposeLhs(boolean value) {
      put("transpose_lhs", value);
      return this;
    }

    /**
     * rhs is stored as [..., N, K] (by default False).
     */
    public Matmul transposeRhs(boolean value) {
      put("transpose_rhs", value);
      return this;
    }

    /**
     * of the result; empty: that of lhs (by default ).
     */
    public Matmul dtype(String value) {
      put("dtype", value);
      return this;
    }

    public Value add(OpBuilder to, Value lhs, Value rhs) throws TesseraException {
      return one(to, lhs, rhs);
    }

    public List<Value> addMany(OpBuilder to, Value lhs, Value rhs) throws TesseraException {
      return many(to, lhs, rhs);
    }
  }

  /**
   * out = the larger of x and y.
   */
  public static final class Maximum extends Call {
    public Maximum() {
      super("maximum");
    }

    public Value add(OpBuilder to, Value x, Value y) throws TesseraException {
      return one(to, x, y);
    }
  }

  /**
   * out = the smaller of x and y.
   */
  public static final class Minimum extends Call {
    public Minimum() {
      super("minimum");
    }

    public Value add(OpBuilder to, Value x, Value y) throws TesseraException {
      return one(to, x, y);
    }
  }

  /**
   * out = x - y * floor(x / y); integers by 0 give 0.
   */
  public static final class Mod extends Call {
    public Mod() {
      super("mod");
    }

    public Value add(OpBuilder to, Value x, Value y) throws TesseraException {
      return one(to, x, y);
    }
  }

  /**
   * out = x * y.
   */
  public static final class Mul extends Call {
    public Mul() {
      super("mul");
    }

    public Value add(OpBuilder to, Value x, Value y) throws TesseraException {
      return one(to, x, y);
    }
  }

  /**
   * y = -x.
   */
  public static final class Neg extends Call {
    public Neg() {
      super("neg");
    }

    public Value add(OpBuilder to, Value x) throws TesseraException {
      return one(to, x);
    }
  }

  /**
   * out = x != y.
   * It has no gradient.
   */
  public static final class NotEqual extends Call {
    public NotEqual() {
      super("not_equal");
    }

    public Value add(OpBuilder to, Value x, Value y) throws TesseraException {
      return one(to, x, y);
    }
  }

  /**
   * y[..., c] = 1 where ids = c, otherwise 0.
   * Signature: ids[...] -&gt; y[..., {depth}]
   * It has no gradient.
   */
  public static final class OneHot extends Call {
    /**
     * @param depth size of the new last dim.
     */
    public OneHot(long depth) {
      super("one_hot");
      put("depth", depth);
    }

    /**
     * of the result (by default f32).
     */
    public OneHot dtype(String value) {
      put("dtype", value);
      return this;
    }

    public Value add(OpBuilder to, Value ids) throws TesseraException {
      return one(to, ids);
    }
  }

  /**
   * y = x with `low` elements of `value` before it and `high` after it along `dim`.
   */
  public static final class Pad extends Call {
    /**
     * @param dim along which is padded.
     */
    public Pad(long dim) {
      super("pad");
      put("dim", dim);
    }

    /**
     * elements before (by default 0).
     */
    public Pad low(long value) {
      put("low", value);
      return this;
    }

    /**
     * elements after (by default 0).
     */
    public Pad high(long value) {
      put("high", value);
      return this;
    }

    /**
     * of the new elements (by default 0.0).
     */
    public Pad value(double value) {
      put("value", value);
      return this;
    }

    public Value add(OpBuilder to, Value... inputs) throws TesseraException {
      return one(to, inputs);
    }

    public List<Value> addMany(OpBuilder to, Value... inputs) throws TesseraException {
      return many(to, inputs);
    }
  }

  /**
   * y[..., k] = x[..., ids[..., k]], 0 for an id outside.
   * Signature: x[..., E!], ids[..., K] -&gt; y[..., K]
   */
  public static final class Pick extends Call {
    public Pick() {
      super("pick");
    }

    public Value add(OpBuilder to, Value x, Value ids) throws TesseraException {
      return one(to, x, ids);
    }
  }

  /**
   * x[..., e] = the sum of the y whose id is e, 0 where there is none.
   * Signature: y[..., K!], ids[..., K!] -&gt; x[..., {size}]
   */
  public static final class Place extends Call {
    /**
     * @param size elements of a row of the result.
     */
    public Place(long size) {
      super("place");
      put("size", size);
    }

    public Value add(OpBuilder to, Value y, Value ids) throws TesseraException {
      return one(to, y, ids);
    }
  }

  /**
   * where every chosen (token, slot) stands when rows are sorted by expert.
   * Signature: ids[..., K!], weights?[..., K!] -&gt; rows[..., K], slots[..., {rows_per_token}],
   * experts[..., {rows_per_token}], counts[{num_experts}]
   * It has no gradient.
   */
  public static final class Plan extends Call {
    /**
     * @param numExperts how many there are.
     * @param rowsPerToken rows planned for each token; the last dim of ids is always enough.
     */
    public Plan(long numExperts, long rowsPerToken) {
      super("plan");
      put("num_experts", numExperts);
      put("rows_per_token", rowsPerToken);
    }

    public List<Value> add(OpBuilder to, Value... inputs) throws TesseraException {
      return many(to, inputs);
    }
  }

  /**
   * out = x^y.
   */
  public static final class Pow extends Call {
    public Pow() {
      super("pow");
    }

    public Value add(OpBuilder to, Value x, Value y) throws TesseraException {
      return one(to, x, y);
    }
  }

  /**
   * y = independent normal numbers.
   * Signature: key[4], offset[] -&gt; y[{shape...}]
   * It has no gradient.
   */
  public static final class RandomNormal extends Call {
    public RandomNormal() {
      super("random_normal");
    }

    /**
     * dims of the result, such as "B,T"; empty: a scalar (by default ).
     */
    public RandomNormal shape(String value) {
      put("shape", value);
      return this;
    }

    /**
     * of the result (by default f32).
     */
    public RandomNormal dtype(String value) {
      put("dtype", value);
      return this;
    }

    /**
     * of the distribution (by default 0.0).
     */
    public RandomNormal mean(double value) {
      put("mean", value);
      return this;
    }

    /**
     * of the distribution (by default 1.0).
     */
    public RandomNormal stddev(double value) {
      put("stddev", value);
      return this;
    }

    public Value add(OpBuilder to, Value key, Value offset) throws TesseraException {
      return one(to, key, offset);
    }
  }

  /**
   * y = independent uniform numbers in [low, high).
   * Signature: key[4], offset[] -&gt; y[{shape...}]
   * It has no gradient.
   */
  public static final class RandomUniform extends Call {
    public RandomUniform() {
      super("random_uniform");
    }

    /**
     * dims of the result, such as "B,T"; empty: a scalar (by default ).
     */
    public RandomUniform shape(String value) {
      put("shape", value);
      return this;
    }

    /**
     * of the result (by default f32).
     */
    public RandomUniform dtype(String value) {
      put("dtype", value);
      return this;
    }

    /**
     * the least value (by default 0.0).
     */
    public RandomUniform low(double value) {
      put("low", value);
      return this;
    }

    /**
     * what values stay below (by default 1.0).
     */
    public RandomUniform high(double value) {
      put("high", value);
      return this;
    }

    public Value add(OpBuilder to, Value key, Value offset) throws TesseraException {
      return one(to, key, offset);
    }
  }

  /**
   * y = 1 / x.
   */
  public static final class Reciprocal extends Call {
    public Reciprocal() {
      super("reciprocal");
    }

    public Value add(OpBuilder to, Value x) throws TesseraException {
      return one(to, x);
    }
  }

  /**
   * y = the largest element of x over `dims`.
   */
  public static final class ReduceMax extends Call {
    /**
     * @param dims that are reduced.
     */
    public ReduceMax(List<Long> dims) {
      super("reduce_max");
      put("dims", dims);
    }

    /**
     * keep reduced dims as 1 (by default False).
     */
    public ReduceMax keepDims(boolean value) {
      put("keep_dims", value);
      return this;
    }

    public Value add(OpBuilder to, Value x) throws TesseraException {
      return one(to, x);
    }

    public List<Value> addMany(OpBuilder to, Value x) throws TesseraException {
      return many(to, x);
    }
  }

  /**
   * y = mean of x over `dims`.
   */
  public static final class ReduceMean extends Call {
    /**
     * @param dims that are reduced.
     */
    public ReduceMean(List<Long> dims) {
      super("reduce_mean");
      put("dims", dims);
    }

    /**
     * keep reduced dims as 1 (by default False).
     */
    public ReduceMean keepDims(boolean value) {
      put("keep_dims", value);
      return this;
    }

    /**
     * of the result; empty: that of x (by default ).
     */
    public ReduceMean dtype(String value) {
      put("dtype", value);
      return this;
    }

    public Value add(OpBuilder to, Value x) throws TesseraException {
      return one(to, x);
    }

    public List<Value> addMany(OpBuilder to, Value x) throws TesseraException {
      return many(to, x);
    }
  }

  /**
   * y = the smallest element of x over `dims`.
   */
  public static final class ReduceMin extends Call {
    /**
     * @param dims that are reduced.
     */
    public ReduceMin(List<Long> dims) {
      super("reduce_min");
      put("dims", dims);
    }

    /**
     * keep reduced dims as 1 (by default False).
     */
    public ReduceMin keepDims(boolean value) {
      put("keep_dims", value);
      return this;
    }

    public Value add(OpBuilder to, Value x) throws TesseraException {
      return one(to, x);
    }

    public List<Value> addMany(OpBuilder to, Value x) throws TesseraException {
      return many(to, x);
    }
  }

  /**
   * y = product of x over `dims`.
   */
  public static final class ReduceProd extends Call {
    /**
     * @param dims that are reduced.
     */
    public ReduceProd(List<Long> dims) {
      super("reduce_prod");
      put("dims", dims);
    }

    /**
     * keep reduced dims as 1 (by default False).
     */
    public ReduceProd keepDims(boolean value) {
      put("keep_dims", value);
      return this;
    }

    public Value add(OpBuilder to, Value x) throws TesseraException {
      return one(to, x);
    }

    public List<Value> addMany(OpBuilder to, Value x) throws TesseraException {
      return many(to, x);
    }
  }

  /**
   * y = this rank's part along `dim` of x summed over the ranks of a mesh axis.
   * It has no gradient.
   */
  public static final class ReduceScatter extends Call {
    /**
     * @param axis of the mesh.
     * @param ranks size of the axis.
     * @param dim along which the sum is divided.
     */
    public ReduceScatter(String axis, long ranks, long dim) {
      super("reduce_scatter");
      put("axis", axis);
      put("ranks", ranks);
      put("dim", dim);
    }

    public Value add(OpBuilder to, Value x) throws TesseraException {
      return one(to, x);
    }

    public List<Value> addMany(OpBuilder to, Value x) throws TesseraException {
      return many(to, x);
    }
  }

  /**
   * y = sum of x over `dims`.
   */
  public static final class ReduceSum extends Call {
    /**
     * @param dims that are reduced.
     */
    public ReduceSum(List<Long> dims) {
      super("reduce_sum");
      put("dims", dims);
    }

    /**
     * keep reduced dims as 1 (by default False).
     */
    public ReduceSum keepDims(boolean value) {
      put("keep_dims", value);
      return this;
    }

    /**
     * of the result; empty: that of x (by default ).
     */
    public ReduceSum dtype(String value) {
      put("dtype", value);
      return this;
    }

    public Value add(OpBuilder to, Value x) throws TesseraException {
      return one(to, x);
    }

    public List<Value> addMany(OpBuilder to, Value x) throws TesseraException {
      return many(to, x);
    }
  }

  /**
   * y = max(x, 0).
   */
  public static final class Relu extends Call {
    public Relu() {
      super("relu");
    }

    public Value add(OpBuilder to, Value x) throws TesseraException {
      return one(to, x);
    }
  }

  /**
   * dx = dy where x &gt; 0, otherwise 0.
   * Signature: x[...], dy[...] -&gt; dx[...]
   * It has no gradient.
   */
  public static final class ReluGrad extends Call {
    public ReluGrad() {
      super("relu_grad");
    }

    public Value add(OpBuilder to, Value x, Value dy) throws TesseraException {
      return one(to, x, dy);
    }
  }

  /**
   * y = the elements of x with other dims; a view.
   */
  public static final class Reshape extends Call {
    /**
     * @param shape dims of the result, such as "B*T,512".
     */
    public Reshape(String shape) {
      super("reshape");
      put("shape", shape);
    }

    public Value add(OpBuilder to, Value... inputs) throws TesseraException {
      return one(to, inputs);
    }

    public List<Value> addMany(OpBuilder to, Value... inputs) throws TesseraException {
      return many(to, inputs);
    }
  }

  /**
   * y = x / sqrt(mean(x^2) + epsilon) * (scale + scale_offset), over the last dim.
   * Signature: x[..., D!], scale[D!] -&gt; y[..., D]
   */
  public static final class RmsNorm extends Call {
    public RmsNorm() {
      super("rms_norm");
    }

    /**
     * added under the root; at least 0 (by default 1e-06).
     */
    public RmsNorm epsilon(double value) {
      put("epsilon", value);
      return this;
    }

    /**
     * added to scale (by default 0.0).
     */
    public RmsNorm scaleOffset(double value) {
      put("scale_offset", value);
      return this;
    }

    public Value add(OpBuilder to, Value x, Value scale) throws TesseraException {
      return one(to, x, scale);
    }
  }

  /**
   * gradients of rms_norm with respect to x and scale.
   * Signature: x[..., D!], scale[D!], dy[..., D!] -&gt; dx[..., D], dscale[D]
   * It has no gradient.
   */
  public static final class RmsNormGrad extends Call {
    public RmsNormGrad() {
      super("rms_norm_grad");
    }

    /**
     * as in rms_norm (by default 1e-06).
     */
    public RmsNormGrad epsilon(double value) {
      put("epsilon", value);
      return this;
    }

    /**
     * as in rms_norm (by default 0.0).
     */
    public RmsNormGrad scaleOffset(double value) {
      put("scale_offset", value);
      return this;
    }

    public List<Value> add(OpBuilder to, Value x, Value scale, Value dy) throws TesseraException {
      return many(to, x, scale, dy);
    }
  }

  /**
   * y = x with pairs of its last dim turned by position * theta^(-2i / rotary_dim).
   * Signature: x[B, T, H, D!], positions[B, T], frequencies?[F!], amplitude?[] -&gt; y[B, T, H,
   * D]
   */
  public static final class Rotary extends Call {
    public Rotary() {
      super("rotary");
    }

    /**
     * base of the frequencies (by default 10000.0).
     */
    public Rotary theta(double value) {
      put("theta", value);
      return this;
    }

    /**
     * how much of the last dim is turned; 0: all of it (by default 0).
     */
    public Rotary rotaryDim(long value) {
      put("rotary_dim", value);
      return this;
    }

    /**
     * turn the other way (by default False).
     */
    public Rotary inverse(boolean value) {
      put("inverse", value);
      return this;
    }

    /**
     * pairs are neighbours, not halves (by default False).
     */
    public Rotary interleaved(boolean value) {
      put("interleaved", value);
      return this;
    }

    public Value add(OpBuilder to, Value... inputs) throws TesseraException {
      return one(to, inputs);
    }
  }

  /**
   * y = x rounded to the nearest whole number, ties to even.
   * It has no gradient.
   */
  public static final class Round extends Call {
    public Round() {
      super("round");
    }

    public Value add(OpBuilder to, Value x) throws TesseraException {
      return one(to, x);
    }
  }

  /**
   * y = x^(-1/2).
   */
  public static final class Rsqrt extends Call {
    public Rsqrt() {
      super("rsqrt");
    }

    public Value add(OpBuilder to, Value x) throws TesseraException {
      return one(to, x);
    }
  }

  /**
   * y = base with updates added along `dim` at the indices.
   */
  public static final class ScatterAdd extends Call {
    /**
     * @param dim of base, along which the indices count.
     */
    public ScatterAdd(long dim) {
      super("scatter_add");
      put("dim", dim);
    }

    public Value add(OpBuilder to, Value... inputs) throws TesseraException {
      return one(to, inputs);
    }

    public List<Value> addMany(OpBuilder to, Value... inputs) throws TesseraException {
      return many(to, inputs);
    }
  }

  /**
   * one step of SGD with momentum on a parameter and its momentum buffer, in place.
   * Signature: param[...], grad[...], buffer[...], lr[], step[], clip[] -&gt; new_param[...],
   * new_buffer[...]
   * It has no gradient.
   */
  public static final class SgdUpdate extends Call {
    public SgdUpdate() {
      super("sgd_update");
    }

    /**
     * decay of the buffer, in [0, 1) (by default 0.9).
     */
    public SgdUpdate momentum(double value) {
      put("momentum", value);
      return this;
    }

    /**
     * share of a new gradient that does not enter the buffer, in [0, 1) (by default 0.0).
     */
    public SgdUpdate dampening(double value) {
      put("dampening", value);
      return this;
    }

    /**
     * look ahead by one more momentum step (by default False).
     */
    public SgdUpdate nesterov(boolean value) {
      put("nesterov", value);
      return this;
    }

    /**
     * added to the gradient, times the parameter (by default 0.0).
     */
    public SgdUpdate weightDecay(double value) {
      put("weight_decay", value);
      return this;
    }

    public List<Value> add(OpBuilder to, Value param, Value grad, Value buffer, Value lr, Value step, Value clip) throws TesseraException {
      return many(to, param, grad, buffer, lr, step, clip);
    }
  }

  /**
   * y = 1 / (1 + e^-x).
   */
  public static final class Sigmoid extends Call {
    public Sigmoid() {
      super("sigmoid");
    }

    public Value add(OpBuilder to, Value x) throws TesseraException {
      return one(to, x);
    }
  }

  /**
   * y = -1, 0 or 1 by the sign of x.
   * It has no gradient.
   */
  public static final class Sign extends Call {
    public Sign() {
      super("sign");
    }

    public Value add(OpBuilder to, Value x) throws TesseraException {
      return one(to, x);
    }
  }

  /**
   * y = x * sigmoid(x).
   */
  public static final class Silu extends Call {
    public Silu() {
      super("silu");
    }

    public Value add(OpBuilder to, Value x) throws TesseraException {
      return one(to, x);
    }
  }

  /**
   * dx = dy * s * (1 + x * (1 - s)), s = sigmoid(x).
   * Signature: x[...], dy[...] -&gt; dx[...]
   * It has no gradient.
   */
  public static final class SiluGrad extends Call {
    public SiluGrad() {
      super("silu_grad");
    }

    public Value add(OpBuilder to, Value x, Value dy) throws TesseraException {
      return one(to, x, dy);
    }
  }

  /**
   * y = sin(x).
   */
  public static final class Sin extends Call {
    public Sin() {
      super("sin");
    }

    public Value add(OpBuilder to, Value x) throws TesseraException {
      return one(to, x);
    }
  }

  /**
   * y = x[start : : step] along `dim`: `size` elements, or all but the last `trim`.
   */
  public static final class Slice extends Call {
    /**
     * @param dim along which is cut.
     */
    public Slice(long dim) {
      super("slice");
      put("dim", dim);
    }

    /**
     * the first element taken (by default 0).
     */
    public Slice start(long value) {
      put("start", value);
      return this;
    }

    /**
     * how many are taken; -1: up to the last that `trim` leaves (by default -1).
     */
    public Slice size(long value) {
      put("size", value);
      return this;
    }

    /**
     * from one element to the next (by default 1).
     */
    public Slice step(long value) {
      put("step", value);
      return this;
    }

    /**
     * elements left out at the end, when size is -1 (by default 0).
     */
    public Slice trim(long value) {
      put("trim", value);
      return this;
    }

    public Value add(OpBuilder to, Value... inputs) throws TesseraException {
      return one(to, inputs);
    }

    public List<Value> addMany(OpBuilder to, Value... inputs) throws TesseraException {
      return many(to, inputs);
    }
  }

  /**
   * y = e^x / sum of e^x over the last dim.
   * Signature: x[..., D!] -&gt; y[..., D]
   */
  public static final class Softmax extends Call {
    public Softmax() {
      super("softmax");
    }

    public Value add(OpBuilder to, Value x) throws TesseraException {
      return one(to, x);
    }
  }

  /**
   * dx = y * (dy - sum of y * dy over the last dim).
   * Signature: y[..., D!], dy[..., D!] -&gt; dx[..., D]
   * It has no gradient.
   */
  public static final class SoftmaxGrad extends Call {
    public SoftmaxGrad() {
      super("softmax_grad");
    }

    public Value add(OpBuilder to, Value y, Value dy) throws TesseraException {
      return one(to, y, dy);
    }
  }

  /**
   * y = ln(1 + e^x).
   */
  public static final class Softplus extends Call {
    public Softplus() {
      super("softplus");
    }

    public Value add(OpBuilder to, Value x) throws TesseraException {
      return one(to, x);
    }
  }

  /**
   * values = x sorted along the last dim, indices = where each stood; stable.
   * Signature: x[..., D!] -&gt; values[..., D], indices[..., D]
   */
  public static final class Sort extends Call {
    public Sort() {
      super("sort");
    }

    /**
     * the last one (by default -1).
     */
    public Sort dim(long value) {
      put("dim", value);
      return this;
    }

    /**
     * largest first (by default False).
     */
    public Sort descending(boolean value) {
      put("descending", value);
      return this;
    }

    public List<Value> add(OpBuilder to, Value x) throws TesseraException {
      return many(to, x);
    }
  }

  /**
   * y = x^(1/2).
   */
  public static final class Sqrt extends Call {
    public Sqrt() {
      super("sqrt");
    }

    public Value add(OpBuilder to, Value x) throws TesseraException {
      return one(to, x);
    }
  }

  /**
   * y = x^2.
   */
  public static final class Square extends Call {
    public Square() {
      super("square");
    }

    public Value add(OpBuilder to, Value x) throws TesseraException {
      return one(to, x);
    }
  }

  /**
   * out = x - y.
   */
  public static final class Sub extends Call {
    public Sub() {
      super("sub");
    }

    public Value add(OpBuilder to, Value x, Value y) throws TesseraException {
      return one(to, x, y);
    }
  }

  /**
   * y = sum of x^2 over all elements.
   * Signature: x[...] -&gt; y[]
   */
  public static final class SumOfSquares extends Call {
    public SumOfSquares() {
      super("sum_of_squares");
    }

    public Value add(OpBuilder to, Value x) throws TesseraException {
      return one(to, x);
    }
  }

  /**
   * ids = choices, moved where their group of experts has had its even share.
   * Signature: choices[..., N!, K!] -&gt; ids[..., N, K]
   * It has no gradient.
   */
  public static final class Swipe extends Call {
    /**
     * @param numExperts how many there are.
     */
    public Swipe(long numExperts) {
      super("swipe");
      put("num_experts", numExperts);
    }

    /**
     * experts of a group, which get an even share together (by default 1).
     */
    public Swipe groupSize(long value) {
      put("group_size", value);
      return this;
    }

    public Value add(OpBuilder to, Value choices) throws TesseraException {
      return one(to, choices);
    }
  }

  /**
   * y = tanh(x).
   */
  public static final class Tanh extends Call {
    public Tanh() {
      super("tanh");
    }

    public Value add(OpBuilder to, Value x) throws TesseraException {
      return one(to, x);
    }
  }

  /**
   * values = the k largest of the last dim, indices = where they stood.
   * Signature: x[..., D!] -&gt; values[..., {k}], indices[..., {k}]
   */
  public static final class TopK extends Call {
    /**
     * @param k how many; at most the last dim.
     */
    public TopK(long k) {
      super("top_k");
      put("k", k);
    }

    public List<Value> add(OpBuilder to, Value x) throws TesseraException {
      return many(to, x);
    }
  }

  /**
   * y = x with dim i taken from dim perm[i].
   */
  public static final class Transpose extends Call {
    /**
     * @param perm the dim of x that each dim of y is.
     */
    public Transpose(List<Long> perm) {
      super("transpose");
      put("perm", perm);
    }

    public Value add(OpBuilder to, Value... inputs) throws TesseraException {
      return one(to, inputs);
    }

    public List<Value> addMany(OpBuilder to, Value... inputs) throws TesseraException {
      return many(to, inputs);
    }
  }

  /**
   * out = y where x is true, otherwise z.
   */
  public static final class Where extends Call {
    public Where() {
      super("where");
    }

    public Value add(OpBuilder to, Value... inputs) throws TesseraException {
      return one(to, inputs);
    }
  }
}
