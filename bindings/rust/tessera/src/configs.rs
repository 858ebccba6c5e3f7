//! A builder for each config type. Made from the catalogue by bindings/generate; not edited.
//!
//! What serialises can be the value of a field, of [`Config::set`](crate::Config::set) and of
//! [`Config::from_value`](crate::Config::from_value).

use serde::ser::{Serialize, Serializer};
use serde_json::{Map, Value};

/// What a value is as JSON; one that cannot be is null, which the library refuses.
fn json(value: impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Activation {
    /// max(x, 0)
    Relu,
    /// x times the normal distribution function, exactly (by erf)
    Gelu,
    /// its tanh approximation (GPT-2)
    GeluTanh,
    /// x times the logistic function
    Silu,
    /// max(x, 0) squared (Primer, arXiv 2109.08668)
    ReluSquared,
    /// x times the logistic function of 1.702 x (CLIP)
    QuickGelu,
    /// the logistic function, 1 / (1 + exp(-x))
    Sigmoid,
    /// the hyperbolic tangent
    Tanh,
    /// log(1 + exp(x))
    Softplus,
    /// x times the tanh of softplus(x) (arXiv 1908.08681)
    Mish,
    /// x itself; gated, the product is bilinear
    Identity,
}

impl Serialize for Activation {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(match self {
            Activation::Relu => "relu",
            Activation::Gelu => "gelu",
            Activation::GeluTanh => "gelu_tanh",
            Activation::Silu => "silu",
            Activation::ReluSquared => "relu_squared",
            Activation::QuickGelu => "quick_gelu",
            Activation::Sigmoid => "sigmoid",
            Activation::Tanh => "tanh",
            Activation::Softplus => "softplus",
            Activation::Mish => "mish",
            Activation::Identity => "identity",
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BalanceScope {
    /// all of a micro-batch, on all ranks; layers add up before the product
    MicroBatch,
    /// those of one sequence; the mean over sequences counts
    Sequence,
}

impl Serialize for BalanceScope {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(match self {
            BalanceScope::MicroBatch => "micro_batch",
            BalanceScope::Sequence => "sequence",
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecayShape {
    /// (1 + cos(pi x)) / 2
    Cosine,
    /// 1 - x
    Linear,
    /// 1 - sqrt(x)
    OneMinusSqrt,
}

impl Serialize for DecayShape {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(match self {
            DecayShape::Cosine => "cosine",
            DecayShape::Linear => "linear",
            DecayShape::OneMinusSqrt => "one_minus_sqrt",
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DropPolicy {
    /// who comes first in the text
    Position,
    /// first choices before second ones, then who comes first (GShard)
    Choice,
    /// the larger weight
    Probability,
    /// the token whose best weight is larger (batch-prioritised)
    Priority,
    /// by lot; by position outside of training
    Random,
}

impl Serialize for DropPolicy {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(match self {
            DropPolicy::Position => "position",
            DropPolicy::Choice => "choice",
            DropPolicy::Probability => "probability",
            DropPolicy::Priority => "priority",
            DropPolicy::Random => "random",
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExpertExecution {
    /// as one, on rows sorted by expert: products become grouped products
    Grouped,
    /// one after the other, each on all rows: for experts that have no grouped form; costs as
    /// many times more as there are experts
    Each,
}

impl Serialize for ExpertExecution {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(match self {
            ExpertExecution::Grouped => "grouped",
            ExpertExecution::Each => "each",
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExpertScaling {
    /// all of it on down_proj: the same function
    Exact,
    /// its root on every matrix, the cube root where there is a gate_proj, as published: the same
    /// function where the activation is relu, nearly so elsewhere
    Published,
}

impl Serialize for ExpertScaling {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(match self {
            ExpertScaling::Exact => "exact",
            ExpertScaling::Published => "published",
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NanPolicy {
    /// the run ends with an error that names the step
    Stop,
    /// the step is not applied and the run goes on
    Skip,
}

impl Serialize for NanPolicy {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(match self {
            NanPolicy::Stop => "stop",
            NanPolicy::Skip => "skip",
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NormPlacement {
    /// before attention and feed-forward, inside the residual branch (GPT-2, Llama)
    Pre,
    /// after the residual sum (the original transformer, BERT)
    Post,
    /// after attention and feed-forward, inside the residual branch (OLMo 2)
    Output,
    /// before and after attention and feed-forward, inside the residual branch (Gemma 2)
    Sandwich,
}

impl Serialize for NormPlacement {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(match self {
            NormPlacement::Pre => "pre",
            NormPlacement::Post => "post",
            NormPlacement::Output => "output",
            NormPlacement::Sandwich => "sandwich",
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NumberFormat {
    /// 32-bit everywhere
    Fp32,
    /// bfloat16 weights and activations, 32-bit sums, parameters and optimizer state
    Bf16,
    /// 64-bit everywhere, for checking
    Fp64,
}

impl Serialize for NumberFormat {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(match self {
            NumberFormat::Fp32 => "fp32",
            NumberFormat::Bf16 => "bf16",
            NumberFormat::Fp64 => "fp64",
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pooling {
    /// the first one: a class token's
    First,
    /// the mean of all
    Mean,
}

impl Serialize for Pooling {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(match self {
            Pooling::First => "first",
            Pooling::Mean => "mean",
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Recompute {
    /// everything is kept
    None,
    /// cheap values are computed again, products are kept
    Selective,
    /// only the inputs of layers are kept
    Full,
}

impl Serialize for Recompute {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(match self {
            Recompute::None => "none",
            Recompute::Selective => "selective",
            Recompute::Full => "full",
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResidualScaling {
    /// nothing
    None,
    /// 1 / sqrt(2 num_layers): the sum over all branches keeps the variance of one
    Depth,
    /// 1 / sqrt(num_layers): rates carry over from shallow to deep models (arXiv 2310.02244)
    DepthMup,
}

impl Serialize for ResidualScaling {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(match self {
            ResidualScaling::None => "none",
            ResidualScaling::Depth => "depth",
            ResidualScaling::DepthMup => "depth_mup",
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RouterScore {
    /// exp, divided by the sum over the experts
    Softmax,
    /// the logistic function
    Sigmoid,
}

impl Serialize for RouterScore {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(match self {
            RouterScore::Softmax => "softmax",
            RouterScore::Sigmoid => "sigmoid",
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RoutingGroup {
    /// all tokens of a micro-batch; not with several ranks
    MicroBatch,
    /// those of one sequence
    Sequence,
}

impl Serialize for RoutingGroup {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(match self {
            RoutingGroup::MicroBatch => "micro_batch",
            RoutingGroup::Sequence => "sequence",
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SamplingMode {
    /// windows that do not overlap, each once an epoch
    Epoch,
    /// every sample starts anywhere, drawn anew
    RandomWindow,
    /// every row of a batch has a part of the corpus and reads on in it from step to step: what a
    /// model that carries state is trained with
    Streams,
}

impl Serialize for SamplingMode {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(match self {
            SamplingMode::Epoch => "epoch",
            SamplingMode::RandomWindow => "random_window",
            SamplingMode::Streams => "streams",
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskGates {
    /// every task (MMoE)
    PerTask,
    /// all tasks together (OMoE)
    One,
}

impl Serialize for TaskGates {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(match self {
            TaskGates::PerTask => "per_task",
            TaskGates::One => "one",
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskLoss {
    /// labels 0 and 1: the cross-entropy of the logistic function of the result
    Logistic,
    /// any labels: the square of the difference
    Squared,
}

impl Serialize for TaskLoss {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(match self {
            TaskLoss::Logistic => "logistic",
            TaskLoss::Squared => "squared",
        })
    }
}

/// Adam with decoupled weight decay.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct AdamW(Map<String, Value>);

impl Default for AdamW {
    fn default() -> Self {
        AdamW([("type".to_string(), Value::from("AdamW"))].into_iter().collect())
    }
}

impl Serialize for AdamW {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl AdamW {
    pub fn new() -> Self {
        Self::default()
    }

    /// The learning rate at its peak, before the schedule's factor (by default 0.0003; at least
    /// 0).
    pub fn learning_rate(mut self, value: f64) -> Self {
        self.0.insert("learning_rate".into(), json(value));
        self
    }

    /// Decay of the mean of gradients (by default 0.9; at least 0; below 1).
    pub fn beta1(mut self, value: f64) -> Self {
        self.0.insert("beta1".into(), json(value));
        self
    }

    /// Decay of the mean of squared gradients (by default 0.95; at least 0; below 1).
    pub fn beta2(mut self, value: f64) -> Self {
        self.0.insert("beta2".into(), json(value));
        self
    }

    /// Added to the root of the second mean (by default 1e-08; at least 0).
    pub fn epsilon(mut self, value: f64) -> Self {
        self.0.insert("epsilon".into(), json(value));
        self
    }

    /// Share of a weight that is subtracted per step, times the learning rate. Norms and biases
    /// do not decay unless a group says so (by default 0.1; at least 0).
    pub fn weight_decay(mut self, value: f64) -> Self {
        self.0.insert("weight_decay".into(), json(value));
        self
    }

    /// Settings by parameter path (by default \[\]).
    pub fn groups(mut self, value: impl Serialize) -> Self {
        self.0.insert("groups".into(), json(value));
        self
    }
}

/// Scores fall with distance, at a fixed rate for each head (ALiBi); nothing is learned.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct AlibiPosition(Map<String, Value>);

impl Default for AlibiPosition {
    fn default() -> Self {
        AlibiPosition([("type".to_string(), Value::from("AlibiPosition"))].into_iter().collect())
    }
}

impl Serialize for AlibiPosition {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl AlibiPosition {
    pub fn new() -> Self {
        Self::default()
    }

    /// How fast the last head's scores fall: by 2^-max_bias for each token of distance (by
    /// default 8; above 0; at most 64).
    pub fn max_bias(mut self, value: f64) -> Self {
        self.0.insert("max_bias".into(), json(value));
        self
    }
}

/// Scaled dot-product attention: multi-head, multi-query or grouped-query; of a sequence to
/// itself, or, given a second sequence by the layer, to that one (cross-attention).
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Attention(Map<String, Value>);

impl Default for Attention {
    fn default() -> Self {
        Attention([("type".to_string(), Value::from("Attention"))].into_iter().collect())
    }
}

impl Serialize for Attention {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl Attention {
    pub fn new() -> Self {
        Self::default()
    }

    /// Width of input and output (dictated by what surrounds it; at least 1; at most 1048576).
    pub fn model_dim(mut self, value: i64) -> Self {
        self.0.insert("model_dim".into(), json(value));
        self
    }

    /// Number of query heads (required; at least 1; at most 65536).
    pub fn num_heads(mut self, value: i64) -> Self {
        self.0.insert("num_heads".into(), json(value));
        self
    }

    /// Number of key and value heads, a divisor of num_heads; 0 means num_heads, 1 is multi-query
    /// (by default 0; at least 0; at most 65536).
    pub fn num_kv_heads(mut self, value: i64) -> Self {
        self.0.insert("num_kv_heads".into(), json(value));
        self
    }

    /// Width of one head; 0 means model_dim / num_heads (by default 0; at least 0; at most
    /// 65536).
    pub fn head_dim(mut self, value: i64) -> Self {
        self.0.insert("head_dim".into(), json(value));
        self
    }

    /// Biases on all four projections; each may differ (q_proj.bias) (by default false).
    pub fn bias(mut self, value: bool) -> Self {
        self.0.insert("bias".into(), json(value));
        self
    }

    /// Biases on the query, key and value projections only (by default false).
    pub fn qkv_bias(mut self, value: bool) -> Self {
        self.0.insert("qkv_bias".into(), json(value));
        self
    }

    /// A token sees itself and what came before; false for encoders. Not for a second sequence
    /// (by default true).
    pub fn causal(mut self, value: bool) -> Self {
        self.0.insert("causal".into(), json(value));
        self
    }

    /// Factor on the scores; 0 means 1 / sqrt(head_dim). Gemma 2 has query_pre_attn_scalar^-0.5,
    /// T5 has 1 (by default 0; at least 0).
    pub fn scale(mut self, value: f64) -> Self {
        self.0.insert("scale".into(), json(value));
        self
    }

    /// Standard deviation of the normal distribution that the weights start from (by default
    /// 0.02; at least 0).
    pub fn init_std(mut self, value: f64) -> Self {
        self.0.insert("init_std".into(), json(value));
        self
    }

    /// The same for the output projection; 0 means init_std (by default 0; at least 0).
    pub fn output_init_std(mut self, value: f64) -> Self {
        self.0.insert("output_init_std".into(), json(value));
        self
    }

    /// From the input to queries (any part of role linear; by default Linear).
    pub fn q_proj(mut self, value: impl Serialize) -> Self {
        self.0.insert("q_proj".into(), json(value));
        self
    }

    /// From the input, or the second sequence, to keys (any part of role linear; by default
    /// Linear).
    pub fn k_proj(mut self, value: impl Serialize) -> Self {
        self.0.insert("k_proj".into(), json(value));
        self
    }

    /// From the input, or the second sequence, to values (any part of role linear; by default
    /// Linear).
    pub fn v_proj(mut self, value: impl Serialize) -> Self {
        self.0.insert("v_proj".into(), json(value));
        self
    }

    /// From what the heads read, side by side, to the output (any part of role linear; by default
    /// Linear).
    pub fn o_proj(mut self, value: impl Serialize) -> Self {
        self.0.insert("o_proj".into(), json(value));
        self
    }

    /// Tokens further back than this are not seen: a token sees itself and window - 1 before it
    /// (sliding-window or local attention); 0 means that all are. Not for a second sequence (by
    /// default 0; in tokens; at least 0; at most 1073741824).
    pub fn window(mut self, value: i64) -> Self {
        self.0.insert("window".into(), json(value));
        self
    }

    /// Scores are bent to stay below this: softcap * tanh(score / softcap) (Gemma 2); 0 for none
    /// (by default 0; at least 0).
    pub fn softcap(mut self, value: f64) -> Self {
        self.0.insert("softcap".into(), json(value));
        self
    }

    /// A learned logit for every head that takes part in the softmax and has no value, so that a
    /// head may read nothing (gpt-oss) (by default false).
    pub fn sinks(mut self, value: bool) -> Self {
        self.0.insert("sinks".into(), json(value));
        self
    }

    /// The norms of queries and keys span all heads side by side (OLMo 2, OLMoE) and not one head
    /// (Qwen3, Gemma 3) (by default false).
    pub fn norm_all(mut self, value: bool) -> Self {
        self.0.insert("norm_all".into(), json(value));
        self
    }

    /// A norm of queries before they meet positions; usually with k_norm (any part of role norm).
    pub fn q_norm(mut self, value: impl Serialize) -> Self {
        self.0.insert("q_norm".into(), json(value));
        self
    }

    /// A norm of keys before they meet positions (any part of role norm).
    pub fn k_norm(mut self, value: impl Serialize) -> Self {
        self.0.insert("k_norm".into(), json(value));
        self
    }

    /// Positions of this attention alone, instead of the decoder's: {"type": "NoPosition"} for a
    /// layer without any, a RotaryPosition of another theta for local layers (any part of role
    /// position).
    pub fn position(mut self, value: impl Serialize) -> Self {
        self.0.insert("position".into(), json(value));
        self
    }
}

/// One expert a token, assigned so that all get the same number (BASE layers).
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct BaseGate(Map<String, Value>);

impl Default for BaseGate {
    fn default() -> Self {
        BaseGate([("type".to_string(), Value::from("BaseGate"))].into_iter().collect())
    }
}

impl Serialize for BaseGate {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl BaseGate {
    pub fn new() -> Self {
        Self::default()
    }

    /// Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
    pub fn model_dim(mut self, value: i64) -> Self {
        self.0.insert("model_dim".into(), json(value));
        self
    }

    /// How many there are to choose from (dictated by what surrounds it; at least 1; at most
    /// 65536).
    pub fn num_experts(mut self, value: i64) -> Self {
        self.0.insert("num_experts".into(), json(value));
        self
    }

    /// Tokens are shared out within each sequence; otherwise within a micro-batch, not with
    /// several ranks (by default true).
    pub fn per_sequence(mut self, value: bool) -> Self {
        self.0.insert("per_sequence".into(), json(value));
        self
    }

    /// What a token may lose against the best assignment, in ranges of the scores (by default
    /// 0.01; above 0; at most 1).
    pub fn precision(mut self, value: f64) -> Self {
        self.0.insert("precision".into(), json(value));
        self
    }

    /// Standard deviation of the normal distribution that the weights start from (by default
    /// 0.02; at least 0).
    pub fn init_std(mut self, value: f64) -> Self {
        self.0.insert("init_std".into(), json(value));
        self
    }
}

/// Bytes are the tokens: 256 ids, any text or file.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct ByteTokenizer(Map<String, Value>);

impl Default for ByteTokenizer {
    fn default() -> Self {
        ByteTokenizer([("type".to_string(), Value::from("ByteTokenizer"))].into_iter().collect())
    }
}

impl Serialize for ByteTokenizer {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl ByteTokenizer {
    pub fn new() -> Self {
        Self::default()
    }
}

/// The distinct characters of the training text are the tokens.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct CharTokenizer(Map<String, Value>);

impl Default for CharTokenizer {
    fn default() -> Self {
        CharTokenizer([("type".to_string(), Value::from("CharTokenizer"))].into_iter().collect())
    }
}

impl Serialize for CharTokenizer {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl CharTokenizer {
    pub fn new() -> Self {
        Self::default()
    }
}

/// Scores classes from the vectors of a sequence (BERT's pooler and classifier, ViT's head).
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct ClassificationHead(Map<String, Value>);

impl Default for ClassificationHead {
    fn default() -> Self {
        ClassificationHead(
            [("type".to_string(), Value::from("ClassificationHead"))].into_iter().collect(),
        )
    }
}

impl Serialize for ClassificationHead {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl ClassificationHead {
    pub fn new() -> Self {
        Self::default()
    }

    /// Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
    pub fn model_dim(mut self, value: i64) -> Self {
        self.0.insert("model_dim".into(), json(value));
        self
    }

    /// Number of classes (dictated by what surrounds it; at least 1; at most 2147483647).
    pub fn num_classes(mut self, value: i64) -> Self {
        self.0.insert("num_classes".into(), json(value));
        self
    }

    /// Which vectors stand for the sequence (by default "first").
    pub fn pooling(mut self, value: Pooling) -> Self {
        self.0.insert("pooling".into(), json(value));
        self
    }

    /// The function after the pooler (by default "tanh").
    pub fn activation(mut self, value: Activation) -> Self {
        self.0.insert("activation".into(), json(value));
        self
    }

    /// Standard deviation of the normal distribution that the weights start from (by default
    /// 0.02; at least 0).
    pub fn init_std(mut self, value: f64) -> Self {
        self.0.insert("init_std".into(), json(value));
        self
    }

    /// A product before the activation; empty: neither (any part of role linear).
    pub fn pooler(mut self, value: impl Serialize) -> Self {
        self.0.insert("pooler".into(), json(value));
        self
    }

    /// Applied to what the pooler made (any part of role dropout).
    pub fn dropout(mut self, value: impl Serialize) -> Self {
        self.0.insert("dropout".into(), json(value));
        self
    }

    /// From the pooled vector to the scores (any part of role linear; by default Linear).
    pub fn classifier(mut self, value: impl Serialize) -> Self {
        self.0.insert("classifier".into(), json(value));
        self
    }
}

/// The peak rate after warm-up.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Constant(Map<String, Value>);

impl Default for Constant {
    fn default() -> Self {
        Constant([("type".to_string(), Value::from("Constant"))].into_iter().collect())
    }
}

impl Serialize for Constant {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl Constant {
    pub fn new() -> Self {
        Self::default()
    }

    /// Steps over which the rate rises from 0 (by default 0; in steps; at least 0).
    pub fn warmup_steps(mut self, value: i64) -> Self {
        self.0.insert("warmup_steps".into(), json(value));
        self
    }
}

/// Half a cosine from the peak to the lowest rate.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Cosine(Map<String, Value>);

impl Default for Cosine {
    fn default() -> Self {
        Cosine([("type".to_string(), Value::from("Cosine"))].into_iter().collect())
    }
}

impl Serialize for Cosine {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl Cosine {
    pub fn new() -> Self {
        Self::default()
    }

    /// Steps over which the rate rises from 0 (by default 0; in steps; at least 0).
    pub fn warmup_steps(mut self, value: i64) -> Self {
        self.0.insert("warmup_steps".into(), json(value));
        self
    }

    /// Step at which the lowest rate is reached; 0 means the last step of the run (by default 0;
    /// in steps; at least 0).
    pub fn total_steps(mut self, value: i64) -> Self {
        self.0.insert("total_steps".into(), json(value));
        self
    }

    /// The lowest rate, as a share of the peak (by default 0; at least 0; at most 1).
    pub fn min_lr_ratio(mut self, value: f64) -> Self {
        self.0.insert("min_lr_ratio".into(), json(value));
        self
    }
}

/// Logits are cosines between a projected token and the experts, over a learned temperature.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct CosineGate(Map<String, Value>);

impl Default for CosineGate {
    fn default() -> Self {
        CosineGate([("type".to_string(), Value::from("CosineGate"))].into_iter().collect())
    }
}

impl Serialize for CosineGate {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl CosineGate {
    pub fn new() -> Self {
        Self::default()
    }

    /// Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
    pub fn model_dim(mut self, value: i64) -> Self {
        self.0.insert("model_dim".into(), json(value));
        self
    }

    /// How many there are to choose from (dictated by what surrounds it; at least 1; at most
    /// 65536).
    pub fn num_experts(mut self, value: i64) -> Self {
        self.0.insert("num_experts".into(), json(value));
        self
    }

    /// How many a token visits (by default 2; at least 1; at most 65536).
    pub fn top_k(mut self, value: i64) -> Self {
        self.0.insert("top_k".into(), json(value));
        self
    }

    /// Width in which cosines are taken (by default 256; at least 1; at most 1048576).
    pub fn proj_dim(mut self, value: i64) -> Self {
        self.0.insert("proj_dim".into(), json(value));
        self
    }

    /// What the temperature starts from (by default 0.07; above 0).
    pub fn temperature(mut self, value: f64) -> Self {
        self.0.insert("temperature".into(), json(value));
        self
    }

    /// Cosines are multiplied by this at most (by default 100; above 0).
    pub fn max_scale(mut self, value: f64) -> Self {
        self.0.insert("max_scale".into(), json(value));
        self
    }

    /// Standard deviation of the normal distribution that the weights start from (by default
    /// 0.02; at least 0).
    pub fn init_std(mut self, value: f64) -> Self {
        self.0.insert("init_std".into(), json(value));
        self
    }
}

/// Mean over the target tokens of -log of the target's probability.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct CrossEntropy(Map<String, Value>);

impl Default for CrossEntropy {
    fn default() -> Self {
        CrossEntropy([("type".to_string(), Value::from("CrossEntropy"))].into_iter().collect())
    }
}

impl Serialize for CrossEntropy {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl CrossEntropy {
    pub fn new() -> Self {
        Self::default()
    }

    /// Targets with this value do not count (by default -100; at least -2147483648; at most
    /// 2147483647).
    pub fn ignore_index(mut self, value: i64) -> Self {
        self.0.insert("ignore_index".into(), json(value));
        self
    }

    /// Share of the target distribution that is spread evenly over all ids (by default 0; at
    /// least 0; below 1).
    pub fn label_smoothing(mut self, value: f64) -> Self {
        self.0.insert("label_smoothing".into(), json(value));
        self
    }

    /// Weight of the squared log of the softmax's denominator, which keeps it near 0 (by default
    /// 0; at least 0).
    pub fn z_loss(mut self, value: f64) -> Self {
        self.0.insert("z_loss".into(), json(value));
        self
    }
}

/// Where text or tokens come from.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Data(Map<String, Value>);

impl Default for Data {
    fn default() -> Self {
        Data([("type".to_string(), Value::from("Data"))].into_iter().collect())
    }
}

impl Serialize for Data {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl Data {
    pub fn new() -> Self {
        Self::default()
    }

    /// Files, folders or globs to train on; one text or a list (required).
    pub fn train(mut self, value: &[&str]) -> Self {
        self.0.insert("train".into(), json(value));
        self
    }

    /// The same for validation. Unset: the last part of `train` is kept for it (by default \[\]).
    pub fn validation(mut self, value: &[&str]) -> Self {
        self.0.insert("validation".into(), json(value));
        self
    }

    /// Share of the training tokens, from the end, that is kept for validation (by default 0.1;
    /// at least 0; below 1).
    pub fn validation_fraction(mut self, value: f64) -> Self {
        self.0.insert("validation_fraction".into(), json(value));
        self
    }

    /// Kind of the files: "text", "tokens" (ids in binary), or a source that the host has
    /// registered; empty means by the name of each file (by default "").
    pub fn source(mut self, value: &str) -> Self {
        self.0.insert("source".into(), json(value));
        self
    }

    /// How text becomes token ids (any part of role tokenizer; by default ByteTokenizer).
    pub fn tokenizer(mut self, value: impl Serialize) -> Self {
        self.0.insert("tokenizer".into(), json(value));
        self
    }

    /// Put after every text document (by default "").
    pub fn separator(mut self, value: &str) -> Self {
        self.0.insert("separator".into(), json(value));
        self
    }

    /// Bytes of an id in token files: 2 (uint16) or 4 (uint32) (by default 2; in bytes).
    pub fn token_width(mut self, value: i64) -> Self {
        self.0.insert("token_width".into(), json(value));
        self
    }

    /// Id after which a document ends in token files; -1 makes each file one document (by default
    /// -1; at least -1; at most 2147483647).
    pub fn end_of_document(mut self, value: i64) -> Self {
        self.0.insert("end_of_document".into(), json(value));
        self
    }

    /// How samples are chosen. With streams, as many parts as trainer.batch_size follow one
    /// another; a row goes on in the part of the next row when its own is read, and the one that
    /// comes to the end of the corpus begins anew at its beginning, with nothing carried. What
    /// does not fill a window in every row, at the end, is not read. Validation is read so too,
    /// in as many parts as a micro-batch has rows on all ranks (by default "epoch").
    pub fn sampling(mut self, value: SamplingMode) -> Self {
        self.0.insert("sampling".into(), json(value));
        self
    }

    /// Mix the order of windows, anew in each epoch; for sampling epoch alone (by default true).
    pub fn shuffle(mut self, value: bool) -> Self {
        self.0.insert("shuffle".into(), json(value));
        self
    }

    /// Seed of the order; unset, runtime.seed (by default 0; at least 0).
    pub fn seed(mut self, value: i64) -> Self {
        self.0.insert("seed".into(), json(value));
        self
    }

    /// Keep documents that share a window apart: no attention and no target across them (by
    /// default false).
    pub fn isolate_documents(mut self, value: bool) -> Self {
        self.0.insert("isolate_documents".into(), json(value));
        self
    }

    /// Batches prepared ahead while a step runs (by default 2; in batches; at least 1; at most
    /// 1024).
    pub fn prefetch(mut self, value: i64) -> Self {
        self.0.insert("prefetch".into(), json(value));
        self
    }

    /// What is learned from a sample (any part of role objective; by default NextToken).
    pub fn objective(mut self, value: impl Serialize) -> Self {
        self.0.insert("objective".into(), json(value));
        self
    }
}

/// A stack of layers: a position module, num_layers layers, and a final norm. With attention that
/// is not causal it is an encoder.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Decoder(Map<String, Value>);

impl Default for Decoder {
    fn default() -> Self {
        Decoder([("type".to_string(), Value::from("Decoder"))].into_iter().collect())
    }
}

impl Serialize for Decoder {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl Decoder {
    pub fn new() -> Self {
        Self::default()
    }

    /// Width of the residual stream (dictated by what surrounds it; at least 1; at most 1048576).
    pub fn model_dim(mut self, value: i64) -> Self {
        self.0.insert("model_dim".into(), json(value));
        self
    }

    /// Number of layers (required; at least 1; at most 100000.0).
    pub fn num_layers(mut self, value: i64) -> Self {
        self.0.insert("num_layers".into(), json(value));
        self
    }

    /// How positions enter; it stands here once and attention inherits it (any part of role
    /// position; by default RotaryPosition).
    pub fn position(mut self, value: impl Serialize) -> Self {
        self.0.insert("position".into(), json(value));
        self
    }

    /// Applied to the embeddings before the first layer (any part of role dropout).
    pub fn dropout(mut self, value: impl Serialize) -> Self {
        self.0.insert("dropout".into(), json(value));
        self
    }

    /// The layer that is repeated (any part of role layer; by default TransformerLayer).
    pub fn layer(mut self, value: impl Serialize) -> Self {
        self.0.insert("layer".into(), json(value));
        self
    }

    /// After the last layer; null for none (any part of role norm; by default RmsNorm).
    pub fn norm(mut self, value: impl Serialize) -> Self {
        self.0.insert("norm".into(), json(value));
        self
    }

    /// Layers that differ from `layer`; the first one that covers a layer counts (any part of
    /// role layer_variant).
    pub fn variants(mut self, value: impl Serialize) -> Self {
        self.0.insert("variants".into(), json(value));
        self
    }

    /// Applied to the embeddings with their positions, before the dropout (BERT) (any part of
    /// role norm).
    pub fn embedding_norm(mut self, value: impl Serialize) -> Self {
        self.0.insert("embedding_norm".into(), json(value));
        self
    }
}

/// A low-rank adapter that changes the direction of each column of a projection's weight and,
/// apart from it, its length (DoRA). It wraps a projection without a bias.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct DecomposedAdapter(Map<String, Value>);

impl Default for DecomposedAdapter {
    fn default() -> Self {
        DecomposedAdapter(
            [("type".to_string(), Value::from("DecomposedAdapter"))].into_iter().collect(),
        )
    }
}

impl Serialize for DecomposedAdapter {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl DecomposedAdapter {
    pub fn new() -> Self {
        Self::default()
    }

    /// Width of the input (dictated by what surrounds it; at least 1; at most 2147483647).
    pub fn in_dim(mut self, value: i64) -> Self {
        self.0.insert("in_dim".into(), json(value));
        self
    }

    /// Width of the output (dictated by what surrounds it; at least 1; at most 2147483647).
    pub fn out_dim(mut self, value: i64) -> Self {
        self.0.insert("out_dim".into(), json(value));
        self
    }

    /// Width between the two matrices (by default 8; at least 1; at most 65536).
    pub fn rank(mut self, value: i64) -> Self {
        self.0.insert("rank".into(), json(value));
        self
    }

    /// What is added to the weight is scaled by alpha / rank (by default 16; at least 0).
    pub fn alpha(mut self, value: f64) -> Self {
        self.0.insert("alpha".into(), json(value));
        self
    }

    /// Standard deviation of the normal distribution that the first matrix starts from; 0 means 1
    /// / sqrt(in_dim). The second one and the lengths start from no change (by default 0; at
    /// least 0).
    pub fn init_std(mut self, value: f64) -> Self {
        self.0.insert("init_std".into(), json(value));
        self
    }

    /// What the rules of a mesh call the input's dim (by default "").
    pub fn in_name(mut self, value: &str) -> Self {
        self.0.insert("in_name".into(), json(value));
        self
    }

    /// What the rules of a mesh call the output's dim (by default "").
    pub fn out_name(mut self, value: &str) -> Self {
        self.0.insert("out_name".into(), json(value));
        self
    }

    /// The projection that is adapted (any part of role linear; by default Linear).
    pub fn inner(mut self, value: impl Serialize) -> Self {
        self.0.insert("inner".into(), json(value));
        self
    }
}

/// Sigmoid scores, balance by a bias instead of a loss, choice within groups (DeepSeek-V3).
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct DeepSeekGate(Map<String, Value>);

impl Default for DeepSeekGate {
    fn default() -> Self {
        DeepSeekGate([("type".to_string(), Value::from("DeepSeekGate"))].into_iter().collect())
    }
}

impl Serialize for DeepSeekGate {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl DeepSeekGate {
    pub fn new() -> Self {
        Self::default()
    }

    /// Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
    pub fn model_dim(mut self, value: i64) -> Self {
        self.0.insert("model_dim".into(), json(value));
        self
    }

    /// How many there are to choose from (dictated by what surrounds it; at least 1; at most
    /// 65536).
    pub fn num_experts(mut self, value: i64) -> Self {
        self.0.insert("num_experts".into(), json(value));
        self
    }

    /// How many a token visits (by default 8; at least 1; at most 65536).
    pub fn top_k(mut self, value: i64) -> Self {
        self.0.insert("top_k".into(), json(value));
        self
    }

    /// Scores are the logistic function of the logits; otherwise softmax, as in DeepSeek-V2 (by
    /// default true).
    pub fn sigmoid(mut self, value: bool) -> Self {
        self.0.insert("sigmoid".into(), json(value));
        self
    }

    /// A bias that counts for the choice alone and is moved against the load (by default true).
    pub fn correction(mut self, value: bool) -> Self {
        self.0.insert("correction".into(), json(value));
        self
    }

    /// Step of the bias in each optimizer step; 0: it stays (by default 0.001; at least 0).
    pub fn bias_rate(mut self, value: f64) -> Self {
        self.0.insert("bias_rate".into(), json(value));
        self
    }

    /// Groups into which the experts are cut, of equal size (by default 1; at least 1; at most
    /// 65536).
    pub fn num_groups(mut self, value: i64) -> Self {
        self.0.insert("num_groups".into(), json(value));
        self
    }

    /// Groups that a token may choose from (by default 1; at least 1; at most 65536).
    pub fn top_groups(mut self, value: i64) -> Self {
        self.0.insert("top_groups".into(), json(value));
        self
    }

    /// A group is worth the sum of so many of its best, or of all where it has fewer; 2 in
    /// DeepSeek-V3, 1 in V2 (by default 2; at least 1; at most 65536).
    pub fn group_best(mut self, value: i64) -> Self {
        self.0.insert("group_best".into(), json(value));
        self
    }

    /// Divide the chosen scores by their sum (by default true).
    pub fn normalize(mut self, value: bool) -> Self {
        self.0.insert("normalize".into(), json(value));
        self
    }

    /// Factor on the weights, 2.5 in DeepSeek-V3 (by default 1).
    pub fn scale(mut self, value: f64) -> Self {
        self.0.insert("scale".into(), json(value));
        self
    }

    /// Standard deviation of the normal distribution that the weights start from (by default
    /// 0.02; at least 0).
    pub fn init_std(mut self, value: f64) -> Self {
        self.0.insert("init_std".into(), json(value));
        self
    }
}

/// Zeroes elements at random while training and scales up the others.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Dropout(Map<String, Value>);

impl Default for Dropout {
    fn default() -> Self {
        Dropout([("type".to_string(), Value::from("Dropout"))].into_iter().collect())
    }
}

impl Serialize for Dropout {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl Dropout {
    pub fn new() -> Self {
        Self::default()
    }

    /// Probability that an element is zeroed (by default 0.1; at least 0; below 1).
    pub fn rate(mut self, value: f64) -> Self {
        self.0.insert("rate".into(), json(value));
        self
    }
}

/// A base of the rotary angles that grows with sequences longer than those of training
/// (NTK-aware).
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct DynamicScaling(Map<String, Value>);

impl Default for DynamicScaling {
    fn default() -> Self {
        DynamicScaling([("type".to_string(), Value::from("DynamicScaling"))].into_iter().collect())
    }
}

impl Serialize for DynamicScaling {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl DynamicScaling {
    pub fn new() -> Self {
        Self::default()
    }

    /// How fast the base grows (required; at least 1; at most 1000000.0).
    pub fn factor(mut self, value: f64) -> Self {
        self.0.insert("factor".into(), json(value));
        self
    }

    /// The longest sequence of training; up to it nothing changes (required; in tokens; at least
    /// 1; at most 1073741824).
    pub fn original_max_positions(mut self, value: i64) -> Self {
        self.0.insert("original_max_positions".into(), json(value));
        self
    }
}

/// A learned vector for every token id.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Embedding(Map<String, Value>);

impl Default for Embedding {
    fn default() -> Self {
        Embedding([("type".to_string(), Value::from("Embedding"))].into_iter().collect())
    }
}

impl Serialize for Embedding {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl Embedding {
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of token ids (dictated by what surrounds it; at least 1; at most 2147483647).
    pub fn vocab_size(mut self, value: i64) -> Self {
        self.0.insert("vocab_size".into(), json(value));
        self
    }

    /// Width of the vectors (dictated by what surrounds it; at least 1; at most 1048576).
    pub fn model_dim(mut self, value: i64) -> Self {
        self.0.insert("model_dim".into(), json(value));
        self
    }

    /// Standard deviation of the normal distribution that the weights start from (by default
    /// 0.02; at least 0).
    pub fn init_std(mut self, value: f64) -> Self {
        self.0.insert("init_std".into(), json(value));
        self
    }

    /// Multiply by sqrt(model_dim), rounded to the dtype of the model (the original transformer,
    /// Gemma) (by default false).
    pub fn sqrt_scale(mut self, value: bool) -> Self {
        self.0.insert("sqrt_scale".into(), json(value));
        self
    }

    /// Multiply by this (Granite, muP) (by default 1; above 0).
    pub fn scale(mut self, value: f64) -> Self {
        self.0.insert("scale".into(), json(value));
        self
    }
}

/// Two stacks: one reads a source sequence as a whole, the other writes a second one and reads
/// what the first made of the source (T5, the original transformer).
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct EncoderDecoder(Map<String, Value>);

impl Default for EncoderDecoder {
    fn default() -> Self {
        EncoderDecoder([("type".to_string(), Value::from("EncoderDecoder"))].into_iter().collect())
    }
}

impl Serialize for EncoderDecoder {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl EncoderDecoder {
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of token ids, of both sequences (dictated by what surrounds it; at least 1; at most
    /// 2147483647).
    pub fn vocab_size(mut self, value: i64) -> Self {
        self.0.insert("vocab_size".into(), json(value));
        self
    }

    /// Width of both residual streams, given to everything below (dictated by what surrounds it;
    /// at least 1; at most 1048576).
    pub fn model_dim(mut self, value: i64) -> Self {
        self.0.insert("model_dim".into(), json(value));
        self
    }

    /// From token ids to vectors, for both sequences (any part of role embedding; by default
    /// Embedding).
    pub fn embedding(mut self, value: impl Serialize) -> Self {
        self.0.insert("embedding".into(), json(value));
        self
    }

    /// The stack that reads the source: its attention should not be causal (any part of role
    /// decoder; by default Decoder).
    pub fn encoder(mut self, value: impl Serialize) -> Self {
        self.0.insert("encoder".into(), json(value));
        self
    }

    /// The stack that writes: its layers need `cross_attention` (any part of role decoder; by
    /// default Decoder).
    pub fn decoder(mut self, value: impl Serialize) -> Self {
        self.0.insert("decoder".into(), json(value));
        self
    }

    /// From vectors to scores of token ids (any part of role head; by default LanguageModelHead).
    pub fn head(mut self, value: impl Serialize) -> Self {
        self.0.insert("head".into(), json(value));
        self
    }

    /// What training makes small (any part of role loss; by default CrossEntropy).
    pub fn loss(mut self, value: impl Serialize) -> Self {
        self.0.insert("loss".into(), json(value));
        self
    }
}

/// A whole run: what is trained, on what, how and where.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Experiment(Map<String, Value>);

impl Default for Experiment {
    fn default() -> Self {
        Experiment([("type".to_string(), Value::from("Experiment"))].into_iter().collect())
    }
}

impl Serialize for Experiment {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl Experiment {
    pub fn new() -> Self {
        Self::default()
    }

    /// The model (any part of role model; by default LanguageModel).
    pub fn model(mut self, value: impl Serialize) -> Self {
        self.0.insert("model".into(), json(value));
        self
    }

    /// What it learns from (any part of role data; by default Data).
    pub fn data(mut self, value: impl Serialize) -> Self {
        self.0.insert("data".into(), json(value));
        self
    }

    /// The loop: steps, batches, evaluation, checkpoints (any part of role trainer; by default
    /// Trainer).
    pub fn trainer(mut self, value: impl Serialize) -> Self {
        self.0.insert("trainer".into(), json(value));
        self
    }

    /// The update rule (any part of role optimizer; by default AdamW).
    pub fn optimizer(mut self, value: impl Serialize) -> Self {
        self.0.insert("optimizer".into(), json(value));
        self
    }

    /// The factor on the learning rate over time (any part of role schedule; by default
    /// Constant).
    pub fn schedule(mut self, value: impl Serialize) -> Self {
        self.0.insert("schedule".into(), json(value));
        self
    }

    /// Threads, seed, device, number format (any part of role runtime; by default Runtime).
    pub fn runtime(mut self, value: impl Serialize) -> Self {
        self.0.insert("runtime".into(), json(value));
        self
    }

    /// How several processes share the work (any part of role parallel; by default Parallel).
    pub fn parallel(mut self, value: impl Serialize) -> Self {
        self.0.insert("parallel".into(), json(value));
        self
    }
}

/// Experts choose tokens: each the same number, of the largest probability (expert choice).
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct ExpertChoiceGate(Map<String, Value>);

impl Default for ExpertChoiceGate {
    fn default() -> Self {
        ExpertChoiceGate(
            [("type".to_string(), Value::from("ExpertChoiceGate"))].into_iter().collect(),
        )
    }
}

impl Serialize for ExpertChoiceGate {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl ExpertChoiceGate {
    pub fn new() -> Self {
        Self::default()
    }

    /// Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
    pub fn model_dim(mut self, value: i64) -> Self {
        self.0.insert("model_dim".into(), json(value));
        self
    }

    /// How many there are (dictated by what surrounds it; at least 1; at most 65536).
    pub fn num_experts(mut self, value: i64) -> Self {
        self.0.insert("num_experts".into(), json(value));
        self
    }

    /// Experts of a token on average (by default 2; above 0; at most 65536).
    pub fn capacity(mut self, value: f64) -> Self {
        self.0.insert("capacity".into(), json(value));
        self
    }

    /// Tokens of one sequence compete for an expert; otherwise all of a micro-batch, not with
    /// several ranks. Either way a token depends on later ones (by default true).
    pub fn per_sequence(mut self, value: bool) -> Self {
        self.0.insert("per_sequence".into(), json(value));
        self
    }

    /// Standard deviation of the normal distribution that the weights start from (by default
    /// 0.02; at least 0).
    pub fn init_std(mut self, value: f64) -> Self {
        self.0.insert("init_std".into(), json(value));
        self
    }
}

/// Two matrix products with an activation between them, or three when gated.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct FeedForward(Map<String, Value>);

impl Default for FeedForward {
    fn default() -> Self {
        FeedForward([("type".to_string(), Value::from("FeedForward"))].into_iter().collect())
    }
}

impl Serialize for FeedForward {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl FeedForward {
    pub fn new() -> Self {
        Self::default()
    }

    /// Width of input and output (dictated by what surrounds it; at least 1; at most 1048576).
    pub fn model_dim(mut self, value: i64) -> Self {
        self.0.insert("model_dim".into(), json(value));
        self
    }

    /// Width between the products (required; at least 1; at most 16777216).
    pub fn hidden_dim(mut self, value: i64) -> Self {
        self.0.insert("hidden_dim".into(), json(value));
        self
    }

    /// The function between the products (by default "silu").
    pub fn activation(mut self, value: Activation) -> Self {
        self.0.insert("activation".into(), json(value));
        self
    }

    /// Multiply the activation of one product by a second one (SwiGLU and its kin) (by default
    /// true).
    pub fn gated(mut self, value: bool) -> Self {
        self.0.insert("gated".into(), json(value));
        self
    }

    /// Add learned biases (by default false).
    pub fn bias(mut self, value: bool) -> Self {
        self.0.insert("bias".into(), json(value));
        self
    }

    /// Standard deviation of the normal distribution that the weights start from (by default
    /// 0.02; at least 0).
    pub fn init_std(mut self, value: f64) -> Self {
        self.0.insert("init_std".into(), json(value));
        self
    }

    /// The same for the last product; 0 means init_std (by default 0; at least 0).
    pub fn output_init_std(mut self, value: f64) -> Self {
        self.0.insert("output_init_std".into(), json(value));
        self
    }

    /// Gated only: what is activated is cut off above this, and what it multiplies at plus and
    /// minus this (gpt-oss has 7); 0 for no bounds (by default 0; at least 0).
    pub fn clamp(mut self, value: f64) -> Self {
        self.0.insert("clamp".into(), json(value));
        self
    }

    /// Gated only: added to what the activation multiplies (gpt-oss has 1) (by default 0).
    pub fn up_offset(mut self, value: f64) -> Self {
        self.0.insert("up_offset".into(), json(value));
        self
    }

    /// To the width between the products (any part of role linear; by default Linear).
    pub fn up_proj(mut self, value: impl Serialize) -> Self {
        self.0.insert("up_proj".into(), json(value));
        self
    }

    /// What the activation of a gated one is applied to (any part of role linear; by default
    /// Linear).
    pub fn gate_proj(mut self, value: impl Serialize) -> Self {
        self.0.insert("gate_proj".into(), json(value));
        self
    }

    /// Back to the width of the input (any part of role linear; by default Linear).
    pub fn down_proj(mut self, value: impl Serialize) -> Self {
        self.0.insert("down_proj".into(), json(value));
        self
    }
}

/// Two experts a token, the second by chance of its weight (GShard).
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct GShardGate(Map<String, Value>);

impl Default for GShardGate {
    fn default() -> Self {
        GShardGate([("type".to_string(), Value::from("GShardGate"))].into_iter().collect())
    }
}

impl Serialize for GShardGate {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl GShardGate {
    pub fn new() -> Self {
        Self::default()
    }

    /// Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
    pub fn model_dim(mut self, value: i64) -> Self {
        self.0.insert("model_dim".into(), json(value));
        self
    }

    /// How many there are to choose from; at least two (dictated by what surrounds it; at least
    /// 2; at most 65536).
    pub fn num_experts(mut self, value: i64) -> Self {
        self.0.insert("num_experts".into(), json(value));
        self
    }

    /// In training, drop the second expert with probability 1 - 2 w, w its normalised weight (by
    /// default true).
    pub fn random_routing(mut self, value: bool) -> Self {
        self.0.insert("random_routing".into(), json(value));
        self
    }

    /// Standard deviation of the normal distribution that the weights start from (by default
    /// 0.02; at least 0).
    pub fn init_std(mut self, value: f64) -> Self {
        self.0.insert("init_std".into(), json(value));
        self
    }
}

/// Experts by a fixed hash of the token's id; nothing is learned.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct HashGate(Map<String, Value>);

impl Default for HashGate {
    fn default() -> Self {
        HashGate([("type".to_string(), Value::from("HashGate"))].into_iter().collect())
    }
}

impl Serialize for HashGate {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl HashGate {
    pub fn new() -> Self {
        Self::default()
    }

    /// Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
    pub fn model_dim(mut self, value: i64) -> Self {
        self.0.insert("model_dim".into(), json(value));
        self
    }

    /// How many there are to choose from (dictated by what surrounds it; at least 1; at most
    /// 65536).
    pub fn num_experts(mut self, value: i64) -> Self {
        self.0.insert("num_experts".into(), json(value));
        self
    }

    /// How many a token visits (by default 1; at least 1; at most 65536).
    pub fn top_k(mut self, value: i64) -> Self {
        self.0.insert("top_k".into(), json(value));
        self
    }

    /// Which of the hash functions; layers of different seeds send a token to different experts
    /// (by default 0; at least 0; at most 2147483646).
    pub fn seed(mut self, value: i64) -> Self {
        self.0.insert("seed".into(), json(value));
        self
    }
}

/// Squared coefficient of variation of the experts' summed weights (Shazeer et al.).
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct ImportanceBalance(Map<String, Value>);

impl Default for ImportanceBalance {
    fn default() -> Self {
        ImportanceBalance(
            [("type".to_string(), Value::from("ImportanceBalance"))].into_iter().collect(),
        )
    }
}

impl Serialize for ImportanceBalance {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl ImportanceBalance {
    pub fn new() -> Self {
        Self::default()
    }

    /// How many there are (dictated by what surrounds it; at least 1; at most 65536).
    pub fn num_experts(mut self, value: i64) -> Self {
        self.0.insert("num_experts".into(), json(value));
        self
    }

    /// Weight of the loss (by default 0.01; at least 0).
    pub fn weight(mut self, value: f64) -> Self {
        self.0.insert("weight".into(), json(value));
        self
    }

    /// Layers whose losses have equal names add up their sums (by default "importance").
    pub fn name(mut self, value: &str) -> Self {
        self.0.insert("name".into(), json(value));
        self
    }
}

/// Falls with the square root of the step.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct InverseSqrt(Map<String, Value>);

impl Default for InverseSqrt {
    fn default() -> Self {
        InverseSqrt([("type".to_string(), Value::from("InverseSqrt"))].into_iter().collect())
    }
}

impl Serialize for InverseSqrt {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl InverseSqrt {
    pub fn new() -> Self {
        Self::default()
    }

    /// Steps over which the rate rises from 0 (by default 0; in steps; at least 0).
    pub fn warmup_steps(mut self, value: i64) -> Self {
        self.0.insert("warmup_steps".into(), json(value));
        self
    }

    /// Steps after which the rate has fallen to about 0.7; 0 means warmup_steps (by default 0; in
    /// steps; at least 0).
    pub fn timescale(mut self, value: i64) -> Self {
        self.0.insert("timescale".into(), json(value));
        self
    }
}

/// Images of one size with their classes, as records of bytes: the class, then each channel's
/// rows (the binary files of CIFAR-10). Read as source "text" by a ByteTokenizer.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct LabelledImages(Map<String, Value>);

impl Default for LabelledImages {
    fn default() -> Self {
        LabelledImages([("type".to_string(), Value::from("LabelledImages"))].into_iter().collect())
    }
}

impl Serialize for LabelledImages {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl LabelledImages {
    pub fn new() -> Self {
        Self::default()
    }

    /// Height and width (required; in pixels; at least 1; at most 4096).
    pub fn image_size(mut self, value: i64) -> Self {
        self.0.insert("image_size".into(), json(value));
        self
    }

    /// Numbers of a pixel (by default 3; at least 1; at most 64).
    pub fn num_channels(mut self, value: i64) -> Self {
        self.0.insert("num_channels".into(), json(value));
        self
    }

    /// Subtracted from numbers of pixels, which go from 0 to 1 (by default 0.5).
    pub fn mean(mut self, value: f64) -> Self {
        self.0.insert("mean".into(), json(value));
        self
    }

    /// What they are divided by then (by default 0.5; above 0).
    pub fn deviation(mut self, value: f64) -> Self {
        self.0.insert("deviation".into(), json(value));
        self
    }
}

/// Tokens to embedding to decoder to head to logits, and a loss against the next tokens.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct LanguageModel(Map<String, Value>);

impl Default for LanguageModel {
    fn default() -> Self {
        LanguageModel([("type".to_string(), Value::from("LanguageModel"))].into_iter().collect())
    }
}

impl Serialize for LanguageModel {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl LanguageModel {
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of token ids: at least the tokenizer's (256 for bytes) (dictated by what surrounds
    /// it; at least 1; at most 2147483647).
    pub fn vocab_size(mut self, value: i64) -> Self {
        self.0.insert("vocab_size".into(), json(value));
        self
    }

    /// Width of the residual stream, given to everything below (dictated by what surrounds it; at
    /// least 1; at most 1048576).
    pub fn model_dim(mut self, value: i64) -> Self {
        self.0.insert("model_dim".into(), json(value));
        self
    }

    /// From token ids to vectors (any part of role embedding; by default Embedding).
    pub fn embedding(mut self, value: impl Serialize) -> Self {
        self.0.insert("embedding".into(), json(value));
        self
    }

    /// The layers (any part of role decoder; by default Decoder).
    pub fn decoder(mut self, value: impl Serialize) -> Self {
        self.0.insert("decoder".into(), json(value));
        self
    }

    /// From vectors to scores of token ids (any part of role head; by default LanguageModelHead).
    pub fn head(mut self, value: impl Serialize) -> Self {
        self.0.insert("head".into(), json(value));
        self
    }

    /// What training makes small (any part of role loss; by default CrossEntropy).
    pub fn loss(mut self, value: impl Serialize) -> Self {
        self.0.insert("loss".into(), json(value));
        self
    }

    /// Read the type of each token, "token_types" i32\[B,T\], beside the tokens (by default
    /// false).
    pub fn token_types(mut self, value: bool) -> Self {
        self.0.insert("token_types".into(), json(value));
        self
    }
}

/// Scores every token id from the decoder's output.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct LanguageModelHead(Map<String, Value>);

impl Default for LanguageModelHead {
    fn default() -> Self {
        LanguageModelHead(
            [("type".to_string(), Value::from("LanguageModelHead"))].into_iter().collect(),
        )
    }
}

impl Serialize for LanguageModelHead {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl LanguageModelHead {
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of token ids (dictated by what surrounds it; at least 1; at most 2147483647).
    pub fn vocab_size(mut self, value: i64) -> Self {
        self.0.insert("vocab_size".into(), json(value));
        self
    }

    /// Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
    pub fn model_dim(mut self, value: i64) -> Self {
        self.0.insert("model_dim".into(), json(value));
        self
    }

    /// Use the embedding's table as weight (by default false).
    pub fn tied(mut self, value: bool) -> Self {
        self.0.insert("tied".into(), json(value));
        self
    }

    /// Add a learned bias (by default false).
    pub fn bias(mut self, value: bool) -> Self {
        self.0.insert("bias".into(), json(value));
        self
    }

    /// Standard deviation of the normal distribution that the weights start from (by default
    /// 0.02; at least 0).
    pub fn init_std(mut self, value: f64) -> Self {
        self.0.insert("init_std".into(), json(value));
        self
    }

    /// Multiply the scores by this (Granite, Cohere, muP) (by default 1; above 0).
    pub fn scale(mut self, value: f64) -> Self {
        self.0.insert("scale".into(), json(value));
        self
    }

    /// Keep scores between -cap and cap by cap * tanh(score / cap) (Gemma 2); 0 for no cap (by
    /// default 0; at least 0).
    pub fn cap(mut self, value: f64) -> Self {
        self.0.insert("cap".into(), json(value));
        self
    }

    /// The product itself; its weight stands under the head's own path, as "weight" (any part of
    /// role linear; by default Linear).
    pub fn projection(mut self, value: impl Serialize) -> Self {
        self.0.insert("projection".into(), json(value));
        self
    }
}

/// Multi-head latent attention (DeepSeek-V2 and V3): keys and values of all heads are made from
/// one small vector for each token, which is all that a cache holds; positions enter by features
/// of their own.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct LatentAttention(Map<String, Value>);

impl Default for LatentAttention {
    fn default() -> Self {
        LatentAttention(
            [("type".to_string(), Value::from("LatentAttention"))].into_iter().collect(),
        )
    }
}

impl Serialize for LatentAttention {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl LatentAttention {
    pub fn new() -> Self {
        Self::default()
    }

    /// Width of input and output (dictated by what surrounds it; at least 1; at most 1048576).
    pub fn model_dim(mut self, value: i64) -> Self {
        self.0.insert("model_dim".into(), json(value));
        self
    }

    /// Number of heads (required; at least 1; at most 65536).
    pub fn num_heads(mut self, value: i64) -> Self {
        self.0.insert("num_heads".into(), json(value));
        self
    }

    /// Width of the vector that queries are made from; 0 makes them from the input (by default 0;
    /// at least 0; at most 1048576).
    pub fn q_lora_rank(mut self, value: i64) -> Self {
        self.0.insert("q_lora_rank".into(), json(value));
        self
    }

    /// Width of the vector that keys and values are made from (required; at least 1; at most
    /// 1048576).
    pub fn kv_lora_rank(mut self, value: i64) -> Self {
        self.0.insert("kv_lora_rank".into(), json(value));
        self
    }

    /// Features of a head's queries and keys without positions (required; at least 1; at most
    /// 65536).
    pub fn qk_nope_head_dim(mut self, value: i64) -> Self {
        self.0.insert("qk_nope_head_dim".into(), json(value));
        self
    }

    /// Features of queries and keys that the position turns, an even number; the keys' are shared
    /// by all heads (required; at least 2; at most 65536).
    pub fn qk_rope_head_dim(mut self, value: i64) -> Self {
        self.0.insert("qk_rope_head_dim".into(), json(value));
        self
    }

    /// Width of a head's values (required; at least 1; at most 65536).
    pub fn v_head_dim(mut self, value: i64) -> Self {
        self.0.insert("v_head_dim".into(), json(value));
        self
    }

    /// A token sees itself and what came before (by default true).
    pub fn causal(mut self, value: bool) -> Self {
        self.0.insert("causal".into(), json(value));
        self
    }

    /// Factor on the scores; 0 means 1 / sqrt(qk_nope_head_dim + qk_rope_head_dim). With
    /// YarnScaling, DeepSeek multiplies that by (0.1 mscale_all_dim ln(factor) + 1)^2 (by default
    /// 0; at least 0).
    pub fn scale(mut self, value: f64) -> Self {
        self.0.insert("scale".into(), json(value));
        self
    }

    /// Biases on q_down_proj, kv_down_proj and o_proj; each may differ (by default false).
    pub fn bias(mut self, value: bool) -> Self {
        self.0.insert("bias".into(), json(value));
        self
    }

    /// Standard deviation of the normal distribution that the weights start from (by default
    /// 0.02; at least 0).
    pub fn init_std(mut self, value: f64) -> Self {
        self.0.insert("init_std".into(), json(value));
        self
    }

    /// The same for the output projection; 0 means init_std (by default 0; at least 0).
    pub fn output_init_std(mut self, value: f64) -> Self {
        self.0.insert("output_init_std".into(), json(value));
        self
    }

    /// From the input to the vector that queries are made from (any part of role linear; by
    /// default Linear).
    pub fn q_down_proj(mut self, value: impl Serialize) -> Self {
        self.0.insert("q_down_proj".into(), json(value));
        self
    }

    /// A norm of that vector (any part of role norm; by default RmsNorm).
    pub fn q_latent_norm(mut self, value: impl Serialize) -> Self {
        self.0.insert("q_latent_norm".into(), json(value));
        self
    }

    /// From that vector, or the input, to queries (any part of role linear; by default Linear).
    pub fn q_proj(mut self, value: impl Serialize) -> Self {
        self.0.insert("q_proj".into(), json(value));
        self
    }

    /// From the input to the vector that keys and values are made from, and to the keys' turned
    /// features (any part of role linear; by default Linear).
    pub fn kv_down_proj(mut self, value: impl Serialize) -> Self {
        self.0.insert("kv_down_proj".into(), json(value));
        self
    }

    /// A norm of that vector (any part of role norm; by default RmsNorm).
    pub fn kv_latent_norm(mut self, value: impl Serialize) -> Self {
        self.0.insert("kv_latent_norm".into(), json(value));
        self
    }

    /// From that vector to the keys' other features and the values, head by head (any part of
    /// role linear; by default Linear).
    pub fn kv_up_proj(mut self, value: impl Serialize) -> Self {
        self.0.insert("kv_up_proj".into(), json(value));
        self
    }

    /// From what the heads read, side by side, to the output (any part of role linear; by default
    /// Linear).
    pub fn o_proj(mut self, value: impl Serialize) -> Self {
        self.0.insert("o_proj".into(), json(value));
        self
    }

    /// Positions of this attention alone, instead of the decoder's (any part of role position).
    pub fn position(mut self, value: impl Serialize) -> Self {
        self.0.insert("position".into(), json(value));
        self
    }
}

/// Subtracts the mean, divides by the standard deviation, then a learned scale and bias.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct LayerNorm(Map<String, Value>);

impl Default for LayerNorm {
    fn default() -> Self {
        LayerNorm([("type".to_string(), Value::from("LayerNorm"))].into_iter().collect())
    }
}

impl Serialize for LayerNorm {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl LayerNorm {
    pub fn new() -> Self {
        Self::default()
    }

    /// Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
    pub fn model_dim(mut self, value: i64) -> Self {
        self.0.insert("model_dim".into(), json(value));
        self
    }

    /// Added to the variance (by default 1e-05; at least 0; below 1).
    pub fn epsilon(mut self, value: f64) -> Self {
        self.0.insert("epsilon".into(), json(value));
        self
    }

    /// Add a learned bias (by default true).
    pub fn bias(mut self, value: bool) -> Self {
        self.0.insert("bias".into(), json(value));
        self
    }

    /// Multiply by a learned scale (not in OLMo) (by default true).
    pub fn scale(mut self, value: bool) -> Self {
        self.0.insert("scale".into(), json(value));
        self
    }
}

/// Some layers of a stack that differ from the others: every 4th with global attention, the first
/// three without experts.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct LayerVariant(Map<String, Value>);

impl Default for LayerVariant {
    fn default() -> Self {
        LayerVariant([("type".to_string(), Value::from("LayerVariant"))].into_iter().collect())
    }
}

impl Serialize for LayerVariant {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl LayerVariant {
    pub fn new() -> Self {
        Self::default()
    }

    /// The first of the layers, counted from 0 (by default 0; in layers; at least 0; at most
    /// 100000.0).
    pub fn start(mut self, value: i64) -> Self {
        self.0.insert("start".into(), json(value));
        self
    }

    /// From the first on, every so many layers are of this kind (by default 1; in layers; at
    /// least 1; at most 100000.0).
    pub fn every(mut self, value: i64) -> Self {
        self.0.insert("every".into(), json(value));
        self
    }

    /// The layers come before this one; 0 means up to the last (by default 0; in layers; at least
    /// 0; at most 100000.0).
    pub fn end(mut self, value: i64) -> Self {
        self.0.insert("end".into(), json(value));
        self
    }

    /// What these layers are. It says what differs: the rest is as in the stack's own `layer`
    /// (any part of role layer; by default TransformerLayer).
    pub fn layer(mut self, value: impl Serialize) -> Self {
        self.0.insert("layer".into(), json(value));
        self
    }
}

/// A learned vector for every position, added to the embeddings (GPT-2).
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct LearnedPosition(Map<String, Value>);

impl Default for LearnedPosition {
    fn default() -> Self {
        LearnedPosition(
            [("type".to_string(), Value::from("LearnedPosition"))].into_iter().collect(),
        )
    }
}

impl Serialize for LearnedPosition {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl LearnedPosition {
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of positions: the longest sequence the model can read (by default 1024; in tokens;
    /// at least 1; at most 16777216).
    pub fn max_positions(mut self, value: i64) -> Self {
        self.0.insert("max_positions".into(), json(value));
        self
    }

    /// Width of the vectors (dictated by what surrounds it; at least 1; at most 1048576).
    pub fn model_dim(mut self, value: i64) -> Self {
        self.0.insert("model_dim".into(), json(value));
        self
    }

    /// Standard deviation of the normal distribution that the weights start from (by default
    /// 0.02; at least 0).
    pub fn init_std(mut self, value: f64) -> Self {
        self.0.insert("init_std".into(), json(value));
        self
    }
}

/// A matrix product with optional bias. What it projects from and to, its owner says.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Linear(Map<String, Value>);

impl Default for Linear {
    fn default() -> Self {
        Linear([("type".to_string(), Value::from("Linear"))].into_iter().collect())
    }
}

impl Serialize for Linear {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl Linear {
    pub fn new() -> Self {
        Self::default()
    }

    /// Width of the input (dictated by what surrounds it; at least 1; at most 2147483647).
    pub fn in_dim(mut self, value: i64) -> Self {
        self.0.insert("in_dim".into(), json(value));
        self
    }

    /// Width of the output (dictated by what surrounds it; at least 1; at most 2147483647).
    pub fn out_dim(mut self, value: i64) -> Self {
        self.0.insert("out_dim".into(), json(value));
        self
    }

    /// Add a learned bias (by default true).
    pub fn bias(mut self, value: bool) -> Self {
        self.0.insert("bias".into(), json(value));
        self
    }

    /// Standard deviation of the normal distribution that the weights start from (by default
    /// 0.02; at least 0).
    pub fn init_std(mut self, value: f64) -> Self {
        self.0.insert("init_std".into(), json(value));
        self
    }

    /// The weight is \[out_dim, in_dim\], as an embedding's table is, and not \[in_dim, out_dim\]
    /// (dictated by what surrounds it; by default false).
    pub fn transposed(mut self, value: bool) -> Self {
        self.0.insert("transposed".into(), json(value));
        self
    }

    /// What the rules of a mesh call the input's dim ("embed"); empty for no name (by default
    /// "").
    pub fn in_name(mut self, value: &str) -> Self {
        self.0.insert("in_name".into(), json(value));
        self
    }

    /// What the rules of a mesh call the output's dim ("mlp") (by default "").
    pub fn out_name(mut self, value: &str) -> Self {
        self.0.insert("out_name".into(), json(value));
        self
    }
}

/// A straight line from the peak to the lowest rate.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct LinearDecay(Map<String, Value>);

impl Default for LinearDecay {
    fn default() -> Self {
        LinearDecay([("type".to_string(), Value::from("LinearDecay"))].into_iter().collect())
    }
}

impl Serialize for LinearDecay {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl LinearDecay {
    pub fn new() -> Self {
        Self::default()
    }

    /// Steps over which the rate rises from 0 (by default 0; in steps; at least 0).
    pub fn warmup_steps(mut self, value: i64) -> Self {
        self.0.insert("warmup_steps".into(), json(value));
        self
    }

    /// Step at which the lowest rate is reached; 0 means the last step of the run (by default 0;
    /// in steps; at least 0).
    pub fn total_steps(mut self, value: i64) -> Self {
        self.0.insert("total_steps".into(), json(value));
        self
    }

    /// The lowest rate, as a share of the peak (by default 0; at least 0; at most 1).
    pub fn min_lr_ratio(mut self, value: f64) -> Self {
        self.0.insert("min_lr_ratio".into(), json(value));
        self
    }
}

/// Rotary angles divided by a factor, as if tokens stood closer together.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct LinearScaling(Map<String, Value>);

impl Default for LinearScaling {
    fn default() -> Self {
        LinearScaling([("type".to_string(), Value::from("LinearScaling"))].into_iter().collect())
    }
}

impl Serialize for LinearScaling {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl LinearScaling {
    pub fn new() -> Self {
        Self::default()
    }

    /// How many times longer sequences may be than those of training (required; at least 1; at
    /// most 1000000.0).
    pub fn factor(mut self, value: f64) -> Self {
        self.0.insert("factor".into(), json(value));
        self
    }
}

/// Slow rotary frequencies divided by a factor, fast ones left as they are (Llama 3.1).
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Llama3Scaling(Map<String, Value>);

impl Default for Llama3Scaling {
    fn default() -> Self {
        Llama3Scaling([("type".to_string(), Value::from("Llama3Scaling"))].into_iter().collect())
    }
}

impl Serialize for Llama3Scaling {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl Llama3Scaling {
    pub fn new() -> Self {
        Self::default()
    }

    /// What slow frequencies are divided by (by default 8; at least 1; at most 1000000.0).
    pub fn factor(mut self, value: f64) -> Self {
        self.0.insert("factor".into(), json(value));
        self
    }

    /// Frequencies that make fewer turns than this over the original length are slow (by default
    /// 1; above 0; at most 1000000.0).
    pub fn low_freq_factor(mut self, value: f64) -> Self {
        self.0.insert("low_freq_factor".into(), json(value));
        self
    }

    /// Frequencies that make more turns than this are fast; above low_freq_factor (by default 4;
    /// above 0; at most 1000000.0).
    pub fn high_freq_factor(mut self, value: f64) -> Self {
        self.0.insert("high_freq_factor".into(), json(value));
        self
    }

    /// The longest sequence of training before the change (by default 8192; in tokens; at least
    /// 1; at most 1073741824).
    pub fn original_max_positions(mut self, value: i64) -> Self {
        self.0.insert("original_max_positions".into(), json(value));
        self
    }
}

/// E * sum over experts of (share of the choices) * (mean probability): least when balanced.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct LoadBalance(Map<String, Value>);

impl Default for LoadBalance {
    fn default() -> Self {
        LoadBalance([("type".to_string(), Value::from("LoadBalance"))].into_iter().collect())
    }
}

impl Serialize for LoadBalance {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl LoadBalance {
    pub fn new() -> Self {
        Self::default()
    }

    /// How many there are (dictated by what surrounds it; at least 1; at most 65536).
    pub fn num_experts(mut self, value: i64) -> Self {
        self.0.insert("num_experts".into(), json(value));
        self
    }

    /// Experts of a token (by default 2; at least 1; at most 65536).
    pub fn top_k(mut self, value: i64) -> Self {
        self.0.insert("top_k".into(), json(value));
        self
    }

    /// Weight of the loss (by default 0.01; at least 0).
    pub fn weight(mut self, value: f64) -> Self {
        self.0.insert("weight".into(), json(value));
        self
    }

    /// Tokens whose sums make one loss (by default "micro_batch").
    pub fn scope(mut self, value: BalanceScope) -> Self {
        self.0.insert("scope".into(), json(value));
        self
    }

    /// Shares of all choices, which sum to 1; otherwise of all tokens, which sum to top_k
    /// (Mixtral) (by default true).
    pub fn per_choice(mut self, value: bool) -> Self {
        self.0.insert("per_choice".into(), json(value));
        self
    }

    /// Count the first choice of a token only (GShard) (by default false).
    pub fn first_choice(mut self, value: bool) -> Self {
        self.0.insert("first_choice".into(), json(value));
        self
    }

    /// Layers whose losses have equal names add up their sums (by default "load_balance").
    pub fn name(mut self, value: &str) -> Self {
        self.0.insert("name".into(), json(value));
        self
    }
}

/// Reported numbers of a router: entropy, choices kept, the busiest expert's load above the mean.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct LoadMetrics(Map<String, Value>);

impl Default for LoadMetrics {
    fn default() -> Self {
        LoadMetrics([("type".to_string(), Value::from("LoadMetrics"))].into_iter().collect())
    }
}

impl Serialize for LoadMetrics {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl LoadMetrics {
    pub fn new() -> Self {
        Self::default()
    }

    /// How many there are (dictated by what surrounds it; at least 1; at most 65536).
    pub fn num_experts(mut self, value: i64) -> Self {
        self.0.insert("num_experts".into(), json(value));
        self
    }

    /// Also the share of each expert in the choices, "load_0" and so on, which `tessera
    /// moe-report` draws (by default false).
    pub fn loads(mut self, value: bool) -> Self {
        self.0.insert("loads".into(), json(value));
        self
    }
}

/// A product of two thin matrices beside a projection, which it wraps: what is trained while the
/// projection itself stays frozen (LoRA).
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct LowRankAdapter(Map<String, Value>);

impl Default for LowRankAdapter {
    fn default() -> Self {
        LowRankAdapter([("type".to_string(), Value::from("LowRankAdapter"))].into_iter().collect())
    }
}

impl Serialize for LowRankAdapter {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl LowRankAdapter {
    pub fn new() -> Self {
        Self::default()
    }

    /// Width of the input (dictated by what surrounds it; at least 1; at most 2147483647).
    pub fn in_dim(mut self, value: i64) -> Self {
        self.0.insert("in_dim".into(), json(value));
        self
    }

    /// Width of the output (dictated by what surrounds it; at least 1; at most 2147483647).
    pub fn out_dim(mut self, value: i64) -> Self {
        self.0.insert("out_dim".into(), json(value));
        self
    }

    /// Width between the two matrices (by default 8; at least 1; at most 65536).
    pub fn rank(mut self, value: i64) -> Self {
        self.0.insert("rank".into(), json(value));
        self
    }

    /// What is added is scaled by alpha / rank (by default 16; at least 0).
    pub fn alpha(mut self, value: f64) -> Self {
        self.0.insert("alpha".into(), json(value));
        self
    }

    /// Scale by alpha / sqrt(rank) instead, so that large ranks still learn (rsLoRA) (by default
    /// false).
    pub fn rank_stabilized(mut self, value: bool) -> Self {
        self.0.insert("rank_stabilized".into(), json(value));
        self
    }

    /// Standard deviation of the normal distribution that the first matrix starts from; 0 means 1
    /// / sqrt(in_dim). The second one starts from 0 (by default 0; at least 0).
    pub fn init_std(mut self, value: f64) -> Self {
        self.0.insert("init_std".into(), json(value));
        self
    }

    /// The parameters are called \<name\>_a and \<name\>_b. Adapters inside each other need two
    /// names (by default "lora").
    pub fn name(mut self, value: &str) -> Self {
        self.0.insert("name".into(), json(value));
        self
    }

    /// What the rules of a mesh call the input's dim (by default "").
    pub fn in_name(mut self, value: &str) -> Self {
        self.0.insert("in_name".into(), json(value));
        self
    }

    /// What the rules of a mesh call the output's dim (by default "").
    pub fn out_name(mut self, value: &str) -> Self {
        self.0.insert("out_name".into(), json(value));
        self
    }

    /// Applied to the adapter's input only (any part of role dropout).
    pub fn dropout(mut self, value: impl Serialize) -> Self {
        self.0.insert("dropout".into(), json(value));
        self
    }

    /// The projection that is adapted (any part of role linear; by default Linear).
    pub fn inner(mut self, value: impl Serialize) -> Self {
        self.0.insert("inner".into(), json(value));
        self
    }
}

/// Scores every token id for every place, after a product, an activation and a norm (BERT).
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct MaskedLanguageModelHead(Map<String, Value>);

impl Default for MaskedLanguageModelHead {
    fn default() -> Self {
        MaskedLanguageModelHead(
            [("type".to_string(), Value::from("MaskedLanguageModelHead"))].into_iter().collect(),
        )
    }
}

impl Serialize for MaskedLanguageModelHead {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl MaskedLanguageModelHead {
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of token ids (dictated by what surrounds it; at least 1; at most 2147483647).
    pub fn vocab_size(mut self, value: i64) -> Self {
        self.0.insert("vocab_size".into(), json(value));
        self
    }

    /// Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
    pub fn model_dim(mut self, value: i64) -> Self {
        self.0.insert("model_dim".into(), json(value));
        self
    }

    /// Use the embedding's table as the last weight (by default true).
    pub fn tied(mut self, value: bool) -> Self {
        self.0.insert("tied".into(), json(value));
        self
    }

    /// Add a learned bias to the scores (by default true).
    pub fn bias(mut self, value: bool) -> Self {
        self.0.insert("bias".into(), json(value));
        self
    }

    /// The function after the first product (by default "gelu").
    pub fn activation(mut self, value: Activation) -> Self {
        self.0.insert("activation".into(), json(value));
        self
    }

    /// Standard deviation of the normal distribution that the weights start from (by default
    /// 0.02; at least 0).
    pub fn init_std(mut self, value: f64) -> Self {
        self.0.insert("init_std".into(), json(value));
        self
    }

    /// The first product (any part of role linear; by default Linear).
    pub fn dense(mut self, value: impl Serialize) -> Self {
        self.0.insert("dense".into(), json(value));
        self
    }

    /// After the activation (any part of role norm; by default LayerNorm).
    pub fn norm(mut self, value: impl Serialize) -> Self {
        self.0.insert("norm".into(), json(value));
        self
    }

    /// The last product; its weight stands under the head's own path, as "weight" (any part of
    /// role linear; by default Linear).
    pub fn projection(mut self, value: impl Serialize) -> Self {
        self.0.insert("projection".into(), json(value));
        self
    }
}

/// Some tokens are hidden and predicted from all others (BERT).
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct MaskedTokens(Map<String, Value>);

impl Default for MaskedTokens {
    fn default() -> Self {
        MaskedTokens([("type".to_string(), Value::from("MaskedTokens"))].into_iter().collect())
    }
}

impl Serialize for MaskedTokens {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl MaskedTokens {
    pub fn new() -> Self {
        Self::default()
    }

    /// Id that stands where a token is hidden (required; at least 0; at most 2147483647).
    pub fn mask_id(mut self, value: i64) -> Self {
        self.0.insert("mask_id".into(), json(value));
        self
    }

    /// Share of the tokens that are predicted (by default 0.15; above 0; at most 1).
    pub fn share(mut self, value: f64) -> Self {
        self.0.insert("share".into(), json(value));
        self
    }

    /// Of these, the share that is replaced by any id instead of mask_id (by default 0.1; at
    /// least 0; at most 1).
    pub fn random_share(mut self, value: f64) -> Self {
        self.0.insert("random_share".into(), json(value));
        self
    }

    /// Of these, the share that is left as it is (by default 0.1; at least 0; at most 1).
    pub fn kept_share(mut self, value: f64) -> Self {
        self.0.insert("kept_share".into(), json(value));
        self
    }
}

/// Many experts, of which a gate chooses a few for every token.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct MixtureOfExperts(Map<String, Value>);

impl Default for MixtureOfExperts {
    fn default() -> Self {
        MixtureOfExperts(
            [("type".to_string(), Value::from("MixtureOfExperts"))].into_iter().collect(),
        )
    }
}

impl Serialize for MixtureOfExperts {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl MixtureOfExperts {
    pub fn new() -> Self {
        Self::default()
    }

    /// Width of input and output (dictated by what surrounds it; at least 1; at most 1048576).
    pub fn model_dim(mut self, value: i64) -> Self {
        self.0.insert("model_dim".into(), json(value));
        self
    }

    /// Copies of the expert; with a list `experts`, how many stand in it (by default 8; at least
    /// 1; at most 65536).
    pub fn num_experts(mut self, value: i64) -> Self {
        self.0.insert("num_experts".into(), json(value));
        self
    }

    /// Experts of a token, for gates that take it from here (by default 2; at least 1; at most
    /// 65536).
    pub fn top_k(mut self, value: i64) -> Self {
        self.0.insert("top_k".into(), json(value));
        self
    }

    /// In training, what the gate sees is multiplied by random numbers in 1 - jitter to 1 +
    /// jitter (by default 0; at least 0; below 1).
    pub fn jitter(mut self, value: f64) -> Self {
        self.0.insert("jitter".into(), json(value));
        self
    }

    /// Divide the weights of a token by their sum (by default false).
    pub fn renormalize(mut self, value: bool) -> Self {
        self.0.insert("renormalize".into(), json(value));
        self
    }

    /// Factor on all weights (by default 1).
    pub fn weight_scale(mut self, value: f64) -> Self {
        self.0.insert("weight_scale".into(), json(value));
        self
    }

    /// Room of an expert, in even shares of all choices; 0: no limit, nothing is dropped (by
    /// default 0; at least 0; at most 1000000000.0).
    pub fn capacity_factor(mut self, value: f64) -> Self {
        self.0.insert("capacity_factor".into(), json(value));
        self
    }

    /// The same outside of training; unset: as in training (at least 0; at most 1000000000.0).
    pub fn eval_capacity_factor(mut self, value: f64) -> Self {
        self.0.insert("eval_capacity_factor".into(), json(value));
        self
    }

    /// Room that every expert has at least, when there is a limit (by default 0; in tokens; at
    /// least 0; at most 1000000000.0).
    pub fn min_capacity(mut self, value: i64) -> Self {
        self.0.insert("min_capacity".into(), json(value));
        self
    }

    /// Who gets the room (by default "position").
    pub fn drop(mut self, value: DropPolicy) -> Self {
        self.0.insert("drop".into(), json(value));
        self
    }

    /// Over which tokens the limit is meant (by default "micro_batch").
    pub fn group(mut self, value: RoutingGroup) -> Self {
        self.0.insert("group".into(), json(value));
        self
    }

    /// Divide the weights of what was kept by their sum, so that drops do not shrink the output
    /// (by default false).
    pub fn renormalize_kept(mut self, value: bool) -> Self {
        self.0.insert("renormalize_kept".into(), json(value));
        self
    }

    /// How the copies of an expert are run (by default "grouped").
    pub fn run_experts(mut self, value: ExpertExecution) -> Self {
        self.0.insert("run_experts".into(), json(value));
        self
    }

    /// Multiply what the shared expert returns by a learned sigmoid of the token (by default
    /// false).
    pub fn shared_gate(mut self, value: bool) -> Self {
        self.0.insert("shared_gate".into(), json(value));
        self
    }

    /// Stop with an error when a weight is not finite, for gates under development (by default
    /// false).
    pub fn check_weights(mut self, value: bool) -> Self {
        self.0.insert("check_weights".into(), json(value));
        self
    }

    /// Standard deviation of the normal distribution that the shared gate starts from (by default
    /// 0.02; at least 0).
    pub fn init_std(mut self, value: f64) -> Self {
        self.0.insert("init_std".into(), json(value));
        self
    }

    /// Mix what the experts and the shared one return by a learned softmax of the token over the
    /// two, instead of adding them (residual mixture of experts) (by default false).
    pub fn residual_mix(mut self, value: bool) -> Self {
        self.0.insert("residual_mix".into(), json(value));
        self
    }

    /// Experts beyond num_experts that return zero, so that a token may do with less (by default
    /// 0; at least 0; at most 65536).
    pub fn zero_experts(mut self, value: i64) -> Self {
        self.0.insert("zero_experts".into(), json(value));
        self
    }

    /// Experts beyond those that return the token as it is (by default 0; at least 0; at most
    /// 65536).
    pub fn copy_experts(mut self, value: i64) -> Self {
        self.0.insert("copy_experts".into(), json(value));
        self
    }

    /// Width in which tokens are sent to the experts, between two projections; 0: model_dim (by
    /// default 0; at least 0; at most 1048576).
    pub fn latent_dim(mut self, value: i64) -> Self {
        self.0.insert("latent_dim".into(), json(value));
        self
    }

    /// Who visits which expert (any part of role gate; by default TopKGate).
    pub fn gate(mut self, value: impl Serialize) -> Self {
        self.0.insert("gate".into(), json(value));
        self
    }

    /// The expert, of which there are num_experts copies with weights of their own (any part of
    /// role expert; by default FeedForward).
    pub fn expert(mut self, value: impl Serialize) -> Self {
        self.0.insert("expert".into(), json(value));
        self
    }

    /// Experts that are not alike, in place of copies of `expert`, which then is null. They run
    /// one after the other on all rows (any part of role expert).
    pub fn experts(mut self, value: impl Serialize) -> Self {
        self.0.insert("experts".into(), json(value));
        self
    }

    /// From model_dim to latent_dim, for all experts (any part of role linear; by default
    /// Linear).
    pub fn latent_in(mut self, value: impl Serialize) -> Self {
        self.0.insert("latent_in".into(), json(value));
        self
    }

    /// Back from latent_dim to model_dim (any part of role linear; by default Linear).
    pub fn latent_out(mut self, value: impl Serialize) -> Self {
        self.0.insert("latent_out".into(), json(value));
        self
    }

    /// An expert that every token visits (any part of role expert).
    pub fn shared(mut self, value: impl Serialize) -> Self {
        self.0.insert("shared".into(), json(value));
        self
    }

    /// Losses and metrics of the routing, each with its own weight (any part of role balance; by
    /// default LoadBalance).
    pub fn balance(mut self, value: impl Serialize) -> Self {
        self.0.insert("balance".into(), json(value));
        self
    }

    /// Padding, tokens of segment -1, visits no expert and is not counted by losses, metrics and
    /// biases; otherwise it is routed like all others (by default false).
    pub fn skip_padding(mut self, value: bool) -> Self {
        self.0.insert("skip_padding".into(), json(value));
        self
    }
}

/// Experts that all tasks share, of which each task takes its own mean (MMoE).
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct MultiGateMixture(Map<String, Value>);

impl Default for MultiGateMixture {
    fn default() -> Self {
        MultiGateMixture(
            [("type".to_string(), Value::from("MultiGateMixture"))].into_iter().collect(),
        )
    }
}

impl Serialize for MultiGateMixture {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl MultiGateMixture {
    pub fn new() -> Self {
        Self::default()
    }

    /// Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
    pub fn model_dim(mut self, value: i64) -> Self {
        self.0.insert("model_dim".into(), json(value));
        self
    }

    /// Results, one for each (dictated by what surrounds it; at least 1; at most 1024).
    pub fn num_tasks(mut self, value: i64) -> Self {
        self.0.insert("num_tasks".into(), json(value));
        self
    }

    /// Copies of the expert; with one there is nothing to choose: a shared bottom (by default 8;
    /// at least 1; at most 65536).
    pub fn num_experts(mut self, value: i64) -> Self {
        self.0.insert("num_experts".into(), json(value));
        self
    }

    /// Who has a gate (by default "per_task").
    pub fn gates(mut self, value: TaskGates) -> Self {
        self.0.insert("gates".into(), json(value));
        self
    }

    /// Standard deviation of the normal distribution that gates start from (by default 0.02; at
    /// least 0).
    pub fn init_std(mut self, value: f64) -> Self {
        self.0.insert("init_std".into(), json(value));
        self
    }

    /// The expert (any part of role expert; by default Perceptron).
    pub fn expert(mut self, value: impl Serialize) -> Self {
        self.0.insert("expert".into(), json(value));
        self
    }
}

/// Rows of numbers to one result for each of several tasks.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct MultiTaskModel(Map<String, Value>);

impl Default for MultiTaskModel {
    fn default() -> Self {
        MultiTaskModel([("type".to_string(), Value::from("MultiTaskModel"))].into_iter().collect())
    }
}

impl Serialize for MultiTaskModel {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl MultiTaskModel {
    pub fn new() -> Self {
        Self::default()
    }

    /// Numbers of a row (dictated by what surrounds it; at least 1; at most 1048576).
    pub fn model_dim(mut self, value: i64) -> Self {
        self.0.insert("model_dim".into(), json(value));
        self
    }

    /// Results of a row (dictated by what surrounds it; by default 2; at least 1; at most 1024).
    pub fn num_tasks(mut self, value: i64) -> Self {
        self.0.insert("num_tasks".into(), json(value));
        self
    }

    /// Width of the layer of relu that each task has of its own before its result (by default 8;
    /// at least 1; at most 1048576).
    pub fn tower_dim(mut self, value: i64) -> Self {
        self.0.insert("tower_dim".into(), json(value));
        self
    }

    /// What results are compared with labels by (by default "logistic").
    pub fn loss(mut self, value: TaskLoss) -> Self {
        self.0.insert("loss".into(), json(value));
        self
    }

    /// What the tasks share (any part of role multi_task; by default MultiGateMixture).
    pub fn shared(mut self, value: impl Serialize) -> Self {
        self.0.insert("shared".into(), json(value));
        self
    }
}

/// Each token predicts the one after it.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct NextToken(Map<String, Value>);

impl Default for NextToken {
    fn default() -> Self {
        NextToken([("type".to_string(), Value::from("NextToken"))].into_iter().collect())
    }
}

impl Serialize for NextToken {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl NextToken {
    pub fn new() -> Self {
        Self::default()
    }
}

/// No positional information but what the causal mask gives.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct NoPosition(Map<String, Value>);

impl Default for NoPosition {
    fn default() -> Self {
        NoPosition([("type".to_string(), Value::from("NoPosition"))].into_iter().collect())
    }
}

impl Serialize for NoPosition {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl NoPosition {
    pub fn new() -> Self {
        Self::default()
    }
}

/// Top-k of logits with learned noise, with losses on importance and load (Shazeer et al.).
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct NoisyTopKGate(Map<String, Value>);

impl Default for NoisyTopKGate {
    fn default() -> Self {
        NoisyTopKGate([("type".to_string(), Value::from("NoisyTopKGate"))].into_iter().collect())
    }
}

impl Serialize for NoisyTopKGate {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl NoisyTopKGate {
    pub fn new() -> Self {
        Self::default()
    }

    /// Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
    pub fn model_dim(mut self, value: i64) -> Self {
        self.0.insert("model_dim".into(), json(value));
        self
    }

    /// How many there are to choose from (dictated by what surrounds it; at least 1; at most
    /// 65536).
    pub fn num_experts(mut self, value: i64) -> Self {
        self.0.insert("num_experts".into(), json(value));
        self
    }

    /// How many a token visits; the load loss needs one expert more (by default 2; at least 1; at
    /// most 65536).
    pub fn top_k(mut self, value: i64) -> Self {
        self.0.insert("top_k".into(), json(value));
        self
    }

    /// Added to the learned standard deviation of the noise (by default 0.01; at least 0).
    pub fn noise_epsilon(mut self, value: f64) -> Self {
        self.0.insert("noise_epsilon".into(), json(value));
        self
    }

    /// Weight of the squared variation of the experts' summed weights (by default 0.1; at least
    /// 0).
    pub fn importance_weight(mut self, value: f64) -> Self {
        self.0.insert("importance_weight".into(), json(value));
        self
    }

    /// Weight of the squared variation of the experts' expected loads (by default 0.1; at least
    /// 0).
    pub fn load_weight(mut self, value: f64) -> Self {
        self.0.insert("load_weight".into(), json(value));
        self
    }

    /// As FastMoE does: the variance of both losses is over E - 1 (by default false).
    pub fn fastmoe(mut self, value: bool) -> Self {
        self.0.insert("fastmoe".into(), json(value));
        self
    }

    /// Standard deviation of the normal distribution that both weights start from (by default
    /// 0.02; at least 0).
    pub fn init_std(mut self, value: f64) -> Self {
        self.0.insert("init_std".into(), json(value));
        self
    }
}

/// How several processes share the work.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Parallel(Map<String, Value>);

impl Default for Parallel {
    fn default() -> Self {
        Parallel([("type".to_string(), Value::from("Parallel"))].into_iter().collect())
    }
}

impl Serialize for Parallel {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl Parallel {
    pub fn new() -> Self {
        Self::default()
    }

    /// Ranks that each take a part of the batch; 0 means all there are (by default 0; in ranks;
    /// at least 0; at most 1000000.0).
    pub fn data(mut self, value: i64) -> Self {
        self.0.insert("data".into(), json(value));
        self
    }

    /// Time after which a rank that does not answer counts as dead (by default 60; in seconds;
    /// above 0; at most 86400).
    pub fn timeout_s(mut self, value: f64) -> Self {
        self.0.insert("timeout_s".into(), json(value));
        self
    }

    /// Time between signs of life (by default 2; in seconds; above 0; at most 3600).
    pub fn heartbeat_s(mut self, value: f64) -> Self {
        self.0.insert("heartbeat_s".into(), json(value));
        self
    }
}

/// Cuts images into square patches and projects each to a vector, with learned positions (ViT).
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct PatchEmbedding(Map<String, Value>);

impl Default for PatchEmbedding {
    fn default() -> Self {
        PatchEmbedding([("type".to_string(), Value::from("PatchEmbedding"))].into_iter().collect())
    }
}

impl Serialize for PatchEmbedding {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl PatchEmbedding {
    pub fn new() -> Self {
        Self::default()
    }

    /// Width of the vectors (dictated by what surrounds it; at least 1; at most 1048576).
    pub fn model_dim(mut self, value: i64) -> Self {
        self.0.insert("model_dim".into(), json(value));
        self
    }

    /// Height and width of the images (dictated by what surrounds it; in pixels; at least 1; at
    /// most 65536).
    pub fn image_size(mut self, value: i64) -> Self {
        self.0.insert("image_size".into(), json(value));
        self
    }

    /// Numbers of a pixel (dictated by what surrounds it; at least 1; at most 65536).
    pub fn num_channels(mut self, value: i64) -> Self {
        self.0.insert("num_channels".into(), json(value));
        self
    }

    /// Height and width of a patch, a divisor of image_size (by default 16; in pixels; at least
    /// 1; at most 65536).
    pub fn patch_size(mut self, value: i64) -> Self {
        self.0.insert("patch_size".into(), json(value));
        self
    }

    /// Put a learned vector before the patches, from which classes are read (by default true).
    pub fn class_token(mut self, value: bool) -> Self {
        self.0.insert("class_token".into(), json(value));
        self
    }

    /// Add a learned vector for every place, the class token's included (by default true).
    pub fn positions(mut self, value: bool) -> Self {
        self.0.insert("positions".into(), json(value));
        self
    }

    /// Standard deviation of the normal distribution that the weights start from (by default
    /// 0.02; at least 0).
    pub fn init_std(mut self, value: f64) -> Self {
        self.0.insert("init_std".into(), json(value));
        self
    }

    /// From the numbers of a patch, by channel, row and column, to its vector (any part of role
    /// linear; by default Linear).
    pub fn projection(mut self, value: impl Serialize) -> Self {
        self.0.insert("projection".into(), json(value));
        self
    }
}

/// One matrix product and an activation: the expert of multi-gate mixtures.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Perceptron(Map<String, Value>);

impl Default for Perceptron {
    fn default() -> Self {
        Perceptron([("type".to_string(), Value::from("Perceptron"))].into_iter().collect())
    }
}

impl Serialize for Perceptron {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl Perceptron {
    pub fn new() -> Self {
        Self::default()
    }

    /// Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
    pub fn model_dim(mut self, value: i64) -> Self {
        self.0.insert("model_dim".into(), json(value));
        self
    }

    /// Width of the output (required; at least 1; at most 1048576).
    pub fn out_dim(mut self, value: i64) -> Self {
        self.0.insert("out_dim".into(), json(value));
        self
    }

    /// The function of what the product gives (by default "relu").
    pub fn activation(mut self, value: Activation) -> Self {
        self.0.insert("activation".into(), json(value));
        self
    }

    /// Standard deviation of the normal distribution that the weights start from; 0: the root of
    /// 2 / model_dim (by default 0; at least 0).
    pub fn init_std(mut self, value: f64) -> Self {
        self.0.insert("init_std".into(), json(value));
        self
    }
}

/// A published tokenizer, as a tokenizer.json says it: the ids of the public library.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct PretrainedTokenizer(Map<String, Value>);

impl Default for PretrainedTokenizer {
    fn default() -> Self {
        PretrainedTokenizer(
            [("type".to_string(), Value::from("PretrainedTokenizer"))].into_iter().collect(),
        )
    }
}

impl Serialize for PretrainedTokenizer {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl PretrainedTokenizer {
    pub fn new() -> Self {
        Self::default()
    }

    /// The tokenizer.json. A checkpoint keeps its text, so that the file is needed once only
    /// (required).
    pub fn file(mut self, value: &str) -> Self {
        self.0.insert("file".into(), json(value));
        self
    }
}

/// The top_k experts of the largest logits less a bias that is moved to the quantile which would
/// have given every expert the same (quantile balancing); no loss for balance is needed.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct QuantileGate(Map<String, Value>);

impl Default for QuantileGate {
    fn default() -> Self {
        QuantileGate([("type".to_string(), Value::from("QuantileGate"))].into_iter().collect())
    }
}

impl Serialize for QuantileGate {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl QuantileGate {
    pub fn new() -> Self {
        Self::default()
    }

    /// Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
    pub fn model_dim(mut self, value: i64) -> Self {
        self.0.insert("model_dim".into(), json(value));
        self
    }

    /// How many there are to choose from (dictated by what surrounds it; at least 1; at most
    /// 65536).
    pub fn num_experts(mut self, value: i64) -> Self {
        self.0.insert("num_experts".into(), json(value));
        self
    }

    /// How many a token visits (by default 2; at least 1; at most 65536).
    pub fn top_k(mut self, value: i64) -> Self {
        self.0.insert("top_k".into(), json(value));
        self
    }

    /// What the logits become (by default "softmax").
    pub fn score(mut self, value: RouterScore) -> Self {
        self.0.insert("score".into(), json(value));
        self
    }

    /// Softmax over the chosen experts only; otherwise over all, of which the chosen are taken
    /// (by default true).
    pub fn softmax_after(mut self, value: bool) -> Self {
        self.0.insert("softmax_after".into(), json(value));
        self
    }

    /// How much of the bias stays in each step; the rest is the new quantile (by default 0.9; at
    /// least 0; at most 1).
    pub fn ema(mut self, value: f64) -> Self {
        self.0.insert("ema".into(), json(value));
        self
    }

    /// Quantiles are of each sequence, and their mean counts; otherwise of a micro-batch, not
    /// with several ranks (by default true).
    pub fn per_sequence(mut self, value: bool) -> Self {
        self.0.insert("per_sequence".into(), json(value));
        self
    }

    /// Standard deviation of the normal distribution that the weights start from (by default
    /// 0.02; at least 0).
    pub fn init_std(mut self, value: f64) -> Self {
        self.0.insert("init_std".into(), json(value));
        self
    }
}

/// Attention with scores of content and of distance, each with a learned bias, and a memory of
/// what came before the sequence (Transformer-XL). The decoder's position is then usually
/// NoPosition.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct RelativeAttention(Map<String, Value>);

impl Default for RelativeAttention {
    fn default() -> Self {
        RelativeAttention(
            [("type".to_string(), Value::from("RelativeAttention"))].into_iter().collect(),
        )
    }
}

impl Serialize for RelativeAttention {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl RelativeAttention {
    pub fn new() -> Self {
        Self::default()
    }

    /// Width of input and output, an even number (dictated by what surrounds it; at least 2; at
    /// most 1048576).
    pub fn model_dim(mut self, value: i64) -> Self {
        self.0.insert("model_dim".into(), json(value));
        self
    }

    /// Number of heads (required; at least 1; at most 65536).
    pub fn num_heads(mut self, value: i64) -> Self {
        self.0.insert("num_heads".into(), json(value));
        self
    }

    /// Width of one head; 0 means model_dim / num_heads (by default 0; at least 0; at most
    /// 65536).
    pub fn head_dim(mut self, value: i64) -> Self {
        self.0.insert("head_dim".into(), json(value));
        self
    }

    /// Inputs of this layer that are kept from the step before and can be read; 0 for none. No
    /// gradient goes into them. Rows of a batch must then go on where those of the batch before
    /// ended (data.sampling streams), and the position must not turn keys (NoPosition) (by
    /// default 0; in tokens; at least 0; at most 16777216).
    pub fn memory_length(mut self, value: i64) -> Self {
        self.0.insert("memory_length".into(), json(value));
        self
    }

    /// Factor on the scores; 0 means 1 / sqrt(head_dim) (by default 0; at least 0).
    pub fn scale(mut self, value: f64) -> Self {
        self.0.insert("scale".into(), json(value));
        self
    }

    /// Base of the wavelengths in which distances are written (by default 10000; above 0).
    pub fn base(mut self, value: f64) -> Self {
        self.0.insert("base".into(), json(value));
        self
    }

    /// Biases on the projections of queries, keys, values and the output (by default false).
    pub fn bias(mut self, value: bool) -> Self {
        self.0.insert("bias".into(), json(value));
        self
    }

    /// Standard deviation of the normal distribution that the weights start from (by default
    /// 0.02; at least 0).
    pub fn init_std(mut self, value: f64) -> Self {
        self.0.insert("init_std".into(), json(value));
        self
    }

    /// The same for the output projection; 0 means init_std (by default 0; at least 0).
    pub fn output_init_std(mut self, value: f64) -> Self {
        self.0.insert("output_init_std".into(), json(value));
        self
    }

    /// From the input to queries (any part of role linear; by default Linear).
    pub fn q_proj(mut self, value: impl Serialize) -> Self {
        self.0.insert("q_proj".into(), json(value));
        self
    }

    /// From memory and input to keys (any part of role linear; by default Linear).
    pub fn k_proj(mut self, value: impl Serialize) -> Self {
        self.0.insert("k_proj".into(), json(value));
        self
    }

    /// From memory and input to values (any part of role linear; by default Linear).
    pub fn v_proj(mut self, value: impl Serialize) -> Self {
        self.0.insert("v_proj".into(), json(value));
        self
    }

    /// From sines and cosines of a distance to what queries compare with it (any part of role
    /// linear; by default Linear).
    pub fn r_proj(mut self, value: impl Serialize) -> Self {
        self.0.insert("r_proj".into(), json(value));
        self
    }

    /// From what the heads read, side by side, to the output (any part of role linear; by default
    /// Linear).
    pub fn o_proj(mut self, value: impl Serialize) -> Self {
        self.0.insert("o_proj".into(), json(value));
        self
    }

    /// Positions of this attention alone, instead of the decoder's (any part of role position).
    pub fn position(mut self, value: impl Serialize) -> Self {
        self.0.insert("position".into(), json(value));
        self
    }
}

/// A learned number for every head and range of distances, added to scores (T5).
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct RelativePosition(Map<String, Value>);

impl Default for RelativePosition {
    fn default() -> Self {
        RelativePosition(
            [("type".to_string(), Value::from("RelativePosition"))].into_iter().collect(),
        )
    }
}

impl Serialize for RelativePosition {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl RelativePosition {
    pub fn new() -> Self {
        Self::default()
    }

    /// Heads of the attention that reads it; 0 means as many as that has (by default 0; at least
    /// 0; at most 65536).
    pub fn num_heads(mut self, value: i64) -> Self {
        self.0.insert("num_heads".into(), json(value));
        self
    }

    /// Ranges of distances that are told apart; half of them of one distance each (by default 32;
    /// at least 2; at most 65536).
    pub fn num_buckets(mut self, value: i64) -> Self {
        self.0.insert("num_buckets".into(), json(value));
        self
    }

    /// Distance from which on all are in the last range (by default 128; in tokens; at least 2;
    /// at most 1073741824).
    pub fn max_distance(mut self, value: i64) -> Self {
        self.0.insert("max_distance".into(), json(value));
        self
    }

    /// Tell keys after the query from those before it (encoders); otherwise all after are one (by
    /// default false).
    pub fn bidirectional(mut self, value: bool) -> Self {
        self.0.insert("bidirectional".into(), json(value));
        self
    }

    /// Standard deviation of the normal distribution that the numbers start from (by default
    /// 0.02; at least 0).
    pub fn init_std(mut self, value: f64) -> Self {
        self.0.insert("init_std".into(), json(value));
        self
    }
}

/// Weights are the positive logits; how many there are is regulated by their sum (ReMoE).
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct ReluGate(Map<String, Value>);

impl Default for ReluGate {
    fn default() -> Self {
        ReluGate([("type".to_string(), Value::from("ReluGate"))].into_iter().collect())
    }
}

impl Serialize for ReluGate {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl ReluGate {
    pub fn new() -> Self {
        Self::default()
    }

    /// Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
    pub fn model_dim(mut self, value: i64) -> Self {
        self.0.insert("model_dim".into(), json(value));
        self
    }

    /// How many there are to choose from (dictated by what surrounds it; at least 1; at most
    /// 65536).
    pub fn num_experts(mut self, value: i64) -> Self {
        self.0.insert("num_experts".into(), json(value));
        self
    }

    /// Experts of a token that the regulation aims at, on average (by default 2; at least 1; at
    /// most 65536).
    pub fn top_k(mut self, value: i64) -> Self {
        self.0.insert("top_k".into(), json(value));
        self
    }

    /// What the factor of the loss starts from (by default 1e-08; at least 0).
    pub fn first_factor(mut self, value: f64) -> Self {
        self.0.insert("first_factor".into(), json(value));
        self
    }

    /// The factor is multiplied or divided by this after each step (by default 1.2; at least 1).
    pub fn factor_step(mut self, value: f64) -> Self {
        self.0.insert("factor_step".into(), json(value));
        self
    }

    /// Standard deviation of the normal distribution that the weights start from (by default
    /// 0.02; at least 0).
    pub fn init_std(mut self, value: f64) -> Self {
        self.0.insert("init_std".into(), json(value));
        self
    }
}

/// Divides by the root mean square over the width and multiplies by a learned scale.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct RmsNorm(Map<String, Value>);

impl Default for RmsNorm {
    fn default() -> Self {
        RmsNorm([("type".to_string(), Value::from("RmsNorm"))].into_iter().collect())
    }
}

impl Serialize for RmsNorm {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl RmsNorm {
    pub fn new() -> Self {
        Self::default()
    }

    /// Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
    pub fn model_dim(mut self, value: i64) -> Self {
        self.0.insert("model_dim".into(), json(value));
        self
    }

    /// Added to the mean square (by default 1e-05; at least 0; below 1).
    pub fn epsilon(mut self, value: f64) -> Self {
        self.0.insert("epsilon".into(), json(value));
        self
    }

    /// Multiply by a learned scale (by default true).
    pub fn scale(mut self, value: bool) -> Self {
        self.0.insert("scale".into(), json(value));
        self
    }

    /// Added to the learned scale, which starts at 1 less: with 1 it is stored as its distance
    /// from 1 (Gemma) (by default 0).
    pub fn weight_offset(mut self, value: f64) -> Self {
        self.0.insert("weight_offset".into(), json(value));
        self
    }
}

/// Turns pairs of query and key features by angles that grow with the position.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct RotaryPosition(Map<String, Value>);

impl Default for RotaryPosition {
    fn default() -> Self {
        RotaryPosition([("type".to_string(), Value::from("RotaryPosition"))].into_iter().collect())
    }
}

impl Serialize for RotaryPosition {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl RotaryPosition {
    pub fn new() -> Self {
        Self::default()
    }

    /// Base of the angles' geometric series (by default 10000; above 0).
    pub fn theta(mut self, value: f64) -> Self {
        self.0.insert("theta".into(), json(value));
        self
    }

    /// Features of each head that are turned, an even number; 0 means all of them (by default 0;
    /// at least 0; at most 65536).
    pub fn rotary_dim(mut self, value: i64) -> Self {
        self.0.insert("rotary_dim".into(), json(value));
        self
    }

    /// Pairs are neighbours (x0, x1) and not halves (x0, x\[d/2\]) (by default false).
    pub fn interleaved(mut self, value: bool) -> Self {
        self.0.insert("interleaved".into(), json(value));
        self
    }

    /// How the angles change for sequences that are longer than those of training (any part of
    /// role rotary_scaling).
    pub fn scaling(mut self, value: impl Serialize) -> Self {
        self.0.insert("scaling".into(), json(value));
        self
    }
}

/// Mean over tokens of the squared logsumexp of the router's logits (ST-MoE).
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct RouterZLoss(Map<String, Value>);

impl Default for RouterZLoss {
    fn default() -> Self {
        RouterZLoss([("type".to_string(), Value::from("RouterZLoss"))].into_iter().collect())
    }
}

impl Serialize for RouterZLoss {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl RouterZLoss {
    pub fn new() -> Self {
        Self::default()
    }

    /// Weight of the loss, 0.001 in the source (by default 0.001; at least 0).
    pub fn weight(mut self, value: f64) -> Self {
        self.0.insert("weight".into(), json(value));
        self
    }
}

/// What the run uses of the machine.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Runtime(Map<String, Value>);

impl Default for Runtime {
    fn default() -> Self {
        Runtime([("type".to_string(), Value::from("Runtime"))].into_iter().collect())
    }
}

impl Serialize for Runtime {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl Runtime {
    pub fn new() -> Self {
        Self::default()
    }

    /// Threads; 0 means as many as the process may use (by default 0; at least 0; at most 4096).
    pub fn threads(mut self, value: i64) -> Self {
        self.0.insert("threads".into(), json(value));
        self
    }

    /// Seed of everything random: weights, dropout, data order (by default 0; at least 0).
    pub fn seed(mut self, value: i64) -> Self {
        self.0.insert("seed".into(), json(value));
        self
    }

    /// The device that computes (by default "cpu").
    pub fn device(mut self, value: &str) -> Self {
        self.0.insert("device".into(), json(value));
        self
    }

    /// The instruction set that kernels may use at most ("reference", "avx2", "avx512", "amx");
    /// empty means the best there is (by default "").
    pub fn isa(mut self, value: &str) -> Self {
        self.0.insert("isa".into(), json(value));
        self
    }

    /// The number format (by default "fp32").
    pub fn dtype(mut self, value: NumberFormat) -> Self {
        self.0.insert("dtype".into(), json(value));
        self
    }

    /// Time a thread without work spins before it sleeps: waking one takes longer than a small
    /// op. It is for threads of the run's own; those of a runtime that a host made do as the host
    /// said (by default 50; in microseconds; at least 0; at most 1000000.0).
    pub fn spin_us(mut self, value: i64) -> Self {
        self.0.insert("spin_us".into(), json(value));
        self
    }

    /// A file that `tessera tune` wrote: what makes kernels faster on this machine and changes no
    /// result. Empty means the file that ships; "none" means that kernels take their own values.
    /// A file that is not there, or is for other machines, is a note (by default "").
    pub fn tuning(mut self, value: &str) -> Self {
        self.0.insert("tuning".into(), json(value));
        self
    }
}

/// Tokens to a stack to scores of classes for the whole sequence (BERT fine-tuned on sentences).
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct SequenceClassifier(Map<String, Value>);

impl Default for SequenceClassifier {
    fn default() -> Self {
        SequenceClassifier(
            [("type".to_string(), Value::from("SequenceClassifier"))].into_iter().collect(),
        )
    }
}

impl Serialize for SequenceClassifier {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl SequenceClassifier {
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of token ids: at least the tokenizer's (dictated by what surrounds it; at least 1;
    /// at most 2147483647).
    pub fn vocab_size(mut self, value: i64) -> Self {
        self.0.insert("vocab_size".into(), json(value));
        self
    }

    /// Width of the residual stream, given to everything below (dictated by what surrounds it; at
    /// least 1; at most 1048576).
    pub fn model_dim(mut self, value: i64) -> Self {
        self.0.insert("model_dim".into(), json(value));
        self
    }

    /// Number of classes (dictated by what surrounds it; at least 1; at most 2147483647).
    pub fn num_classes(mut self, value: i64) -> Self {
        self.0.insert("num_classes".into(), json(value));
        self
    }

    /// From token ids to vectors (any part of role embedding; by default Embedding).
    pub fn embedding(mut self, value: impl Serialize) -> Self {
        self.0.insert("embedding".into(), json(value));
        self
    }

    /// The layers (any part of role decoder; by default Decoder).
    pub fn decoder(mut self, value: impl Serialize) -> Self {
        self.0.insert("decoder".into(), json(value));
        self
    }

    /// From the vectors to scores of classes (any part of role classification_head; by default
    /// ClassificationHead).
    pub fn head(mut self, value: impl Serialize) -> Self {
        self.0.insert("head".into(), json(value));
        self
    }

    /// What training makes small (any part of role loss; by default CrossEntropy).
    pub fn loss(mut self, value: impl Serialize) -> Self {
        self.0.insert("loss".into(), json(value));
        self
    }

    /// Read the type of each token, "token_types" i32\[B,T\], beside the tokens (by default
    /// false).
    pub fn token_types(mut self, value: bool) -> Self {
        self.0.insert("token_types".into(), json(value));
        self
    }
}

/// Stochastic gradient descent with momentum.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Sgd(Map<String, Value>);

impl Default for Sgd {
    fn default() -> Self {
        Sgd([("type".to_string(), Value::from("Sgd"))].into_iter().collect())
    }
}

impl Serialize for Sgd {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl Sgd {
    pub fn new() -> Self {
        Self::default()
    }

    /// The learning rate at its peak, before the schedule's factor (by default 0.01; at least 0).
    pub fn learning_rate(mut self, value: f64) -> Self {
        self.0.insert("learning_rate".into(), json(value));
        self
    }

    /// Decay of the sum of gradients; 0 keeps none (by default 0; at least 0; below 1).
    pub fn momentum(mut self, value: f64) -> Self {
        self.0.insert("momentum".into(), json(value));
        self
    }

    /// Share of a new gradient that does not enter the sum (by default 0; at least 0; below 1).
    pub fn dampening(mut self, value: f64) -> Self {
        self.0.insert("dampening".into(), json(value));
        self
    }

    /// Look ahead along the momentum (by default false).
    pub fn nesterov(mut self, value: bool) -> Self {
        self.0.insert("nesterov".into(), json(value));
        self
    }

    /// Added to the gradient, times the weight. Norms and biases do not decay unless a group says
    /// so (by default 0; at least 0).
    pub fn weight_decay(mut self, value: f64) -> Self {
        self.0.insert("weight_decay".into(), json(value));
        self
    }

    /// Settings by parameter path (by default \[\]).
    pub fn groups(mut self, value: impl Serialize) -> Self {
        self.0.insert("groups".into(), json(value));
        self
    }
}

/// Chooses by logits that alternate scalings have balanced, weighs by the logits themselves.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct SinkhornGate(Map<String, Value>);

impl Default for SinkhornGate {
    fn default() -> Self {
        SinkhornGate([("type".to_string(), Value::from("SinkhornGate"))].into_iter().collect())
    }
}

impl Serialize for SinkhornGate {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl SinkhornGate {
    pub fn new() -> Self {
        Self::default()
    }

    /// Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
    pub fn model_dim(mut self, value: i64) -> Self {
        self.0.insert("model_dim".into(), json(value));
        self
    }

    /// How many there are to choose from (dictated by what surrounds it; at least 1; at most
    /// 65536).
    pub fn num_experts(mut self, value: i64) -> Self {
        self.0.insert("num_experts".into(), json(value));
        self
    }

    /// How many a token visits (by default 1; at least 1; at most 65536).
    pub fn top_k(mut self, value: i64) -> Self {
        self.0.insert("top_k".into(), json(value));
        self
    }

    /// Alternate scalings; the sources stop at a tolerance, which this many usually reach (by
    /// default 8; at least 1; at most 1000).
    pub fn iterations(mut self, value: i64) -> Self {
        self.0.insert("iterations".into(), json(value));
        self
    }

    /// Standard deviation of the normal distribution that the weights start from (by default
    /// 0.02; at least 0).
    pub fn init_std(mut self, value: f64) -> Self {
        self.0.insert("init_std".into(), json(value));
        self
    }
}

/// Fixed sines and cosines of every position, added to the embeddings (the original transformer).
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct SinusoidalPosition(Map<String, Value>);

impl Default for SinusoidalPosition {
    fn default() -> Self {
        SinusoidalPosition(
            [("type".to_string(), Value::from("SinusoidalPosition"))].into_iter().collect(),
        )
    }
}

impl Serialize for SinusoidalPosition {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl SinusoidalPosition {
    pub fn new() -> Self {
        Self::default()
    }

    /// Width of the vectors, an even number (dictated by what surrounds it; at least 2; at most
    /// 1048576).
    pub fn model_dim(mut self, value: i64) -> Self {
        self.0.insert("model_dim".into(), json(value));
        self
    }

    /// Base of the wavelengths' geometric series (by default 10000; above 0).
    pub fn base(mut self, value: f64) -> Self {
        self.0.insert("base".into(), json(value));
        self
    }

    /// A sine and its cosine are neighbours; otherwise all sines come before all cosines (by
    /// default true).
    pub fn interleaved(mut self, value: bool) -> Self {
        self.0.insert("interleaved".into(), json(value));
        self
    }
}

/// Experts that work on mixtures of all tokens of a sequence (Soft MoE). Not for causal models.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct SoftMixtureOfExperts(Map<String, Value>);

impl Default for SoftMixtureOfExperts {
    fn default() -> Self {
        SoftMixtureOfExperts(
            [("type".to_string(), Value::from("SoftMixtureOfExperts"))].into_iter().collect(),
        )
    }
}

impl Serialize for SoftMixtureOfExperts {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl SoftMixtureOfExperts {
    pub fn new() -> Self {
        Self::default()
    }

    /// Width of input and output (dictated by what surrounds it; at least 1; at most 1048576).
    pub fn model_dim(mut self, value: i64) -> Self {
        self.0.insert("model_dim".into(), json(value));
        self
    }

    /// Copies of the expert (by default 8; at least 1; at most 65536).
    pub fn num_experts(mut self, value: i64) -> Self {
        self.0.insert("num_experts".into(), json(value));
        self
    }

    /// Mixtures that each expert works on (by default 1; at least 1; at most 1048576).
    pub fn slots_per_expert(mut self, value: i64) -> Self {
        self.0.insert("slots_per_expert".into(), json(value));
        self
    }

    /// Standard deviation of the normal distribution that the mixing weights start from (by
    /// default 0.02; at least 0).
    pub fn init_std(mut self, value: f64) -> Self {
        self.0.insert("init_std".into(), json(value));
        self
    }

    /// The expert, of which there are num_experts copies with weights of their own (any part of
    /// role expert; by default FeedForward).
    pub fn expert(mut self, value: impl Serialize) -> Self {
        self.0.insert("expert".into(), json(value));
        self
    }
}

/// Spans are cut out of a text, each leaving an id of its own; the decoder says what they were
/// (T5).
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct SpanCorruption(Map<String, Value>);

impl Default for SpanCorruption {
    fn default() -> Self {
        SpanCorruption([("type".to_string(), Value::from("SpanCorruption"))].into_iter().collect())
    }
}

impl Serialize for SpanCorruption {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl SpanCorruption {
    pub fn new() -> Self {
        Self::default()
    }

    /// Id that the first span leaves; the ones after it count down (required; at least 0; at most
    /// 2147483647).
    pub fn first_sentinel(mut self, value: i64) -> Self {
        self.0.insert("first_sentinel".into(), json(value));
        self
    }

    /// How many such ids there are, and so the most spans in a text (by default 100; at least 1;
    /// at most 65536).
    pub fn sentinels(mut self, value: i64) -> Self {
        self.0.insert("sentinels".into(), json(value));
        self
    }

    /// Share of the tokens that are cut out (by default 0.15; above 0; below 1).
    pub fn share(mut self, value: f64) -> Self {
        self.0.insert("share".into(), json(value));
        self
    }

    /// Mean length of a span (by default 3; in tokens; at least 1; at most 1000).
    pub fn mean_span(mut self, value: f64) -> Self {
        self.0.insert("mean_span".into(), json(value));
        self
    }

    /// Id after which source and target end (by default 1; at least 0; at most 2147483647).
    pub fn end_id(mut self, value: i64) -> Self {
        self.0.insert("end_id".into(), json(value));
        self
    }

    /// Id that the decoder reads first (by default 0; at least 0; at most 2147483647).
    pub fn start_id(mut self, value: i64) -> Self {
        self.0.insert("start_id".into(), json(value));
        self
    }
}

/// The top_k experts of the largest logits; in training, choices beyond the even share of a group
/// of experts are moved to groups that have room (SWIPE).
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct SwipeGate(Map<String, Value>);

impl Default for SwipeGate {
    fn default() -> Self {
        SwipeGate([("type".to_string(), Value::from("SwipeGate"))].into_iter().collect())
    }
}

impl Serialize for SwipeGate {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl SwipeGate {
    pub fn new() -> Self {
        Self::default()
    }

    /// Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
    pub fn model_dim(mut self, value: i64) -> Self {
        self.0.insert("model_dim".into(), json(value));
        self
    }

    /// How many there are to choose from (dictated by what surrounds it; at least 1; at most
    /// 65536).
    pub fn num_experts(mut self, value: i64) -> Self {
        self.0.insert("num_experts".into(), json(value));
        self
    }

    /// How many a token visits (by default 2; at least 1; at most 65536).
    pub fn top_k(mut self, value: i64) -> Self {
        self.0.insert("top_k".into(), json(value));
        self
    }

    /// Experts of a group, neighbours by number, that get an even share together; 1: each expert
    /// (by default 1; at least 1; at most 65536).
    pub fn group_size(mut self, value: i64) -> Self {
        self.0.insert("group_size".into(), json(value));
        self
    }

    /// Tokens are shared out within each sequence; otherwise within a micro-batch, not with
    /// several ranks (by default true).
    pub fn per_sequence(mut self, value: bool) -> Self {
        self.0.insert("per_sequence".into(), json(value));
        self
    }

    /// Standard deviation of the normal distribution that the weights start from (by default
    /// 0.02; at least 0).
    pub fn init_std(mut self, value: f64) -> Self {
        self.0.insert("init_std".into(), json(value));
        self
    }
}

/// One expert a token, weighted by its probability (Switch Transformer).
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct SwitchGate(Map<String, Value>);

impl Default for SwitchGate {
    fn default() -> Self {
        SwitchGate([("type".to_string(), Value::from("SwitchGate"))].into_iter().collect())
    }
}

impl Serialize for SwitchGate {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl SwitchGate {
    pub fn new() -> Self {
        Self::default()
    }

    /// Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
    pub fn model_dim(mut self, value: i64) -> Self {
        self.0.insert("model_dim".into(), json(value));
        self
    }

    /// How many there are to choose from (dictated by what surrounds it; at least 1; at most
    /// 65536).
    pub fn num_experts(mut self, value: i64) -> Self {
        self.0.insert("num_experts".into(), json(value));
        self
    }

    /// In training, the input is multiplied by random numbers in 1 - jitter to 1 + jitter (by
    /// default 0.01; at least 0; below 1).
    pub fn jitter(mut self, value: f64) -> Self {
        self.0.insert("jitter".into(), json(value));
        self
    }

    /// As FastMoE does: numbers in 1 - jitter to 1 + jitter are added to the logits instead (by
    /// default false).
    pub fn fastmoe(mut self, value: bool) -> Self {
        self.0.insert("fastmoe".into(), json(value));
        self
    }

    /// Standard deviation of the normal distribution that the weights start from (by default
    /// 0.02; at least 0).
    pub fn init_std(mut self, value: f64) -> Self {
        self.0.insert("init_std".into(), json(value));
        self
    }
}

/// Adds a learned vector for the type of each token, its sentence in BERT, to an embedding that
/// it wraps.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct TokenTypeEmbedding(Map<String, Value>);

impl Default for TokenTypeEmbedding {
    fn default() -> Self {
        TokenTypeEmbedding(
            [("type".to_string(), Value::from("TokenTypeEmbedding"))].into_iter().collect(),
        )
    }
}

impl Serialize for TokenTypeEmbedding {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl TokenTypeEmbedding {
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of types (by default 2; at least 1; at most 65536).
    pub fn num_types(mut self, value: i64) -> Self {
        self.0.insert("num_types".into(), json(value));
        self
    }

    /// Width of the vectors (dictated by what surrounds it; at least 1; at most 1048576).
    pub fn model_dim(mut self, value: i64) -> Self {
        self.0.insert("model_dim".into(), json(value));
        self
    }

    /// Standard deviation of the normal distribution that the weights start from (by default
    /// 0.02; at least 0).
    pub fn init_std(mut self, value: f64) -> Self {
        self.0.insert("init_std".into(), json(value));
        self
    }

    /// The embedding of the tokens themselves (any part of role embedding; by default Embedding).
    pub fn inner(mut self, value: impl Serialize) -> Self {
        self.0.insert("inner".into(), json(value));
        self
    }
}

/// The top_k experts of the largest logits; weights by softmax over these or over all.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct TopKGate(Map<String, Value>);

impl Default for TopKGate {
    fn default() -> Self {
        TopKGate([("type".to_string(), Value::from("TopKGate"))].into_iter().collect())
    }
}

impl Serialize for TopKGate {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl TopKGate {
    pub fn new() -> Self {
        Self::default()
    }

    /// Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
    pub fn model_dim(mut self, value: i64) -> Self {
        self.0.insert("model_dim".into(), json(value));
        self
    }

    /// How many there are to choose from (dictated by what surrounds it; at least 1; at most
    /// 65536).
    pub fn num_experts(mut self, value: i64) -> Self {
        self.0.insert("num_experts".into(), json(value));
        self
    }

    /// How many a token visits (by default 2; at least 1; at most 65536).
    pub fn top_k(mut self, value: i64) -> Self {
        self.0.insert("top_k".into(), json(value));
        self
    }

    /// What the logits become (by default "softmax").
    pub fn score(mut self, value: RouterScore) -> Self {
        self.0.insert("score".into(), json(value));
        self
    }

    /// Softmax over the chosen experts only; otherwise over all, of which the chosen are taken
    /// (by default true).
    pub fn softmax_after(mut self, value: bool) -> Self {
        self.0.insert("softmax_after".into(), json(value));
        self
    }

    /// Add a learned bias to the logits (by default false).
    pub fn bias(mut self, value: bool) -> Self {
        self.0.insert("bias".into(), json(value));
        self
    }

    /// Standard deviation of the normal distribution that the weights start from (by default
    /// 0.02; at least 0).
    pub fn init_std(mut self, value: f64) -> Self {
        self.0.insert("init_std".into(), json(value));
        self
    }
}

/// As many experts as together reach a probability (top-p routing).
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct TopPGate(Map<String, Value>);

impl Default for TopPGate {
    fn default() -> Self {
        TopPGate([("type".to_string(), Value::from("TopPGate"))].into_iter().collect())
    }
}

impl Serialize for TopPGate {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl TopPGate {
    pub fn new() -> Self {
        Self::default()
    }

    /// Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
    pub fn model_dim(mut self, value: i64) -> Self {
        self.0.insert("model_dim".into(), json(value));
        self
    }

    /// How many there are to choose from (dictated by what surrounds it; at least 1; at most
    /// 65536).
    pub fn num_experts(mut self, value: i64) -> Self {
        self.0.insert("num_experts".into(), json(value));
        self
    }

    /// Probability to reach (by default 0.5; above 0; at most 1).
    pub fn probability(mut self, value: f64) -> Self {
        self.0.insert("probability".into(), json(value));
        self
    }

    /// Experts of a token at most; 0: all (by default 0; at least 0; at most 65536).
    pub fn most(mut self, value: i64) -> Self {
        self.0.insert("most".into(), json(value));
        self
    }

    /// Divide the weights by their sum (by default false).
    pub fn normalize(mut self, value: bool) -> Self {
        self.0.insert("normalize".into(), json(value));
        self
    }

    /// Standard deviation of the normal distribution that the weights start from (by default
    /// 0.02; at least 0).
    pub fn init_std(mut self, value: f64) -> Self {
        self.0.insert("init_std".into(), json(value));
        self
    }
}

/// The training loop.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Trainer(Map<String, Value>);

impl Default for Trainer {
    fn default() -> Self {
        Trainer([("type".to_string(), Value::from("Trainer"))].into_iter().collect())
    }
}

impl Serialize for Trainer {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl Trainer {
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of optimizer steps (by default 1000; in steps; at least 0; at most 1000000000.0).
    pub fn steps(mut self, value: i64) -> Self {
        self.0.insert("steps".into(), json(value));
        self
    }

    /// Sequences in a step, over all ranks and micro-batches (by default 8; in sequences; at
    /// least 1; at most 16777216).
    pub fn batch_size(mut self, value: i64) -> Self {
        self.0.insert("batch_size".into(), json(value));
        self
    }

    /// Tokens of a sequence (by default 256; in tokens; at least 1; at most 16777216).
    pub fn sequence_length(mut self, value: i64) -> Self {
        self.0.insert("sequence_length".into(), json(value));
        self
    }

    /// Parts that a rank's share of a step is done in, to save memory; gradients are summed (by
    /// default 1; at least 1; at most 65536).
    pub fn micro_batches(mut self, value: i64) -> Self {
        self.0.insert("micro_batches".into(), json(value));
        self
    }

    /// Gradients are scaled down to this global norm; 0 turns it off (by default 1; at least 0).
    pub fn clip_norm(mut self, value: f64) -> Self {
        self.0.insert("clip_norm".into(), json(value));
        self
    }

    /// Steps between evaluations; 0 means at the end only (by default 0; in steps; at least 0).
    pub fn eval_every(mut self, value: i64) -> Self {
        self.0.insert("eval_every".into(), json(value));
        self
    }

    /// Batches of an evaluation; 0 means the whole validation split (by default 0; in batches; at
    /// least 0).
    pub fn eval_batches(mut self, value: i64) -> Self {
        self.0.insert("eval_batches".into(), json(value));
        self
    }

    /// Steps between checkpoints; 0 means at the end only (by default 0; in steps; at least 0).
    pub fn save_every(mut self, value: i64) -> Self {
        self.0.insert("save_every".into(), json(value));
        self
    }

    /// Number of newest checkpoints that are kept; 0 keeps all (by default 3; at least 0).
    pub fn keep_checkpoints(mut self, value: i64) -> Self {
        self.0.insert("keep_checkpoints".into(), json(value));
        self
    }

    /// Steps between log lines; metrics.jsonl has every step (by default 10; in steps; at least
    /// 1).
    pub fn log_every(mut self, value: i64) -> Self {
        self.0.insert("log_every".into(), json(value));
        self
    }

    /// What happens when a gradient or loss is not finite (by default "stop").
    pub fn nan_policy(mut self, value: NanPolicy) -> Self {
        self.0.insert("nan_policy".into(), json(value));
        self
    }

    /// Name the first op with a result that is not finite; costs a second, slower step when it
    /// happens (by default false).
    pub fn find_non_finite(mut self, value: bool) -> Self {
        self.0.insert("find_non_finite".into(), json(value));
        self
    }

    /// What the backward pass computes again instead of keeping (by default "none").
    pub fn recompute(mut self, value: Recompute) -> Self {
        self.0.insert("recompute".into(), json(value));
        self
    }

    /// Measure time, flops and bytes of every op (by default false).
    pub fn profile(mut self, value: bool) -> Self {
        self.0.insert("profile".into(), json(value));
        self
    }

    /// Checkpoint folder, imported or trained, whose parameters a new run starts with, matched by
    /// path; its tokenizer, if it has one, stands in for data.tokenizer. Empty: runtime.seed
    /// gives all values (by default "").
    pub fn init_from(mut self, value: &str) -> Self {
        self.0.insert("init_from".into(), json(value));
        self
    }

    /// Pattern of parameters that the checkpoint of init_from need not have, such as those of
    /// adapters; they start as runtime.seed says. Empty: it has all (by default "").
    pub fn init_missing(mut self, value: &str) -> Self {
        self.0.insert("init_missing".into(), json(value));
        self
    }

    /// File for a picture of one step: which thread worked on which kernel when, as JSON that
    /// chrome://tracing and Perfetto read. Ranks after the first append ".rank" and their number.
    /// Empty writes none (by default "").
    pub fn trace(mut self, value: &str) -> Self {
        self.0.insert("trace".into(), json(value));
        self
    }

    /// The step that is traced; the first ones are not typical (by default 3; in steps; at least
    /// 1).
    pub fn trace_step(mut self, value: i64) -> Self {
        self.0.insert("trace_step".into(), json(value));
        self
    }

    /// Exceptions by path; the first that matches wins (by default \[\]).
    pub fn recompute_rules(mut self, value: impl Serialize) -> Self {
        self.0.insert("recompute_rules".into(), json(value));
        self
    }

    /// Most memory that the plan of a step may take, as `tessera graph` counts it. Segments that
    /// no rule names then compute again as little as fits, starting from `recompute`: selective
    /// from the first layer on, then full. 0: no bound (by default 0; in bytes; at least 0).
    pub fn memory_budget(mut self, value: i64) -> Self {
        self.0.insert("memory_budget".into(), json(value));
        self
    }

    /// How experts start where the checkpoint of init_from has a dense feed-forward in their
    /// place: as copies of it, or, where they are narrower, as its parts; and how it is put
    /// together again from them (by default "exact").
    pub fn init_experts(mut self, value: ExpertScaling) -> Self {
        self.0.insert("init_experts".into(), json(value));
        self
    }

    /// The experts that a model of fewer keeps of those in the checkpoint of init_from, by
    /// number, in the order in which it has them; their columns of the router come along.
    /// `tessera moe-report` says which were busy (by default \[\]; at least 0; at most 65535).
    pub fn init_keep_experts(mut self, value: impl Serialize) -> Self {
        self.0.insert("init_keep_experts".into(), json(value));
        self
    }

    /// Where checkpoints go, and where a resumed run looks for them: a folder, or "NAME://PATH"
    /// in the checkpoint store NAME that the host has registered. Empty: "checkpoints" in the
    /// folder of the run (by default "").
    pub fn checkpoint_folder(mut self, value: &str) -> Self {
        self.0.insert("checkpoint_folder".into(), json(value));
        self
    }

    /// File for the experts that every token of every training step visits: safetensors with
    /// routing/MIXTURE, int32 of steps, rows, tokens and choices, -1 for none, and `recorded`, 1
    /// for the rows of the steps that are in it. It is as long as all steps from the beginning,
    /// sparse where the file system can; ranks write into one file. `tessera moe-report` draws
    /// it. Empty writes none (by default "").
    pub fn record_routing(mut self, value: &str) -> Self {
        self.0.insert("record_routing".into(), json(value));
        self
    }

    /// Such a file, from which training steps take the experts of every token in place of the
    /// gates' choices; weights, and with them gradients, are those of the gates for these.
    /// Evaluations choose for themselves. Empty: the gates choose (by default "").
    pub fn replay_routing(mut self, value: &str) -> Self {
        self.0.insert("replay_routing".into(), json(value));
        self
    }
}

/// Attention and feed-forward with norms and residual connections.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct TransformerLayer(Map<String, Value>);

impl Default for TransformerLayer {
    fn default() -> Self {
        TransformerLayer(
            [("type".to_string(), Value::from("TransformerLayer"))].into_iter().collect(),
        )
    }
}

impl Serialize for TransformerLayer {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl TransformerLayer {
    pub fn new() -> Self {
        Self::default()
    }

    /// Width of input and output (dictated by what surrounds it; at least 1; at most 1048576).
    pub fn model_dim(mut self, value: i64) -> Self {
        self.0.insert("model_dim".into(), json(value));
        self
    }

    /// Where the norms stand (by default "pre").
    pub fn norm_placement(mut self, value: NormPlacement) -> Self {
        self.0.insert("norm_placement".into(), json(value));
        self
    }

    /// Attention and feed-forward read the same norm and are summed (GPT-J) (by default false).
    pub fn parallel_residual(mut self, value: bool) -> Self {
        self.0.insert("parallel_residual".into(), json(value));
        self
    }

    /// The norm; the layer has one for each of its parts, or two with sandwich placement (any
    /// part of role norm; by default RmsNorm).
    pub fn norm(mut self, value: impl Serialize) -> Self {
        self.0.insert("norm".into(), json(value));
        self
    }

    /// How tokens exchange information (any part of role attention; by default Attention).
    pub fn attention(mut self, value: impl Serialize) -> Self {
        self.0.insert("attention".into(), json(value));
        self
    }

    /// What is done to each token on its own (any part of role feed_forward; by default
    /// FeedForward).
    pub fn feed_forward(mut self, value: impl Serialize) -> Self {
        self.0.insert("feed_forward".into(), json(value));
        self
    }

    /// Applied to what attention and feed-forward return (any part of role dropout).
    pub fn dropout(mut self, value: impl Serialize) -> Self {
        self.0.insert("dropout".into(), json(value));
        self
    }

    /// What attention and feed-forward are multiplied by before they are added (by default
    /// "none").
    pub fn residual_scaling(mut self, value: ResidualScaling) -> Self {
        self.0.insert("residual_scaling".into(), json(value));
        self
    }

    /// A constant of which the same holds (Granite, MiniCPM) (by default 1; above 0).
    pub fn residual_scale(mut self, value: f64) -> Self {
        self.0.insert("residual_scale".into(), json(value));
        self
    }

    /// Number of layers of the stack, for scaling by depth (by default 0; at least 0; at most
    /// 100000.0).
    pub fn num_layers(mut self, value: i64) -> Self {
        self.0.insert("num_layers".into(), json(value));
        self
    }

    /// How a second sequence, what an encoder made, is read: between attention and feed-forward
    /// (any part of role attention).
    pub fn cross_attention(mut self, value: impl Serialize) -> Self {
        self.0.insert("cross_attention".into(), json(value));
        self
    }
}

/// Images to patches to a stack to scores of classes (ViT).
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct VisionModel(Map<String, Value>);

impl Default for VisionModel {
    fn default() -> Self {
        VisionModel([("type".to_string(), Value::from("VisionModel"))].into_iter().collect())
    }
}

impl Serialize for VisionModel {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl VisionModel {
    pub fn new() -> Self {
        Self::default()
    }

    /// Width of the residual stream, given to everything below (dictated by what surrounds it; at
    /// least 1; at most 1048576).
    pub fn model_dim(mut self, value: i64) -> Self {
        self.0.insert("model_dim".into(), json(value));
        self
    }

    /// Height and width of the images (dictated by what surrounds it; by default 224; in pixels;
    /// at least 1; at most 65536).
    pub fn image_size(mut self, value: i64) -> Self {
        self.0.insert("image_size".into(), json(value));
        self
    }

    /// Numbers of a pixel (dictated by what surrounds it; by default 3; at least 1; at most
    /// 65536).
    pub fn num_channels(mut self, value: i64) -> Self {
        self.0.insert("num_channels".into(), json(value));
        self
    }

    /// Number of classes (dictated by what surrounds it; at least 1; at most 2147483647).
    pub fn num_classes(mut self, value: i64) -> Self {
        self.0.insert("num_classes".into(), json(value));
        self
    }

    /// From images to vectors of patches (any part of role patch_embedding; by default
    /// PatchEmbedding).
    pub fn patches(mut self, value: impl Serialize) -> Self {
        self.0.insert("patches".into(), json(value));
        self
    }

    /// The layers: their attention should not be causal. A position that stands here comes on top
    /// of that of the patches and counts them by rows; "NoPosition" is usual (any part of role
    /// decoder; by default Decoder).
    pub fn encoder(mut self, value: impl Serialize) -> Self {
        self.0.insert("encoder".into(), json(value));
        self
    }

    /// From the vectors to scores of classes (any part of role classification_head; by default
    /// ClassificationHead).
    pub fn head(mut self, value: impl Serialize) -> Self {
        self.0.insert("head".into(), json(value));
        self
    }

    /// What training makes small (any part of role loss; by default CrossEntropy).
    pub fn loss(mut self, value: impl Serialize) -> Self {
        self.0.insert("loss".into(), json(value));
        self
    }
}

/// Warm-up, a long stable phase at the peak, and a short decay.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Wsd(Map<String, Value>);

impl Default for Wsd {
    fn default() -> Self {
        Wsd([("type".to_string(), Value::from("Wsd"))].into_iter().collect())
    }
}

impl Serialize for Wsd {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl Wsd {
    pub fn new() -> Self {
        Self::default()
    }

    /// Steps over which the rate rises from 0 (by default 0; in steps; at least 0).
    pub fn warmup_steps(mut self, value: i64) -> Self {
        self.0.insert("warmup_steps".into(), json(value));
        self
    }

    /// Steps at the peak; 0 means what warm-up and decay leave of the run (by default 0; in
    /// steps; at least 0).
    pub fn stable_steps(mut self, value: i64) -> Self {
        self.0.insert("stable_steps".into(), json(value));
        self
    }

    /// Steps of the decay (required; in steps; at least 1).
    pub fn decay_steps(mut self, value: i64) -> Self {
        self.0.insert("decay_steps".into(), json(value));
        self
    }

    /// The shape of the decay (by default "cosine").
    pub fn decay_type(mut self, value: DecayShape) -> Self {
        self.0.insert("decay_type".into(), json(value));
        self
    }

    /// The lowest rate, as a share of the peak (by default 0; at least 0; at most 1).
    pub fn min_lr_ratio(mut self, value: f64) -> Self {
        self.0.insert("min_lr_ratio".into(), json(value));
        self
    }
}

/// Fast rotary frequencies kept, slow ones divided by a factor, scores sharpened (YaRN).
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct YarnScaling(Map<String, Value>);

impl Default for YarnScaling {
    fn default() -> Self {
        YarnScaling([("type".to_string(), Value::from("YarnScaling"))].into_iter().collect())
    }
}

impl Serialize for YarnScaling {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl YarnScaling {
    pub fn new() -> Self {
        Self::default()
    }

    /// How many times longer sequences may be than those of training (required; at least 1; at
    /// most 1000000.0).
    pub fn factor(mut self, value: f64) -> Self {
        self.0.insert("factor".into(), json(value));
        self
    }

    /// The longest sequence of training (required; in tokens; at least 1; at most 1073741824).
    pub fn original_max_positions(mut self, value: i64) -> Self {
        self.0.insert("original_max_positions".into(), json(value));
        self
    }

    /// Frequencies that make more turns than this over the original length are kept (by default
    /// 32; above 0; at most 1000000.0).
    pub fn beta_fast(mut self, value: f64) -> Self {
        self.0.insert("beta_fast".into(), json(value));
        self
    }

    /// Frequencies that make fewer turns than this are divided by the factor (by default 1; above
    /// 0; at most 1000000.0).
    pub fn beta_slow(mut self, value: f64) -> Self {
        self.0.insert("beta_slow".into(), json(value));
        self
    }

    /// Factor on queries and keys; 0 means that it follows from factor and the mscales (by
    /// default 0; at least 0; at most 1000000.0).
    pub fn attention_factor(mut self, value: f64) -> Self {
        self.0.insert("attention_factor".into(), json(value));
        self
    }

    /// Weight of ln(factor) in the factor on queries and keys; 0 means 1 over 1 (by default 0; at
    /// least 0; at most 1000000.0).
    pub fn mscale(mut self, value: f64) -> Self {
        self.0.insert("mscale".into(), json(value));
        self
    }

    /// The same in what it is divided by; only with mscale (by default 0; at least 0; at most
    /// 1000000.0).
    pub fn mscale_all_dim(mut self, value: f64) -> Self {
        self.0.insert("mscale_all_dim".into(), json(value));
        self
    }

    /// Round the pairs at which frequencies begin and end to change (by default true).
    pub fn truncate(mut self, value: bool) -> Self {
        self.0.insert("truncate".into(), json(value));
        self
    }
}
