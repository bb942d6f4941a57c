//! Errors on the wire: `application/problem+json` (RFC 9457) with a stable code. The full
//! cause goes to the log, never to the visitor.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use crate::agent::turns::StartError;
use crate::db::pool::DbError;
use crate::domain::ids::TurnId;

/// The closed list of codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the contract's own")]
pub enum Code {
    BadJson,
    TokenMissing,
    TokenInvalid,
    TokenExpired,
    BadSignature,
    StaleTimestamp,
    OriginNotAllowed,
    NotFound,
    ThreadNotFound,
    ThreadErased,
    DocumentNotFound,
    JobNotFound,
    ModelNotAllowed,
    IdempotencyReused,
    RateLimited,
    MethodNotAllowed,
    NotAcceptable,
    RequestTimeout,
    TurnInProgress,
    MessageIdReused,
    ProposalExpired,
    NoSource,
    ContentChanged,
    TooLarge,
    UnsupportedMedia,
    InvalidField,
    Internal,
    Overloaded,
    NotReady,
}

impl Code {
    /// Its HTTP status.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::BadJson | Self::ModelNotAllowed => StatusCode::BAD_REQUEST,
            Self::TokenMissing
            | Self::TokenInvalid
            | Self::TokenExpired
            | Self::BadSignature
            | Self::StaleTimestamp => StatusCode::UNAUTHORIZED,
            Self::OriginNotAllowed => StatusCode::FORBIDDEN,
            Self::NotFound | Self::ThreadNotFound | Self::DocumentNotFound | Self::JobNotFound => {
                StatusCode::NOT_FOUND
            }
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::TurnInProgress
            | Self::MessageIdReused
            | Self::ProposalExpired
            | Self::NoSource
            | Self::ContentChanged => StatusCode::CONFLICT,
            Self::ThreadErased => StatusCode::GONE,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMedia => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            // As draft-ietf-httpapi-idempotency-key-header has it.
            Self::InvalidField | Self::IdempotencyReused => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Overloaded | Self::NotReady => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::BadJson => "The body is not JSON",
            Self::TokenMissing => "A token is needed",
            Self::TokenInvalid => "The token is not valid",
            Self::TokenExpired => "The token has expired",
            Self::BadSignature => "The signature is not valid",
            Self::StaleTimestamp => "The timestamp is too far from now",
            Self::OriginNotAllowed => "This page may not talk to this server",
            Self::NotFound => "There is nothing here",
            Self::ThreadNotFound => "There is no such conversation",
            Self::ThreadErased => "This conversation was erased",
            Self::DocumentNotFound => "There is no such document",
            Self::JobNotFound => "There is no such job",
            Self::ModelNotAllowed => "This model can't be asked for here",
            Self::IdempotencyReused => "This key was used for another request",
            Self::RateLimited => "Too many requests",
            Self::MethodNotAllowed => "This method is not allowed here",
            Self::NotAcceptable => "None of the accepted media types can be given",
            Self::RequestTimeout => "The request took too long to arrive",
            Self::TurnInProgress => "The last message is still being answered",
            Self::MessageIdReused => "This message_id was used for another message",
            Self::ProposalExpired => "This question is no longer open",
            Self::ContentChanged => "The document has changed meanwhile",
            Self::NoSource => "The document's content is not to be had any more",
            Self::TooLarge => "The body is too large",
            Self::UnsupportedMedia => "The body must be JSON",
            Self::InvalidField => "A field is not valid",
            Self::Internal => "Something went wrong here",
            Self::Overloaded => "Too much to do at the moment",
            Self::NotReady => "Not ready at the moment",
        }
    }
}

/// A problem.
#[derive(Debug, Clone)]
pub struct Problem {
    code: Code,
    detail: String,
    retry_after: Option<u32>,
    pointer: Option<String>,
    turn_id: Option<TurnId>,
    time: Option<String>,
}

