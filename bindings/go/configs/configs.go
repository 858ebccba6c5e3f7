// Package configs has a struct for each config type, to be given to tessera.NewConfig,
// Config.Set and each other's fields. A field that is nil is not set.
//
// Made from the catalogue by bindings/generate; not edited.
package configs

import "encoding/json"

// Set makes a pointer for a field.
func Set[T any](value T) *T { return &value }

// typed is the JSON object of fields with the name of their type.
func typed(name string, fields any) ([]byte, error) {
	data, err := json.Marshal(fields)
	if err != nil {
		return nil, err
	}
	head := `{"type":"` + name + `"`
	if len(data) > 2 {
		head += ","
	}
	return append([]byte(head), data[1:]...), nil
}

// Activation is one of the constants below.
type ActivationValue string

const (
	// ActivationRelu: max(x, 0)
	ActivationRelu ActivationValue = "relu"
	// ActivationGelu: x times the normal distribution function, exactly (by erf)
	ActivationGelu ActivationValue = "gelu"
	// ActivationGeluTanh: its tanh approximation (GPT-2)
	ActivationGeluTanh ActivationValue = "gelu_tanh"
	// ActivationSilu: x times the logistic function
	ActivationSilu ActivationValue = "silu"
	// ActivationReluSquared: max(x, 0) squared (Primer, arXiv 2109.08668)
	ActivationReluSquared ActivationValue = "relu_squared"
	// ActivationQuickGelu: x times the logistic function of 1.702 x (CLIP)
	ActivationQuickGelu ActivationValue = "quick_gelu"
	// ActivationSigmoid: the logistic function, 1 / (1 + exp(-x))
	ActivationSigmoid ActivationValue = "sigmoid"
	// ActivationTanh: the hyperbolic tangent
	ActivationTanh ActivationValue = "tanh"
	// ActivationSoftplus: log(1 + exp(x))
	ActivationSoftplus ActivationValue = "softplus"
	// ActivationMish: x times the tanh of softplus(x) (arXiv 1908.08681)
	ActivationMish ActivationValue = "mish"
	// ActivationIdentity: x itself; gated, the product is bilinear
	ActivationIdentity ActivationValue = "identity"
)

// BalanceScope is one of the constants below.
type BalanceScopeValue string

const (
	// BalanceScopeMicroBatch: all of a micro-batch, on all ranks; layers add up before the
	// product
	BalanceScopeMicroBatch BalanceScopeValue = "micro_batch"
	// BalanceScopeSequence: those of one sequence; the mean over sequences counts
	BalanceScopeSequence BalanceScopeValue = "sequence"
)

// DecayShape is one of the constants below.
type DecayShapeValue string

const (
	// DecayShapeCosine: (1 + cos(pi x)) / 2
	DecayShapeCosine DecayShapeValue = "cosine"
	// DecayShapeLinear: 1 - x
	DecayShapeLinear DecayShapeValue = "linear"
	// DecayShapeOneMinusSqrt: 1 - sqrt(x)
	DecayShapeOneMinusSqrt DecayShapeValue = "one_minus_sqrt"
)

// DropPolicy is one of the constants below.
type DropPolicyValue string

const (
	// DropPolicyPosition: who comes first in the text
	DropPolicyPosition DropPolicyValue = "position"
	// DropPolicyChoice: first choices before second ones, then who comes first (GShard)
	DropPolicyChoice DropPolicyValue = "choice"
	// DropPolicyProbability: the larger weight
	DropPolicyProbability DropPolicyValue = "probability"
	// DropPolicyPriority: the token whose best weight is larger (batch-prioritised)
	DropPolicyPriority DropPolicyValue = "priority"
	// DropPolicyRandom: by lot; by position outside of training
	DropPolicyRandom DropPolicyValue = "random"
)

// ExpertExecution is one of the constants below.
type ExpertExecutionValue string

const (
	// ExpertExecutionGrouped: as one, on rows sorted by expert: products become grouped products
	ExpertExecutionGrouped ExpertExecutionValue = "grouped"
	// ExpertExecutionEach: one after the other, each on all rows: for experts that have no
	// grouped form; costs as many times more as there are experts
	ExpertExecutionEach ExpertExecutionValue = "each"
)

// ExpertScaling is one of the constants below.
type ExpertScalingValue string

const (
	// ExpertScalingExact: all of it on down_proj: the same function
	ExpertScalingExact ExpertScalingValue = "exact"
	// ExpertScalingPublished: its root on every matrix, the cube root where there is a
	// gate_proj, as published: the same function where the activation is relu, nearly so
	// elsewhere
	ExpertScalingPublished ExpertScalingValue = "published"
)

// NanPolicy is one of the constants below.
type NanPolicyValue string

const (
	// NanPolicyStop: the run ends with an error that names the step
	NanPolicyStop NanPolicyValue = "stop"
	// NanPolicySkip: the step is not applied and the run goes on
	NanPolicySkip NanPolicyValue = "skip"
)

// NormPlacement is one of the constants below.
type NormPlacementValue string

const (
	// NormPlacementPre: before attention and feed-forward, inside the residual branch (GPT-2,
	// Llama)
	NormPlacementPre NormPlacementValue = "pre"
	// NormPlacementPost: after the residual sum (the original transformer, BERT)
	NormPlacementPost NormPlacementValue = "post"
	// NormPlacementOutput: after attention and feed-forward, inside the residual branch (OLMo 2)
	NormPlacementOutput NormPlacementValue = "output"
	// NormPlacementSandwich: before and after attention and feed-forward, inside the residual
	// branch (Gemma 2)
	NormPlacementSandwich NormPlacementValue = "sandwich"
)

// NumberFormat is one of the constants below.
type NumberFormatValue string

const (
	// NumberFormatFp32: 32-bit everywhere
	NumberFormatFp32 NumberFormatValue = "fp32"
	// NumberFormatBf16: bfloat16 weights and activations, 32-bit sums, parameters and optimizer
	// state
	NumberFormatBf16 NumberFormatValue = "bf16"
	// NumberFormatFp64: 64-bit everywhere, for checking
	NumberFormatFp64 NumberFormatValue = "fp64"
)

// Pooling is one of the constants below.
type PoolingValue string

const (
	// PoolingFirst: the first one: a class token's
	PoolingFirst PoolingValue = "first"
	// PoolingMean: the mean of all
	PoolingMean PoolingValue = "mean"
)

// Recompute is one of the constants below.
type RecomputeValue string

const (
	// RecomputeNone: everything is kept
	RecomputeNone RecomputeValue = "none"
	// RecomputeSelective: cheap values are computed again, products are kept
	RecomputeSelective RecomputeValue = "selective"
	// RecomputeFull: only the inputs of layers are kept
	RecomputeFull RecomputeValue = "full"
)

// ResidualScaling is one of the constants below.
type ResidualScalingValue string

const (
	// ResidualScalingNone: nothing
	ResidualScalingNone ResidualScalingValue = "none"
	// ResidualScalingDepth: 1 / sqrt(2 num_layers): the sum over all branches keeps the variance
	// of one
	ResidualScalingDepth ResidualScalingValue = "depth"
	// ResidualScalingDepthMup: 1 / sqrt(num_layers): rates carry over from shallow to deep
	// models (arXiv 2310.02244)
	ResidualScalingDepthMup ResidualScalingValue = "depth_mup"
)

// RouterScore is one of the constants below.
type RouterScoreValue string

const (
	// RouterScoreSoftmax: exp, divided by the sum over the experts
	RouterScoreSoftmax RouterScoreValue = "softmax"
	// RouterScoreSigmoid: the logistic function
	RouterScoreSigmoid RouterScoreValue = "sigmoid"
)

// RoutingGroup is one of the constants below.
type RoutingGroupValue string

const (
	// RoutingGroupMicroBatch: all tokens of a micro-batch; not with several ranks
	RoutingGroupMicroBatch RoutingGroupValue = "micro_batch"
	// RoutingGroupSequence: those of one sequence
	RoutingGroupSequence RoutingGroupValue = "sequence"
)

// SamplingMode is one of the constants below.
type SamplingModeValue string

const (
	// SamplingModeEpoch: windows that do not overlap, each once an epoch
	SamplingModeEpoch SamplingModeValue = "epoch"
	// SamplingModeRandomWindow: every sample starts anywhere, drawn anew
	SamplingModeRandomWindow SamplingModeValue = "random_window"
	// SamplingModeStreams: every row of a batch has a part of the corpus and reads on in it from
	// step to step: what a model that carries state is trained with
	SamplingModeStreams SamplingModeValue = "streams"
)

// TaskGates is one of the constants below.
type TaskGatesValue string

const (
	// TaskGatesPerTask: every task (MMoE)
	TaskGatesPerTask TaskGatesValue = "per_task"
	// TaskGatesOne: all tasks together (OMoE)
	TaskGatesOne TaskGatesValue = "one"
)

// TaskLoss is one of the constants below.
type TaskLossValue string

const (
	// TaskLossLogistic: labels 0 and 1: the cross-entropy of the logistic function of the result
	TaskLossLogistic TaskLossValue = "logistic"
	// TaskLossSquared: any labels: the square of the difference
	TaskLossSquared TaskLossValue = "squared"
)

// AdamW: Adam with decoupled weight decay.
type AdamW struct {
	// The learning rate at its peak, before the schedule's factor (by default 0.0003; at least
	// 0).
	LearningRate *float64 `json:"learning_rate,omitempty"`
	// Decay of the mean of gradients (by default 0.9; at least 0; below 1).
	Beta1 *float64 `json:"beta1,omitempty"`
	// Decay of the mean of squared gradients (by default 0.95; at least 0; below 1).
	Beta2 *float64 `json:"beta2,omitempty"`
	// Added to the root of the second mean (by default 1e-08; at least 0).
	Epsilon *float64 `json:"epsilon,omitempty"`
	// Share of a weight that is subtracted per step, times the learning rate. Norms and biases
	// do not decay unless a group says so (by default 0.1; at least 0).
	WeightDecay *float64 `json:"weight_decay,omitempty"`
	// Settings by parameter path (by default []).
	Groups []any `json:"groups,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c AdamW) MarshalJSON() ([]byte, error) {
	type plain AdamW
	return typed("AdamW", plain(c))
}

// AlibiPosition: Scores fall with distance, at a fixed rate for each head (ALiBi); nothing is
// learned.
type AlibiPosition struct {
	// How fast the last head's scores fall: by 2^-max_bias for each token of distance (by
	// default 8; above 0; at most 64).
	MaxBias *float64 `json:"max_bias,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c AlibiPosition) MarshalJSON() ([]byte, error) {
	type plain AlibiPosition
	return typed("AlibiPosition", plain(c))
}

