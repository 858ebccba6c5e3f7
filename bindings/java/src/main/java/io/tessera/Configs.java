package io.tessera;

import java.util.List;

/**
 * A builder for each config type, to be given to {@link Config#of(io.tessera.Runtime, Part)},
 * {@link Config#set} and each other's setters. Made from the catalogue by bindings/generate; not edited.
 */
public final class Configs {
  private Configs() {}

  /** Values of fields. */
  public enum Activation {
    /**
     * max(x, 0)
     */
    RELU("relu"),
    /**
     * x times the normal distribution function, exactly (by erf)
     */
    GELU("gelu"),
    /**
     * its tanh approximation (GPT-2)
     */
    GELU_TANH("gelu_tanh"),
    /**
     * x times the logistic function
     */
    SILU("silu"),
    /**
     * max(x, 0) squared (Primer, arXiv 2109.08668)
     */
    RELU_SQUARED("relu_squared"),
    /**
     * x times the logistic function of 1.702 x (CLIP)
     */
    QUICK_GELU("quick_gelu"),
    /**
     * the logistic function, 1 / (1 + exp(-x))
     */
    SIGMOID("sigmoid"),
    /**
     * the hyperbolic tangent
     */
    TANH("tanh"),
    /**
     * log(1 + exp(x))
     */
    SOFTPLUS("softplus"),
    /**
     * x times the tanh of softplus(x) (arXiv 1908.08681)
     */
    MISH("mish"),
    /**
     * x itself; gated, the product is bilinear
     */
    IDENTITY("identity");

    private final String text;

    Activation(String text) {
      this.text = text;
    }

    @Override
    public String toString() {
      return text;
    }
  }

  /** Values of fields. */
  public enum BalanceScope {
    /**
     * all of a micro-batch, on all ranks; layers add up before the product
     */
    MICRO_BATCH("micro_batch"),
    /**
     * those of one sequence; the mean over sequences counts
     */
    SEQUENCE("sequence");

    private final String text;

    BalanceScope(String text) {
      this.text = text;
    }

    @Override
    public String toString() {
      return text;
    }
  }

  /** Values of fields. */
  public enum DecayShape {
    /**
     * (1 + cos(pi x)) / 2
     */
    COSINE("cosine"),
    /**
     * 1 - x
     */
    LINEAR("linear"),
    /**
     * 1 - sqrt(x)
     */
    ONE_MINUS_SQRT("one_minus_sqrt");

    private final String text;

    DecayShape(String text) {
      this.text = text;
    }

    @Override
    public String toString() {
      return text;
    }
  }

  /** Values of fields. */
  public enum DropPolicy {
    /**
     * who comes first in the text
     */
    POSITION("position"),
    /**
     * first choices before second ones, then who comes first (GShard)
     */
    CHOICE("choice"),
    /**
     * the larger weight
     */
    PROBABILITY("probability"),
    /**
     * the token whose best weight is larger (batch-prioritised)
     */
    PRIORITY("priority"),
    /**
     * by lot; by position outside of training
     */
    RANDOM("random");

    private final String text;

    DropPolicy(String text) {
      this.text = text;
    }

    @Override
    public String toString() {
      return text;
    }
  }

  /** Values of fields. */
  public enum ExpertExecution {
    /**
     * as one, on rows sorted by expert: products become grouped products
     */
    GROUPED("grouped"),
    /**
     * one after the other, each on all rows: for experts that have no grouped form; costs as many
     * times more as there are experts
     */
    EACH("each");

    private final String text;

    ExpertExecution(String text) {
      this.text = text;
    }

    @Override
    public String toString() {
      return text;
    }
  }

  /** Values of fields. */
  public enum ExpertScaling {
    /**
     * all of it on down_proj: the same function
     */
    EXACT("exact"),
    /**
     * its root on every matrix, the cube root where there is a gate_proj, as published: the same
     * function where the activation is relu, nearly so elsewhere
     */
    PUBLISHED("published");

    private final String text;

    ExpertScaling(String text) {
      this.text = text;
    }

    @Override
    public String toString() {
      return text;
    }
  }

  /** Values of fields. */
  public enum NanPolicy {
    /**
     * the run ends with an error that names the step
     */
    STOP("stop"),
    /**
     * the step is not applied and the run goes on
     */
    SKIP("skip");

    private final String text;

    NanPolicy(String text) {
      this.text = text;
    }

    @Override
    public String toString() {
      return text;
    }
  }

  /** Values of fields. */
  public enum NormPlacement {
    /**
     * before attention and feed-forward, inside the residual branch (GPT-2, Llama)
     */
    PRE("pre"),
    /**
     * after the residual sum (the original transformer, BERT)
     */
    POST("post"),
    /**
     * after attention and feed-forward, inside the residual branch (OLMo 2)
     */
    OUTPUT("output"),
    /**
     * before and after attention and feed-forward, inside the residual branch (Gemma 2)
     */
    SANDWICH("sandwich");

    private final String text;

    NormPlacement(String text) {
      this.text = text;
    }

    @Override
    public String toString() {
      return text;
    }
  }

  /** Values of fields. */
  public enum NumberFormat {
    /**
     * 32-bit everywhere
     */
    FP32("fp32"),
    /**
     * bfloat16 weights and activations, 32-bit sums, parameters and optimizer state
     */
    BF16("bf16"),
    /**
     * 64-bit everywhere, for checking
     */
    FP64("fp64");

    private final String text;

    NumberFormat(String text) {
      this.text = text;
    }

    @Override
    public String toString() {
      return text;
    }
  }

  /** Values of fields. */
  public enum Pooling {
    /**
     * the first one: a class token's
     */
    FIRST("first"),
    /**
     * the mean of all
     */
    MEAN("mean");

    private final String text;

    Pooling(String text) {
      this.text = text;
    }

    @Override
    public String toString() {
      return text;
    }
  }

  /** Values of fields. */
  public enum Recompute {
    /**
     * everything is kept
     */
    NONE("none"),
    /**
     * cheap values are computed again, products are kept
     */
    SELECTIVE("selective"),
    /**
     * only the inputs of layers are kept
     */
    FULL("full");

    private final String text;

    Recompute(String text) {
      this.text = text;
    }

    @Override
    public String toString() {
      return text;
    }
  }

  /** Values of fields. */
  public enum ResidualScaling {
    /**
     * nothing
     */
    NONE("none"),
    /**
     * 1 / sqrt(2 num_layers): the sum over all branches keeps the variance of one
     */
    DEPTH("depth"),
    /**
     * 1 / sqrt(num_layers): rates carry over from shallow to deep models (arXiv 2310.02244)
     */
    DEPTH_MUP("depth_mup");

    private final String text;

    ResidualScaling(String text) {
      this.text = text;
    }

    @Override
    public String toString() {
      return text;
    }
  }

  /** Values of fields. */
  public enum RouterScore {
    /**
     * exp, divided by the sum over the experts
     */
    SOFTMAX("softmax"),
    /**
     * the logistic function
     */
    SIGMOID("sigmoid");

    private final String text;

    RouterScore(String text) {
      this.text = text;
    }

    @Override
    public String toString() {
      return text;
    }
  }

  /** Values of fields. */
  public enum RoutingGroup {
    /**
     * all tokens of a micro-batch; not with several ranks
     */
    MICRO_BATCH("micro_batch"),
    /**
     * those of one sequence
     */
    SEQUENCE("sequence");

    private final String text;

    RoutingGroup(String text) {
      this.text = text;
    }

    @Override
    public String toString() {
      return text;
    }
  }

  /** Values of fields. */
  public enum SamplingMode {
    /**
     * windows that do not overlap, each once an epoch
     */
    EPOCH("epoch"),
    /**
     * every sample starts anywhere, drawn anew
     */
    RANDOM_WINDOW("random_window"),
    /**
     * every row of a batch has a part of the corpus and reads on in it from step to step: what a
     * model that carries state is trained with
     */
    STREAMS("streams");

    private final String text;

    SamplingMode(String text) {
      this.text = text;
    }

    @Override
    public String toString() {
      return text;
    }
  }

  /** Values of fields. */
  public enum TaskGates {
    /**
     * every task (MMoE)
     */
    PER_TASK("per_task"),
    /**
     * all tasks together (OMoE)
     */
    ONE("one");

    private final String text;

    TaskGates(String text) {
      this.text = text;
    }

    @Override
    public String toString() {
      return text;
    }
  }

  /** Values of fields. */
  public enum TaskLoss {
    /**
     * labels 0 and 1: the cross-entropy of the logistic function of the result
     */
    LOGISTIC("logistic"),
    /**
     * any labels: the square of the difference
     */
    SQUARED("squared");

    private final String text;

    TaskLoss(String text) {
      this.text = text;
    }

    @Override
    public String toString() {
      return text;
    }
  }

  /**
   * Adam with decoupled weight decay.
   */
  public static final class AdamW extends Part {
    public AdamW() {
      super("AdamW");
    }

    /**
     * The learning rate at its peak, before the schedule's factor (by default 0.0003; at least
     * 0).
     */
    public AdamW learningRate(double value) {
      put("learning_rate", value);
      return this;
    }

    /**
     * Decay of the mean of gradients (by default 0.9; at least 0; below 1).
     */
    public AdamW beta1(double value) {
      put("beta1", value);
      return this;
    }

    /**
     * Decay of the mean of squared gradients (by default 0.95; at least 0; below 1).
     */
    public AdamW beta2(double value) {
      put("beta2", value);
      return this;
    }

    /**
     * Added to the root of the second mean (by default 1e-08; at least 0).
     */
    public AdamW epsilon(double value) {
      put("epsilon", value);
      return this;
    }

    /**
     * Share of a weight that is subtracted per step, times the learning rate. Norms and biases do
     * not decay unless a group says so (by default 0.1; at least 0).
     */
    public AdamW weightDecay(double value) {
      put("weight_decay", value);
      return this;
    }

    /**
     * Settings by parameter path (by default []).
     */
    public AdamW groups(List<?> value) {
      put("groups", value);
      return this;
    }
  }

  /**
   * Scores fall with distance, at a fixed rate for each head (ALiBi); nothing is learned.
   */
  public static final class AlibiPosition extends Part {
    public AlibiPosition() {
      super("AlibiPosition");
    }

    /**
     * How fast the last head's scores fall: by 2^-max_bias for each token of distance (by default
     * 8; above 0; at most 64).
     */
    public AlibiPosition maxBias(double value) {
      put("max_bias", value);
      return this;
    }
  }

  /**
   * Scaled dot-product attention: multi-head, multi-query or grouped-query; of a sequence to
   * itself, or, given a second sequence by the layer, to that one (cross-attention).
   */
  public static final class Attention extends Part {
    public Attention() {
      super("Attention");
    }

    /**
     * Width of input and output (dictated by what surrounds it; at least 1; at most 1048576).
     */
    public Attention modelDim(long value) {
      put("model_dim", value);
      return this;
    }

    /**
     * Number of query heads (required; at least 1; at most 65536).
     */
    public Attention numHeads(long value) {
      put("num_heads", value);
      return this;
    }

    /**
     * Number of key and value heads, a divisor of num_heads; 0 means num_heads, 1 is multi-query
     * (by default 0; at least 0; at most 65536).
     */
    public Attention numKvHeads(long value) {
      put("num_kv_heads", value);
      return this;
    }

    /**
     * Width of one head; 0 means model_dim / num_heads (by default 0; at least 0; at most 65536).
     */
    public Attention headDim(long value) {
      put("head_dim", value);
      return this;
    }

    /**
     * Biases on all four projections; each may differ (q_proj.bias) (by default false).
     */
    public Attention bias(boolean value) {
      put("bias", value);
      return this;
    }

    /**
     * Biases on the query, key and value projections only (by default false).
     */
    public Attention qkvBias(boolean value) {
      put("qkv_bias", value);
      return this;
    }

    /**
     * A token sees itself and what came before; false for encoders. Not for a second sequence (by
     * default true).
     */
    public Attention causal(boolean value) {
      put("causal", value);
      return this;
    }

    /**
     * Factor on the scores; 0 means 1 / sqrt(head_dim). Gemma 2 has query_pre_attn_scalar^-0.5,
     * T5 has 1 (by default 0; at least 0).
     */
    public Attention scale(double value) {
      put("scale", value);
      return this;
    }

    /**
     * Standard deviation of the normal distribution that the weights start from (by default 0.02;
     * at least 0).
     */
    public Attention initStd(double value) {
      put("init_std", value);
      return this;
    }

    /**
     * The same for the output projection; 0 means init_std (by default 0; at least 0).
     */
    public Attention outputInitStd(double value) {
      put("output_init_std", value);
      return this;
    }

    /**
     * From the input to queries (any part of role linear; by default Linear).
     */
    public Attention qProj(Object value) {
      put("q_proj", value);
      return this;
    }

    /**
     * From the input, or the second sequence, to keys (any part of role linear; by default
     * Linear).
     */
    public Attention kProj(Object value) {
      put("k_proj", value);
      return this;
    }

    /**
     * From the input, or the second sequence, to values (any part of role linear; by default
     * Linear).
     */
    public Attention vProj(Object value) {
      put("v_proj", value);
      return this;
    }

    /**
     * From what the heads read, side by side, to the output (any part of role linear; by default
     * Linear).
     */
    public Attention oProj(Object value) {
      put("o_proj", value);
      return this;
    }

    /**
     * Tokens further back than this are not seen: a token sees itself and window - 1 before it
     * (sliding-window or local attention); 0 means that all are. Not for a second sequence (by
     * default 0; in tokens; at least 0; at most 1073741824).
     */
    public Attention window(long value) {
      put("window", value);
      return this;
    }

    /**
     * Scores are bent to stay below this: softcap * tanh(score / softcap) (Gemma 2); 0 for none
     * (by default 0; at least 0).
     */
    public Attention softcap(double value) {
      put("softcap", value);
      return this;
    }

    /**
     * A learned logit for every head that takes part in the softmax and has no value, so that a
     * head may read nothing (gpt-oss) (by default false).
     */
    public Attention sinks(boolean value) {
      put("sinks", value);
      return this;
    }

    /**
     * The norms of queries and keys span all heads side by side (OLMo 2, OLMoE) and not one head
     * (Qwen3, Gemma 3) (by default false).
     */
    public Attention normAll(boolean value) {
      put("norm_all", value);
      return this;
    }

    /**
     * A norm of queries before they meet positions; usually with k_norm (any part of role norm).
     */
    public Attention qNorm(Object value) {
      put("q_norm", value);
      return this;
    }

    /**
     * A norm of keys before they meet positions (any part of role norm).
     */
    public Attention kNorm(Object value) {
      put("k_norm", value);
      return this;
    }

