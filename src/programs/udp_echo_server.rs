//! The UDP echo server of UNP section 8.4.

use super::endpoints::udp_bind;
use super::options::Listening;
use super::posix::{Failure, leave, recv_from, send_to};

pub(crate) const NAME: &str = "udp-echo-server";

/// A UDP echo server: recvfrom(), sendto(); no connection, no state (UNP 8.3, 8.4).
#[derive(Debug, clap::Parser)]
#[command(name = "sockscope program udp-echo-server", no_binary_name = true)]
pub(crate) struct Options {
    #[command(flatten)]
    listening: Listening,
}

pub(crate) fn run(options: &Options) -> i32 {
    leave(NAME, serve(options))
}

fn serve(options: &Options) -> Result<(), Failure> {
    let socket = udp_bind(&options.listening)?;
    let mut buffer = vec![0_u8; 65_536];
    loop {
        let (length, from) = recv_from(&socket, &mut buffer)?;
        send_to(&socket, &buffer[..length], &from)?;
    }
}
