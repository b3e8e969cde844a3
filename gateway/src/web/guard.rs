//! What stands before every request over TCP: the host's name (against DNS rebinding), where a
//! change comes from (against CSRF), how long a request may take, and the security headers. (S-02)

use std::net::IpAddr;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::WebState;
use super::problem::Fail;

/// A request's whole time, its body included; the live stream only until it begins.
const PATIENCE: Duration = Duration::from_secs(30);

/// The journal's check reads everything.
const PATIENCE_CHECK: Duration = Duration::from_secs(600);

const CSRF_HEADER: &str = "x-gateway-csrf";

const HEADERS: &[(&str, &str)] = &[
    (
        "content-security-policy",
        "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; \
         form-action 'self'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    (
        "permissions-policy",
        "camera=(), microphone=(), geolocation=()",
    ),
];

/// Refuses what does not come from the page.
pub async fn origin(State(state): State<WebState>, request: Request, next: Next) -> Response {
    let Some(host) = host(&request) else {
        return Fail::new(StatusCode::BAD_REQUEST, "host").into_response();
    };
    if !state.serves_host(name_of(&host)) {
        return Fail::new(StatusCode::MISDIRECTED_REQUEST, "host").into_response();
    }
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if !reads {
        if !same_origin(request.headers(), &host) {
            return Fail::new(StatusCode::FORBIDDEN, "origin").into_response();
        }
        if request
            .headers()
            .get(CSRF_HEADER)
            .map(HeaderValue::as_bytes)
            != Some(b"1")
        {
            return Fail::new(StatusCode::FORBIDDEN, "csrf").into_response();
        }
    }
    next.run(request).await
}

/// Ends a request that takes too long.
pub async fn patience(request: Request, next: Next) -> Response {
    let patience = match request.uri().path() {
        "/api/journal/check"
        | "/api/rules/try"
        | "/api/rules/activate"
        | "/api/numbers"
        | "/api/handover" => PATIENCE_CHECK,
        _ => PATIENCE,
    };
    match tokio::time::timeout(patience, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Fail::new(StatusCode::REQUEST_TIMEOUT, "too_slow").into_response(),
    }
}

/// Puts the security headers on every answer; nothing of the API is kept by a browser.
pub async fn headers(request: Request, next: Next) -> Response {
    let api = request.uri().path().starts_with("/api");
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(*name, HeaderValue::from_static(value));
    }
    if api {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

/// `Host`, or the authority of an absolute request.
fn host(request: &Request) -> Option<String> {
    let header = request.headers().get(header::HOST);
    match (header, request.uri().authority()) {
        (Some(host), _) => Some(host.to_str().ok()?.to_string()),
        (None, Some(authority)) => Some(authority.to_string()),
        (None, None) => None,
    }
}

/// Without the port and the brackets of an IPv6 address.
fn name_of(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split(']').next().unwrap_or("");
    }
    host.split(':').next().unwrap_or("")
}

fn same_origin(headers: &HeaderMap, host: &str) -> bool {
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    if !matches!(site, None | Some(b"same-origin" | b"none")) {
        return false;
    }
    let Some(origin) = headers.get(header::ORIGIN) else {
        return true;
    };
    let Ok(origin) = origin.to_str() else {
        return false;
    };
    origin
        .strip_prefix("http://")
        .or_else(|| origin.strip_prefix("https://"))
        .is_some_and(|of| of.eq_ignore_ascii_case(host))
}

/// Names under which the page may be asked for. Loopback always; an address that was configured
/// to listen at; and where it listens everywhere, any address, because rebinding needs a name.
pub fn serves(listen: IpAddr, names: &[String], host: &str) -> bool {
    if host.eq_ignore_ascii_case("localhost")
        || names.iter().any(|name| name.eq_ignore_ascii_case(host))
    {
        return true;
    }
    match host.parse::<IpAddr>() {
        Ok(address) => address.is_loopback() || listen.is_unspecified() || address == listen,
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_gateway_are_served() {
        let loopback: IpAddr = "127.0.0.1".parse().unwrap();
        let anywhere: IpAddr = "0.0.0.0".parse().unwrap();
        let cases = [
            (loopback, "localhost", true),
            (loopback, "127.0.0.1", true),
            (loopback, "::1", true),
            (loopback, "10.0.0.5", false),
            (loopback, "evil.example", false),
            (loopback, "localhost.evil.example", false),
            (anywhere, "10.0.0.5", true),
            (anywhere, "evil.example", false),
            (anywhere, "gate.local", true),
        ];
        for (listen, host, served) in cases {
            let names = ["gate.local".to_string()];
            let names = if listen.is_loopback() {
                &[][..]
            } else {
                &names[..]
            };
            assert_eq!(serves(listen, names, host), served, "{listen} {host}");
        }
    }

    #[test]
    fn a_host_is_read_without_its_port() {
        assert_eq!(name_of("localhost:8480"), "localhost");
        assert_eq!(name_of("[::1]:8480"), "::1");
        assert_eq!(name_of("127.0.0.1"), "127.0.0.1");
    }

    #[test]
    fn s02_another_sites_change_is_refused() {
        let with = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, HeaderValue::from_static(value));
            }
            same_origin(&headers, "localhost:8480")
        };
        assert!(with(&[]));
        assert!(with(&[("origin", "http://localhost:8480")]));
        assert!(!with(&[("origin", "http://localhost:9999")]));
        assert!(!with(&[("origin", "http://evil.example")]));
        assert!(!with(&[("origin", "null")]));
        assert!(!with(&[("sec-fetch-site", "cross-site")]));
        assert!(!with(&[("sec-fetch-site", "same-site")]));
    }
}
