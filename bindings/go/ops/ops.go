// Package ops has a function for each op, with its attributes and operands:
// ops.TopK(scope, ops.TopKAttrs{K: 2}, x).
//
// Made from the catalogue by bindings/generate; not edited.
package ops

import (
	"math"

	"tessera.io/tessera"
)

// Builder is what takes ops: a *tessera.Scope, or an OfGraph.
type Builder interface {
	AddMany(op string, attrs tessera.Attrs, inputs ...tessera.Value) []tessera.Value
}

// OfGraph lets a graph take ops. The first error stays in Err, and what comes after it does
// nothing.
type OfGraph struct {
	Graph *tessera.Graph
	Err   error
}

// AddMany adds an op by name.
func (g *OfGraph) AddMany(op string, attrs tessera.Attrs,
	inputs ...tessera.Value) (made []tessera.Value) {
	if g.Err == nil {
		made, g.Err = g.Graph.AddMany(op, attrs, inputs...)
	}
	return made
}

// Set makes a pointer for a field of attributes.
func Set[T any](value T) *T { return &value }

// at is a result; there is none after an error.
func at(made []tessera.Value, index int) tessera.Value {
	if index < len(made) {
		return made[index]
	}
	return tessera.None
}

// number writes numbers that JSON lacks as texts.
func number(value float64) any {
	switch {
	case math.IsNaN(value):
		return "nan"
	case math.IsInf(value, 1):
		return "inf"
	case math.IsInf(value, -1):
		return "-inf"
	}
	return value
}

// Abs: y = |x|.
func Abs(b Builder, x tessera.Value) tessera.Value {
	made := b.AddMany("abs", nil, x)
	return at(made, 0)
}

// AdamwUpdateAttrs are the attributes of AdamwUpdate; nil ones are the library's.
type AdamwUpdateAttrs struct {
	// decay of the first moment, in [0, 1) (by default 0.9).
	Beta1 *float64
	// decay of the second moment, in [0, 1) (by default 0.999).
	Beta2 *float64
	// added to the root; at least 0 (by default 1e-08).
	Epsilon *float64
	// decoupled from the gradient; times lr (by default 0.0).
	WeightDecay *float64
}

func (a AdamwUpdateAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	if a.Beta1 != nil {
		set["beta1"] = number(*a.Beta1)
	}
	if a.Beta2 != nil {
		set["beta2"] = number(*a.Beta2)
	}
	if a.Epsilon != nil {
		set["epsilon"] = number(*a.Epsilon)
	}
	if a.WeightDecay != nil {
		set["weight_decay"] = number(*a.WeightDecay)
	}
	return set
}

// AdamwUpdate: one step of AdamW on a parameter and its two moments, in place.
// Signature: param[...], grad[...], m[...], v[...], lr[], step[], clip[] -> new_param[...],
// new_m[...], new_v[...]
// It has no gradient.
func AdamwUpdate(b Builder, attrs AdamwUpdateAttrs, param, grad, m, v, lr, step, clip tessera.Value) (tessera.Value, tessera.Value, tessera.Value) {
	made := b.AddMany("adamw_update", attrs.json(), param, grad, m, v, lr, step, clip)
	return at(made, 0), at(made, 1), at(made, 2)
}

// Add: out = x + y.
func Add(b Builder, x, y tessera.Value) tessera.Value {
	made := b.AddMany("add", nil, x, y)
	return at(made, 0)
}

// AddNAttrs are the attributes of AddN; nil ones are the library's.
type AddNAttrs struct {
	// of the result; empty: that of the operands (by default ).
	Dtype *string
}

func (a AddNAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	if a.Dtype != nil {
		set["dtype"] = *a.Dtype
	}
	return set
}

// AddN: y = x0 + x1 + ..., summed in order and rounded once.
// Signature: x*[...] -> y[...]
func AddN(b Builder, attrs AddNAttrs, inputs ...tessera.Value) tessera.Value {
	made := b.AddMany("add_n", attrs.json(), inputs...)
	return at(made, 0)
}

// AllGatherAttrs are the attributes of AllGather; nil ones are the library's.
type AllGatherAttrs struct {
	// of the mesh.
	Axis string
	// size of the axis.
	Ranks int64
	// along which the parts are joined.
	Dim int64
}

func (a AllGatherAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	set["axis"] = a.Axis
	set["ranks"] = a.Ranks
	set["dim"] = a.Dim
	return set
}

// AllGather: y = the x of all ranks of a mesh axis one after the other along `dim`.
// It has no gradient.
func AllGather(b Builder, attrs AllGatherAttrs, inputs ...tessera.Value) tessera.Value {
	made := b.AddMany("all_gather", attrs.json(), inputs...)
	return at(made, 0)
}

// AllGatherAll gives all results of AllGather.
func AllGatherAll(b Builder, attrs AllGatherAttrs, inputs ...tessera.Value) []tessera.Value {
	return b.AddMany("all_gather", attrs.json(), inputs...)
}

// AllReduceAttrs are the attributes of AllReduce; nil ones are the library's.
type AllReduceAttrs struct {
	// of the mesh.
	Axis string
	// sum or max (by default sum).
	Reduce *string
}

func (a AllReduceAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	set["axis"] = a.Axis
	if a.Reduce != nil {
		set["reduce"] = *a.Reduce
	}
	return set
}

// AllReduce: y = x summed (or the maximum) over the ranks of a mesh axis.
// Signature: x[...] -> y[...]
// It has no gradient.
func AllReduce(b Builder, attrs AllReduceAttrs, x tessera.Value) tessera.Value {
	made := b.AddMany("all_reduce", attrs.json(), x)
	return at(made, 0)
}

// ArangeAttrs are the attributes of Arange; nil ones are the library's.
type ArangeAttrs struct {
	// the one dim of the result, such as "T".
	Shape string
	// the first value (by default 0.0).
	Start *float64
	// from one value to the next (by default 1.0).
	Step *float64
	// of the result (by default i32).
	Dtype *string
}

func (a ArangeAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	set["shape"] = a.Shape
	if a.Start != nil {
		set["start"] = number(*a.Start)
	}
	if a.Step != nil {
		set["step"] = number(*a.Step)
	}
	if a.Dtype != nil {
		set["dtype"] = *a.Dtype
	}
	return set
}

// Arange: y[i] = start + i * step.
// Signature: -> y[{shape...}]
// It has no gradient.
func Arange(b Builder, attrs ArangeAttrs, inputs ...tessera.Value) tessera.Value {
	made := b.AddMany("arange", attrs.json(), inputs...)
	return at(made, 0)
}

// ArgmaxAttrs are the attributes of Argmax; nil ones are the library's.
type ArgmaxAttrs struct {
	// along which is searched; it is gone from the result.
	Dim int64
}

func (a ArgmaxAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	set["dim"] = a.Dim
	return set
}

// Argmax: y = the index of the largest element along `dim`.
// It has no gradient.
func Argmax(b Builder, attrs ArgmaxAttrs, x tessera.Value) tessera.Value {
	made := b.AddMany("argmax", attrs.json(), x)
	return at(made, 0)
}

// AttentionAttrs are the attributes of Attention; nil ones are the library's.
type AttentionAttrs struct {
	// a query sees no key after its own index (by default False).
	Causal *bool
	// factor on q . k, such as 1 / sqrt(D) (by default 1.0).
	Scale *float64
	// keys further back than this are not seen; 0: all are (by default 0).
	Window *int64
	// scores become cap * tanh(score / cap); 0: no cap (by default 0.0).
	Softcap *float64
	// operands q_segments, k_segments: only equal ones meet (by default False).
	HasSegments *bool
	// operand start: index of the first query of each batch row (by default False).
	HasStart *bool
	// operand slopes: how fast scores of a head fall with distance (by default False).
	HasSlopes *bool
	// operand bias: added to the scores (by default False).
	HasBias *bool
	// operand sinks: a logit of each head that has no value (by default False).
	HasSinks *bool
}

func (a AttentionAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	if a.Causal != nil {
		set["causal"] = *a.Causal
	}
	if a.Scale != nil {
		set["scale"] = number(*a.Scale)
	}
	if a.Window != nil {
		set["window"] = *a.Window
	}
	if a.Softcap != nil {
		set["softcap"] = number(*a.Softcap)
	}
	if a.HasSegments != nil {
		set["has_segments"] = *a.HasSegments
	}
	if a.HasStart != nil {
		set["has_start"] = *a.HasStart
	}
	if a.HasSlopes != nil {
		set["has_slopes"] = *a.HasSlopes
	}
	if a.HasBias != nil {
		set["has_bias"] = *a.HasBias
	}
	if a.HasSinks != nil {
		set["has_sinks"] = *a.HasSinks
	}
	return set
}

