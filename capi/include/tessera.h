/* tessera.h - the C interface of Tessera.
 *
 * Conventions, stated once and true for every function:
 *  - A function that can fail returns tsr_status*; NULL means ok. The caller frees a status with
 *    tsr_status_free. Outputs (out_...) are untouched on error.
 *  - Handles are strong references. Each is freed once, by its own tsr_<noun>_free, in any order,
 *    from any thread; freeing NULL does nothing. A child keeps alive what it needs.
 *  - Text is UTF-8, given as pointer and length (no terminator needed); NULL with length 0 is
 *    empty. Text that is returned by out_text/out_len is also 0-terminated and freed with
 *    tsr_text_free.
 *  - Structs that grow begin with struct_size = sizeof of the struct the caller compiled against.
 *  - NULL where a pointer is required, a wrong length or a handle of another kind gives
 *    INVALID_ARGUMENT. With the runtime option "checked" freed and foreign handles do so too.
 *  - The library never aborts, exits, prints, reads the environment or installs a signal handler.
 *  - Long work returns a tsr_job. Callbacks have a `user` pointer and, where kept, a `destroy` that
 *    is called exactly once, also when registering fails. Each says on which thread it is called.
 *
 * Parts of it have headers of their own, which it includes: tessera_extend.h (modules, ops, data,
 * optimizers and plug-ins of a host), tessera_plan.h (cost, tuning), tessera_store.h (stores).
 *
 * Each function says: effect; Errors: codes beyond INVALID_ARGUMENT and RESOURCE_EXHAUSTED, which
 * any may give; Threads: "any" = safe from any thread at the same time, "one" = one thread at a
 * time per handle (a second one gets FAILED_PRECONDITION); Since. Everything is unstable until 1.0.
 *
 * INTERNAL that tells of a broken invariant is an error in Tessera: from then on every call on that
 * runtime and what was made from it fails with INTERNAL, but for describing, waiting and freeing.
 */
#ifndef TESSERA_H_
#define TESSERA_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32)
#define TSR_API __declspec(dllexport)
#else
#define TSR_API __attribute__((visibility("default")))
#endif
#if defined(__GNUC__) || defined(__clang__)
#define TSR_MUST_USE __attribute__((warn_unused_result))
#else
#define TSR_MUST_USE
#endif

/* Values of enums come from the other side and may be any integer; C++ wants to be told. */
#if defined(__cplusplus)
#define TSR_ENUM_OF(type) : type
#else
#define TSR_ENUM_OF(type)
#endif

#define TSR_VERSION_MAJOR 0
#define TSR_VERSION_MINOR 1
#define TSR_VERSION_PATCH 0

typedef struct tsr_status tsr_status;
typedef struct tsr_runtime tsr_runtime;
typedef struct tsr_config tsr_config;
typedef struct tsr_tensor tsr_tensor;
typedef struct tsr_graph tsr_graph;
typedef struct tsr_scope tsr_scope;
typedef struct tsr_program tsr_program;
typedef struct tsr_trainer tsr_trainer;
typedef struct tsr_generator tsr_generator;
typedef struct tsr_job tsr_job;
typedef struct tsr_corpus tsr_corpus;

/* Status codes: the numbers of Abseil and gRPC. */
typedef enum tsr_code TSR_ENUM_OF(int32_t) {
  TSR_OK = 0,
  TSR_CANCELLED = 1,
  TSR_UNKNOWN = 2,
  TSR_INVALID_ARGUMENT = 3,
  TSR_DEADLINE_EXCEEDED = 4,
  TSR_NOT_FOUND = 5,
  TSR_ALREADY_EXISTS = 6,
  TSR_PERMISSION_DENIED = 7,
  TSR_RESOURCE_EXHAUSTED = 8,
  TSR_FAILED_PRECONDITION = 9,
  TSR_ABORTED = 10,
  TSR_OUT_OF_RANGE = 11,
  TSR_UNIMPLEMENTED = 12,
  TSR_INTERNAL = 13,
  TSR_UNAVAILABLE = 14,
  TSR_DATA_LOSS = 15
} tsr_code;

