//! What calls and callbacks cost; a line each, in ns (tests/bench/binding_calls.py).

use std::time::Instant;

use tessera::{
    DType, Graph, Init, OpDef, Operand, OperandMut, Program, ProgramOptions, Result, Runtime,
    Tensor,
};

/// The least of five rounds, in ns per call.
fn per_call(count: u32, mut call: impl FnMut()) -> f64 {
    let round = |_| {
        let start = Instant::now();
        (0..count).for_each(|_| call());
        start.elapsed().as_nanos() as f64 / f64::from(count)
    };
    (0..5).map(round).fold(f64::INFINITY, f64::min)
}

fn show(name: &str, count: u32, call: impl FnMut()) {
    println!("{name}: {:.0}", per_call(count, call));
}

/// A program of so many uses of an op that does nothing.
fn uses(runtime: &Runtime, count: usize) -> Result<Program> {
    let graph = Graph::new(runtime)?;
    let mut x = graph.param("x", DType::F32, "1", &Init::zeros())?;
    for _ in 0..count {
        x = graph.add("bench_nothing", &[x], ())?;
    }
    graph.output("y", x)?;
    Program::from_graph(&graph, &ProgramOptions::new())
}

fn main() -> Result<()> {
    let runtime = Runtime::builder().threads(1).build()?;
    let tensor = Tensor::zeros(DType::F32, &[4, 1000])?;
    let graph = Graph::new(&runtime)?;
    let value = graph.input("x", DType::F32, "B,T,64")?;
    show("a getter", 100_000, || assert!(tensor.dtype() == DType::F32));
    show("a status and a text", 20_000, || assert!(graph.type_of(value).is_ok()));
    show("an error", 5_000, || assert!(Tensor::zeros(DType::F32, &[-1]).is_err()));
    show("a tensor made and closed", 20_000, || {
        Tensor::zeros(DType::F32, &[1]).expect("a tensor");
    });
    show("a view of its data", 100_000, || assert!(tensor.as_slice::<f32>().is_ok()));
    let nothing = |_: &_, _: &[Operand<'_>], _: &mut [OperandMut<'_>]| Ok(());
    runtime.register_op(OpDef::new("bench_nothing", "x[N] -> y[N]", nothing))?;
    let (mut few, mut many) = (uses(&runtime, 1)?, uses(&runtime, 201)?);
    let once = per_call(500, || drop(few.run(&[])));
    let often = per_call(500, || drop(many.run(&[])));
    println!("a kernel's callback: {:.0}", (often - once) / 200.0);
    Ok(())
}
