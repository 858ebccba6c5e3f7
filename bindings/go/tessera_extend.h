/* tessera_extend.h - what a host adds to a runtime: modules, ops with kernels, data sources,
 * optimizers, schedules, and plug-ins that bring any of them. A part of tessera.h, which includes
 * it.
 *
 * Each is registered with one runtime, under a name that is new there, and is from then on treated
 * as Tessera's own: in configs, the catalogue, checkpoints and errors.
 */
#ifndef TESSERA_EXTEND_H_
#define TESSERA_EXTEND_H_

#ifndef TESSERA_H_
#error "include tessera.h, which includes this header"
#endif

/* ---- Custom modules -------------------------------------------------------------------------- */

/* Builds one module: called while a model is traced, on the thread that traces; must be pure (with
 * the runtime option "checked" it is called twice and the calls it makes are compared).
 * `scope` is valid during the call only. `config` is the module's resolved config as JSON. Writes
 * the results to `outputs` (room for `*inout_output_count`). A returned status fails the trace. */
typedef tsr_status* (*tsr_module_build)(void* user, tsr_scope* scope, const char* config,
                                        size_t config_len, const tsr_value* inputs,
                                        size_t input_count, tsr_value* outputs,
                                        size_t* inout_output_count);

typedef struct tsr_module_def {
  uint32_t struct_size;
  const char* schema;      /* FlatBuffers schema text of the type's table, 0-terminated */
  const char* type;        /* name of that table, the type name in configs */
  tsr_module_build build;
  void* user;
  void (*destroy)(void* user);   /* may be NULL */
} tsr_module_def;

/* Registers a module type with this runtime: slots, config, catalogue and checkpoints treat it as
 * one of their own. Errors: ALREADY_EXISTS. Threads: any. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_runtime_register_module(tsr_runtime* runtime,
                                                             const tsr_module_def* def);

/* The parameter of the module at relative `path`, in the model's dtype; `init` as in
 * tsr_graph_param. Threads: the tracing one. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_scope_param(tsr_scope* scope, const char* path,
                                                 size_t path_len, const char* dims,
                                                 size_t dims_len, const char* init,
                                                 size_t init_len, tsr_value* out_value);

/* Adds an op, as tsr_graph_add. Threads: the tracing one. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_scope_add(tsr_scope* scope, const char* op, size_t op_len,
                                               const tsr_value* inputs, size_t input_count,
                                               const char* attrs, size_t attrs_len,
                                               tsr_value* outputs, size_t* inout_count);

/* Builds the child in `slot` under its own path; "layers[2]" is a child of a list.
 * Errors: NOT_FOUND (no such slot or child). Threads: the tracing one. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_scope_call(tsr_scope* scope, const char* slot, size_t slot_len,
                                                const tsr_value* inputs, size_t input_count,
                                                tsr_value* outputs, size_t* inout_count);

/* An ambient value: "positions", "segments". Errors: NOT_FOUND. Threads: the tracing one. Since:
 * 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_scope_ambient(tsr_scope* scope, const char* name,
                                                   size_t name_len, tsr_value* out_value);

/* Adds a loss, as tsr_graph_loss. Threads: the tracing one. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_scope_loss(tsr_scope* scope, const char* name, size_t name_len,
                                                tsr_value numerator, tsr_value denominator,
                                                double weight);

/* The dim of a value as text ("B", "512"). Owns: the caller frees *out_text. Threads: the tracing
 * one. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_scope_dim(tsr_scope* scope, tsr_value value, int32_t index,
                                               char** out_text, size_t* out_len);

/* ---- Custom ops and kernels ------------------------------------------------------------------ */

/* One operand of a custom kernel: row-major data of `rank` dims. */
typedef struct tsr_kernel_operand {
  void* data;
  const int64_t* dims;
  int32_t rank;
  tsr_dtype dtype;
} tsr_kernel_operand;

/* Runs one use of a custom op on whole operands. Called on one of the runtime's threads, never two
 * at a time for one program. A returned status stops the step. `attrs` is JSON. Outputs have the
 * dims that the signature says and the dtype of the first input. It may run other programs. */
typedef tsr_status* (*tsr_op_run)(void* user, const char* attrs, size_t attrs_len,
                                  const tsr_kernel_operand* inputs, size_t input_count,
                                  const tsr_kernel_operand* outputs, size_t output_count);

/* Emits the gradient of one use into `graph_scope` by tsr_scope_add. `values` holds the inputs, the
 * outputs, then the cotangents of the outputs; writes one gradient per input to `gradients`
 * (negative: none). Called while a program is compiled, on that thread. */
typedef tsr_status* (*tsr_op_gradient)(void* user, tsr_scope* graph_scope, const char* attrs,
                                       size_t attrs_len, const tsr_value* values,
                                       size_t value_count, tsr_value* gradients,
                                       size_t input_count);

typedef struct tsr_op_def {
  uint32_t struct_size;
  uint32_t version;            /* stored with checkpoints as name@version */
  const char* name;            /* lower_case, unique in the runtime */
  const char* signature;       /* index notation: "x[..., D] -> y[..., D]" */
  const char* doc;
  tsr_op_run run;
  tsr_op_gradient gradient;    /* NULL: an error only where a gradient is asked for */
  void* user;
  void (*destroy)(void* user); /* may be NULL */
} tsr_op_def;