/* Element types. */
typedef enum tsr_dtype TSR_ENUM_OF(int32_t) {
  TSR_F64 = 1,
  TSR_F32 = 2,
  TSR_BF16 = 3,
  TSR_F16 = 4,
  TSR_I64 = 5,
  TSR_I32 = 6,
  TSR_I8 = 7,
  TSR_U32 = 8,
  TSR_U16 = 9,
  TSR_U8 = 10,
  TSR_BOOL = 11
} tsr_dtype;

/* ---- Version -------------------------------------------------------------------------------- */

/* Returns the version of the library that is loaded, as (major << 16) | (minor << 8) | patch.
 * Threads: any. Since: 0.1. */
TSR_API uint32_t tsr_version(void);

/* Writes build information as JSON: version, compiler, instruction sets compiled, sanitizer.
 * Owns: the caller frees *out_text with tsr_text_free. Threads: any. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_build_info(char** out_text, size_t* out_len);

/* Frees text that a function returned. Threads: any. Since: 0.1. */
TSR_API void tsr_text_free(char* text);

/* ---- Status --------------------------------------------------------------------------------- */

/* Makes a status, for callbacks to return. A NULL result (no memory) reads as success, so callers
 * need not check. `code` must not be TSR_OK. Owns: the caller, until it is returned. Threads: any.
 * Since: 0.1. */
TSR_API tsr_status* tsr_status_new(tsr_code code, const char* message, size_t message_len);

/* Frees a status. Threads: any. Since: 0.1. */
TSR_API void tsr_status_free(tsr_status* status);

/* The code; TSR_OK for NULL. Threads: any. Since: 0.1. */
TSR_API tsr_code tsr_status_code(const tsr_status* status);

/* The message, 0-terminated, alive as long as the status; "" for NULL. Threads: any. Since: 0.1. */
TSR_API const char* tsr_status_message(const tsr_status* status);

/* The config or parameter path that the error is about, or "". Threads: any. Since: 0.1. */
TSR_API const char* tsr_status_path(const tsr_status* status);

/* The file that the error is about, or "". Threads: any. Since: 0.1. */
TSR_API const char* tsr_status_file(const tsr_status* status);

/* The line in that file, from 1, or 0. Threads: any. Since: 0.1. */
TSR_API int32_t tsr_status_line(const tsr_status* status);

/* The rank that failed in a group of processes, or -1. Threads: any. Since: 0.1. */
TSR_API int32_t tsr_status_rank(const tsr_status* status);

/* Says whether the same call may succeed later: 1 for UNAVAILABLE and ABORTED, else 0. Threads:
 * any. Since: 0.1. */
TSR_API int32_t tsr_status_retryable(const tsr_status* status);

/* Details as a JSON object ("{}" when there are none): for configs and options {"errors": [...]},
 * all errors with file, line, column, path, expected, got and nearest name. Alive as long as the
 * status. Threads: any. Since: 0.1. */
TSR_API const char* tsr_status_payload(const tsr_status* status);

/* ---- Runtime -------------------------------------------------------------------------------- */

/* Makes a runtime: threads, kernels, registered types. Two runtimes do not know of each other.
 * `options` is JSON: {"threads": 0 (all cores), "spin_us": 0, "isa": "" (best; "reference",
 * "baseline", "avx2", "avx512", "avx512_bf16", "amx"), "checked": false,
 * "memory_limit_bytes": 0 (none), "rank": 0, "world_size": 1, "master_addr": "", "master_port": 0,
 * "timeout_s": 60, "hardware": {} (this machine), "plugins": false (tsr_runtime_load_plugin is
 * refused)}. With world_size > 1 the call meets the other ranks within timeout_s. "hardware" is an
 * object with fields of the config type Hardware, which modifiers with `when` ask; what it leaves
 * out is this machine's. "checked" holds for the whole process once a runtime has asked for it.
 * Errors: UNAVAILABLE (ranks did not meet), FAILED_PRECONDITION (an instruction set that this
 * machine lacks; a group that refuses this rank).
 * Owns: the caller frees *out_runtime. Threads: any. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_runtime_new(const char* options, size_t options_len,
                                                 tsr_runtime** out_runtime);

/* Frees a runtime; what was made from it keeps it alive. Threads: any. Since: 0.1. */
TSR_API void tsr_runtime_free(tsr_runtime* runtime);

