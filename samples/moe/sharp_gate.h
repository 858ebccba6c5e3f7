/* Registers the gate SharpGate (sharp_gate.c) with a runtime. */
#ifndef SHARP_GATE_H_
#define SHARP_GATE_H_

#include "tessera.h"

tsr_status* RegisterSharpGate(tsr_runtime* runtime);

#endif /* SHARP_GATE_H_ */