// Attention: y = softmax(scale * q . k) v by head over the keys a query sees; lse of the
// scores.
func Attention(b Builder, attrs AttentionAttrs, inputs ...tessera.Value) tessera.Value {
	made := b.AddMany("attention", attrs.json(), inputs...)
	return at(made, 0)
}

// AttentionAll gives all results of Attention.
func AttentionAll(b Builder, attrs AttentionAttrs, inputs ...tessera.Value) []tessera.Value {
	return b.AddMany("attention", attrs.json(), inputs...)
}

// AttentionBiasGradAttrs are the attributes of AttentionBiasGrad; nil ones are the library's.
type AttentionBiasGradAttrs struct {
	// a query sees no key after its own index (by default False).
	Causal *bool
	// factor on q . k, such as 1 / sqrt(D) (by default 1.0).
	Scale *float64
	// keys further back than this are not seen; 0: all are (by default 0).
	Window *int64
	// scores become cap * tanh(score / cap); 0: no cap (by default 0.0).
	Softcap *float64
	// operands q_segments, k_segments: only equal ones meet (by default False).
	HasSegments *bool
	// operand start: index of the first query of each batch row (by default False).
	HasStart *bool
	// operand slopes: how fast scores of a head fall with distance (by default False).
	HasSlopes *bool
	// operand bias: added to the scores (by default False).
	HasBias *bool
}

func (a AttentionBiasGradAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	if a.Causal != nil {
		set["causal"] = *a.Causal
	}
	if a.Scale != nil {
		set["scale"] = number(*a.Scale)
	}
	if a.Window != nil {
		set["window"] = *a.Window
	}
	if a.Softcap != nil {
		set["softcap"] = number(*a.Softcap)
	}
	if a.HasSegments != nil {
		set["has_segments"] = *a.HasSegments
	}
	if a.HasStart != nil {
		set["has_start"] = *a.HasStart
	}
	if a.HasSlopes != nil {
		set["has_slopes"] = *a.HasSlopes
	}
	if a.HasBias != nil {
		set["has_bias"] = *a.HasBias
	}
	return set
}

// AttentionBiasGrad: gradient of attention with respect to its bias.
// It has no gradient.
func AttentionBiasGrad(b Builder, attrs AttentionBiasGradAttrs, inputs ...tessera.Value) tessera.Value {
	made := b.AddMany("attention_bias_grad", attrs.json(), inputs...)
	return at(made, 0)
}

// AttentionBiasGradAll gives all results of AttentionBiasGrad.
func AttentionBiasGradAll(b Builder, attrs AttentionBiasGradAttrs, inputs ...tessera.Value) []tessera.Value {
	return b.AddMany("attention_bias_grad", attrs.json(), inputs...)
}

// AttentionGradAttrs are the attributes of AttentionGrad; nil ones are the library's.
type AttentionGradAttrs struct {
	// a query sees no key after its own index (by default False).
	Causal *bool
	// factor on q . k, such as 1 / sqrt(D) (by default 1.0).
	Scale *float64
	// keys further back than this are not seen; 0: all are (by default 0).
	Window *int64
	// scores become cap * tanh(score / cap); 0: no cap (by default 0.0).
	Softcap *float64
	// operands q_segments, k_segments: only equal ones meet (by default False).
	HasSegments *bool
	// operand start: index of the first query of each batch row (by default False).
	HasStart *bool
	// operand slopes: how fast scores of a head fall with distance (by default False).
	HasSlopes *bool
	// operand bias: added to the scores (by default False).
	HasBias *bool
}

func (a AttentionGradAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	if a.Causal != nil {
		set["causal"] = *a.Causal
	}
	if a.Scale != nil {
		set["scale"] = number(*a.Scale)
	}
	if a.Window != nil {
		set["window"] = *a.Window
	}
	if a.Softcap != nil {
		set["softcap"] = number(*a.Softcap)
	}
	if a.HasSegments != nil {
		set["has_segments"] = *a.HasSegments
	}
	if a.HasStart != nil {
		set["has_start"] = *a.HasStart
	}
	if a.HasSlopes != nil {
		set["has_slopes"] = *a.HasSlopes
	}
	if a.HasBias != nil {
		set["has_bias"] = *a.HasBias
	}
	return set
}

// AttentionGrad: gradients of attention with respect to q, k and v.
// It has no gradient.
func AttentionGrad(b Builder, attrs AttentionGradAttrs, inputs ...tessera.Value) tessera.Value {
	made := b.AddMany("attention_grad", attrs.json(), inputs...)
	return at(made, 0)
}

// AttentionGradAll gives all results of AttentionGrad.
func AttentionGradAll(b Builder, attrs AttentionGradAttrs, inputs ...tessera.Value) []tessera.Value {
	return b.AddMany("attention_grad", attrs.json(), inputs...)
}

// BalancedAssignmentAttrs are the attributes of BalancedAssignment; nil ones are the library's.
type BalancedAssignmentAttrs struct {
	// how much a token may lose, in ranges of the scores (by default 0.01).
	Precision *float64
}

func (a BalancedAssignmentAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	if a.Precision != nil {
		set["precision"] = number(*a.Precision)
	}
	return set
}

// BalancedAssignment: ids = the expert of every token, each expert getting an even share.
// Signature: scores[..., N!, E!] -> ids[..., N, 1]
// It has no gradient.
func BalancedAssignment(b Builder, attrs BalancedAssignmentAttrs, scores tessera.Value) tessera.Value {
	made := b.AddMany("balanced_assignment", attrs.json(), scores)
	return at(made, 0)
}

// BroadcastToAttrs are the attributes of BroadcastTo; nil ones are the library's.
type BroadcastToAttrs struct {
	// dims of the result, such as "B,T,512".
	Shape string
}

func (a BroadcastToAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	set["shape"] = a.Shape
	return set
}

// BroadcastTo: y = x repeated to the dims `shape`.
func BroadcastTo(b Builder, attrs BroadcastToAttrs, inputs ...tessera.Value) tessera.Value {
	made := b.AddMany("broadcast_to", attrs.json(), inputs...)
	return at(made, 0)
}

// BroadcastToAll gives all results of BroadcastTo.
func BroadcastToAll(b Builder, attrs BroadcastToAttrs, inputs ...tessera.Value) []tessera.Value {
	return b.AddMany("broadcast_to", attrs.json(), inputs...)
}

// CacheAppend: the cache with x written at `start`, in place.
// Signature: cache[B, S!, G, D], x[B, T!, G, D], start[B] -> new_cache[B, S, G, D]
// It has no gradient.
func CacheAppend(b Builder, cache, x, start tessera.Value) tessera.Value {
	made := b.AddMany("cache_append", nil, cache, x, start)
	return at(made, 0)
}

// CastAttrs are the attributes of Cast; nil ones are the library's.
type CastAttrs struct {
	// of the result.
	Dtype string
}

func (a CastAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	set["dtype"] = a.Dtype
	return set
}

// Cast: y = x in another dtype.
// Signature: x[...] -> y[...]
func Cast(b Builder, attrs CastAttrs, x tessera.Value) tessera.Value {
	made := b.AddMany("cast", attrs.json(), x)
	return at(made, 0)
}

// Ceil: y = x rounded up.
// It has no gradient.
func Ceil(b Builder, x tessera.Value) tessera.Value {
	made := b.AddMany("ceil", nil, x)
	return at(made, 0)
}

// Combine: out[t] = sum over a token's slots of weight times the row that the slot has.
// Signature: y[..., R!, D], slots[..., R!], rows[..., K!], weights?[..., K!] -> out[..., D]
func Combine(b Builder, inputs ...tessera.Value) tessera.Value {
	made := b.AddMany("combine", nil, inputs...)
	return at(made, 0)
}

// CombineDotAttrs are the attributes of CombineDot; nil ones are the library's.
type CombineDotAttrs struct {
	// of the result (by default f32).
	Dtype *string
}

func (a CombineDotAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	if a.Dtype != nil {
		set["dtype"] = *a.Dtype
	}
	return set
}

