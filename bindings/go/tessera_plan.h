/* tessera_plan.h - what a config will cost, and how to make it cost less: a part of tessera.h,
 * which includes it.
 */
#ifndef TESSERA_PLAN_H_
#define TESSERA_PLAN_H_

#ifndef TESSERA_H_
#error "include tessera.h, which includes this header"
#endif

/* Writes the plan of a config without allocating its weights, as JSON: parameters, flops of a step,
 * bytes of memory by kind, ops. With "text" in `options` ({"text": true, "dot": true}) also the
 * program. Owns: the caller frees *out_text. Threads: any. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_config_plan(const tsr_config* config, const char* options,
                                                 size_t options_len, char** out_text,
                                                 size_t* out_len);

/* Looks for values of kernels' knobs (blocks of products) with which a training step of the config
 * is faster on this machine, by timing them on a thread of its own, on memory of its own: no data
 * are read, nothing is trained. No result changes by a bit. `options` is JSON: {"budget_s": 0 (as
 * long as it takes), "most_timed": 32 (combinations of one call), "exhaustive": false (then time
 * all of them too), "out": "" (file that takes up what was found, for the config field
 * runtime.tuning)}. The progress counts combinations; the report has what was found for each call,
 * what share of the combinations is legal, how many were timed, and the file as "tuning".
 * Cancelling writes nothing. Meanwhile nothing else of the runtime should run: it would be timed
 * too. Errors of the job: those of tsr_config_plan, FAILED_PRECONDITION (this processor's model is
 * not known), those of `out`.
 * Owns: the caller frees *out_job. Threads: any. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_config_tune(const tsr_config* config, const char* options,
                                                 size_t options_len, tsr_job** out_job);

#endif  /* TESSERA_PLAN_H_ */