    /**
     * Positions of this attention alone, instead of the decoder's: {"type": "NoPosition"} for a
     * layer without any, a RotaryPosition of another theta for local layers (any part of role
     * position).
     */
    public Attention position(Object value) {
      put("position", value);
      return this;
    }
  }

  /**
   * One expert a token, assigned so that all get the same number (BASE layers).
   */
  public static final class BaseGate extends Part {
    public BaseGate() {
      super("BaseGate");
    }

    /**
     * Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
     */
    public BaseGate modelDim(long value) {
      put("model_dim", value);
      return this;
    }

    /**
     * How many there are to choose from (dictated by what surrounds it; at least 1; at most
     * 65536).
     */
    public BaseGate numExperts(long value) {
      put("num_experts", value);
      return this;
    }

    /**
     * Tokens are shared out within each sequence; otherwise within a micro-batch, not with
     * several ranks (by default true).
     */
    public BaseGate perSequence(boolean value) {
      put("per_sequence", value);
      return this;
    }

    /**
     * What a token may lose against the best assignment, in ranges of the scores (by default
     * 0.01; above 0; at most 1).
     */
    public BaseGate precision(double value) {
      put("precision", value);
      return this;
    }

    /**
     * Standard deviation of the normal distribution that the weights start from (by default 0.02;
     * at least 0).
     */
    public BaseGate initStd(double value) {
      put("init_std", value);
      return this;
    }
  }

  /**
   * Bytes are the tokens: 256 ids, any text or file.
   */
  public static final class ByteTokenizer extends Part {
    public ByteTokenizer() {
      super("ByteTokenizer");
    }
  }

  /**
   * The distinct characters of the training text are the tokens.
   */
  public static final class CharTokenizer extends Part {
    public CharTokenizer() {
      super("CharTokenizer");
    }
  }

  /**
   * Scores classes from the vectors of a sequence (BERT's pooler and classifier, ViT's head).
   */
  public static final class ClassificationHead extends Part {
    public ClassificationHead() {
      super("ClassificationHead");
    }

    /**
     * Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
     */
    public ClassificationHead modelDim(long value) {
      put("model_dim", value);
      return this;
    }

    /**
     * Number of classes (dictated by what surrounds it; at least 1; at most 2147483647).
     */
    public ClassificationHead numClasses(long value) {
      put("num_classes", value);
      return this;
    }

    /**
     * Which vectors stand for the sequence (by default "first").
     */
    public ClassificationHead pooling(Pooling value) {
      put("pooling", value);
      return this;
    }

    /**
     * The function after the pooler (by default "tanh").
     */
    public ClassificationHead activation(Activation value) {
      put("activation", value);
      return this;
    }

    /**
     * Standard deviation of the normal distribution that the weights start from (by default 0.02;
     * at least 0).
     */
    public ClassificationHead initStd(double value) {
      put("init_std", value);
      return this;
    }

    /**
     * A product before the activation; empty: neither (any part of role linear).
     */
    public ClassificationHead pooler(Object value) {
      put("pooler", value);
      return this;
    }

    /**
     * Applied to what the pooler made (any part of role dropout).
     */
    public ClassificationHead dropout(Object value) {
      put("dropout", value);
      return this;
    }

    /**
     * From the pooled vector to the scores (any part of role linear; by default Linear).
     */
    public ClassificationHead classifier(Object value) {
      put("classifier", value);
      return this;
    }
  }

  /**
   * The peak rate after warm-up.
   */
  public static final class Constant extends Part {
    public Constant() {
      super("Constant");
    }

    /**
     * Steps over which the rate rises from 0 (by default 0; in steps; at least 0).
     */
    public Constant warmupSteps(long value) {
      put("warmup_steps", value);
      return this;
    }
  }

  /**
   * Half a cosine from the peak to the lowest rate.
   */
  public static final class Cosine extends Part {
    public Cosine() {
      super("Cosine");
    }

    /**
     * Steps over which the rate rises from 0 (by default 0; in steps; at least 0).
     */
    public Cosine warmupSteps(long value) {
      put("warmup_steps", value);
      return this;
    }

    /**
     * Step at which the lowest rate is reached; 0 means the last step of the run (by default 0;
     * in steps; at least 0).
     */
    public Cosine totalSteps(long value) {
      put("total_steps", value);
      return this;
    }

    /**
     * The lowest rate, as a share of the peak (by default 0; at least 0; at most 1).
     */
    public Cosine minLrRatio(double value) {
      put("min_lr_ratio", value);
      return this;
    }
  }

  /**
   * Logits are cosines between a projected token and the experts, over a learned temperature.
   */
  public static final class CosineGate extends Part {
    public CosineGate() {
      super("CosineGate");
    }

    /**
     * Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
     */
    public CosineGate modelDim(long value) {
      put("model_dim", value);
      return this;
    }

    /**
     * How many there are to choose from (dictated by what surrounds it; at least 1; at most
     * 65536).
     */
    public CosineGate numExperts(long value) {
      put("num_experts", value);
      return this;
    }

    /**
     * How many a token visits (by default 2; at least 1; at most 65536).
     */
    public CosineGate topK(long value) {
      put("top_k", value);
      return this;
    }

    /**
     * Width in which cosines are taken (by default 256; at least 1; at most 1048576).
     */
    public CosineGate projDim(long value) {
      put("proj_dim", value);
      return this;
    }

    /**
     * What the temperature starts from (by default 0.07; above 0).
     */
    public CosineGate temperature(double value) {
      put("temperature", value);
      return this;
    }

    /**
     * Cosines are multiplied by this at most (by default 100; above 0).
     */
    public CosineGate maxScale(double value) {
      put("max_scale", value);
      return this;
    }

    /**
     * Standard deviation of the normal distribution that the weights start from (by default 0.02;
     * at least 0).
     */
    public CosineGate initStd(double value) {
      put("init_std", value);
      return this;
    }
  }

  /**
   * Mean over the target tokens of -log of the target's probability.
   */
  public static final class CrossEntropy extends Part {
    public CrossEntropy() {
      super("CrossEntropy");
    }

    /**
     * Targets with this value do not count (by default -100; at least -2147483648; at most
     * 2147483647).
     */
    public CrossEntropy ignoreIndex(long value) {
      put("ignore_index", value);
      return this;
    }

    /**
     * Share of the target distribution that is spread evenly over all ids (by default 0; at least
     * 0; below 1).
     */
    public CrossEntropy labelSmoothing(double value) {
      put("label_smoothing", value);
      return this;
    }

    /**
     * Weight of the squared log of the softmax's denominator, which keeps it near 0 (by default
     * 0; at least 0).
     */
    public CrossEntropy zLoss(double value) {
      put("z_loss", value);
      return this;
    }
  }

  /**
   * Where text or tokens come from.
   */
  public static final class Data extends Part {
    public Data() {
      super("Data");
    }

    /**
     * Files, folders or globs to train on; one text or a list (required).
     */
    public Data train(List<String> value) {
      put("train", value);
      return this;
    }

    /**
     * The same for validation. Unset: the last part of `train` is kept for it (by default []).
     */
    public Data validation(List<String> value) {
      put("validation", value);
      return this;
    }

    /**
     * Share of the training tokens, from the end, that is kept for validation (by default 0.1; at
     * least 0; below 1).
     */
    public Data validationFraction(double value) {
      put("validation_fraction", value);
      return this;
    }

    /**
     * Kind of the files: "text", "tokens" (ids in binary), or a source that the host has
     * registered; empty means by the name of each file (by default "").
     */
    public Data source(String value) {
      put("source", value);
      return this;
    }

    /**
     * How text becomes token ids (any part of role tokenizer; by default ByteTokenizer).
     */
    public Data tokenizer(Object value) {
      put("tokenizer", value);
      return this;
    }

    /**
     * Put after every text document (by default "").
     */
    public Data separator(String value) {
      put("separator", value);
      return this;
    }

    /**
     * Bytes of an id in token files: 2 (uint16) or 4 (uint32) (by default 2; in bytes).
     */
    public Data tokenWidth(long value) {
      put("token_width", value);
      return this;
    }

    /**
     * Id after which a document ends in token files; -1 makes each file one document (by default
     * -1; at least -1; at most 2147483647).
     */
    public Data endOfDocument(long value) {
      put("end_of_document", value);
      return this;
    }

    /**
     * How samples are chosen. With streams, as many parts as trainer.batch_size follow one
     * another; a row goes on in the part of the next row when its own is read, and the one that
     * comes to the end of the corpus begins anew at its beginning, with nothing carried. What
     * does not fill a window in every row, at the end, is not read. Validation is read so too, in
     * as many parts as a micro-batch has rows on all ranks (by default "epoch").
     */
    public Data sampling(SamplingMode value) {
      put("sampling", value);
      return this;
    }

    /**
     * Mix the order of windows, anew in each epoch; for sampling epoch alone (by default true).
     */
    public Data shuffle(boolean value) {
      put("shuffle", value);
      return this;
    }

    /**
     * Seed of the order; unset, runtime.seed (by default 0; at least 0).
     */
    public Data seed(long value) {
      put("seed", value);
      return this;
    }

    /**
     * Keep documents that share a window apart: no attention and no target across them (by
     * default false).
     */
    public Data isolateDocuments(boolean value) {
      put("isolate_documents", value);
      return this;
    }

    /**
     * Batches prepared ahead while a step runs (by default 2; in batches; at least 1; at most
     * 1024).
     */
    public Data prefetch(long value) {
      put("prefetch", value);
      return this;
    }

    /**
     * What is learned from a sample (any part of role objective; by default NextToken).
     */
    public Data objective(Object value) {
      put("objective", value);
      return this;
    }
  }

  /**
   * A stack of layers: a position module, num_layers layers, and a final norm. With attention
   * that is not causal it is an encoder.
   */
  public static final class Decoder extends Part {
    public Decoder() {
      super("Decoder");
    }

    /**
     * Width of the residual stream (dictated by what surrounds it; at least 1; at most 1048576).
     */
    public Decoder modelDim(long value) {
      put("model_dim", value);
      return this;
    }

    /**
     * Number of layers (required; at least 1; at most 100000.0).
     */
    public Decoder numLayers(long value) {
      put("num_layers", value);
      return this;
    }

    /**
     * How positions enter; it stands here once and attention inherits it (any part of role
     * position; by default RotaryPosition).
     */
    public Decoder position(Object value) {
      put("position", value);
      return this;
    }

    /**
     * Applied to the embeddings before the first layer (any part of role dropout).
     */
    public Decoder dropout(Object value) {
      put("dropout", value);
      return this;
    }

    /**
     * The layer that is repeated (any part of role layer; by default TransformerLayer).
     */
    public Decoder layer(Object value) {
      put("layer", value);
      return this;
    }

    /**
     * After the last layer; null for none (any part of role norm; by default RmsNorm).
     */
    public Decoder norm(Object value) {
      put("norm", value);
      return this;
    }

    /**
     * Layers that differ from `layer`; the first one that covers a layer counts (any part of role
     * layer_variant).
     */
    public Decoder variants(List<?> value) {
      put("variants", value);
      return this;
    }

    /**
     * Applied to the embeddings with their positions, before the dropout (BERT) (any part of role
     * norm).
     */
    public Decoder embeddingNorm(Object value) {
      put("embedding_norm", value);
      return this;
    }
  }

  /**
   * A low-rank adapter that changes the direction of each column of a projection's weight and,
   * apart from it, its length (DoRA). It wraps a projection without a bias.
   */
  public static final class DecomposedAdapter extends Part {
    public DecomposedAdapter() {
      super("DecomposedAdapter");
    }

    /**
     * Width of the input (dictated by what surrounds it; at least 1; at most 2147483647).
     */
    public DecomposedAdapter inDim(long value) {
      put("in_dim", value);
      return this;
    }

    /**
     * Width of the output (dictated by what surrounds it; at least 1; at most 2147483647).
     */
    public DecomposedAdapter outDim(long value) {
      put("out_dim", value);
      return this;
    }

    /**
     * Width between the two matrices (by default 8; at least 1; at most 65536).
     */
    public DecomposedAdapter rank(long value) {
      put("rank", value);
      return this;
    }

    /**
     * What is added to the weight is scaled by alpha / rank (by default 16; at least 0).
     */
    public DecomposedAdapter alpha(double value) {
      put("alpha", value);
      return this;
    }

    /**
     * Standard deviation of the normal distribution that the first matrix starts from; 0 means 1
     * / sqrt(in_dim). The second one and the lengths start from no change (by default 0; at least
     * 0).
     */
    public DecomposedAdapter initStd(double value) {
      put("init_std", value);
      return this;
    }

    /**
     * What the rules of a mesh call the input's dim (by default "").
     */
    public DecomposedAdapter inName(String value) {
      put("in_name", value);
      return this;
    }

    /**
     * What the rules of a mesh call the output's dim (by default "").
     */
    public DecomposedAdapter outName(String value) {
      put("out_name", value);
      return this;
    }

    /**
     * The projection that is adapted (any part of role linear; by default Linear).
     */
    public DecomposedAdapter inner(Object value) {
      put("inner", value);
      return this;
    }
  }

  /**
   * Sigmoid scores, balance by a bias instead of a loss, choice within groups (DeepSeek-V3).
   */
  public static final class DeepSeekGate extends Part {
    public DeepSeekGate() {
      super("DeepSeekGate");
    }

    /**
     * Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
     */
    public DeepSeekGate modelDim(long value) {
      put("model_dim", value);
      return this;
    }

    /**
     * How many there are to choose from (dictated by what surrounds it; at least 1; at most
     * 65536).
     */
    public DeepSeekGate numExperts(long value) {
      put("num_experts", value);
      return this;
    }

    /**
     * How many a token visits (by default 8; at least 1; at most 65536).
     */
    public DeepSeekGate topK(long value) {
      put("top_k", value);
      return this;
    }

    /**
     * Scores are the logistic function of the logits; otherwise softmax, as in DeepSeek-V2 (by
     * default true).
     */
    public DeepSeekGate sigmoid(boolean value) {
      put("sigmoid", value);
      return this;
    }

    /**
     * A bias that counts for the choice alone and is moved against the load (by default true).
     */
    public DeepSeekGate correction(boolean value) {
      put("correction", value);
      return this;
    }

    /**
     * Step of the bias in each optimizer step; 0: it stays (by default 0.001; at least 0).
     */
    public DeepSeekGate biasRate(double value) {
      put("bias_rate", value);
      return this;
    }

    /**
     * Groups into which the experts are cut, of equal size (by default 1; at least 1; at most
     * 65536).
     */
    public DeepSeekGate numGroups(long value) {
      put("num_groups", value);
      return this;
    }

