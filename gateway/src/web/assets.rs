//! The page itself, built into the binary.

use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

use super::problem::Fail;

#[derive(RustEmbed)]
#[folder = "web/dist/"]
struct Assets;

/// A file of the page; every other path that is none of the API's is the page's own and gets the
/// page.
pub async fn serve(method: Method, uri: Uri) -> Response {
    let path = uri.path().trim_start_matches('/');
    if path == "api" || path.starts_with("api/") {
        return Fail::not_found().into_response();
    }
    if !matches!(method, Method::GET | Method::HEAD) {
        return Fail::new(StatusCode::METHOD_NOT_ALLOWED, "method").into_response();
    }
    let named = if path.is_empty() { "index.html" } else { path };
    let is_file = named
        .rsplit('/')
        .next()
        .is_some_and(|last| last.contains('.'));
    let (named, file) = match Assets::get(named) {
        Some(file) => (named, file),
        None if is_file => return Fail::not_found().into_response(),
        None => match Assets::get("index.html") {
            Some(file) => ("index.html", file),
            None => return Fail::not_found().into_response(),
        },
    };
    // Vite puts a hash of the content into the names of what it writes under assets/.
    let keep = match named.starts_with("assets/") {
        true => "public, max-age=31536000, immutable",
        false => "no-cache",
    };
    (
        [
            (
                header::CONTENT_TYPE,
                HeaderValue::from_static(content_type(named)),
            ),
            (header::CACHE_CONTROL, HeaderValue::from_static(keep)),
        ],
        file.data,
    )
        .into_response()
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or("") {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "woff2" => "font/woff2",
        "mp3" => "audio/mpeg",
        "wav" => "audio/wav",
        _ => "application/octet-stream",
    }
}
