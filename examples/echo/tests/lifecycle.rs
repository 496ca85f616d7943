//! The server closes its connections right: sockscope runs it and looks.

use sockscope::{Error, Place, Scenario};

/// The server under test, as cargo built it.
const SERVER: [&str; 2] = [env!("CARGO_BIN_EXE_echo"), "{port}"];

#[test]
fn closes_when_the_client_is_killed() -> Result<(), Error> {
    let run = Scenario::from_file("tests/killed-client.toml")?
        .program("server", SERVER)
        .settled() // content with less where there is no wire
        .run()?;
    run.assert_passed();
    // Whatever a scenario has no words for can be asked of the timeline.
    let server = run.timeline().process(&"server".into());
    assert!(server.is_some_and(|server| !server.ended), "{run}");
    Ok(())
}

/// What lasts microseconds can be asserted where the wire can be had. Elsewhere the test says that
/// it did not run.
#[test]
fn goes_through_every_state() -> Result<(), Error> {
    if let Err(why) = sockscope::wire() {
        eprintln!("not tested here: {why}");
        return Ok(());
    }
    Scenario::from_file("tests/killed-client.toml")?
        .program("server", SERVER)
        .run()?
        .assert_path(
            "server.conn",
            "SYN_RECV > ESTABLISHED > CLOSE_WAIT > LAST_ACK > CLOSE",
        );
    Ok(())
}

/// Without `settled`, a run without a wire is inconclusive, and that is no pass.
#[test]
#[should_panic(expected = "scenario killed-client inconclusive")]
fn what_nobody_saw_does_not_pass() {
    let scenario = Scenario::from_file("tests/killed-client.toml").expect("it is right");
    let on_the_machine = scenario.program("server", SERVER).net(Place::Host);
    on_the_machine.run().expect("it runs").assert_passed();
}
