//! The sockets of a `peer`, and its commands carried out on them.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsFd as _;

use nix::errno::Errno;
use nix::poll::PollFlags;
use nix::sys::socket::{SockType, sockopt};

use super::command::Command;
use crate::programs::posix::{
    Failure, Socket, accept, bind, close, connect, connect_result, getsockname, listen, poll, read,
    set_nonblocking, set_option, shutdown, socket, take_error, write,
};

/// All sockets by descriptor, and which one the commands are for.
#[derive(Debug, Default)]
pub(super) struct End {
    sockets: BTreeMap<i32, Socket>,
    current: Option<i32>,
}

impl End {
    /// Carries out a command: the answer, or the errno of the call. Without a current socket every
    /// call on it fails with `EBADF`, as it would in C.
    pub(super) fn carry_out(&mut self, command: Command) -> Result<String, Errno> {
        self.call(command).map_err(|failure| failure.errno)
    }

    fn call(&mut self, command: Command) -> Result<String, Failure> {
        match command {
            Command::Socket { v6 } => {
                let any: IpAddr = if v6 {
                    Ipv6Addr::UNSPECIFIED.into()
                } else {
                    Ipv4Addr::UNSPECIFIED.into()
                };
                let new = socket(SocketAddr::new(any, 0), SockType::Stream)?;
                Ok(self.add(new))
            }
            Command::Select(fd) if self.sockets.contains_key(&fd) => {
                self.current = Some(fd);
                ok(())
            }
            Command::Select(_) => Err(no_socket("select")),
            Command::Accept => {
                let connection = accept(self.current("accept")?)?;
                Ok(self.add(connection))
            }
            Command::Close => {
                let removed = self.current.take().and_then(|fd| self.sockets.remove(&fd));
                close(removed.ok_or(no_socket("close"))?)?;
                self.current = self.sockets.keys().next_back().copied();
                ok(())
            }
            other => on_socket(self.current(other.word())?, other),
        }
    }

    fn add(&mut self, socket: Socket) -> String {
        let fd = socket.number();
        self.sockets.insert(fd, socket);
        self.current = Some(fd);
        fd.to_string()
    }

    fn current(&self, call: &'static str) -> Result<&Socket, Failure> {
        self.current
            .and_then(|fd| self.sockets.get(&fd))
            .ok_or(no_socket(call))
    }
}

/// A command that is one call on the current socket.
fn on_socket(socket: &Socket, command: Command) -> Result<String, Failure> {
    match command {
        Command::SetOption { name, values } => set_by_name(socket, &name, &values).and_then(ok),
        Command::Bind(address) => bind(socket, address).and_then(ok),
        Command::Name => Ok(getsockname(socket)?.map_or_else(
            || "unknown family".to_owned(),
            |address| address.to_string(),
        )),
        Command::Listen(backlog) => listen(socket, backlog).and_then(ok),
        Command::Connect(address) => connect(socket, address).and_then(ok),
        Command::ConnectStart(address) => {
            set_nonblocking(socket, true)?;
            let started = connect(socket, address);
            set_nonblocking(socket, false)?;
            started.and_then(ok)
        }
        Command::ConnectFinish => {
            poll([(socket.as_fd(), PollFlags::POLLOUT)])?;
            connect_result(socket).and_then(ok)
        }
        Command::Write(bytes) | Command::WriteLine(bytes) => {
            write(socket, &bytes).map(|taken| taken.to_string())
        }
        Command::WriteBytes(count) => write_bytes(socket, count),
        Command::Read(most) => {
            let mut buffer = vec![0_u8; most.min(1 << 20)];
            Ok(match read(socket, &mut buffer)? {
                0 => "EOF".to_owned(),
                length => format!("\"{}\"", buffer[..length].escape_ascii()),
            })
        }
        Command::Shutdown(how) => shutdown(socket, how).and_then(ok),
        Command::Error => Ok(match take_error(socket)? {
            Ok(()) => "none".to_owned(),
            Err(errno) => super::in_words(errno),
        }),
        Command::Socket { .. } | Command::Accept | Command::Close | Command::Select(_) => {
            unreachable!("these change which sockets there are; End::call does them")
        }
    }
}

fn write_bytes(socket: &Socket, count: usize) -> Result<String, Failure> {
    let chunk = [b'x'; 4096];
    let mut left = count;
    while left > 0 {
        left -= write(socket, &chunk[..left.min(chunk.len())])?;
    }
    Ok(count.to_string())
}

fn set_by_name(socket: &Socket, name: &str, values: &[u32]) -> Result<(), Failure> {
    let shown: Vec<String> = values.iter().map(u32::to_string).collect();
    let shown = format!("{name}, {}", shown.join(", "));
    let shown = shown.as_str();
    match (name, values) {
        ("SO_REUSEADDR", &[on]) => set_option(socket, sockopt::ReuseAddr, &(on != 0), shown),
        ("SO_KEEPALIVE", &[on]) => set_option(socket, sockopt::KeepAlive, &(on != 0), shown),
        ("SO_LINGER", &[on, seconds]) => {
            let linger = libc::linger {
                l_onoff: on.min(1) as i32,
                l_linger: seconds.min(i32::MAX as u32) as i32,
            };
            set_option(socket, sockopt::Linger, &linger, shown)
        }
        ("SO_RCVBUF", &[bytes]) => set_option(socket, sockopt::RcvBuf, &(bytes as usize), shown),
        ("SO_SNDBUF", &[bytes]) => set_option(socket, sockopt::SndBuf, &(bytes as usize), shown),
        ("TCP_NODELAY", &[on]) => set_option(socket, sockopt::TcpNoDelay, &(on != 0), shown),
        ("TCP_KEEPIDLE", &[secs]) => set_option(socket, sockopt::TcpKeepIdle, &secs, shown),
        ("TCP_KEEPINTVL", &[secs]) => set_option(socket, sockopt::TcpKeepInterval, &secs, shown),
        ("TCP_KEEPCNT", &[count]) => set_option(socket, sockopt::TcpKeepCount, &count, shown),
        ("TCP_USER_TIMEOUT", &[ms]) => set_option(socket, sockopt::TcpUserTimeout, &ms, shown),
        _ => Err(Failure {
            call: "setsockopt",
            errno: Errno::ENOPROTOOPT,
        }),
    }
}

fn ok((): ()) -> Result<String, Failure> {
    Ok("ok".to_owned())
}

fn no_socket(call: &'static str) -> Failure {
    Failure {
        call,
        errno: Errno::EBADF,
    }
}
