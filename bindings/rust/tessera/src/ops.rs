//! A type for each op, with its attributes and operands. Made from the catalogue by bindings/generate; not edited.
//!
//! ```
//! # fn main() -> tessera::Result<()> {
//! use tessera::{ops, DType, Graph, Runtime};
//!
//! let graph = Graph::new(&Runtime::new()?)?;
//! let x = graph.input("x", DType::F32, "N,8")?;
//! let [values, _] = ops::TopK::new(2).add(&graph, x)?;
//! graph.output("y", ops::ReduceSum::new(&[1]).add(&graph, values)?)?;
//! # Ok(())
//! # }
//! ```

use serde_json::{Map, Value as Json};

use crate::{Code, Error, Graph, Result, Scope, Value};

/// What takes ops: a [`Graph`], or the [`Scope`] of a module.
pub trait Builder {
    /// Adds an op by name.
    fn add_op(&self, op: &str, inputs: &[Value], attrs: &Map<String, Json>) -> Result<Vec<Value>>;
}

impl Builder for Graph {
    fn add_op(&self, op: &str, inputs: &[Value], attrs: &Map<String, Json>) -> Result<Vec<Value>> {
        self.add_many(op, inputs, attrs)
    }
}

impl Builder for Scope<'_> {
    fn add_op(&self, op: &str, inputs: &[Value], attrs: &Map<String, Json>) -> Result<Vec<Value>> {
        self.add_many(op, inputs, attrs)
    }
}

/// As many results as the signature says.
fn exactly<const N: usize>(op: &str, made: Vec<Value>) -> Result<[Value; N]> {
    made.try_into().map_err(|made: Vec<Value>| {
        Error::new(Code::Internal, format!("{op}: expected {N} results, got {}", made.len()))
    })
}

trait Attr {
    fn json(self) -> Json;
}

impl Attr for bool {
    fn json(self) -> Json {
        self.into()
    }
}

impl Attr for i64 {
    fn json(self) -> Json {
        self.into()
    }
}

impl Attr for &str {
    fn json(self) -> Json {
        self.into()
    }
}

impl Attr for &[i64] {
    fn json(self) -> Json {
        self.into()
    }
}

impl Attr for f64 {
    /// Numbers that JSON lacks are texts.
    fn json(self) -> Json {
        match self {
            value if value.is_nan() => "nan".into(),
            f64::INFINITY => "inf".into(),
            f64::NEG_INFINITY => "-inf".into(),
            value => value.into(),
        }
    }
}

/// y = |x|.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Abs(Map<String, Json>);

impl Default for Abs {
    fn default() -> Self {
        Abs(Map::new())
    }
}

impl Abs {
    pub fn new() -> Self {
        let attrs = Map::new();
        Abs(attrs)
    }

    pub fn add(&self, to: &impl Builder, x: Value) -> Result<Value> {
        exactly("abs", to.add_op("abs", &[x], &self.0)?).map(|[value]| value)
    }
}

/// one step of AdamW on a parameter and its two moments, in place.
/// Signature: param\[...\], grad\[...\], m\[...\], v\[...\], lr\[\], step\[\], clip\[\] -\>
/// new_param\[...\], new_m\[...\], new_v\[...\]
/// It has no gradient.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct AdamwUpdate(Map<String, Json>);

impl Default for AdamwUpdate {
    fn default() -> Self {
        AdamwUpdate(Map::new())
    }
}

impl AdamwUpdate {
    pub fn new() -> Self {
        let attrs = Map::new();
        AdamwUpdate(attrs)
    }

    /// decay of the first moment, in \[0, 1) (by default 0.9).
    pub fn beta1(mut self, value: f64) -> Self {
        self.0.insert("beta1".into(), value.json());
        self
    }

    /// decay of the second moment, in \[0, 1) (by default 0.999).
    pub fn beta2(mut self, value: f64) -> Self {
        self.0.insert("beta2".into(), value.json());
        self
    }

    /// added to the root; at least 0 (by default 1e-08).
    pub fn epsilon(mut self, value: f64) -> Self {
        self.0.insert("epsilon".into(), value.json());
        self
    }

    /// decoupled from the gradient; times lr (by default 0.0).
    pub fn weight_decay(mut self, value: f64) -> Self {
        self.0.insert("weight_decay".into(), value.json());
        self
    }

    pub fn add(
        &self,
        to: &impl Builder,
        param: Value,
        grad: Value,
        m: Value,
        v: Value,
        lr: Value,
        step: Value,
        clip: Value,
    ) -> Result<[Value; 3]> {
        exactly(
            "adamw_update",
            to.add_op("adamw_update", &[param, grad, m, v, lr, step, clip], &self.0)?,
        )
    }
}

/// out = x + y.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Add(Map<String, Json>);

impl Default for Add {
    fn default() -> Self {
        Add(Map::new())
    }
}

impl Add {
    pub fn new() -> Self {
        let attrs = Map::new();
        Add(attrs)
    }

    pub fn add(&self, to: &impl Builder, x: Value, y: Value) -> Result<Value> {
        exactly("add", to.add_op("add", &[x, y], &self.0)?).map(|[value]| value)
    }
}

/// y = x0 + x1 + ..., summed in order and rounded once.
/// Signature: x*\[...\] -\> y\[...\]
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct AddN(Map<String, Json>);

impl Default for AddN {
    fn default() -> Self {
        AddN(Map::new())
    }
}

impl AddN {
    pub fn new() -> Self {
        let attrs = Map::new();
        AddN(attrs)
    }

    /// of the result; empty: that of the operands (by default ).
    pub fn dtype(mut self, value: &str) -> Self {
        self.0.insert("dtype".into(), value.json());
        self
    }

    pub fn add(&self, to: &impl Builder, inputs: &[Value]) -> Result<Value> {
        exactly("add_n", to.add_op("add_n", inputs, &self.0)?).map(|[value]| value)
    }
}

/// y = the x of all ranks of a mesh axis one after the other along `dim`.
/// It has no gradient.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct AllGather(Map<String, Json>);

impl AllGather {
    /// `axis`: of the mesh.
    /// `ranks`: size of the axis.
    /// `dim`: along which the parts are joined.
    pub fn new(axis: &str, ranks: i64, dim: i64) -> Self {
        let mut attrs = Map::new();
        attrs.insert("axis".into(), axis.json());
        attrs.insert("ranks".into(), ranks.json());
        attrs.insert("dim".into(), dim.json());
        AllGather(attrs)
    }

    pub fn add(&self, to: &impl Builder, inputs: &[Value]) -> Result<Value> {
        exactly("all_gather", to.add_op("all_gather", inputs, &self.0)?).map(|[value]| value)
    }

    /// All results.
    pub fn add_many(&self, to: &impl Builder, inputs: &[Value]) -> Result<Vec<Value>> {
        to.add_op("all_gather", inputs, &self.0)
    }
}

/// y = x summed (or the maximum) over the ranks of a mesh axis.
/// Signature: x\[...\] -\> y\[...\]
/// It has no gradient.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct AllReduce(Map<String, Json>);

impl AllReduce {
    /// `axis`: of the mesh.
    pub fn new(axis: &str) -> Self {
        let mut attrs = Map::new();
        attrs.insert("axis".into(), axis.json());
        AllReduce(attrs)
    }

    /// sum or max (by default sum).
    pub fn reduce(mut self, value: &str) -> Self {
        self.0.insert("reduce".into(), value.json());
        self
    }

    pub fn add(&self, to: &impl Builder, x: Value) -> Result<Value> {
        exactly("all_reduce", to.add_op("all_reduce", &[x], &self.0)?).map(|[value]| value)
    }
}

/// y\[i\] = start + i * step.
/// Signature: -\> y\[{shape...}\]
/// It has no gradient.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Arange(Map<String, Json>);

impl Arange {
    /// `shape`: the one dim of the result, such as "T".
    pub fn new(shape: &str) -> Self {
        let mut attrs = Map::new();
        attrs.insert("shape".into(), shape.json());
        Arange(attrs)
    }

    /// the first value (by default 0.0).
    pub fn start(mut self, value: f64) -> Self {
        self.0.insert("start".into(), value.json());
        self
    }

    /// from one value to the next (by default 1.0).
    pub fn step(mut self, value: f64) -> Self {
        self.0.insert("step".into(), value.json());
        self
    }

    /// of the result (by default i32).
    pub fn dtype(mut self, value: &str) -> Self {
        self.0.insert("dtype".into(), value.json());
        self
    }

    pub fn add(&self, to: &impl Builder, inputs: &[Value]) -> Result<Value> {
        exactly("arange", to.add_op("arange", inputs, &self.0)?).map(|[value]| value)
    }
}

/// y = the index of the largest element along `dim`.
/// It has no gradient.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Argmax(Map<String, Json>);

impl Argmax {
    /// `dim`: along which is searched; it is gone from the result.
    pub fn new(dim: i64) -> Self {
        let mut attrs = Map::new();
        attrs.insert("dim".into(), dim.json());
        Argmax(attrs)
    }

    pub fn add(&self, to: &impl Builder, x: Value) -> Result<Value> {
        exactly("argmax", to.add_op("argmax", &[x], &self.0)?).map(|[value]| value)
    }

    /// All results.
    pub fn add_many(&self, to: &impl Builder, x: Value) -> Result<Vec<Value>> {
        to.add_op("argmax", &[x], &self.0)
    }
}

/// y = softmax(scale * q . k) v by head over the keys a query sees; lse of the scores.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Attention(Map<String, Json>);

impl Default for Attention {
    fn default() -> Self {
        Attention(Map::new())
    }
}

impl Attention {
    pub fn new() -> Self {
        let attrs = Map::new();
        Attention(attrs)
    }

    /// a query sees no key after its own index (by default False).
    pub fn causal(mut self, value: bool) -> Self {
        self.0.insert("causal".into(), value.json());
        self
    }

    /// factor on q . k, such as 1 / sqrt(D) (by default 1.0).
    pub fn scale(mut self, value: f64) -> Self {
        self.0.insert("scale".into(), value.json());
        self
    }

    /// keys further back than this are not seen; 0: all are (by default 0).
    pub fn window(mut self, value: i64) -> Self {
        self.0.insert("window".into(), value.json());
        self
    }

    /// scores become cap * tanh(score / cap); 0: no cap (by default 0.0).
    pub fn softcap(mut self, value: f64) -> Self {
        self.0.insert("softcap".into(), value.json());
        self
    }

    /// operands q_segments, k_segments: only equal ones meet (by default False).
    pub fn has_segments(mut self, value: bool) -> Self {
        self.0.insert("has_segments".into(), value.json());
        self
    }

    /// operand start: index of the first query of each batch row (by default False).
    pub fn has_start(mut self, value: bool) -> Self {
        self.0.insert("has_start".into(), value.json());
        self
    }

    /// operand slopes: how fast scores of a head fall with distance (by default False).
    pub fn has_slopes(mut self, value: bool) -> Self {
        self.0.insert("has_slopes".into(), value.json());
        self
    }

    /// operand bias: added to the scores (by default False).
    pub fn has_bias(mut self, value: bool) -> Self {
        self.0.insert("has_bias".into(), value.json());
        self
    }

    /// operand sinks: a logit of each head that has no value (by default False).
    pub fn has_sinks(mut self, value: bool) -> Self {
        self.0.insert("has_sinks".into(), value.json());
        self
    }