// CombineDot: w[t, j] = the product of x[t] and the row that slot j of token t has.
// Signature: x[..., D], y[..., R!, D], slots[..., R!], rows[..., K!] -> w[..., K]
func CombineDot(b Builder, attrs CombineDotAttrs, x, y, slots, rows tessera.Value) tessera.Value {
	made := b.AddMany("combine_dot", attrs.json(), x, y, slots, rows)
	return at(made, 0)
}

// ConcatAttrs are the attributes of Concat; nil ones are the library's.
type ConcatAttrs struct {
	// along which operands are joined.
	Dim int64
}

func (a ConcatAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	set["dim"] = a.Dim
	return set
}

// Concat: y = the operands one after the other along `dim`.
func Concat(b Builder, attrs ConcatAttrs, inputs ...tessera.Value) tessera.Value {
	made := b.AddMany("concat", attrs.json(), inputs...)
	return at(made, 0)
}

// ConcatAll gives all results of Concat.
func ConcatAll(b Builder, attrs ConcatAttrs, inputs ...tessera.Value) []tessera.Value {
	return b.AddMany("concat", attrs.json(), inputs...)
}

// Copy: y = x, in memory of its own.
// Signature: x[...] -> y[...]
func Copy(b Builder, x tessera.Value) tessera.Value {
	made := b.AddMany("copy", nil, x)
	return at(made, 0)
}

// Cos: y = cos(x).
func Cos(b Builder, x tessera.Value) tessera.Value {
	made := b.AddMany("cos", nil, x)
	return at(made, 0)
}

// CrossEntropyAttrs are the attributes of CrossEntropy; nil ones are the library's.
type CrossEntropyAttrs struct {
	// targets of this value have loss 0 (by default -100).
	IgnoreIndex *int64
	// weight of the uniform distribution in the target, in [0, 1) (by default 0.0).
	LabelSmoothing *float64
	// weight of lse^2 (by default 0.0).
	ZLoss *float64
}

func (a CrossEntropyAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	if a.IgnoreIndex != nil {
		set["ignore_index"] = *a.IgnoreIndex
	}
	if a.LabelSmoothing != nil {
		set["label_smoothing"] = number(*a.LabelSmoothing)
	}
	if a.ZLoss != nil {
		set["z_loss"] = number(*a.ZLoss)
	}
	return set
}

// CrossEntropy: loss = -ln softmax(logits)[target], with label smoothing and z-loss; lse of
// the logits.
// Signature: logits[..., V!], targets[...] -> loss[...], lse[...]
func CrossEntropy(b Builder, attrs CrossEntropyAttrs, logits, targets tessera.Value) (tessera.Value, tessera.Value) {
	made := b.AddMany("cross_entropy", attrs.json(), logits, targets)
	return at(made, 0), at(made, 1)
}

// CrossEntropyGradAttrs are the attributes of CrossEntropyGrad; nil ones are the library's.
type CrossEntropyGradAttrs struct {
	// targets of this value have loss 0 (by default -100).
	IgnoreIndex *int64
	// weight of the uniform distribution in the target, in [0, 1) (by default 0.0).
	LabelSmoothing *float64
	// weight of lse^2 (by default 0.0).
	ZLoss *float64
}

func (a CrossEntropyGradAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	if a.IgnoreIndex != nil {
		set["ignore_index"] = *a.IgnoreIndex
	}
	if a.LabelSmoothing != nil {
		set["label_smoothing"] = number(*a.LabelSmoothing)
	}
	if a.ZLoss != nil {
		set["z_loss"] = number(*a.ZLoss)
	}
	return set
}

// CrossEntropyGrad: gradient of cross_entropy with respect to logits.
// Signature: logits[..., V!], targets[...], lse[...], dloss[...] -> dlogits[..., V]
// It has no gradient.
func CrossEntropyGrad(b Builder, attrs CrossEntropyGradAttrs, logits, targets, lse, dloss tessera.Value) tessera.Value {
	made := b.AddMany("cross_entropy_grad", attrs.json(), logits, targets, lse, dloss)
	return at(made, 0)
}

// CumsumAttrs are the attributes of Cumsum; nil ones are the library's.
type CumsumAttrs struct {
	// along which is summed.
	Dim int64
	// sum from the end (by default False).
	Reverse *bool
	// leave out the element itself (by default False).
	Exclusive *bool
}

func (a CumsumAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	set["dim"] = a.Dim
	if a.Reverse != nil {
		set["reverse"] = *a.Reverse
	}
	if a.Exclusive != nil {
		set["exclusive"] = *a.Exclusive
	}
	return set
}

// Cumsum: y[i] = sum of x[0] .. x[i] along `dim`.
func Cumsum(b Builder, attrs CumsumAttrs, x tessera.Value) tessera.Value {
	made := b.AddMany("cumsum", attrs.json(), x)
	return at(made, 0)
}

// Dispatch: y[r] = x[t] for every row r of a plan and the token t it came from, weighted if
// asked.
// Signature: x[..., D], slots[..., R!], rows[..., K!], weights?[..., K!] -> y[..., R, D]
func Dispatch(b Builder, inputs ...tessera.Value) tessera.Value {
	made := b.AddMany("dispatch", nil, inputs...)
	return at(made, 0)
}

// Div: out = x / y; integers rounded down, by 0 gives 0.
func Div(b Builder, x, y tessera.Value) tessera.Value {
	made := b.AddMany("div", nil, x, y)
	return at(made, 0)
}

// DropOverCapacityAttrs are the attributes of DropOverCapacity; nil ones are the library's.
type DropOverCapacityAttrs struct {
	// how many there are.
	NumExperts int64
	// room for this many times an even share.
	Factor float64
	// room that every expert has at least (by default 0).
	Minimum *int64
	// the share is rounded down, not up (by default False).
	RoundDown *bool
}

func (a DropOverCapacityAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	set["num_experts"] = a.NumExperts
	set["factor"] = number(a.Factor)
	if a.Minimum != nil {
		set["minimum"] = *a.Minimum
	}
	if a.RoundDown != nil {
		set["round_down"] = *a.RoundDown
	}
	return set
}

// DropOverCapacity: kept = ids, -1 in place of those that their expert has no room for.
// Signature: ids[..., N!, K!], priority?[..., N!, K!] -> kept[..., N, K]
// It has no gradient.
func DropOverCapacity(b Builder, attrs DropOverCapacityAttrs, inputs ...tessera.Value) tessera.Value {
	made := b.AddMany("drop_over_capacity", attrs.json(), inputs...)
	return at(made, 0)
}

// DropoutAttrs are the attributes of Dropout; nil ones are the library's.
type DropoutAttrs struct {
	// probability of being dropped, in [0, 1).
	Rate float64
}

func (a DropoutAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	set["rate"] = number(a.Rate)
	return set
}

// Dropout: y = x / (1 - rate) where kept, otherwise 0.
// Signature: x[...], key[4], offset[] -> y[...]
func Dropout(b Builder, attrs DropoutAttrs, x, key, offset tessera.Value) tessera.Value {
	made := b.AddMany("dropout", attrs.json(), x, key, offset)
	return at(made, 0)
}

// Embedding: y = table[ids]; zeros for an id outside the table.
// Signature: ids[...], table[V!, D] -> y[..., D]
func Embedding(b Builder, ids, table tessera.Value) tessera.Value {
	made := b.AddMany("embedding", nil, ids, table)
	return at(made, 0)
}

// EmbeddingGradAttrs are the attributes of EmbeddingGrad; nil ones are the library's.
type EmbeddingGradAttrs struct {
	// rows of the table.
	Rows int64
	// of the result (by default f32).
	Dtype *string
}

func (a EmbeddingGradAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	set["rows"] = a.Rows
	if a.Dtype != nil {
		set["dtype"] = *a.Dtype
	}
	return set
}

// EmbeddingGrad: dtable[v] = sum of dy where ids is v.
// Signature: ids[...], dy[..., D] -> dtable[{rows}, D]
// It has no gradient.
func EmbeddingGrad(b Builder, attrs EmbeddingGradAttrs, ids, dy tessera.Value) tessera.Value {
	made := b.AddMany("embedding_grad", attrs.json(), ids, dy)
	return at(made, 0)
}