    /**
     * Groups that a token may choose from (by default 1; at least 1; at most 65536).
     */
    public DeepSeekGate topGroups(long value) {
      put("top_groups", value);
      return this;
    }

    /**
     * A group is worth the sum of so many of its best, or of all where it has fewer; 2 in
     * DeepSeek-V3, 1 in V2 (by default 2; at least 1; at most 65536).
     */
    public DeepSeekGate groupBest(long value) {
      put("group_best", value);
      return this;
    }

    /**
     * Divide the chosen scores by their sum (by default true).
     */
    public DeepSeekGate normalize(boolean value) {
      put("normalize", value);
      return this;
    }

    /**
     * Factor on the weights, 2.5 in DeepSeek-V3 (by default 1).
     */
    public DeepSeekGate scale(double value) {
      put("scale", value);
      return this;
    }

    /**
     * Standard deviation of the normal distribution that the weights start from (by default 0.02;
     * at least 0).
     */
    public DeepSeekGate initStd(double value) {
      put("init_std", value);
      return this;
    }
  }

  /**
   * Zeroes elements at random while training and scales up the others.
   */
  public static final class Dropout extends Part {
    public Dropout() {
      super("Dropout");
    }

    /**
     * Probability that an element is zeroed (by default 0.1; at least 0; below 1).
     */
    public Dropout rate(double value) {
      put("rate", value);
      return this;
    }
  }

  /**
   * A base of the rotary angles that grows with sequences longer than those of training
   * (NTK-aware).
   */
  public static final class DynamicScaling extends Part {
    public DynamicScaling() {
      super("DynamicScaling");
    }

    /**
     * How fast the base grows (required; at least 1; at most 1000000.0).
     */
    public DynamicScaling factor(double value) {
      put("factor", value);
      return this;
    }

    /**
     * The longest sequence of training; up to it nothing changes (required; in tokens; at least
     * 1; at most 1073741824).
     */
    public DynamicScaling originalMaxPositions(long value) {
      put("original_max_positions", value);
      return this;
    }
  }

  /**
   * A learned vector for every token id.
   */
  public static final class Embedding extends Part {
    public Embedding() {
      super("Embedding");
    }

    /**
     * Number of token ids (dictated by what surrounds it; at least 1; at most 2147483647).
     */
    public Embedding vocabSize(long value) {
      put("vocab_size", value);
      return this;
    }

    /**
     * Width of the vectors (dictated by what surrounds it; at least 1; at most 1048576).
     */
    public Embedding modelDim(long value) {
      put("model_dim", value);
      return this;
    }

    /**
     * Standard deviation of the normal distribution that the weights start from (by default 0.02;
     * at least 0).
     */
    public Embedding initStd(double value) {
      put("init_std", value);
      return this;
    }

    /**
     * Multiply by sqrt(model_dim), rounded to the dtype of the model (the original transformer,
     * Gemma) (by default false).
     */
    public Embedding sqrtScale(boolean value) {
      put("sqrt_scale", value);
      return this;
    }

    /**
     * Multiply by this (Granite, muP) (by default 1; above 0).
     */
    public Embedding scale(double value) {
      put("scale", value);
      return this;
    }
  }

  /**
   * Two stacks: one reads a source sequence as a whole, the other writes a second one and reads
   * what the first made of the source (T5, the original transformer).
   */
  public static final class EncoderDecoder extends Part {
    public EncoderDecoder() {
      super("EncoderDecoder");
    }

    /**
     * Number of token ids, of both sequences (dictated by what surrounds it; at least 1; at most
     * 2147483647).
     */
    public EncoderDecoder vocabSize(long value) {
      put("vocab_size", value);
      return this;
    }

    /**
     * Width of both residual streams, given to everything below (dictated by what surrounds it;
     * at least 1; at most 1048576).
     */
    public EncoderDecoder modelDim(long value) {
      put("model_dim", value);
      return this;
    }

    /**
     * From token ids to vectors, for both sequences (any part of role embedding; by default
     * Embedding).
     */
    public EncoderDecoder embedding(Object value) {
      put("embedding", value);
      return this;
    }

    /**
     * The stack that reads the source: its attention should not be causal (any part of role
     * decoder; by default Decoder).
     */
    public EncoderDecoder encoder(Object value) {
      put("encoder", value);
      return this;
    }

    /**
     * The stack that writes: its layers need `cross_attention` (any part of role decoder; by
     * default Decoder).
     */
    public EncoderDecoder decoder(Object value) {
      put("decoder", value);
      return this;
    }

    /**
     * From vectors to scores of token ids (any part of role head; by default LanguageModelHead).
     */
    public EncoderDecoder head(Object value) {
      put("head", value);
      return this;
    }

    /**
     * What training makes small (any part of role loss; by default CrossEntropy).
     */
    public EncoderDecoder loss(Object value) {
      put("loss", value);
      return this;
    }
  }

  /**
   * A whole run: what is trained, on what, how and where.
   */
  public static final class Experiment extends Part {
    public Experiment() {
      super("Experiment");
    }

    /**
     * The model (any part of role model; by default LanguageModel).
     */
    public Experiment model(Object value) {
      put("model", value);
      return this;
    }

    /**
     * What it learns from (any part of role data; by default Data).
     */
    public Experiment data(Object value) {
      put("data", value);
      return this;
    }

    /**
     * The loop: steps, batches, evaluation, checkpoints (any part of role trainer; by default
     * Trainer).
     */
    public Experiment trainer(Object value) {
      put("trainer", value);
      return this;
    }

    /**
     * The update rule (any part of role optimizer; by default AdamW).
     */
    public Experiment optimizer(Object value) {
      put("optimizer", value);
      return this;
    }

    /**
     * The factor on the learning rate over time (any part of role schedule; by default Constant).
     */
    public Experiment schedule(Object value) {
      put("schedule", value);
      return this;
    }

    /**
     * Threads, seed, device, number format (any part of role runtime; by default Runtime).
     */
    public Experiment runtime(Object value) {
      put("runtime", value);
      return this;
    }

    /**
     * How several processes share the work (any part of role parallel; by default Parallel).
     */
    public Experiment parallel(Object value) {
      put("parallel", value);
      return this;
    }
  }

  /**
   * Experts choose tokens: each the same number, of the largest probability (expert choice).
   */
  public static final class ExpertChoiceGate extends Part {
    public ExpertChoiceGate() {
      super("ExpertChoiceGate");
    }

    /**
     * Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
     */
    public ExpertChoiceGate modelDim(long value) {
      put("model_dim", value);
      return this;
    }

    /**
     * How many there are (dictated by what surrounds it; at least 1; at most 65536).
     */
    public ExpertChoiceGate numExperts(long value) {
      put("num_experts", value);
      return this;
    }

    /**
     * Experts of a token on average (by default 2; above 0; at most 65536).
     */
    public ExpertChoiceGate capacity(double value) {
      put("capacity", value);
      return this;
    }

    /**
     * Tokens of one sequence compete for an expert; otherwise all of a micro-batch, not with
     * several ranks. Either way a token depends on later ones (by default true).
     */
    public ExpertChoiceGate perSequence(boolean value) {
      put("per_sequence", value);
      return this;
    }

    /**
     * Standard deviation of the normal distribution that the weights start from (by default 0.02;
     * at least 0).
     */
    public ExpertChoiceGate initStd(double value) {
      put("init_std", value);
      return this;
    }
  }

  /**
   * Two matrix products with an activation between them, or three when gated.
   */
  public static final class FeedForward extends Part {
    public FeedForward() {
      super("FeedForward");
    }

    /**
     * Width of input and output (dictated by what surrounds it; at least 1; at most 1048576).
     */
    public FeedForward modelDim(long value) {
      put("model_dim", value);
      return this;
    }

    /**
     * Width between the products (required; at least 1; at most 16777216).
     */
    public FeedForward hiddenDim(long value) {
      put("hidden_dim", value);
      return this;
    }

    /**
     * The function between the products (by default "silu").
     */
    public FeedForward activation(Activation value) {
      put("activation", value);
      return this;
    }

    /**
     * Multiply the activation of one product by a second one (SwiGLU and its kin) (by default
     * true).
     */
    public FeedForward gated(boolean value) {
      put("gated", value);
      return this;
    }

    /**
     * Add learned biases (by default false).
     */
    public FeedForward bias(boolean value) {
      put("bias", value);
      return this;
    }

    /**
     * Standard deviation of the normal distribution that the weights start from (by default 0.02;
     * at least 0).
     */
    public FeedForward initStd(double value) {
      put("init_std", value);
      return this;
    }

    /**
     * The same for the last product; 0 means init_std (by default 0; at least 0).
     */
    public FeedForward outputInitStd(double value) {
      put("output_init_std", value);
      return this;
    }

    /**
     * Gated only: what is activated is cut off above this, and what it multiplies at plus and
     * minus this (gpt-oss has 7); 0 for no bounds (by default 0; at least 0).
     */
    public FeedForward clamp(double value) {
      put("clamp", value);
      return this;
    }

    /**
     * Gated only: added to what the activation multiplies (gpt-oss has 1) (by default 0).
     */
    public FeedForward upOffset(double value) {
      put("up_offset", value);
      return this;
    }

    /**
     * To the width between the products (any part of role linear; by default Linear).
     */
    public FeedForward upProj(Object value) {
      put("up_proj", value);
      return this;
    }

    /**
     * What the activation of a gated one is applied to (any part of role linear; by default
     * Linear).
     */
    public FeedForward gateProj(Object value) {
      put("gate_proj", value);
      return this;
    }

    /**
     * Back to the width of the input (any part of role linear; by default Linear).
     */
    public FeedForward downProj(Object value) {
      put("down_proj", value);
      return this;
    }
  }

  /**
   * Two experts a token, the second by chance of its weight (GShard).
   */
  public static final class GShardGate extends Part {
    public GShardGate() {
      super("GShardGate");
    }

    /**
     * Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
     */
    public GShardGate modelDim(long value) {
      put("model_dim", value);
      return this;
    }

    /**
     * How many there are to choose from; at least two (dictated by what surrounds it; at least 2;
     * at most 65536).
     */
    public GShardGate numExperts(long value) {
      put("num_experts", value);
      return this;
    }

    /**
     * In training, drop the second expert with probability 1 - 2 w, w its normalised weight (by
     * default true).
     */
    public GShardGate randomRouting(boolean value) {
      put("random_routing", value);
      return this;
    }

    /**
     * Standard deviation of the normal distribution that the weights start from (by default 0.02;
     * at least 0).
     */
    public GShardGate initStd(double value) {
      put("init_std", value);
      return this;
    }
  }

  /**
   * Experts by a fixed hash of the token's id; nothing is learned.
   */
  public static final class HashGate extends Part {
    public HashGate() {
      super("HashGate");
    }

    /**
     * Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
     */
    public HashGate modelDim(long value) {
      put("model_dim", value);
      return this;
    }

    /**
     * How many there are to choose from (dictated by what surrounds it; at least 1; at most
     * 65536).
     */
    public HashGate numExperts(long value) {
      put("num_experts", value);
      return this;
    }

    /**
     * How many a token visits (by default 1; at least 1; at most 65536).
     */
    public HashGate topK(long value) {
      put("top_k", value);
      return this;
    }

    /**
     * Which of the hash functions; layers of different seeds send a token to different experts
     * (by default 0; at least 0; at most 2147483646).
     */
    public HashGate seed(long value) {
      put("seed", value);
      return this;
    }
  }

  /**
   * Squared coefficient of variation of the experts' summed weights (Shazeer et al.).
   */
  public static final class ImportanceBalance extends Part {
    public ImportanceBalance() {
      super("ImportanceBalance");
    }

    /**
     * How many there are (dictated by what surrounds it; at least 1; at most 65536).
     */
    public ImportanceBalance numExperts(long value) {
      put("num_experts", value);
      return this;
    }

    /**
     * Weight of the loss (by default 0.01; at least 0).
     */
    public ImportanceBalance weight(double value) {
      put("weight", value);
      return this;
    }

    /**
     * Layers whose losses have equal names add up their sums (by default "importance").
     */
    public ImportanceBalance name(String value) {
      put("name", value);
      return this;
    }
  }

  /**
   * Falls with the square root of the step.
   */
  public static final class InverseSqrt extends Part {
    public InverseSqrt() {
      super("InverseSqrt");
    }

    /**
     * Steps over which the rate rises from 0 (by default 0; in steps; at least 0).
     */
    public InverseSqrt warmupSteps(long value) {
      put("warmup_steps", value);
      return this;
    }

    /**
     * Steps after which the rate has fallen to about 0.7; 0 means warmup_steps (by default 0; in
     * steps; at least 0).
     */
    public InverseSqrt timescale(long value) {
      put("timescale", value);
      return this;
    }
  }

  /**
   * Images of one size with their classes, as records of bytes: the class, then each channel's
   * rows (the binary files of CIFAR-10). Read as source "text" by a ByteTokenizer.
   */
  public static final class LabelledImages extends Part {
    public LabelledImages() {
      super("LabelledImages");
    }

    /**
     * Height and width (required; in pixels; at least 1; at most 4096).
     */
    public LabelledImages imageSize(long value) {
      put("image_size", value);
      return this;
    }

    /**
     * Numbers of a pixel (by default 3; at least 1; at most 64).
     */
    public LabelledImages numChannels(long value) {
      put("num_channels", value);
      return this;
    }

    /**
     * Subtracted from numbers of pixels, which go from 0 to 1 (by default 0.5).
     */
    public LabelledImages mean(double value) {
      put("mean", value);
      return this;
    }

    /**
     * What they are divided by then (by default 0.5; above 0).
     */
    public LabelledImages deviation(double value) {
      put("deviation", value);
      return this;
    }
  }

  /**
   * Tokens to embedding to decoder to head to logits, and a loss against the next tokens.
   */
  public static final class LanguageModel extends Part {
    public LanguageModel() {
      super("LanguageModel");
    }

    /**
     * Number of token ids: at least the tokenizer's (256 for bytes) (dictated by what surrounds
     * it; at least 1; at most 2147483647).
     */
    public LanguageModel vocabSize(long value) {
      put("vocab_size", value);
      return this;
    }

    /**
     * Width of the residual stream, given to everything below (dictated by what surrounds it; at
     * least 1; at most 1048576).
     */
    public LanguageModel modelDim(long value) {
      put("model_dim", value);
      return this;
    }

    /**
     * From token ids to vectors (any part of role embedding; by default Embedding).
     */
    public LanguageModel embedding(Object value) {
      put("embedding", value);
      return this;
    }

    /**
     * The layers (any part of role decoder; by default Decoder).
     */
    public LanguageModel decoder(Object value) {
      put("decoder", value);
      return this;
    }

