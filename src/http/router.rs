//! Every route on one screen. Those under `/api` take a visitor's token by their
//! `Visitor` argument, or the site's key by `ApiKey`; webhooks are signed; the ones without are health, the API's description, built-in files,
//! and the demo (loopback only).

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::RequestBodyTimeoutLayer;
use utoipa::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use utoipa_swagger_ui::SwaggerUi;

use super::error::{Code, Problem};
use super::state::App;
use super::{
    ai_jobs, assets, body, bridge, cors, crawls, demo, documents, handoffs, health, inbound, jobs, messages,
    metrics, order_updated, ping, plain_text, privacy, rag, request_id, search, site, threads, tickets,
    usage, webhooks,
};

/// A body must have arrived by then.
const BODY_TIME: Duration = Duration::from_secs(15);

#[derive(OpenApi)]
#[openapi(
    info(title = "deskhand", description = "A support agent that answers from a site's own documents."),
    tags((name = "agent", description = "Conversations of a site's visitors"), (name = "intake", description = "What a site tells of its documents, and where they stand"),
         (name = "gateway", description = "AI jobs of a site's server"), (name = "privacy", description = "A person's data: export and erasure"),
         (name = "tickets", description = "What a site's people work on"),
         (name = "operation", description = "Health and usage"))
)]
struct Description;

fn api() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(messages::post))
        .routes(routes!(threads::get))
        .routes(routes!(threads::events))
        .routes(routes!(threads::cancel))
        .routes(routes!(threads::feedback))
        .routes(routes!(search::post))
        .routes(routes!(rag::post))
        .routes(routes!(ai_jobs::post))
        .routes(routes!(ai_jobs::get))
        .routes(routes!(ping::post))
        .routes(routes!(ping::stream_check))
        .routes(routes!(usage::get))
        .routes(routes!(site::get, site::patch))
        .routes(routes!(privacy::export))
        .routes(routes!(privacy::erase))
        .routes(routes!(webhooks::wp_media))
        .routes(routes!(order_updated::post))
        .routes(routes!(bridge::ingest))
        .routes(routes!(bridge::results))
        .routes(routes!(handoffs::get))
        .routes(routes!(inbound::list))
        .routes(routes!(inbound::get))
        .routes(routes!(inbound::retry))
        .routes(routes!(inbound::refused))
        .routes(routes!(documents::list))
        .routes(routes!(documents::lookup))
        .routes(routes!(documents::get, documents::delete))
        .routes(routes!(documents::chunks))
        .routes(routes!(documents::reindex))
        .routes(routes!(documents::approve))
        .routes(routes!(jobs::get))
        .routes(routes!(crawls::list, crawls::add))
        .routes(routes!(crawls::get, crawls::remove))
        .routes(routes!(crawls::run))
        .routes(routes!(tickets::list))
        .routes(routes!(tickets::get, tickets::patch))
}

fn described(mut description: utoipa::openapi::OpenApi) -> utoipa::openapi::OpenApi {
    let scheme = SecurityScheme::Http(
        Http::builder()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .build(),
    );
    description
        .components
        .get_or_insert_default()
        .add_security_scheme("visitor", scheme);
    let key = SecurityScheme::Http(
        Http::builder()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("KID.KEY, as `deskhand site api-key` prints it")
            .build(),
    );
    description
        .components
        .get_or_insert_default()
        .add_security_scheme("api_key", key);
    let job = SecurityScheme::Http(
        Http::builder()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT of the site's server, aud deskhand-jobs, sixty seconds at most")
            .build(),
    );
    description
        .components
        .get_or_insert_default()
        .add_security_scheme("job_token", job);
    let event = SecurityScheme::Http(
        Http::builder()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT of the site's server, aud deskhand-events, five minutes at most, good once")
            .build(),
    );
    description
        .components
        .get_or_insert_default()
        .add_security_scheme("event_token", event);
    description
}

/// The API's description, as `deskhand openapi` prints it.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    let operation = OpenApiRouter::<Arc<App>>::new()
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz));
    described(api().merge(operation).into_openapi())
}

/// All routes.
pub fn router(app: Arc<App>) -> Router {
    let (api, _) = api().split_for_parts();
    let demo = Router::new()
        .route("/", get(demo::index))
        .route("/kb/{slug}", get(demo::article))
        .route("/demo/token", post(demo::mint))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&app),
            demo::loopback_only,
        ));
    let fixed = |name: HeaderName, value: &'static str| {
        SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
    };
    Router::new()
        .merge(api)
        .merge(demo)
        .route("/assets/{name}", get(assets::get))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(metrics::get))
        .merge(SwaggerUi::new("/docs").url("/openapi.json", openapi()))
        .fallback(nothing_here)
        .method_not_allowed_fallback(wrong_method)
        .with_state(Arc::clone(&app))
        .layer(middleware::from_fn(plain_text::layer))
        // Around everything: a preflight's method is no route's.
        .layer(middleware::from_fn_with_state(app, cors::layer))
        .layer(DefaultBodyLimit::max(body::LARGEST))
        .layer(RequestBodyTimeoutLayer::new(BODY_TIME))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(fixed(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(fixed(header::REFERRER_POLICY, "strict-origin-when-cross-origin"))
        .layer(fixed(header::X_FRAME_OPTIONS, "DENY"))
        .layer(middleware::from_fn(request_id::layer))
}

async fn nothing_here() -> Problem {
    Problem::new(Code::NotFound, "No such path.")
}

async fn wrong_method() -> Problem {
    Problem::new(Code::MethodNotAllowed, "This path has no such method.")
}

fn panicked(cause: Box<dyn std::any::Any + Send>) -> Response {
    let cause = cause
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| cause.downcast_ref::<&str>().copied())
        .unwrap_or("no words");
    tracing::error!(cause, "a handler panicked");
    Problem::internal().into_response()
}