// Attention: Scaled dot-product attention: multi-head, multi-query or grouped-query; of a
// sequence to itself, or, given a second sequence by the layer, to that one (cross-attention).
type Attention struct {
	// Width of input and output (dictated by what surrounds it; at least 1; at most 1048576).
	ModelDim *int64 `json:"model_dim,omitempty"`
	// Number of query heads (required; at least 1; at most 65536).
	NumHeads *int64 `json:"num_heads,omitempty"`
	// Number of key and value heads, a divisor of num_heads; 0 means num_heads, 1 is multi-query
	// (by default 0; at least 0; at most 65536).
	NumKvHeads *int64 `json:"num_kv_heads,omitempty"`
	// Width of one head; 0 means model_dim / num_heads (by default 0; at least 0; at most
	// 65536).
	HeadDim *int64 `json:"head_dim,omitempty"`
	// Biases on all four projections; each may differ (q_proj.bias) (by default false).
	Bias *bool `json:"bias,omitempty"`
	// Biases on the query, key and value projections only (by default false).
	QkvBias *bool `json:"qkv_bias,omitempty"`
	// A token sees itself and what came before; false for encoders. Not for a second sequence
	// (by default true).
	Causal *bool `json:"causal,omitempty"`
	// Factor on the scores; 0 means 1 / sqrt(head_dim). Gemma 2 has query_pre_attn_scalar^-0.5,
	// T5 has 1 (by default 0; at least 0).
	Scale *float64 `json:"scale,omitempty"`
	// Standard deviation of the normal distribution that the weights start from (by default
	// 0.02; at least 0).
	InitStd *float64 `json:"init_std,omitempty"`
	// The same for the output projection; 0 means init_std (by default 0; at least 0).
	OutputInitStd *float64 `json:"output_init_std,omitempty"`
	// From the input to queries (any part of role linear; by default Linear).
	QProj any `json:"q_proj,omitempty"`
	// From the input, or the second sequence, to keys (any part of role linear; by default
	// Linear).
	KProj any `json:"k_proj,omitempty"`
	// From the input, or the second sequence, to values (any part of role linear; by default
	// Linear).
	VProj any `json:"v_proj,omitempty"`
	// From what the heads read, side by side, to the output (any part of role linear; by default
	// Linear).
	OProj any `json:"o_proj,omitempty"`
	// Tokens further back than this are not seen: a token sees itself and window - 1 before it
	// (sliding-window or local attention); 0 means that all are. Not for a second sequence (by
	// default 0; in tokens; at least 0; at most 1073741824).
	Window *int64 `json:"window,omitempty"`
	// Scores are bent to stay below this: softcap * tanh(score / softcap) (Gemma 2); 0 for none
	// (by default 0; at least 0).
	Softcap *float64 `json:"softcap,omitempty"`
	// A learned logit for every head that takes part in the softmax and has no value, so that a
	// head may read nothing (gpt-oss) (by default false).
	Sinks *bool `json:"sinks,omitempty"`
	// The norms of queries and keys span all heads side by side (OLMo 2, OLMoE) and not one head
	// (Qwen3, Gemma 3) (by default false).
	NormAll *bool `json:"norm_all,omitempty"`
	// A norm of queries before they meet positions; usually with k_norm (any part of role norm).
	QNorm any `json:"q_norm,omitempty"`
	// A norm of keys before they meet positions (any part of role norm).
	KNorm any `json:"k_norm,omitempty"`
	// Positions of this attention alone, instead of the decoder's: {"type": "NoPosition"} for a
	// layer without any, a RotaryPosition of another theta for local layers (any part of role
	// position).
	Position any `json:"position,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c Attention) MarshalJSON() ([]byte, error) {
	type plain Attention
	return typed("Attention", plain(c))
}

// BaseGate: One expert a token, assigned so that all get the same number (BASE layers).
type BaseGate struct {
	// Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
	ModelDim *int64 `json:"model_dim,omitempty"`
	// How many there are to choose from (dictated by what surrounds it; at least 1; at most
	// 65536).
	NumExperts *int64 `json:"num_experts,omitempty"`
	// Tokens are shared out within each sequence; otherwise within a micro-batch, not with
	// several ranks (by default true).
	PerSequence *bool `json:"per_sequence,omitempty"`
	// What a token may lose against the best assignment, in ranges of the scores (by default
	// 0.01; above 0; at most 1).
	Precision *float64 `json:"precision,omitempty"`
	// Standard deviation of the normal distribution that the weights start from (by default
	// 0.02; at least 0).
	InitStd *float64 `json:"init_std,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c BaseGate) MarshalJSON() ([]byte, error) {
	type plain BaseGate
	return typed("BaseGate", plain(c))
}

// ByteTokenizer: Bytes are the tokens: 256 ids, any text or file.
type ByteTokenizer struct {
}

// MarshalJSON writes the type's name too.
func (c ByteTokenizer) MarshalJSON() ([]byte, error) {
	type plain ByteTokenizer
	return typed("ByteTokenizer", plain(c))
}

// CharTokenizer: The distinct characters of the training text are the tokens.
type CharTokenizer struct {
}

// MarshalJSON writes the type's name too.
func (c CharTokenizer) MarshalJSON() ([]byte, error) {
	type plain CharTokenizer
	return typed("CharTokenizer", plain(c))
}

// ClassificationHead: Scores classes from the vectors of a sequence (BERT's pooler and
// classifier, ViT's head).
type ClassificationHead struct {
	// Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
	ModelDim *int64 `json:"model_dim,omitempty"`
	// Number of classes (dictated by what surrounds it; at least 1; at most 2147483647).
	NumClasses *int64 `json:"num_classes,omitempty"`
	// Which vectors stand for the sequence (by default "first").
	Pooling PoolingValue `json:"pooling,omitempty"`
	// The function after the pooler (by default "tanh").
	Activation ActivationValue `json:"activation,omitempty"`
	// Standard deviation of the normal distribution that the weights start from (by default
	// 0.02; at least 0).
	InitStd *float64 `json:"init_std,omitempty"`
	// A product before the activation; empty: neither (any part of role linear).
	Pooler any `json:"pooler,omitempty"`
	// Applied to what the pooler made (any part of role dropout).
	Dropout any `json:"dropout,omitempty"`
	// From the pooled vector to the scores (any part of role linear; by default Linear).
	Classifier any `json:"classifier,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c ClassificationHead) MarshalJSON() ([]byte, error) {
	type plain ClassificationHead
	return typed("ClassificationHead", plain(c))
}

// Constant: The peak rate after warm-up.
type Constant struct {
	// Steps over which the rate rises from 0 (by default 0; in steps; at least 0).
	WarmupSteps *int64 `json:"warmup_steps,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c Constant) MarshalJSON() ([]byte, error) {
	type plain Constant
	return typed("Constant", plain(c))
}

// Cosine: Half a cosine from the peak to the lowest rate.
type Cosine struct {
	// Steps over which the rate rises from 0 (by default 0; in steps; at least 0).
	WarmupSteps *int64 `json:"warmup_steps,omitempty"`
	// Step at which the lowest rate is reached; 0 means the last step of the run (by default 0;
	// in steps; at least 0).
	TotalSteps *int64 `json:"total_steps,omitempty"`
	// The lowest rate, as a share of the peak (by default 0; at least 0; at most 1).
	MinLrRatio *float64 `json:"min_lr_ratio,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c Cosine) MarshalJSON() ([]byte, error) {
	type plain Cosine
	return typed("Cosine", plain(c))
}

// CosineGate: Logits are cosines between a projected token and the experts, over a learned
// temperature.
type CosineGate struct {
	// Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
	ModelDim *int64 `json:"model_dim,omitempty"`
	// How many there are to choose from (dictated by what surrounds it; at least 1; at most
	// 65536).
	NumExperts *int64 `json:"num_experts,omitempty"`
	// How many a token visits (by default 2; at least 1; at most 65536).
	TopK *int64 `json:"top_k,omitempty"`
	// Width in which cosines are taken (by default 256; at least 1; at most 1048576).
	ProjDim *int64 `json:"proj_dim,omitempty"`
	// What the temperature starts from (by default 0.07; above 0).
	Temperature *float64 `json:"temperature,omitempty"`
	// Cosines are multiplied by this at most (by default 100; above 0).
	MaxScale *float64 `json:"max_scale,omitempty"`
	// Standard deviation of the normal distribution that the weights start from (by default
	// 0.02; at least 0).
	InitStd *float64 `json:"init_std,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c CosineGate) MarshalJSON() ([]byte, error) {
	type plain CosineGate
	return typed("CosineGate", plain(c))
}

// CrossEntropy: Mean over the target tokens of -log of the target's probability.
type CrossEntropy struct {
	// Targets with this value do not count (by default -100; at least -2147483648; at most
	// 2147483647).
	IgnoreIndex *int64 `json:"ignore_index,omitempty"`
	// Share of the target distribution that is spread evenly over all ids (by default 0; at
	// least 0; below 1).
	LabelSmoothing *float64 `json:"label_smoothing,omitempty"`
	// Weight of the squared log of the softmax's denominator, which keeps it near 0 (by default
	// 0; at least 0).
	ZLoss *float64 `json:"z_loss,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c CrossEntropy) MarshalJSON() ([]byte, error) {
	type plain CrossEntropy
	return typed("CrossEntropy", plain(c))
}

// Data: Where text or tokens come from.
type Data struct {
	// Files, folders or globs to train on; one text or a list (required).
	Train []string `json:"train,omitempty"`
	// The same for validation. Unset: the last part of `train` is kept for it (by default []).
	Validation []string `json:"validation,omitempty"`
	// Share of the training tokens, from the end, that is kept for validation (by default 0.1;
	// at least 0; below 1).
	ValidationFraction *float64 `json:"validation_fraction,omitempty"`
	// Kind of the files: "text", "tokens" (ids in binary), or a source that the host has
	// registered; empty means by the name of each file (by default "").
	Source string `json:"source,omitempty"`
	// How text becomes token ids (any part of role tokenizer; by default ByteTokenizer).
	Tokenizer any `json:"tokenizer,omitempty"`
	// Put after every text document (by default "").
	Separator string `json:"separator,omitempty"`
	// Bytes of an id in token files: 2 (uint16) or 4 (uint32) (by default 2; in bytes).
	TokenWidth *int64 `json:"token_width,omitempty"`
	// Id after which a document ends in token files; -1 makes each file one document (by default
	// -1; at least -1; at most 2147483647).
	EndOfDocument *int64 `json:"end_of_document,omitempty"`
	// How samples are chosen. With streams, as many parts as trainer.batch_size follow one
	// another; a row goes on in the part of the next row when its own is read, and the one that
	// comes to the end of the corpus begins anew at its beginning, with nothing carried. What
	// does not fill a window in every row, at the end, is not read. Validation is read so too,
	// in as many parts as a micro-batch has rows on all ranks (by default "epoch").
	Sampling SamplingModeValue `json:"sampling,omitempty"`
	// Mix the order of windows, anew in each epoch; for sampling epoch alone (by default true).
	Shuffle *bool `json:"shuffle,omitempty"`
	// Seed of the order; unset, runtime.seed (by default 0; at least 0).
	Seed *int64 `json:"seed,omitempty"`
	// Keep documents that share a window apart: no attention and no target across them (by
	// default false).
	IsolateDocuments *bool `json:"isolate_documents,omitempty"`
	// Batches prepared ahead while a step runs (by default 2; in batches; at least 1; at most
	// 1024).
	Prefetch *int64 `json:"prefetch,omitempty"`
	// What is learned from a sample (any part of role objective; by default NextToken).
	Objective any `json:"objective,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c Data) MarshalJSON() ([]byte, error) {
	type plain Data
	return typed("Data", plain(c))
}

// Decoder: A stack of layers: a position module, num_layers layers, and a final norm. With
// attention that is not causal it is an encoder.
type Decoder struct {
	// Width of the residual stream (dictated by what surrounds it; at least 1; at most 1048576).
	ModelDim *int64 `json:"model_dim,omitempty"`
	// Number of layers (required; at least 1; at most 100000.0).
	NumLayers *int64 `json:"num_layers,omitempty"`
	// How positions enter; it stands here once and attention inherits it (any part of role
	// position; by default RotaryPosition).
	Position any `json:"position,omitempty"`
	// Applied to the embeddings before the first layer (any part of role dropout).
	Dropout any `json:"dropout,omitempty"`
	// The layer that is repeated (any part of role layer; by default TransformerLayer).
	Layer any `json:"layer,omitempty"`
	// After the last layer; null for none (any part of role norm; by default RmsNorm).
	Norm any `json:"norm,omitempty"`
	// Layers that differ from `layer`; the first one that covers a layer counts (any part of
	// role layer_variant).
	Variants []any `json:"variants,omitempty"`
	// Applied to the embeddings with their positions, before the dropout (BERT) (any part of
	// role norm).
	EmbeddingNorm any `json:"embedding_norm,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c Decoder) MarshalJSON() ([]byte, error) {
	type plain Decoder
	return typed("Decoder", plain(c))
}

// DecomposedAdapter: A low-rank adapter that changes the direction of each column of a
// projection's weight and, apart from it, its length (DoRA). It wraps a projection without a
// bias.
type DecomposedAdapter struct {
	// Width of the input (dictated by what surrounds it; at least 1; at most 2147483647).
	InDim *int64 `json:"in_dim,omitempty"`
	// Width of the output (dictated by what surrounds it; at least 1; at most 2147483647).
	OutDim *int64 `json:"out_dim,omitempty"`
	// Width between the two matrices (by default 8; at least 1; at most 65536).
	Rank *int64 `json:"rank,omitempty"`
	// What is added to the weight is scaled by alpha / rank (by default 16; at least 0).
	Alpha *float64 `json:"alpha,omitempty"`
	// Standard deviation of the normal distribution that the first matrix starts from; 0 means 1
	// / sqrt(in_dim). The second one and the lengths start from no change (by default 0; at
	// least 0).
	InitStd *float64 `json:"init_std,omitempty"`
	// What the rules of a mesh call the input's dim (by default "").
	InName string `json:"in_name,omitempty"`
	// What the rules of a mesh call the output's dim (by default "").
	OutName string `json:"out_name,omitempty"`
	// The projection that is adapted (any part of role linear; by default Linear).
	Inner any `json:"inner,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c DecomposedAdapter) MarshalJSON() ([]byte, error) {
	type plain DecomposedAdapter
	return typed("DecomposedAdapter", plain(c))
}