    /**
     * From vectors to scores of token ids (any part of role head; by default LanguageModelHead).
     */
    public LanguageModel head(Object value) {
      put("head", value);
      return this;
    }

    /**
     * What training makes small (any part of role loss; by default CrossEntropy).
     */
    public LanguageModel loss(Object value) {
      put("loss", value);
      return this;
    }

    /**
     * Read the type of each token, "token_types" i32[B,T], beside the tokens (by default false).
     */
    public LanguageModel tokenTypes(boolean value) {
      put("token_types", value);
      return this;
    }
  }

  /**
   * Scores every token id from the decoder's output.
   */
  public static final class LanguageModelHead extends Part {
    public LanguageModelHead() {
      super("LanguageModelHead");
    }

    /**
     * Number of token ids (dictated by what surrounds it; at least 1; at most 2147483647).
     */
    public LanguageModelHead vocabSize(long value) {
      put("vocab_size", value);
      return this;
    }

    /**
     * Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
     */
    public LanguageModelHead modelDim(long value) {
      put("model_dim", value);
      return this;
    }

    /**
     * Use the embedding's table as weight (by default false).
     */
    public LanguageModelHead tied(boolean value) {
      put("tied", value);
      return this;
    }

    /**
     * Add a learned bias (by default false).
     */
    public LanguageModelHead bias(boolean value) {
      put("bias", value);
      return this;
    }

    /**
     * Standard deviation of the normal distribution that the weights start from (by default 0.02;
     * at least 0).
     */
    public LanguageModelHead initStd(double value) {
      put("init_std", value);
      return this;
    }

    /**
     * Multiply the scores by this (Granite, Cohere, muP) (by default 1; above 0).
     */
    public LanguageModelHead scale(double value) {
      put("scale", value);
      return this;
    }

    /**
     * Keep scores between -cap and cap by cap * tanh(score / cap) (Gemma 2); 0 for no cap (by
     * default 0; at least 0).
     */
    public LanguageModelHead cap(double value) {
      put("cap", value);
      return this;
    }

    /**
     * The product itself; its weight stands under the head's own path, as "weight" (any part of
     * role linear; by default Linear).
     */
    public LanguageModelHead projection(Object value) {
      put("projection", value);
      return this;
    }
  }

  /**
   * Multi-head latent attention (DeepSeek-V2 and V3): keys and values of all heads are made from
   * one small vector for each token, which is all that a cache holds; positions enter by features
   * of their own.
   */
  public static final class LatentAttention extends Part {
    public LatentAttention() {
      super("LatentAttention");
    }

    /**
     * Width of input and output (dictated by what surrounds it; at least 1; at most 1048576).
     */
    public LatentAttention modelDim(long value) {
      put("model_dim", value);
      return this;
    }

    /**
     * Number of heads (required; at least 1; at most 65536).
     */
    public LatentAttention numHeads(long value) {
      put("num_heads", value);
      return this;
    }

    /**
     * Width of the vector that queries are made from; 0 makes them from the input (by default 0;
     * at least 0; at most 1048576).
     */
    public LatentAttention qLoraRank(long value) {
      put("q_lora_rank", value);
      return this;
    }

    /**
     * Width of the vector that keys and values are made from (required; at least 1; at most
     * 1048576).
     */
    public LatentAttention kvLoraRank(long value) {
      put("kv_lora_rank", value);
      return this;
    }

    /**
     * Features of a head's queries and keys without positions (required; at least 1; at most
     * 65536).
     */
    public LatentAttention qkNopeHeadDim(long value) {
      put("qk_nope_head_dim", value);
      return this;
    }

    /**
     * Features of queries and keys that the position turns, an even number; the keys' are shared
     * by all heads (required; at least 2; at most 65536).
     */
    public LatentAttention qkRopeHeadDim(long value) {
      put("qk_rope_head_dim", value);
      return this;
    }

    /**
     * Width of a head's values (required; at least 1; at most 65536).
     */
    public LatentAttention vHeadDim(long value) {
      put("v_head_dim", value);
      return this;
    }

    /**
     * A token sees itself and what came before (by default true).
     */
    public LatentAttention causal(boolean value) {
      put("causal", value);
      return this;
    }

    /**
     * Factor on the scores; 0 means 1 / sqrt(qk_nope_head_dim + qk_rope_head_dim). With
     * YarnScaling, DeepSeek multiplies that by (0.1 mscale_all_dim ln(factor) + 1)^2 (by default
     * 0; at least 0).
     */
    public LatentAttention scale(double value) {
      put("scale", value);
      return this;
    }

    /**
     * Biases on q_down_proj, kv_down_proj and o_proj; each may differ (by default false).
     */
    public LatentAttention bias(boolean value) {
      put("bias", value);
      return this;
    }

    /**
     * Standard deviation of the normal distribution that the weights start from (by default 0.02;
     * at least 0).
     */
    public LatentAttention initStd(double value) {
      put("init_std", value);
      return this;
    }

    /**
     * The same for the output projection; 0 means init_std (by default 0; at least 0).
     */
    public LatentAttention outputInitStd(double value) {
      put("output_init_std", value);
      return this;
    }

    /**
     * From the input to the vector that queries are made from (any part of role linear; by
     * default Linear).
     */
    public LatentAttention qDownProj(Object value) {
      put("q_down_proj", value);
      return this;
    }

    /**
     * A norm of that vector (any part of role norm; by default RmsNorm).
     */
    public LatentAttention qLatentNorm(Object value) {
      put("q_latent_norm", value);
      return this;
    }

    /**
     * From that vector, or the input, to queries (any part of role linear; by default Linear).
     */
    public LatentAttention qProj(Object value) {
      put("q_proj", value);
      return this;
    }

    /**
     * From the input to the vector that keys and values are made from, and to the keys' turned
     * features (any part of role linear; by default Linear).
     */
    public LatentAttention kvDownProj(Object value) {
      put("kv_down_proj", value);
      return this;
    }

    /**
     * A norm of that vector (any part of role norm; by default RmsNorm).
     */
    public LatentAttention kvLatentNorm(Object value) {
      put("kv_latent_norm", value);
      return this;
    }

    /**
     * From that vector to the keys' other features and the values, head by head (any part of role
     * linear; by default Linear).
     */
    public LatentAttention kvUpProj(Object value) {
      put("kv_up_proj", value);
      return this;
    }

    /**
     * From what the heads read, side by side, to the output (any part of role linear; by default
     * Linear).
     */
    public LatentAttention oProj(Object value) {
      put("o_proj", value);
      return this;
    }

    /**
     * Positions of this attention alone, instead of the decoder's (any part of role position).
     */
    public LatentAttention position(Object value) {
      put("position", value);
      return this;
    }
  }

  /**
   * Subtracts the mean, divides by the standard deviation, then a learned scale and bias.
   */
  public static final class LayerNorm extends Part {
    public LayerNorm() {
      super("LayerNorm");
    }

    /**
     * Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
     */
    public LayerNorm modelDim(long value) {
      put("model_dim", value);
      return this;
    }

    /**
     * Added to the variance (by default 1e-05; at least 0; below 1).
     */
    public LayerNorm epsilon(double value) {
      put("epsilon", value);
      return this;
    }

    /**
     * Add a learned bias (by default true).
     */
    public LayerNorm bias(boolean value) {
      put("bias", value);
      return this;
    }

    /**
     * Multiply by a learned scale (not in OLMo) (by default true).
     */
    public LayerNorm scale(boolean value) {
      put("scale", value);
      return this;
    }
  }

  /**
   * Some layers of a stack that differ from the others: every 4th with global attention, the
   * first three without experts.
   */
  public static final class LayerVariant extends Part {
    public LayerVariant() {
      super("LayerVariant");
    }

    /**
     * The first of the layers, counted from 0 (by default 0; in layers; at least 0; at most
     * 100000.0).
     */
    public LayerVariant start(long value) {
      put("start", value);
      return this;
    }

    /**
     * From the first on, every so many layers are of this kind (by default 1; in layers; at least
     * 1; at most 100000.0).
     */
    public LayerVariant every(long value) {
      put("every", value);
      return this;
    }

    /**
     * The layers come before this one; 0 means up to the last (by default 0; in layers; at least
     * 0; at most 100000.0).
     */
    public LayerVariant end(long value) {
      put("end", value);
      return this;
    }

    /**
     * What these layers are. It says what differs: the rest is as in the stack's own `layer` (any
     * part of role layer; by default TransformerLayer).
     */
    public LayerVariant layer(Object value) {
      put("layer", value);
      return this;
    }
  }

  /**
   * A learned vector for every position, added to the embeddings (GPT-2).
   */
  public static final class LearnedPosition extends Part {
    public LearnedPosition() {
      super("LearnedPosition");
    }

    /**
     * Number of positions: the longest sequence the model can read (by default 1024; in tokens;
     * at least 1; at most 16777216).
     */
    public LearnedPosition maxPositions(long value) {
      put("max_positions", value);
      return this;
    }

    /**
     * Width of the vectors (dictated by what surrounds it; at least 1; at most 1048576).
     */
    public LearnedPosition modelDim(long value) {
      put("model_dim", value);
      return this;
    }

    /**
     * Standard deviation of the normal distribution that the weights start from (by default 0.02;
     * at least 0).
     */
    public LearnedPosition initStd(double value) {
      put("init_std", value);
      return this;
    }
  }

  /**
   * A matrix product with optional bias. What it projects from and to, its owner says.
   */
  public static final class Linear extends Part {
    public Linear() {
      super("Linear");
    }

    /**
     * Width of the input (dictated by what surrounds it; at least 1; at most 2147483647).
     */
    public Linear inDim(long value) {
      put("in_dim", value);
      return this;
    }

    /**
     * Width of the output (dictated by what surrounds it; at least 1; at most 2147483647).
     */
    public Linear outDim(long value) {
      put("out_dim", value);
      return this;
    }

    /**
     * Add a learned bias (by default true).
     */
    public Linear bias(boolean value) {
      put("bias", value);
      return this;
    }

    /**
     * Standard deviation of the normal distribution that the weights start from (by default 0.02;
     * at least 0).
     */
    public Linear initStd(double value) {
      put("init_std", value);
      return this;
    }

    /**
     * The weight is [out_dim, in_dim], as an embedding's table is, and not [in_dim, out_dim]
     * (dictated by what surrounds it; by default false).
     */
    public Linear transposed(boolean value) {
      put("transposed", value);
      return this;
    }

    /**
     * What the rules of a mesh call the input's dim ("embed"); empty for no name (by default "").
     */
    public Linear inName(String value) {
      put("in_name", value);
      return this;
    }

    /**
     * What the rules of a mesh call the output's dim ("mlp") (by default "").
     */
    public Linear outName(String value) {
      put("out_name", value);
      return this;
    }
  }

  /**
   * A straight line from the peak to the lowest rate.
   */
  public static final class LinearDecay extends Part {
    public LinearDecay() {
      super("LinearDecay");
    }

    /**
     * Steps over which the rate rises from 0 (by default 0; in steps; at least 0).
     */
    public LinearDecay warmupSteps(long value) {
      put("warmup_steps", value);
      return this;
    }

    /**
     * Step at which the lowest rate is reached; 0 means the last step of the run (by default 0;
     * in steps; at least 0).
     */
    public LinearDecay totalSteps(long value) {
      put("total_steps", value);
      return this;
    }

    /**
     * The lowest rate, as a share of the peak (by default 0; at least 0; at most 1).
     */
    public LinearDecay minLrRatio(double value) {
      put("min_lr_ratio", value);
      return this;
    }
  }

  /**
   * Rotary angles divided by a factor, as if tokens stood closer together.
   */
  public static final class LinearScaling extends Part {
    public LinearScaling() {
      super("LinearScaling");
    }

    /**
     * How many times longer sequences may be than those of training (required; at least 1; at
     * most 1000000.0).
     */
    public LinearScaling factor(double value) {
      put("factor", value);
      return this;
    }
  }

  /**
   * Slow rotary frequencies divided by a factor, fast ones left as they are (Llama 3.1).
   */
  public static final class Llama3Scaling extends Part {
    public Llama3Scaling() {
      super("Llama3Scaling");
    }

    /**
     * What slow frequencies are divided by (by default 8; at least 1; at most 1000000.0).
     */
    public Llama3Scaling factor(double value) {
      put("factor", value);
      return this;
    }

    /**
     * Frequencies that make fewer turns than this over the original length are slow (by default
     * 1; above 0; at most 1000000.0).
     */
    public Llama3Scaling lowFreqFactor(double value) {
      put("low_freq_factor", value);
      return this;
    }

    /**
     * Frequencies that make more turns than this are fast; above low_freq_factor (by default 4;
     * above 0; at most 1000000.0).
     */
    public Llama3Scaling highFreqFactor(double value) {
      put("high_freq_factor", value);
      return this;
    }

    /**
     * The longest sequence of training before the change (by default 8192; in tokens; at least 1;
     * at most 1073741824).
     */
    public Llama3Scaling originalMaxPositions(long value) {
      put("original_max_positions", value);
      return this;
    }
  }

  /**
   * E * sum over experts of (share of the choices) * (mean probability): least when balanced.
   */
  public static final class LoadBalance extends Part {
    public LoadBalance() {
      super("LoadBalance");
    }

    /**
     * How many there are (dictated by what surrounds it; at least 1; at most 65536).
     */
    public LoadBalance numExperts(long value) {
      put("num_experts", value);
      return this;
    }

    /**
     * Experts of a token (by default 2; at least 1; at most 65536).
     */
    public LoadBalance topK(long value) {
      put("top_k", value);
      return this;
    }

    /**
     * Weight of the loss (by default 0.01; at least 0).
     */
    public LoadBalance weight(double value) {
      put("weight", value);
      return this;
    }

    /**
     * Tokens whose sums make one loss (by default "micro_batch").
     */
    public LoadBalance scope(BalanceScope value) {
      put("scope", value);
      return this;
    }

    /**
     * Shares of all choices, which sum to 1; otherwise of all tokens, which sum to top_k
     * (Mixtral) (by default true).
     */
    public LoadBalance perChoice(boolean value) {
      put("per_choice", value);
      return this;
    }

    /**
     * Count the first choice of a token only (GShard) (by default false).
     */
    public LoadBalance firstChoice(boolean value) {
      put("first_choice", value);
      return this;
    }

    /**
     * Layers whose losses have equal names add up their sums (by default "load_balance").
     */
    public LoadBalance name(String value) {
      put("name", value);
      return this;
    }
  }

  /**
   * Reported numbers of a router: entropy, choices kept, the busiest expert's load above the
   * mean.
   */
  public static final class LoadMetrics extends Part {
    public LoadMetrics() {
      super("LoadMetrics");
    }

