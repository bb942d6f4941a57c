//! Where a provider is and how it wants to be addressed: OpenAI's paths with a bearer
//! token, or Azure's, where the deployment is part of the path, the version a query and
//! the key a header of its own.

use async_openai::config::Config;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

use crate::models::provider::ProviderKind;

/// Azure's version of its interface when none is configured.
const AZURE_VERSION: &str = "2024-10-21";

/// Why an address can't be used; the sentence names what to set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// Not http or https.
    #[error("the base URL must be an http or https URL")]
    Url,
    /// Bytes that no header takes.
    #[error("the key has characters that no key has")]
    Key,
}

/// An address with its key.
#[derive(Clone)]
pub struct Endpoint {
    base: String,
    headers: HeaderMap,
    query: Vec<(&'static str, String)>,
    key: SecretString,
    by_deployment: bool,
    deployment: String,
}

impl Endpoint {
    /// OpenAI's way. Without a key none is sent.
    pub fn openai(base: &str, key: Option<&SecretString>) -> Result<Self, Unusable> {
        let base = base.trim_end_matches('/');
        if !base.starts_with("http://") && !base.starts_with("https://") {
            return Err(Unusable::Url);
        }
        let key = key.map_or("", |k| k.expose_secret().trim());
        let mut endpoint = Self {
            base: base.to_owned(),
            headers: HeaderMap::new(),
            query: Vec::new(),
            key: SecretString::from(key),
            by_deployment: false,
            deployment: String::new(),
        };
        if !key.is_empty() {
            endpoint.header(AUTHORIZATION, &format!("Bearer {key}"))?;
        }
        Ok(endpoint)
    }

    /// Azure's: per deployment, unless the address is that of its `/openai/v1`, which takes
    /// the model in the body.
    pub fn azure(base: &str, key: Option<&SecretString>, version: Option<&str>) -> Result<Self, Unusable> {
        let mut endpoint = Self::openai(base, None)?;
        endpoint.by_deployment = !endpoint.base.contains("/openai/v1");
        if endpoint.by_deployment {
            let resource = endpoint.base.trim_end_matches("/openai").to_owned();
            endpoint.base = resource;
            let version = version.unwrap_or(AZURE_VERSION);
            endpoint.query.push(("api-version", version.to_owned()));
        } else if let Some(version) = version {
            endpoint.query.push(("api-version", version.to_owned()));
        }
        if let Some(key) = key.map(|k| k.expose_secret().trim()).filter(|k| !k.is_empty()) {
            endpoint.key = SecretString::from(key);
            endpoint.header(HeaderName::from_static("api-key"), key)?;
        }
        Ok(endpoint)
    }

    /// As configured; an address of Azure's is known by its host.
    pub fn of(
        kind: ProviderKind,
        base: &str,
        key: Option<&SecretString>,
        version: Option<&str>,
    ) -> Result<Self, Unusable> {
        if kind == ProviderKind::Azure || is_azure(base) {
            Self::azure(base, key, version)
        } else {
            Self::openai(base, key)
        }
    }

    /// The same for a request to this model.
    pub fn for_model(&self, model: &str) -> Self {
        let deployment = if self.by_deployment { model } else { "" };
        Self {
            deployment: deployment.to_owned(),
            ..self.clone()
        }
    }

    /// Whether it is Google's.
    pub fn is_google(&self) -> bool {
        host(&self.base).is_some_and(|h| h.ends_with("googleapis.com"))
    }

    fn header(&mut self, name: HeaderName, value: &str) -> Result<(), Unusable> {
        let printable = value.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
        let value = HeaderValue::from_str(value).ok().filter(|_| printable);
        let mut value = value.ok_or(Unusable::Key)?;
        value.set_sensitive(true);
        self.headers.insert(name, value);
        Ok(())
    }
}

fn host(base: &str) -> Option<String> {
    let url = reqwest::Url::parse(base).ok()?;
    url.host_str().map(str::to_ascii_lowercase)
}

fn is_azure(base: &str) -> bool {
    let suffixes = [
        ".openai.azure.com",
        ".cognitiveservices.azure.com",
        ".services.ai.azure.com",
        ".openai.azure.us",
    ];
    host(base).is_some_and(|h| suffixes.iter().any(|s| h.ends_with(s)))
}

impl Config for Endpoint {
    fn headers(&self) -> HeaderMap {
        self.headers.clone()
    }

    fn url(&self, path: &str) -> String {
        if !self.by_deployment {
            return format!("{}{path}", self.base);
        }
        format!("{}/openai/deployments/{}{path}", self.base, self.deployment)
    }

    fn query(&self) -> Vec<(&str, &str)> {
        self.query
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect()
    }

    fn api_base(&self) -> &str {
        &self.base
    }

    fn api_key(&self) -> &SecretString {
        &self.key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Option<SecretString> {
        Some(SecretString::from(text))
    }

    #[test]
    fn openai_takes_a_bearer_and_azure_a_header_and_a_path() {
        let of = |base: &str| Endpoint::of(ProviderKind::OpenAi, base, key(" k \n").as_ref(), None).unwrap();
        let plain = of("https://api.example/v1/").for_model("m");
        assert_eq!(
            plain.url("/chat/completions"),
            "https://api.example/v1/chat/completions"
        );
        assert_eq!(plain.headers()["authorization"], "Bearer k");
        assert!(plain.query().is_empty());

        for base in ["https://x.openai.azure.com", "https://x.openai.azure.com/openai/"] {
            let azure = of(base).for_model("gpt-here");
            assert_eq!(
                azure.url("/chat/completions"),
                "https://x.openai.azure.com/openai/deployments/gpt-here/chat/completions"
            );
            assert_eq!(azure.headers()["api-key"], "k");
            assert!(azure.headers().get("authorization").is_none());
            assert_eq!(azure.query(), [("api-version", AZURE_VERSION)]);
        }
        let newer = of("https://x.openai.azure.com/openai/v1").for_model("m");
        assert_eq!(newer.url("/c"), "https://x.openai.azure.com/openai/v1/c");
        assert!(newer.query().is_empty() && newer.headers()["api-key"] == "k");
    }

    #[test]
    fn what_no_header_takes_is_no_key_and_none_is_sent_where_there_is_none() {
        for bad in ["a\nb", "schlüssel", "a\u{7f}b"] {
            assert_eq!(
                Endpoint::openai("https://x", key(bad).as_ref()).err(),
                Some(Unusable::Key)
            );
        }
        let keyless = Endpoint::openai("http://localhost:11434/v1", None).unwrap();
        assert!(keyless.headers().is_empty());
        assert_eq!(Endpoint::openai("ftp://x", None).err(), Some(Unusable::Url));
    }

    #[test]
    fn a_key_is_not_shown() {
        let endpoint = Endpoint::openai("https://x", key("secret-key").as_ref()).unwrap();
        assert!(!format!("{:?}{:?}", endpoint.headers(), endpoint.api_key()).contains("secret-key"));
    }
}
