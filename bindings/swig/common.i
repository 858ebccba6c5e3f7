// What SWIG is told about tessera.h, in every language. It reads the header itself.
//
// A language's own file (python.i, ...) first defines what to do with each kind of argument, as
// typemaps of the names in capitals below; this file says which arguments are of which kind, and
// reads the header. The header's discipline (a text is `x, x_len`, a result `out_x`) is what keeps
// the list short. A pair that is new in the header and missing here leaves a plain pointer in the
// raw layer, which each language's completeness test notices.

%include <stdint.i>
#define __attribute__(x)

// Text in: UTF-8, not terminated.
%define TESSERA_TEXT(name)
%apply (const char* TEXT, size_t LENGTH) { (const char* name, size_t name ## _len) };
%enddef
TESSERA_TEXT(attrs)
TESSERA_TEXT(config)
TESSERA_TEXT(dims)
TESSERA_TEXT(folder)
TESSERA_TEXT(init)
TESSERA_TEXT(kind)
TESSERA_TEXT(message)
TESSERA_TEXT(name)
TESSERA_TEXT(op)
TESSERA_TEXT(options)
TESSERA_TEXT(out_dir)
TESSERA_TEXT(path)
TESSERA_TEXT(prompt)
TESSERA_TEXT(slot)
TESSERA_TEXT(source)
TESSERA_TEXT(text)
TESSERA_TEXT(type)
TESSERA_TEXT(value)

// Bytes in.
%apply (const void* BYTES, size_t LENGTH) { (const void* bytes, size_t len) };

// Text and bytes out, owned by the caller, who frees them with tsr_text_free.
%apply (char** OUT_TEXT, size_t* OUT_LENGTH) { (char** out_text, size_t* out_len) };
%apply (char** OUT_TEXT, size_t* OUT_LENGTH) { (char** out_report, size_t* out_report_len) };
%apply (char** OUT_BYTES, size_t* OUT_LENGTH) { (char** out_bytes, size_t* out_len) };

// Numbers out.
%apply double* OUT_NUMBER { double* out_loss };
%apply int32_t* OUT_VALUE { tsr_value* out_value };

// Handles out.
%define TESSERA_HANDLE(noun)
%apply SWIGTYPE** OUT_HANDLE { tsr_ ## noun ** out_ ## noun };
%enddef
TESSERA_HANDLE(config)
TESSERA_HANDLE(generator)
TESSERA_HANDLE(graph)
TESSERA_HANDLE(job)
TESSERA_HANDLE(program)
TESSERA_HANDLE(runtime)
TESSERA_HANDLE(tensor)
TESSERA_HANDLE(trainer)

// Lists.
%apply (const int64_t* DIMS, int32_t RANK) { (const int64_t* dims, int32_t rank) };
%apply (const tsr_value* VALUES, size_t COUNT) { (const tsr_value* inputs, size_t input_count) };
%apply (tsr_value* OUT_VALUES, size_t* COUNT) { (tsr_value* outputs, size_t* inout_count) };

%include "capi/include/tessera.h"
%include "capi/include/tessera_extend.h"
%include "capi/include/tessera_plan.h"
%include "capi/include/tessera_store.h"
