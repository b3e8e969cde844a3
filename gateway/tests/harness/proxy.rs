//! The way between the gateway and the platform's broker, which misbehaves on request.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::gate::binary;

/// A running fault proxy; it ends with its input.
pub struct Proxy {
    child: Child,
    orders: ChildStdin,
    /// It answers each order with a line; a closed pipe would end it.
    _said: BufReader<ChildStdout>,
    pub port: u16,
}

impl Proxy {
    pub fn to(port: u16) -> Proxy {
        let mut child = Command::new(binary("faultproxy"))
            .args(["--listen", "127.0.0.1:0", "--to"])
            .arg(format!("127.0.0.1:{port}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("faultproxy can be run; cargo build --release --workspace --bins builds it");
        let mut first = String::new();
        let mut said = BufReader::new(child.stdout.take().expect("a piped output"));
        said.read_line(&mut first)
            .expect("the proxy prints its port");
        let orders = child.stdin.take().expect("a piped input");
        Proxy {
            child,
            orders,
            _said: said,
            port: first.trim().parse().expect("a port"),
        }
    }

    /// `pass`, `blackhole`, `reset`, `stall`, `halfclose`, `rate N` or `delay MS`.
    pub fn set(&mut self, mode: &str) {
        writeln!(self.orders, "{mode}").expect("the proxy listens");
        self.orders.flush().expect("the proxy listens");
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