    pub fn add(&self, to: &impl Builder, inputs: &[Value]) -> Result<Value> {
        exactly("attention", to.add_op("attention", inputs, &self.0)?).map(|[value]| value)
    }

    /// All results.
    pub fn add_many(&self, to: &impl Builder, inputs: &[Value]) -> Result<Vec<Value>> {
        to.add_op("attention", inputs, &self.0)
    }
}

/// gradient of attention with respect to its bias.
/// It has no gradient.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct AttentionBiasGrad(Map<String, Json>);

impl Default for AttentionBiasGrad {
    fn default() -> Self {
        AttentionBiasGrad(Map::new())
    }
}

impl AttentionBiasGrad {
    pub fn new() -> Self {
        let attrs = Map::new();
        AttentionBiasGrad(attrs)
    }

    /// a query sees no key after its own index (by default False).
    pub fn causal(mut self, value: bool) -> Self {
        self.0.insert("causal".into(), value.json());
        self
    }

    /// factor on q . k, such as 1 / sqrt(D) (by default 1.0).
    pub fn scale(mut self, value: f64) -> Self {
        self.0.insert("scale".into(), value.json());
        self
    }

    /// keys further back than this are not seen; 0: all are (by default 0).
    pub fn window(mut self, value: i64) -> Self {
        self.0.insert("window".into(), value.json());
        self
    }

    /// scores become cap * tanh(score / cap); 0: no cap (by default 0.0).
    pub fn softcap(mut self, value: f64) -> Self {
        self.0.insert("softcap".into(), value.json());
        self
    }

    /// operands q_segments, k_segments: only equal ones meet (by default False).
    pub fn has_segments(mut self, value: bool) -> Self {
        self.0.insert("has_segments".into(), value.json());
        self
    }

    /// operand start: index of the first query of each batch row (by default False).
    pub fn has_start(mut self, value: bool) -> Self {
        self.0.insert("has_start".into(), value.json());
        self
    }

    /// operand slopes: how fast scores of a head fall with distance (by default False).
    pub fn has_slopes(mut self, value: bool) -> Self {
        self.0.insert("has_slopes".into(), value.json());
        self
    }

    /// operand bias: added to the scores (by default False).
    pub fn has_bias(mut self, value: bool) -> Self {
        self.0.insert("has_bias".into(), value.json());
        self
    }

    pub fn add(&self, to: &impl Builder, inputs: &[Value]) -> Result<Value> {
        exactly("attention_bias_grad", to.add_op("attention_bias_grad", inputs, &self.0)?)
            .map(|[value]| value)
    }

    /// All results.
    pub fn add_many(&self, to: &impl Builder, inputs: &[Value]) -> Result<Vec<Value>> {
        to.add_op("attention_bias_grad", inputs, &self.0)
    }
}

/// gradients of attention with respect to q, k and v.
/// It has no gradient.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct AttentionGrad(Map<String, Json>);

impl Default for AttentionGrad {
    fn default() -> Self {
        AttentionGrad(Map::new())
    }
}

impl AttentionGrad {
    pub fn new() -> Self {
        let attrs = Map::new();
        AttentionGrad(attrs)
    }

    /// a query sees no key after its own index (by default False).
    pub fn causal(mut self, value: bool) -> Self {
        self.0.insert("causal".into(), value.json());
        self
    }

    /// factor on q . k, such as 1 / sqrt(D) (by default 1.0).
    pub fn scale(mut self, value: f64) -> Self {
        self.0.insert("scale".into(), value.json());
        self
    }

    /// keys further back than this are not seen; 0: all are (by default 0).
    pub fn window(mut self, value: i64) -> Self {
        self.0.insert("window".into(), value.json());
        self
    }

    /// scores become cap * tanh(score / cap); 0: no cap (by default 0.0).
    pub fn softcap(mut self, value: f64) -> Self {
        self.0.insert("softcap".into(), value.json());
        self
    }

    /// operands q_segments, k_segments: only equal ones meet (by default False).
    pub fn has_segments(mut self, value: bool) -> Self {
        self.0.insert("has_segments".into(), value.json());
        self
    }

    /// operand start: index of the first query of each batch row (by default False).
    pub fn has_start(mut self, value: bool) -> Self {
        self.0.insert("has_start".into(), value.json());
        self
    }

    /// operand slopes: how fast scores of a head fall with distance (by default False).
    pub fn has_slopes(mut self, value: bool) -> Self {
        self.0.insert("has_slopes".into(), value.json());
        self
    }

    /// operand bias: added to the scores (by default False).
    pub fn has_bias(mut self, value: bool) -> Self {
        self.0.insert("has_bias".into(), value.json());
        self
    }

    pub fn add(&self, to: &impl Builder, inputs: &[Value]) -> Result<Value> {
        exactly("attention_grad", to.add_op("attention_grad", inputs, &self.0)?)
            .map(|[value]| value)
    }

    /// All results.
    pub fn add_many(&self, to: &impl Builder, inputs: &[Value]) -> Result<Vec<Value>> {
        to.add_op("attention_grad", inputs, &self.0)
    }
}

/// ids = the expert of every token, each expert getting an even share.
/// Signature: scores\[..., N!, E!\] -\> ids\[..., N, 1\]
/// It has no gradient.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct BalancedAssignment(Map<String, Json>);

impl Default for BalancedAssignment {
    fn default() -> Self {
        BalancedAssignment(Map::new())
    }
}

impl BalancedAssignment {
    pub fn new() -> Self {
        let attrs = Map::new();
        BalancedAssignment(attrs)
    }

    /// how much a token may lose, in ranges of the scores (by default 0.01).
    pub fn precision(mut self, value: f64) -> Self {
        self.0.insert("precision".into(), value.json());
        self
    }

    pub fn add(&self, to: &impl Builder, scores: Value) -> Result<Value> {
        exactly("balanced_assignment", to.add_op("balanced_assignment", &[scores], &self.0)?)
            .map(|[value]| value)
    }
}

/// y = x repeated to the dims `shape`.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct BroadcastTo(Map<String, Json>);

impl BroadcastTo {
    /// `shape`: dims of the result, such as "B,T,512".
    pub fn new(shape: &str) -> Self {
        let mut attrs = Map::new();
        attrs.insert("shape".into(), shape.json());
        BroadcastTo(attrs)
    }

    pub fn add(&self, to: &impl Builder, inputs: &[Value]) -> Result<Value> {
        exactly("broadcast_to", to.add_op("broadcast_to", inputs, &self.0)?).map(|[value]| value)
    }

    /// All results.
    pub fn add_many(&self, to: &impl Builder, inputs: &[Value]) -> Result<Vec<Value>> {
        to.add_op("broadcast_to", inputs, &self.0)
    }
}

/// the cache with x written at `start`, in place.
/// Signature: cache\[B, S!, G, D\], x\[B, T!, G, D\], start\[B\] -\> new_cache\[B, S, G, D\]
/// It has no gradient.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct CacheAppend(Map<String, Json>);

impl Default for CacheAppend {
    fn default() -> Self {
        CacheAppend(Map::new())
    }
}

impl CacheAppend {
    pub fn new() -> Self {
        let attrs = Map::new();
        CacheAppend(attrs)
    }

    pub fn add(&self, to: &impl Builder, cache: Value, x: Value, start: Value) -> Result<Value> {
        exactly("cache_append", to.add_op("cache_append", &[cache, x, start], &self.0)?)
            .map(|[value]| value)
    }
}

/// y = x in another dtype.
/// Signature: x\[...\] -\> y\[...\]
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Cast(Map<String, Json>);

impl Cast {
    /// `dtype`: of the result.
    pub fn new(dtype: &str) -> Self {
        let mut attrs = Map::new();
        attrs.insert("dtype".into(), dtype.json());
        Cast(attrs)
    }

    pub fn add(&self, to: &impl Builder, x: Value) -> Result<Value> {
        exactly("cast", to.add_op("cast", &[x], &self.0)?).map(|[value]| value)
    }
}

/// y = x rounded up.
/// It has no gradient.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Ceil(Map<String, Json>);

impl Default for Ceil {
    fn default() -> Self {
        Ceil(Map::new())
    }
}

impl Ceil {
    pub fn new() -> Self {
        let attrs = Map::new();
        Ceil(attrs)
    }

    pub fn add(&self, to: &impl Builder, x: Value) -> Result<Value> {
        exactly("ceil", to.add_op("ceil", &[x], &self.0)?).map(|[value]| value)
    }
}

/// out\[t\] = sum over a token's slots of weight times the row that the slot has.
/// Signature: y\[..., R!, D\], slots\[..., R!\], rows\[..., K!\], weights?\[..., K!\] -\>
/// out\[..., D\]
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Combine(Map<String, Json>);

impl Default for Combine {
    fn default() -> Self {
        Combine(Map::new())
    }
}

impl Combine {
    pub fn new() -> Self {
        let attrs = Map::new();
        Combine(attrs)
    }

    pub fn add(&self, to: &impl Builder, inputs: &[Value]) -> Result<Value> {
        exactly("combine", to.add_op("combine", inputs, &self.0)?).map(|[value]| value)
    }
}

/// w\[t, j\] = the product of x\[t\] and the row that slot j of token t has.
/// Signature: x\[..., D\], y\[..., R!, D\], slots\[..., R!\], rows\[..., K!\] -\> w\[..., K\]
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct CombineDot(Map<String, Json>);

impl Default for CombineDot {
    fn default() -> Self {
        CombineDot(Map::new())
    }
}

impl CombineDot {
    pub fn new() -> Self {
        let attrs = Map::new();
        CombineDot(attrs)
    }

    /// of the result (by default f32).
    pub fn dtype(mut self, value: &str) -> Self {
        self.0.insert("dtype".into(), value.json());
        self
    }

    pub fn add(
        &self,
        to: &impl Builder,
        x: Value,
        y: Value,
        slots: Value,
        rows: Value,
    ) -> Result<Value> {
        exactly("combine_dot", to.add_op("combine_dot", &[x, y, slots, rows], &self.0)?)
            .map(|[value]| value)
    }
}

/// y = the operands one after the other along `dim`.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Concat(Map<String, Json>);

impl Concat {
    /// `dim`: along which operands are joined.
    pub fn new(dim: i64) -> Self {
        let mut attrs = Map::new();
        attrs.insert("dim".into(), dim.json());
        Concat(attrs)
    }

    pub fn add(&self, to: &impl Builder, inputs: &[Value]) -> Result<Value> {
        exactly("concat", to.add_op("concat", inputs, &self.0)?).map(|[value]| value)
    }

    /// All results.
    pub fn add_many(&self, to: &impl Builder, inputs: &[Value]) -> Result<Vec<Value>> {
        to.add_op("concat", inputs, &self.0)
    }
}

/// y = x, in memory of its own.
/// Signature: x\[...\] -\> y\[...\]
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Copy(Map<String, Json>);

impl Default for Copy {
    fn default() -> Self {
        Copy(Map::new())
    }
}

impl Copy {
    pub fn new() -> Self {
        let attrs = Map::new();
        Copy(attrs)
    }

    pub fn add(&self, to: &impl Builder, x: Value) -> Result<Value> {
        exactly("copy", to.add_op("copy", &[x], &self.0)?).map(|[value]| value)
    }
}

/// y = cos(x).
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Cos(Map<String, Json>);

impl Default for Cos {
    fn default() -> Self {
        Cos(Map::new())
    }
}

impl Cos {
    pub fn new() -> Self {
        let attrs = Map::new();
        Cos(attrs)
    }

