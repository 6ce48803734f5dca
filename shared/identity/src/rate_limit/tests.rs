//! Simulates instances that share one counter.

mod day;

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use upblit_base::clock;

const QUOTA: Amount = Amount {
    requests: 6_000,
    events: 600_000,
    units: 60_000,
};

fn at(seconds: u64) -> Timestamp {
    clock::after(Timestamp::UNIX_EPOCH, Duration::from_secs(seconds))
}

/// Counter in the table, with the same condition as the storage layer.
#[derive(Default)]
struct Table {
    leased: Amount,
    writes: u64,
}

impl Table {
    fn lease(&mut self, block: Amount, quota: Amount) -> Result<Amount, Amount> {
        self.writes += 1;
        let after = self.leased.plus(block);
        if !quota.covers(after) {
            return Err(self.leased);
        }
        self.leased = after;
        Ok(after)
    }
}

fn request(instance: &mut Allowance, table: &mut Table, cost: Amount, now: Timestamp) -> bool {
    loop {
        match instance.ask(cost, now) {
            Admission::Admitted => return true,
            Admission::Denied => return false,
            Admission::Lease(block) => match table.lease(block, instance.quota()) {
                Ok(leased) => instance.record_lease(instance.window(), block, leased),
                Err(leased) => instance.record_refusal(instance.window(), leased),
            },
        }
    }
}

/// Sends requests with `events` events to the instances in turn. Returns what was admitted,
/// and the number of writes.
fn simulate(instances: usize, requests: u64, events: usize) -> (Amount, u64) {
    let mut table = Table::default();
    let mut warm = vec![Allowance::new(QUOTA, Period::Minute, at(0)); instances];
    let mut admitted = Amount::default();
    for index in 0..requests {
        let instance = &mut warm[index as usize % instances];
        let cost = Amount::of_request(events, 4);
        if request(instance, &mut table, cost, at(index * 59 / requests)) {
            admitted = admitted.plus(cost);
        }
    }
    (admitted, table.writes)
}

#[test]
fn one_eight_or_fifty_instances_never_admit_more_than_the_quota() {
    for instances in [1, 8, 50] {
        for events in [1, 100, 7_000] {
            let (admitted, _) = simulate(instances, 20_000, events);
            assert!(
                QUOTA.covers(admitted),
                "{instances} × {events}: {admitted:?}"
            );
        }
    }
}

#[test]
fn under_load_there_is_at_most_one_write_per_fifty_requests() {
    for instances in [1, 8, 50] {
        let (_, writes) = simulate(instances, 20_000, 100);
        assert!(
            writes * 50 <= 20_000 + 50 * instances as u64,
            "{instances}: {writes}"
        );
    }
}

#[test]
fn nearly_all_of_the_quota_can_be_used() {
    for (instances, least) in [(1, 6_000), (8, 5_900), (50, 5_900)] {
        let (admitted, _) = simulate(instances, 20_000, 10);
        assert!(admitted.requests >= least, "{instances}: {admitted:?}");
    }
}

#[test]
fn denied_requests_need_no_writes() {
    let mut table = Table::default();
    let mut instance = Allowance::new(QUOTA, Period::Minute, at(0));
    let cost = Amount::of_request(1, 0);
    while request(&mut instance, &mut table, cost, at(1)) {}
    let writes = table.writes;
    for _ in 0..10_000 {
        assert!(!request(&mut instance, &mut table, cost, at(59)));
    }
    assert_eq!(table.writes, writes);
    assert!(
        request(&mut instance, &mut Table::default(), cost, at(60)),
        "a new window"
    );
}

#[test]
fn a_denied_large_batch_leaves_quota_for_small_ones() {
    let mut table = Table::default();
    let quota = Amount {
        requests: 100,
        events: 1_000,
        units: 100,
    };
    let mut instance = Allowance::new(quota, Period::Minute, at(0));
    assert!(request(
        &mut instance,
        &mut table,
        Amount::of_request(900, 0),
        at(0)
    ));
    assert!(!request(
        &mut instance,
        &mut table,
        Amount::of_request(900, 0),
        at(0)
    ));
    assert!(request(
        &mut instance,
        &mut table,
        Amount::of_request(50, 0),
        at(0)
    ));
}

