/* A program that is not linked to Tessera: it opens the library at run time, if it is there, and
 * runs a function with it. A host does so that must start without the library, or choose one.
 *
 *   embed [LIBRARY]                    libtessera.so.0 when not given */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tessera.h"

/* The functions that this program uses; their types are those of the header. */
#define FUNCTIONS(X)                                                                             \
  X(tsr_version) X(tsr_status_message) X(tsr_status_free) X(tsr_runtime_new) X(tsr_runtime_free) \
  X(tsr_graph_new) X(tsr_graph_free) X(tsr_graph_input) X(tsr_graph_add) X(tsr_graph_output)     \
  X(tsr_program_from_graph) X(tsr_program_free) X(tsr_program_run) X(tsr_tensor_new)             \
  X(tsr_tensor_data) X(tsr_tensor_free)

static struct {
#define FIELD(name) __typeof__(&name) name;
  FUNCTIONS(FIELD)
} lib;

/* Fills `lib`; 0 with a reason on stderr when the library is not there or is another version. */
static int Open(const char* path) {
  void* handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  uint32_t version;
  if (handle == NULL) {
    fprintf(stderr, "no Tessera here: %s\n", dlerror());
    return 0;
  }
#define LOOK_UP(name)                                            \
  *(void**)&lib.name = dlsym(handle, #name);                     \
  if (lib.name == NULL) {                                        \
    fprintf(stderr, "%s is too old: it lacks " #name "\n", path); \
    return 0;                                                    \
  }
  FUNCTIONS(LOOK_UP)
  version = lib.tsr_version();
  if ((version >> 8) != ((TSR_VERSION_MAJOR << 8) | TSR_VERSION_MINOR)) {
    fprintf(stderr, "%s is version %u.%u, this program was made for %d.%d\n", path, version >> 16,
            version >> 8 & 255, TSR_VERSION_MAJOR, TSR_VERSION_MINOR);
    return 0;
  }
  return 1;
}

static void Check(tsr_status* status) {
  if (status == NULL) return;
  fprintf(stderr, "error: %s\n", lib.tsr_status_message(status));
  lib.tsr_status_free(status);
  exit(1);
}

int main(int argc, char** argv) {
  static const char* const names[] = {"x"};
  const int64_t dims[1] = {4};
  const float numbers[4] = {-2, -1, 1, 2};
  tsr_runtime* runtime = NULL;
  tsr_graph* graph = NULL;
  tsr_program* program = NULL;
  tsr_tensor *x = NULL, *y = NULL;
  tsr_value in = -1, out = -1;
  size_t count = 1;
  int i;
  if (!Open(argc > 1 ? argv[1] : "libtessera.so.0")) return 1;
  Check(lib.tsr_runtime_new("{\"threads\": 1}", 14, &runtime));
  Check(lib.tsr_graph_new(runtime, &graph));
  Check(lib.tsr_graph_input(graph, "x", 1, TSR_F32, "N", 1, &in));
  Check(lib.tsr_graph_add(graph, "silu", 4, &in, 1, NULL, 0, &out, &count));
  Check(lib.tsr_graph_output(graph, "y", 1, out));
  Check(lib.tsr_program_from_graph(graph, NULL, 0, &program));
  Check(lib.tsr_tensor_new(TSR_F32, dims, 1, &x));
  memcpy(lib.tsr_tensor_data(x), numbers, sizeof(numbers));
  Check(lib.tsr_program_run(program, names, &x, 1, &y, &count));
  for (i = 0; i < 4; ++i) {
    printf("silu(%g) = %.4f\n", numbers[i], ((const float*)lib.tsr_tensor_data(y))[i]);
  }
  lib.tsr_tensor_free(x);
  lib.tsr_tensor_free(y);
  lib.tsr_program_free(program);
  lib.tsr_graph_free(graph);
  lib.tsr_runtime_free(runtime);
  return 0;
}