/// A problem, as it goes out.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ProblemBody {
    /// `about:blank`: the code says it all.
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    code: Code,
    /// In words, for people.
    detail: String,
    /// Also in the header `X-Request-Id` and in the log.
    request_id: String,
    /// Seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u32>,
    /// RFC 6901, into the body that was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<String>,
    /// The turn under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<uuid::Uuid>)]
    turn_id: Option<TurnId>,
    /// The server's time, where a timestamp is too far from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
}

impl Problem {
    /// A problem with words for people.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        let retry_after = match code {
            Code::Overloaded | Code::NotReady => Some(2),
            Code::RateLimited => Some(30),
            _ => None,
        };
        Self {
            code,
            detail: detail.into(),
            retry_after,
            pointer: None,
            turn_id: None,
            time: None,
        }
    }

    /// What is ours alone. Its cause belongs in the log, by whoever has it.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(
            Code::Internal,
            "Something went wrong on our side. It has been logged under the request id.",
        )
    }

    /// An invalid field of the body.
    pub fn field(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            pointer: Some(pointer.into()),
            ..Self::new(Code::InvalidField, detail)
        }
    }

    /// With the server's time.
    #[must_use]
    pub fn at(self, now: DateTime<Utc>) -> Self {
        Self {
            time: Some(now.to_rfc3339_opts(SecondsFormat::Millis, true)),
            ..self
        }
    }

    /// Its code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.code
    }

    /// The response, under a request's id.
    #[must_use]
    pub fn respond(self, request_id: &str) -> Response {
        let body = ProblemBody {
            kind: "about:blank",
            title: self.code.title(),
            status: self.code.status().as_u16(),
            code: self.code,
            detail: self.detail,
            request_id: request_id.to_owned(),
            retry_after: self.retry_after,
            pointer: self.pointer,
            turn_id: self.turn_id,
            time: self.time,
        };
        // A struct of strings and numbers always serialises.
        let body = serde_json::to_vec(&body).unwrap_or_default();
        let mut response = (self.code.status(), body).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.code.status() == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        // `request_id::layer` finds it here and gives it the request's id.
        let mut response = self.code.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<DbError> for Problem {
    fn from(error: DbError) -> Self {
        if error.is_transient() {
            tracing::warn!(%error, "the database is away");
            Self::new(
                Code::NotReady,
                "The service can't answer just now. Please try again in a moment.",
            )
        } else if error.is_unstorable() {
            // Caught where texts and times enter; whatever got past that is no defect of ours.
            tracing::warn!(%error, "what came can't be stored");
            Self::new(
                Code::InvalidField,
                "A text or a time in this request can't be stored: one holds U+0000, or lies outside of the years 1 to 9999.",
            )
        } else {
            tracing::error!(%error, "a request failed");
            Self::internal()
        }
    }
}

impl From<StartError> for Problem {
    fn from(error: StartError) -> Self {
        match error {
            StartError::ThreadNotFound => Self::new(
                Code::ThreadNotFound,
                "Start a new conversation by leaving out thread_id.",
            ),
            StartError::InProgress(turn) => Self {
                turn_id: Some(turn),
                ..Self::new(
                    Code::TurnInProgress,
                    "Wait for its `done` event, or cancel it, and send again.",
                )
            },
            StartError::Reused => Self::new(
                Code::MessageIdReused,
                "Give each message a message_id of its own.",
            ),
            StartError::ProposalExpired => Self::new(
                Code::ProposalExpired,
                "This can't be answered any more. Ask again; the agent will propose it anew.",
            ),
            StartError::Overloaded => Self::new(
                Code::Overloaded,
                "Many people are asking at the moment. Please try again in a moment.",
            ),
            StartError::Seal(error) => {
                tracing::error!(%error, "an address couldn't be sealed");
                Self::internal()
            }
            StartError::Db(error) => error.into(),
        }
    }
}
