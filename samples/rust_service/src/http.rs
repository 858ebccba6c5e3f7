//! The routes: requests to calls of a customer, errors to status codes.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use futures_util::{future, Stream, StreamExt};
use serde::Deserialize;
use serde_json::{json, Map, Value};
use tessera::{Code, Error, GenerateOptions};
use tokio_stream::wrappers::BroadcastStream;

use crate::customer::Customers;

const LARGEST_TEXT_BYTES: usize = 64 << 20;
const MOST_TOKENS: u32 = 4096;

type Shared = State<Arc<Customers>>;

pub fn routes(customers: Arc<Customers>) -> Router {
    Router::new()
        .route("/models/{name}", get(describe))
        .route("/models/{name}/text", put(put_text))
        .route("/models/{name}/train", post(train).delete(cancel))
        .route("/models/{name}/events", get(events))
        .route("/models/{name}/generate", post(generate))
        .layer(DefaultBodyLimit::max(LARGEST_TEXT_BYTES))
        .with_state(customers)
}

/// An error of the library as a response: its code, path and line as they are.
struct Failed(Error);

impl From<Error> for Failed {
    fn from(error: Error) -> Failed {
        Failed(error)
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        let error = self.0;
        let status = match error.code() {
            Code::InvalidArgument | Code::OutOfRange => StatusCode::BAD_REQUEST,
            Code::NotFound => StatusCode::NOT_FOUND,
            Code::FailedPrecondition | Code::AlreadyExists => StatusCode::CONFLICT,
            Code::Unavailable => StatusCode::TOO_MANY_REQUESTS,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let body = json!({"error": error.message(), "code": format!("{:?}", error.code()),
                          "path": error.path(), "line": error.line()});
        (status, Json(body)).into_response()
    }
}

async fn describe(State(all): Shared, Path(name): Path<String>) -> Result<Json<Value>, Failed> {
    Ok(Json(all.get(&name)?.describe()))
}

async fn put_text(
    State(all): Shared,
    Path(name): Path<String>,
    text: Bytes,
) -> Result<StatusCode, Failed> {
    all.get(&name)?.put_text(&text)?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Training {
    steps: i64,
    #[serde(default)]
    set: Map<String, Value>,
}

async fn train(
    State(all): Shared,
    Path(name): Path<String>,
    Json(request): Json<Training>,
) -> Result<StatusCode, Failed> {
    if request.steps < 1 {
        let text = format!("steps: expected at least 1, got {}", request.steps);
        return Err(Error::new(Code::InvalidArgument, text).into());
    }
    let customer = all.get(&name)?;
    // Preparing reads data and allocates: not on a thread that serves others.
    let started =
        tokio::task::spawn_blocking(move || customer.train(request.steps, request.set)).await;
    started.map_err(|error| Error::new(Code::Unknown, error.to_string()))??;
    Ok(StatusCode::ACCEPTED)
}

async fn cancel(State(all): Shared, Path(name): Path<String>) -> Result<StatusCode, Failed> {
    all.get(&name)?.cancel();
    Ok(StatusCode::ACCEPTED)
}

async fn events(
    State(all): Shared,
    Path(name): Path<String>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Failed> {
    let records = BroadcastStream::new(all.get(&name)?.events());
    // A listener that is too slow misses records and goes on.
    let records = records.filter_map(|record| future::ready(record.ok()));
    let events = records.map(|record| Ok(Event::default().data(record)));
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Generation {
    prompt: String,
    max_tokens: u32,
    temperature: Option<f64>,
    seed: Option<u64>,
}

async fn generate(
    State(all): Shared,
    Path(name): Path<String>,
    Json(request): Json<Generation>,
) -> Result<Json<Value>, Failed> {
    let mut options = GenerateOptions::new().max_tokens(request.max_tokens.min(MOST_TOKENS));
    if let Some(temperature) = request.temperature {
        options = options.temperature(temperature);
    }
    if let Some(seed) = request.seed {
        options = options.seed(seed);
    }
    let answer = all.get(&name)?.generate(request.prompt, options)?;
    let text = answer.await.map_err(|error| Error::new(Code::Unknown, error.to_string()))??;
    Ok(Json(json!({ "text": text })))
}
