//! What is measured: one file for each workload.

use std::pin::Pin;

use crate::failure::Failure;
use crate::figure::Figure;
use crate::sample::Sample;
use crate::scale::Scale;

/// Figures, once they are there.
pub(crate) type Running = Pin<Box<dyn Future<Output = Result<Vec<Figure>, Failure>>>>;

/// One workload.
pub(crate) struct Workload {
    /// What it is called on the command line.
    pub(crate) name: &'static str,
    /// What it is, for the heading of its figures.
    pub(crate) about: &'static str,
    pub(crate) run: fn(Scale) -> Running,
}

/// Measures all subjects in turn, round after round, so that whatever the machine does besides meets all alike.
pub(crate) async fn in_turn<S: Copy, const N: usize>(
    rounds: usize,
    subjects: [S; N],
    measure: impl AsyncFn(S) -> Result<f64, Failure>,
) -> Result<[Sample; N], Failure> {
    let mut figures: [Vec<f64>; N] = std::array::from_fn(|_| Vec::new());
    for _ in 0..rounds {
        for (subject, figures) in subjects.into_iter().zip(&mut figures) {
            figures.push(measure(subject).await?);
        }
    }
    let samples: Result<Vec<Sample>, Failure> = figures.into_iter().map(Sample::of).collect();
    let samples = <[Sample; N]>::try_from(samples?);
    samples.map_err(|_| Failure::new("a subject was lost"))
}