/* Writes what the runtime uses as JSON: threads, instruction set chosen and why, rank, world size,
 * kernels, backends with the reasons of those that refuse. Owns: the caller frees *out_text.
 * Threads: any. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_runtime_describe(tsr_runtime* runtime, char** out_text,
                                                      size_t* out_len);

/* Writes the catalogue of one kind as JSON: "modules", "ops", "optimizers", "schedules", "kernels",
 * "data", or a role of config types ("norm"), as a list of objects; "all" is an object of the first
 * six. Owns: the caller frees *out_text. Errors: NOT_FOUND. Threads: any. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_runtime_list(tsr_runtime* runtime, const char* kind,
                                                  size_t kind_len, char** out_text,
                                                  size_t* out_len);

/* Writes the description of one config type or op as JSON: fields with types, ranges, defaults,
 * units and docs. Owns: the caller frees *out_text. Errors: NOT_FOUND (with the nearest name).
 * Threads: any. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_runtime_describe_type(tsr_runtime* runtime, const char* type,
                                                           size_t type_len, char** out_text,
                                                           size_t* out_len);

/* Writes a JSON Schema (draft 2020-12) of config files and of files of modifiers, with the types
 * that the runtime knows: an editor completes and checks with it. Owns: the caller frees *out_text.
 * Threads: any. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_runtime_json_schema(tsr_runtime* runtime, char** out_text,
                                                         size_t* out_len);

/* ---- Config --------------------------------------------------------------------------------- */

/* Reads a config from JSON text (comments and trailing commas allowed), with its "parameters" and
 * "modifiers"; it cannot extend files. `name` stands in errors for the file. All errors of the text
 * are reported at once, see tsr_status_payload. Owns: the caller frees *out_config. Threads: any.
 * Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_config_parse(tsr_runtime* runtime, const char* text,
                                                  size_t text_len, const char* name,
                                                  size_t name_len, tsr_config** out_config);

/* Reads a config file and the files that it extends, which it names by relative paths. Errors:
 * NOT_FOUND, PERMISSION_DENIED, those of tsr_config_parse.
 * Owns: the caller frees *out_config. Threads: any. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_config_load(tsr_runtime* runtime, const char* path,
                                                 size_t path_len, tsr_config** out_config);

/* Reads a config from FlatBuffers bytes (schemas/config.fbs), verified before use.
 * Owns: the caller frees *out_config. Threads: any. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_config_from_bytes(tsr_runtime* runtime, const void* bytes,
                                                       size_t len, tsr_config** out_config);

/* Frees a config. Threads: any. Since: 0.1. */
TSR_API void tsr_config_free(tsr_config* config);

/* Makes an independent copy. Owns: the caller frees *out_config. Threads: any. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_config_copy(const tsr_config* config, tsr_config** out_config);

/* Sets the field at `path` ("trainer.steps", "model.decoder.layers[2].norm") to `value`, JSON or
 * plain text for strings. Threads: one. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_config_set(tsr_config* config, const char* path,
                                                size_t path_len, const char* value,
                                                size_t value_len);

/* Applies a modifier or a list of them, JSON text: {"replace": "FeedForward", "with":
 * "MixtureOfExperts", "set": {"num_experts": 8}}; the verbs are replace, wrap, set, unset, insert,
 * remove, chain and when. `name` stands in errors and origins for the file. All or nothing.
 * `out_report` (may be NULL, with out_report_len) takes what each did, as JSON: {"modifiers":
 * [{"modifier", "origin", "places", "dropped", "skipped"}, ...]}. Owns: the caller frees
 * *out_report with tsr_text_free. Errors: INVALID_ARGUMENT (all that is wrong, see
 * tsr_status_payload). Threads: one. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_config_modify(tsr_config* config, const char* text,
                                                   size_t text_len, const char* name,
                                                   size_t name_len, char** out_report,
                                                   size_t* out_report_len);

/* Writes the value at `path` as JSON; defaults count. Owns: the caller frees *out_text.
 * Errors: NOT_FOUND (with the nearest name). Threads: any. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_config_get(const tsr_config* config, const char* path,
                                                size_t path_len, char** out_text, size_t* out_len);

/* Writes the config as canonical JSON with the fields that were set. Owns: the caller frees
 * *out_text. Threads: any. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_config_to_json(const tsr_config* config, char** out_text,
                                                    size_t* out_len);

/* Writes the resolved config, every field with its value and origin, as JSON (as_json != 0) or as
 * text for people. Errors: every unmet requirement at once. Owns: the caller frees *out_text.
 * Threads: any. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_config_resolve(const tsr_config* config, int32_t as_json,
                                                    char** out_text, size_t* out_len);

/* Writes FlatBuffers bytes of the config. Owns: the caller frees *out_bytes with tsr_text_free.
 * Threads: any. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_config_to_bytes(const tsr_config* config, char** out_bytes,
                                                     size_t* out_len);

/* Writes where two configs differ, one line a field: path, value in a, value in b. Empty when they
 * are the same. Owns: the caller frees *out_text. Threads: any. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_config_diff(const tsr_config* a, const tsr_config* b,
                                                 char** out_text, size_t* out_len);

/* ---- Tensor --------------------------------------------------------------------------------- */