// Equal: out = x == y.
// It has no gradient.
func Equal(b Builder, x, y tessera.Value) tessera.Value {
	made := b.AddMany("equal", nil, x, y)
	return at(made, 0)
}

// Erf: y = erf(x).
func Erf(b Builder, x tessera.Value) tessera.Value {
	made := b.AddMany("erf", nil, x)
	return at(made, 0)
}

// Exp: y = e^x.
func Exp(b Builder, x tessera.Value) tessera.Value {
	made := b.AddMany("exp", nil, x)
	return at(made, 0)
}

// Expm1: y = e^x - 1.
func Expm1(b Builder, x tessera.Value) tessera.Value {
	made := b.AddMany("expm1", nil, x)
	return at(made, 0)
}

// FillAttrs are the attributes of Fill; nil ones are the library's.
type FillAttrs struct {
	// dims of the result, such as "B,T"; empty: a scalar (by default ).
	Shape *string
	// of every element (by default 0.0).
	Value *float64
	// of the result (by default f32).
	Dtype *string
}

func (a FillAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	if a.Shape != nil {
		set["shape"] = *a.Shape
	}
	if a.Value != nil {
		set["value"] = number(*a.Value)
	}
	if a.Dtype != nil {
		set["dtype"] = *a.Dtype
	}
	return set
}

// Fill: y = value everywhere.
// Signature: -> y[{shape...}]
// It has no gradient.
func Fill(b Builder, attrs FillAttrs, inputs ...tessera.Value) tessera.Value {
	made := b.AddMany("fill", attrs.json(), inputs...)
	return at(made, 0)
}

// Floor: y = x rounded down.
// It has no gradient.
func Floor(b Builder, x tessera.Value) tessera.Value {
	made := b.AddMany("floor", nil, x)
	return at(made, 0)
}

// FusedAttrs are the attributes of Fused; nil ones are the library's.
type FusedAttrs struct {
	// columns of each, such as [512] or whole[512].
	Operands string
	// of each: results, op, operands; such as f32[8]: add 0 1.
	Steps string
	// numbers of the results of the node.
	Outputs []int64
}

func (a FusedAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	set["operands"] = a.Operands
	set["steps"] = a.Steps
	set["outputs"] = a.Outputs
	return set
}

// Fused: several row-wise ops, run over tiles of rows.
// It has no gradient.
func Fused(b Builder, attrs FusedAttrs, inputs ...tessera.Value) tessera.Value {
	made := b.AddMany("fused", attrs.json(), inputs...)
	return at(made, 0)
}

// FusedAll gives all results of Fused.
func FusedAll(b Builder, attrs FusedAttrs, inputs ...tessera.Value) []tessera.Value {
	return b.AddMany("fused", attrs.json(), inputs...)
}

// GatherAttrs are the attributes of Gather; nil ones are the library's.
type GatherAttrs struct {
	// of x, from which is taken.
	Dim int64
}

func (a GatherAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	set["dim"] = a.Dim
	return set
}

// Gather: y = the slices of x along `dim` that the indices name; zeros for one outside.
func Gather(b Builder, attrs GatherAttrs, inputs ...tessera.Value) tessera.Value {
	made := b.AddMany("gather", attrs.json(), inputs...)
	return at(made, 0)
}

// GatherAll gives all results of Gather.
func GatherAll(b Builder, attrs GatherAttrs, inputs ...tessera.Value) []tessera.Value {
	return b.AddMany("gather", attrs.json(), inputs...)
}

// GatheredMatmulAttrs are the attributes of GatheredMatmul; nil ones are the library's.
type GatheredMatmulAttrs struct {
	// w is stored as [E, N, K] (by default False).
	TransposeRhs *bool
	// of the result; empty: that of x (by default ).
	Dtype *string
}

func (a GatheredMatmulAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	if a.TransposeRhs != nil {
		set["transpose_rhs"] = *a.TransposeRhs
	}
	if a.Dtype != nil {
		set["dtype"] = *a.Dtype
	}
	return set
}

// GatheredMatmul: y[r] = x[t] * w[experts[r]] for every row r of a plan and the token t it
// came from.
func GatheredMatmul(b Builder, attrs GatheredMatmulAttrs, inputs ...tessera.Value) tessera.Value {
	made := b.AddMany("gathered_matmul", attrs.json(), inputs...)
	return at(made, 0)
}

// GatheredMatmulAll gives all results of GatheredMatmul.
func GatheredMatmulAll(b Builder, attrs GatheredMatmulAttrs, inputs ...tessera.Value) []tessera.Value {
	return b.AddMany("gathered_matmul", attrs.json(), inputs...)
}

// GatheredMatmulGradAttrs are the attributes of GatheredMatmulGrad; nil ones are the library's.
type GatheredMatmulGradAttrs struct {
	// how many there are.
	NumExperts int64
	// of the result (by default f32).
	Dtype *string
}

func (a GatheredMatmulGradAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	set["num_experts"] = a.NumExperts
	if a.Dtype != nil {
		set["dtype"] = *a.Dtype
	}
	return set
}

// GatheredMatmulGrad: dw[e] = the sum of x[t] times dy[r] over the rows of expert e, t the
// token of row r.
// Signature: x[..., K], dy[..., R!, N], experts[..., R!], slots[..., R!], rows[..., J!] ->
// dw[{num_experts}, K, N]
// It has no gradient.
func GatheredMatmulGrad(b Builder, attrs GatheredMatmulGradAttrs, x, dy, experts, slots, rows tessera.Value) tessera.Value {
	made := b.AddMany("gathered_matmul_grad", attrs.json(), x, dy, experts, slots, rows)
	return at(made, 0)
}

// GeluAttrs are the attributes of Gelu; nil ones are the library's.
type GeluAttrs struct {
	// use the tanh approximation (by default False).
	Tanh *bool
}

func (a GeluAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	if a.Tanh != nil {
		set["tanh"] = *a.Tanh
	}
	return set
}

// Gelu: y = x/2 * (1 + erf(x / sqrt(2))), or its tanh approximation.
func Gelu(b Builder, attrs GeluAttrs, x tessera.Value) tessera.Value {
	made := b.AddMany("gelu", attrs.json(), x)
	return at(made, 0)
}

// GeluGradAttrs are the attributes of GeluGrad; nil ones are the library's.
type GeluGradAttrs struct {
	// of the tanh approximation (by default False).
	Tanh *bool
}

func (a GeluGradAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	if a.Tanh != nil {
		set["tanh"] = *a.Tanh
	}
	return set
}

// GeluGrad: dx = dy * gelu'(x).
// Signature: x[...], dy[...] -> dx[...]
// It has no gradient.
func GeluGrad(b Builder, attrs GeluGradAttrs, x, dy tessera.Value) tessera.Value {
	made := b.AddMany("gelu_grad", attrs.json(), x, dy)
	return at(made, 0)
}

// GluAttrs are the attributes of Glu; nil ones are the library's.
type GluAttrs struct {
	// relu, gelu, gelu_tanh, silu or sigmoid.
	Activation string
}

func (a GluAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	set["activation"] = a.Activation
	return set
}

// Glu: y = act(gate) * up.
// Signature: gate[...], up[...] -> y[...]
func Glu(b Builder, attrs GluAttrs, gate, up tessera.Value) tessera.Value {
	made := b.AddMany("glu", attrs.json(), gate, up)
	return at(made, 0)
}

// GluGradAttrs are the attributes of GluGrad; nil ones are the library's.
type GluGradAttrs struct {
	// as in glu.
	Activation string
}

func (a GluGradAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	set["activation"] = a.Activation
	return set
}

// GluGrad: dgate = dy * up * act'(gate), dup = dy * act(gate).
// Signature: gate[...], up[...], dy[...] -> dgate[...], dup[...]
// It has no gradient.
func GluGrad(b Builder, attrs GluGradAttrs, gate, up, dy tessera.Value) (tessera.Value, tessera.Value) {
	made := b.AddMany("glu_grad", attrs.json(), gate, up, dy)
	return at(made, 0), at(made, 1)
}

// Greater: out = x > y.
// It has no gradient.
func Greater(b Builder, x, y tessera.Value) tessera.Value {
	made := b.AddMany("greater", nil, x, y)
	return at(made, 0)
}

// GreaterEqual: out = x >= y.
// It has no gradient.
func GreaterEqual(b Builder, x, y tessera.Value) tessera.Value {
	made := b.AddMany("greater_equal", nil, x, y)
	return at(made, 0)
}