    pub fn add(&self, to: &impl Builder, x: Value) -> Result<Value> {
        exactly("cos", to.add_op("cos", &[x], &self.0)?).map(|[value]| value)
    }
}

/// loss = -ln softmax(logits)\[target\], with label smoothing and z-loss; lse of the logits.
/// Signature: logits\[..., V!\], targets\[...\] -\> loss\[...\], lse\[...\]
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct CrossEntropy(Map<String, Json>);

impl Default for CrossEntropy {
    fn default() -> Self {
        CrossEntropy(Map::new())
    }
}

impl CrossEntropy {
    pub fn new() -> Self {
        let attrs = Map::new();
        CrossEntropy(attrs)
    }

    /// targets of this value have loss 0 (by default -100).
    pub fn ignore_index(mut self, value: i64) -> Self {
        self.0.insert("ignore_index".into(), value.json());
        self
    }

    /// weight of the uniform distribution in the target, in \[0, 1) (by default 0.0).
    pub fn label_smoothing(mut self, value: f64) -> Self {
        self.0.insert("label_smoothing".into(), value.json());
        self
    }

    /// weight of lse^2 (by default 0.0).
    pub fn z_loss(mut self, value: f64) -> Self {
        self.0.insert("z_loss".into(), value.json());
        self
    }

    pub fn add(&self, to: &impl Builder, logits: Value, targets: Value) -> Result<[Value; 2]> {
        exactly("cross_entropy", to.add_op("cross_entropy", &[logits, targets], &self.0)?)
    }
}

/// gradient of cross_entropy with respect to logits.
/// Signature: logits\[..., V!\], targets\[...\], lse\[...\], dloss\[...\] -\> dlogits\[..., V\]
/// It has no gradient.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct CrossEntropyGrad(Map<String, Json>);

impl Default for CrossEntropyGrad {
    fn default() -> Self {
        CrossEntropyGrad(Map::new())
    }
}

impl CrossEntropyGrad {
    pub fn new() -> Self {
        let attrs = Map::new();
        CrossEntropyGrad(attrs)
    }

    /// targets of this value have loss 0 (by default -100).
    pub fn ignore_index(mut self, value: i64) -> Self {
        self.0.insert("ignore_index".into(), value.json());
        self
    }

    /// weight of the uniform distribution in the target, in \[0, 1) (by default 0.0).
    pub fn label_smoothing(mut self, value: f64) -> Self {
        self.0.insert("label_smoothing".into(), value.json());
        self
    }

    /// weight of lse^2 (by default 0.0).
    pub fn z_loss(mut self, value: f64) -> Self {
        self.0.insert("z_loss".into(), value.json());
        self
    }

    pub fn add(
        &self,
        to: &impl Builder,
        logits: Value,
        targets: Value,
        lse: Value,
        dloss: Value,
    ) -> Result<Value> {
        exactly(
            "cross_entropy_grad",
            to.add_op("cross_entropy_grad", &[logits, targets, lse, dloss], &self.0)?,
        )
        .map(|[value]| value)
    }
}

/// y\[i\] = sum of x\[0\] .. x\[i\] along `dim`.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Cumsum(Map<String, Json>);

impl Cumsum {
    /// `dim`: along which is summed.
    pub fn new(dim: i64) -> Self {
        let mut attrs = Map::new();
        attrs.insert("dim".into(), dim.json());
        Cumsum(attrs)
    }

    /// sum from the end (by default False).
    pub fn reverse(mut self, value: bool) -> Self {
        self.0.insert("reverse".into(), value.json());
        self
    }

    /// leave out the element itself (by default False).
    pub fn exclusive(mut self, value: bool) -> Self {
        self.0.insert("exclusive".into(), value.json());
        self
    }

    pub fn add(&self, to: &impl Builder, x: Value) -> Result<Value> {
        exactly("cumsum", to.add_op("cumsum", &[x], &self.0)?).map(|[value]| value)
    }

    /// All results.
    pub fn add_many(&self, to: &impl Builder, x: Value) -> Result<Vec<Value>> {
        to.add_op("cumsum", &[x], &self.0)
    }
}

/// y\[r\] = x\[t\] for every row r of a plan and the token t it came from, weighted if asked.
/// Signature: x\[..., D\], slots\[..., R!\], rows\[..., K!\], weights?\[..., K!\] -\> y\[..., R,
/// D\]
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Dispatch(Map<String, Json>);

impl Default for Dispatch {
    fn default() -> Self {
        Dispatch(Map::new())
    }
}

impl Dispatch {
    pub fn new() -> Self {
        let attrs = Map::new();
        Dispatch(attrs)
    }

    pub fn add(&self, to: &impl Builder, inputs: &[Value]) -> Result<Value> {
        exactly("dispatch", to.add_op("dispatch", inputs, &self.0)?).map(|[value]| value)
    }
}

/// out = x / y; integers rounded down, by 0 gives 0.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Div(Map<String, Json>);

impl Default for Div {
    fn default() -> Self {
        Div(Map::new())
    }
}

impl Div {
    pub fn new() -> Self {
        let attrs = Map::new();
        Div(attrs)
    }

    pub fn add(&self, to: &impl Builder, x: Value, y: Value) -> Result<Value> {
        exactly("div", to.add_op("div", &[x, y], &self.0)?).map(|[value]| value)
    }
}

/// kept = ids, -1 in place of those that their expert has no room for.
/// Signature: ids\[..., N!, K!\], priority?\[..., N!, K!\] -\> kept\[..., N, K\]
/// It has no gradient.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct DropOverCapacity(Map<String, Json>);

impl DropOverCapacity {
    /// `num_experts`: how many there are.
    /// `factor`: room for this many times an even share.
    pub fn new(num_experts: i64, factor: f64) -> Self {
        let mut attrs = Map::new();
        attrs.insert("num_experts".into(), num_experts.json());
        attrs.insert("factor".into(), factor.json());
        DropOverCapacity(attrs)
    }

    /// room that every expert has at least (by default 0).
    pub fn minimum(mut self, value: i64) -> Self {
        self.0.insert("minimum".into(), value.json());
        self
    }

    /// the share is rounded down, not up (by default False).
    pub fn round_down(mut self, value: bool) -> Self {
        self.0.insert("round_down".into(), value.json());
        self
    }

    pub fn add(&self, to: &impl Builder, inputs: &[Value]) -> Result<Value> {
        exactly("drop_over_capacity", to.add_op("drop_over_capacity", inputs, &self.0)?)
            .map(|[value]| value)
    }
}

/// y = x / (1 - rate) where kept, otherwise 0.
/// Signature: x\[...\], key\[4\], offset\[\] -\> y\[...\]
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Dropout(Map<String, Json>);

impl Dropout {
    /// `rate`: probability of being dropped, in \[0, 1).
    pub fn new(rate: f64) -> Self {
        let mut attrs = Map::new();
        attrs.insert("rate".into(), rate.json());
        Dropout(attrs)
    }

    pub fn add(&self, to: &impl Builder, x: Value, key: Value, offset: Value) -> Result<Value> {
        exactly("dropout", to.add_op("dropout", &[x, key, offset], &self.0)?).map(|[value]| value)
    }
}

/// y = table\[ids\]; zeros for an id outside the table.
/// Signature: ids\[...\], table\[V!, D\] -\> y\[..., D\]
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Embedding(Map<String, Json>);

impl Default for Embedding {
    fn default() -> Self {
        Embedding(Map::new())
    }
}

impl Embedding {
    pub fn new() -> Self {
        let attrs = Map::new();
        Embedding(attrs)
    }

    pub fn add(&self, to: &impl Builder, ids: Value, table: Value) -> Result<Value> {
        exactly("embedding", to.add_op("embedding", &[ids, table], &self.0)?).map(|[value]| value)
    }
}

/// dtable\[v\] = sum of dy where ids is v.
/// Signature: ids\[...\], dy\[..., D\] -\> dtable\[{rows}, D\]
/// It has no gradient.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct EmbeddingGrad(Map<String, Json>);

impl EmbeddingGrad {
    /// `rows`: rows of the table.
    pub fn new(rows: i64) -> Self {
        let mut attrs = Map::new();
        attrs.insert("rows".into(), rows.json());
        EmbeddingGrad(attrs)
    }

    /// of the result (by default f32).
    pub fn dtype(mut self, value: &str) -> Self {
        self.0.insert("dtype".into(), value.json());
        self
    }

    pub fn add(&self, to: &impl Builder, ids: Value, dy: Value) -> Result<Value> {
        exactly("embedding_grad", to.add_op("embedding_grad", &[ids, dy], &self.0)?)
            .map(|[value]| value)
    }
}

/// out = x == y.
/// It has no gradient.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Equal(Map<String, Json>);

impl Default for Equal {
    fn default() -> Self {
        Equal(Map::new())
    }
}

impl Equal {
    pub fn new() -> Self {
        let attrs = Map::new();
        Equal(attrs)
    }

    pub fn add(&self, to: &impl Builder, x: Value, y: Value) -> Result<Value> {
        exactly("equal", to.add_op("equal", &[x, y], &self.0)?).map(|[value]| value)
    }
}

/// y = erf(x).
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Erf(Map<String, Json>);

impl Default for Erf {
    fn default() -> Self {
        Erf(Map::new())
    }
}

impl Erf {
    pub fn new() -> Self {
        let attrs = Map::new();
        Erf(attrs)
    }

    pub fn add(&self, to: &impl Builder, x: Value) -> Result<Value> {
        exactly("erf", to.add_op("erf", &[x], &self.0)?).map(|[value]| value)
    }
}

/// y = e^x.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Exp(Map<String, Json>);

impl Default for Exp {
    fn default() -> Self {
        Exp(Map::new())
    }
}

impl Exp {
    pub fn new() -> Self {
        let attrs = Map::new();
        Exp(attrs)
    }

    pub fn add(&self, to: &impl Builder, x: Value) -> Result<Value> {
        exactly("exp", to.add_op("exp", &[x], &self.0)?).map(|[value]| value)
    }
}

/// y = e^x - 1.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Expm1(Map<String, Json>);

impl Default for Expm1 {
    fn default() -> Self {
        Expm1(Map::new())
    }
}

impl Expm1 {
    pub fn new() -> Self {
        let attrs = Map::new();
        Expm1(attrs)
    }

    pub fn add(&self, to: &impl Builder, x: Value) -> Result<Value> {
        exactly("expm1", to.add_op("expm1", &[x], &self.0)?).map(|[value]| value)
    }
}

/// y = value everywhere.
/// Signature: -\> y\[{shape...}\]
/// It has no gradient.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Fill(Map<String, Json>);

impl Default for Fill {
    fn default() -> Self {
        Fill(Map::new())
    }
}

impl Fill {
    pub fn new() -> Self {
        let attrs = Map::new();
        Fill(attrs)
    }

    /// dims of the result, such as "B,T"; empty: a scalar (by default ).
    pub fn shape(mut self, value: &str) -> Self {
        self.0.insert("shape".into(), value.json());
        self
    }

    /// of every element (by default 0.0).
    pub fn value(mut self, value: f64) -> Self {
        self.0.insert("value".into(), value.json());
        self
    }

    /// of the result (by default f32).
    pub fn dtype(mut self, value: &str) -> Self {
        self.0.insert("dtype".into(), value.json());
        self
    }

    pub fn add(&self, to: &impl Builder, inputs: &[Value]) -> Result<Value> {
        exactly("fill", to.add_op("fill", inputs, &self.0)?).map(|[value]| value)
    }
}

