//! Bodies in several orders: what an allocator keeps of one may be in the way of the next.

use std::cmp::Reverse;

use super::super::function::Function;
use super::{Sent, Taken};

/// Sends bodies in ascending order of the memory that each took before (zero for ordinary ones), in
/// descending order, and shuffled. Returns a line for each that takes more memory than `most`, in kB.
#[expect(clippy::print_stdout, reason = "a table to read")]
pub(super) async fn too_large(
    ingest: &Function,
    mut bodies: Vec<(u64, Sent)>,
    most: u64,
) -> Vec<String> {
    let mut failures = Vec::new();
    for order in ["ascending", "descending", "shuffled"] {
        match order {
            "ascending" => bodies.sort_by_key(|(peak_kb, _)| *peak_kb),
            "descending" => bodies.sort_by_key(|(peak_kb, _)| Reverse(*peak_kb)),
            _ => shuffle(&mut bodies),
        }
        let mut largest = (0, String::new());
        for (_, sent) in &bodies {
            let taken = Taken::by(ingest, &sent.event, sent.bytes).await;
            let line = format!(
                "{order}: {} {:?}: {} kB",
                sent.name, sent.kind, taken.peak_kb
            );
            if taken.peak_kb > most {
                failures.push(line.clone());
            }
            largest = largest.max((taken.peak_kb, line));
        }
        println!("{}", largest.1);
    }
    failures
}

/// Puts items in an order without a pattern, always the same (Fisher and Yates).
fn shuffle<T>(items: &mut [T]) {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for end in (1..items.len()).rev() {
        // Knuth's linear congruential generator, whose upper bits are the better ones.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        items.swap(end, (state >> 33) as usize % (end + 1));
    }
}