// DeepSeekGate: Sigmoid scores, balance by a bias instead of a loss, choice within groups
// (DeepSeek-V3).
type DeepSeekGate struct {
	// Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
	ModelDim *int64 `json:"model_dim,omitempty"`
	// How many there are to choose from (dictated by what surrounds it; at least 1; at most
	// 65536).
	NumExperts *int64 `json:"num_experts,omitempty"`
	// How many a token visits (by default 8; at least 1; at most 65536).
	TopK *int64 `json:"top_k,omitempty"`
	// Scores are the logistic function of the logits; otherwise softmax, as in DeepSeek-V2 (by
	// default true).
	Sigmoid *bool `json:"sigmoid,omitempty"`
	// A bias that counts for the choice alone and is moved against the load (by default true).
	Correction *bool `json:"correction,omitempty"`
	// Step of the bias in each optimizer step; 0: it stays (by default 0.001; at least 0).
	BiasRate *float64 `json:"bias_rate,omitempty"`
	// Groups into which the experts are cut, of equal size (by default 1; at least 1; at most
	// 65536).
	NumGroups *int64 `json:"num_groups,omitempty"`
	// Groups that a token may choose from (by default 1; at least 1; at most 65536).
	TopGroups *int64 `json:"top_groups,omitempty"`
	// A group is worth the sum of so many of its best, or of all where it has fewer; 2 in
	// DeepSeek-V3, 1 in V2 (by default 2; at least 1; at most 65536).
	GroupBest *int64 `json:"group_best,omitempty"`
	// Divide the chosen scores by their sum (by default true).
	Normalize *bool `json:"normalize,omitempty"`
	// Factor on the weights, 2.5 in DeepSeek-V3 (by default 1).
	Scale *float64 `json:"scale,omitempty"`
	// Standard deviation of the normal distribution that the weights start from (by default
	// 0.02; at least 0).
	InitStd *float64 `json:"init_std,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c DeepSeekGate) MarshalJSON() ([]byte, error) {
	type plain DeepSeekGate
	return typed("DeepSeekGate", plain(c))
}

// Dropout: Zeroes elements at random while training and scales up the others.
type Dropout struct {
	// Probability that an element is zeroed (by default 0.1; at least 0; below 1).
	Rate *float64 `json:"rate,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c Dropout) MarshalJSON() ([]byte, error) {
	type plain Dropout
	return typed("Dropout", plain(c))
}

// DynamicScaling: A base of the rotary angles that grows with sequences longer than those of
// training (NTK-aware).
type DynamicScaling struct {
	// How fast the base grows (required; at least 1; at most 1000000.0).
	Factor *float64 `json:"factor,omitempty"`
	// The longest sequence of training; up to it nothing changes (required; in tokens; at least
	// 1; at most 1073741824).
	OriginalMaxPositions *int64 `json:"original_max_positions,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c DynamicScaling) MarshalJSON() ([]byte, error) {
	type plain DynamicScaling
	return typed("DynamicScaling", plain(c))
}

// Embedding: A learned vector for every token id.
type Embedding struct {
	// Number of token ids (dictated by what surrounds it; at least 1; at most 2147483647).
	VocabSize *int64 `json:"vocab_size,omitempty"`
	// Width of the vectors (dictated by what surrounds it; at least 1; at most 1048576).
	ModelDim *int64 `json:"model_dim,omitempty"`
	// Standard deviation of the normal distribution that the weights start from (by default
	// 0.02; at least 0).
	InitStd *float64 `json:"init_std,omitempty"`
	// Multiply by sqrt(model_dim), rounded to the dtype of the model (the original transformer,
	// Gemma) (by default false).
	SqrtScale *bool `json:"sqrt_scale,omitempty"`
	// Multiply by this (Granite, muP) (by default 1; above 0).
	Scale *float64 `json:"scale,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c Embedding) MarshalJSON() ([]byte, error) {
	type plain Embedding
	return typed("Embedding", plain(c))
}

// EncoderDecoder: Two stacks: one reads a source sequence as a whole, the other writes a second
// one and reads what the first made of the source (T5, the original transformer).
type EncoderDecoder struct {
	// Number of token ids, of both sequences (dictated by what surrounds it; at least 1; at most
	// 2147483647).
	VocabSize *int64 `json:"vocab_size,omitempty"`
	// Width of both residual streams, given to everything below (dictated by what surrounds it;
	// at least 1; at most 1048576).
	ModelDim *int64 `json:"model_dim,omitempty"`
	// From token ids to vectors, for both sequences (any part of role embedding; by default
	// Embedding).
	Embedding any `json:"embedding,omitempty"`
	// The stack that reads the source: its attention should not be causal (any part of role
	// decoder; by default Decoder).
	Encoder any `json:"encoder,omitempty"`
	// The stack that writes: its layers need `cross_attention` (any part of role decoder; by
	// default Decoder).
	Decoder any `json:"decoder,omitempty"`
	// From vectors to scores of token ids (any part of role head; by default LanguageModelHead).
	Head any `json:"head,omitempty"`
	// What training makes small (any part of role loss; by default CrossEntropy).
	Loss any `json:"loss,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c EncoderDecoder) MarshalJSON() ([]byte, error) {
	type plain EncoderDecoder
	return typed("EncoderDecoder", plain(c))
}

// Experiment: A whole run: what is trained, on what, how and where.
type Experiment struct {
	// The model (any part of role model; by default LanguageModel).
	Model any `json:"model,omitempty"`
	// What it learns from (any part of role data; by default Data).
	Data any `json:"data,omitempty"`
	// The loop: steps, batches, evaluation, checkpoints (any part of role trainer; by default
	// Trainer).
	Trainer any `json:"trainer,omitempty"`
	// The update rule (any part of role optimizer; by default AdamW).
	Optimizer any `json:"optimizer,omitempty"`
	// The factor on the learning rate over time (any part of role schedule; by default
	// Constant).
	Schedule any `json:"schedule,omitempty"`
	// Threads, seed, device, number format (any part of role runtime; by default Runtime).
	Runtime any `json:"runtime,omitempty"`
	// How several processes share the work (any part of role parallel; by default Parallel).
	Parallel any `json:"parallel,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c Experiment) MarshalJSON() ([]byte, error) {
	type plain Experiment
	return typed("Experiment", plain(c))
}

// ExpertChoiceGate: Experts choose tokens: each the same number, of the largest probability
// (expert choice).
type ExpertChoiceGate struct {
	// Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
	ModelDim *int64 `json:"model_dim,omitempty"`
	// How many there are (dictated by what surrounds it; at least 1; at most 65536).
	NumExperts *int64 `json:"num_experts,omitempty"`
	// Experts of a token on average (by default 2; above 0; at most 65536).
	Capacity *float64 `json:"capacity,omitempty"`
	// Tokens of one sequence compete for an expert; otherwise all of a micro-batch, not with
	// several ranks. Either way a token depends on later ones (by default true).
	PerSequence *bool `json:"per_sequence,omitempty"`
	// Standard deviation of the normal distribution that the weights start from (by default
	// 0.02; at least 0).
	InitStd *float64 `json:"init_std,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c ExpertChoiceGate) MarshalJSON() ([]byte, error) {
	type plain ExpertChoiceGate
	return typed("ExpertChoiceGate", plain(c))
}

// FeedForward: Two matrix products with an activation between them, or three when gated.
type FeedForward struct {
	// Width of input and output (dictated by what surrounds it; at least 1; at most 1048576).
	ModelDim *int64 `json:"model_dim,omitempty"`
	// Width between the products (required; at least 1; at most 16777216).
	HiddenDim *int64 `json:"hidden_dim,omitempty"`
	// The function between the products (by default "silu").
	Activation ActivationValue `json:"activation,omitempty"`
	// Multiply the activation of one product by a second one (SwiGLU and its kin) (by default
	// true).
	Gated *bool `json:"gated,omitempty"`
	// Add learned biases (by default false).
	Bias *bool `json:"bias,omitempty"`
	// Standard deviation of the normal distribution that the weights start from (by default
	// 0.02; at least 0).
	InitStd *float64 `json:"init_std,omitempty"`
	// The same for the last product; 0 means init_std (by default 0; at least 0).
	OutputInitStd *float64 `json:"output_init_std,omitempty"`
	// Gated only: what is activated is cut off above this, and what it multiplies at plus and
	// minus this (gpt-oss has 7); 0 for no bounds (by default 0; at least 0).
	Clamp *float64 `json:"clamp,omitempty"`
	// Gated only: added to what the activation multiplies (gpt-oss has 1) (by default 0).
	UpOffset *float64 `json:"up_offset,omitempty"`
	// To the width between the products (any part of role linear; by default Linear).
	UpProj any `json:"up_proj,omitempty"`
	// What the activation of a gated one is applied to (any part of role linear; by default
	// Linear).
	GateProj any `json:"gate_proj,omitempty"`
	// Back to the width of the input (any part of role linear; by default Linear).
	DownProj any `json:"down_proj,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c FeedForward) MarshalJSON() ([]byte, error) {
	type plain FeedForward
	return typed("FeedForward", plain(c))
}

// GShardGate: Two experts a token, the second by chance of its weight (GShard).
type GShardGate struct {
	// Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
	ModelDim *int64 `json:"model_dim,omitempty"`
	// How many there are to choose from; at least two (dictated by what surrounds it; at least
	// 2; at most 65536).
	NumExperts *int64 `json:"num_experts,omitempty"`
	// In training, drop the second expert with probability 1 - 2 w, w its normalised weight (by
	// default true).
	RandomRouting *bool `json:"random_routing,omitempty"`
	// Standard deviation of the normal distribution that the weights start from (by default
	// 0.02; at least 0).
	InitStd *float64 `json:"init_std,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c GShardGate) MarshalJSON() ([]byte, error) {
	type plain GShardGate
	return typed("GShardGate", plain(c))
}

// HashGate: Experts by a fixed hash of the token's id; nothing is learned.
type HashGate struct {
	// Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
	ModelDim *int64 `json:"model_dim,omitempty"`
	// How many there are to choose from (dictated by what surrounds it; at least 1; at most
	// 65536).
	NumExperts *int64 `json:"num_experts,omitempty"`
	// How many a token visits (by default 1; at least 1; at most 65536).
	TopK *int64 `json:"top_k,omitempty"`
	// Which of the hash functions; layers of different seeds send a token to different experts
	// (by default 0; at least 0; at most 2147483646).
	Seed *int64 `json:"seed,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c HashGate) MarshalJSON() ([]byte, error) {
	type plain HashGate
	return typed("HashGate", plain(c))
}

// ImportanceBalance: Squared coefficient of variation of the experts' summed weights (Shazeer et
// al.).
type ImportanceBalance struct {
	// How many there are (dictated by what surrounds it; at least 1; at most 65536).
	NumExperts *int64 `json:"num_experts,omitempty"`
	// Weight of the loss (by default 0.01; at least 0).
	Weight *float64 `json:"weight,omitempty"`
	// Layers whose losses have equal names add up their sums (by default "importance").
	Name string `json:"name,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c ImportanceBalance) MarshalJSON() ([]byte, error) {
	type plain ImportanceBalance
	return typed("ImportanceBalance", plain(c))
}

// InverseSqrt: Falls with the square root of the step.
type InverseSqrt struct {
	// Steps over which the rate rises from 0 (by default 0; in steps; at least 0).
	WarmupSteps *int64 `json:"warmup_steps,omitempty"`
	// Steps after which the rate has fallen to about 0.7; 0 means warmup_steps (by default 0; in
	// steps; at least 0).
	Timescale *int64 `json:"timescale,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c InverseSqrt) MarshalJSON() ([]byte, error) {
	type plain InverseSqrt
	return typed("InverseSqrt", plain(c))
}