/// y = x rounded down.
/// It has no gradient.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Floor(Map<String, Json>);

impl Default for Floor {
    fn default() -> Self {
        Floor(Map::new())
    }
}

impl Floor {
    pub fn new() -> Self {
        let attrs = Map::new();
        Floor(attrs)
    }

    pub fn add(&self, to: &impl Builder, x: Value) -> Result<Value> {
        exactly("floor", to.add_op("floor", &[x], &self.0)?).map(|[value]| value)
    }
}

/// several row-wise ops, run over tiles of rows.
/// It has no gradient.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Fused(Map<String, Json>);

impl Fused {
    /// `operands`: columns of each, such as \[512\] or whole\[512\].
    /// `steps`: of each: results, op, operands; such as f32\[8\]: add 0 1.
    /// `outputs`: numbers of the results of the node.
    pub fn new(operands: &str, steps: &str, outputs: &[i64]) -> Self {
        let mut attrs = Map::new();
        attrs.insert("operands".into(), operands.json());
        attrs.insert("steps".into(), steps.json());
        attrs.insert("outputs".into(), outputs.json());
        Fused(attrs)
    }

    pub fn add(&self, to: &impl Builder, inputs: &[Value]) -> Result<Value> {
        exactly("fused", to.add_op("fused", inputs, &self.0)?).map(|[value]| value)
    }

    /// All results.
    pub fn add_many(&self, to: &impl Builder, inputs: &[Value]) -> Result<Vec<Value>> {
        to.add_op("fused", inputs, &self.0)
    }
}

/// y = the slices of x along `dim` that the indices name; zeros for one outside.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Gather(Map<String, Json>);

impl Gather {
    /// `dim`: of x, from which is taken.
    pub fn new(dim: i64) -> Self {
        let mut attrs = Map::new();
        attrs.insert("dim".into(), dim.json());
        Gather(attrs)
    }

    pub fn add(&self, to: &impl Builder, inputs: &[Value]) -> Result<Value> {
        exactly("gather", to.add_op("gather", inputs, &self.0)?).map(|[value]| value)
    }

    /// All results.
    pub fn add_many(&self, to: &impl Builder, inputs: &[Value]) -> Result<Vec<Value>> {
        to.add_op("gather", inputs, &self.0)
    }
}

/// y\[r\] = x\[t\] * w\[experts\[r\]\] for every row r of a plan and the token t it came from.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct GatheredMatmul(Map<String, Json>);

impl Default for GatheredMatmul {
    fn default() -> Self {
        GatheredMatmul(Map::new())
    }
}

impl GatheredMatmul {
    pub fn new() -> Self {
        let attrs = Map::new();
        GatheredMatmul(attrs)
    }

    /// w is stored as \[E, N, K\] (by default False).
    pub fn transpose_rhs(mut self, value: bool) -> Self {
        self.0.insert("transpose_rhs".into(), value.json());
        self
    }

    /// of the result; empty: that of x (by default ).
    pub fn dtype(mut self, value: &str) -> Self {
        self.0.insert("dtype".into(), value.json());
        self
    }

    pub fn add(&self, to: &impl Builder, inputs: &[Value]) -> Result<Value> {
        exactly("gathered_matmul", to.add_op("gathered_matmul", inputs, &self.0)?)
            .map(|[value]| value)
    }

    /// All results.
    pub fn add_many(&self, to: &impl Builder, inputs: &[Value]) -> Result<Vec<Value>> {
        to.add_op("gathered_matmul", inputs, &self.0)
    }
}

/// dw\[e\] = the sum of x\[t\] times dy\[r\] over the rows of expert e, t the token of row r.
/// Signature: x\[..., K\], dy\[..., R!, N\], experts\[..., R!\], slots\[..., R!\], rows\[...,
/// J!\] -\> dw\[{num_experts}, K, N\]
/// It has no gradient.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct GatheredMatmulGrad(Map<String, Json>);

impl GatheredMatmulGrad {
    /// `num_experts`: how many there are.
    pub fn new(num_experts: i64) -> Self {
        let mut attrs = Map::new();
        attrs.insert("num_experts".into(), num_experts.json());
        GatheredMatmulGrad(attrs)
    }

    /// of the result (by default f32).
    pub fn dtype(mut self, value: &str) -> Self {
        self.0.insert("dtype".into(), value.json());
        self
    }

    pub fn add(
        &self,
        to: &impl Builder,
        x: Value,
        dy: Value,
        experts: Value,
        slots: Value,
        rows: Value,
    ) -> Result<Value> {
        exactly(
            "gathered_matmul_grad",
            to.add_op("gathered_matmul_grad", &[x, dy, experts, slots, rows], &self.0)?,
        )
        .map(|[value]| value)
    }
}

/// y = x/2 * (1 + erf(x / sqrt(2))), or its tanh approximation.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Gelu(Map<String, Json>);

impl Default for Gelu {
    fn default() -> Self {
        Gelu(Map::new())
    }
}

impl Gelu {
    pub fn new() -> Self {
        let attrs = Map::new();
        Gelu(attrs)
    }

    /// use the tanh approximation (by default False).
    pub fn tanh(mut self, value: bool) -> Self {
        self.0.insert("tanh".into(), value.json());
        self
    }

    pub fn add(&self, to: &impl Builder, x: Value) -> Result<Value> {
        exactly("gelu", to.add_op("gelu", &[x], &self.0)?).map(|[value]| value)
    }
}

/// dx = dy * gelu'(x).
/// Signature: x\[...\], dy\[...\] -\> dx\[...\]
/// It has no gradient.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct GeluGrad(Map<String, Json>);

impl Default for GeluGrad {
    fn default() -> Self {
        GeluGrad(Map::new())
    }
}

impl GeluGrad {
    pub fn new() -> Self {
        let attrs = Map::new();
        GeluGrad(attrs)
    }

    /// of the tanh approximation (by default False).
    pub fn tanh(mut self, value: bool) -> Self {
        self.0.insert("tanh".into(), value.json());
        self
    }

    pub fn add(&self, to: &impl Builder, x: Value, dy: Value) -> Result<Value> {
        exactly("gelu_grad", to.add_op("gelu_grad", &[x, dy], &self.0)?).map(|[value]| value)
    }
}

/// y = act(gate) * up.
/// Signature: gate\[...\], up\[...\] -\> y\[...\]
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Glu(Map<String, Json>);

impl Glu {
    /// `activation`: relu, gelu, gelu_tanh, silu or sigmoid.
    pub fn new(activation: &str) -> Self {
        let mut attrs = Map::new();
        attrs.insert("activation".into(), activation.json());
        Glu(attrs)
    }

    pub fn add(&self, to: &impl Builder, gate: Value, up: Value) -> Result<Value> {
        exactly("glu", to.add_op("glu", &[gate, up], &self.0)?).map(|[value]| value)
    }
}

/// dgate = dy * up * act'(gate), dup = dy * act(gate).
/// Signature: gate\[...\], up\[...\], dy\[...\] -\> dgate\[...\], dup\[...\]
/// It has no gradient.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct GluGrad(Map<String, Json>);

impl GluGrad {
    /// `activation`: as in glu.
    pub fn new(activation: &str) -> Self {
        let mut attrs = Map::new();
        attrs.insert("activation".into(), activation.json());
        GluGrad(attrs)
    }

    pub fn add(&self, to: &impl Builder, gate: Value, up: Value, dy: Value) -> Result<[Value; 2]> {
        exactly("glu_grad", to.add_op("glu_grad", &[gate, up, dy], &self.0)?)
    }
}

/// out = x \> y.
/// It has no gradient.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Greater(Map<String, Json>);

impl Default for Greater {
    fn default() -> Self {
        Greater(Map::new())
    }
}

impl Greater {
    pub fn new() -> Self {
        let attrs = Map::new();
        Greater(attrs)
    }

    pub fn add(&self, to: &impl Builder, x: Value, y: Value) -> Result<Value> {
        exactly("greater", to.add_op("greater", &[x, y], &self.0)?).map(|[value]| value)
    }
}

/// out = x \>= y.
/// It has no gradient.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct GreaterEqual(Map<String, Json>);

impl Default for GreaterEqual {
    fn default() -> Self {
        GreaterEqual(Map::new())
    }
}

impl GreaterEqual {
    pub fn new() -> Self {
        let attrs = Map::new();
        GreaterEqual(attrs)
    }

    pub fn add(&self, to: &impl Builder, x: Value, y: Value) -> Result<Value> {
        exactly("greater_equal", to.add_op("greater_equal", &[x, y], &self.0)?).map(|[value]| value)
    }
}

/// y\[r\] = x\[r\] * w\[experts\[r\]\] for rows sorted by expert.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct GroupedMatmul(Map<String, Json>);

impl Default for GroupedMatmul {
    fn default() -> Self {
        GroupedMatmul(Map::new())
    }
}

impl GroupedMatmul {
    pub fn new() -> Self {
        let attrs = Map::new();
        GroupedMatmul(attrs)
    }

    /// w is stored as \[E, N, K\] (by default False).
    pub fn transpose_rhs(mut self, value: bool) -> Self {
        self.0.insert("transpose_rhs".into(), value.json());
        self
    }

    /// of the result; empty: that of x (by default ).
    pub fn dtype(mut self, value: &str) -> Self {
        self.0.insert("dtype".into(), value.json());
        self
    }

    pub fn add(&self, to: &impl Builder, inputs: &[Value]) -> Result<Value> {
        exactly("grouped_matmul", to.add_op("grouped_matmul", inputs, &self.0)?)
            .map(|[value]| value)
    }

    /// All results.
    pub fn add_many(&self, to: &impl Builder, inputs: &[Value]) -> Result<Vec<Value>> {
        to.add_op("grouped_matmul", inputs, &self.0)
    }
}

/// dw\[e\] = the sum of x\[r\] times dy\[r\] over the rows of expert e.
/// Signature: x\[..., K\], dy\[..., N\], experts\[...\] -\> dw\[{num_experts}, K, N\]
/// It has no gradient.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct GroupedMatmulGrad(Map<String, Json>);

impl GroupedMatmulGrad {
    /// `num_experts`: how many there are.
    pub fn new(num_experts: i64) -> Self {
        let mut attrs = Map::new();
        attrs.insert("num_experts".into(), num_experts.json());
        GroupedMatmulGrad(attrs)
    }

    /// of the result (by default f32).
    pub fn dtype(mut self, value: &str) -> Self {
        self.0.insert("dtype".into(), value.json());
        self
    }

    pub fn add(&self, to: &impl Builder, x: Value, dy: Value, experts: Value) -> Result<Value> {
        exactly(
            "grouped_matmul_grad",
            to.add_op("grouped_matmul_grad", &[x, dy, experts], &self.0)?,
        )
        .map(|[value]| value)
    }
}

/// y = true where x is neither infinite nor NaN.
/// It has no gradient.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct IsFinite(Map<String, Json>);

impl Default for IsFinite {
    fn default() -> Self {
        IsFinite(Map::new())
    }
}

impl IsFinite {
    pub fn new() -> Self {
        let attrs = Map::new();
        IsFinite(attrs)
    }

    pub fn add(&self, to: &impl Builder, x: Value) -> Result<Value> {
        exactly("is_finite", to.add_op("is_finite", &[x], &self.0)?).map(|[value]| value)
    }
}

