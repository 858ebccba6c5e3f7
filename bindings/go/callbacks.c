/* Functions of Go behind the types of tessera.h, which has const where cgo's exports have none. */
#include "callbacks.h"

#include "_cgo_export.h"

static tsr_status* Build(void* user, tsr_scope* scope, const char* config, size_t config_len,
                         const tsr_value* inputs, size_t input_count, tsr_value* outputs,
                         size_t* inout_output_count) {
  return tesseraGoBuild(user, scope, (char*)config, config_len, (tsr_value*)inputs, input_count,
                        outputs, inout_output_count);
}

tsr_status* tesseraRegisterModule(tsr_runtime* runtime, const char* schema, const char* type,
                                  void* user) {
  const tsr_module_def def = {sizeof(def), schema, type, &Build, user, &tesseraGoDestroy};
  return tsr_runtime_register_module(runtime, &def);
}

static tsr_status* Run(void* user, const char* attrs, size_t attrs_len,
                       const tsr_kernel_operand* inputs, size_t input_count,
                       const tsr_kernel_operand* outputs, size_t output_count) {
  return tesseraGoRun(user, (char*)attrs, attrs_len, (tsr_kernel_operand*)inputs, input_count,
                      (tsr_kernel_operand*)outputs, output_count);
}

static tsr_status* Gradient(void* user, tsr_scope* scope, const char* attrs, size_t attrs_len,
                            const tsr_value* values, size_t value_count, tsr_value* gradients,
                            size_t input_count) {
  return tesseraGoGradient(user, scope, (char*)attrs, attrs_len, (tsr_value*)values, value_count,
                           gradients, input_count);
}

tsr_status* tesseraRegisterOp(tsr_runtime* runtime, const char* name, const char* signature,
                              const char* doc, uint32_t version, int32_t has_gradient,
                              void* user) {
  const tsr_op_def def = {sizeof(def), version,
                          name,        signature,
                          doc,         &Run,
                          has_gradient ? &Gradient : NULL,
                          user,        &tesseraGoDestroy};
  return tsr_runtime_register_op(runtime, &def);
}

static tsr_status* Read(void* user, tsr_corpus* corpus, const char* name, size_t name_len) {
  return tesseraGoRead(user, corpus, (char*)name, name_len);
}

tsr_status* tesseraRegisterSource(tsr_runtime* runtime, const char* name, void* user) {
  const tsr_source_def def = {sizeof(def), name, &Read, user, &tesseraGoDestroy};
  return tsr_runtime_register_source(runtime, &def);
}

static tsr_status* Update(void* user, tsr_scope* scope, const char* settings, size_t settings_len,
                          const tsr_value* values, size_t value_count, tsr_value* outputs,
                          size_t* inout_output_count) {
  return tesseraGoUpdate(user, scope, (char*)settings, settings_len, (tsr_value*)values,
                         value_count, outputs, inout_output_count);
}

tsr_status* tesseraRegisterOptimizer(tsr_runtime* runtime, const char* schema, const char* type,
                                     const char* slots, void* user) {
  const tsr_optimizer_def def = {sizeof(def), schema, type, slots, &Update, user,
                                 &tesseraGoDestroy};
  return tsr_runtime_register_optimizer(runtime, &def);
}

static tsr_status* Factor(void* user, const char* config, size_t config_len, int64_t step,
                          int64_t total_steps, double* out_factor) {
  return tesseraGoFactor(user, (char*)config, config_len, step, total_steps, out_factor);
}

tsr_status* tesseraRegisterSchedule(tsr_runtime* runtime, const char* schema, const char* type,
                                    void* user) {
  const tsr_schedule_def def = {sizeof(def), schema, type, &Factor, user, &tesseraGoDestroy};
  return tsr_runtime_register_schedule(runtime, &def);
}

static tsr_status* StoreWrite(void* user, const char* name, size_t name_len, int64_t offset,
                              const void* bytes, size_t len, int32_t last) {
  return tesseraGoStoreWrite(user, (char*)name, name_len, offset, (void*)bytes, len, last);
}

static tsr_status* StoreRead(void* user, const char* name, size_t name_len, int64_t offset,
                             void* buffer, size_t len, size_t* out_len) {
  return tesseraGoStoreRead(user, (char*)name, name_len, offset, buffer, len, out_len);
}

static tsr_status* StoreList(void* user, const char* prefix, size_t prefix_len,
                             tsr_listing* listing) {
  return tesseraGoStoreList(user, (char*)prefix, prefix_len, listing);
}

static tsr_status* StoreRename(void* user, const char* from, size_t from_len, const char* to,
                               size_t to_len) {
  return tesseraGoStoreRename(user, (char*)from, from_len, (char*)to, to_len);
}

static tsr_status* StoreRemove(void* user, const char* name, size_t name_len) {
  return tesseraGoStoreRemove(user, (char*)name, name_len);
}

tsr_status* tesseraRegisterStore(tsr_runtime* runtime, const char* name, int32_t is_shared,
                                 void* user) {
  const tsr_store_def def = {
      sizeof(def),  is_shared,    name, &StoreWrite,      &StoreRead, &StoreList,
      &StoreRename, &StoreRemove, user, &tesseraGoDestroy};
  return tsr_runtime_register_store(runtime, &def);
}

tsr_status* tesseraOnEnd(tsr_job* job, void* user) {
  return tsr_job_on_end(job, &tesseraGoEnd, user, &tesseraGoDestroy);
}

static void Sink(void* user, const char* record, size_t record_len) {
  tesseraGoSink(user, (char*)record, record_len);
}

tsr_status* tesseraAddSink(tsr_trainer* trainer, void* user) {
  return tsr_trainer_add_sink(trainer, &Sink, user, &tesseraGoDestroy);
}

static int32_t Piece(void* user, const char* text, size_t text_len) {
  return tesseraGoPiece(user, (char*)text, text_len);
}

tsr_status* tesseraGenerate(tsr_generator* generator, const char* prompt, size_t prompt_len,
                            const char* options, size_t options_len, void* user, char** out_text,
                            size_t* out_len) {
  return tsr_generator_generate(generator, prompt, prompt_len, options, options_len,
                                user == NULL ? NULL : &Piece, user, out_text, out_len);
}