// LabelledImages: Images of one size with their classes, as records of bytes: the class, then
// each channel's rows (the binary files of CIFAR-10). Read as source "text" by a ByteTokenizer.
type LabelledImages struct {
	// Height and width (required; in pixels; at least 1; at most 4096).
	ImageSize *int64 `json:"image_size,omitempty"`
	// Numbers of a pixel (by default 3; at least 1; at most 64).
	NumChannels *int64 `json:"num_channels,omitempty"`
	// Subtracted from numbers of pixels, which go from 0 to 1 (by default 0.5).
	Mean *float64 `json:"mean,omitempty"`
	// What they are divided by then (by default 0.5; above 0).
	Deviation *float64 `json:"deviation,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c LabelledImages) MarshalJSON() ([]byte, error) {
	type plain LabelledImages
	return typed("LabelledImages", plain(c))
}

// LanguageModel: Tokens to embedding to decoder to head to logits, and a loss against the next
// tokens.
type LanguageModel struct {
	// Number of token ids: at least the tokenizer's (256 for bytes) (dictated by what surrounds
	// it; at least 1; at most 2147483647).
	VocabSize *int64 `json:"vocab_size,omitempty"`
	// Width of the residual stream, given to everything below (dictated by what surrounds it; at
	// least 1; at most 1048576).
	ModelDim *int64 `json:"model_dim,omitempty"`
	// From token ids to vectors (any part of role embedding; by default Embedding).
	Embedding any `json:"embedding,omitempty"`
	// The layers (any part of role decoder; by default Decoder).
	Decoder any `json:"decoder,omitempty"`
	// From vectors to scores of token ids (any part of role head; by default LanguageModelHead).
	Head any `json:"head,omitempty"`
	// What training makes small (any part of role loss; by default CrossEntropy).
	Loss any `json:"loss,omitempty"`
	// Read the type of each token, "token_types" i32[B,T], beside the tokens (by default false).
	TokenTypes *bool `json:"token_types,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c LanguageModel) MarshalJSON() ([]byte, error) {
	type plain LanguageModel
	return typed("LanguageModel", plain(c))
}

// LanguageModelHead: Scores every token id from the decoder's output.
type LanguageModelHead struct {
	// Number of token ids (dictated by what surrounds it; at least 1; at most 2147483647).
	VocabSize *int64 `json:"vocab_size,omitempty"`
	// Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
	ModelDim *int64 `json:"model_dim,omitempty"`
	// Use the embedding's table as weight (by default false).
	Tied *bool `json:"tied,omitempty"`
	// Add a learned bias (by default false).
	Bias *bool `json:"bias,omitempty"`
	// Standard deviation of the normal distribution that the weights start from (by default
	// 0.02; at least 0).
	InitStd *float64 `json:"init_std,omitempty"`
	// Multiply the scores by this (Granite, Cohere, muP) (by default 1; above 0).
	Scale *float64 `json:"scale,omitempty"`
	// Keep scores between -cap and cap by cap * tanh(score / cap) (Gemma 2); 0 for no cap (by
	// default 0; at least 0).
	Cap *float64 `json:"cap,omitempty"`
	// The product itself; its weight stands under the head's own path, as "weight" (any part of
	// role linear; by default Linear).
	Projection any `json:"projection,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c LanguageModelHead) MarshalJSON() ([]byte, error) {
	type plain LanguageModelHead
	return typed("LanguageModelHead", plain(c))
}

// LatentAttention: Multi-head latent attention (DeepSeek-V2 and V3): keys and values of all heads
// are made from one small vector for each token, which is all that a cache holds; positions enter
// by features of their own.
type LatentAttention struct {
	// Width of input and output (dictated by what surrounds it; at least 1; at most 1048576).
	ModelDim *int64 `json:"model_dim,omitempty"`
	// Number of heads (required; at least 1; at most 65536).
	NumHeads *int64 `json:"num_heads,omitempty"`
	// Width of the vector that queries are made from; 0 makes them from the input (by default 0;
	// at least 0; at most 1048576).
	QLoraRank *int64 `json:"q_lora_rank,omitempty"`
	// Width of the vector that keys and values are made from (required; at least 1; at most
	// 1048576).
	KvLoraRank *int64 `json:"kv_lora_rank,omitempty"`
	// Features of a head's queries and keys without positions (required; at least 1; at most
	// 65536).
	QkNopeHeadDim *int64 `json:"qk_nope_head_dim,omitempty"`
	// Features of queries and keys that the position turns, an even number; the keys' are shared
	// by all heads (required; at least 2; at most 65536).
	QkRopeHeadDim *int64 `json:"qk_rope_head_dim,omitempty"`
	// Width of a head's values (required; at least 1; at most 65536).
	VHeadDim *int64 `json:"v_head_dim,omitempty"`
	// A token sees itself and what came before (by default true).
	Causal *bool `json:"causal,omitempty"`
	// Factor on the scores; 0 means 1 / sqrt(qk_nope_head_dim + qk_rope_head_dim). With
	// YarnScaling, DeepSeek multiplies that by (0.1 mscale_all_dim ln(factor) + 1)^2 (by default
	// 0; at least 0).
	Scale *float64 `json:"scale,omitempty"`
	// Biases on q_down_proj, kv_down_proj and o_proj; each may differ (by default false).
	Bias *bool `json:"bias,omitempty"`
	// Standard deviation of the normal distribution that the weights start from (by default
	// 0.02; at least 0).
	InitStd *float64 `json:"init_std,omitempty"`
	// The same for the output projection; 0 means init_std (by default 0; at least 0).
	OutputInitStd *float64 `json:"output_init_std,omitempty"`
	// From the input to the vector that queries are made from (any part of role linear; by
	// default Linear).
	QDownProj any `json:"q_down_proj,omitempty"`
	// A norm of that vector (any part of role norm; by default RmsNorm).
	QLatentNorm any `json:"q_latent_norm,omitempty"`
	// From that vector, or the input, to queries (any part of role linear; by default Linear).
	QProj any `json:"q_proj,omitempty"`
	// From the input to the vector that keys and values are made from, and to the keys' turned
	// features (any part of role linear; by default Linear).
	KvDownProj any `json:"kv_down_proj,omitempty"`
	// A norm of that vector (any part of role norm; by default RmsNorm).
	KvLatentNorm any `json:"kv_latent_norm,omitempty"`
	// From that vector to the keys' other features and the values, head by head (any part of
	// role linear; by default Linear).
	KvUpProj any `json:"kv_up_proj,omitempty"`
	// From what the heads read, side by side, to the output (any part of role linear; by default
	// Linear).
	OProj any `json:"o_proj,omitempty"`
	// Positions of this attention alone, instead of the decoder's (any part of role position).
	Position any `json:"position,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c LatentAttention) MarshalJSON() ([]byte, error) {
	type plain LatentAttention
	return typed("LatentAttention", plain(c))
}

// LayerNorm: Subtracts the mean, divides by the standard deviation, then a learned scale and
// bias.
type LayerNorm struct {
	// Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
	ModelDim *int64 `json:"model_dim,omitempty"`
	// Added to the variance (by default 1e-05; at least 0; below 1).
	Epsilon *float64 `json:"epsilon,omitempty"`
	// Add a learned bias (by default true).
	Bias *bool `json:"bias,omitempty"`
	// Multiply by a learned scale (not in OLMo) (by default true).
	Scale *bool `json:"scale,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c LayerNorm) MarshalJSON() ([]byte, error) {
	type plain LayerNorm
	return typed("LayerNorm", plain(c))
}

// LayerVariant: Some layers of a stack that differ from the others: every 4th with global
// attention, the first three without experts.
type LayerVariant struct {
	// The first of the layers, counted from 0 (by default 0; in layers; at least 0; at most
	// 100000.0).
	Start *int64 `json:"start,omitempty"`
	// From the first on, every so many layers are of this kind (by default 1; in layers; at
	// least 1; at most 100000.0).
	Every *int64 `json:"every,omitempty"`
	// The layers come before this one; 0 means up to the last (by default 0; in layers; at least
	// 0; at most 100000.0).
	End *int64 `json:"end,omitempty"`
	// What these layers are. It says what differs: the rest is as in the stack's own `layer`
	// (any part of role layer; by default TransformerLayer).
	Layer any `json:"layer,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c LayerVariant) MarshalJSON() ([]byte, error) {
	type plain LayerVariant
	return typed("LayerVariant", plain(c))
}

// LearnedPosition: A learned vector for every position, added to the embeddings (GPT-2).
type LearnedPosition struct {
	// Number of positions: the longest sequence the model can read (by default 1024; in tokens;
	// at least 1; at most 16777216).
	MaxPositions *int64 `json:"max_positions,omitempty"`
	// Width of the vectors (dictated by what surrounds it; at least 1; at most 1048576).
	ModelDim *int64 `json:"model_dim,omitempty"`
	// Standard deviation of the normal distribution that the weights start from (by default
	// 0.02; at least 0).
	InitStd *float64 `json:"init_std,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c LearnedPosition) MarshalJSON() ([]byte, error) {
	type plain LearnedPosition
	return typed("LearnedPosition", plain(c))
}

// Linear: A matrix product with optional bias. What it projects from and to, its owner says.
type Linear struct {
	// Width of the input (dictated by what surrounds it; at least 1; at most 2147483647).
	InDim *int64 `json:"in_dim,omitempty"`
	// Width of the output (dictated by what surrounds it; at least 1; at most 2147483647).
	OutDim *int64 `json:"out_dim,omitempty"`
	// Add a learned bias (by default true).
	Bias *bool `json:"bias,omitempty"`
	// Standard deviation of the normal distribution that the weights start from (by default
	// 0.02; at least 0).
	InitStd *float64 `json:"init_std,omitempty"`
	// The weight is [out_dim, in_dim], as an embedding's table is, and not [in_dim, out_dim]
	// (dictated by what surrounds it; by default false).
	Transposed *bool `json:"transposed,omitempty"`
	// What the rules of a mesh call the input's dim ("embed"); empty for no name (by default
	// "").
	InName string `json:"in_name,omitempty"`
	// What the rules of a mesh call the output's dim ("mlp") (by default "").
	OutName string `json:"out_name,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c Linear) MarshalJSON() ([]byte, error) {
	type plain Linear
	return typed("Linear", plain(c))
}

// LinearDecay: A straight line from the peak to the lowest rate.
type LinearDecay struct {
	// Steps over which the rate rises from 0 (by default 0; in steps; at least 0).
	WarmupSteps *int64 `json:"warmup_steps,omitempty"`
	// Step at which the lowest rate is reached; 0 means the last step of the run (by default 0;
	// in steps; at least 0).
	TotalSteps *int64 `json:"total_steps,omitempty"`
	// The lowest rate, as a share of the peak (by default 0; at least 0; at most 1).
	MinLrRatio *float64 `json:"min_lr_ratio,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c LinearDecay) MarshalJSON() ([]byte, error) {
	type plain LinearDecay
	return typed("LinearDecay", plain(c))
}

// LinearScaling: Rotary angles divided by a factor, as if tokens stood closer together.
type LinearScaling struct {
	// How many times longer sequences may be than those of training (required; at least 1; at
	// most 1000000.0).
	Factor *float64 `json:"factor,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c LinearScaling) MarshalJSON() ([]byte, error) {
	type plain LinearScaling
	return typed("LinearScaling", plain(c))
}

// Llama3Scaling: Slow rotary frequencies divided by a factor, fast ones left as they are (Llama
// 3.1).
type Llama3Scaling struct {
	// What slow frequencies are divided by (by default 8; at least 1; at most 1000000.0).
	Factor *float64 `json:"factor,omitempty"`
	// Frequencies that make fewer turns than this over the original length are slow (by default
	// 1; above 0; at most 1000000.0).
	LowFreqFactor *float64 `json:"low_freq_factor,omitempty"`
	// Frequencies that make more turns than this are fast; above low_freq_factor (by default 4;
	// above 0; at most 1000000.0).
	HighFreqFactor *float64 `json:"high_freq_factor,omitempty"`
	// The longest sequence of training before the change (by default 8192; in tokens; at least
	// 1; at most 1073741824).
	OriginalMaxPositions *int64 `json:"original_max_positions,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c Llama3Scaling) MarshalJSON() ([]byte, error) {
	type plain Llama3Scaling
	return typed("Llama3Scaling", plain(c))
}

// LoadBalance: E * sum over experts of (share of the choices) * (mean probability): least when
// balanced.
type LoadBalance struct {
	// How many there are (dictated by what surrounds it; at least 1; at most 65536).
	NumExperts *int64 `json:"num_experts,omitempty"`
	// Experts of a token (by default 2; at least 1; at most 65536).
	TopK *int64 `json:"top_k,omitempty"`
	// Weight of the loss (by default 0.01; at least 0).
	Weight *float64 `json:"weight,omitempty"`
	// Tokens whose sums make one loss (by default "micro_batch").
	Scope BalanceScopeValue `json:"scope,omitempty"`
	// Shares of all choices, which sum to 1; otherwise of all tokens, which sum to top_k
	// (Mixtral) (by default true).
	PerChoice *bool `json:"per_choice,omitempty"`
	// Count the first choice of a token only (GShard) (by default false).
	FirstChoice *bool `json:"first_choice,omitempty"`
	// Layers whose losses have equal names add up their sums (by default "load_balance").
	Name string `json:"name,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c LoadBalance) MarshalJSON() ([]byte, error) {
	type plain LoadBalance
	return typed("LoadBalance", plain(c))
}