/* Registers an op with its CPU kernel. Errors: ALREADY_EXISTS. Threads: any. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_runtime_register_op(tsr_runtime* runtime,
                                                         const tsr_op_def* def);

/* ---- Custom data, optimizers and schedules --------------------------------------------------- */

/* Reads what `name` stands for, one entry of data.train or data.validation, and adds its documents
 * to `corpus`, in order and the same ones each time. Called while a trainer opens its data, on that
 * thread: once, or twice with a tokenizer that learns. `corpus` is valid during the call only. A
 * returned status fails the trainer. */
typedef tsr_status* (*tsr_source_read)(void* user, tsr_corpus* corpus, const char* name,
                                       size_t name_len);

typedef struct tsr_source_def {
  uint32_t struct_size;
  const char* name;            /* lower_case, unique in the runtime: what data.source names */
  tsr_source_read read;
  void* user;
  void (*destroy)(void* user); /* may be NULL */
} tsr_source_def;

/* Registers a data source: a trainer whose data.source has this name takes its documents from
 * there, held in memory as token ids. Batches, and where they go on after a checkpoint, follow from
 * the documents as for files. Errors: ALREADY_EXISTS. Threads: any. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_runtime_register_source(tsr_runtime* runtime,
                                                             const tsr_source_def* def);

/* Adds a document of text, copied. All documents of a run are text, or all are ids. Threads: the
 * tracing one, that of tsr_source_read. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_corpus_add_text(tsr_corpus* corpus, const char* text,
                                                     size_t text_len);

/* Adds a document of token ids, copied: `bytes` holds unsigned integers of `width` bytes (2 or 4)
 * in this machine's order. Threads: the tracing one, that of tsr_source_read. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_corpus_add_tokens(tsr_corpus* corpus, const void* bytes,
                                                       size_t len, int32_t width);

/* Emits the update of one parameter into `graph_scope` by tsr_scope_add. `values` holds parameter,
 * gradient, then the slots; then, as f32 scalars, the learning rate (of the parameter's group), the
 * step from 1, and the factor that clips the gradient. Writes the new parameter, then the new
 * slots, in order. `settings` is JSON: {"config": the resolved one, "weight_decay": of the
 * parameter's group, "dims": [512, 64], "dtype": "f32"}; parameters of equal settings share what it
 * built. Called while a program is compiled, on that thread; must be pure. */
typedef tsr_status* (*tsr_optimizer_build)(void* user, tsr_scope* graph_scope,
                                           const char* settings, size_t settings_len,
                                           const tsr_value* values, size_t value_count,
                                           tsr_value* outputs, size_t* inout_output_count);

typedef struct tsr_optimizer_def {
  uint32_t struct_size;
  const char* schema;      /* as of tsr_module_def, role "optimizer", with a learning_rate: double;
                              weight_decay: double has its usual meaning where there is one */
  const char* type;
  const char* slots;       /* names of the state per parameter, zero at first: "m,v"; NULL: none */
  tsr_optimizer_build build;
  void* user;
  void (*destroy)(void* user);   /* may be NULL */
} tsr_optimizer_def;

/* Registers an optimizer: training costs what its ops cost, and checkpoints hold its slots. Loading
 * one to train on needs it registered; running the model does not. Errors: ALREADY_EXISTS.
 * Threads: any. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_runtime_register_optimizer(tsr_runtime* runtime,
                                                                const tsr_optimizer_def* def);

/* Writes the factor on the learning rate of optimizer step number `step` + 1 of `total_steps`: a
 * finite number, the same each time. `config` is the resolved config as JSON. Called on the thread
 * that steps, once a step. A returned status fails the step. */
typedef tsr_status* (*tsr_schedule_factor)(void* user, const char* config, size_t config_len,
                                           int64_t step, int64_t total_steps, double* out_factor);

typedef struct tsr_schedule_def {
  uint32_t struct_size;
  const char* schema;      /* as of tsr_module_def, with role "schedule" */
  const char* type;
  tsr_schedule_factor factor;
  void* user;
  void (*destroy)(void* user);   /* may be NULL */
} tsr_schedule_def;

/* Registers a schedule of the learning rate. Errors: ALREADY_EXISTS. Threads: any. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_runtime_register_schedule(tsr_runtime* runtime,
                                                               const tsr_schedule_def* def);

/* ---- Plug-ins -------------------------------------------------------------------------------- */

/* What a plug-in is: a shared library, linked to this one, that exports
 *   const tsr_plugin* tessera_plugin(void);
 * `start` registers what the plug-in has with `runtime`, which is valid during the call only. */
typedef struct tsr_plugin {
  uint32_t struct_size;
  uint32_t version;        /* of the header it was compiled with, as tsr_version writes it */
  const char* manifest;    /* JSON: {"name": "...", "version": "...", ...}, 0-terminated */
  tsr_status* (*start)(tsr_runtime* runtime);
} tsr_plugin;

/* Loads a plug-in from a shared library and starts it. The library stays loaded to the end of the
 * process; a plug-in that fails to start may have registered a part. Writes its manifest. Errors:
 * PERMISSION_DENIED (the runtime option "plugins" is false), NOT_FOUND, FAILED_PRECONDITION (no
 * plug-in, one that does not load, or one for another version), those of its start. Owns: the
 * caller frees *out_text. Threads: any. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_runtime_load_plugin(tsr_runtime* runtime, const char* path,
                                                         size_t path_len, char** out_text,
                                                         size_t* out_len);

#endif  /* TESSERA_EXTEND_H_ */