    /**
     * How many there are (dictated by what surrounds it; at least 1; at most 65536).
     */
    public LoadMetrics numExperts(long value) {
      put("num_experts", value);
      return this;
    }

    /**
     * Also the share of each expert in the choices, "load_0" and so on, which `tessera
     * moe-report` draws (by default false).
     */
    public LoadMetrics loads(boolean value) {
      put("loads", value);
      return this;
    }
  }

  /**
   * A product of two thin matrices beside a projection, which it wraps: what is trained while the
   * projection itself stays frozen (LoRA).
   */
  public static final class LowRankAdapter extends Part {
    public LowRankAdapter() {
      super("LowRankAdapter");
    }

    /**
     * Width of the input (dictated by what surrounds it; at least 1; at most 2147483647).
     */
    public LowRankAdapter inDim(long value) {
      put("in_dim", value);
      return this;
    }

    /**
     * Width of the output (dictated by what surrounds it; at least 1; at most 2147483647).
     */
    public LowRankAdapter outDim(long value) {
      put("out_dim", value);
      return this;
    }

    /**
     * Width between the two matrices (by default 8; at least 1; at most 65536).
     */
    public LowRankAdapter rank(long value) {
      put("rank", value);
      return this;
    }

    /**
     * What is added is scaled by alpha / rank (by default 16; at least 0).
     */
    public LowRankAdapter alpha(double value) {
      put("alpha", value);
      return this;
    }

    /**
     * Scale by alpha / sqrt(rank) instead, so that large ranks still learn (rsLoRA) (by default
     * false).
     */
    public LowRankAdapter rankStabilized(boolean value) {
      put("rank_stabilized", value);
      return this;
    }

    /**
     * Standard deviation of the normal distribution that the first matrix starts from; 0 means 1
     * / sqrt(in_dim). The second one starts from 0 (by default 0; at least 0).
     */
    public LowRankAdapter initStd(double value) {
      put("init_std", value);
      return this;
    }

    /**
     * The parameters are called &lt;name&gt;_a and &lt;name&gt;_b. Adapters inside each other
     * need two names (by default "lora").
     */
    public LowRankAdapter name(String value) {
      put("name", value);
      return this;
    }

    /**
     * What the rules of a mesh call the input's dim (by default "").
     */
    public LowRankAdapter inName(String value) {
      put("in_name", value);
      return this;
    }

    /**
     * What the rules of a mesh call the output's dim (by default "").
     */
    public LowRankAdapter outName(String value) {
      put("out_name", value);
      return this;
    }

    /**
     * Applied to the adapter's input only (any part of role dropout).
     */
    public LowRankAdapter dropout(Object value) {
      put("dropout", value);
      return this;
    }

    /**
     * The projection that is adapted (any part of role linear; by default Linear).
     */
    public LowRankAdapter inner(Object value) {
      put("inner", value);
      return this;
    }
  }

  /**
   * Scores every token id for every place, after a product, an activation and a norm (BERT).
   */
  public static final class MaskedLanguageModelHead extends Part {
    public MaskedLanguageModelHead() {
      super("MaskedLanguageModelHead");
    }

    /**
     * Number of token ids (dictated by what surrounds it; at least 1; at most 2147483647).
     */
    public MaskedLanguageModelHead vocabSize(long value) {
      put("vocab_size", value);
      return this;
    }

    /**
     * Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
     */
    public MaskedLanguageModelHead modelDim(long value) {
      put("model_dim", value);
      return this;
    }

    /**
     * Use the embedding's table as the last weight (by default true).
     */
    public MaskedLanguageModelHead tied(boolean value) {
      put("tied", value);
      return this;
    }

    /**
     * Add a learned bias to the scores (by default true).
     */
    public MaskedLanguageModelHead bias(boolean value) {
      put("bias", value);
      return this;
    }

    /**
     * The function after the first product (by default "gelu").
     */
    public MaskedLanguageModelHead activation(Activation value) {
      put("activation", value);
      return this;
    }

    /**
     * Standard deviation of the normal distribution that the weights start from (by default 0.02;
     * at least 0).
     */
    public MaskedLanguageModelHead initStd(double value) {
      put("init_std", value);
      return this;
    }

    /**
     * The first product (any part of role linear; by default Linear).
     */
    public MaskedLanguageModelHead dense(Object value) {
      put("dense", value);
      return this;
    }

    /**
     * After the activation (any part of role norm; by default LayerNorm).
     */
    public MaskedLanguageModelHead norm(Object value) {
      put("norm", value);
      return this;
    }

    /**
     * The last product; its weight stands under the head's own path, as "weight" (any part of
     * role linear; by default Linear).
     */
    public MaskedLanguageModelHead projection(Object value) {
      put("projection", value);
      return this;
    }
  }

  /**
   * Some tokens are hidden and predicted from all others (BERT).
   */
  public static final class MaskedTokens extends Part {
    public MaskedTokens() {
      super("MaskedTokens");
    }

    /**
     * Id that stands where a token is hidden (required; at least 0; at most 2147483647).
     */
    public MaskedTokens maskId(long value) {
      put("mask_id", value);
      return this;
    }

    /**
     * Share of the tokens that are predicted (by default 0.15; above 0; at most 1).
     */
    public MaskedTokens share(double value) {
      put("share", value);
      return this;
    }

    /**
     * Of these, the share that is replaced by any id instead of mask_id (by default 0.1; at least
     * 0; at most 1).
     */
    public MaskedTokens randomShare(double value) {
      put("random_share", value);
      return this;
    }

    /**
     * Of these, the share that is left as it is (by default 0.1; at least 0; at most 1).
     */
    public MaskedTokens keptShare(double value) {
      put("kept_share", value);
      return this;
    }
  }

  /**
   * Many experts, of which a gate chooses a few for every token.
   */
  public static final class MixtureOfExperts extends Part {
    public MixtureOfExperts() {
      super("MixtureOfExperts");
    }

    /**
     * Width of input and output (dictated by what surrounds it; at least 1; at most 1048576).
     */
    public MixtureOfExperts modelDim(long value) {
      put("model_dim", value);
      return this;
    }

    /**
     * Copies of the expert; with a list `experts`, how many stand in it (by default 8; at least
     * 1; at most 65536).
     */
    public MixtureOfExperts numExperts(long value) {
      put("num_experts", value);
      return this;
    }

    /**
     * Experts of a token, for gates that take it from here (by default 2; at least 1; at most
     * 65536).
     */
    public MixtureOfExperts topK(long value) {
      put("top_k", value);
      return this;
    }

    /**
     * In training, what the gate sees is multiplied by random numbers in 1 - jitter to 1 + jitter
     * (by default 0; at least 0; below 1).
     */
    public MixtureOfExperts jitter(double value) {
      put("jitter", value);
      return this;
    }

    /**
     * Divide the weights of a token by their sum (by default false).
     */
    public MixtureOfExperts renormalize(boolean value) {
      put("renormalize", value);
      return this;
    }

    /**
     * Factor on all weights (by default 1).
     */
    public MixtureOfExperts weightScale(double value) {
      put("weight_scale", value);
      return this;
    }

    /**
     * Room of an expert, in even shares of all choices; 0: no limit, nothing is dropped (by
     * default 0; at least 0; at most 1000000000.0).
     */
    public MixtureOfExperts capacityFactor(double value) {
      put("capacity_factor", value);
      return this;
    }

    /**
     * The same outside of training; unset: as in training (at least 0; at most 1000000000.0).
     */
    public MixtureOfExperts evalCapacityFactor(double value) {
      put("eval_capacity_factor", value);
      return this;
    }

    /**
     * Room that every expert has at least, when there is a limit (by default 0; in tokens; at
     * least 0; at most 1000000000.0).
     */
    public MixtureOfExperts minCapacity(long value) {
      put("min_capacity", value);
      return this;
    }

    /**
     * Who gets the room (by default "position").
     */
    public MixtureOfExperts drop(DropPolicy value) {
      put("drop", value);
      return this;
    }

    /**
     * Over which tokens the limit is meant (by default "micro_batch").
     */
    public MixtureOfExperts group(RoutingGroup value) {
      put("group", value);
      return this;
    }

    /**
     * Divide the weights of what was kept by their sum, so that drops do not shrink the output
     * (by default false).
     */
    public MixtureOfExperts renormalizeKept(boolean value) {
      put("renormalize_kept", value);
      return this;
    }

    /**
     * How the copies of an expert are run (by default "grouped").
     */
    public MixtureOfExperts runExperts(ExpertExecution value) {
      put("run_experts", value);
      return this;
    }

    /**
     * Multiply what the shared expert returns by a learned sigmoid of the token (by default
     * false).
     */
    public MixtureOfExperts sharedGate(boolean value) {
      put("shared_gate", value);
      return this;
    }

    /**
     * Stop with an error when a weight is not finite, for gates under development (by default
     * false).
     */
    public MixtureOfExperts checkWeights(boolean value) {
      put("check_weights", value);
      return this;
    }

    /**
     * Standard deviation of the normal distribution that the shared gate starts from (by default
     * 0.02; at least 0).
     */
    public MixtureOfExperts initStd(double value) {
      put("init_std", value);
      return this;
    }

    /**
     * Mix what the experts and the shared one return by a learned softmax of the token over the
     * two, instead of adding them (residual mixture of experts) (by default false).
     */
    public MixtureOfExperts residualMix(boolean value) {
      put("residual_mix", value);
      return this;
    }

    /**
     * Experts beyond num_experts that return zero, so that a token may do with less (by default
     * 0; at least 0; at most 65536).
     */
    public MixtureOfExperts zeroExperts(long value) {
      put("zero_experts", value);
      return this;
    }

    /**
     * Experts beyond those that return the token as it is (by default 0; at least 0; at most
     * 65536).
     */
    public MixtureOfExperts copyExperts(long value) {
      put("copy_experts", value);
      return this;
    }

    /**
     * Width in which tokens are sent to the experts, between two projections; 0: model_dim (by
     * default 0; at least 0; at most 1048576).
     */
    public MixtureOfExperts latentDim(long value) {
      put("latent_dim", value);
      return this;
    }

    /**
     * Who visits which expert (any part of role gate; by default TopKGate).
     */
    public MixtureOfExperts gate(Object value) {
      put("gate", value);
      return this;
    }

    /**
     * The expert, of which there are num_experts copies with weights of their own (any part of
     * role expert; by default FeedForward).
     */
    public MixtureOfExperts expert(Object value) {
      put("expert", value);
      return this;
    }

    /**
     * Experts that are not alike, in place of copies of `expert`, which then is null. They run
     * one after the other on all rows (any part of role expert).
     */
    public MixtureOfExperts experts(List<?> value) {
      put("experts", value);
      return this;
    }

    /**
     * From model_dim to latent_dim, for all experts (any part of role linear; by default Linear).
     */
    public MixtureOfExperts latentIn(Object value) {
      put("latent_in", value);
      return this;
    }

    /**
     * Back from latent_dim to model_dim (any part of role linear; by default Linear).
     */
    public MixtureOfExperts latentOut(Object value) {
      put("latent_out", value);
      return this;
    }

    /**
     * An expert that every token visits (any part of role expert).
     */
    public MixtureOfExperts shared(Object value) {
      put("shared", value);
      return this;
    }

    /**
     * Losses and metrics of the routing, each with its own weight (any part of role balance; by
     * default LoadBalance).
     */
    public MixtureOfExperts balance(List<?> value) {
      put("balance", value);
      return this;
    }

    /**
     * Padding, tokens of segment -1, visits no expert and is not counted by losses, metrics and
     * biases; otherwise it is routed like all others (by default false).
     */
    public MixtureOfExperts skipPadding(boolean value) {
      put("skip_padding", value);
      return this;
    }
  }

  /**
   * Experts that all tasks share, of which each task takes its own mean (MMoE).
   */
  public static final class MultiGateMixture extends Part {
    public MultiGateMixture() {
      super("MultiGateMixture");
    }

    /**
     * Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
     */
    public MultiGateMixture modelDim(long value) {
      put("model_dim", value);
      return this;
    }

    /**
     * Results, one for each (dictated by what surrounds it; at least 1; at most 1024).
     */
    public MultiGateMixture numTasks(long value) {
      put("num_tasks", value);
      return this;
    }

    /**
     * Copies of the expert; with one there is nothing to choose: a shared bottom (by default 8;
     * at least 1; at most 65536).
     */
    public MultiGateMixture numExperts(long value) {
      put("num_experts", value);
      return this;
    }

    /**
     * Who has a gate (by default "per_task").
     */
    public MultiGateMixture gates(TaskGates value) {
      put("gates", value);
      return this;
    }

    /**
     * Standard deviation of the normal distribution that gates start from (by default 0.02; at
     * least 0).
     */
    public MultiGateMixture initStd(double value) {
      put("init_std", value);
      return this;
    }

    /**
     * The expert (any part of role expert; by default Perceptron).
     */
    public MultiGateMixture expert(Object value) {
      put("expert", value);
      return this;
    }
  }

  /**
   * Rows of numbers to one result for each of several tasks.
   */
  public static final class MultiTaskModel extends Part {
    public MultiTaskModel() {
      super("MultiTaskModel");
    }

    /**
     * Numbers of a row (dictated by what surrounds it; at least 1; at most 1048576).
     */
    public MultiTaskModel modelDim(long value) {
      put("model_dim", value);
      return this;
    }

    /**
     * Results of a row (dictated by what surrounds it; by default 2; at least 1; at most 1024).
     */
    public MultiTaskModel numTasks(long value) {
      put("num_tasks", value);
      return this;
    }

    /**
     * Width of the layer of relu that each task has of its own before its result (by default 8;
     * at least 1; at most 1048576).
     */
    public MultiTaskModel towerDim(long value) {
      put("tower_dim", value);
      return this;
    }

    /**
     * What results are compared with labels by (by default "logistic").
     */
    public MultiTaskModel loss(TaskLoss value) {
      put("loss", value);
      return this;
    }

    /**
     * What the tasks share (any part of role multi_task; by default MultiGateMixture).
     */
    public MultiTaskModel shared(Object value) {
      put("shared", value);
      return this;
    }
  }

  /**
   * Each token predicts the one after it.
   */
  public static final class NextToken extends Part {
    public NextToken() {
      super("NextToken");
    }
  }

  /**
   * No positional information but what the causal mask gives.
   */
  public static final class NoPosition extends Part {
    public NoPosition() {
      super("NoPosition");
    }
  }

  /**
   * Top-k of logits with learned noise, with losses on importance and load (Shazeer et al.).
   */
  public static final class NoisyTopKGate extends Part {
    public NoisyTopKGate() {
      super("NoisyTopKGate");
    }