// GroupedMatmulAttrs are the attributes of GroupedMatmul; nil ones are the library's.
type GroupedMatmulAttrs struct {
	// w is stored as [E, N, K] (by default False).
	TransposeRhs *bool
	// of the result; empty: that of x (by default ).
	Dtype *string
}

func (a GroupedMatmulAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	if a.TransposeRhs != nil {
		set["transpose_rhs"] = *a.TransposeRhs
	}
	if a.Dtype != nil {
		set["dtype"] = *a.Dtype
	}
	return set
}

// GroupedMatmul: y[r] = x[r] * w[experts[r]] for rows sorted by expert.
func GroupedMatmul(b Builder, attrs GroupedMatmulAttrs, inputs ...tessera.Value) tessera.Value {
	made := b.AddMany("grouped_matmul", attrs.json(), inputs...)
	return at(made, 0)
}

// GroupedMatmulAll gives all results of GroupedMatmul.
func GroupedMatmulAll(b Builder, attrs GroupedMatmulAttrs, inputs ...tessera.Value) []tessera.Value {
	return b.AddMany("grouped_matmul", attrs.json(), inputs...)
}

// GroupedMatmulGradAttrs are the attributes of GroupedMatmulGrad; nil ones are the library's.
type GroupedMatmulGradAttrs struct {
	// how many there are.
	NumExperts int64
	// of the result (by default f32).
	Dtype *string
}

func (a GroupedMatmulGradAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	set["num_experts"] = a.NumExperts
	if a.Dtype != nil {
		set["dtype"] = *a.Dtype
	}
	return set
}

// GroupedMatmulGrad: dw[e] = the sum of x[r] times dy[r] over the rows of expert e.
// Signature: x[..., K], dy[..., N], experts[...] -> dw[{num_experts}, K, N]
// It has no gradient.
func GroupedMatmulGrad(b Builder, attrs GroupedMatmulGradAttrs, x, dy, experts tessera.Value) tessera.Value {
	made := b.AddMany("grouped_matmul_grad", attrs.json(), x, dy, experts)
	return at(made, 0)
}

// IsFinite: y = true where x is neither infinite nor NaN.
// It has no gradient.
func IsFinite(b Builder, x tessera.Value) tessera.Value {
	made := b.AddMany("is_finite", nil, x)
	return at(made, 0)
}

// LayerNormAttrs are the attributes of LayerNorm; nil ones are the library's.
type LayerNormAttrs struct {
	// added to the variance; at least 0 (by default 1e-05).
	Epsilon *float64
}

func (a LayerNormAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	if a.Epsilon != nil {
		set["epsilon"] = number(*a.Epsilon)
	}
	return set
}

// LayerNorm: y = (x - mean(x)) / sqrt(var(x) + epsilon) * scale + bias, over the last dim.
// Signature: x[..., D!], scale[D!], bias?[D!] -> y[..., D]
func LayerNorm(b Builder, attrs LayerNormAttrs, inputs ...tessera.Value) tessera.Value {
	made := b.AddMany("layer_norm", attrs.json(), inputs...)
	return at(made, 0)
}

// LayerNormGradAttrs are the attributes of LayerNormGrad; nil ones are the library's.
type LayerNormGradAttrs struct {
	// as in layer_norm (by default 1e-05).
	Epsilon *float64
}

func (a LayerNormGradAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	if a.Epsilon != nil {
		set["epsilon"] = number(*a.Epsilon)
	}
	return set
}

// LayerNormGrad: gradients of layer_norm with respect to x, scale and bias.
// Signature: x[..., D!], scale[D!], dy[..., D!] -> dx[..., D], dscale[D], dbias[D]
// It has no gradient.
func LayerNormGrad(b Builder, attrs LayerNormGradAttrs, x, scale, dy tessera.Value) (tessera.Value, tessera.Value, tessera.Value) {
	made := b.AddMany("layer_norm_grad", attrs.json(), x, scale, dy)
	return at(made, 0), at(made, 1), at(made, 2)
}

// Less: out = x < y.
// It has no gradient.
func Less(b Builder, x, y tessera.Value) tessera.Value {
	made := b.AddMany("less", nil, x, y)
	return at(made, 0)
}

// LessEqual: out = x <= y.
// It has no gradient.
func LessEqual(b Builder, x, y tessera.Value) tessera.Value {
	made := b.AddMany("less_equal", nil, x, y)
	return at(made, 0)
}

// Log: y = ln(x).
func Log(b Builder, x tessera.Value) tessera.Value {
	made := b.AddMany("log", nil, x)
	return at(made, 0)
}

// Log1p: y = ln(1 + x).
func Log1p(b Builder, x tessera.Value) tessera.Value {
	made := b.AddMany("log1p", nil, x)
	return at(made, 0)
}

// LogSoftmax: y = x - ln(sum of e^x) over the last dim.
// Signature: x[..., D!] -> y[..., D]
func LogSoftmax(b Builder, x tessera.Value) tessera.Value {
	made := b.AddMany("log_softmax", nil, x)
	return at(made, 0)
}

// LogSoftmaxGrad: dx = dy - e^y * sum of dy over the last dim.
// Signature: y[..., D!], dy[..., D!] -> dx[..., D]
// It has no gradient.
func LogSoftmaxGrad(b Builder, y, dy tessera.Value) tessera.Value {
	made := b.AddMany("log_softmax_grad", nil, y, dy)
	return at(made, 0)
}

// LogicalAnd: out = x and y.
// It has no gradient.
func LogicalAnd(b Builder, x, y tessera.Value) tessera.Value {
	made := b.AddMany("logical_and", nil, x, y)
	return at(made, 0)
}

// LogicalNot: y = not x.
// It has no gradient.
func LogicalNot(b Builder, x tessera.Value) tessera.Value {
	made := b.AddMany("logical_not", nil, x)
	return at(made, 0)
}

// LogicalOr: out = x or y.
// It has no gradient.
func LogicalOr(b Builder, x, y tessera.Value) tessera.Value {
	made := b.AddMany("logical_or", nil, x, y)
	return at(made, 0)
}

// LogicalXor: out = x xor y.
// It has no gradient.
func LogicalXor(b Builder, x, y tessera.Value) tessera.Value {
	made := b.AddMany("logical_xor", nil, x, y)
	return at(made, 0)
}

// MatmulAttrs are the attributes of Matmul; nil ones are the library's.
type MatmulAttrs struct {
	// lhs is stored as [..., K, M] (by default False).
	TransposeLhs *bool
	// rhs is stored as [..., N, K] (by default False).
	TransposeRhs *bool
	// of the result; empty: that of lhs (by default ).
	Dtype *string
}

func (a MatmulAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	if a.TransposeLhs != nil {
		set["transpose_lhs"] = *a.TransposeLhs
	}
	if a.TransposeRhs != nil {
		set["transpose_rhs"] = *a.TransposeRhs
	}
	if a.Dtype != nil {
		set["dtype"] = *a.Dtype
	}
	return set
}

// Matmul: y[m, n] = sum over k of lhs[m, k] * rhs[k, n].
func Matmul(b Builder, attrs MatmulAttrs, lhs, rhs tessera.Value) tessera.Value {
	made := b.AddMany("matmul", attrs.json(), lhs, rhs)
	return at(made, 0)
}

// Maximum: out = the larger of x and y.
func Maximum(b Builder, x, y tessera.Value) tessera.Value {
	made := b.AddMany("maximum", nil, x, y)
	return at(made, 0)
}

// Minimum: out = the smaller of x and y.
func Minimum(b Builder, x, y tessera.Value) tessera.Value {
	made := b.AddMany("minimum", nil, x, y)
	return at(made, 0)
}

// Mod: out = x - y * floor(x / y); integers by 0 give 0.
func Mod(b Builder, x, y tessera.Value) tessera.Value {
	made := b.AddMany("mod", nil, x, y)
	return at(made, 0)
}

// Mul: out = x * y.
func Mul(b Builder, x, y tessera.Value) tessera.Value {
	made := b.AddMany("mul", nil, x, y)
	return at(made, 0)
}

// Neg: y = -x.
func Neg(b Builder, x tessera.Value) tessera.Value {
	made := b.AddMany("neg", nil, x)
	return at(made, 0)
}