// LoadMetrics: Reported numbers of a router: entropy, choices kept, the busiest expert's load
// above the mean.
type LoadMetrics struct {
	// How many there are (dictated by what surrounds it; at least 1; at most 65536).
	NumExperts *int64 `json:"num_experts,omitempty"`
	// Also the share of each expert in the choices, "load_0" and so on, which `tessera
	// moe-report` draws (by default false).
	Loads *bool `json:"loads,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c LoadMetrics) MarshalJSON() ([]byte, error) {
	type plain LoadMetrics
	return typed("LoadMetrics", plain(c))
}

// LowRankAdapter: A product of two thin matrices beside a projection, which it wraps: what is
// trained while the projection itself stays frozen (LoRA).
type LowRankAdapter struct {
	// Width of the input (dictated by what surrounds it; at least 1; at most 2147483647).
	InDim *int64 `json:"in_dim,omitempty"`
	// Width of the output (dictated by what surrounds it; at least 1; at most 2147483647).
	OutDim *int64 `json:"out_dim,omitempty"`
	// Width between the two matrices (by default 8; at least 1; at most 65536).
	Rank *int64 `json:"rank,omitempty"`
	// What is added is scaled by alpha / rank (by default 16; at least 0).
	Alpha *float64 `json:"alpha,omitempty"`
	// Scale by alpha / sqrt(rank) instead, so that large ranks still learn (rsLoRA) (by default
	// false).
	RankStabilized *bool `json:"rank_stabilized,omitempty"`
	// Standard deviation of the normal distribution that the first matrix starts from; 0 means 1
	// / sqrt(in_dim). The second one starts from 0 (by default 0; at least 0).
	InitStd *float64 `json:"init_std,omitempty"`
	// The parameters are called <name>_a and <name>_b. Adapters inside each other need two names
	// (by default "lora").
	Name string `json:"name,omitempty"`
	// What the rules of a mesh call the input's dim (by default "").
	InName string `json:"in_name,omitempty"`
	// What the rules of a mesh call the output's dim (by default "").
	OutName string `json:"out_name,omitempty"`
	// Applied to the adapter's input only (any part of role dropout).
	Dropout any `json:"dropout,omitempty"`
	// The projection that is adapted (any part of role linear; by default Linear).
	Inner any `json:"inner,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c LowRankAdapter) MarshalJSON() ([]byte, error) {
	type plain LowRankAdapter
	return typed("LowRankAdapter", plain(c))
}

// MaskedLanguageModelHead: Scores every token id for every place, after a product, an activation
// and a norm (BERT).
type MaskedLanguageModelHead struct {
	// Number of token ids (dictated by what surrounds it; at least 1; at most 2147483647).
	VocabSize *int64 `json:"vocab_size,omitempty"`
	// Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
	ModelDim *int64 `json:"model_dim,omitempty"`
	// Use the embedding's table as the last weight (by default true).
	Tied *bool `json:"tied,omitempty"`
	// Add a learned bias to the scores (by default true).
	Bias *bool `json:"bias,omitempty"`
	// The function after the first product (by default "gelu").
	Activation ActivationValue `json:"activation,omitempty"`
	// Standard deviation of the normal distribution that the weights start from (by default
	// 0.02; at least 0).
	InitStd *float64 `json:"init_std,omitempty"`
	// The first product (any part of role linear; by default Linear).
	Dense any `json:"dense,omitempty"`
	// After the activation (any part of role norm; by default LayerNorm).
	Norm any `json:"norm,omitempty"`
	// The last product; its weight stands under the head's own path, as "weight" (any part of
	// role linear; by default Linear).
	Projection any `json:"projection,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c MaskedLanguageModelHead) MarshalJSON() ([]byte, error) {
	type plain MaskedLanguageModelHead
	return typed("MaskedLanguageModelHead", plain(c))
}

// MaskedTokens: Some tokens are hidden and predicted from all others (BERT).
type MaskedTokens struct {
	// Id that stands where a token is hidden (required; at least 0; at most 2147483647).
	MaskId *int64 `json:"mask_id,omitempty"`
	// Share of the tokens that are predicted (by default 0.15; above 0; at most 1).
	Share *float64 `json:"share,omitempty"`
	// Of these, the share that is replaced by any id instead of mask_id (by default 0.1; at
	// least 0; at most 1).
	RandomShare *float64 `json:"random_share,omitempty"`
	// Of these, the share that is left as it is (by default 0.1; at least 0; at most 1).
	KeptShare *float64 `json:"kept_share,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c MaskedTokens) MarshalJSON() ([]byte, error) {
	type plain MaskedTokens
	return typed("MaskedTokens", plain(c))
}

// MixtureOfExperts: Many experts, of which a gate chooses a few for every token.
type MixtureOfExperts struct {
	// Width of input and output (dictated by what surrounds it; at least 1; at most 1048576).
	ModelDim *int64 `json:"model_dim,omitempty"`
	// Copies of the expert; with a list `experts`, how many stand in it (by default 8; at least
	// 1; at most 65536).
	NumExperts *int64 `json:"num_experts,omitempty"`
	// Experts of a token, for gates that take it from here (by default 2; at least 1; at most
	// 65536).
	TopK *int64 `json:"top_k,omitempty"`
	// In training, what the gate sees is multiplied by random numbers in 1 - jitter to 1 +
	// jitter (by default 0; at least 0; below 1).
	Jitter *float64 `json:"jitter,omitempty"`
	// Divide the weights of a token by their sum (by default false).
	Renormalize *bool `json:"renormalize,omitempty"`
	// Factor on all weights (by default 1).
	WeightScale *float64 `json:"weight_scale,omitempty"`
	// Room of an expert, in even shares of all choices; 0: no limit, nothing is dropped (by
	// default 0; at least 0; at most 1000000000.0).
	CapacityFactor *float64 `json:"capacity_factor,omitempty"`
	// The same outside of training; unset: as in training (at least 0; at most 1000000000.0).
	EvalCapacityFactor *float64 `json:"eval_capacity_factor,omitempty"`
	// Room that every expert has at least, when there is a limit (by default 0; in tokens; at
	// least 0; at most 1000000000.0).
	MinCapacity *int64 `json:"min_capacity,omitempty"`
	// Who gets the room (by default "position").
	Drop DropPolicyValue `json:"drop,omitempty"`
	// Over which tokens the limit is meant (by default "micro_batch").
	Group RoutingGroupValue `json:"group,omitempty"`
	// Divide the weights of what was kept by their sum, so that drops do not shrink the output
	// (by default false).
	RenormalizeKept *bool `json:"renormalize_kept,omitempty"`
	// How the copies of an expert are run (by default "grouped").
	RunExperts ExpertExecutionValue `json:"run_experts,omitempty"`
	// Multiply what the shared expert returns by a learned sigmoid of the token (by default
	// false).
	SharedGate *bool `json:"shared_gate,omitempty"`
	// Stop with an error when a weight is not finite, for gates under development (by default
	// false).
	CheckWeights *bool `json:"check_weights,omitempty"`
	// Standard deviation of the normal distribution that the shared gate starts from (by default
	// 0.02; at least 0).
	InitStd *float64 `json:"init_std,omitempty"`
	// Mix what the experts and the shared one return by a learned softmax of the token over the
	// two, instead of adding them (residual mixture of experts) (by default false).
	ResidualMix *bool `json:"residual_mix,omitempty"`
	// Experts beyond num_experts that return zero, so that a token may do with less (by default
	// 0; at least 0; at most 65536).
	ZeroExperts *int64 `json:"zero_experts,omitempty"`
	// Experts beyond those that return the token as it is (by default 0; at least 0; at most
	// 65536).
	CopyExperts *int64 `json:"copy_experts,omitempty"`
	// Width in which tokens are sent to the experts, between two projections; 0: model_dim (by
	// default 0; at least 0; at most 1048576).
	LatentDim *int64 `json:"latent_dim,omitempty"`
	// Who visits which expert (any part of role gate; by default TopKGate).
	Gate any `json:"gate,omitempty"`
	// The expert, of which there are num_experts copies with weights of their own (any part of
	// role expert; by default FeedForward).
	Expert any `json:"expert,omitempty"`
	// Experts that are not alike, in place of copies of `expert`, which then is null. They run
	// one after the other on all rows (any part of role expert).
	Experts []any `json:"experts,omitempty"`
	// From model_dim to latent_dim, for all experts (any part of role linear; by default
	// Linear).
	LatentIn any `json:"latent_in,omitempty"`
	// Back from latent_dim to model_dim (any part of role linear; by default Linear).
	LatentOut any `json:"latent_out,omitempty"`
	// An expert that every token visits (any part of role expert).
	Shared any `json:"shared,omitempty"`
	// Losses and metrics of the routing, each with its own weight (any part of role balance; by
	// default LoadBalance).
	Balance []any `json:"balance,omitempty"`
	// Padding, tokens of segment -1, visits no expert and is not counted by losses, metrics and
	// biases; otherwise it is routed like all others (by default false).
	SkipPadding *bool `json:"skip_padding,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c MixtureOfExperts) MarshalJSON() ([]byte, error) {
	type plain MixtureOfExperts
	return typed("MixtureOfExperts", plain(c))
}

// MultiGateMixture: Experts that all tasks share, of which each task takes its own mean (MMoE).
type MultiGateMixture struct {
	// Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
	ModelDim *int64 `json:"model_dim,omitempty"`
	// Results, one for each (dictated by what surrounds it; at least 1; at most 1024).
	NumTasks *int64 `json:"num_tasks,omitempty"`
	// Copies of the expert; with one there is nothing to choose: a shared bottom (by default 8;
	// at least 1; at most 65536).
	NumExperts *int64 `json:"num_experts,omitempty"`
	// Who has a gate (by default "per_task").
	Gates TaskGatesValue `json:"gates,omitempty"`
	// Standard deviation of the normal distribution that gates start from (by default 0.02; at
	// least 0).
	InitStd *float64 `json:"init_std,omitempty"`
	// The expert (any part of role expert; by default Perceptron).
	Expert any `json:"expert,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c MultiGateMixture) MarshalJSON() ([]byte, error) {
	type plain MultiGateMixture
	return typed("MultiGateMixture", plain(c))
}