    /**
     * Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
     */
    public NoisyTopKGate modelDim(long value) {
      put("model_dim", value);
      return this;
    }

    /**
     * How many there are to choose from (dictated by what surrounds it; at least 1; at most
     * 65536).
     */
    public NoisyTopKGate numExperts(long value) {
      put("num_experts", value);
      return this;
    }

    /**
     * How many a token visits; the load loss needs one expert more (by default 2; at least 1; at
     * most 65536).
     */
    public NoisyTopKGate topK(long value) {
      put("top_k", value);
      return this;
    }

    /**
     * Added to the learned standard deviation of the noise (by default 0.01; at least 0).
     */
    public NoisyTopKGate noiseEpsilon(double value) {
      put("noise_epsilon", value);
      return this;
    }

    /**
     * Weight of the squared variation of the experts' summed weights (by default 0.1; at least
     * 0).
     */
    public NoisyTopKGate importanceWeight(double value) {
      put("importance_weight", value);
      return this;
    }

    /**
     * Weight of the squared variation of the experts' expected loads (by default 0.1; at least
     * 0).
     */
    public NoisyTopKGate loadWeight(double value) {
      put("load_weight", value);
      return this;
    }

    /**
     * As FastMoE does: the variance of both losses is over E - 1 (by default false).
     */
    public NoisyTopKGate fastmoe(boolean value) {
      put("fastmoe", value);
      return this;
    }

    /**
     * Standard deviation of the normal distribution that both weights start from (by default
     * 0.02; at least 0).
     */
    public NoisyTopKGate initStd(double value) {
      put("init_std", value);
      return this;
    }
  }

  /**
   * How several processes share the work.
   */
  public static final class Parallel extends Part {
    public Parallel() {
      super("Parallel");
    }

    /**
     * Ranks that each take a part of the batch; 0 means all there are (by default 0; in ranks; at
     * least 0; at most 1000000.0).
     */
    public Parallel data(long value) {
      put("data", value);
      return this;
    }

    /**
     * Time after which a rank that does not answer counts as dead (by default 60; in seconds;
     * above 0; at most 86400).
     */
    public Parallel timeoutS(double value) {
      put("timeout_s", value);
      return this;
    }

    /**
     * Time between signs of life (by default 2; in seconds; above 0; at most 3600).
     */
    public Parallel heartbeatS(double value) {
      put("heartbeat_s", value);
      return this;
    }
  }

  /**
   * Cuts images into square patches and projects each to a vector, with learned positions (ViT).
   */
  public static final class PatchEmbedding extends Part {
    public PatchEmbedding() {
      super("PatchEmbedding");
    }

    /**
     * Width of the vectors (dictated by what surrounds it; at least 1; at most 1048576).
     */
    public PatchEmbedding modelDim(long value) {
      put("model_dim", value);
      return this;
    }

    /**
     * Height and width of the images (dictated by what surrounds it; in pixels; at least 1; at
     * most 65536).
     */
    public PatchEmbedding imageSize(long value) {
      put("image_size", value);
      return this;
    }

    /**
     * Numbers of a pixel (dictated by what surrounds it; at least 1; at most 65536).
     */
    public PatchEmbedding numChannels(long value) {
      put("num_channels", value);
      return this;
    }

    /**
     * Height and width of a patch, a divisor of image_size (by default 16; in pixels; at least 1;
     * at most 65536).
     */
    public PatchEmbedding patchSize(long value) {
      put("patch_size", value);
      return this;
    }

    /**
     * Put a learned vector before the patches, from which classes are read (by default true).
     */
    public PatchEmbedding classToken(boolean value) {
      put("class_token", value);
      return this;
    }

    /**
     * Add a learned vector for every place, the class token's included (by default true).
     */
    public PatchEmbedding positions(boolean value) {
      put("positions", value);
      return this;
    }

    /**
     * Standard deviation of the normal distribution that the weights start from (by default 0.02;
     * at least 0).
     */
    public PatchEmbedding initStd(double value) {
      put("init_std", value);
      return this;
    }

    /**
     * From the numbers of a patch, by channel, row and column, to its vector (any part of role
     * linear; by default Linear).
     */
    public PatchEmbedding projection(Object value) {
      put("projection", value);
      return this;
    }
  }

  /**
   * One matrix product and an activation: the expert of multi-gate mixtures.
   */
  public static final class Perceptron extends Part {
    public Perceptron() {
      super("Perceptron");
    }

    /**
     * Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
     */
    public Perceptron modelDim(long value) {
      put("model_dim", value);
      return this;
    }

    /**
     * Width of the output (required; at least 1; at most 1048576).
     */
    public Perceptron outDim(long value) {
      put("out_dim", value);
      return this;
    }

    /**
     * The function of what the product gives (by default "relu").
     */
    public Perceptron activation(Activation value) {
      put("activation", value);
      return this;
    }

    /**
     * Standard deviation of the normal distribution that the weights start from; 0: the root of 2
     * / model_dim (by default 0; at least 0).
     */
    public Perceptron initStd(double value) {
      put("init_std", value);
      return this;
    }
  }

  /**
   * A published tokenizer, as a tokenizer.json says it: the ids of the public library.
   */
  public static final class PretrainedTokenizer extends Part {
    public PretrainedTokenizer() {
      super("PretrainedTokenizer");
    }

    /**
     * The tokenizer.json. A checkpoint keeps its text, so that the file is needed once only
     * (required).
     */
    public PretrainedTokenizer file(String value) {
      put("file", value);
      return this;
    }
  }

  /**
   * The top_k experts of the largest logits less a bias that is moved to the quantile which would
   * have given every expert the same (quantile balancing); no loss for balance is needed.
   */
  public static final class QuantileGate extends Part {
    public QuantileGate() {
      super("QuantileGate");
    }

    /**
     * Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
     */
    public QuantileGate modelDim(long value) {
      put("model_dim", value);
      return this;
    }

    /**
     * How many there are to choose from (dictated by what surrounds it; at least 1; at most
     * 65536).
     */
    public QuantileGate numExperts(long value) {
      put("num_experts", value);
      return this;
    }

    /**
     * How many a token visits (by default 2; at least 1; at most 65536).
     */
    public QuantileGate topK(long value) {
      put("top_k", value);
      return this;
    }

    /**
     * What the logits become (by default "softmax").
     */
    public QuantileGate score(RouterScore value) {
      put("score", value);
      return this;
    }

    /**
     * Softmax over the chosen experts only; otherwise over all, of which the chosen are taken (by
     * default true).
     */
    public QuantileGate softmaxAfter(boolean value) {
      put("softmax_after", value);
      return this;
    }

    /**
     * How much of the bias stays in each step; the rest is the new quantile (by default 0.9; at
     * least 0; at most 1).
     */
    public QuantileGate ema(double value) {
      put("ema", value);
      return this;
    }

    /**
     * Quantiles are of each sequence, and their mean counts; otherwise of a micro-batch, not with
     * several ranks (by default true).
     */
    public QuantileGate perSequence(boolean value) {
      put("per_sequence", value);
      return this;
    }

    /**
     * Standard deviation of the normal distribution that the weights start from (by default 0.02;
     * at least 0).
     */
    public QuantileGate initStd(double value) {
      put("init_std", value);
      return this;
    }
  }

  /**
   * Attention with scores of content and of distance, each with a learned bias, and a memory of
   * what came before the sequence (Transformer-XL). The decoder's position is then usually
   * NoPosition.
   */
  public static final class RelativeAttention extends Part {
    public RelativeAttention() {
      super("RelativeAttention");
    }

    /**
     * Width of input and output, an even number (dictated by what surrounds it; at least 2; at
     * most 1048576).
     */
    public RelativeAttention modelDim(long value) {
      put("model_dim", value);
      return this;
    }

    /**
     * Number of heads (required; at least 1; at most 65536).
     */
    public RelativeAttention numHeads(long value) {
      put("num_heads", value);
      return this;
    }

    /**
     * Width of one head; 0 means model_dim / num_heads (by default 0; at least 0; at most 65536).
     */
    public RelativeAttention headDim(long value) {
      put("head_dim", value);
      return this;
    }

    /**
     * Inputs of this layer that are kept from the step before and can be read; 0 for none. No
     * gradient goes into them. Rows of a batch must then go on where those of the batch before
     * ended (data.sampling streams), and the position must not turn keys (NoPosition) (by default
     * 0; in tokens; at least 0; at most 16777216).
     */
    public RelativeAttention memoryLength(long value) {
      put("memory_length", value);
      return this;
    }

    /**
     * Factor on the scores; 0 means 1 / sqrt(head_dim) (by default 0; at least 0).
     */
    public RelativeAttention scale(double value) {
      put("scale", value);
      return this;
    }

    /**
     * Base of the wavelengths in which distances are written (by default 10000; above 0).
     */
    public RelativeAttention base(double value) {
      put("base", value);
      return this;
    }

    /**
     * Biases on the projections of queries, keys, values and the output (by default false).
     */
    public RelativeAttention bias(boolean value) {
      put("bias", value);
      return this;
    }

    /**
     * Standard deviation of the normal distribution that the weights start from (by default 0.02;
     * at least 0).
     */
    public RelativeAttention initStd(double value) {
      put("init_std", value);
      return this;
    }

    /**
     * The same for the output projection; 0 means init_std (by default 0; at least 0).
     */
    public RelativeAttention outputInitStd(double value) {
      put("output_init_std", value);
      return this;
    }

    /**
     * From the input to queries (any part of role linear; by default Linear).
     */
    public RelativeAttention qProj(Object value) {
      put("q_proj", value);
      return this;
    }

    /**
     * From memory and input to keys (any part of role linear; by default Linear).
     */
    public RelativeAttention kProj(Object value) {
      put("k_proj", value);
      return this;
    }

    /**
     * From memory and input to values (any part of role linear; by default Linear).
     */
    public RelativeAttention vProj(Object value) {
      put("v_proj", value);
      return this;
    }

    /**
     * From sines and cosines of a distance to what queries compare with it (any part of role
     * linear; by default Linear).
     */
    public RelativeAttention rProj(Object value) {
      put("r_proj", value);
      return this;
    }

    /**
     * From what the heads read, side by side, to the output (any part of role linear; by default
     * Linear).
     */
    public RelativeAttention oProj(Object value) {
      put("o_proj", value);
      return this;
    }

    /**
     * Positions of this attention alone, instead of the decoder's (any part of role position).
     */
    public RelativeAttention position(Object value) {
      put("position", value);
      return this;
    }
  }

  /**
   * A learned number for every head and range of distances, added to scores (T5).
   */
  public static final class RelativePosition extends Part {
    public RelativePosition() {
      super("RelativePosition");
    }

    /**
     * Heads of the attention that reads it; 0 means as many as that has (by default 0; at least
     * 0; at most 65536).
     */
    public RelativePosition numHeads(long value) {
      put("num_heads", value);
      return this;
    }

    /**
     * Ranges of distances that are told apart; half of them of one distance each (by default 32;
     * at least 2; at most 65536).
     */
    public RelativePosition numBuckets(long value) {
      put("num_buckets", value);
      return this;
    }

    /**
     * Distance from which on all are in the last range (by default 128; in tokens; at least 2; at
     * most 1073741824).
     */
    public RelativePosition maxDistance(long value) {
      put("max_distance", value);
      return this;
    }

    /**
     * Tell keys after the query from those before it (encoders); otherwise all after are one (by
     * default false).
     */
    public RelativePosition bidirectional(boolean value) {
      put("bidirectional", value);
      return this;
    }

    /**
     * Standard deviation of the normal distribution that the numbers start from (by default 0.02;
     * at least 0).
     */
    public RelativePosition initStd(double value) {
      put("init_std", value);
      return this;
    }
  }

  /**
   * Weights are the positive logits; how many there are is regulated by their sum (ReMoE).
   */
  public static final class ReluGate extends Part {
    public ReluGate() {
      super("ReluGate");
    }

    /**
     * Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
     */
    public ReluGate modelDim(long value) {
      put("model_dim", value);
      return this;
    }

    /**
     * How many there are to choose from (dictated by what surrounds it; at least 1; at most
     * 65536).
     */
    public ReluGate numExperts(long value) {
      put("num_experts", value);
      return this;
    }

    /**
     * Experts of a token that the regulation aims at, on average (by default 2; at least 1; at
     * most 65536).
     */
    public ReluGate topK(long value) {
      put("top_k", value);
      return this;
    }

    /**
     * What the factor of the loss starts from (by default 1e-08; at least 0).
     */
    public ReluGate firstFactor(double value) {
      put("first_factor", value);
      return this;
    }

    /**
     * The factor is multiplied or divided by this after each step (by default 1.2; at least 1).
     */
    public ReluGate factorStep(double value) {
      put("factor_step", value);
      return this;
    }

    /**
     * Standard deviation of the normal distribution that the weights start from (by default 0.02;
     * at least 0).
     */
    public ReluGate initStd(double value) {
      put("init_std", value);
      return this;
    }
  }

  /**
   * Divides by the root mean square over the width and multiplies by a learned scale.
   */
  public static final class RmsNorm extends Part {
    public RmsNorm() {
      super("RmsNorm");
    }

    /**
     * Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
     */
    public RmsNorm modelDim(long value) {
      put("model_dim", value);
      return this;
    }

    /**
     * Added to the mean square (by default 1e-05; at least 0; below 1).
     */
    public RmsNorm epsilon(double value) {
      put("epsilon", value);
      return this;
    }

    /**
     * Multiply by a learned scale (by default true).
     */
    public RmsNorm scale(boolean value) {
      put("scale", value);
      return this;
    }

    /**
     * Added to the learned scale, which starts at 1 less: with 1 it is stored as its distance
     * from 1 (Gemma) (by default 0).
     */
    public RmsNorm weightOffset(double value) {
      put("weight_offset", value);
      return this;
    }
  }

  /**
   * Turns pairs of query and key features by angles that grow with the position.
   */
  public static final class RotaryPosition extends Part {
    public RotaryPosition() {
      super("RotaryPosition");
    }

    /**
     * Base of the angles' geometric series (by default 10000; above 0).
     */
    public RotaryPosition theta(double value) {
      put("theta", value);
      return this;
    }

    /**
     * Features of each head that are turned, an even number; 0 means all of them (by default 0;
     * at least 0; at most 65536).
     */
    public RotaryPosition rotaryDim(long value) {
      put("rotary_dim", value);
      return this;
    }

    /**
     * Pairs are neighbours (x0, x1) and not halves (x0, x[d/2]) (by default false).
     */
    public RotaryPosition interleaved(boolean value) {
      put("interleaved", value);
      return this;
    }

