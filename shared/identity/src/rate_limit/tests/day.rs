//! The quota of a day: write units only, in blocks that grow to 2 %.

use super::*;

const DAY: Amount = Amount {
    requests: 0,
    events: 0,
    units: 2_500_000,
};

/// A request of a batch of 100 spans, which takes 4 write units.
const BATCH: u64 = 4;

fn instance(quota: Amount) -> Allowance {
    Allowance::new(quota, Period::Day, at(0))
}

/// Sends a batch that is estimated at `estimated` units and takes `taken`.
fn batch(
    instance: &mut Allowance,
    table: &mut Table,
    (estimated, taken): (u64, u64),
    now: Timestamp,
) -> bool {
    let is_admitted = request(instance, table, Amount::of_units(estimated), now);
    if is_admitted {
        instance.settle(instance.window(), estimated, taken);
    }
    is_admitted
}

#[test]
fn a_busy_instance_takes_a_few_leases_of_growing_size_and_then_one_for_each_two_percent() {
    let mut table = Table::default();
    let mut busy = instance(DAY);
    let mut admitted = 0;
    while batch(&mut busy, &mut table, (BATCH, BATCH), at(admitted / 10)) {
        admitted += 1;
    }
    assert_eq!(admitted, DAY.units / BATCH);
    let growing = 8;
    assert!(table.writes <= 50 + growing, "{} leases", table.writes);
}

#[test]
fn a_thousand_instances_that_end_after_one_batch_use_up_a_fifth_of_a_day_at_most() {
    let mut table = Table::default();
    for second in 0..1_000 {
        let mut short_lived = instance(DAY);
        assert!(batch(
            &mut short_lived,
            &mut table,
            (BATCH, BATCH),
            at(second)
        ));
    }
    assert!(table.leased.units <= DAY.units / 5, "{:?}", table.leased);
}

#[test]
fn an_instance_that_ends_after_a_batch_of_any_size_loses_at_most_the_first_share_of_a_day() {
    for taken in [BATCH, 71, 770, 4_000] {
        let mut table = Table::default();
        let mut short_lived = instance(DAY);
        assert!(batch(&mut short_lived, &mut table, (taken, taken), at(0)));
        let lost = table.leased.units - taken;
        assert!(lost <= DAY.units / 5_000, "{taken}: {lost}");
    }
}

#[test]
fn instances_share_a_day_and_exceed_it_by_one_batch_each_at_most() {
    for instances in [1, 8, 50] {
        for taken in [BATCH, 71, 4_000] {
            let mut table = Table::default();
            let mut warm = vec![instance(DAY); instances];
            let mut stored = 0;
            for turn in 0..2 * DAY.units / taken {
                let one = &mut warm[turn as usize % instances];
                if batch(one, &mut table, (BATCH, taken), at(turn / 100)) {
                    stored += taken;
                }
            }
            let most = DAY.units + instances as u64 * taken;
            assert!(stored <= most, "{instances} × {taken}: {stored}");
            let least = DAY.units - instances as u64 * DAY.units / 50;
            assert!(stored >= least, "{instances} × {taken}: {stored}");
        }
    }
}

#[test]
fn the_used_percentage_counts_what_others_leased_and_not_what_is_still_held() {
    let quota = Amount::of_units(1_000);
    let mut table = Table::default();
    let mut one = instance(quota);
    assert_eq!(one.used_percent(), 0);
    let mut used = 0;
    while one.used_percent() < 80 {
        assert!(batch(&mut one, &mut table, (1, 1), at(0)));
        used += 1;
    }
    assert_eq!(used, 800);
    let mut other = instance(quota);
    assert!(batch(&mut other, &mut table, (1, 1), at(0)));
    assert!((80..=85).contains(&other.used_percent()));
    while batch(&mut one, &mut table, (1, 1), at(0)) {}
    assert!(one.used_percent() >= 95);
    assert_eq!(instance(Amount::default()).used_percent(), 100);
}

#[test]
fn a_day_ends_at_midnight_and_begins_with_nothing_leased() {
    let mut table = Table::default();
    let mut one = instance(Amount::of_units(10));
    while batch(&mut one, &mut table, (1, 1), at(86_399)) {}
    assert_eq!(one.window().day().to_string(), "1970-01-01");
    let mut tomorrow = Table::default();
    assert!(batch(&mut one, &mut tomorrow, (1, 1), at(86_400)));
    assert_eq!(one.window().day().to_string(), "1970-01-02");
    assert_eq!(one.window().end(), at(2 * 86_400));
}

#[test]
fn a_request_that_loses_the_race_for_leases_is_denied_in_a_minute_but_not_in_a_day() {
    assert!(Period::Minute.denies_outrun_requests());
    assert!(!Period::Day.denies_outrun_requests());
}

proptest! {
    #[test]
    fn no_order_of_batches_exceeds_a_day_by_more_than_one_batch_of_each_instance(
        batches in prop::collection::vec((0usize..6, 0u64..300, 0u64..300, 0u64..86_400), 1..400),
        units in 1u64..20_000,
    ) {
        let mut table = Table::default();
        let mut instances = [instance(Amount::of_units(units)); 6];
        let mut stored = 0;
        for (index, estimated, taken, second) in batches {
            let estimated = estimated.min(units);
            if batch(&mut instances[index], &mut table, (estimated, taken), at(second)) {
                stored += taken;
            }
        }
        prop_assert!(table.leased.units <= units);
        prop_assert!(stored <= units + 6 * 300, "{stored} of {units}");
    }
}

#[test]
fn what_is_taken_beyond_a_lease_is_a_debt_which_a_lease_pays() {
    let quota = Amount::of_units(10_000);
    let mut table = Table::default();
    let mut instance = instance(quota);
    assert!(batch(&mut instance, &mut table, (16, 16), at(0)));
    assert_eq!(instance.debt(), None, "nothing is owed");
    assert!(batch(&mut instance, &mut table, (16, 3_000), at(1)));
    let left = instance.remaining().units;
    let block = instance.debt().unwrap();
    assert!(block.units >= 3_000 - 16 - 184, "{block:?}");
    table.leased = table.leased.plus(block);
    instance.record_lease(instance.window(), block, table.leased);
    assert_eq!(instance.debt(), None, "paid");
    assert_eq!(instance.remaining().units, left);
}

#[test]
fn a_debt_larger_than_the_rest_of_the_quota_takes_the_rest_and_denies_what_follows() {
    let quota = Amount::of_units(100);
    let mut table = Table::default();
    let mut instance = instance(quota);
    assert!(batch(&mut instance, &mut table, (16, 5_000), at(0)));
    let block = instance.debt().unwrap();
    assert_eq!(block.units, 100 - table.leased.units);
    instance.record_lease(instance.window(), block, quota);
    assert_eq!(instance.debt(), None, "nothing is left");
    assert!(instance.denies(Amount::of_units(1)));
    let mut other = Allowance::new(quota, Period::Day, at(0));
    other.record_refusal(other.window(), quota);
    assert!(other.denies(Amount::of_units(1)));
}
