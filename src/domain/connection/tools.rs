//! The connections that bring the agent tools of others.

use super::{Form, Key, Kind, Secrecy};

/// A server with tools.
pub const MCP: &str = "mcp";
/// An HTTP call that is a tool.
pub const HTTP_TOOL: &str = "http_tool";

pub(super) const MCP_KIND: Kind = Kind {
    name: MCP,
    about: "tools of an MCP server (streamable HTTP); WordPress's abilities come so through the MCP Adapter",
    several: true,
    keys: &[
        must(
            "url",
            Form::Url,
            "the server's address, such as https://erp.example/mcp",
        ),
        must(
            "tools",
            Form::Names,
            "the server's names of the tools that the agent may use",
        ),
        may(
            "reads",
            Form::Names,
            "those of them that change nothing; for the others the visitor is asked first",
        ),
        may(
            "idempotent",
            Form::Names,
            "those that do nothing twice for the same key",
        ),
        may(
            "verified",
            Form::Names,
            "those that are only for visitors who have shown who they are",
        ),
        may(
            "prefix",
            Form::Text,
            "what their names begin with here; the connection's name where it is left out",
        ),
        may(
            "auth",
            Form::Text,
            "bearer, or basic for a secret of the form user:password",
        ),
        may(
            "timeout_ms",
            Form::Number(100, 10_000),
            "how long a call may take, in milliseconds (2500)",
        ),
    ],
    secret: Secrecy::Optional("what the server wants to be shown: a token, or user:password with auth=basic"),
    fits: any,
};

pub(super) const HTTP_TOOL_KIND: Kind = Kind {
    name: HTTP_TOOL,
    about: "an HTTP call that a file describes, as a tool for the agent",
    several: true,
    keys: &[must(
        "file",
        Form::JsonFile,
        "the description; docs/tools.md has its fields",
    )],
    secret: Secrecy::Optional("what stands for {secret} in the call's headers"),
    fits: any,
};

const fn must(name: &'static str, form: Form, help: &'static str) -> Key {
    Key {
        name,
        form,
        required: true,
        help,
    }
}

const fn may(name: &'static str, form: Form, help: &'static str) -> Key {
    Key {
        required: false,
        ..must(name, form, help)
    }
}

fn any(_: &str) -> bool {
    true
}
