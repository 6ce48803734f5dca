//! The customers of the simulated shop, which has a site in each of several cities.

use serde_json::{Map, Value};

/// Number of customers.
const CUSTOMERS: u8 = 60;

/// Cities with a site.
const CITIES: [&str; 3] = ["Lisbon", "Oslo", "Prague"];

/// Someone who buys in the shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Customer(u8);

impl Customer {
    /// The customer with more orders than a query can read in time.
    pub(super) const LARGEST: Self = Self(17);

    /// Chooses a customer by a random number from 0 (included) to 1 (excluded). All are equally likely.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a number below the number of customers"
    )]
    pub(super) fn chosen_by(random: f64) -> Self {
        Self((random * f64::from(CUSTOMERS)) as u8 % CUSTOMERS)
    }

    /// Adds the span attributes that describe the customer.
    pub(super) fn describe(self, attributes: &mut Map<String, Value>) {
        let city = CITIES[usize::from(self.0) % CITIES.len()];
        attributes.insert("customer.id".to_owned(), format!("C-{:03}", self.0).into());
        attributes.insert("shop.city".to_owned(), city.into());
    }
}
