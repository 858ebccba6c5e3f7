/* A plug-in in C: the gate of samples/moe, for programs that were written without it. */
#include "../moe/sharp_gate.h"

TSR_API const tsr_plugin* tessera_plugin(void);

const tsr_plugin* tessera_plugin(void) {
  static const tsr_plugin plugin = {
      sizeof(plugin), TSR_VERSION_MAJOR << 16 | TSR_VERSION_MINOR << 8 | TSR_VERSION_PATCH,
      "{\"name\": \"sharp-gate\", \"version\": \"1.0.0\", \"provides\": [\"SharpGate\"]}",
      &RegisterSharpGate};
  return &plugin;
}
