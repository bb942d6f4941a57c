//! The tool that ARCHITECTURE.md adds in ten lines: it is this one, and it works.

use deskhand::domain::tool::ToolCode;
use deskhand::hands::registry::{CallError, Registry};
use serde_json::json;

use super::frame::context;
use crate::support::app::TestApp;

#[rustfmt::skip]
mod opening_hours {
    use deskhand::domain::tool::{Power, ToolCode};
    use deskhand::hands::{Reply, Tool, ToolContext, ToolError};
    use futures::FutureExt;
    use futures::future::BoxFuture;
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};

    #[derive(Deserialize, JsonSchema)] #[serde(deny_unknown_fields)] pub struct Input { pub day: String }
    #[derive(Serialize, JsonSchema)] pub struct Output { pub open: bool }
    pub struct OpeningHours;
    impl Tool for OpeningHours {
        type Input = Input; type Output = Output;
        const NAME: &'static str = "opening_hours";
        const DESCRIPTION: &'static str = "Tells whether the shop is open on a day.";
        const POWER: Power = Power::Reads;
        fn call<'a>(&'a self, ctx: &'a ToolContext, input: Input) -> BoxFuture<'a, Result<Reply<Output>, ToolError>> {
            async move { Ok(Reply::of(Output { open: is_open(ctx, &input.day).await? })) }.boxed() } }

    async fn is_open(_: &ToolContext, day: &str) -> Result<bool, ToolError> {
        match day {
            "sunday" => Ok(false),
            "monday" => Ok(true),
            _ => Err(ToolError::new(ToolCode::NotFound, "no such day")),
        }
    }
}

#[tokio::test]
async fn a_tool_is_added_in_ten_lines() {
    let bare = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
    let page = include_str!("../../../ARCHITECTURE.md");
    let printed = page
        .split("```rust\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    assert!(
        bare(include_str!("example.rs")).contains(&bare(printed)),
        "ARCHITECTURE.md says another tool"
    );
    assert!(printed.lines().count() <= 10);

    let app = TestApp::start().await;
    let mut registry = Registry::default();
    registry.add(opening_hours::OpeningHours).unwrap();
    let call = |args| {
        let (registry, ctx) = (&registry, context(&app));
        async move { registry.call(&ctx, "opening_hours", &args).await }
    };
    let open = call(json!({ "day": "monday" })).await.unwrap();
    assert_eq!(open.reply.output, json!({ "open": true }));
    assert!(matches!(
        call(json!({ "day": 1 })).await,
        Err(CallError::Schema(_))
    ));
    let Err(CallError::Failed { error, .. }) = call(json!({ "day": "someday" })).await else {
        panic!("there is no such day");
    };
    assert_eq!(error.code, ToolCode::NotFound);
    app.finish().await;
}