/* Makes a zeroed tensor. `rank` up to 8; `dims` may be NULL when rank is 0.
 * Owns: the caller frees *out_tensor. Threads: any. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_tensor_new(tsr_dtype dtype, const int64_t* dims, int32_t rank,
                                                tsr_tensor** out_tensor);

/* Takes a DLPack tensor (DLManagedTensor*, CPU, row-major contiguous) without copying; its deleter
 * runs when the last user is done. On error the caller keeps it. Errors: UNIMPLEMENTED (device,
 * dtype or strides). Owns: the caller frees *out_tensor. Threads: any. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_tensor_from_dlpack(void* dl_managed_tensor,
                                                        tsr_tensor** out_tensor);

/* Gives the tensor as a DLManagedTensor* that shares its memory; the receiver calls its deleter.
 * Threads: any. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_tensor_to_dlpack(const tsr_tensor* tensor,
                                                      void** out_dl_managed_tensor);

/* Frees a tensor. Threads: any. Since: 0.1. */
TSR_API void tsr_tensor_free(tsr_tensor* tensor);

/* The element type, or 0 for NULL. Threads: any. Since: 0.1. */
TSR_API tsr_dtype tsr_tensor_dtype(const tsr_tensor* tensor);

/* The number of dims, or -1 for NULL. Threads: any. Since: 0.1. */
TSR_API int32_t tsr_tensor_rank(const tsr_tensor* tensor);

/* Dim `index`, or -1 when out of range. Threads: any. Since: 0.1. */
TSR_API int64_t tsr_tensor_dim(const tsr_tensor* tensor, int32_t index);

/* The size of the data in bytes. Threads: any. Since: 0.1. */
TSR_API size_t tsr_tensor_bytes(const tsr_tensor* tensor);

/* The data, row-major, alive as long as the tensor; NULL for NULL. The caller orders reads and
 * writes. Threads: any. Since: 0.1. */
TSR_API void* tsr_tensor_data(const tsr_tensor* tensor);

/* ---- Graph: functions built op by op --------------------------------------------------------- */

/* A value of a graph or scope. Negative: none. */
typedef int32_t tsr_value;

/* Makes an empty graph. Owns: the caller frees *out_graph. Threads: any. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_graph_new(tsr_runtime* runtime, tsr_graph** out_graph);

/* Frees a graph. Threads: any. Since: 0.1. */
TSR_API void tsr_graph_free(tsr_graph* graph);