// NotEqual: out = x != y.
// It has no gradient.
func NotEqual(b Builder, x, y tessera.Value) tessera.Value {
	made := b.AddMany("not_equal", nil, x, y)
	return at(made, 0)
}

// OneHotAttrs are the attributes of OneHot; nil ones are the library's.
type OneHotAttrs struct {
	// size of the new last dim.
	Depth int64
	// of the result (by default f32).
	Dtype *string
}

func (a OneHotAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	set["depth"] = a.Depth
	if a.Dtype != nil {
		set["dtype"] = *a.Dtype
	}
	return set
}

// OneHot: y[..., c] = 1 where ids = c, otherwise 0.
// Signature: ids[...] -> y[..., {depth}]
// It has no gradient.
func OneHot(b Builder, attrs OneHotAttrs, ids tessera.Value) tessera.Value {
	made := b.AddMany("one_hot", attrs.json(), ids)
	return at(made, 0)
}

// PadAttrs are the attributes of Pad; nil ones are the library's.
type PadAttrs struct {
	// along which is padded.
	Dim int64
	// elements before (by default 0).
	Low *int64
	// elements after (by default 0).
	High *int64
	// of the new elements (by default 0.0).
	Value *float64
}

func (a PadAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	set["dim"] = a.Dim
	if a.Low != nil {
		set["low"] = *a.Low
	}
	if a.High != nil {
		set["high"] = *a.High
	}
	if a.Value != nil {
		set["value"] = number(*a.Value)
	}
	return set
}

// Pad: y = x with `low` elements of `value` before it and `high` after it along `dim`.
func Pad(b Builder, attrs PadAttrs, inputs ...tessera.Value) tessera.Value {
	made := b.AddMany("pad", attrs.json(), inputs...)
	return at(made, 0)
}

// PadAll gives all results of Pad.
func PadAll(b Builder, attrs PadAttrs, inputs ...tessera.Value) []tessera.Value {
	return b.AddMany("pad", attrs.json(), inputs...)
}

// Pick: y[..., k] = x[..., ids[..., k]], 0 for an id outside.
// Signature: x[..., E!], ids[..., K] -> y[..., K]
func Pick(b Builder, x, ids tessera.Value) tessera.Value {
	made := b.AddMany("pick", nil, x, ids)
	return at(made, 0)
}

// PlaceAttrs are the attributes of Place; nil ones are the library's.
type PlaceAttrs struct {
	// elements of a row of the result.
	Size int64
}

func (a PlaceAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	set["size"] = a.Size
	return set
}

// Place: x[..., e] = the sum of the y whose id is e, 0 where there is none.
// Signature: y[..., K!], ids[..., K!] -> x[..., {size}]
func Place(b Builder, attrs PlaceAttrs, y, ids tessera.Value) tessera.Value {
	made := b.AddMany("place", attrs.json(), y, ids)
	return at(made, 0)
}

// PlanAttrs are the attributes of Plan; nil ones are the library's.
type PlanAttrs struct {
	// how many there are.
	NumExperts int64
	// rows planned for each token; the last dim of ids is always enough.
	RowsPerToken int64
}

func (a PlanAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	set["num_experts"] = a.NumExperts
	set["rows_per_token"] = a.RowsPerToken
	return set
}

// Plan: where every chosen (token, slot) stands when rows are sorted by expert.
// Signature: ids[..., K!], weights?[..., K!] -> rows[..., K], slots[..., {rows_per_token}],
// experts[..., {rows_per_token}], counts[{num_experts}]
// It has no gradient.
func Plan(b Builder, attrs PlanAttrs, inputs ...tessera.Value) (tessera.Value, tessera.Value, tessera.Value, tessera.Value) {
	made := b.AddMany("plan", attrs.json(), inputs...)
	return at(made, 0), at(made, 1), at(made, 2), at(made, 3)
}

// Pow: out = x^y.
func Pow(b Builder, x, y tessera.Value) tessera.Value {
	made := b.AddMany("pow", nil, x, y)
	return at(made, 0)
}

// RandomNormalAttrs are the attributes of RandomNormal; nil ones are the library's.
type RandomNormalAttrs struct {
	// dims of the result, such as "B,T"; empty: a scalar (by default ).
	Shape *string
	// of the result (by default f32).
	Dtype *string
	// of the distribution (by default 0.0).
	Mean *float64
	// of the distribution (by default 1.0).
	Stddev *float64
}

func (a RandomNormalAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	if a.Shape != nil {
		set["shape"] = *a.Shape
	}
	if a.Dtype != nil {
		set["dtype"] = *a.Dtype
	}
	if a.Mean != nil {
		set["mean"] = number(*a.Mean)
	}
	if a.Stddev != nil {
		set["stddev"] = number(*a.Stddev)
	}
	return set
}

// RandomNormal: y = independent normal numbers.
// Signature: key[4], offset[] -> y[{shape...}]
// It has no gradient.
func RandomNormal(b Builder, attrs RandomNormalAttrs, key, offset tessera.Value) tessera.Value {
	made := b.AddMany("random_normal", attrs.json(), key, offset)
	return at(made, 0)
}

// RandomUniformAttrs are the attributes of RandomUniform; nil ones are the library's.
type RandomUniformAttrs struct {
	// dims of the result, such as "B,T"; empty: a scalar (by default ).
	Shape *string
	// of the result (by default f32).
	Dtype *string
	// the least value (by default 0.0).
	Low *float64
	// what values stay below (by default 1.0).
	High *float64
}

func (a RandomUniformAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	if a.Shape != nil {
		set["shape"] = *a.Shape
	}
	if a.Dtype != nil {
		set["dtype"] = *a.Dtype
	}
	if a.Low != nil {
		set["low"] = number(*a.Low)
	}
	if a.High != nil {
		set["high"] = number(*a.High)
	}
	return set
}

// RandomUniform: y = independent uniform numbers in [low, high).
// Signature: key[4], offset[] -> y[{shape...}]
// It has no gradient.
func RandomUniform(b Builder, attrs RandomUniformAttrs, key, offset tessera.Value) tessera.Value {
	made := b.AddMany("random_uniform", attrs.json(), key, offset)
	return at(made, 0)
}

// Reciprocal: y = 1 / x.
func Reciprocal(b Builder, x tessera.Value) tessera.Value {
	made := b.AddMany("reciprocal", nil, x)
	return at(made, 0)
}

// ReduceMaxAttrs are the attributes of ReduceMax; nil ones are the library's.
type ReduceMaxAttrs struct {
	// that are reduced.
	Dims []int64
	// keep reduced dims as 1 (by default False).
	KeepDims *bool
}

func (a ReduceMaxAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	set["dims"] = a.Dims
	if a.KeepDims != nil {
		set["keep_dims"] = *a.KeepDims
	}
	return set
}

// ReduceMax: y = the largest element of x over `dims`.
func ReduceMax(b Builder, attrs ReduceMaxAttrs, x tessera.Value) tessera.Value {
	made := b.AddMany("reduce_max", attrs.json(), x)
	return at(made, 0)
}

// ReduceMeanAttrs are the attributes of ReduceMean; nil ones are the library's.
type ReduceMeanAttrs struct {
	// that are reduced.
	Dims []int64
	// keep reduced dims as 1 (by default False).
	KeepDims *bool
	// of the result; empty: that of x (by default ).
	Dtype *string
}

func (a ReduceMeanAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	set["dims"] = a.Dims
	if a.KeepDims != nil {
		set["keep_dims"] = *a.KeepDims
	}
	if a.Dtype != nil {
		set["dtype"] = *a.Dtype
	}
	return set
}

// ReduceMean: y = mean of x over `dims`.
func ReduceMean(b Builder, attrs ReduceMeanAttrs, x tessera.Value) tessera.Value {
	made := b.AddMany("reduce_mean", attrs.json(), x)
	return at(made, 0)
}

// ReduceMinAttrs are the attributes of ReduceMin; nil ones are the library's.
type ReduceMinAttrs struct {
	// that are reduced.
	Dims []int64
	// keep reduced dims as 1 (by default False).
	KeepDims *bool
}

func (a ReduceMinAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	set["dims"] = a.Dims
	if a.KeepDims != nil {
		set["keep_dims"] = *a.KeepDims
	}
	return set
}

// ReduceMin: y = the smallest element of x over `dims`.
func ReduceMin(b Builder, attrs ReduceMinAttrs, x tessera.Value) tessera.Value {
	made := b.AddMany("reduce_min", attrs.json(), x)
	return at(made, 0)
}

