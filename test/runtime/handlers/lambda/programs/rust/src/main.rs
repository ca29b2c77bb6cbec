//! Does what the data of its records say.
use aws_lambda_events::event::kinesis::KinesisEvent;
use aws_lambda_events::event::streams::KinesisEventResponse;
use lambda_runtime::{Error, LambdaEvent, Runtime, service_fn};

async fn handle(event: LambdaEvent<KinesisEvent>) -> Result<KinesisEventResponse, Error> {
    let mut answer = KinesisEventResponse::default();
    for record in event.payload.records {
        let text = String::from_utf8(record.kinesis.data.0)?;
        println!("record {} {}", text, event.context.request_id);
        match text.as_str() {
            "raise" => return Err(format!("told to raise {}", "ü".repeat(20_000)).into()),
            "exit" => std::process::exit(3),
            "hang" => tokio::time::sleep(std::time::Duration::from_secs(600)).await,
            "fail" => answer.add_failure(record.kinesis.sequence_number),
            _ => {}
        }
    }
    Ok(answer)
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    // One at a time, unless AWS_LAMBDA_MAX_CONCURRENCY says more.
    Runtime::new(service_fn(handle)).run_concurrent().await
}