/* Adds an argument of the program. `dims` is text: "B,T,512", with symbols. Threads: one. Since:
 * 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_graph_input(tsr_graph* graph, const char* name,
                                                 size_t name_len, tsr_dtype dtype,
                                                 const char* dims, size_t dims_len,
                                                 tsr_value* out_value);

/* Adds a parameter at `path`. `init` is JSON: {"kind": "normal", "stddev": 0.02}, {"kind":
 * "constant", "mean": 1}, {"kind": "uniform", "stddev": 0.1} (mean +- stddev), or empty for zeros;
 * also "decay" (does weight decay apply; by default to two dims and more) and "logical_dims".
 * Threads: one. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_graph_param(tsr_graph* graph, const char* path,
                                                 size_t path_len, tsr_dtype dtype,
                                                 const char* dims, size_t dims_len,
                                                 const char* init, size_t init_len,
                                                 tsr_value* out_value);

/* Adds one op by name. `attrs` is a JSON object; numbers that JSON lacks are "inf", "-inf", "nan".
 * `outputs` receives `*inout_count` values at most; *inout_count becomes the number of outputs.
 * Errors: NOT_FOUND (op, with the nearest name). Threads: one. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_graph_add(tsr_graph* graph, const char* op, size_t op_len,
                                               const tsr_value* inputs, size_t input_count,
                                               const char* attrs, size_t attrs_len,
                                               tsr_value* outputs, size_t* inout_count);

/* Adds a module of the catalogue: `config` is that of the module alone ({"type": "FeedForward",
 * "model_dim": 64, "hidden_dim": 128}), its parameters and losses get names below `path` (may be
 * empty). `options` is JSON: {"mode": "evaluate" ("train"), "dtype": ""}, of its parameters: that
 * of the first float input. What it reads of positions, segments and batch_offset become inputs of
 * these names, the first two i32 with the leading two dims of its first input. `outputs` as in
 * tsr_graph_add. Errors: UNIMPLEMENTED (a module that keeps values from step to step). Threads:
 * one. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_graph_call(tsr_graph* graph, const tsr_config* config,
                                                const char* path, size_t path_len,
                                                const char* options, size_t options_len,
                                                const tsr_value* inputs, size_t input_count,
                                                tsr_value* outputs, size_t* inout_count);

/* Makes a value a result of the program. Threads: one. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_graph_output(tsr_graph* graph, const char* name,
                                                  size_t name_len, tsr_value value);

/* Makes weight * numerator / denominator a loss; both are scalars, summed over the batch, and the
 * denominator depends on no parameter. Threads: one. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_graph_loss(tsr_graph* graph, const char* name, size_t name_len,
                                                tsr_value numerator, tsr_value denominator,
                                                double weight);

/* Writes dtype and dims of a value as text, "bf16[B,T,512]". Owns: the caller frees *out_text.
 * Threads: one. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_graph_type(const tsr_graph* graph, tsr_value value,
                                                char** out_text, size_t* out_len);

/* Writes the graph as text. Owns: the caller frees *out_text. Threads: one. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_graph_to_text(const tsr_graph* graph, char** out_text,
                                                   size_t* out_len);

/* Writes the graph as FlatBuffers bytes (schemas/graph.fbs). Owns: the caller frees *out_bytes with
 * tsr_text_free. Threads: one. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_graph_to_bytes(const tsr_graph* graph, char** out_bytes,
                                                    size_t* out_len);

/* Reads a graph from FlatBuffers bytes, verified. Errors: NOT_FOUND (an op this runtime lacks, by
 * name). Owns: the caller frees *out_graph. Threads: any. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_graph_from_bytes(tsr_runtime* runtime, const void* bytes,
                                                      size_t len, tsr_graph** out_graph);

/* ---- Program: compile, run, differentiate ---------------------------------------------------- */

/* Compiles the model of a config. `options` is JSON: {"mode": "evaluate" ("train", "decode"),
 * "gradients": false, "dtype": "" (the config's), "recompute": "selective", "seed": runtime.seed,
 * "routing": "" ("record", "replay")}. A model with mixtures of experts records its routing as
 * results "routing/PATH" i32[..., K], the experts of every token, or replays it from inputs of
 * these names. Parameters start as the config's initialisers say. A program that decodes keeps
 * caches from run to run: its input `start` says how many of the cached tokens of each row count,
 * by default all, and a batch of another size begins anew. Owns: the caller frees *out_program.
 * Threads: any. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_program_from_config(const tsr_config* config,
                                                         const char* options, size_t options_len,
                                                         tsr_program** out_program);

/* Compiles a graph. `options` as above ("mode", "dtype" and "routing" do not apply; "seed": 0).
 * Owns: the caller frees *out_program. Threads: any. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_program_from_graph(const tsr_graph* graph, const char* options,
                                                        size_t options_len,
                                                        tsr_program** out_program);

/* Loads the model of a checkpoint with its parameters. Uses the functions stored there, so module
 * code of the author is not needed. `options` as above. Errors: NOT_FOUND, DATA_LOSS.
 * Owns: the caller frees *out_program. Threads: any. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_program_from_checkpoint(tsr_runtime* runtime, const char* path,
                                                             size_t path_len, const char* options,
                                                             size_t options_len,
                                                             tsr_program** out_program);

/* Frees a program. Threads: any. Since: 0.1. */
TSR_API void tsr_program_free(tsr_program* program);