/// y = (x - mean(x)) / sqrt(var(x) + epsilon) * scale + bias, over the last dim.
/// Signature: x\[..., D!\], scale\[D!\], bias?\[D!\] -\> y\[..., D\]
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct LayerNorm(Map<String, Json>);

impl Default for LayerNorm {
    fn default() -> Self {
        LayerNorm(Map::new())
    }
}

impl LayerNorm {
    pub fn new() -> Self {
        let attrs = Map::new();
        LayerNorm(attrs)
    }

    /// added to the variance; at least 0 (by default 1e-05).
    pub fn epsilon(mut self, value: f64) -> Self {
        self.0.insert("epsilon".into(), value.json());
        self
    }

    pub fn add(&self, to: &impl Builder, inputs: &[Value]) -> Result<Value> {
        exactly("layer_norm", to.add_op("layer_norm", inputs, &self.0)?).map(|[value]| value)
    }
}

/// gradients of layer_norm with respect to x, scale and bias.
/// Signature: x\[..., D!\], scale\[D!\], dy\[..., D!\] -\> dx\[..., D\], dscale\[D\], dbias\[D\]
/// It has no gradient.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct LayerNormGrad(Map<String, Json>);

impl Default for LayerNormGrad {
    fn default() -> Self {
        LayerNormGrad(Map::new())
    }
}

impl LayerNormGrad {
    pub fn new() -> Self {
        let attrs = Map::new();
        LayerNormGrad(attrs)
    }

    /// as in layer_norm (by default 1e-05).
    pub fn epsilon(mut self, value: f64) -> Self {
        self.0.insert("epsilon".into(), value.json());
        self
    }

    pub fn add(&self, to: &impl Builder, x: Value, scale: Value, dy: Value) -> Result<[Value; 3]> {
        exactly("layer_norm_grad", to.add_op("layer_norm_grad", &[x, scale, dy], &self.0)?)
    }
}

/// out = x \< y.
/// It has no gradient.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Less(Map<String, Json>);

impl Default for Less {
    fn default() -> Self {
        Less(Map::new())
    }
}

impl Less {
    pub fn new() -> Self {
        let attrs = Map::new();
        Less(attrs)
    }

    pub fn add(&self, to: &impl Builder, x: Value, y: Value) -> Result<Value> {
        exactly("less", to.add_op("less", &[x, y], &self.0)?).map(|[value]| value)
    }
}

/// out = x \<= y.
/// It has no gradient.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct LessEqual(Map<String, Json>);

impl Default for LessEqual {
    fn default() -> Self {
        LessEqual(Map::new())
    }
}

impl LessEqual {
    pub fn new() -> Self {
        let attrs = Map::new();
        LessEqual(attrs)
    }

    pub fn add(&self, to: &impl Builder, x: Value, y: Value) -> Result<Value> {
        exactly("less_equal", to.add_op("less_equal", &[x, y], &self.0)?).map(|[value]| value)
    }
}

/// y = ln(x).
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Log(Map<String, Json>);

impl Default for Log {
    fn default() -> Self {
        Log(Map::new())
    }
}

impl Log {
    pub fn new() -> Self {
        let attrs = Map::new();
        Log(attrs)
    }

    pub fn add(&self, to: &impl Builder, x: Value) -> Result<Value> {
        exactly("log", to.add_op("log", &[x], &self.0)?).map(|[value]| value)
    }
}

/// y = ln(1 + x).
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Log1p(Map<String, Json>);

impl Default for Log1p {
    fn default() -> Self {
        Log1p(Map::new())
    }
}

impl Log1p {
    pub fn new() -> Self {
        let attrs = Map::new();
        Log1p(attrs)
    }

    pub fn add(&self, to: &impl Builder, x: Value) -> Result<Value> {
        exactly("log1p", to.add_op("log1p", &[x], &self.0)?).map(|[value]| value)
    }
}

/// y = x - ln(sum of e^x) over the last dim.
/// Signature: x\[..., D!\] -\> y\[..., D\]
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct LogSoftmax(Map<String, Json>);

impl Default for LogSoftmax {
    fn default() -> Self {
        LogSoftmax(Map::new())
    }
}

impl LogSoftmax {
    pub fn new() -> Self {
        let attrs = Map::new();
        LogSoftmax(attrs)
    }

    pub fn add(&self, to: &impl Builder, x: Value) -> Result<Value> {
        exactly("log_softmax", to.add_op("log_softmax", &[x], &self.0)?).map(|[value]| value)
    }
}

/// dx = dy - e^y * sum of dy over the last dim.
/// Signature: y\[..., D!\], dy\[..., D!\] -\> dx\[..., D\]
/// It has no gradient.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct LogSoftmaxGrad(Map<String, Json>);

impl Default for LogSoftmaxGrad {
    fn default() -> Self {
        LogSoftmaxGrad(Map::new())
    }
}

impl LogSoftmaxGrad {
    pub fn new() -> Self {
        let attrs = Map::new();
        LogSoftmaxGrad(attrs)
    }

    pub fn add(&self, to: &impl Builder, y: Value, dy: Value) -> Result<Value> {
        exactly("log_softmax_grad", to.add_op("log_softmax_grad", &[y, dy], &self.0)?)
            .map(|[value]| value)
    }
}

/// out = x and y.
/// It has no gradient.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct LogicalAnd(Map<String, Json>);

impl Default for LogicalAnd {
    fn default() -> Self {
        LogicalAnd(Map::new())
    }
}

impl LogicalAnd {
    pub fn new() -> Self {
        let attrs = Map::new();
        LogicalAnd(attrs)
    }

    pub fn add(&self, to: &impl Builder, x: Value, y: Value) -> Result<Value> {
        exactly("logical_and", to.add_op("logical_and", &[x, y], &self.0)?).map(|[value]| value)
    }
}

/// y = not x.
/// It has no gradient.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct LogicalNot(Map<String, Json>);

impl Default for LogicalNot {
    fn default() -> Self {
        LogicalNot(Map::new())
    }
}

impl LogicalNot {
    pub fn new() -> Self {
        let attrs = Map::new();
        LogicalNot(attrs)
    }

    pub fn add(&self, to: &impl Builder, x: Value) -> Result<Value> {
        exactly("logical_not", to.add_op("logical_not", &[x], &self.0)?).map(|[value]| value)
    }
}

/// out = x or y.
/// It has no gradient.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct LogicalOr(Map<String, Json>);

impl Default for LogicalOr {
    fn default() -> Self {
        LogicalOr(Map::new())
    }
}

impl LogicalOr {
    pub fn new() -> Self {
        let attrs = Map::new();
        LogicalOr(attrs)
    }

    pub fn add(&self, to: &impl Builder, x: Value, y: Value) -> Result<Value> {
        exactly("logical_or", to.add_op("logical_or", &[x, y], &self.0)?).map(|[value]| value)
    }
}

/// out = x xor y.
/// It has no gradient.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct LogicalXor(Map<String, Json>);

impl Default for LogicalXor {
    fn default() -> Self {
        LogicalXor(Map::new())
    }
}

impl LogicalXor {
    pub fn new() -> Self {
        let attrs = Map::new();
        LogicalXor(attrs)
    }

    pub fn add(&self, to: &impl Builder, x: Value, y: Value) -> Result<Value> {
        exactly("logical_xor", to.add_op("logical_xor", &[x, y], &self.0)?).map(|[value]| value)
    }
}

/// y\[m, n\] = sum over k of lhs\[m, k\] * rhs\[k, n\].
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Matmul(Map<String, Json>);

impl Default for Matmul {
    fn default() -> Self {
        Matmul(Map::new())
    }
}

impl Matmul {
    pub fn new() -> Self {
        let attrs = Map::new();
        Matmul(attrs)
    }

    /// lhs is stored as \[..., K, M\] (by default False).
    pub fn transpose_lhs(mut self, value: bool) -> Self {
        self.0.insert("transpose_lhs".into(), value.json());
        self
    }

    /// rhs is stored as \[..., N, K\] (by default False).
    pub fn transpose_rhs(mut self, value: bool) -> Self {
        self.0.insert("transpose_rhs".into(), value.json());
        self
    }

    /// of the result; empty: that of lhs (by default ).
    pub fn dtype(mut self, value: &str) -> Self {
        self.0.insert("dtype".into(), value.json());
        self
    }

    pub fn add(&self, to: &impl Builder, lhs: Value, rhs: Value) -> Result<Value> {
        exactly("matmul", to.add_op("matmul", &[lhs, rhs], &self.0)?).map(|[value]| value)
    }

    /// All results.
    pub fn add_many(&self, to: &impl Builder, lhs: Value, rhs: Value) -> Result<Vec<Value>> {
        to.add_op("matmul", &[lhs, rhs], &self.0)
    }
}

/// out = the larger of x and y.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Maximum(Map<String, Json>);

impl Default for Maximum {
    fn default() -> Self {
        Maximum(Map::new())
    }
}

impl Maximum {
    pub fn new() -> Self {
        let attrs = Map::new();
        Maximum(attrs)
    }

    pub fn add(&self, to: &impl Builder, x: Value, y: Value) -> Result<Value> {
        exactly("maximum", to.add_op("maximum", &[x, y], &self.0)?).map(|[value]| value)
    }
}

/// out = the smaller of x and y.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Minimum(Map<String, Json>);

impl Default for Minimum {
    fn default() -> Self {
        Minimum(Map::new())
    }
}

impl Minimum {
    pub fn new() -> Self {
        let attrs = Map::new();
        Minimum(attrs)
    }

    pub fn add(&self, to: &impl Builder, x: Value, y: Value) -> Result<Value> {
        exactly("minimum", to.add_op("minimum", &[x, y], &self.0)?).map(|[value]| value)
    }
}

/// out = x - y * floor(x / y); integers by 0 give 0.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Mod(Map<String, Json>);

impl Default for Mod {
    fn default() -> Self {
        Mod(Map::new())
    }
}

impl Mod {
    pub fn new() -> Self {
        let attrs = Map::new();
        Mod(attrs)
    }

    pub fn add(&self, to: &impl Builder, x: Value, y: Value) -> Result<Value> {
        exactly("mod", to.add_op("mod", &[x, y], &self.0)?).map(|[value]| value)
    }
}

/// out = x * y.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Mul(Map<String, Json>);

impl Default for Mul {
    fn default() -> Self {
        Mul(Map::new())
    }
}

impl Mul {
    pub fn new() -> Self {
        let attrs = Map::new();
        Mul(attrs)
    }

    pub fn add(&self, to: &impl Builder, x: Value, y: Value) -> Result<Value> {
        exactly("mul", to.add_op("mul", &[x, y], &self.0)?).map(|[value]| value)
    }
}

/// y = -x.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Neg(Map<String, Json>);

impl Default for Neg {
    fn default() -> Self {
        Neg(Map::new())
    }
}

impl Neg {
    pub fn new() -> Self {
        let attrs = Map::new();
        Neg(attrs)
    }

    pub fn add(&self, to: &impl Builder, x: Value) -> Result<Value> {
        exactly("neg", to.add_op("neg", &[x], &self.0)?).map(|[value]| value)
    }
}

/// out = x != y.
/// It has no gradient.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct NotEqual(Map<String, Json>);

impl Default for NotEqual {
    fn default() -> Self {
        NotEqual(Map::new())
    }
}

impl NotEqual {
    pub fn new() -> Self {
        let attrs = Map::new();
        NotEqual(attrs)
    }

    pub fn add(&self, to: &impl Builder, x: Value, y: Value) -> Result<Value> {
        exactly("not_equal", to.add_op("not_equal", &[x, y], &self.0)?).map(|[value]| value)
    }
}

