//! Creating and closing many times takes no memory. Alone in its process, so that it can be
//! measured.

mod common;

use common::{register_rms_feed_forward, small_config, Folder};
use tessera::{
    GenerateOptions, Generator, Graph, Program, ProgramOptions, Runtime, Tensor, Trainer,
};

fn resident_bytes() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").expect("/proc/self/statm");
    let pages = text.split_whitespace().nth(1).expect("a second field");
    pages.parse::<usize>().expect("a number") * 4096
}

/// The least that resident memory grows in one of three runs of `count` cycles, after as many to
/// warm up: a leak grows in each of them, an allocator that keeps pieces does not.
fn growth(count: usize, mut cycle: impl FnMut(usize)) -> usize {
    (0..count).for_each(&mut cycle);
    let mut before = resident_bytes();
    let mut least = usize::MAX;
    for _ in 0..3 {
        (0..count).for_each(&mut cycle);
        let after = resident_bytes();
        least = least.min(after.saturating_sub(before));
        before = after;
    }
    least
}

#[test]
fn closing_gives_everything_back() {
    const MOST: usize = 4 << 20; // of an allocator that keeps pieces
    let folder = Folder::new();
    let corpus = folder.corpus();
    let runtime = Runtime::builder().threads(1).build().unwrap();
    let config = small_config(&runtime, &corpus);

    let small = growth(10_000, |_| {
        let copy = config.try_clone().unwrap();
        let graph = Graph::new(&runtime).unwrap();
        let tensor = Tensor::from_vec(vec![0f32; 1000], &[1000]).unwrap();
        assert!(copy.get::<i64>("trainer.stepz").is_err());
        drop((graph, tensor, copy));
    });
    assert!(small < MOST, "{small} bytes more after 10,000 configs, graphs, tensors, errors");

    let large = growth(40, |index| {
        let runtime = Runtime::builder().threads(1).build().unwrap();
        register_rms_feed_forward(&runtime).unwrap();
        let config = small_config(&runtime, &corpus);
        let program = Program::from_config(&config, &ProgramOptions::new()).unwrap();
        let mut trainer = Trainer::new(&config).unwrap();
        trainer.add_sink(|_| {}).unwrap();
        trainer.step().unwrap();
        let job = trainer.run().unwrap();
        let generator = (index % 2 == 0).then(|| job.wait().map(|_| ()));
        // In two orders.
        if index % 2 == 0 {
            drop((runtime, config, program, trainer, generator, job));
        } else {
            drop((job, generator, trainer, program, config, runtime));
        }
    });
    assert!(large < MOST, "{large} bytes more after 40 trainers");

    let mut trainer = Trainer::new(&config).unwrap();
    trainer.save_to(folder.at("saved")).unwrap();
    let options = GenerateOptions::new().max_tokens(3);
    let generators = growth(40, |_| {
        let mut generator = Generator::from_checkpoint(&runtime, folder.at("saved")).unwrap();
        generator.generate("the ", &options).unwrap();
    });
    assert!(generators < MOST, "{generators} bytes more after 40 generators");
}