    /**
     * How the angles change for sequences that are longer than those of training (any part of
     * role rotary_scaling).
     */
    public RotaryPosition scaling(Object value) {
      put("scaling", value);
      return this;
    }
  }

  /**
   * Mean over tokens of the squared logsumexp of the router's logits (ST-MoE).
   */
  public static final class RouterZLoss extends Part {
    public RouterZLoss() {
      super("RouterZLoss");
    }

    /**
     * Weight of the loss, 0.001 in the source (by default 0.001; at least 0).
     */
    public RouterZLoss weight(double value) {
      put("weight", value);
      return this;
    }
  }

  /**
   * What the run uses of the machine.
   */
  public static final class Runtime extends Part {
    public Runtime() {
      super("Runtime");
    }

    /**
     * Threads; 0 means as many as the process may use (by default 0; at least 0; at most 4096).
     */
    public Runtime threads(long value) {
      put("threads", value);
      return this;
    }

    /**
     * Seed of everything random: weights, dropout, data order (by default 0; at least 0).
     */
    public Runtime seed(long value) {
      put("seed", value);
      return this;
    }

    /**
     * The device that computes (by default "cpu").
     */
    public Runtime device(String value) {
      put("device", value);
      return this;
    }

    /**
     * The instruction set that kernels may use at most ("reference", "avx2", "avx512", "amx");
     * empty means the best there is (by default "").
     */
    public Runtime isa(String value) {
      put("isa", value);
      return this;
    }

    /**
     * The number format (by default "fp32").
     */
    public Runtime dtype(NumberFormat value) {
      put("dtype", value);
      return this;
    }

    /**
     * Time a thread without work spins before it sleeps: waking one takes longer than a small op.
     * It is for threads of the run's own; those of a runtime that a host made do as the host said
     * (by default 50; in microseconds; at least 0; at most 1000000.0).
     */
    public Runtime spinUs(long value) {
      put("spin_us", value);
      return this;
    }

    /**
     * A file that `tessera tune` wrote: what makes kernels faster on this machine and changes no
     * result. Empty means the file that ships; "none" means that kernels take their own values. A
     * file that is not there, or is for other machines, is a note (by default "").
     */
    public Runtime tuning(String value) {
      put("tuning", value);
      return this;
    }
  }

  /**
   * Tokens to a stack to scores of classes for the whole sequence (BERT fine-tuned on sentences).
   */
  public static final class SequenceClassifier extends Part {
    public SequenceClassifier() {
      super("SequenceClassifier");
    }

    /**
     * Number of token ids: at least the tokenizer's (dictated by what surrounds it; at least 1;
     * at most 2147483647).
     */
    public SequenceClassifier vocabSize(long value) {
      put("vocab_size", value);
      return this;
    }

    /**
     * Width of the residual stream, given to everything below (dictated by what surrounds it; at
     * least 1; at most 1048576).
     */
    public SequenceClassifier modelDim(long value) {
      put("model_dim", value);
      return this;
    }

    /**
     * Number of classes (dictated by what surrounds it; at least 1; at most 2147483647).
     */
    public SequenceClassifier numClasses(long value) {
      put("num_classes", value);
      return this;
    }

    /**
     * From token ids to vectors (any part of role embedding; by default Embedding).
     */
    public SequenceClassifier embedding(Object value) {
      put("embedding", value);
      return this;
    }

    /**
     * The layers (any part of role decoder; by default Decoder).
     */
    public SequenceClassifier decoder(Object value) {
      put("decoder", value);
      return this;
    }

    /**
     * From the vectors to scores of classes (any part of role classification_head; by default
     * ClassificationHead).
     */
    public SequenceClassifier head(Object value) {
      put("head", value);
      return this;
    }

    /**
     * What training makes small (any part of role loss; by default CrossEntropy).
     */
    public SequenceClassifier loss(Object value) {
      put("loss", value);
      return this;
    }

    /**
     * Read the type of each token, "token_types" i32[B,T], beside the tokens (by default false).
     */
    public SequenceClassifier tokenTypes(boolean value) {
      put("token_types", value);
      return this;
    }
  }

  /**
   * Stochastic gradient descent with momentum.
   */
  public static final class Sgd extends Part {
    public Sgd() {
      super("Sgd");
    }

    /**
     * The learning rate at its peak, before the schedule's factor (by default 0.01; at least 0).
     */
    public Sgd learningRate(double value) {
      put("learning_rate", value);
      return this;
    }

    /**
     * Decay of the sum of gradients; 0 keeps none (by default 0; at least 0; below 1).
     */
    public Sgd momentum(double value) {
      put("momentum", value);
      return this;
    }

    /**
     * Share of a new gradient that does not enter the sum (by default 0; at least 0; below 1).
     */
    public Sgd dampening(double value) {
      put("dampening", value);
      return this;
    }

    /**
     * Look ahead along the momentum (by default false).
     */
    public Sgd nesterov(boolean value) {
      put("nesterov", value);
      return this;
    }

    /**
     * Added to the gradient, times the weight. Norms and biases do not decay unless a group says
     * so (by default 0; at least 0).
     */
    public Sgd weightDecay(double value) {
      put("weight_decay", value);
      return this;
    }

    /**
     * Settings by parameter path (by default []).
     */
    public Sgd groups(List<?> value) {
      put("groups", value);
      return this;
    }
  }

  /**
   * Chooses by logits that alternate scalings have balanced, weighs by the logits themselves.
   */
  public static final class SinkhornGate extends Part {
    public SinkhornGate() {
      super("SinkhornGate");
    }

    /**
     * Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
     */
    public SinkhornGate modelDim(long value) {
      put("model_dim", value);
      return this;
    }

    /**
     * How many there are to choose from (dictated by what surrounds it; at least 1; at most
     * 65536).
     */
    public SinkhornGate numExperts(long value) {
      put("num_experts", value);
      return this;
    }

    /**
     * How many a token visits (by default 1; at least 1; at most 65536).
     */
    public SinkhornGate topK(long value) {
      put("top_k", value);
      return this;
    }

    /**
     * Alternate scalings; the sources stop at a tolerance, which this many usually reach (by
     * default 8; at least 1; at most 1000).
     */
    public SinkhornGate iterations(long value) {
      put("iterations", value);
      return this;
    }

    /**
     * Standard deviation of the normal distribution that the weights start from (by default 0.02;
     * at least 0).
     */
    public SinkhornGate initStd(double value) {
      put("init_std", value);
      return this;
    }
  }

  /**
   * Fixed sines and cosines of every position, added to the embeddings (the original
   * transformer).
   */
  public static final class SinusoidalPosition extends Part {
    public SinusoidalPosition() {
      super("SinusoidalPosition");
    }

    /**
     * Width of the vectors, an even number (dictated by what surrounds it; at least 2; at most
     * 1048576).
     */
    public SinusoidalPosition modelDim(long value) {
      put("model_dim", value);
      return this;
    }

    /**
     * Base of the wavelengths' geometric series (by default 10000; above 0).
     */
    public SinusoidalPosition base(double value) {
      put("base", value);
      return this;
    }

    /**
     * A sine and its cosine are neighbours; otherwise all sines come before all cosines (by
     * default true).
     */
    public SinusoidalPosition interleaved(boolean value) {
      put("interleaved", value);
      return this;
    }
  }

  /**
   * Experts that work on mixtures of all tokens of a sequence (Soft MoE). Not for causal models.
   */
  public static final class SoftMixtureOfExperts extends Part {
    public SoftMixtureOfExperts() {
      super("SoftMixtureOfExperts");
    }

    /**
     * Width of input and output (dictated by what surrounds it; at least 1; at most 1048576).
     */
    public SoftMixtureOfExperts modelDim(long value) {
      put("model_dim", value);
      return this;
    }

    /**
     * Copies of the expert (by default 8; at least 1; at most 65536).
     */
    public SoftMixtureOfExperts numExperts(long value) {
      put("num_experts", value);
      return this;
    }

    /**
     * Mixtures that each expert works on (by default 1; at least 1; at most 1048576).
     */
    public SoftMixtureOfExperts slotsPerExpert(long value) {
      put("slots_per_expert", value);
      return this;
    }

    /**
     * Standard deviation of the normal distribution that the mixing weights start from (by
     * default 0.02; at least 0).
     */
    public SoftMixtureOfExperts initStd(double value) {
      put("init_std", value);
      return this;
    }

    /**
     * The expert, of which there are num_experts copies with weights of their own (any part of
     * role expert; by default FeedForward).
     */
    public SoftMixtureOfExperts expert(Object value) {
      put("expert", value);
      return this;
    }
  }

  /**
   * Spans are cut out of a text, each leaving an id of its own; the decoder says what they were
   * (T5).
   */
  public static final class SpanCorruption extends Part {
    public SpanCorruption() {
      super("SpanCorruption");
    }

    /**
     * Id that the first span leaves; the ones after it count down (required; at least 0; at most
     * 2147483647).
     */
    public SpanCorruption firstSentinel(long value) {
      put("first_sentinel", value);
      return this;
    }

    /**
     * How many such ids there are, and so the most spans in a text (by default 100; at least 1;
     * at most 65536).
     */
    public SpanCorruption sentinels(long value) {
      put("sentinels", value);
      return this;
    }

    /**
     * Share of the tokens that are cut out (by default 0.15; above 0; below 1).
     */
    public SpanCorruption share(double value) {
      put("share", value);
      return this;
    }

    /**
     * Mean length of a span (by default 3; in tokens; at least 1; at most 1000).
     */
    public SpanCorruption meanSpan(double value) {
      put("mean_span", value);
      return this;
    }

    /**
     * Id after which source and target end (by default 1; at least 0; at most 2147483647).
     */
    public SpanCorruption endId(long value) {
      put("end_id", value);
      return this;
    }

    /**
     * Id that the decoder reads first (by default 0; at least 0; at most 2147483647).
     */
    public SpanCorruption startId(long value) {
      put("start_id", value);
      return this;
    }
  }

  /**
   * The top_k experts of the largest logits; in training, choices beyond the even share of a
   * group of experts are moved to groups that have room (SWIPE).
   */
  public static final class SwipeGate extends Part {
    public SwipeGate() {
      super("SwipeGate");
    }

    /**
     * Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
     */
    public SwipeGate modelDim(long value) {
      put("model_dim", value);
      return this;
    }

    /**
     * How many there are to choose from (dictated by what surrounds it; at least 1; at most
     * 65536).
     */
    public SwipeGate numExperts(long value) {
      put("num_experts", value);
      return this;
    }

    /**
     * How many a token visits (by default 2; at least 1; at most 65536).
     */
    public SwipeGate topK(long value) {
      put("top_k", value);
      return this;
    }

    /**
     * Experts of a group, neighbours by number, that get an even share together; 1: each expert
     * (by default 1; at least 1; at most 65536).
     */
    public SwipeGate groupSize(long value) {
      put("group_size", value);
      return this;
    }

    /**
     * Tokens are shared out within each sequence; otherwise within a micro-batch, not with
     * several ranks (by default true).
     */
    public SwipeGate perSequence(boolean value) {
      put("per_sequence", value);
      return this;
    }

    /**
     * Standard deviation of the normal distribution that the weights start from (by default 0.02;
     * at least 0).
     */
    public SwipeGate initStd(double value) {
      put("init_std", value);
      return this;
    }
  }

  /**
   * One expert a token, weighted by its probability (Switch Transformer).
   */
  public static final class SwitchGate extends Part {
    public SwitchGate() {
      super("SwitchGate");
    }

    /**
     * Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
     */
    public SwitchGate modelDim(long value) {
      put("model_dim", value);
      return this;
    }

    /**
     * How many there are to choose from (dictated by what surrounds it; at least 1; at most
     * 65536).
     */
    public SwitchGate numExperts(long value) {
      put("num_experts", value);
      return this;
    }

    /**
     * In training, the input is multiplied by random numbers in 1 - jitter to 1 + jitter (by
     * default 0.01; at least 0; below 1).
     */
    public SwitchGate jitter(double value) {
      put("jitter", value);
      return this;
    }

    /**
     * As FastMoE does: numbers in 1 - jitter to 1 + jitter are added to the logits instead (by
     * default false).
     */
    public SwitchGate fastmoe(boolean value) {
      put("fastmoe", value);
      return this;
    }

    /**
     * Standard deviation of the normal distribution that the weights start from (by default 0.02;
     * at least 0).
     */
    public SwitchGate initStd(double value) {
      put("init_std", value);
      return this;
    }
  }

  /**
   * Adds a learned vector for the type of each token, its sentence in BERT, to an embedding that
   * it wraps.
   */
  public static final class TokenTypeEmbedding extends Part {
    public TokenTypeEmbedding() {
      super("TokenTypeEmbedding");
    }

    /**
     * Number of types (by default 2; at least 1; at most 65536).
     */
    public TokenTypeEmbedding numTypes(long value) {
      put("num_types", value);
      return this;
    }

    /**
     * Width of the vectors (dictated by what surrounds it; at least 1; at most 1048576).
     */
    public TokenTypeEmbedding modelDim(long value) {
      put("model_dim", value);
      return this;
    }

    /**
     * Standard deviation of the normal distribution that the weights start from (by default 0.02;
     * at least 0).
     */
    public TokenTypeEmbedding initStd(double value) {
      put("init_std", value);
      return this;
    }

    /**
     * The embedding of the tokens themselves (any part of role embedding; by default Embedding).
     */
    public TokenTypeEmbedding inner(Object value) {
      put("inner", value);
      return this;
    }
  }

  /**
   * The top_k experts of the largest logits; weights by softmax over these or over all.
   */
  public static final class TopKGate extends Part {
    public TopKGate() {
      super("TopKGate");
    }

    /**
     * Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
     */
    public TopKGate modelDim(long value) {
      put("model_dim", value);
      return this;
    }

    /**
     * How many there are to choose from (dictated by what surrounds it; at least 1; at most
     * 65536).
     */
    public TopKGate numExperts(long value) {
      put("num_experts", value);
      return this;
    }

    /**
     * How many a token visits (by default 2; at least 1; at most 65536).
     */
    public TopKGate topK(long value) {
      put("top_k", value);
      return this;
    }

    /**
     * What the logits become (by default "softmax").
     */
    public TopKGate score(RouterScore value) {
      put("score", value);
      return this;
    }

    /**
     * Softmax over the chosen experts only; otherwise over all, of which the chosen are taken (by
     * default true).
     */
    public TopKGate softmaxAfter(boolean value) {
      put("softmax_after", value);
      return this;
    }

    /**
     * Add a learned bias to the logits (by default false).
     */
    public TopKGate bias(boolean value) {
      put("bias", value);
      return this;
    }