/* Writes inputs, outputs, parameters (path, dtype, dims) and losses as JSON, and program_hash:
 * equal for equal functions, whichever modules built them. Owns: the caller frees *out_text.
 * Threads: one. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_program_describe(tsr_program* program, char** out_text,
                                                      size_t* out_len);

/* Writes the compiled program as text (functions, parameters, schedule). Owns: the caller frees
 * *out_text. Threads: one. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_program_to_text(tsr_program* program, char** out_text,
                                                     size_t* out_len);

/* Runs the forward: `inputs[i]` is the argument `input_names[i]` (0-terminated names); inputs that
 * have a usual value (positions, segments, targets, the step that keys random numbers) may be left
 * out, see tsr_program_describe. `outputs` receives *inout_count new tensors at most, in the order
 * of tsr_program_describe: the results, then each loss; *inout_count becomes their number.
 * Owns: the caller frees each output. Threads: one. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_program_run(tsr_program* program,
                                                 const char* const* input_names,
                                                 tsr_tensor* const* inputs, size_t input_count,
                                                 tsr_tensor** outputs, size_t* inout_count);

/* Runs forward and backward of the losses; gradients (of this rank's inputs alone) can then be read
 * with tsr_program_get_gradient. *out_loss is the weighted sum of losses (may be NULL). Outputs as
 * above (outputs may be NULL with inout_count NULL). Errors: FAILED_PRECONDITION (compiled without
 * gradients). Threads: one. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_program_run_with_gradients(
    tsr_program* program, const char* const* input_names, tsr_tensor* const* inputs,
    size_t input_count, tsr_tensor** outputs, size_t* inout_count, double* out_loss);

/* Copies the parameter at `path` into a new tensor. In a program of a checkpoint that was imported
 * and not changed since, the names that tsr_program_describe lists under "original_parameters" are
 * known too: the tensor as it was there. Errors: NOT_FOUND (with the nearest path).
 * Owns: the caller frees *out_tensor. Threads: one. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_program_get_param(tsr_program* program, const char* path,
                                                       size_t path_len, tsr_tensor** out_tensor);

/* Copies a tensor of the same dims into the parameter at `path`; dtypes are converted.
 * Errors: NOT_FOUND. Threads: one. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_program_set_param(tsr_program* program, const char* path,
                                                       size_t path_len, const tsr_tensor* tensor);

/* Copies the gradient of the parameter at `path`, of the last run with gradients; zeros where no
 * loss depends on it. Original names as in tsr_program_get_param. Errors: NOT_FOUND,
 * FAILED_PRECONDITION (there was no such run).
 * Owns: the caller frees *out_tensor. Threads: one. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_program_get_gradient(tsr_program* program, const char* path,
                                                          size_t path_len,
                                                          tsr_tensor** out_tensor);

/* ---- Trainer --------------------------------------------------------------------------------- */

/* Makes a trainer for a config. `out_dir` is where metrics.jsonl and checkpoints/ go; empty:
 * nowhere. trainer.checkpoint_folder says where else checkpoints go. `options` is JSON: {"resume":
 * false}. With "resume" the newest complete checkpoint is loaded; damaged ones are reported in
 * tsr_trainer_describe. Errors: NOT_FOUND (data), ALREADY_EXISTS (there are checkpoints and resume
 * is false), DATA_LOSS. Owns: the caller frees *out_trainer. Threads: any. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_trainer_new(const tsr_config* config, const char* out_dir,
                                                 size_t out_dir_len, const char* options,
                                                 size_t options_len, tsr_trainer** out_trainer);

/* Frees a trainer; a running job is cancelled first and waited for (not on the job's own thread,
 * in a sink). Threads: any. Since: 0.1. */
TSR_API void tsr_trainer_free(tsr_trainer* trainer);

/* What one step reports. */
typedef struct tsr_step_result {
  uint32_t struct_size;
  int32_t skipped;          /* 1: the gradient was not finite and the step was not applied */
  int64_t step;             /* from 1 */
  double loss;              /* mean over the target tokens of the global batch */
  double grad_norm;         /* before clipping */
  double learning_rate;
  int64_t tokens;           /* of all steps so far */
  double tokens_per_s;
  double step_s;
  double eval_loss;         /* NaN unless this step evaluated */
} tsr_step_result;