#[test]
fn a_lease_of_an_old_window_is_not_used_in_a_new_one() {
    let mut instance = Allowance::new(QUOTA, Period::Minute, at(0));
    let Admission::Lease(block) = instance.ask(Amount::of_request(1, 0), at(59)) else {
        panic!("nothing is held yet");
    };
    let old = instance.window();
    assert!(matches!(
        instance.ask(Amount::of_request(1, 0), at(60)),
        Admission::Lease(_)
    ));
    instance.record_lease(old, block, block);
    assert!(matches!(
        instance.ask(Amount::of_request(1, 0), at(60)),
        Admission::Lease(_)
    ));
}

/// Admits a request that is estimated at one unit, and settles it.
fn settled(instance: &mut Allowance, table: &mut Table, units: u64) -> bool {
    let is_admitted = request(instance, table, Amount::of_request(1, 1), at(1));
    if is_admitted {
        instance.settle(instance.window(), 1, units);
    }
    is_admitted
}

#[test]
fn units_beyond_the_estimate_are_settled_without_a_lease_and_owed_by_the_next_request() {
    let mut table = Table::default();
    let mut instance = Allowance::new(QUOTA, Period::Minute, at(0));
    assert!(settled(&mut instance, &mut table, 30_000));
    assert_eq!(table.writes, 1);
    assert_eq!(instance.remaining().units, 30_000);
    assert!(settled(&mut instance, &mut table, 30_000));
    assert_eq!(instance.remaining().units, 0);
    let writes = table.writes;
    for _ in 0..100 {
        assert!(!settled(&mut instance, &mut table, 1));
    }
    assert_eq!(table.writes, writes);
}

#[test]
fn units_that_a_request_did_not_take_serve_the_next_one() {
    let mut table = Table::default();
    let mut instance = Allowance::new(QUOTA, Period::Minute, at(0));
    for _ in 0..20 {
        assert!(settled(&mut instance, &mut table, 0));
    }
    assert_eq!(table.writes, 1);
    assert_eq!(instance.remaining().units, QUOTA.units);
}

#[test]
fn leases_are_sized_by_the_units_that_the_last_request_took() {
    let mut table = Table::default();
    let mut instance = Allowance::new(QUOTA, Period::Minute, at(0));
    let admitted = (0..500).filter(|_| settled(&mut instance, &mut table, 20));
    assert_eq!(admitted.count(), 500);
    assert!(table.writes <= 500 / 50 + 1, "{}", table.writes);
}

#[test]
fn a_request_admitted_in_an_earlier_window_is_not_settled_in_a_later_one() {
    let mut table = Table::default();
    let mut instance = Allowance::new(QUOTA, Period::Minute, at(0));
    assert!(settled(&mut instance, &mut table, 1));
    let old = instance.window();
    let cost = Amount::of_request(1, 1);
    assert!(request(&mut instance, &mut Table::default(), cost, at(60)));
    let before = instance.remaining();
    instance.settle(old, 1, 50_000);
    assert_eq!(instance.remaining(), before);
}

proptest! {
    #[test]
    fn no_order_of_requests_admits_more_than_the_quota(
        requests in prop::collection::vec((0usize..12, 0usize..400, 0u64..40, 0u64..60), 1..600),
        quota_requests in 1u64..200,
        quota_events in 1u64..5_000,
        quota_units in 1u64..2_000,
    ) {
        let quota = Amount {
            requests: quota_requests,
            events: quota_events,
            units: quota_units,
        };
        let mut table = Table::default();
        let mut instances = [Allowance::new(quota, Period::Minute, at(0)); 12];
        let mut admitted = Amount::default();
        for (instance, events, units, second) in requests {
            let cost = Amount::of_request(events, units);
            if request(&mut instances[instance], &mut table, cost, at(second)) {
                admitted = admitted.plus(cost);
            }
        }
        prop_assert!(quota.covers(admitted) && quota.covers(table.leased));
    }

    #[test]
    fn owed_units_exceed_the_quota_by_one_request_of_each_instance_at_most(
        requests in prop::collection::vec((0usize..4, 0u64..300), 1..300),
        quota_units in 1u64..2_000,
    ) {
        let quota = Amount { units: quota_units, ..QUOTA };
        let mut table = Table::default();
        let mut instances = [Allowance::new(quota, Period::Minute, at(0)); 4];
        let mut taken = 0;
        for (instance, units) in requests {
            if settled(&mut instances[instance], &mut table, units) {
                taken += units;
            }
        }
        prop_assert!(taken <= quota_units + 4 * 300, "{taken} of {quota_units}");
    }
}
