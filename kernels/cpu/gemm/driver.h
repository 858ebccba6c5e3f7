// The GEMM driver: packing, blocking and tasks, the same for every instruction set.
//
// A phase 1 task makes a block of C: for each block of k it multiplies its rows of the left
// operand, right panels outside so that one stays in L1. What cannot be read in place of the left
// one is packed into the thread's room (some 580 KB with the sums; all of it stays in L2): rows
// before their first product, terms before all of them. Right panels are packed into the workspace
// by phase 0, or, where few rows of tasks share them, by each task into L1: a weight gradient's
// operands are both large, and a packed copy of one would go to memory and back. Meanwhile the tile
// products fetch what is read next. Each element of C is a sum over k in rising order, cut at
// multiples of GemmKernel::block_units: the order belongs to the kernel's version, and neither
// blocks of rows and columns nor threads nor tasks change it. Thread-safe: no state.
//
// Tried and lost: both operands packed in phase 0 (packing took 10 % of a product and the fp32
// copies went through memory); one left panel at a time in L1 with right panels from L2 (equal when
// the machine is quiet, 0.65 instead of 0.8 beside neighbours that share the cache); blocks of k of
// 2 KB for gradients by the weight (0.95 to 0.98 of the speed), of 8 KB for all (0.84 of peak for
// short k, 0.48 where k is long: right panels came from L3); sums of blocks of k kept in C or a
// copy of it (rows 2 KB apart fall into two sets of L1: 0.6 of peak); fetching the lines of C that
// a tile is about to store (no gain: stores lack bandwidth); rows in place whose lines fall into
// one set of L1 (0.90 to 0.97 of the speed with a copy).
#pragma once

#include "kernels/cpu/gemm/kernel.h"
#include "kernels/cpu/gemm/shape.h"

namespace tessera::cpu::dense {

// Plans |shape| with |kernel|, which must outlive the plan. Output f32 or bf16. |knobs|: blocks as
// in blocks.h, refused when they are not legal, or NULL: the driver's own.
int32_t PlanGemm(const MatmulShape& shape, const GemmKernel& kernel, const int64_t* knobs,
                 tsr_kernel_plan* plan, char* reason);
// The blocks that |shape| may have: see tsr_kernel_def::explore.
int32_t ExploreGemm(const MatmulShape& shape, const GemmKernel& kernel, tsr_kernel_space* space,
                    tsr_kernel_visit visit, void* visit_user, char* reason);

}  // namespace tessera::cpu::dense
