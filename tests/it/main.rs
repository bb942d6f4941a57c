//! Tests against a real database and a real server.

mod jobs;
