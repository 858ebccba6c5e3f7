/* tessera_store.h - checkpoint stores of a host: a part of tessera.h, which includes it.
 *
 * A store keeps checkpoints elsewhere than in folders: in object storage, a database, memory. It
 * has objects, bytes under a name ("runs/a/step_40/manifest.tsm"), and no folders. Where the path
 * of a checkpoint is asked for, "NAME://PATH" is in the store that was registered as NAME: in
 * trainer.checkpoint_folder, trainer.init_from, and every function that is given a path and a
 * runtime, or what was made from one. "NAME:/PATH", as file APIs may write it, is the same.
 *
 * Callbacks are called on the thread that saves or loads (saves have one of their own), never two
 * at a time for one store; they must not use that store themselves. A status that one returns comes
 * out of the call or job, with its code and text. What a callback has returned from must survive
 * the process, as far as the store itself is to survive it.
 */
#ifndef TESSERA_STORE_H_
#define TESSERA_STORE_H_

#ifndef TESSERA_H_
#error "include tessera.h, which includes this header"
#endif

/* Where tsr_store_list puts what it finds; valid during that call only. */
typedef struct tsr_listing tsr_listing;

/* Puts `len` bytes behind the `offset` bytes that the new object `name` has so far. The call with
 * `last` != 0 ends the object, and may bring no bytes; before it the object is not listed. One that
 * is not ended is given up by tsr_store_remove. */
typedef tsr_status* (*tsr_store_write)(void* user, const char* name, size_t name_len,
                                       int64_t offset, const void* bytes, size_t len,
                                       int32_t last);

/* Copies the `len` bytes from `offset` on to `buffer`; *out_len becomes how many there were. Fewer
 * (the object ends) are reported as damage. */
typedef tsr_status* (*tsr_store_read)(void* user, const char* name, size_t name_len,
                                      int64_t offset, void* buffer, size_t len, size_t* out_len);

/* Adds every ended object whose name begins with `prefix` to `listing`, in any order. */
typedef tsr_status* (*tsr_store_list)(void* user, const char* prefix, size_t prefix_len,
                                      tsr_listing* listing);

/* Gives every object whose name begins with `from` the name that begins with `to` instead. This is
 * what commits a checkpoint, and what takes one away before it is removed, so it should be atomic.
 * Where it cannot be, the object manifest.tsm moves last: nothing is loaded without it. */
typedef tsr_status* (*tsr_store_rename)(void* user, const char* from, size_t from_len,
                                        const char* to, size_t to_len);

/* Removes one object, ended or not. One that is not there is fine. */
typedef tsr_status* (*tsr_store_remove)(void* user, const char* name, size_t name_len);

typedef struct tsr_store_def {
  uint32_t struct_size;
  int32_t is_shared;           /* 1: other processes save there too, so that nobody knows whether
                                  a writer is dead: what one leaves under .tmp-... stays */
  const char* name;            /* lower_case letters, digits and '_', unique in the runtime */
  tsr_store_write write;
  tsr_store_read read;
  tsr_store_list list;
  tsr_store_rename rename;
  tsr_store_remove remove;
  void* user;
  void (*destroy)(void* user); /* may be NULL */
} tsr_store_def;

/* Registers a checkpoint store. All its callbacks are required. Errors: ALREADY_EXISTS. Threads:
 * any. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_runtime_register_store(tsr_runtime* runtime,
                                                            const tsr_store_def* def);

/* Adds an object of `bytes` bytes to a listing, by its whole name. Threads: the tracing one, that
 * of tsr_store_list. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_listing_add(tsr_listing* listing, const char* name,
                                                 size_t name_len, int64_t bytes);

/* Writes what a checkpoint holds as tsr_checkpoint_inspect does, which knows folders only: of a
 * path in a store of the runtime too. Errors: NOT_FOUND, DATA_LOSS, those of the store. Owns: the
 * caller frees *out_text. Threads: any. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_runtime_inspect(tsr_runtime* runtime, const char* path,
                                                     size_t path_len, int32_t verify,
                                                     char** out_text, size_t* out_len);

/* Reads the parameter `name` of the checkpoint at `path` into a new tensor, or what the optimizer
 * keeps for it in `slot`; whole, in however many parts it was saved. Its bytes are compared with
 * their checksums. Errors: NOT_FOUND, DATA_LOSS, those of the store. Owns: the caller frees
 * *out_tensor. Threads: any. Since: 0.1. */
TSR_API TSR_MUST_USE tsr_status* tsr_runtime_read_tensor(tsr_runtime* runtime, const char* path,
                                                         size_t path_len, const char* name,
                                                         size_t name_len, const char* slot,
                                                         size_t slot_len,
                                                         tsr_tensor** out_tensor);

#endif  /* TESSERA_STORE_H_ */
