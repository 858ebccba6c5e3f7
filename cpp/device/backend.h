// The boundary between the core and a backend (a folder in kernels/): plain C structs only.
//
// A backend gives a list of kernels. A kernel never owns threads: `prepare` looks at shapes,
// dtypes and attributes once, when a program is specialised, and says how many tasks each phase
// has; `run` does one task. The executor hands the tasks of a phase out in any order and on any
// number of threads, and starts a phase when the one before has finished. Results do not depend
// on that order: each output element is written by one task, and how a reduction is split follows
// from the shapes alone. Built-in kernels never allocate, lock, log or start parallel work in
// `run`, and leave the stack to the host, whose threads may have little: what is more than some
// KB lies in the room of the thread.
//
// Structs grow at the end; `struct_size` says what the other side knows.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
  TSR_MAX_DIMS = 8,          // of a tensor at this boundary
  TSR_KERNEL_MAX_PHASES = 4,
  TSR_KERNEL_PARAM_BYTES = 192,
  TSR_REASON_BYTES = 256,
  TSR_KERNEL_MAX_KNOBS = 4,
  TSR_KERNEL_MAX_TRAITS = 8,
  TSR_THREAD_ROOM_BYTES = 1280 << 10,
};

// Instruction sets in rising order; a runtime may cap the set it uses (tests do).
enum tsr_isa {
  TSR_ISA_REFERENCE = 0,  // scalar reference kernels only
  TSR_ISA_BASELINE = 1,   // what every machine of the architecture has (SSE2, NEON)
  TSR_ISA_AVX2 = 2,       // with FMA and F16C
  TSR_ISA_AVX512 = 3,     // F, BW, DQ, VL
  TSR_ISA_AVX512_BF16 = 4,
  TSR_ISA_AMX = 5,        // AMX-BF16 tiles, permission granted by the system
};

// One operand. Dense, row-major. `data` is NULL while preparing.
typedef struct tsr_operand {
  void* data;
  int64_t dims[TSR_MAX_DIMS];
  int32_t rank;
  int32_t dtype;  // values of tessera::DType
} tsr_operand;

// One attribute of the node. Exactly one value is meant, by kind.
typedef struct tsr_attr {
  const char* name;
  int32_t kind;  // 0 bool (in i), 1 int (i), 2 float (f), 3 text (text), 4 ints (ints, count)
  int32_t count;
  int64_t i;
  double f;
  const char* text;
  const int64_t* ints;
} tsr_attr;

// One use of an op at known sizes. What it points to lives as long as the plan made from it;
// between `prepare` and `run` only `data` of the operands and `workspace` change.
typedef struct tsr_kernel_call {
  uint32_t struct_size;
  int32_t input_count;
  int32_t output_count;
  int32_t attr_count;
  const tsr_operand* inputs;
  const tsr_operand* outputs;
  const tsr_attr* attrs;
  void* workspace;  // 64-byte aligned, workspace_bytes of the plan
  int32_t isa;      // highest instruction set allowed
  int32_t reserved;
  const void* user;  // of the kernel's definition
  // A kernel that can fail in `run` says so by fail(failure, ...); the first one counts and the
  // step ends with it. `code` is a status code, not 0. Any thread. Of the built-in kernels only
  // those fail that read indices which nothing has checked (the plan of a routing).
  void* failure;
  void (*fail)(void* failure, int32_t code, const char* message, size_t message_len);
  // Values of the kernel's knobs in the order of its space, or NULL: the kernel's own. `prepare`
  // declines what is not in the space. Knobs change no bit of a result, only how fast it comes.
  const int64_t* knobs;
  // Scratch of the thread that runs a task, for as long as the task: TSR_THREAD_ROOM_BYTES, 64-byte
  // aligned, holding anything. NULL while preparing, and in row-wise kernels, which may be steps of
  // a fused one that has the room itself.
  void* (*thread_room)(void);
} tsr_kernel_call;

struct tsr_kernel_plan;
typedef void (*tsr_kernel_run)(const tsr_kernel_call* call, const struct tsr_kernel_plan* plan,
                               int32_t phase, int64_t task);

// What `prepare` decides. `params` is the kernel's own plain data (resolved attributes, sizes).
typedef struct tsr_kernel_plan {
  uint32_t struct_size;
  int32_t phase_count;                    // 1 unless set
  int64_t tasks[TSR_KERNEL_MAX_PHASES];   // per phase; 0 is allowed
  size_t workspace_bytes;                 // scratch shared by all tasks of the call
  tsr_kernel_run run;
  unsigned char params[TSR_KERNEL_PARAM_BYTES];
} tsr_kernel_plan;

// What may be tuned of one call: numbers that change no result.
typedef struct tsr_kernel_space {
  uint32_t struct_size;
  int32_t knob_count;
  int32_t trait_count;
  int32_t reserved;
  const char* knobs[TSR_KERNEL_MAX_KNOBS];     // names, as files have them
  const char* traits[TSR_KERNEL_MAX_TRAITS];
  int64_t own[TSR_KERNEL_MAX_KNOBS];           // what the kernel takes by itself
  int64_t box_count;  // combinations of what each knob may be by itself, legal together or not
} tsr_kernel_space;

// Is given one legal combination: a value for every knob, and for every trait a number on which the
// time may depend about linearly (bytes moved for each multiply-add, a share of a cache).
typedef void (*tsr_kernel_visit)(void* user, const int64_t* knobs, const double* traits);

typedef struct tsr_kernel_def {
  uint32_t struct_size;
  int32_t isa;        // the least instruction set it needs
  const char* op;     // "rms_norm"
  const char* name;   // "rms_norm.bf16.avx512"; unique in a backend
  // 0 when it can do the call (then `plan` is filled); otherwise non-zero and the reason is
  // written to `reason` (TSR_REASON_BYTES). Called once per specialisation, any thread.
  int32_t (*prepare)(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason);
  uint32_t version;   // part of the numerics fingerprint: raise it when results change by a bit
  uint32_t flags;     // TSR_KERNEL_*
  const void* user;   // handed to every call; lives as long as the kernel table
  // NULL: nothing to tune. Fills `space` and, when `visit` is not NULL, calls it once for every
  // legal combination: all of them, made under the limits (scratch, tiles, even shares), so that
  // `prepare` takes each. Non-zero and a reason where the kernel cannot do the call or there is
  // nothing to choose. Any thread.
  int32_t (*explore)(const tsr_kernel_call* call, tsr_kernel_space* space, tsr_kernel_visit visit,
                     void* visit_user, char* reason);
} tsr_kernel_def;

enum {
  // Output 0 may be the same memory as input 0 (or 1, 2), elementwise, same bytes per element.
  TSR_KERNEL_IN_PLACE_0 = 1,
  TSR_KERNEL_IN_PLACE_1 = 2,
  TSR_KERNEL_IN_PLACE_2 = 4,
  // Every output row depends on the same rows of the row operands only; tasks are row ranges.
  TSR_KERNEL_ROW_WISE = 8,
};

// A backend as the core sees it. Kernels of one op are best first, reference last.
typedef struct tsr_backend {
  uint32_t struct_size;
  const char* name;      // "cpu"
  const char* build_id;  // must equal the core's for backends that are loaded
  const char* refusal;   // NULL, or why this backend cannot be used here
  const tsr_kernel_def* kernels;
  size_t kernel_count;
} tsr_backend;

#ifdef __cplusplus
}  // extern "C"
#endif
