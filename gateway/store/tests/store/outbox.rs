//! P-12: upstream lies, and nothing leaves the outbox wrongly.

use std::sync::Arc;

use gateway_core::name::Name;
use gateway_store::Reader;
use gateway_store::header::{Hash, JournalId};
use gateway_store::journal::Journal;
use gateway_store::outbox::{Ignored, Outbox, Receipt, ReceiptRange};
use gateway_store::ranges::Ranges;
use proptest::prelude::*;

use crate::harness::{fill, memory, on_sled};

const EVENTS: u64 = 60;
const SENT: u64 = 40;

fn grid() -> Name {
    Name::new("grid")
}

fn hash(journal: &Arc<dyn Journal>, number: u64) -> Hash {
    match Reader::new(journal.clone()).get(number).expect("readable") {
        Some(stored) => stored.hash,
        None => Hash::ZERO,
    }
}

fn receipt(journal: &Arc<dyn Journal>, ranges: &[(u64, u64)]) -> Receipt {
    Receipt {
        journal: journal.id(),
        destination: grid(),
        ranges: ranges
            .iter()
            .map(|&(from, to)| ReceiptRange {
                from,
                to,
                hash: hash(journal, to),
            })
            .collect(),
    }
}

fn sent(to: u64) -> Ranges {
    let mut sent = Ranges::new();
    sent.insert(1, to);
    sent
}

#[test]
fn a_true_receipt_is_kept_across_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = on_sled(folder.path());
    fill(&journal, EVENTS);
    let mut outbox = Outbox::open(journal.clone(), grid()).expect("an outbox");
    let outcome = outbox
        .confirm(&receipt(&journal, &[(1, 10), (21, 30)]), &sent(SENT))
        .expect("durable");
    assert_eq!(outcome.accepted, [(1, 10), (21, 30)]);
    assert_eq!((outbox.confirmed_through(), outbox.waiting()), (10, 40));
    drop(outbox);
    drop(journal);
    let journal = on_sled(folder.path());
    let outbox = Outbox::open(journal.clone(), grid()).expect("an outbox");
    assert_eq!((outbox.confirmed_through(), outbox.waiting()), (10, 40));
    assert!(outbox.confirmed().contains(25) && !outbox.confirmed().contains(31));
    // Another destination has confirmed nothing.
    let other = Outbox::open(journal, Name::new("county")).expect("an outbox");
    assert_eq!(other.waiting(), EVENTS);
}

#[test]
fn p12_each_lie_is_ignored_and_counted_by_its_cause() {
    let journal = memory();
    fill(&journal, EVENTS);
    let mut outbox = Outbox::open(journal.clone(), grid()).expect("an outbox");
    let truth = receipt(&journal, &[(1, 5)]);
    outbox.confirm(&truth, &sent(SENT)).expect("kept");
    let lies = [
        (truth.clone(), Ignored::Repeated),
        (
            Receipt {
                journal: JournalId([1; 16]),
                ..truth.clone()
            },
            Ignored::OtherJournal,
        ),
        (
            Receipt {
                destination: Name::new("county"),
                ..truth.clone()
            },
            Ignored::OtherDestination,
        ),
        (receipt(&journal, &[(6, 61)]), Ignored::Unknown),
        (receipt(&journal, &[(6, u64::MAX)]), Ignored::Unknown),
        (receipt(&journal, &[(0, 7)]), Ignored::Malformed),
        (receipt(&journal, &[(9, 8)]), Ignored::Malformed),
        (receipt(&journal, &[(6, 41)]), Ignored::Early),
        (receipt(&journal, &[(1, 5); 1_025]), Ignored::TooManyRanges),
    ];
    for (lie, cause) in lies {
        let outcome = outbox.confirm(&lie, &sent(SENT)).expect("judged");
        assert_eq!(outcome.accepted, []);
        assert_eq!(outcome.ignored, [cause]);
    }
    let mut wrong = receipt(&journal, &[(6, 10)]);
    wrong.ranges[0].hash = hash(&journal, 9);
    let outcome = outbox.confirm(&wrong, &sent(SENT)).expect("judged");
    assert_eq!(outcome.ignored, [Ignored::OtherHash]);
    assert_eq!(outbox.confirmed_through(), 5);
    assert_eq!(outbox.ignored().values().sum::<u64>(), 10);
}

