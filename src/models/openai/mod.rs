//! Whoever speaks OpenAI's protocol: embeddings, chat and moderation. The only user of async-openai,
//! which builds requests and reads streams; it is given a service of ours to send them,
//! since its own retries, timeouts and logs aren't what is wanted here.

mod answer;
mod body;
mod calls;
pub mod chat;
mod dialect;
pub mod embeddings;
mod endpoint;
mod event;
pub mod moderation;
pub mod probe;

mod request;
mod schema;
mod thoughts;
mod wire;