/* Does one optimizer step. Errors: OUT_OF_RANGE (trainer.steps are done), ABORTED or UNAVAILABLE
 * (another rank failed; tsr_status_rank names it). Threads: one. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_trainer_step(tsr_trainer* trainer,
                                                  tsr_step_result* out_result);

/* Trains until trainer.steps (or `steps` more, when positive) on a thread of its own, evaluating
 * and saving as configured. Cancelling finishes the step, saves, and the job ends with CANCELLED.
 * Owns: the caller frees *out_job. Threads: one. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_trainer_run(tsr_trainer* trainer, int64_t steps,
                                                 tsr_job** out_job);

/* Mean loss over the whole validation split. Errors: FAILED_PRECONDITION (there is none).
 * Threads: one. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_trainer_evaluate(tsr_trainer* trainer, double* out_loss);

/* Saves a checkpoint to `path`, or as step_N among those of the run when `path` is empty. Returns
 * when it is complete. Errors: ALREADY_EXISTS, RESOURCE_EXHAUSTED (space, checked first).
 * Threads: one. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_trainer_save(tsr_trainer* trainer, const char* path,
                                                  size_t path_len);

/* Loads parameters, optimizer and data position from a checkpoint. Errors: NOT_FOUND, DATA_LOSS,
 * FAILED_PRECONDITION (another model). Threads: one. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_trainer_load(tsr_trainer* trainer, const char* path,
                                                  size_t path_len);

/* Writes the state as JSON: step, parameters, memory, data, checkpoints found and refused, numerics
 * fingerprint. Owns: the caller frees *out_text. Threads: one. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_trainer_describe(tsr_trainer* trainer, char** out_text,
                                                      size_t* out_len);

/* Writes time, kernel, flops and bytes per op of the steps since the last call, as JSON; needs the
 * config field trainer.profile. Owns: the caller frees *out_text. Errors: FAILED_PRECONDITION.
 * Threads: one. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_trainer_profile(tsr_trainer* trainer, char** out_text,
                                                     size_t* out_len);

/* Receives one JSON object a step (and one an evaluation). Called on the thread that steps;
 * `record` is valid during the call. It must not call functions of its trainer, but may cancel the
 * job. */
typedef void (*tsr_metrics_sink)(void* user, const char* record, size_t record_len);

/* Adds a metrics sink. `destroy` (may be NULL) runs when the trainer ends. Threads: one. Since:
 * 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_trainer_add_sink(tsr_trainer* trainer, tsr_metrics_sink sink,
                                                      void* user, void (*destroy)(void* user));

/* ---- Job ------------------------------------------------------------------------------------- */

/* Progress of a job: steps of a training run, bytes of an import or export. */
typedef struct tsr_progress {
  uint32_t struct_size;
  int32_t done;             /* 1: the job has ended */
  int64_t step;
  int64_t total_steps;
  tsr_step_result last;     /* the last step; last.step is 0 before the first */
} tsr_progress;

/* Waits up to `timeout_s` seconds (negative: for ever). The job's own status when it has ended.
 * Errors: DEADLINE_EXCEEDED (still running), FAILED_PRECONDITION (on the job's own thread).
 * Threads: any. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_job_wait(tsr_job* job, double timeout_s);

/* Reads the progress. Threads: any. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_job_progress(tsr_job* job, tsr_progress* out_progress);

/* Writes what a job that has ended well reports, as a JSON object; "{}" for jobs that report
 * nothing. Owns: the caller frees *out_text. Errors: FAILED_PRECONDITION (it has not ended, or not
 * well). Threads: any. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_job_report(tsr_job* job, char** out_text, size_t* out_len);

/* Tells that a job has ended: tsr_job_wait returns at once from then on, here too. Called once, on
 * the job's thread, or by tsr_job_on_end itself when the job has ended already. It should be short.
 * It may use the job, and free it, as long as nobody else frees it meanwhile. */
typedef void (*tsr_job_end)(void* user);

/* Calls `callback` when the job has ended, so that nobody needs a thread to wait. Several may be
 * added; each is called, then `destroy` (may be NULL). Threads: any. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_job_on_end(tsr_job* job, tsr_job_end callback, void* user,
                                                void (*destroy)(void* user));

/* Asks the job to stop; returns at once. Threads: any (not from a signal handler). Since: 0.1. */
TSR_API void tsr_job_cancel(tsr_job* job);