// MultiTaskModel: Rows of numbers to one result for each of several tasks.
type MultiTaskModel struct {
	// Numbers of a row (dictated by what surrounds it; at least 1; at most 1048576).
	ModelDim *int64 `json:"model_dim,omitempty"`
	// Results of a row (dictated by what surrounds it; by default 2; at least 1; at most 1024).
	NumTasks *int64 `json:"num_tasks,omitempty"`
	// Width of the layer of relu that each task has of its own before its result (by default 8;
	// at least 1; at most 1048576).
	TowerDim *int64 `json:"tower_dim,omitempty"`
	// What results are compared with labels by (by default "logistic").
	Loss TaskLossValue `json:"loss,omitempty"`
	// What the tasks share (any part of role multi_task; by default MultiGateMixture).
	Shared any `json:"shared,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c MultiTaskModel) MarshalJSON() ([]byte, error) {
	type plain MultiTaskModel
	return typed("MultiTaskModel", plain(c))
}

// NextToken: Each token predicts the one after it.
type NextToken struct {
}

// MarshalJSON writes the type's name too.
func (c NextToken) MarshalJSON() ([]byte, error) {
	type plain NextToken
	return typed("NextToken", plain(c))
}

// NoPosition: No positional information but what the causal mask gives.
type NoPosition struct {
}

// MarshalJSON writes the type's name too.
func (c NoPosition) MarshalJSON() ([]byte, error) {
	type plain NoPosition
	return typed("NoPosition", plain(c))
}

// NoisyTopKGate: Top-k of logits with learned noise, with losses on importance and load (Shazeer
// et al.).
type NoisyTopKGate struct {
	// Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
	ModelDim *int64 `json:"model_dim,omitempty"`
	// How many there are to choose from (dictated by what surrounds it; at least 1; at most
	// 65536).
	NumExperts *int64 `json:"num_experts,omitempty"`
	// How many a token visits; the load loss needs one expert more (by default 2; at least 1; at
	// most 65536).
	TopK *int64 `json:"top_k,omitempty"`
	// Added to the learned standard deviation of the noise (by default 0.01; at least 0).
	NoiseEpsilon *float64 `json:"noise_epsilon,omitempty"`
	// Weight of the squared variation of the experts' summed weights (by default 0.1; at least
	// 0).
	ImportanceWeight *float64 `json:"importance_weight,omitempty"`
	// Weight of the squared variation of the experts' expected loads (by default 0.1; at least
	// 0).
	LoadWeight *float64 `json:"load_weight,omitempty"`
	// As FastMoE does: the variance of both losses is over E - 1 (by default false).
	Fastmoe *bool `json:"fastmoe,omitempty"`
	// Standard deviation of the normal distribution that both weights start from (by default
	// 0.02; at least 0).
	InitStd *float64 `json:"init_std,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c NoisyTopKGate) MarshalJSON() ([]byte, error) {
	type plain NoisyTopKGate
	return typed("NoisyTopKGate", plain(c))
}

// Parallel: How several processes share the work.
type Parallel struct {
	// Ranks that each take a part of the batch; 0 means all there are (by default 0; in ranks;
	// at least 0; at most 1000000.0).
	Data *int64 `json:"data,omitempty"`
	// Time after which a rank that does not answer counts as dead (by default 60; in seconds;
	// above 0; at most 86400).
	TimeoutS *float64 `json:"timeout_s,omitempty"`
	// Time between signs of life (by default 2; in seconds; above 0; at most 3600).
	HeartbeatS *float64 `json:"heartbeat_s,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c Parallel) MarshalJSON() ([]byte, error) {
	type plain Parallel
	return typed("Parallel", plain(c))
}

// PatchEmbedding: Cuts images into square patches and projects each to a vector, with learned
// positions (ViT).
type PatchEmbedding struct {
	// Width of the vectors (dictated by what surrounds it; at least 1; at most 1048576).
	ModelDim *int64 `json:"model_dim,omitempty"`
	// Height and width of the images (dictated by what surrounds it; in pixels; at least 1; at
	// most 65536).
	ImageSize *int64 `json:"image_size,omitempty"`
	// Numbers of a pixel (dictated by what surrounds it; at least 1; at most 65536).
	NumChannels *int64 `json:"num_channels,omitempty"`
	// Height and width of a patch, a divisor of image_size (by default 16; in pixels; at least
	// 1; at most 65536).
	PatchSize *int64 `json:"patch_size,omitempty"`
	// Put a learned vector before the patches, from which classes are read (by default true).
	ClassToken *bool `json:"class_token,omitempty"`
	// Add a learned vector for every place, the class token's included (by default true).
	Positions *bool `json:"positions,omitempty"`
	// Standard deviation of the normal distribution that the weights start from (by default
	// 0.02; at least 0).
	InitStd *float64 `json:"init_std,omitempty"`
	// From the numbers of a patch, by channel, row and column, to its vector (any part of role
	// linear; by default Linear).
	Projection any `json:"projection,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c PatchEmbedding) MarshalJSON() ([]byte, error) {
	type plain PatchEmbedding
	return typed("PatchEmbedding", plain(c))
}

// Perceptron: One matrix product and an activation: the expert of multi-gate mixtures.
type Perceptron struct {
	// Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
	ModelDim *int64 `json:"model_dim,omitempty"`
	// Width of the output (required; at least 1; at most 1048576).
	OutDim *int64 `json:"out_dim,omitempty"`
	// The function of what the product gives (by default "relu").
	Activation ActivationValue `json:"activation,omitempty"`
	// Standard deviation of the normal distribution that the weights start from; 0: the root of
	// 2 / model_dim (by default 0; at least 0).
	InitStd *float64 `json:"init_std,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c Perceptron) MarshalJSON() ([]byte, error) {
	type plain Perceptron
	return typed("Perceptron", plain(c))
}

// PretrainedTokenizer: A published tokenizer, as a tokenizer.json says it: the ids of the public
// library.
type PretrainedTokenizer struct {
	// The tokenizer.json. A checkpoint keeps its text, so that the file is needed once only
	// (required).
	File string `json:"file,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c PretrainedTokenizer) MarshalJSON() ([]byte, error) {
	type plain PretrainedTokenizer
	return typed("PretrainedTokenizer", plain(c))
}

// QuantileGate: The top_k experts of the largest logits less a bias that is moved to the quantile
// which would have given every expert the same (quantile balancing); no loss for balance is
// needed.
type QuantileGate struct {
	// Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
	ModelDim *int64 `json:"model_dim,omitempty"`
	// How many there are to choose from (dictated by what surrounds it; at least 1; at most
	// 65536).
	NumExperts *int64 `json:"num_experts,omitempty"`
	// How many a token visits (by default 2; at least 1; at most 65536).
	TopK *int64 `json:"top_k,omitempty"`
	// What the logits become (by default "softmax").
	Score RouterScoreValue `json:"score,omitempty"`
	// Softmax over the chosen experts only; otherwise over all, of which the chosen are taken
	// (by default true).
	SoftmaxAfter *bool `json:"softmax_after,omitempty"`
	// How much of the bias stays in each step; the rest is the new quantile (by default 0.9; at
	// least 0; at most 1).
	Ema *float64 `json:"ema,omitempty"`
	// Quantiles are of each sequence, and their mean counts; otherwise of a micro-batch, not
	// with several ranks (by default true).
	PerSequence *bool `json:"per_sequence,omitempty"`
	// Standard deviation of the normal distribution that the weights start from (by default
	// 0.02; at least 0).
	InitStd *float64 `json:"init_std,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c QuantileGate) MarshalJSON() ([]byte, error) {
	type plain QuantileGate
	return typed("QuantileGate", plain(c))
}

// RelativeAttention: Attention with scores of content and of distance, each with a learned bias,
// and a memory of what came before the sequence (Transformer-XL). The decoder's position is then
// usually NoPosition.
type RelativeAttention struct {
	// Width of input and output, an even number (dictated by what surrounds it; at least 2; at
	// most 1048576).
	ModelDim *int64 `json:"model_dim,omitempty"`
	// Number of heads (required; at least 1; at most 65536).
	NumHeads *int64 `json:"num_heads,omitempty"`
	// Width of one head; 0 means model_dim / num_heads (by default 0; at least 0; at most
	// 65536).
	HeadDim *int64 `json:"head_dim,omitempty"`
	// Inputs of this layer that are kept from the step before and can be read; 0 for none. No
	// gradient goes into them. Rows of a batch must then go on where those of the batch before
	// ended (data.sampling streams), and the position must not turn keys (NoPosition) (by
	// default 0; in tokens; at least 0; at most 16777216).
	MemoryLength *int64 `json:"memory_length,omitempty"`
	// Factor on the scores; 0 means 1 / sqrt(head_dim) (by default 0; at least 0).
	Scale *float64 `json:"scale,omitempty"`
	// Base of the wavelengths in which distances are written (by default 10000; above 0).
	Base *float64 `json:"base,omitempty"`
	// Biases on the projections of queries, keys, values and the output (by default false).
	Bias *bool `json:"bias,omitempty"`
	// Standard deviation of the normal distribution that the weights start from (by default
	// 0.02; at least 0).
	InitStd *float64 `json:"init_std,omitempty"`
	// The same for the output projection; 0 means init_std (by default 0; at least 0).
	OutputInitStd *float64 `json:"output_init_std,omitempty"`
	// From the input to queries (any part of role linear; by default Linear).
	QProj any `json:"q_proj,omitempty"`
	// From memory and input to keys (any part of role linear; by default Linear).
	KProj any `json:"k_proj,omitempty"`
	// From memory and input to values (any part of role linear; by default Linear).
	VProj any `json:"v_proj,omitempty"`
	// From sines and cosines of a distance to what queries compare with it (any part of role
	// linear; by default Linear).
	RProj any `json:"r_proj,omitempty"`
	// From what the heads read, side by side, to the output (any part of role linear; by default
	// Linear).
	OProj any `json:"o_proj,omitempty"`
	// Positions of this attention alone, instead of the decoder's (any part of role position).
	Position any `json:"position,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c RelativeAttention) MarshalJSON() ([]byte, error) {
	type plain RelativeAttention
	return typed("RelativeAttention", plain(c))
}

// RelativePosition: A learned number for every head and range of distances, added to scores (T5).
type RelativePosition struct {
	// Heads of the attention that reads it; 0 means as many as that has (by default 0; at least
	// 0; at most 65536).
	NumHeads *int64 `json:"num_heads,omitempty"`
	// Ranges of distances that are told apart; half of them of one distance each (by default 32;
	// at least 2; at most 65536).
	NumBuckets *int64 `json:"num_buckets,omitempty"`
	// Distance from which on all are in the last range (by default 128; in tokens; at least 2;
	// at most 1073741824).
	MaxDistance *int64 `json:"max_distance,omitempty"`
	// Tell keys after the query from those before it (encoders); otherwise all after are one (by
	// default false).
	Bidirectional *bool `json:"bidirectional,omitempty"`
	// Standard deviation of the normal distribution that the numbers start from (by default
	// 0.02; at least 0).
	InitStd *float64 `json:"init_std,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c RelativePosition) MarshalJSON() ([]byte, error) {
	type plain RelativePosition
	return typed("RelativePosition", plain(c))
}

// ReluGate: Weights are the positive logits; how many there are is regulated by their sum
// (ReMoE).
type ReluGate struct {
	// Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
	ModelDim *int64 `json:"model_dim,omitempty"`
	// How many there are to choose from (dictated by what surrounds it; at least 1; at most
	// 65536).
	NumExperts *int64 `json:"num_experts,omitempty"`
	// Experts of a token that the regulation aims at, on average (by default 2; at least 1; at
	// most 65536).
	TopK *int64 `json:"top_k,omitempty"`
	// What the factor of the loss starts from (by default 1e-08; at least 0).
	FirstFactor *float64 `json:"first_factor,omitempty"`
	// The factor is multiplied or divided by this after each step (by default 1.2; at least 1).
	FactorStep *float64 `json:"factor_step,omitempty"`
	// Standard deviation of the normal distribution that the weights start from (by default
	// 0.02; at least 0).
	InitStd *float64 `json:"init_std,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c ReluGate) MarshalJSON() ([]byte, error) {
	type plain ReluGate
	return typed("ReluGate", plain(c))
}

// RmsNorm: Divides by the root mean square over the width and multiplies by a learned scale.
type RmsNorm struct {
	// Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
	ModelDim *int64 `json:"model_dim,omitempty"`
	// Added to the mean square (by default 1e-05; at least 0; below 1).
	Epsilon *float64 `json:"epsilon,omitempty"`
	// Multiply by a learned scale (by default true).
	Scale *bool `json:"scale,omitempty"`
	// Added to the learned scale, which starts at 1 less: with 1 it is stored as its distance
	// from 1 (Gemma) (by default 0).
	WeightOffset *float64 `json:"weight_offset,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c RmsNorm) MarshalJSON() ([]byte, error) {
	type plain RmsNorm
	return typed("RmsNorm", plain(c))
}

// RotaryPosition: Turns pairs of query and key features by angles that grow with the position.
type RotaryPosition struct {
	// Base of the angles' geometric series (by default 10000; above 0).
	Theta *float64 `json:"theta,omitempty"`
	// Features of each head that are turned, an even number; 0 means all of them (by default 0;
	// at least 0; at most 65536).
	RotaryDim *int64 `json:"rotary_dim,omitempty"`
	// Pairs are neighbours (x0, x1) and not halves (x0, x[d/2]) (by default false).
	Interleaved *bool `json:"interleaved,omitempty"`
	// How the angles change for sequences that are longer than those of training (any part of
	// role rotary_scaling).
	Scaling any `json:"scaling,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c RotaryPosition) MarshalJSON() ([]byte, error) {
	type plain RotaryPosition
	return typed("RotaryPosition", plain(c))
}