// ReduceProdAttrs are the attributes of ReduceProd; nil ones are the library's.
type ReduceProdAttrs struct {
	// that are reduced.
	Dims []int64
	// keep reduced dims as 1 (by default False).
	KeepDims *bool
}

func (a ReduceProdAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	set["dims"] = a.Dims
	if a.KeepDims != nil {
		set["keep_dims"] = *a.KeepDims
	}
	return set
}

// ReduceProd: y = product of x over `dims`.
func ReduceProd(b Builder, attrs ReduceProdAttrs, x tessera.Value) tessera.Value {
	made := b.AddMany("reduce_prod", attrs.json(), x)
	return at(made, 0)
}

// ReduceScatterAttrs are the attributes of ReduceScatter; nil ones are the library's.
type ReduceScatterAttrs struct {
	// of the mesh.
	Axis string
	// size of the axis.
	Ranks int64
	// along which the sum is divided.
	Dim int64
}

func (a ReduceScatterAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	set["axis"] = a.Axis
	set["ranks"] = a.Ranks
	set["dim"] = a.Dim
	return set
}

// ReduceScatter: y = this rank's part along `dim` of x summed over the ranks of a mesh axis.
// It has no gradient.
func ReduceScatter(b Builder, attrs ReduceScatterAttrs, x tessera.Value) tessera.Value {
	made := b.AddMany("reduce_scatter", attrs.json(), x)
	return at(made, 0)
}

// ReduceSumAttrs are the attributes of ReduceSum; nil ones are the library's.
type ReduceSumAttrs struct {
	// that are reduced.
	Dims []int64
	// keep reduced dims as 1 (by default False).
	KeepDims *bool
	// of the result; empty: that of x (by default ).
	Dtype *string
}

func (a ReduceSumAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	set["dims"] = a.Dims
	if a.KeepDims != nil {
		set["keep_dims"] = *a.KeepDims
	}
	if a.Dtype != nil {
		set["dtype"] = *a.Dtype
	}
	return set
}

// ReduceSum: y = sum of x over `dims`.
func ReduceSum(b Builder, attrs ReduceSumAttrs, x tessera.Value) tessera.Value {
	made := b.AddMany("reduce_sum", attrs.json(), x)
	return at(made, 0)
}

// Relu: y = max(x, 0).
func Relu(b Builder, x tessera.Value) tessera.Value {
	made := b.AddMany("relu", nil, x)
	return at(made, 0)
}

// ReluGrad: dx = dy where x > 0, otherwise 0.
// Signature: x[...], dy[...] -> dx[...]
// It has no gradient.
func ReluGrad(b Builder, x, dy tessera.Value) tessera.Value {
	made := b.AddMany("relu_grad", nil, x, dy)
	return at(made, 0)
}

// ReshapeAttrs are the attributes of Reshape; nil ones are the library's.
type ReshapeAttrs struct {
	// dims of the result, such as "B*T,512".
	Shape string
}

func (a ReshapeAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	set["shape"] = a.Shape
	return set
}

// Reshape: y = the elements of x with other dims; a view.
func Reshape(b Builder, attrs ReshapeAttrs, inputs ...tessera.Value) tessera.Value {
	made := b.AddMany("reshape", attrs.json(), inputs...)
	return at(made, 0)
}

// ReshapeAll gives all results of Reshape.
func ReshapeAll(b Builder, attrs ReshapeAttrs, inputs ...tessera.Value) []tessera.Value {
	return b.AddMany("reshape", attrs.json(), inputs...)
}

// RmsNormAttrs are the attributes of RmsNorm; nil ones are the library's.
type RmsNormAttrs struct {
	// added under the root; at least 0 (by default 1e-06).
	Epsilon *float64
	// added to scale (by default 0.0).
	ScaleOffset *float64
}

func (a RmsNormAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	if a.Epsilon != nil {
		set["epsilon"] = number(*a.Epsilon)
	}
	if a.ScaleOffset != nil {
		set["scale_offset"] = number(*a.ScaleOffset)
	}
	return set
}

// RmsNorm: y = x / sqrt(mean(x^2) + epsilon) * (scale + scale_offset), over the last dim.
// Signature: x[..., D!], scale[D!] -> y[..., D]
func RmsNorm(b Builder, attrs RmsNormAttrs, x, scale tessera.Value) tessera.Value {
	made := b.AddMany("rms_norm", attrs.json(), x, scale)
	return at(made, 0)
}

// RmsNormGradAttrs are the attributes of RmsNormGrad; nil ones are the library's.
type RmsNormGradAttrs struct {
	// as in rms_norm (by default 1e-06).
	Epsilon *float64
	// as in rms_norm (by default 0.0).
	ScaleOffset *float64
}

func (a RmsNormGradAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	if a.Epsilon != nil {
		set["epsilon"] = number(*a.Epsilon)
	}
	if a.ScaleOffset != nil {
		set["scale_offset"] = number(*a.ScaleOffset)
	}
	return set
}

// RmsNormGrad: gradients of rms_norm with respect to x and scale.
// Signature: x[..., D!], scale[D!], dy[..., D!] -> dx[..., D], dscale[D]
// It has no gradient.
func RmsNormGrad(b Builder, attrs RmsNormGradAttrs, x, scale, dy tessera.Value) (tessera.Value, tessera.Value) {
	made := b.AddMany("rms_norm_grad", attrs.json(), x, scale, dy)
	return at(made, 0), at(made, 1)
}

// RotaryAttrs are the attributes of Rotary; nil ones are the library's.
type RotaryAttrs struct {
	// base of the frequencies (by default 10000.0).
	Theta *float64
	// how much of the last dim is turned; 0: all of it (by default 0).
	RotaryDim *int64
	// turn the other way (by default False).
	Inverse *bool
	// pairs are neighbours, not halves (by default False).
	Interleaved *bool
}

func (a RotaryAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	if a.Theta != nil {
		set["theta"] = number(*a.Theta)
	}
	if a.RotaryDim != nil {
		set["rotary_dim"] = *a.RotaryDim
	}
	if a.Inverse != nil {
		set["inverse"] = *a.Inverse
	}
	if a.Interleaved != nil {
		set["interleaved"] = *a.Interleaved
	}
	return set
}

// Rotary: y = x with pairs of its last dim turned by position * theta^(-2i / rotary_dim).
// Signature: x[B, T, H, D!], positions[B, T], frequencies?[F!], amplitude?[] -> y[B, T, H, D]
func Rotary(b Builder, attrs RotaryAttrs, inputs ...tessera.Value) tessera.Value {
	made := b.AddMany("rotary", attrs.json(), inputs...)
	return at(made, 0)
}

// Round: y = x rounded to the nearest whole number, ties to even.
// It has no gradient.
func Round(b Builder, x tessera.Value) tessera.Value {
	made := b.AddMany("round", nil, x)
	return at(made, 0)
}

// Rsqrt: y = x^(-1/2).
func Rsqrt(b Builder, x tessera.Value) tessera.Value {
	made := b.AddMany("rsqrt", nil, x)
	return at(made, 0)
}

// ScatterAddAttrs are the attributes of ScatterAdd; nil ones are the library's.
type ScatterAddAttrs struct {
	// of base, along which the indices count.
	Dim int64
}

func (a ScatterAddAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	set["dim"] = a.Dim
	return set
}

// ScatterAdd: y = base with updates added along `dim` at the indices.
func ScatterAdd(b Builder, attrs ScatterAddAttrs, inputs ...tessera.Value) tessera.Value {
	made := b.AddMany("scatter_add", attrs.json(), inputs...)
	return at(made, 0)
}

// ScatterAddAll gives all results of ScatterAdd.
func ScatterAddAll(b Builder, attrs ScatterAddAttrs, inputs ...tessera.Value) []tessera.Value {
	return b.AddMany("scatter_add", attrs.json(), inputs...)
}

// SgdUpdateAttrs are the attributes of SgdUpdate; nil ones are the library's.
type SgdUpdateAttrs struct {
	// decay of the buffer, in [0, 1) (by default 0.9).
	Momentum *float64
	// share of a new gradient that does not enter the buffer, in [0, 1) (by default 0.0).
	Dampening *float64
	// look ahead by one more momentum step (by default False).
	Nesterov *bool
	// added to the gradient, times the parameter (by default 0.0).
	WeightDecay *float64
}