/* Frees a job; a running one is cancelled and waited for (not on its own thread). Threads: any.
 * Since: 0.1. */
TSR_API void tsr_job_free(tsr_job* job);

/* ---- Generation ------------------------------------------------------------------------------ */

/* Makes a generator from a checkpoint. `options` is JSON: {"dtype": ""} (that of the config;
 * "fp32", "bf16", "fp64"). Errors: NOT_FOUND, DATA_LOSS, FAILED_PRECONDITION (no tokenizer in it).
 * Owns: the caller frees *out_generator. Threads: any. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_generator_from_checkpoint(tsr_runtime* runtime,
                                                               const char* path, size_t path_len,
                                                               const char* options,
                                                               size_t options_len,
                                                               tsr_generator** out_generator);

/* Makes a generator that shares the trainer's parameters. It must not run while the trainer steps.
 * Owns: the caller frees *out_generator. Threads: one. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_generator_from_trainer(tsr_trainer* trainer,
                                                            tsr_generator** out_generator);

/* Frees a generator. Threads: any. Since: 0.1. */
TSR_API void tsr_generator_free(tsr_generator* generator);

/* Receives text as it is generated, on the calling thread; returning non-zero stops. */
typedef int32_t (*tsr_generate_callback)(void* user, const char* text, size_t text_len);

/* Continues `prompt`. `options` is JSON: {"max_tokens": 256, "temperature": 1.0, "top_k": 0,
 * "top_p": 1.0, "seed": 0}; temperature 0 takes the likeliest token. Writes the continuation;
 * `callback` may be NULL. Owns: the caller frees *out_text. Threads: one. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_generator_generate(tsr_generator* generator,
                                                        const char* prompt, size_t prompt_len,
                                                        const char* options, size_t options_len,
                                                        tsr_generate_callback callback, void* user,
                                                        char** out_text, size_t* out_len);

/* ---- Checkpoints ----------------------------------------------------------------------------- */

/* Writes what a checkpoint holds as JSON: step, tensors with dtype, dims and file, data position,
 * config. With verify != 0 every checksum is read and compared. `path` may be one checkpoint or a
 * folder of them (then the newest complete one, and the reasons why others are refused). Errors:
 * NOT_FOUND, DATA_LOSS (which file, chunk, offset; the JSON is then the payload). Owns: the caller
 * frees *out_text. Threads: any. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_checkpoint_inspect(const char* path, size_t path_len,
                                                        int32_t verify, char** out_text,
                                                        size_t* out_len);

/* Reads a model from elsewhere into a new checkpoint at `path`: `source` is a Hugging Face folder
 * (config.json and safetensors, one file or several with an index) or a GGUF file. Tensors keep
 * their dtype (quantised ones become bf16) and go through memory one at a time. The job's progress
 * counts bytes; its report (tsr_job_report) is {"family", "tensors", "bytes", "notes"}. A job that
 * fails or is cancelled leaves nothing at `path`. The job's errors: NOT_FOUND, ALREADY_EXISTS,
 * UNIMPLEMENTED (a family or variant that is not known), DATA_LOSS. Owns: the caller frees
 * *out_job. Threads: any. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_checkpoint_import(tsr_runtime* runtime, const char* source,
                                                       size_t source_len, const char* path,
                                                       size_t path_len, tsr_job** out_job);

/* Writes the model of a checkpoint (or of the newest one in a folder of them) as a Hugging Face
 * folder. `options` is JSON: {"family": "" (that it was imported from, or the first that can say
 * the model), "max_file_bytes": 5368709120}. Of a model that was imported and not changed since,
 * the tensors are those that came in, byte for byte. Progress and report as above; config.json is
 * written last. The job's errors: NOT_FOUND, ALREADY_EXISTS (the folder holds a model), DATA_LOSS.
 * Owns: the caller frees *out_job. Threads: any. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_checkpoint_export(tsr_runtime* runtime, const char* path,
                                                       size_t path_len, const char* folder,
                                                       size_t folder_len, const char* options,
                                                       size_t options_len, tsr_job** out_job);

#include "tessera_extend.h"
#include "tessera_plan.h"
#include "tessera_store.h"

#ifdef __cplusplus
}  /* extern "C" */
#endif
#endif  /* TESSERA_H_ */