// RouterZLoss: Mean over tokens of the squared logsumexp of the router's logits (ST-MoE).
type RouterZLoss struct {
	// Weight of the loss, 0.001 in the source (by default 0.001; at least 0).
	Weight *float64 `json:"weight,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c RouterZLoss) MarshalJSON() ([]byte, error) {
	type plain RouterZLoss
	return typed("RouterZLoss", plain(c))
}

// Runtime: What the run uses of the machine.
type Runtime struct {
	// Threads; 0 means as many as the process may use (by default 0; at least 0; at most 4096).
	Threads *int64 `json:"threads,omitempty"`
	// Seed of everything random: weights, dropout, data order (by default 0; at least 0).
	Seed *int64 `json:"seed,omitempty"`
	// The device that computes (by default "cpu").
	Device string `json:"device,omitempty"`
	// The instruction set that kernels may use at most ("reference", "avx2", "avx512", "amx");
	// empty means the best there is (by default "").
	Isa string `json:"isa,omitempty"`
	// The number format (by default "fp32").
	Dtype NumberFormatValue `json:"dtype,omitempty"`
	// Time a thread without work spins before it sleeps: waking one takes longer than a small
	// op. It is for threads of the run's own; those of a runtime that a host made do as the host
	// said (by default 50; in microseconds; at least 0; at most 1000000.0).
	SpinUs *int64 `json:"spin_us,omitempty"`
	// A file that `tessera tune` wrote: what makes kernels faster on this machine and changes no
	// result. Empty means the file that ships; "none" means that kernels take their own values.
	// A file that is not there, or is for other machines, is a note (by default "").
	Tuning string `json:"tuning,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c Runtime) MarshalJSON() ([]byte, error) {
	type plain Runtime
	return typed("Runtime", plain(c))
}

// SequenceClassifier: Tokens to a stack to scores of classes for the whole sequence (BERT
// fine-tuned on sentences).
type SequenceClassifier struct {
	// Number of token ids: at least the tokenizer's (dictated by what surrounds it; at least 1;
	// at most 2147483647).
	VocabSize *int64 `json:"vocab_size,omitempty"`
	// Width of the residual stream, given to everything below (dictated by what surrounds it; at
	// least 1; at most 1048576).
	ModelDim *int64 `json:"model_dim,omitempty"`
	// Number of classes (dictated by what surrounds it; at least 1; at most 2147483647).
	NumClasses *int64 `json:"num_classes,omitempty"`
	// From token ids to vectors (any part of role embedding; by default Embedding).
	Embedding any `json:"embedding,omitempty"`
	// The layers (any part of role decoder; by default Decoder).
	Decoder any `json:"decoder,omitempty"`
	// From the vectors to scores of classes (any part of role classification_head; by default
	// ClassificationHead).
	Head any `json:"head,omitempty"`
	// What training makes small (any part of role loss; by default CrossEntropy).
	Loss any `json:"loss,omitempty"`
	// Read the type of each token, "token_types" i32[B,T], beside the tokens (by default false).
	TokenTypes *bool `json:"token_types,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c SequenceClassifier) MarshalJSON() ([]byte, error) {
	type plain SequenceClassifier
	return typed("SequenceClassifier", plain(c))
}

// Sgd: Stochastic gradient descent with momentum.
type Sgd struct {
	// The learning rate at its peak, before the schedule's factor (by default 0.01; at least 0).
	LearningRate *float64 `json:"learning_rate,omitempty"`
	// Decay of the sum of gradients; 0 keeps none (by default 0; at least 0; below 1).
	Momentum *float64 `json:"momentum,omitempty"`
	// Share of a new gradient that does not enter the sum (by default 0; at least 0; below 1).
	Dampening *float64 `json:"dampening,omitempty"`
	// Look ahead along the momentum (by default false).
	Nesterov *bool `json:"nesterov,omitempty"`
	// Added to the gradient, times the weight. Norms and biases do not decay unless a group says
	// so (by default 0; at least 0).
	WeightDecay *float64 `json:"weight_decay,omitempty"`
	// Settings by parameter path (by default []).
	Groups []any `json:"groups,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c Sgd) MarshalJSON() ([]byte, error) {
	type plain Sgd
	return typed("Sgd", plain(c))
}

// SinkhornGate: Chooses by logits that alternate scalings have balanced, weighs by the logits
// themselves.
type SinkhornGate struct {
	// Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
	ModelDim *int64 `json:"model_dim,omitempty"`
	// How many there are to choose from (dictated by what surrounds it; at least 1; at most
	// 65536).
	NumExperts *int64 `json:"num_experts,omitempty"`
	// How many a token visits (by default 1; at least 1; at most 65536).
	TopK *int64 `json:"top_k,omitempty"`
	// Alternate scalings; the sources stop at a tolerance, which this many usually reach (by
	// default 8; at least 1; at most 1000).
	Iterations *int64 `json:"iterations,omitempty"`
	// Standard deviation of the normal distribution that the weights start from (by default
	// 0.02; at least 0).
	InitStd *float64 `json:"init_std,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c SinkhornGate) MarshalJSON() ([]byte, error) {
	type plain SinkhornGate
	return typed("SinkhornGate", plain(c))
}

// SinusoidalPosition: Fixed sines and cosines of every position, added to the embeddings (the
// original transformer).
type SinusoidalPosition struct {
	// Width of the vectors, an even number (dictated by what surrounds it; at least 2; at most
	// 1048576).
	ModelDim *int64 `json:"model_dim,omitempty"`
	// Base of the wavelengths' geometric series (by default 10000; above 0).
	Base *float64 `json:"base,omitempty"`
	// A sine and its cosine are neighbours; otherwise all sines come before all cosines (by
	// default true).
	Interleaved *bool `json:"interleaved,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c SinusoidalPosition) MarshalJSON() ([]byte, error) {
	type plain SinusoidalPosition
	return typed("SinusoidalPosition", plain(c))
}

// SoftMixtureOfExperts: Experts that work on mixtures of all tokens of a sequence (Soft MoE). Not
// for causal models.
type SoftMixtureOfExperts struct {
	// Width of input and output (dictated by what surrounds it; at least 1; at most 1048576).
	ModelDim *int64 `json:"model_dim,omitempty"`
	// Copies of the expert (by default 8; at least 1; at most 65536).
	NumExperts *int64 `json:"num_experts,omitempty"`
	// Mixtures that each expert works on (by default 1; at least 1; at most 1048576).
	SlotsPerExpert *int64 `json:"slots_per_expert,omitempty"`
	// Standard deviation of the normal distribution that the mixing weights start from (by
	// default 0.02; at least 0).
	InitStd *float64 `json:"init_std,omitempty"`
	// The expert, of which there are num_experts copies with weights of their own (any part of
	// role expert; by default FeedForward).
	Expert any `json:"expert,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c SoftMixtureOfExperts) MarshalJSON() ([]byte, error) {
	type plain SoftMixtureOfExperts
	return typed("SoftMixtureOfExperts", plain(c))
}

// SpanCorruption: Spans are cut out of a text, each leaving an id of its own; the decoder says
// what they were (T5).
type SpanCorruption struct {
	// Id that the first span leaves; the ones after it count down (required; at least 0; at most
	// 2147483647).
	FirstSentinel *int64 `json:"first_sentinel,omitempty"`
	// How many such ids there are, and so the most spans in a text (by default 100; at least 1;
	// at most 65536).
	Sentinels *int64 `json:"sentinels,omitempty"`
	// Share of the tokens that are cut out (by default 0.15; above 0; below 1).
	Share *float64 `json:"share,omitempty"`
	// Mean length of a span (by default 3; in tokens; at least 1; at most 1000).
	MeanSpan *float64 `json:"mean_span,omitempty"`
	// Id after which source and target end (by default 1; at least 0; at most 2147483647).
	EndId *int64 `json:"end_id,omitempty"`
	// Id that the decoder reads first (by default 0; at least 0; at most 2147483647).
	StartId *int64 `json:"start_id,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c SpanCorruption) MarshalJSON() ([]byte, error) {
	type plain SpanCorruption
	return typed("SpanCorruption", plain(c))
}

// SwipeGate: The top_k experts of the largest logits; in training, choices beyond the even share
// of a group of experts are moved to groups that have room (SWIPE).
type SwipeGate struct {
	// Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
	ModelDim *int64 `json:"model_dim,omitempty"`
	// How many there are to choose from (dictated by what surrounds it; at least 1; at most
	// 65536).
	NumExperts *int64 `json:"num_experts,omitempty"`
	// How many a token visits (by default 2; at least 1; at most 65536).
	TopK *int64 `json:"top_k,omitempty"`
	// Experts of a group, neighbours by number, that get an even share together; 1: each expert
	// (by default 1; at least 1; at most 65536).
	GroupSize *int64 `json:"group_size,omitempty"`
	// Tokens are shared out within each sequence; otherwise within a micro-batch, not with
	// several ranks (by default true).
	PerSequence *bool `json:"per_sequence,omitempty"`
	// Standard deviation of the normal distribution that the weights start from (by default
	// 0.02; at least 0).
	InitStd *float64 `json:"init_std,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c SwipeGate) MarshalJSON() ([]byte, error) {
	type plain SwipeGate
	return typed("SwipeGate", plain(c))
}

// SwitchGate: One expert a token, weighted by its probability (Switch Transformer).
type SwitchGate struct {
	// Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
	ModelDim *int64 `json:"model_dim,omitempty"`
	// How many there are to choose from (dictated by what surrounds it; at least 1; at most
	// 65536).
	NumExperts *int64 `json:"num_experts,omitempty"`
	// In training, the input is multiplied by random numbers in 1 - jitter to 1 + jitter (by
	// default 0.01; at least 0; below 1).
	Jitter *float64 `json:"jitter,omitempty"`
	// As FastMoE does: numbers in 1 - jitter to 1 + jitter are added to the logits instead (by
	// default false).
	Fastmoe *bool `json:"fastmoe,omitempty"`
	// Standard deviation of the normal distribution that the weights start from (by default
	// 0.02; at least 0).
	InitStd *float64 `json:"init_std,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c SwitchGate) MarshalJSON() ([]byte, error) {
	type plain SwitchGate
	return typed("SwitchGate", plain(c))
}

// TokenTypeEmbedding: Adds a learned vector for the type of each token, its sentence in BERT, to
// an embedding that it wraps.
type TokenTypeEmbedding struct {
	// Number of types (by default 2; at least 1; at most 65536).
	NumTypes *int64 `json:"num_types,omitempty"`
	// Width of the vectors (dictated by what surrounds it; at least 1; at most 1048576).
	ModelDim *int64 `json:"model_dim,omitempty"`
	// Standard deviation of the normal distribution that the weights start from (by default
	// 0.02; at least 0).
	InitStd *float64 `json:"init_std,omitempty"`
	// The embedding of the tokens themselves (any part of role embedding; by default Embedding).
	Inner any `json:"inner,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c TokenTypeEmbedding) MarshalJSON() ([]byte, error) {
	type plain TokenTypeEmbedding
	return typed("TokenTypeEmbedding", plain(c))
}

// TopKGate: The top_k experts of the largest logits; weights by softmax over these or over all.
type TopKGate struct {
	// Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
	ModelDim *int64 `json:"model_dim,omitempty"`
	// How many there are to choose from (dictated by what surrounds it; at least 1; at most
	// 65536).
	NumExperts *int64 `json:"num_experts,omitempty"`
	// How many a token visits (by default 2; at least 1; at most 65536).
	TopK *int64 `json:"top_k,omitempty"`
	// What the logits become (by default "softmax").
	Score RouterScoreValue `json:"score,omitempty"`
	// Softmax over the chosen experts only; otherwise over all, of which the chosen are taken
	// (by default true).
	SoftmaxAfter *bool `json:"softmax_after,omitempty"`
	// Add a learned bias to the logits (by default false).
	Bias *bool `json:"bias,omitempty"`
	// Standard deviation of the normal distribution that the weights start from (by default
	// 0.02; at least 0).
	InitStd *float64 `json:"init_std,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c TopKGate) MarshalJSON() ([]byte, error) {
	type plain TopKGate
	return typed("TopKGate", plain(c))
}

