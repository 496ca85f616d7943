//! What recording kernel events costs: short connections over loopback with the recorder off and
//! on, and what is lost. `cargo bench --bench recording`, as root.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use sockscope::model::TcpState;
use sockscope::observe::tracepoints::{Config, KernelEvents, Point, What};

/// How long each measurement takes.
const SPAN: Duration = Duration::from_millis(700);
/// Measurements with and without, turn by turn.
const ROUNDS: usize = 7;
/// The byte that a connection sends, and the last one.
const MORE: u8 = 0;
const LAST: u8 = 1;
/// A ring that is too small on purpose, in bytes.
const TINY: usize = 4096;

/// Connections a second: made, one byte each way, closed with a reset so that no port runs out.
fn workload(span: Duration) -> (u64, Duration) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = listener.local_addr().expect("an address");
    let mut count = 0;
    let begun = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| serve(&listener));
        while begun.elapsed() < span {
            connect(address, MORE);
            count += 1;
        }
        connect(address, LAST);
    });
    (count + 1, begun.elapsed())
}

fn connect(address: SocketAddr, byte: u8) {
    let mut stream = TcpStream::connect(address).expect("connected");
    let linger = libc::linger {
        l_onoff: 1,
        l_linger: 0,
    };
    nix::sys::socket::setsockopt(&stream, nix::sys::socket::sockopt::Linger, &linger)
        .expect("SO_LINGER");
    stream.write_all(&[byte]).expect("written");
    let mut byte = [0];
    stream.read_exact(&mut byte).expect("answered");
}

fn serve(listener: &TcpListener) {
    let mut byte = [MORE];
    for stream in listener.incoming() {
        let mut stream = stream.expect("accepted");
        stream.read_exact(&mut byte).expect("a byte");
        stream.write_all(&byte).expect("answered");
        if byte == [LAST] {
            return;
        }
    }
}

/// What a recorder saw while the workload ran.
struct Seen {
    connections: u64,
    took: Duration,
    closed: u64,
    lost: u64,
    reading: Duration,
}

fn recorded(config: &Config) -> Seen {
    let mut recorder = KernelEvents::open(config).expect("it was opened before");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut closed = 0;
            let mut take = |recorder: &mut KernelEvents| {
                for event in recorder.drain() {
                    closed += u64::from(matches!(event.what, What::State(change)
                        if change.new == TcpState::Close && change.old != TcpState::Listen));
                }
            };
            let cpu = nix::time::ClockId::CLOCK_THREAD_CPUTIME_ID;
            while !done.load(Ordering::Acquire) {
                let fds: Vec<_> = recorder.fds().map(|fd| fd.try_clone_to_owned()).collect();
                let fds: Vec<_> = fds.into_iter().map(|fd| fd.expect("a copy")).collect();
                let mut fds: Vec<PollFd> = fds
                    .iter()
                    .map(|fd| PollFd::new(fd.as_fd(), PollFlags::POLLIN))
                    .collect();
                let _ = poll(&mut fds, PollTimeout::from(50u16));
                take(&mut recorder);
            }
            take(&mut recorder);
            let reading = nix::time::clock_gettime(cpu).expect("a clock");
            let lost = recorder.lost().expect("counted");
            (closed, lost, Duration::from(reading))
        });
        let (connections, took) = workload(SPAN);
        done.store(true, Ordering::Release);
        let (closed, lost, reading) = reader.join().expect("read");
        Seen {
            connections,
            took,
            closed,
            lost,
            reading,
        }
    })
}

fn rate(connections: u64, took: Duration) -> f64 {
    connections as f64 / took.as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let config = Config::default();
    let begun = Instant::now();
    let recorder = match KernelEvents::open(&config) {
        Ok(recorder) => recorder,
        Err(why) => {
            println!("not measured: {why}");
            return;
        }
    };
    let opening = begun.elapsed();
    let begun = Instant::now();
    drop(recorder);
    let closing = begun.elapsed();
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    println!(
        "recorder opened in {:.1} ms, closed in {:.1} ms",
        ms(opening),
        ms(closing)
    );
    // Somebody else in the tracepoints, so that closing one recorder costs nothing.
    let _kept = KernelEvents::open(&Config {
        filter: Some("sport==1".into()),
        ring: TINY,
        ..config.clone()
    });
    let sockets = Config {
        points: Point::SOCKETS.to_vec(),
        ..config.clone()
    };
    let mut rates: [Vec<f64>; 3] = Default::default();
    let (mut lost, mut missing, mut closed, mut reading) = (0, 0, 0, Duration::ZERO);
    workload(SPAN);
    for _ in 0..ROUNDS {
        let (connections, took) = workload(SPAN);
        rates[0].push(rate(connections, took));
        for (index, config) in [&sockets, &config].into_iter().enumerate() {
            let seen = recorded(config);
            rates[index + 1].push(rate(seen.connections, seen.took));
            lost += seen.lost;
            missing += (2 * seen.connections).saturating_sub(seen.closed);
            closed += seen.closed;
            reading += seen.reading;
        }
    }
    let [off, sockets, all] = rates.map(median);
    println!("connections a second, recorder off      {off:9.0}");
    println!(
        "the same, sockets recorded              {sockets:9.0}  {:5.1} %",
        sockets / off * 100.0
    );
    println!(
        "the same, processes and signals as well {all:9.0}  {:5.1} %",
        all / off * 100.0
    );
    println!(
        "ends recorded {closed}, missing {missing}, lost by count {lost}; reading {:.2} us a connection",
        reading.as_secs_f64() * 1e6 / (closed as f64 / 2.0)
    );
    let tiny = recorded(&Config {
        ring: TINY,
        wake_after: TINY as u32,
        ..config
    });
    println!(
        "with {TINY} bytes a CPU: ends recorded {} of {}, lost by count {}",
        tiny.closed,
        2 * tiny.connections,
        tiny.lost
    );
}