func (a SgdUpdateAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	if a.Momentum != nil {
		set["momentum"] = number(*a.Momentum)
	}
	if a.Dampening != nil {
		set["dampening"] = number(*a.Dampening)
	}
	if a.Nesterov != nil {
		set["nesterov"] = *a.Nesterov
	}
	if a.WeightDecay != nil {
		set["weight_decay"] = number(*a.WeightDecay)
	}
	return set
}

// SgdUpdate: one step of SGD with momentum on a parameter and its momentum buffer, in place.
// Signature: param[...], grad[...], buffer[...], lr[], step[], clip[] -> new_param[...],
// new_buffer[...]
// It has no gradient.
func SgdUpdate(b Builder, attrs SgdUpdateAttrs, param, grad, buffer, lr, step, clip tessera.Value) (tessera.Value, tessera.Value) {
	made := b.AddMany("sgd_update", attrs.json(), param, grad, buffer, lr, step, clip)
	return at(made, 0), at(made, 1)
}

// Sigmoid: y = 1 / (1 + e^-x).
func Sigmoid(b Builder, x tessera.Value) tessera.Value {
	made := b.AddMany("sigmoid", nil, x)
	return at(made, 0)
}

// Sign: y = -1, 0 or 1 by the sign of x.
// It has no gradient.
func Sign(b Builder, x tessera.Value) tessera.Value {
	made := b.AddMany("sign", nil, x)
	return at(made, 0)
}

// Silu: y = x * sigmoid(x).
func Silu(b Builder, x tessera.Value) tessera.Value {
	made := b.AddMany("silu", nil, x)
	return at(made, 0)
}

// SiluGrad: dx = dy * s * (1 + x * (1 - s)), s = sigmoid(x).
// Signature: x[...], dy[...] -> dx[...]
// It has no gradient.
func SiluGrad(b Builder, x, dy tessera.Value) tessera.Value {
	made := b.AddMany("silu_grad", nil, x, dy)
	return at(made, 0)
}

// Sin: y = sin(x).
func Sin(b Builder, x tessera.Value) tessera.Value {
	made := b.AddMany("sin", nil, x)
	return at(made, 0)
}

// SliceAttrs are the attributes of Slice; nil ones are the library's.
type SliceAttrs struct {
	// along which is cut.
	Dim int64
	// the first element taken (by default 0).
	Start *int64
	// how many are taken; -1: up to the last that `trim` leaves (by default -1).
	Size *int64
	// from one element to the next (by default 1).
	Step *int64
	// elements left out at the end, when size is -1 (by default 0).
	Trim *int64
}

func (a SliceAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	set["dim"] = a.Dim
	if a.Start != nil {
		set["start"] = *a.Start
	}
	if a.Size != nil {
		set["size"] = *a.Size
	}
	if a.Step != nil {
		set["step"] = *a.Step
	}
	if a.Trim != nil {
		set["trim"] = *a.Trim
	}
	return set
}

// Slice: y = x[start : : step] along `dim`: `size` elements, or all but the last `trim`.
func Slice(b Builder, attrs SliceAttrs, inputs ...tessera.Value) tessera.Value {
	made := b.AddMany("slice", attrs.json(), inputs...)
	return at(made, 0)
}

// SliceAll gives all results of Slice.
func SliceAll(b Builder, attrs SliceAttrs, inputs ...tessera.Value) []tessera.Value {
	return b.AddMany("slice", attrs.json(), inputs...)
}

// Softmax: y = e^x / sum of e^x over the last dim.
// Signature: x[..., D!] -> y[..., D]
func Softmax(b Builder, x tessera.Value) tessera.Value {
	made := b.AddMany("softmax", nil, x)
	return at(made, 0)
}

// SoftmaxGrad: dx = y * (dy - sum of y * dy over the last dim).
// Signature: y[..., D!], dy[..., D!] -> dx[..., D]
// It has no gradient.
func SoftmaxGrad(b Builder, y, dy tessera.Value) tessera.Value {
	made := b.AddMany("softmax_grad", nil, y, dy)
	return at(made, 0)
}

// Softplus: y = ln(1 + e^x).
func Softplus(b Builder, x tessera.Value) tessera.Value {
	made := b.AddMany("softplus", nil, x)
	return at(made, 0)
}

// SortAttrs are the attributes of Sort; nil ones are the library's.
type SortAttrs struct {
	// the last one (by default -1).
	Dim *int64
	// largest first (by default False).
	Descending *bool
}

func (a SortAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	if a.Dim != nil {
		set["dim"] = *a.Dim
	}
	if a.Descending != nil {
		set["descending"] = *a.Descending
	}
	return set
}

// Sort: values = x sorted along the last dim, indices = where each stood; stable.
// Signature: x[..., D!] -> values[..., D], indices[..., D]
func Sort(b Builder, attrs SortAttrs, x tessera.Value) (tessera.Value, tessera.Value) {
	made := b.AddMany("sort", attrs.json(), x)
	return at(made, 0), at(made, 1)
}

// Sqrt: y = x^(1/2).
func Sqrt(b Builder, x tessera.Value) tessera.Value {
	made := b.AddMany("sqrt", nil, x)
	return at(made, 0)
}

// Square: y = x^2.
func Square(b Builder, x tessera.Value) tessera.Value {
	made := b.AddMany("square", nil, x)
	return at(made, 0)
}

// Sub: out = x - y.
func Sub(b Builder, x, y tessera.Value) tessera.Value {
	made := b.AddMany("sub", nil, x, y)
	return at(made, 0)
}

// SumOfSquares: y = sum of x^2 over all elements.
// Signature: x[...] -> y[]
func SumOfSquares(b Builder, x tessera.Value) tessera.Value {
	made := b.AddMany("sum_of_squares", nil, x)
	return at(made, 0)
}

// SwipeAttrs are the attributes of Swipe; nil ones are the library's.
type SwipeAttrs struct {
	// how many there are.
	NumExperts int64
	// experts of a group, which get an even share together (by default 1).
	GroupSize *int64
}

func (a SwipeAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	set["num_experts"] = a.NumExperts
	if a.GroupSize != nil {
		set["group_size"] = *a.GroupSize
	}
	return set
}

// Swipe: ids = choices, moved where their group of experts has had its even share.
// Signature: choices[..., N!, K!] -> ids[..., N, K]
// It has no gradient.
func Swipe(b Builder, attrs SwipeAttrs, choices tessera.Value) tessera.Value {
	made := b.AddMany("swipe", attrs.json(), choices)
	return at(made, 0)
}

// Tanh: y = tanh(x).
func Tanh(b Builder, x tessera.Value) tessera.Value {
	made := b.AddMany("tanh", nil, x)
	return at(made, 0)
}

// TopKAttrs are the attributes of TopK; nil ones are the library's.
type TopKAttrs struct {
	// how many; at most the last dim.
	K int64
}

func (a TopKAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	set["k"] = a.K
	return set
}

// TopK: values = the k largest of the last dim, indices = where they stood.
// Signature: x[..., D!] -> values[..., {k}], indices[..., {k}]
func TopK(b Builder, attrs TopKAttrs, x tessera.Value) (tessera.Value, tessera.Value) {
	made := b.AddMany("top_k", attrs.json(), x)
	return at(made, 0), at(made, 1)
}

// TransposeAttrs are the attributes of Transpose; nil ones are the library's.
type TransposeAttrs struct {
	// the dim of x that each dim of y is.
	Perm []int64
}

func (a TransposeAttrs) json() tessera.Attrs {
	set := tessera.Attrs{}
	set["perm"] = a.Perm
	return set
}

// Transpose: y = x with dim i taken from dim perm[i].
func Transpose(b Builder, attrs TransposeAttrs, inputs ...tessera.Value) tessera.Value {
	made := b.AddMany("transpose", attrs.json(), inputs...)
	return at(made, 0)
}

// TransposeAll gives all results of Transpose.
func TransposeAll(b Builder, attrs TransposeAttrs, inputs ...tessera.Value) []tessera.Value {
	return b.AddMany("transpose", attrs.json(), inputs...)
}

// Where: out = y where x is true, otherwise z.
func Where(b Builder, inputs ...tessera.Value) tessera.Value {
	made := b.AddMany("where", nil, inputs...)
	return at(made, 0)
}
