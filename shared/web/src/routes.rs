//! Generates a function's router and OpenAPI document from one list of handlers.

use axum::Router;
use axum::handler::Handler;
use axum::routing::{MethodFilter, on};
use utoipa::Path;
use utoipa::openapi::HttpMethod;

#[doc(hidden)]
pub use pastey::paste;

/// Defines a function's `router` and its `Description` (OpenAPI).
///
/// Methods and paths come from the `#[utoipa::path]` of each handler, so that a route
/// cannot be served without being described, or the reverse. The router needs only
/// those two; a binary that never asks for `Description` does not contain it
/// (docs/decisions/0031).
///
/// ```ignore
/// shared::web::routes! {
///     state: State,
///     tag: ("API keys", "Keys that SDKs send telemetry with."),
///     handlers: [mint::mint, list::list],
/// }
/// ```
#[macro_export]
macro_rules! routes {
    (
        state: $state:ty,
        tag: ($tag:literal, $about:literal),
        handlers: [$($module:ident :: $handler:ident),+ $(,)?] $(,)?
    ) => {
        /// Builds the router of this function.
        pub fn router(state: $state) -> ::axum::Router {
            let router = ::axum::Router::new();
            $(let router = $crate::routes::paste! {
                $crate::routes::route::<$module::[<__path_ $handler>], _, _, _>(
                    router,
                    $module::$handler,
                )
            };)+
            router.with_state(state)
        }

        /// OpenAPI document of the routes.
        #[derive(::utoipa::OpenApi)]
        #[openapi(
            paths($($module::$handler),+),
            tags((name = $tag, description = $about))
        )]
        pub struct Description;
    };
}

/// Serves a handler at the methods and the path of its operation. For [`routes!`].
///
/// [`routes!`]: crate::routes!
///
/// # Panics
/// When two handlers have the same method and path.
#[doc(hidden)]
pub fn route<O, H, T, S>(mut router: Router<S>, handler: H) -> Router<S>
where
    O: Path,
    H: Handler<T, S>,
    T: 'static,
    S: Clone + Send + Sync + 'static,
{
    for method in O::methods() {
        router = router.route(&O::path(), on(filter(&method), handler.clone()));
    }
    router
}

fn filter(method: &HttpMethod) -> MethodFilter {
    match method {
        HttpMethod::Get => MethodFilter::GET,
        HttpMethod::Post => MethodFilter::POST,
        HttpMethod::Put => MethodFilter::PUT,
        HttpMethod::Delete => MethodFilter::DELETE,
        HttpMethod::Options => MethodFilter::OPTIONS,
        HttpMethod::Head => MethodFilter::HEAD,
        HttpMethod::Patch => MethodFilter::PATCH,
        HttpMethod::Trace => MethodFilter::TRACE,
    }
}
