//! An HTTP service that trains and serves a small model per customer.
//!
//!     rust_service CONFIG FOLDER [ADDRESS]       e.g. ../text/gpt.json data 127.0.0.1:8080
//!
//! | request | does |
//! |---|---|
//! | PUT /models/NAME/text | stores the text that the model learns from |
//! | POST /models/NAME/train {"steps": 100, "set": {"path": value}} | trains, or goes on, in the background |
//! | GET /models/NAME/events | the steps, as server-sent events |
//! | DELETE /models/NAME/train | cancels the training, which saves |
//! | POST /models/NAME/generate {"prompt": "...", "max_tokens": 16} | text; 429 when too many wait |
//! | GET /models/NAME | step, whether it trains, the last error |

mod customer;
mod http;

use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::signal::unix::{signal, SignalKind};

type Failure = Box<dyn std::error::Error>;

async fn stopped() {
    let mut terminate = signal(SignalKind::terminate()).expect("a handler of SIGTERM");
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (config, folder, address) = match arguments.as_slice() {
        [config, folder] => (config, folder, "127.0.0.1:8080"),
        [config, folder, address] => (config, folder, address.as_str()),
        _ => return Err("usage: rust_service CONFIG FOLDER [ADDRESS]".into()),
    };
    let customers = customer::Customers::new(PathBuf::from(config), PathBuf::from(folder))?;
    let customers = Arc::new(customers);
    // Handlers only pass messages; models compute on threads of their own.
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async move {
        let listener = TcpListener::bind(address).await?;
        println!("listening on http://{}", listener.local_addr()?);
        let server = axum::serve(listener, http::routes(Arc::clone(&customers)));
        tokio::select! {
            result = server => result?,
            () = stopped() => {}
        }
        // Trainings finish their step and save.
        customers.close().await;
        Ok(())
    })
}