/// y\[..., c\] = 1 where ids = c, otherwise 0.
/// Signature: ids\[...\] -\> y\[..., {depth}\]
/// It has no gradient.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct OneHot(Map<String, Json>);

impl OneHot {
    /// `depth`: size of the new last dim.
    pub fn new(depth: i64) -> Self {
        let mut attrs = Map::new();
        attrs.insert("depth".into(), depth.json());
        OneHot(attrs)
    }

    /// of the result (by default f32).
    pub fn dtype(mut self, value: &str) -> Self {
        self.0.insert("dtype".into(), value.json());
        self
    }

    pub fn add(&self, to: &impl Builder, ids: Value) -> Result<Value> {
        exactly("one_hot", to.add_op("one_hot", &[ids], &self.0)?).map(|[value]| value)
    }
}

/// y = x with `low` elements of `value` before it and `high` after it along `dim`.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Pad(Map<String, Json>);

impl Pad {
    /// `dim`: along which is padded.
    pub fn new(dim: i64) -> Self {
        let mut attrs = Map::new();
        attrs.insert("dim".into(), dim.json());
        Pad(attrs)
    }

    /// elements before (by default 0).
    pub fn low(mut self, value: i64) -> Self {
        self.0.insert("low".into(), value.json());
        self
    }

    /// elements after (by default 0).
    pub fn high(mut self, value: i64) -> Self {
        self.0.insert("high".into(), value.json());
        self
    }

    /// of the new elements (by default 0.0).
    pub fn value(mut self, value: f64) -> Self {
        self.0.insert("value".into(), value.json());
        self
    }

    pub fn add(&self, to: &impl Builder, inputs: &[Value]) -> Result<Value> {
        exactly("pad", to.add_op("pad", inputs, &self.0)?).map(|[value]| value)
    }

    /// All results.
    pub fn add_many(&self, to: &impl Builder, inputs: &[Value]) -> Result<Vec<Value>> {
        to.add_op("pad", inputs, &self.0)
    }
}

/// y\[..., k\] = x\[..., ids\[..., k\]\], 0 for an id outside.
/// Signature: x\[..., E!\], ids\[..., K\] -\> y\[..., K\]
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Pick(Map<String, Json>);

impl Default for Pick {
    fn default() -> Self {
        Pick(Map::new())
    }
}

impl Pick {
    pub fn new() -> Self {
        let attrs = Map::new();
        Pick(attrs)
    }

    pub fn add(&self, to: &impl Builder, x: Value, ids: Value) -> Result<Value> {
        exactly("pick", to.add_op("pick", &[x, ids], &self.0)?).map(|[value]| value)
    }
}

/// x\[..., e\] = the sum of the y whose id is e, 0 where there is none.
/// Signature: y\[..., K!\], ids\[..., K!\] -\> x\[..., {size}\]
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Place(Map<String, Json>);

impl Place {
    /// `size`: elements of a row of the result.
    pub fn new(size: i64) -> Self {
        let mut attrs = Map::new();
        attrs.insert("size".into(), size.json());
        Place(attrs)
    }

    pub fn add(&self, to: &impl Builder, y: Value, ids: Value) -> Result<Value> {
        exactly("place", to.add_op("place", &[y, ids], &self.0)?).map(|[value]| value)
    }
}

/// where every chosen (token, slot) stands when rows are sorted by expert.
/// Signature: ids\[..., K!\], weights?\[..., K!\] -\> rows\[..., K\], slots\[...,
/// {rows_per_token}\], experts\[..., {rows_per_token}\], counts\[{num_experts}\]
/// It has no gradient.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Plan(Map<String, Json>);

impl Plan {
    /// `num_experts`: how many there are.
    /// `rows_per_token`: rows planned for each token; the last dim of ids is always enough.
    pub fn new(num_experts: i64, rows_per_token: i64) -> Self {
        let mut attrs = Map::new();
        attrs.insert("num_experts".into(), num_experts.json());
        attrs.insert("rows_per_token".into(), rows_per_token.json());
        Plan(attrs)
    }

    pub fn add(&self, to: &impl Builder, inputs: &[Value]) -> Result<[Value; 4]> {
        exactly("plan", to.add_op("plan", inputs, &self.0)?)
    }
}

/// out = x^y.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Pow(Map<String, Json>);

impl Default for Pow {
    fn default() -> Self {
        Pow(Map::new())
    }
}

impl Pow {
    pub fn new() -> Self {
        let attrs = Map::new();
        Pow(attrs)
    }

    pub fn add(&self, to: &impl Builder, x: Value, y: Value) -> Result<Value> {
        exactly("pow", to.add_op("pow", &[x, y], &self.0)?).map(|[value]| value)
    }
}

/// y = independent normal numbers.
/// Signature: key\[4\], offset\[\] -\> y\[{shape...}\]
/// It has no gradient.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct RandomNormal(Map<String, Json>);

impl Default for RandomNormal {
    fn default() -> Self {
        RandomNormal(Map::new())
    }
}

impl RandomNormal {
    pub fn new() -> Self {
        let attrs = Map::new();
        RandomNormal(attrs)
    }

    /// dims of the result, such as "B,T"; empty: a scalar (by default ).
    pub fn shape(mut self, value: &str) -> Self {
        self.0.insert("shape".into(), value.json());
        self
    }

    /// of the result (by default f32).
    pub fn dtype(mut self, value: &str) -> Self {
        self.0.insert("dtype".into(), value.json());
        self
    }

    /// of the distribution (by default 0.0).
    pub fn mean(mut self, value: f64) -> Self {
        self.0.insert("mean".into(), value.json());
        self
    }

    /// of the distribution (by default 1.0).
    pub fn stddev(mut self, value: f64) -> Self {
        self.0.insert("stddev".into(), value.json());
        self
    }

    pub fn add(&self, to: &impl Builder, key: Value, offset: Value) -> Result<Value> {
        exactly("random_normal", to.add_op("random_normal", &[key, offset], &self.0)?)
            .map(|[value]| value)
    }
}

/// y = independent uniform numbers in \[low, high).
/// Signature: key\[4\], offset\[\] -\> y\[{shape...}\]
/// It has no gradient.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct RandomUniform(Map<String, Json>);

impl Default for RandomUniform {
    fn default() -> Self {
        RandomUniform(Map::new())
    }
}

impl RandomUniform {
    pub fn new() -> Self {
        let attrs = Map::new();
        RandomUniform(attrs)
    }

    /// dims of the result, such as "B,T"; empty: a scalar (by default ).
    pub fn shape(mut self, value: &str) -> Self {
        self.0.insert("shape".into(), value.json());
        self
    }

    /// of the result (by default f32).
    pub fn dtype(mut self, value: &str) -> Self {
        self.0.insert("dtype".into(), value.json());
        self
    }

    /// the least value (by default 0.0).
    pub fn low(mut self, value: f64) -> Self {
        self.0.insert("low".into(), value.json());
        self
    }

    /// what values stay below (by default 1.0).
    pub fn high(mut self, value: f64) -> Self {
        self.0.insert("high".into(), value.json());
        self
    }

    pub fn add(&self, to: &impl Builder, key: Value, offset: Value) -> Result<Value> {
        exactly("random_uniform", to.add_op("random_uniform", &[key, offset], &self.0)?)
            .map(|[value]| value)
    }
}

/// y = 1 / x.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Reciprocal(Map<String, Json>);

impl Default for Reciprocal {
    fn default() -> Self {
        Reciprocal(Map::new())
    }
}

impl Reciprocal {
    pub fn new() -> Self {
        let attrs = Map::new();
        Reciprocal(attrs)
    }

    pub fn add(&self, to: &impl Builder, x: Value) -> Result<Value> {
        exactly("reciprocal", to.add_op("reciprocal", &[x], &self.0)?).map(|[value]| value)
    }
}

/// y = the largest element of x over `dims`.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct ReduceMax(Map<String, Json>);

impl ReduceMax {
    /// `dims`: that are reduced.
    pub fn new(dims: &[i64]) -> Self {
        let mut attrs = Map::new();
        attrs.insert("dims".into(), dims.json());
        ReduceMax(attrs)
    }

    /// keep reduced dims as 1 (by default False).
    pub fn keep_dims(mut self, value: bool) -> Self {
        self.0.insert("keep_dims".into(), value.json());
        self
    }

    pub fn add(&self, to: &impl Builder, x: Value) -> Result<Value> {
        exactly("reduce_max", to.add_op("reduce_max", &[x], &self.0)?).map(|[value]| value)
    }

    /// All results.
    pub fn add_many(&self, to: &impl Builder, x: Value) -> Result<Vec<Value>> {
        to.add_op("reduce_max", &[x], &self.0)
    }
}

/// y = mean of x over `dims`.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct ReduceMean(Map<String, Json>);

impl ReduceMean {
    /// `dims`: that are reduced.
    pub fn new(dims: &[i64]) -> Self {
        let mut attrs = Map::new();
        attrs.insert("dims".into(), dims.json());
        ReduceMean(attrs)
    }

    /// keep reduced dims as 1 (by default False).
    pub fn keep_dims(mut self, value: bool) -> Self {
        self.0.insert("keep_dims".into(), value.json());
        self
    }

    /// of the result; empty: that of x (by default ).
    pub fn dtype(mut self, value: &str) -> Self {
        self.0.insert("dtype".into(), value.json());
        self
    }

    pub fn add(&self, to: &impl Builder, x: Value) -> Result<Value> {
        exactly("reduce_mean", to.add_op("reduce_mean", &[x], &self.0)?).map(|[value]| value)
    }

    /// All results.
    pub fn add_many(&self, to: &impl Builder, x: Value) -> Result<Vec<Value>> {
        to.add_op("reduce_mean", &[x], &self.0)
    }
}

/// y = the smallest element of x over `dims`.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct ReduceMin(Map<String, Json>);

impl ReduceMin {
    /// `dims`: that are reduced.
    pub fn new(dims: &[i64]) -> Self {
        let mut attrs = Map::new();
        attrs.insert("dims".into(), dims.json());
        ReduceMin(attrs)
    }

    /// keep reduced dims as 1 (by default False).
    pub fn keep_dims(mut self, value: bool) -> Self {
        self.0.insert("keep_dims".into(), value.json());
        self
    }

    pub fn add(&self, to: &impl Builder, x: Value) -> Result<Value> {
        exactly("reduce_min", to.add_op("reduce_min", &[x], &self.0)?).map(|[value]| value)
    }

    /// All results.
    pub fn add_many(&self, to: &impl Builder, x: Value) -> Result<Vec<Value>> {
        to.add_op("reduce_min", &[x], &self.0)
    }
}

/// y = product of x over `dims`.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct ReduceProd(Map<String, Json>);

impl ReduceProd {
    /// `dims`: that are reduced.
    pub fn new(dims: &[i64]) -> Self {
        let mut attrs = Map::new();
        attrs.insert("dims".into(), dims.json());
        ReduceProd(attrs)
    }

    /// keep reduced dims as 1 (by default False).
    pub fn keep_dims(mut self, value: bool) -> Self {
        self.0.insert("keep_dims".into(), value.json());
        self
    }

    pub fn add(&self, to: &impl Builder, x: Value) -> Result<Value> {
        exactly("reduce_prod", to.add_op("reduce_prod", &[x], &self.0)?).map(|[value]| value)
    }