// TopPGate: As many experts as together reach a probability (top-p routing).
type TopPGate struct {
	// Width of the input (dictated by what surrounds it; at least 1; at most 1048576).
	ModelDim *int64 `json:"model_dim,omitempty"`
	// How many there are to choose from (dictated by what surrounds it; at least 1; at most
	// 65536).
	NumExperts *int64 `json:"num_experts,omitempty"`
	// Probability to reach (by default 0.5; above 0; at most 1).
	Probability *float64 `json:"probability,omitempty"`
	// Experts of a token at most; 0: all (by default 0; at least 0; at most 65536).
	Most *int64 `json:"most,omitempty"`
	// Divide the weights by their sum (by default false).
	Normalize *bool `json:"normalize,omitempty"`
	// Standard deviation of the normal distribution that the weights start from (by default
	// 0.02; at least 0).
	InitStd *float64 `json:"init_std,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c TopPGate) MarshalJSON() ([]byte, error) {
	type plain TopPGate
	return typed("TopPGate", plain(c))
}

// Trainer: The training loop.
type Trainer struct {
	// Number of optimizer steps (by default 1000; in steps; at least 0; at most 1000000000.0).
	Steps *int64 `json:"steps,omitempty"`
	// Sequences in a step, over all ranks and micro-batches (by default 8; in sequences; at
	// least 1; at most 16777216).
	BatchSize *int64 `json:"batch_size,omitempty"`
	// Tokens of a sequence (by default 256; in tokens; at least 1; at most 16777216).
	SequenceLength *int64 `json:"sequence_length,omitempty"`
	// Parts that a rank's share of a step is done in, to save memory; gradients are summed (by
	// default 1; at least 1; at most 65536).
	MicroBatches *int64 `json:"micro_batches,omitempty"`
	// Gradients are scaled down to this global norm; 0 turns it off (by default 1; at least 0).
	ClipNorm *float64 `json:"clip_norm,omitempty"`
	// Steps between evaluations; 0 means at the end only (by default 0; in steps; at least 0).
	EvalEvery *int64 `json:"eval_every,omitempty"`
	// Batches of an evaluation; 0 means the whole validation split (by default 0; in batches; at
	// least 0).
	EvalBatches *int64 `json:"eval_batches,omitempty"`
	// Steps between checkpoints; 0 means at the end only (by default 0; in steps; at least 0).
	SaveEvery *int64 `json:"save_every,omitempty"`
	// Number of newest checkpoints that are kept; 0 keeps all (by default 3; at least 0).
	KeepCheckpoints *int64 `json:"keep_checkpoints,omitempty"`
	// Steps between log lines; metrics.jsonl has every step (by default 10; in steps; at least
	// 1).
	LogEvery *int64 `json:"log_every,omitempty"`
	// What happens when a gradient or loss is not finite (by default "stop").
	NanPolicy NanPolicyValue `json:"nan_policy,omitempty"`
	// Name the first op with a result that is not finite; costs a second, slower step when it
	// happens (by default false).
	FindNonFinite *bool `json:"find_non_finite,omitempty"`
	// What the backward pass computes again instead of keeping (by default "none").
	Recompute RecomputeValue `json:"recompute,omitempty"`
	// Measure time, flops and bytes of every op (by default false).
	Profile *bool `json:"profile,omitempty"`
	// Checkpoint folder, imported or trained, whose parameters a new run starts with, matched by
	// path; its tokenizer, if it has one, stands in for data.tokenizer. Empty: runtime.seed
	// gives all values (by default "").
	InitFrom string `json:"init_from,omitempty"`
	// Pattern of parameters that the checkpoint of init_from need not have, such as those of
	// adapters; they start as runtime.seed says. Empty: it has all (by default "").
	InitMissing string `json:"init_missing,omitempty"`
	// File for a picture of one step: which thread worked on which kernel when, as JSON that
	// chrome://tracing and Perfetto read. Ranks after the first append ".rank" and their number.
	// Empty writes none (by default "").
	Trace string `json:"trace,omitempty"`
	// The step that is traced; the first ones are not typical (by default 3; in steps; at least
	// 1).
	TraceStep *int64 `json:"trace_step,omitempty"`
	// Exceptions by path; the first that matches wins (by default []).
	RecomputeRules []any `json:"recompute_rules,omitempty"`
	// Most memory that the plan of a step may take, as `tessera graph` counts it. Segments that
	// no rule names then compute again as little as fits, starting from `recompute`: selective
	// from the first layer on, then full. 0: no bound (by default 0; in bytes; at least 0).
	MemoryBudget *int64 `json:"memory_budget,omitempty"`
	// How experts start where the checkpoint of init_from has a dense feed-forward in their
	// place: as copies of it, or, where they are narrower, as its parts; and how it is put
	// together again from them (by default "exact").
	InitExperts ExpertScalingValue `json:"init_experts,omitempty"`
	// The experts that a model of fewer keeps of those in the checkpoint of init_from, by
	// number, in the order in which it has them; their columns of the router come along.
	// `tessera moe-report` says which were busy (by default []; at least 0; at most 65535).
	InitKeepExperts any `json:"init_keep_experts,omitempty"`
	// Where checkpoints go, and where a resumed run looks for them: a folder, or "NAME://PATH"
	// in the checkpoint store NAME that the host has registered. Empty: "checkpoints" in the
	// folder of the run (by default "").
	CheckpointFolder string `json:"checkpoint_folder,omitempty"`
	// File for the experts that every token of every training step visits: safetensors with
	// routing/MIXTURE, int32 of steps, rows, tokens and choices, -1 for none, and `recorded`, 1
	// for the rows of the steps that are in it. It is as long as all steps from the beginning,
	// sparse where the file system can; ranks write into one file. `tessera moe-report` draws
	// it. Empty writes none (by default "").
	RecordRouting string `json:"record_routing,omitempty"`
	// Such a file, from which training steps take the experts of every token in place of the
	// gates' choices; weights, and with them gradients, are those of the gates for these.
	// Evaluations choose for themselves. Empty: the gates choose (by default "").
	ReplayRouting string `json:"replay_routing,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c Trainer) MarshalJSON() ([]byte, error) {
	type plain Trainer
	return typed("Trainer", plain(c))
}

// TransformerLayer: Attention and feed-forward with norms and residual connections.
type TransformerLayer struct {
	// Width of input and output (dictated by what surrounds it; at least 1; at most 1048576).
	ModelDim *int64 `json:"model_dim,omitempty"`
	// Where the norms stand (by default "pre").
	NormPlacement NormPlacementValue `json:"norm_placement,omitempty"`
	// Attention and feed-forward read the same norm and are summed (GPT-J) (by default false).
	ParallelResidual *bool `json:"parallel_residual,omitempty"`
	// The norm; the layer has one for each of its parts, or two with sandwich placement (any
	// part of role norm; by default RmsNorm).
	Norm any `json:"norm,omitempty"`
	// How tokens exchange information (any part of role attention; by default Attention).
	Attention any `json:"attention,omitempty"`
	// What is done to each token on its own (any part of role feed_forward; by default
	// FeedForward).
	FeedForward any `json:"feed_forward,omitempty"`
	// Applied to what attention and feed-forward return (any part of role dropout).
	Dropout any `json:"dropout,omitempty"`
	// What attention and feed-forward are multiplied by before they are added (by default
	// "none").
	ResidualScaling ResidualScalingValue `json:"residual_scaling,omitempty"`
	// A constant of which the same holds (Granite, MiniCPM) (by default 1; above 0).
	ResidualScale *float64 `json:"residual_scale,omitempty"`
	// Number of layers of the stack, for scaling by depth (by default 0; at least 0; at most
	// 100000.0).
	NumLayers *int64 `json:"num_layers,omitempty"`
	// How a second sequence, what an encoder made, is read: between attention and feed-forward
	// (any part of role attention).
	CrossAttention any `json:"cross_attention,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c TransformerLayer) MarshalJSON() ([]byte, error) {
	type plain TransformerLayer
	return typed("TransformerLayer", plain(c))
}

// VisionModel: Images to patches to a stack to scores of classes (ViT).
type VisionModel struct {
	// Width of the residual stream, given to everything below (dictated by what surrounds it; at
	// least 1; at most 1048576).
	ModelDim *int64 `json:"model_dim,omitempty"`
	// Height and width of the images (dictated by what surrounds it; by default 224; in pixels;
	// at least 1; at most 65536).
	ImageSize *int64 `json:"image_size,omitempty"`
	// Numbers of a pixel (dictated by what surrounds it; by default 3; at least 1; at most
	// 65536).
	NumChannels *int64 `json:"num_channels,omitempty"`
	// Number of classes (dictated by what surrounds it; at least 1; at most 2147483647).
	NumClasses *int64 `json:"num_classes,omitempty"`
	// From images to vectors of patches (any part of role patch_embedding; by default
	// PatchEmbedding).
	Patches any `json:"patches,omitempty"`
	// The layers: their attention should not be causal. A position that stands here comes on top
	// of that of the patches and counts them by rows; "NoPosition" is usual (any part of role
	// decoder; by default Decoder).
	Encoder any `json:"encoder,omitempty"`
	// From the vectors to scores of classes (any part of role classification_head; by default
	// ClassificationHead).
	Head any `json:"head,omitempty"`
	// What training makes small (any part of role loss; by default CrossEntropy).
	Loss any `json:"loss,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c VisionModel) MarshalJSON() ([]byte, error) {
	type plain VisionModel
	return typed("VisionModel", plain(c))
}

// Wsd: Warm-up, a long stable phase at the peak, and a short decay.
type Wsd struct {
	// Steps over which the rate rises from 0 (by default 0; in steps; at least 0).
	WarmupSteps *int64 `json:"warmup_steps,omitempty"`
	// Steps at the peak; 0 means what warm-up and decay leave of the run (by default 0; in
	// steps; at least 0).
	StableSteps *int64 `json:"stable_steps,omitempty"`
	// Steps of the decay (required; in steps; at least 1).
	DecaySteps *int64 `json:"decay_steps,omitempty"`
	// The shape of the decay (by default "cosine").
	DecayType DecayShapeValue `json:"decay_type,omitempty"`
	// The lowest rate, as a share of the peak (by default 0; at least 0; at most 1).
	MinLrRatio *float64 `json:"min_lr_ratio,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c Wsd) MarshalJSON() ([]byte, error) {
	type plain Wsd
	return typed("Wsd", plain(c))
}

// YarnScaling: Fast rotary frequencies kept, slow ones divided by a factor, scores sharpened
// (YaRN).
type YarnScaling struct {
	// How many times longer sequences may be than those of training (required; at least 1; at
	// most 1000000.0).
	Factor *float64 `json:"factor,omitempty"`
	// The longest sequence of training (required; in tokens; at least 1; at most 1073741824).
	OriginalMaxPositions *int64 `json:"original_max_positions,omitempty"`
	// Frequencies that make more turns than this over the original length are kept (by default
	// 32; above 0; at most 1000000.0).
	BetaFast *float64 `json:"beta_fast,omitempty"`
	// Frequencies that make fewer turns than this are divided by the factor (by default 1; above
	// 0; at most 1000000.0).
	BetaSlow *float64 `json:"beta_slow,omitempty"`
	// Factor on queries and keys; 0 means that it follows from factor and the mscales (by
	// default 0; at least 0; at most 1000000.0).
	AttentionFactor *float64 `json:"attention_factor,omitempty"`
	// Weight of ln(factor) in the factor on queries and keys; 0 means 1 over 1 (by default 0; at
	// least 0; at most 1000000.0).
	Mscale *float64 `json:"mscale,omitempty"`
	// The same in what it is divided by; only with mscale (by default 0; at least 0; at most
	// 1000000.0).
	MscaleAllDim *float64 `json:"mscale_all_dim,omitempty"`
	// Round the pairs at which frequencies begin and end to change (by default true).
	Truncate *bool `json:"truncate,omitempty"`
}

// MarshalJSON writes the type's name too.
func (c YarnScaling) MarshalJSON() ([]byte, error) {
	type plain YarnScaling
	return typed("YarnScaling", plain(c))
}
