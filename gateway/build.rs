//! The page is built by npm and embedded; a daemon built without it says how to build it.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let page = Path::new("web/dist/index.html");
    if !page.exists() {
        std::fs::create_dir_all("web/dist")?;
        std::fs::write(page, NO_PAGE)?;
    }
    println!("cargo::rerun-if-changed=web/dist");
    println!("cargo::rerun-if-changed=build.rs");
    Ok(())
}

const NO_PAGE: &str = "<!doctype html>
<html lang=\"en\"><meta charset=\"utf-8\"><title>Checkpoint gateway</title>
<h1>The page is not built · 页面尚未构建</h1>
<p>Run <code>npm ci &amp;&amp; npm run build</code> in <code>gateway/web</code>, then build the daemon again.</p>
</html>
";