    /// All results.
    pub fn add_many(&self, to: &impl Builder, x: Value) -> Result<Vec<Value>> {
        to.add_op("reduce_prod", &[x], &self.0)
    }
}

/// y = this rank's part along `dim` of x summed over the ranks of a mesh axis.
/// It has no gradient.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct ReduceScatter(Map<String, Json>);

impl ReduceScatter {
    /// `axis`: of the mesh.
    /// `ranks`: size of the axis.
    /// `dim`: along which the sum is divided.
    pub fn new(axis: &str, ranks: i64, dim: i64) -> Self {
        let mut attrs = Map::new();
        attrs.insert("axis".into(), axis.json());
        attrs.insert("ranks".into(), ranks.json());
        attrs.insert("dim".into(), dim.json());
        ReduceScatter(attrs)
    }

    pub fn add(&self, to: &impl Builder, x: Value) -> Result<Value> {
        exactly("reduce_scatter", to.add_op("reduce_scatter", &[x], &self.0)?).map(|[value]| value)
    }

    /// All results.
    pub fn add_many(&self, to: &impl Builder, x: Value) -> Result<Vec<Value>> {
        to.add_op("reduce_scatter", &[x], &self.0)
    }
}

/// y = sum of x over `dims`.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct ReduceSum(Map<String, Json>);

impl ReduceSum {
    /// `dims`: that are reduced.
    pub fn new(dims: &[i64]) -> Self {
        let mut attrs = Map::new();
        attrs.insert("dims".into(), dims.json());
        ReduceSum(attrs)
    }

    /// keep reduced dims as 1 (by default False).
    pub fn keep_dims(mut self, value: bool) -> Self {
        self.0.insert("keep_dims".into(), value.json());
        self
    }

    /// of the result; empty: that of x (by default ).
    pub fn dtype(mut self, value: &str) -> Self {
        self.0.insert("dtype".into(), value.json());
        self
    }

    pub fn add(&self, to: &impl Builder, x: Value) -> Result<Value> {
        exactly("reduce_sum", to.add_op("reduce_sum", &[x], &self.0)?).map(|[value]| value)
    }

    /// All results.
    pub fn add_many(&self, to: &impl Builder, x: Value) -> Result<Vec<Value>> {
        to.add_op("reduce_sum", &[x], &self.0)
    }
}

/// y = max(x, 0).
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Relu(Map<String, Json>);

impl Default for Relu {
    fn default() -> Self {
        Relu(Map::new())
    }
}

impl Relu {
    pub fn new() -> Self {
        let attrs = Map::new();
        Relu(attrs)
    }

    pub fn add(&self, to: &impl Builder, x: Value) -> Result<Value> {
        exactly("relu", to.add_op("relu", &[x], &self.0)?).map(|[value]| value)
    }
}

/// dx = dy where x \> 0, otherwise 0.
/// Signature: x\[...\], dy\[...\] -\> dx\[...\]
/// It has no gradient.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct ReluGrad(Map<String, Json>);

impl Default for ReluGrad {
    fn default() -> Self {
        ReluGrad(Map::new())
    }
}

impl ReluGrad {
    pub fn new() -> Self {
        let attrs = Map::new();
        ReluGrad(attrs)
    }

    pub fn add(&self, to: &impl Builder, x: Value, dy: Value) -> Result<Value> {
        exactly("relu_grad", to.add_op("relu_grad", &[x, dy], &self.0)?).map(|[value]| value)
    }
}

/// y = the elements of x with other dims; a view.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Reshape(Map<String, Json>);

impl Reshape {
    /// `shape`: dims of the result, such as "B*T,512".
    pub fn new(shape: &str) -> Self {
        let mut attrs = Map::new();
        attrs.insert("shape".into(), shape.json());
        Reshape(attrs)
    }

    pub fn add(&self, to: &impl Builder, inputs: &[Value]) -> Result<Value> {
        exactly("reshape", to.add_op("reshape", inputs, &self.0)?).map(|[value]| value)
    }

    /// All results.
    pub fn add_many(&self, to: &impl Builder, inputs: &[Value]) -> Result<Vec<Value>> {
        to.add_op("reshape", inputs, &self.0)
    }
}

/// y = x / sqrt(mean(x^2) + epsilon) * (scale + scale_offset), over the last dim.
/// Signature: x\[..., D!\], scale\[D!\] -\> y\[..., D\]
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct RmsNorm(Map<String, Json>);

impl Default for RmsNorm {
    fn default() -> Self {
        RmsNorm(Map::new())
    }
}

impl RmsNorm {
    pub fn new() -> Self {
        let attrs = Map::new();
        RmsNorm(attrs)
    }

    /// added under the root; at least 0 (by default 1e-06).
    pub fn epsilon(mut self, value: f64) -> Self {
        self.0.insert("epsilon".into(), value.json());
        self
    }

    /// added to scale (by default 0.0).
    pub fn scale_offset(mut self, value: f64) -> Self {
        self.0.insert("scale_offset".into(), value.json());
        self
    }

    pub fn add(&self, to: &impl Builder, x: Value, scale: Value) -> Result<Value> {
        exactly("rms_norm", to.add_op("rms_norm", &[x, scale], &self.0)?).map(|[value]| value)
    }
}

/// gradients of rms_norm with respect to x and scale.
/// Signature: x\[..., D!\], scale\[D!\], dy\[..., D!\] -\> dx\[..., D\], dscale\[D\]
/// It has no gradient.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct RmsNormGrad(Map<String, Json>);

impl Default for RmsNormGrad {
    fn default() -> Self {
        RmsNormGrad(Map::new())
    }
}

impl RmsNormGrad {
    pub fn new() -> Self {
        let attrs = Map::new();
        RmsNormGrad(attrs)
    }

    /// as in rms_norm (by default 1e-06).
    pub fn epsilon(mut self, value: f64) -> Self {
        self.0.insert("epsilon".into(), value.json());
        self
    }

    /// as in rms_norm (by default 0.0).
    pub fn scale_offset(mut self, value: f64) -> Self {
        self.0.insert("scale_offset".into(), value.json());
        self
    }

    pub fn add(&self, to: &impl Builder, x: Value, scale: Value, dy: Value) -> Result<[Value; 2]> {
        exactly("rms_norm_grad", to.add_op("rms_norm_grad", &[x, scale, dy], &self.0)?)
    }
}

/// y = x with pairs of its last dim turned by position * theta^(-2i / rotary_dim).
/// Signature: x\[B, T, H, D!\], positions\[B, T\], frequencies?\[F!\], amplitude?\[\] -\> y\[B,
/// T, H, D\]
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Rotary(Map<String, Json>);

impl Default for Rotary {
    fn default() -> Self {
        Rotary(Map::new())
    }
}

impl Rotary {
    pub fn new() -> Self {
        let attrs = Map::new();
        Rotary(attrs)
    }

    /// base of the frequencies (by default 10000.0).
    pub fn theta(mut self, value: f64) -> Self {
        self.0.insert("theta".into(), value.json());
        self
    }

    /// how much of the last dim is turned; 0: all of it (by default 0).
    pub fn rotary_dim(mut self, value: i64) -> Self {
        self.0.insert("rotary_dim".into(), value.json());
        self
    }

    /// turn the other way (by default False).
    pub fn inverse(mut self, value: bool) -> Self {
        self.0.insert("inverse".into(), value.json());
        self
    }

    /// pairs are neighbours, not halves (by default False).
    pub fn interleaved(mut self, value: bool) -> Self {
        self.0.insert("interleaved".into(), value.json());
        self
    }

    pub fn add(&self, to: &impl Builder, inputs: &[Value]) -> Result<Value> {
        exactly("rotary", to.add_op("rotary", inputs, &self.0)?).map(|[value]| value)
    }
}

/// y = x rounded to the nearest whole number, ties to even.
/// It has no gradient.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Round(Map<String, Json>);

impl Default for Round {
    fn default() -> Self {
        Round(Map::new())
    }
}

impl Round {
    pub fn new() -> Self {
        let attrs = Map::new();
        Round(attrs)
    }

    pub fn add(&self, to: &impl Builder, x: Value) -> Result<Value> {
        exactly("round", to.add_op("round", &[x], &self.0)?).map(|[value]| value)
    }
}

/// y = x^(-1/2).
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Rsqrt(Map<String, Json>);

impl Default for Rsqrt {
    fn default() -> Self {
        Rsqrt(Map::new())
    }
}

impl Rsqrt {
    pub fn new() -> Self {
        let attrs = Map::new();
        Rsqrt(attrs)
    }

    pub fn add(&self, to: &impl Builder, x: Value) -> Result<Value> {
        exactly("rsqrt", to.add_op("rsqrt", &[x], &self.0)?).map(|[value]| value)
    }
}

/// y = base with updates added along `dim` at the indices.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct ScatterAdd(Map<String, Json>);

impl ScatterAdd {
    /// `dim`: of base, along which the indices count.
    pub fn new(dim: i64) -> Self {
        let mut attrs = Map::new();
        attrs.insert("dim".into(), dim.json());
        ScatterAdd(attrs)
    }

    pub fn add(&self, to: &impl Builder, inputs: &[Value]) -> Result<Value> {
        exactly("scatter_add", to.add_op("scatter_add", inputs, &self.0)?).map(|[value]| value)
    }

    /// All results.
    pub fn add_many(&self, to: &impl Builder, inputs: &[Value]) -> Result<Vec<Value>> {
        to.add_op("scatter_add", inputs, &self.0)
    }
}

/// one step of SGD with momentum on a parameter and its momentum buffer, in place.
/// Signature: param\[...\], grad\[...\], buffer\[...\], lr\[\], step\[\], clip\[\] -\>
/// new_param\[...\], new_buffer\[...\]
/// It has no gradient.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct SgdUpdate(Map<String, Json>);

impl Default for SgdUpdate {
    fn default() -> Self {
        SgdUpdate(Map::new())
    }
}

impl SgdUpdate {
    pub fn new() -> Self {
        let attrs = Map::new();
        SgdUpdate(attrs)
    }

    /// decay of the buffer, in \[0, 1) (by default 0.9).
    pub fn momentum(mut self, value: f64) -> Self {
        self.0.insert("momentum".into(), value.json());
        self
    }

    /// share of a new gradient that does not enter the buffer, in \[0, 1) (by default 0.0).
    pub fn dampening(mut self, value: f64) -> Self {
        self.0.insert("dampening".into(), value.json());
        self
    }

    /// look ahead by one more momentum step (by default False).
    pub fn nesterov(mut self, value: bool) -> Self {
        self.0.insert("nesterov".into(), value.json());
        self
    }

    /// added to the gradient, times the parameter (by default 0.0).
    pub fn weight_decay(mut self, value: f64) -> Self {
        self.0.insert("weight_decay".into(), value.json());
        self
    }

    pub fn add(
        &self,
        to: &impl Builder,
        param: Value,
        grad: Value,
        buffer: Value,
        lr: Value,
        step: Value,
        clip: Value,
    ) -> Result<[Value; 2]> {
        exactly(
            "sgd_update",
            to.add_op("sgd_update", &[param, grad, buffer, lr, step, clip], &self.0)?,
        )
    }
}

/// y = 1 / (1 + e^-x).
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Sigmoid(Map<String, Json>);

impl Default for Sigmoid {
    fn default() -> Self {
        Sigmoid(Map::new())
    }
}

impl Sigmoid {
    pub fn new() -> Self {
        let attrs = Map::new();
        Sigmoid(attrs)
    }

