/* Calls of the library that take callbacks, with those of Go (callbacks.c). */
#ifndef TESSERA_GO_CALLBACKS_H_
#define TESSERA_GO_CALLBACKS_H_

#include "tessera.h"

tsr_status* tesseraRegisterModule(tsr_runtime* runtime, const char* schema, const char* type,
                                  void* user);
tsr_status* tesseraRegisterOp(tsr_runtime* runtime, const char* name, const char* signature,
                              const char* doc, uint32_t version, int32_t has_gradient, void* user);
tsr_status* tesseraRegisterSource(tsr_runtime* runtime, const char* name, void* user);
tsr_status* tesseraRegisterOptimizer(tsr_runtime* runtime, const char* schema, const char* type,
                                     const char* slots, void* user);
tsr_status* tesseraRegisterSchedule(tsr_runtime* runtime, const char* schema, const char* type,
                                    void* user);
tsr_status* tesseraRegisterStore(tsr_runtime* runtime, const char* name, int32_t is_shared,
                                 void* user);
tsr_status* tesseraOnEnd(tsr_job* job, void* user);
tsr_status* tesseraAddSink(tsr_trainer* trainer, void* user);
tsr_status* tesseraGenerate(tsr_generator* generator, const char* prompt, size_t prompt_len,
                            const char* options, size_t options_len, void* user, char** out_text,
                            size_t* out_len);

#endif /* TESSERA_GO_CALLBACKS_H_ */
