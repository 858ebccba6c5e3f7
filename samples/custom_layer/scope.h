/* Shorthand for build callbacks: parameters and ops one line each. The first error stays in *error,
 * and everything after it does nothing, so that a layer reads as its formula. */
#ifndef SCOPE_H_
#define SCOPE_H_

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tessera.h"

/* A parameter of rows x columns, or of rows alone when columns is 0. */
static inline tsr_value Param(tsr_scope* scope, tsr_status** error, const char* path, long rows,
                              long columns, const char* init) {
  tsr_value value = -1;
  char dims[64];
  snprintf(dims, sizeof(dims), columns > 0 ? "%ld,%ld" : "%ld", rows, columns);
  if (*error == NULL) {
    *error = tsr_scope_param(scope, path, strlen(path), dims, strlen(dims), init, strlen(init),
                             &value);
  }
  return value;
}

/* The result of an op of two inputs. */
static inline tsr_value Op(tsr_scope* scope, tsr_status** error, const char* op, tsr_value a,
                           tsr_value b, const char* attrs) {
  tsr_value inputs[2];
  tsr_value output = -1;
  size_t count = 1;
  inputs[0] = a;
  inputs[1] = b;
  if (*error == NULL) {
    *error = tsr_scope_add(scope, op, strlen(op), inputs, 2, attrs, strlen(attrs), &output,
                           &count);
  }
  return output;
}

/* An integer field of a resolved config, which has every field; 0 when there is none so named. */
static inline long IntField(const char* config, const char* name) {
  char key[64];
  const char* found;
  snprintf(key, sizeof(key), "\"%s\":", name);
  found = strstr(config, key);
  return found == NULL ? 0 : strtol(found + strlen(key), NULL, 10);
}

#endif /* SCOPE_H_ */