    /**
     * Standard deviation of the normal distribution that the weights start from (by default 0.02;
     * at least 0).
     */
    public TopKGate initStd(double value) {
      put("init_std", value);
      return this;
    }
  }

  /**
   * As many experts as together reach a probability (top-p routing).
   */
  public static final class TopPGate extends Part {
    public TopPGate() {
      super("TopPGate");
    }

    /**
     * Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
     */
    public TopPGate modelDim(long value) {
      put("model_dim", value);
      return this;
    }

    /**
     * How many there are to choose from (dictated by what surrounds it; at least 1; at most
     * 65536).
     */
    public TopPGate numExperts(long value) {
      put("num_experts", value);
      return this;
    }

    /**
     * Probability to reach (by default 0.5; above 0; at most 1).
     */
    public TopPGate probability(double value) {
      put("probability", value);
      return this;
    }

    /**
     * Experts of a token at most; 0: all (by default 0; at least 0; at most 65536).
     */
    public TopPGate most(long value) {
      put("most", value);
      return this;
    }

    /**
     * Divide the weights by their sum (by default false).
     */
    public TopPGate normalize(boolean value) {
      put("normalize", value);
      return this;
    }

    /**
     * Standard deviation of the normal distribution that the weights start from (by default 0.02;
     * at least 0).
     */
    public TopPGate initStd(double value) {
      put("init_std", value);
      return this;
    }
  }

  /**
   * The training loop.
   */
  public static final class Trainer extends Part {
    public Trainer() {
      super("Trainer");
    }

    /**
     * Number of optimizer steps (by default 1000; in steps; at least 0; at most 1000000000.0).
     */
    public Trainer steps(long value) {
      put("steps", value);
      return this;
    }

    /**
     * Sequences in a step, over all ranks and micro-batches (by default 8; in sequences; at least
     * 1; at most 16777216).
     */
    public Trainer batchSize(long value) {
      put("batch_size", value);
      return this;
    }

    /**
     * Tokens of a sequence (by default 256; in tokens; at least 1; at most 16777216).
     */
    public Trainer sequenceLength(long value) {
      put("sequence_length", value);
      return this;
    }

    /**
     * Parts that a rank's share of a step is done in, to save memory; gradients are summed (by
     * default 1; at least 1; at most 65536).
     */
    public Trainer microBatches(long value) {
      put("micro_batches", value);
      return this;
    }

    /**
     * Gradients are scaled down to this global norm; 0 turns it off (by default 1; at least 0).
     */
    public Trainer clipNorm(double value) {
      put("clip_norm", value);
      return this;
    }

    /**
     * Steps between evaluations; 0 means at the end only (by default 0; in steps; at least 0).
     */
    public Trainer evalEvery(long value) {
      put("eval_every", value);
      return this;
    }

    /**
     * Batches of an evaluation; 0 means the whole validation split (by default 0; in batches; at
     * least 0).
     */
    public Trainer evalBatches(long value) {
      put("eval_batches", value);
      return this;
    }

    /**
     * Steps between checkpoints; 0 means at the end only (by default 0; in steps; at least 0).
     */
    public Trainer saveEvery(long value) {
      put("save_every", value);
      return this;
    }

    /**
     * Number of newest checkpoints that are kept; 0 keeps all (by default 3; at least 0).
     */
    public Trainer keepCheckpoints(long value) {
      put("keep_checkpoints", value);
      return this;
    }

    /**
     * Steps between log lines; metrics.jsonl has every step (by default 10; in steps; at least
     * 1).
     */
    public Trainer logEvery(long value) {
      put("log_every", value);
      return this;
    }

    /**
     * What happens when a gradient or loss is not finite (by default "stop").
     */
    public Trainer nanPolicy(NanPolicy value) {
      put("nan_policy", value);
      return this;
    }

    /**
     * Name the first op with a result that is not finite; costs a second, slower step when it
     * happens (by default false).
     */
    public Trainer findNonFinite(boolean value) {
      put("find_non_finite", value);
      return this;
    }

    /**
     * What the backward pass computes again instead of keeping (by default "none").
     */
    public Trainer recompute(Recompute value) {
      put("recompute", value);
      return this;
    }

    /**
     * Measure time, flops and bytes of every op (by default false).
     */
    public Trainer profile(boolean value) {
      put("profile", value);
      return this;
    }

    /**
     * Checkpoint folder, imported or trained, whose parameters a new run starts with, matched by
     * path; its tokenizer, if it has one, stands in for data.tokenizer. Empty: runtime.seed gives
     * all values (by default "").
     */
    public Trainer initFrom(String value) {
      put("init_from", value);
      return this;
    }

    /**
     * Pattern of parameters that the checkpoint of init_from need not have, such as those of
     * adapters; they start as runtime.seed says. Empty: it has all (by default "").
     */
    public Trainer initMissing(String value) {
      put("init_missing", value);
      return this;
    }

    /**
     * File for a picture of one step: which thread worked on which kernel when, as JSON that
     * chrome://tracing and Perfetto read. Ranks after the first append ".rank" and their number.
     * Empty writes none (by default "").
     */
    public Trainer trace(String value) {
      put("trace", value);
      return this;
    }

    /**
     * The step that is traced; the first ones are not typical (by default 3; in steps; at least
     * 1).
     */
    public Trainer traceStep(long value) {
      put("trace_step", value);
      return this;
    }

    /**
     * Exceptions by path; the first that matches wins (by default []).
     */
    public Trainer recomputeRules(List<?> value) {
      put("recompute_rules", value);
      return this;
    }

    /**
     * Most memory that the plan of a step may take, as `tessera graph` counts it. Segments that
     * no rule names then compute again as little as fits, starting from `recompute`: selective
     * from the first layer on, then full. 0: no bound (by default 0; in bytes; at least 0).
     */
    public Trainer memoryBudget(long value) {
      put("memory_budget", value);
      return this;
    }

    /**
     * How experts start where the checkpoint of init_from has a dense feed-forward in their
     * place: as copies of it, or, where they are narrower, as its parts; and how it is put
     * together again from them (by default "exact").
     */
    public Trainer initExperts(ExpertScaling value) {
      put("init_experts", value);
      return this;
    }

    /**
     * The experts that a model of fewer keeps of those in the checkpoint of init_from, by number,
     * in the order in which it has them; their columns of the router come along. `tessera
     * moe-report` says which were busy (by default []; at least 0; at most 65535).
     */
    public Trainer initKeepExperts(Object value) {
      put("init_keep_experts", value);
      return this;
    }

    /**
     * Where checkpoints go, and where a resumed run looks for them: a folder, or "NAME://PATH" in
     * the checkpoint store NAME that the host has registered. Empty: "checkpoints" in the folder
     * of the run (by default "").
     */
    public Trainer checkpointFolder(String value) {
      put("checkpoint_folder", value);
      return this;
    }

    /**
     * File for the experts that every token of every training step visits: safetensors with
     * routing/MIXTURE, int32 of steps, rows, tokens and choices, -1 for none, and `recorded`, 1
     * for the rows of the steps that are in it. It is as long as all steps from the beginning,
     * sparse where the file system can; ranks write into one file. `tessera moe-report` draws it.
     * Empty writes none (by default "").
     */
    public Trainer recordRouting(String value) {
      put("record_routing", value);
      return this;
    }

    /**
     * Such a file, from which training steps take the experts of every token in place of the
     * gates' choices; weights, and with them gradients, are those of the gates for these.
     * Evaluations choose for themselves. Empty: the gates choose (by default "").
     */
    public Trainer replayRouting(String value) {
      put("replay_routing", value);
      return this;
    }
  }

  /**
   * Attention and feed-forward with norms and residual connections.
   */
  public static final class TransformerLayer extends Part {
    public TransformerLayer() {
      super("TransformerLayer");
    }

    /**
     * Width of input and output (dictated by what surrounds it; at least 1; at most 1048576).
     */
    public TransformerLayer modelDim(long value) {
      put("model_dim", value);
      return this;
    }

    /**
     * Where the norms stand (by default "pre").
     */
    public TransformerLayer normPlacement(NormPlacement value) {
      put("norm_placement", value);
      return this;
    }

    /**
     * Attention and feed-forward read the same norm and are summed (GPT-J) (by default false).
     */
    public TransformerLayer parallelResidual(boolean value) {
      put("parallel_residual", value);
      return this;
    }

    /**
     * The norm; the layer has one for each of its parts, or two with sandwich placement (any part
     * of role norm; by default RmsNorm).
     */
    public TransformerLayer norm(Object value) {
      put("norm", value);
      return this;
    }

    /**
     * How tokens exchange information (any part of role attention; by default Attention).
     */
    public TransformerLayer attention(Object value) {
      put("attention", value);
      return this;
    }

    /**
     * What is done to each token on its own (any part of role feed_forward; by default
     * FeedForward).
     */
    public TransformerLayer feedForward(Object value) {
      put("feed_forward", value);
      return this;
    }

    /**
     * Applied to what attention and feed-forward return (any part of role dropout).
     */
    public TransformerLayer dropout(Object value) {
      put("dropout", value);
      return this;
    }

    /**
     * What attention and feed-forward are multiplied by before they are added (by default
     * "none").
     */
    public TransformerLayer residualScaling(ResidualScaling value) {
      put("residual_scaling", value);
      return this;
    }

    /**
     * A constant of which the same holds (Granite, MiniCPM) (by default 1; above 0).
     */
    public TransformerLayer residualScale(double value) {
      put("residual_scale", value);
      return this;
    }

    /**
     * Number of layers of the stack, for scaling by depth (by default 0; at least 0; at most
     * 100000.0).
     */
    public TransformerLayer numLayers(long value) {
      put("num_layers", value);
      return this;
    }

    /**
     * How a second sequence, what an encoder made, is read: between attention and feed-forward
     * (any part of role attention).
     */
    public TransformerLayer crossAttention(Object value) {
      put("cross_attention", value);
      return this;
    }
  }

  /**
   * Images to patches to a stack to scores of classes (ViT).
   */
  public static final class VisionModel extends Part {
    public VisionModel() {
      super("VisionModel");
    }

    /**
     * Width of the residual stream, given to everything below (dictated by what surrounds it; at
     * least 1; at most 1048576).
     */
    public VisionModel modelDim(long value) {
      put("model_dim", value);
      return this;
    }

    /**
     * Height and width of the images (dictated by what surrounds it; by default 224; in pixels;
     * at least 1; at most 65536).
     */
    public VisionModel imageSize(long value) {
      put("image_size", value);
      return this;
    }

    /**
     * Numbers of a pixel (dictated by what surrounds it; by default 3; at least 1; at most
     * 65536).
     */
    public VisionModel numChannels(long value) {
      put("num_channels", value);
      return this;
    }

    /**
     * Number of classes (dictated by what surrounds it; at least 1; at most 2147483647).
     */
    public VisionModel numClasses(long value) {
      put("num_classes", value);
      return this;
    }

    /**
     * From images to vectors of patches (any part of role patch_embedding; by default
     * PatchEmbedding).
     */
    public VisionModel patches(Object value) {
      put("patches", value);
      return this;
    }

    /**
     * The layers: their attention should not be causal. A position that stands here comes on top
     * of that of the patches and counts them by rows; "NoPosition" is usual (any part of role
     * decoder; by default Decoder).
     */
    public VisionModel encoder(Object value) {
      put("encoder", value);
      return this;
    }

    /**
     * From the vectors to scores of classes (any part of role classification_head; by default
     * ClassificationHead).
     */
    public VisionModel head(Object value) {
      put("head", value);
      return this;
    }

    /**
     * What training makes small (any part of role loss; by default CrossEntropy).
     */
    public VisionModel loss(Object value) {
      put("loss", value);
      return this;
    }
  }

  /**
   * Warm-up, a long stable phase at the peak, and a short decay.
   */
  public static final class Wsd extends Part {
    public Wsd() {
      super("Wsd");
    }

    /**
     * Steps over which the rate rises from 0 (by default 0; in steps; at least 0).
     */
    public Wsd warmupSteps(long value) {
      put("warmup_steps", value);
      return this;
    }

    /**
     * Steps at the peak; 0 means what warm-up and decay leave of the run (by default 0; in steps;
     * at least 0).
     */
    public Wsd stableSteps(long value) {
      put("stable_steps", value);
      return this;
    }

    /**
     * Steps of the decay (required; in steps; at least 1).
     */
    public Wsd decaySteps(long value) {
      put("decay_steps", value);
      return this;
    }

    /**
     * The shape of the decay (by default "cosine").
     */
    public Wsd decayType(DecayShape value) {
      put("decay_type", value);
      return this;
    }

    /**
     * The lowest rate, as a share of the peak (by default 0; at least 0; at most 1).
     */
    public Wsd minLrRatio(double value) {
      put("min_lr_ratio", value);
      return this;
    }
  }

  /**
   * Fast rotary frequencies kept, slow ones divided by a factor, scores sharpened (YaRN).
   */
  public static final class YarnScaling extends Part {
    public YarnScaling() {
      super("YarnScaling");
    }

    /**
     * How many times longer sequences may be than those of training (required; at least 1; at
     * most 1000000.0).
     */
    public YarnScaling factor(double value) {
      put("factor", value);
      return this;
    }

    /**
     * The longest sequence of training (required; in tokens; at least 1; at most 1073741824).
     */
    public YarnScaling originalMaxPositions(long value) {
      put("original_max_positions", value);
      return this;
    }

    /**
     * Frequencies that make more turns than this over the original length are kept (by default
     * 32; above 0; at most 1000000.0).
     */
    public YarnScaling betaFast(double value) {
      put("beta_fast", value);
      return this;
    }

    /**
     * Frequencies that make fewer turns than this are divided by the factor (by default 1; above
     * 0; at most 1000000.0).
     */
    public YarnScaling betaSlow(double value) {
      put("beta_slow", value);
      return this;
    }

    /**
     * Factor on queries and keys; 0 means that it follows from factor and the mscales (by default
     * 0; at least 0; at most 1000000.0).
     */
    public YarnScaling attentionFactor(double value) {
      put("attention_factor", value);
      return this;
    }

    /**
     * Weight of ln(factor) in the factor on queries and keys; 0 means 1 over 1 (by default 0; at
     * least 0; at most 1000000.0).
     */
    public YarnScaling mscale(double value) {
      put("mscale", value);
      return this;
    }

    /**
     * The same in what it is divided by; only with mscale (by default 0; at least 0; at most
     * 1000000.0).
     */
    public YarnScaling mscaleAllDim(double value) {
      put("mscale_all_dim", value);
      return this;
    }

    /**
     * Round the pairs at which frequencies begin and end to change (by default true).
     */
    public YarnScaling truncate(boolean value) {
      put("truncate", value);
      return this;
    }
  }
}