#[test]
fn p12_a_platform_that_confirms_every_other_number_fills_no_memory() {
    let journal = memory();
    fill(&journal, 1_200);
    let mut outbox = Outbox::open(journal.clone(), grid()).expect("an outbox");
    let scattered: Vec<(u64, u64)> = (1..=600).map(|n| (n * 2, n * 2)).collect();
    let outcome = outbox
        .confirm(&receipt(&journal, &scattered), &sent(1_200))
        .expect("judged");
    assert!(outcome.ignored.contains(&Ignored::TooScattered));
    assert!(outbox.confirmed().pieces() <= 256);
    let whole = receipt(&journal, &[(1, 1_200)]);
    outbox.confirm(&whole, &sent(1_200)).expect("kept");
    assert_eq!(outbox.waiting(), 0);
}

/// What the property is asked of: the outbox, or its twin.
trait Confirms {
    fn confirm(&mut self, receipt: &Receipt, sent: &Ranges);
    fn confirmed(&self) -> Ranges;
}

impl Confirms for Outbox {
    fn confirm(&mut self, receipt: &Receipt, sent: &Ranges) {
        Outbox::confirm(self, receipt, sent).expect("judged");
    }

    fn confirmed(&self) -> Ranges {
        Outbox::confirmed(self).clone()
    }
}

/// The sabotage twin: believes what it is told.
struct Trusting(Ranges);

impl Confirms for Trusting {
    fn confirm(&mut self, receipt: &Receipt, _: &Ranges) {
        for range in &receipt.ranges {
            self.0.insert(range.from, range.to.min(EVENTS));
        }
    }

    fn confirmed(&self) -> Ranges {
        self.0.clone()
    }
}

#[derive(Clone, Debug)]
struct Claim {
    from: u64,
    to: u64,
    /// Which header's hash it shows: offset from `to`.
    hash_of: i8,
    other_journal: bool,
    other_destination: bool,
}

fn claim() -> impl Strategy<Value = Claim> {
    let offset = prop_oneof![4 => Just(0i8), 1 => -3..=3i8];
    let ends = (0..EVENTS + 5, 0..12u64, offset);
    (ends, prop::bool::weighted(0.1), prop::bool::weighted(0.1)).prop_map(
        |((from, length, hash_of), other_journal, other_destination)| Claim {
            from,
            to: (from + length).saturating_sub(1),
            hash_of,
            other_journal,
            other_destination,
        },
    )
}

/// Every number that was ever rightly confirmed, by an oracle that looks at each claim alone.
fn confirms_only_the_truth(
    confirms: &mut dyn Confirms,
    journal: &Arc<dyn Journal>,
    claims: &[Claim],
) -> Result<(), TestCaseError> {
    let mut right = vec![false; EVENTS as usize + 1];
    for claim in claims {
        let shown = claim.to.saturating_add_signed(i64::from(claim.hash_of));
        let receipt = Receipt {
            journal: match claim.other_journal {
                true => JournalId([1; 16]),
                false => journal.id(),
            },
            destination: Name::new(match claim.other_destination {
                true => "county",
                false => "grid",
            }),
            ranges: vec![ReceiptRange {
                from: claim.from,
                to: claim.to,
                hash: hash(journal, shown),
            }],
        };
        let true_claim = !claim.other_journal
            && !claim.other_destination
            && claim.from >= 1
            && claim.from <= claim.to
            && claim.to <= SENT
            && shown == claim.to;
        if true_claim {
            (claim.from..=claim.to).for_each(|number| right[number as usize] = true);
        }
        confirms.confirm(&receipt, &sent(SENT));
        for number in 1..=EVENTS {
            prop_assert_eq!(
                confirms.confirmed().contains(number),
                right[number as usize],
                "number {} after {:?}",
                number,
                claim
            );
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
    #[test]
    fn p12_only_what_upstream_truly_stored_leaves_the_outbox(
        claims in prop::collection::vec(claim(), 1..40),
    ) {
        let journal = memory();
        fill(&journal, EVENTS);
        let mut outbox = Outbox::open(journal.clone(), grid()).expect("an outbox");
        confirms_only_the_truth(&mut outbox, &journal, &claims)?;
    }
}

#[test]
fn p12_twin_an_outbox_that_trusts_is_found_out() {
    let journal = memory();
    fill(&journal, EVENTS);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 50,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let found = runner.run(&prop::collection::vec(claim(), 1..40), |claims| {
        confirms_only_the_truth(&mut Trusting(Ranges::new()), &journal, &claims)
    });
    assert!(found.is_err());
}
