//! The simulated shop: the operations behind each page, how long they take, how they fail.

use super::step::{
    Fault, Incident, Step, cache, call, consume, page, publish, query, query_of_customer, request,
    serve, with_chance, with_fault, with_log, with_sigma, work,
};
use super::telemetry::Service::{Cart, Checkout, Inventory, Mailer, Payments};

/// A page or a button of the shop.
pub(super) struct Endpoint {
    /// Relative frequency of requests to it.
    pub(super) weight: f64,
    /// Share of requests that are refused in normal operation, and their status.
    pub(super) refusal: Option<(f64, u16)>,
    /// The operation that handles a request.
    pub(super) step: Step,
}

/// All pages and buttons of the shop.
pub(super) const ENDPOINTS: &[Endpoint] = &[
    endpoint(24.0, None, page("GET /", 6.0, &[FRONT])),
    endpoint(
        30.0,
        Some((0.03, 404)),
        page(
            "GET /products/{id}",
            5.0,
            &[PRODUCT, with_chance(0.6, STOCK)],
        ),
    ),
    endpoint(10.0, None, page("GET /search", 8.0, &[SEARCH])),
    endpoint(16.0, None, page("GET /cart", 4.0, &[BASKET])),
    endpoint(
        10.0,
        Some((0.02, 422)),
        page("POST /cart/items", 4.0, &[ADD]),
    ),
    endpoint(
        4.0,
        Some((0.05, 402)),
        page("POST /checkout", 10.0, &[ORDER]),
    ),
    endpoint(
        5.0,
        Some((0.04, 404)),
        page("GET /orders/{id}", 4.0, &[SHOW_ORDER]),
    ),
    ORDERS,
    endpoint(0.6, None, page("GET /admin/report", 10.0, &[REPORT])),
];

/// All orders of a customer.
pub(super) const ORDERS: Endpoint = endpoint(3.0, None, page("GET /orders", 4.0, &[LIST_ORDERS]));

const FRONT: Step = serve(
    Inventory,
    "GET /products",
    5.0,
    &[
        cache(Inventory, "GET products:front"),
        with_chance(0.12, query(Inventory, "SELECT products", 14.0)),
    ],
);

const PRODUCT: Step = serve(
    Inventory,
    "GET /products/{id}",
    4.0,
    &[
        cache(Inventory, "GET product:{id}"),
        with_chance(0.2, query(Inventory, "SELECT products", 5.0)),
    ],
);

const STOCK: Step = serve(
    Inventory,
    "GET /stock/{id}",
    3.0,
    &[query(Inventory, "SELECT stock", 6.0)],
);

/// Always slow, as if the query had no index.
const SEARCH: Step = serve(
    Inventory,
    "GET /search",
    20.0,
    &[with_sigma(0.75, query(Inventory, "SELECT products", 170.0))],
);

const BASKET: Step = serve(
    Cart,
    "GET /carts/{id}",
    3.0,
    &[cache(Cart, "GET cart:{id}"), PRICE],
);

const PRICE: Step = with_fault(
    Fault {
        chance: 0.0005,
        during: Incident::BadDeploy,
        message: "TypeError: cannot read properties of undefined (reading 'price')",
    },
    work(Cart, "price the basket", 2.0),
);

const ADD: Step = with_log(
    "put a product into a basket",
    serve(
        Cart,
        "POST /carts/{id}/items",
        5.0,
        &[
            call(Cart, "GET /stock/{id}", &[STOCK]),
            PRICE,
            cache(Cart, "SET cart:{id}"),
        ],
    ),
);

const ORDER: Step = with_log(
    "took an order",
    serve(
        Checkout,
        "POST /orders",
        14.0,
        &[
            call(Checkout, "GET /carts/{id}", &[BASKET]),
            call(Checkout, "POST /reservations", &[RESERVE]),
            call(Checkout, "POST /charges", &[CHARGE]),
            query(Checkout, "INSERT orders", 9.0),
            publish(Checkout, "orders publish", &[RECEIPT]),
        ],
    ),
);

const RESERVE: Step = serve(
    Inventory,
    "POST /reservations",
    4.0,
    &[query(Inventory, "UPDATE stock", 8.0)],
);

const CHARGE: Step = with_log(
    "charged a card",
    serve(
        Payments,
        "POST /charges",
        6.0,
        &[
            work(Payments, "check for fraud", 15.0),
            with_fault(
                Fault {
                    chance: 0.006,
                    during: Incident::BankDown,
                    message: "the bank did not answer within 3 s",
                },
                with_sigma(0.5, request(Payments, "POST /v2/authorizations", 220.0)),
            ),
        ],
    ),
);

const RECEIPT: Step = with_log(
    "sent a receipt",
    consume(
        Mailer,
        "orders process",
        5.0,
        &[request(Mailer, "POST /messages", 90.0)],
    ),
);

const SHOW_ORDER: Step = serve(
    Checkout,
    "GET /orders/{id}",
    3.0,
    &[query(Checkout, "SELECT orders", 7.0)],
);

const LIST_ORDERS: Step = serve(
    Checkout,
    "GET /orders",
    3.0,
    &[query_of_customer(Checkout, "SELECT order_lines", 12.0)],
);

/// The slowest, as if it read every order of the month.
const REPORT: Step = serve(
    Checkout,
    "GET /report",
    40.0,
    &[
        with_sigma(0.5, query(Checkout, "SELECT orders", 1700.0)),
        work(Checkout, "draw the report", 160.0),
    ],
);

const fn endpoint(weight: f64, refusal: Option<(f64, u16)>, step: Step) -> Endpoint {
    Endpoint {
        weight,
        refusal,
        step,
    }
}
