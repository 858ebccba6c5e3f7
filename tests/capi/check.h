/* What the C tests of the interface share: checks that report and go on, and small runtimes,
 * configs and folders. All tests use checked mode unless they say why not. Not thread-safe but for
 * EXPECT. */
#ifndef TESSERA_TESTS_CAPI_CHECK_H_
#define TESSERA_TESTS_CAPI_CHECK_H_

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capi/include/tessera.h"

static int failures = 0;

static void Fail(const char* file, int line, const char* what, const char* got) {
  __atomic_add_fetch(&failures, 1, __ATOMIC_SEQ_CST);
  fprintf(stderr, "%s:%d: %s%s%s\n", file, line, what, got[0] != 0 ? ": " : "", got);
}

#define EXPECT(condition) \
  do {                    \
    if (!(condition)) Fail(__FILE__, __LINE__, "expected " #condition, ""); \
  } while (0)

/* The call succeeds. */
#define OK(call) ExpectOk((call), #call, __FILE__, __LINE__)
/* The call fails with this code and a message that holds this text. */
#define FAILS(call, code, text) ExpectError((call), (code), (text), #call, __FILE__, __LINE__)
/* `whole` holds `part`. */
#define HOLDS(whole, part) ExpectHolds((whole), (part), __FILE__, __LINE__)

static inline int ExpectOk(tsr_status* status, const char* call, const char* file, int line) {
  char text[2048];
  if (status == NULL) return 1;
  snprintf(text, sizeof(text), "code %d, %s", (int)tsr_status_code(status),
           tsr_status_message(status));
  Fail(file, line, call, text);
  tsr_status_free(status);
  return 0;
}

static inline void ExpectError(tsr_status* status, tsr_code code, const char* part,
                               const char* call, const char* file, int line) {
  char text[2048];
  if (status == NULL) {
    Fail(file, line, call, "expected an error, got none");
    return;
  }
  if (tsr_status_code(status) != code || strstr(tsr_status_message(status), part) == NULL) {
    snprintf(text, sizeof(text), "expected code %d with '%s', got code %d, %s", (int)code, part,
             (int)tsr_status_code(status), tsr_status_message(status));
    Fail(file, line, call, text);
  }
  tsr_status_free(status);
}

static inline void ExpectHolds(const char* whole, const char* part, const char* file, int line) {
  char text[2048];
  if (whole != NULL && strstr(whole, part) != NULL) return;
  snprintf(text, sizeof(text), "%s in %.1500s", part, whole == NULL ? "NULL" : whole);
  Fail(file, line, "expected", text);
}

/* What a failed check means for the process. */
static inline int Result(const char* name) {
  if (failures == 0) printf("%s: passed\n", name);
  return failures == 0 ? 0 : 1;
}

static inline tsr_runtime* NewRuntimeWith(const char* options) {
  tsr_runtime* runtime = NULL;
  OK(tsr_runtime_new(options, strlen(options), &runtime));
  if (runtime == NULL) exit(1);
  return runtime;
}
static inline tsr_runtime* NewRuntime(void) {
  return NewRuntimeWith("{\"checked\": true, \"threads\": 2}");
}

static inline tsr_config* ParseConfig(tsr_runtime* runtime, const char* json) {
  tsr_config* config = NULL;
  OK(tsr_config_parse(runtime, json, strlen(json), "test.json", 9, &config));
  if (config == NULL) exit(1);
  return config;
}

static inline void Set(tsr_config* config, const char* path, const char* value) {
  OK(tsr_config_set(config, path, strlen(path), value, strlen(value)));
}

/* A new folder for this process. */
static inline const char* NewFolder(char* path, size_t size) {
  snprintf(path, size, "/tmp/tessera_capi_XXXXXX");
  if (mkdtemp(path) == NULL) {
    perror("mkdtemp");
    exit(1);
  }
  return path;
}

static inline void RemoveFolder(const char* path) {
  DIR* folder = opendir(path);
  struct dirent* entry;
  while (folder != NULL && (entry = readdir(folder)) != NULL) {
    char* name = NULL;
    struct stat info;
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    if (asprintf(&name, "%s/%s", path, entry->d_name) < 0) continue;
    if (lstat(name, &info) == 0 && S_ISDIR(info.st_mode)) {
      RemoveFolder(name);
    } else {
      unlink(name);
    }
    free(name);
  }
  if (folder != NULL) closedir(folder);
  rmdir(path);
}

/* Some text in which there is something to learn. */
static inline void WriteCorpus(const char* path) {
  FILE* file = fopen(path, "wb");
  int i;
  if (file == NULL) {
    perror(path);
    exit(1);
  }
  for (i = 0; i < 400; ++i) {
    fprintf(file, "line %d: the quick brown fox jumps over the lazy dog.\n", i % 10);
  }
  fclose(file);
}

/* A model that trains in milliseconds, on the text at `corpus`. */
static inline tsr_config* SmallConfig(tsr_runtime* runtime, const char* corpus) {
  tsr_config* config = ParseConfig(
      runtime,
      "{\"model\": {\"type\": \"LanguageModel\", \"vocab_size\": 256, \"model_dim\": 16,"
      "  \"decoder\": {\"num_layers\": 1, \"layer\": {\"attention\": {\"num_heads\": 2},"
      "    \"feed_forward\": {\"hidden_dim\": 32}}}},"
      " \"data\": {\"tokenizer\": \"ByteTokenizer\", \"validation_fraction\": 0.1},"
      " \"trainer\": {\"steps\": 6, \"batch_size\": 2, \"sequence_length\": 16},"
      " \"optimizer\": {\"learning_rate\": 0.01},"
      " \"runtime\": {\"seed\": 1, \"dtype\": \"fp32\"}}");
  Set(config, "data.train", corpus);
  return config;
}

#endif /* TESSERA_TESTS_CAPI_CHECK_H_ */
