//! ONNX Runtime: the library loaded once a process, and a model with a time-out on each call.
//!
//! One thread in a session and no spinning: two sessions scale, two threads in one do not.

use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ort::environment::Environment;
use ort::logging::LogLevel;
use ort::session::builder::SessionBuilder;
use ort::session::{RunOptions, Session, SessionOutputs};
use ort::value::TensorRef;

use crate::error::{Error, Result};

/// Loads the library at the first call; later calls, whatever their path, get the same one.
pub fn environment(library: &Path) -> Result<Environment> {
    static LOADED: Mutex<Option<Environment>> = Mutex::new(None);
    let mut loaded = held(&LOADED);
    if let Some(environment) = loaded.as_ref() {
        return Ok(environment.clone());
    }
    let wrong = |cause: String| Error::Runtime {
        path: library.to_owned(),
        cause,
    };
    let environment = ort::init_from(library)
        .map_err(|e| wrong(e.to_string()))?
        .with_name("gateway")
        .with_telemetry(false)
        .build()
        .map_err(|e| wrong(e.to_string()))?;
    // What goes wrong comes back as an error; the library need not print it too.
    environment.set_log_level(LogLevel::Fatal);
    *loaded = Some(environment.clone());
    Ok(environment)
}

/// One loaded model and its only session.
pub struct Model {
    role: &'static str,
    session: Session,
    options: Arc<RunOptions>,
}

impl Model {
    pub fn load(environment: &Environment, role: &'static str, content: &[u8]) -> Result<Model> {
        let failed = |cause: ort::Error| Error::Load { role, cause };
        let session = builder(environment)
            .and_then(|mut builder| builder.commit_from_memory(content))
            .map_err(failed)?;
        Ok(Model {
            role,
            session,
            options: Arc::new(RunOptions::new().map_err(failed)?),
        })
    }

    /// A value of the model's own metadata.
    pub fn label_text(&self, key: &str) -> Option<String> {
        self.session.metadata().ok()?.custom(key)
    }

    /// The name of the model's first output.
    pub fn first_output(&self) -> String {
        let first = self.session.outputs().first();
        first.map_or_else(String::new, |output| output.name().to_owned())
    }

    /// One call on an input of `shape`; `take` looks at the outputs while they are there.
    pub fn run<T>(
        &mut self,
        watch: &Watch,
        shape: [usize; 4],
        input: &[f32],
        take: impl FnOnce(&SessionOutputs<'_>) -> Result<T>,
    ) -> Result<T> {
        let role = self.role;
        let failed = |cause: ort::Error| Error::Inference { role, cause };
        let tensor = TensorRef::from_array_view((shape, input)).map_err(failed)?;
        watch.begin(&self.options);
        let outputs = self
            .session
            .run_with_options(ort::inputs![tensor], &*self.options);
        if watch.end() {
            drop(outputs);
            self.options.unterminate().map_err(failed)?;
            return Err(Error::Stuck {
                role,
                limit_ms: watch.limit.as_millis() as u64,
            });
        }
        take(&outputs.map_err(failed)?)
    }
}

/// One thread and no spinning.
fn builder(environment: &Environment) -> ort::Result<SessionBuilder> {
    let builder = Session::builder(environment)?
        .with_intra_threads(1)?
        .with_inter_threads(1)?
        .with_intra_op_spinning(false)?
        .with_inter_op_spinning(false)?;
    Ok(builder)
}

/// One tensor of a model's outputs with the number of elements that it must have.
pub fn output<'a>(
    outputs: &'a SessionOutputs<'_>,
    role: &'static str,
    name: &str,
    elements: usize,
) -> Result<&'a [f32]> {
    let wanted = || format!("{elements} numbers in its output {name}");
    let value = outputs.get(name).ok_or_else(|| Error::Shape {
        role,
        found: "no such output".to_owned(),
        wanted: wanted(),
    })?;
    let (shape, values) = value
        .try_extract_tensor::<f32>()
        .map_err(|cause| Error::Inference { role, cause })?;
    if values.len() != elements {
        return Err(Error::Shape {
            role,
            found: format!("{shape:?}"),
            wanted: wanted(),
        });
    }
    Ok(values)
}

/// Ends model calls that take longer than a limit. Its thread sleeps between the limits.
pub struct Watch {
    limit: Duration,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The call under way and the moment at which it is ended.
    call: Option<(Instant, Arc<RunOptions>)>,
    /// The thread waits without a limit and must be woken by the next call.
    idle: bool,
    expired: bool,
    closing: bool,
}

impl Watch {
    pub fn new(limit: Duration) -> Result<Watch> {
        let shared = Arc::new(Shared::default());
        let thread = std::thread::Builder::new()
            .name("recognise-watch".to_owned())
            .spawn({
                let shared = shared.clone();
                move || shared.watch()
            })
            .map_err(|cause| Error::Thread { cause })?;
        Ok(Watch {
            limit,
            shared,
            thread: Some(thread),
        })
    }

    fn begin(&self, options: &Arc<RunOptions>) {
        let mut state = held(&self.shared.state);
        state.call = Some((Instant::now() + self.limit, options.clone()));
        if state.idle {
            self.shared.changed.notify_one();
        }
    }

    /// Whether the call was ended by its limit.
    fn end(&self) -> bool {
        let mut state = held(&self.shared.state);
        state.call = None;
        std::mem::take(&mut state.expired)
    }
}

impl Shared {
    fn watch(&self) {
        let mut state = held(&self.state);
        while !state.closing {
            let now = Instant::now();
            match state.call.take() {
                Some((deadline, options)) if deadline <= now => {
                    state.expired = options.terminate().is_ok();
                }
                Some((deadline, options)) => {
                    state.call = Some((deadline, options));
                    state = self
                        .changed
                        .wait_timeout(state, deadline - now)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0;
                }
                None => {
                    state.idle = true;
                    state = self
                        .changed
                        .wait(state)
                        .unwrap_or_else(PoisonError::into_inner);
                    state.idle = false;
                }
            }
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        held(&self.shared.state).closing = true;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            // The thread cannot have panicked in a way that matters now.
            let _ = thread.join();
        }
    }
}

/// The values behind these locks stay right at every point, so a panic elsewhere spoils nothing.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
