//! Errors of the local API as `application/problem+json`: a code and named values.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use gateway_store::StoreError;
use gateway_wire::api::Problem;
use gateway_wire::messages::{Language, text};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::handles::Unavailable;

/// What a request failed of. Its text in both languages stands under `error.CODE`.
#[derive(Debug)]
pub struct Fail {
    status: StatusCode,
    code: &'static str,
    values: Map<String, Value>,
}

impl Fail {
    pub fn new(status: StatusCode, code: &'static str) -> Fail {
        Fail {
            status,
            code,
            values: Map::new(),
        }
    }

    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Fail {
        self.values.insert(name.to_string(), value.into());
        self
    }

    pub fn not_found() -> Fail {
        Fail::new(StatusCode::NOT_FOUND, "not_found")
    }

    pub fn bad_request() -> Fail {
        Fail::new(StatusCode::BAD_REQUEST, "bad_request")
    }
}

impl IntoResponse for Fail {
    fn into_response(self) -> Response {
        let problem = Problem {
            kind: "about:blank".to_string(),
            title: text("error", self.code, Language::En)
                .unwrap_or(self.code)
                .to_string(),
            status: self.status.as_u16(),
            code: self.code.to_string(),
            values: self.values,
        };
        let mut response = (self.status, Json(problem)).into_response();
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        response
    }
}

impl From<Unavailable> for Fail {
    fn from(unavailable: Unavailable) -> Fail {
        Fail::new(StatusCode::SERVICE_UNAVAILABLE, unavailable.code())
    }
}

impl From<StoreError> for Fail {
    fn from(error: StoreError) -> Fail {
        tracing::error!(%error, "the journal could not be read for a request");
        Fail::new(StatusCode::INTERNAL_SERVER_ERROR, "storage")
    }
}

/// A JSON body; what is wrong with it is told as a problem.
pub struct Body<T>(pub T);

impl<T, S> FromRequest<S> for Body<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = Fail;

    async fn from_request(request: Request, state: &S) -> Result<Body<T>, Fail> {
        match Json::<T>::from_request(request, state).await {
            Ok(Json(value)) => Ok(Body(value)),
            Err(rejection) => Err(refused(rejection)),
        }
    }
}

fn refused(rejection: JsonRejection) -> Fail {
    match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Fail::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
        _ => Fail::bad_request(),
    }
}

/// Runs what reads files or computes for long off the async threads.
pub async fn off_thread<T, F>(work: F) -> Result<T, Fail>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, "work for a request panicked");
        Fail::new(StatusCode::INTERNAL_SERVER_ERROR, "storage")
    })
}