    pub fn add(&self, to: &impl Builder, x: Value) -> Result<Value> {
        exactly("sigmoid", to.add_op("sigmoid", &[x], &self.0)?).map(|[value]| value)
    }
}

/// y = -1, 0 or 1 by the sign of x.
/// It has no gradient.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Sign(Map<String, Json>);

impl Default for Sign {
    fn default() -> Self {
        Sign(Map::new())
    }
}

impl Sign {
    pub fn new() -> Self {
        let attrs = Map::new();
        Sign(attrs)
    }

    pub fn add(&self, to: &impl Builder, x: Value) -> Result<Value> {
        exactly("sign", to.add_op("sign", &[x], &self.0)?).map(|[value]| value)
    }
}

/// y = x * sigmoid(x).
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Silu(Map<String, Json>);

impl Default for Silu {
    fn default() -> Self {
        Silu(Map::new())
    }
}

impl Silu {
    pub fn new() -> Self {
        let attrs = Map::new();
        Silu(attrs)
    }

    pub fn add(&self, to: &impl Builder, x: Value) -> Result<Value> {
        exactly("silu", to.add_op("silu", &[x], &self.0)?).map(|[value]| value)
    }
}

/// dx = dy * s * (1 + x * (1 - s)), s = sigmoid(x).
/// Signature: x\[...\], dy\[...\] -\> dx\[...\]
/// It has no gradient.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct SiluGrad(Map<String, Json>);

impl Default for SiluGrad {
    fn default() -> Self {
        SiluGrad(Map::new())
    }
}

impl SiluGrad {
    pub fn new() -> Self {
        let attrs = Map::new();
        SiluGrad(attrs)
    }

    pub fn add(&self, to: &impl Builder, x: Value, dy: Value) -> Result<Value> {
        exactly("silu_grad", to.add_op("silu_grad", &[x, dy], &self.0)?).map(|[value]| value)
    }
}

/// y = sin(x).
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Sin(Map<String, Json>);

impl Default for Sin {
    fn default() -> Self {
        Sin(Map::new())
    }
}

impl Sin {
    pub fn new() -> Self {
        let attrs = Map::new();
        Sin(attrs)
    }

    pub fn add(&self, to: &impl Builder, x: Value) -> Result<Value> {
        exactly("sin", to.add_op("sin", &[x], &self.0)?).map(|[value]| value)
    }
}

/// y = x\[start : : step\] along `dim`: `size` elements, or all but the last `trim`.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Slice(Map<String, Json>);

impl Slice {
    /// `dim`: along which is cut.
    pub fn new(dim: i64) -> Self {
        let mut attrs = Map::new();
        attrs.insert("dim".into(), dim.json());
        Slice(attrs)
    }

    /// the first element taken (by default 0).
    pub fn start(mut self, value: i64) -> Self {
        self.0.insert("start".into(), value.json());
        self
    }

    /// how many are taken; -1: up to the last that `trim` leaves (by default -1).
    pub fn size(mut self, value: i64) -> Self {
        self.0.insert("size".into(), value.json());
        self
    }

    /// from one element to the next (by default 1).
    pub fn step(mut self, value: i64) -> Self {
        self.0.insert("step".into(), value.json());
        self
    }

    /// elements left out at the end, when size is -1 (by default 0).
    pub fn trim(mut self, value: i64) -> Self {
        self.0.insert("trim".into(), value.json());
        self
    }

    pub fn add(&self, to: &impl Builder, inputs: &[Value]) -> Result<Value> {
        exactly("slice", to.add_op("slice", inputs, &self.0)?).map(|[value]| value)
    }

    /// All results.
    pub fn add_many(&self, to: &impl Builder, inputs: &[Value]) -> Result<Vec<Value>> {
        to.add_op("slice", inputs, &self.0)
    }
}

/// y = e^x / sum of e^x over the last dim.
/// Signature: x\[..., D!\] -\> y\[..., D\]
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Softmax(Map<String, Json>);

impl Default for Softmax {
    fn default() -> Self {
        Softmax(Map::new())
    }
}

impl Softmax {
    pub fn new() -> Self {
        let attrs = Map::new();
        Softmax(attrs)
    }

    pub fn add(&self, to: &impl Builder, x: Value) -> Result<Value> {
        exactly("softmax", to.add_op("softmax", &[x], &self.0)?).map(|[value]| value)
    }
}

/// dx = y * (dy - sum of y * dy over the last dim).
/// Signature: y\[..., D!\], dy\[..., D!\] -\> dx\[..., D\]
/// It has no gradient.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct SoftmaxGrad(Map<String, Json>);

impl Default for SoftmaxGrad {
    fn default() -> Self {
        SoftmaxGrad(Map::new())
    }
}

impl SoftmaxGrad {
    pub fn new() -> Self {
        let attrs = Map::new();
        SoftmaxGrad(attrs)
    }

    pub fn add(&self, to: &impl Builder, y: Value, dy: Value) -> Result<Value> {
        exactly("softmax_grad", to.add_op("softmax_grad", &[y, dy], &self.0)?).map(|[value]| value)
    }
}

/// y = ln(1 + e^x).
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Softplus(Map<String, Json>);

impl Default for Softplus {
    fn default() -> Self {
        Softplus(Map::new())
    }
}

impl Softplus {
    pub fn new() -> Self {
        let attrs = Map::new();
        Softplus(attrs)
    }

    pub fn add(&self, to: &impl Builder, x: Value) -> Result<Value> {
        exactly("softplus", to.add_op("softplus", &[x], &self.0)?).map(|[value]| value)
    }
}

/// values = x sorted along the last dim, indices = where each stood; stable.
/// Signature: x\[..., D!\] -\> values\[..., D\], indices\[..., D\]
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Sort(Map<String, Json>);

impl Default for Sort {
    fn default() -> Self {
        Sort(Map::new())
    }
}

impl Sort {
    pub fn new() -> Self {
        let attrs = Map::new();
        Sort(attrs)
    }

    /// the last one (by default -1).
    pub fn dim(mut self, value: i64) -> Self {
        self.0.insert("dim".into(), value.json());
        self
    }

    /// largest first (by default False).
    pub fn descending(mut self, value: bool) -> Self {
        self.0.insert("descending".into(), value.json());
        self
    }

    pub fn add(&self, to: &impl Builder, x: Value) -> Result<[Value; 2]> {
        exactly("sort", to.add_op("sort", &[x], &self.0)?)
    }
}

/// y = x^(1/2).
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Sqrt(Map<String, Json>);

impl Default for Sqrt {
    fn default() -> Self {
        Sqrt(Map::new())
    }
}

impl Sqrt {
    pub fn new() -> Self {
        let attrs = Map::new();
        Sqrt(attrs)
    }

    pub fn add(&self, to: &impl Builder, x: Value) -> Result<Value> {
        exactly("sqrt", to.add_op("sqrt", &[x], &self.0)?).map(|[value]| value)
    }
}

/// y = x^2.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Square(Map<String, Json>);

impl Default for Square {
    fn default() -> Self {
        Square(Map::new())
    }
}

impl Square {
    pub fn new() -> Self {
        let attrs = Map::new();
        Square(attrs)
    }

    pub fn add(&self, to: &impl Builder, x: Value) -> Result<Value> {
        exactly("square", to.add_op("square", &[x], &self.0)?).map(|[value]| value)
    }
}

/// out = x - y.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Sub(Map<String, Json>);

impl Default for Sub {
    fn default() -> Self {
        Sub(Map::new())
    }
}

impl Sub {
    pub fn new() -> Self {
        let attrs = Map::new();
        Sub(attrs)
    }

    pub fn add(&self, to: &impl Builder, x: Value, y: Value) -> Result<Value> {
        exactly("sub", to.add_op("sub", &[x, y], &self.0)?).map(|[value]| value)
    }
}

/// y = sum of x^2 over all elements.
/// Signature: x\[...\] -\> y\[\]
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct SumOfSquares(Map<String, Json>);

impl Default for SumOfSquares {
    fn default() -> Self {
        SumOfSquares(Map::new())
    }
}

impl SumOfSquares {
    pub fn new() -> Self {
        let attrs = Map::new();
        SumOfSquares(attrs)
    }

    pub fn add(&self, to: &impl Builder, x: Value) -> Result<Value> {
        exactly("sum_of_squares", to.add_op("sum_of_squares", &[x], &self.0)?).map(|[value]| value)
    }
}

/// ids = choices, moved where their group of experts has had its even share.
/// Signature: choices\[..., N!, K!\] -\> ids\[..., N, K\]
/// It has no gradient.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Swipe(Map<String, Json>);

impl Swipe {
    /// `num_experts`: how many there are.
    pub fn new(num_experts: i64) -> Self {
        let mut attrs = Map::new();
        attrs.insert("num_experts".into(), num_experts.json());
        Swipe(attrs)
    }

    /// experts of a group, which get an even share together (by default 1).
    pub fn group_size(mut self, value: i64) -> Self {
        self.0.insert("group_size".into(), value.json());
        self
    }

    pub fn add(&self, to: &impl Builder, choices: Value) -> Result<Value> {
        exactly("swipe", to.add_op("swipe", &[choices], &self.0)?).map(|[value]| value)
    }
}

/// y = tanh(x).
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Tanh(Map<String, Json>);

impl Default for Tanh {
    fn default() -> Self {
        Tanh(Map::new())
    }
}

impl Tanh {
    pub fn new() -> Self {
        let attrs = Map::new();
        Tanh(attrs)
    }

    pub fn add(&self, to: &impl Builder, x: Value) -> Result<Value> {
        exactly("tanh", to.add_op("tanh", &[x], &self.0)?).map(|[value]| value)
    }
}

/// values = the k largest of the last dim, indices = where they stood.
/// Signature: x\[..., D!\] -\> values\[..., {k}\], indices\[..., {k}\]
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct TopK(Map<String, Json>);

impl TopK {
    /// `k`: how many; at most the last dim.
    pub fn new(k: i64) -> Self {
        let mut attrs = Map::new();
        attrs.insert("k".into(), k.json());
        TopK(attrs)
    }

    pub fn add(&self, to: &impl Builder, x: Value) -> Result<[Value; 2]> {
        exactly("top_k", to.add_op("top_k", &[x], &self.0)?)
    }
}

/// y = x with dim i taken from dim perm\[i\].
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Transpose(Map<String, Json>);

impl Transpose {
    /// `perm`: the dim of x that each dim of y is.
    pub fn new(perm: &[i64]) -> Self {
        let mut attrs = Map::new();
        attrs.insert("perm".into(), perm.json());
        Transpose(attrs)
    }

    pub fn add(&self, to: &impl Builder, inputs: &[Value]) -> Result<Value> {
        exactly("transpose", to.add_op("transpose", inputs, &self.0)?).map(|[value]| value)
    }

    /// All results.
    pub fn add_many(&self, to: &impl Builder, inputs: &[Value]) -> Result<Vec<Value>> {
        to.add_op("transpose", inputs, &self.0)
    }
}

/// out = y where x is true, otherwise z.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Where(Map<String, Json>);

impl Default for Where {
    fn default() -> Self {
        Where(Map::new())
    }
}

impl Where {
    pub fn new() -> Self {
        let attrs = Map::new();
        Where(attrs)
    }

    pub fn add(&self, to: &impl Builder, inputs: &[Value]) -> Result<Value> {
        exactly("where", to.add_op("where", inputs, &self.0)?).map(|[value]| value)
    }
}
