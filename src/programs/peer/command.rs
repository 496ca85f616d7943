//! The commands of `peer`, one a line.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use nix::sys::socket::Shutdown;

/// One command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Socket { v6: bool },
    SetOption { name: String, values: Vec<u32> },
    Bind(SocketAddr),
    Name,
    Listen(i32),
    Accept,
    Connect(SocketAddr),
    ConnectStart(SocketAddr),
    ConnectFinish,
    Write(Vec<u8>),
    WriteLine(Vec<u8>),
    WriteBytes(usize),
    Read(usize),
    Shutdown(Shutdown),
    Close,
    Select(i32),
    Error,
}

impl Command {
    /// Reads a line; the error says in words what is wrong with it.
    pub(super) fn parse(line: &[u8]) -> Result<Command, String> {
        let line = line.trim_ascii_start();
        let end = line.iter().position(|b| *b == b' ').unwrap_or(line.len());
        let (word, rest) = line.split_at(end);
        // What is written may be any bytes; everything else is text.
        if word == b"write" {
            return Ok(Command::Write(rest.get(1..).unwrap_or_default().to_vec()));
        }
        if word == b"write-line" {
            let mut text = rest.get(1..).unwrap_or_default().to_vec();
            text.push(b'\n');
            return Ok(Command::WriteLine(text));
        }
        let word = word.escape_ascii().to_string();
        let rest = rest.escape_ascii().to_string();
        let args: Vec<&str> = rest.split([' ', ',']).filter(|a| !a.is_empty()).collect();
        match (word.as_str(), args.as_slice()) {
            ("socket", [] | ["v4"]) => Ok(Command::Socket { v6: false }),
            ("socket", ["v6"]) => Ok(Command::Socket { v6: true }),
            ("setsockopt", [name, values @ ..]) if !values.is_empty() => Ok(Command::SetOption {
                name: (*name).to_owned(),
                values: values
                    .iter()
                    .map(|value| number(value))
                    .collect::<Result<_, _>>()?,
            }),
            ("bind", [ip, port]) => Ok(Command::Bind(address(ip, port)?)),
            ("name", []) => Ok(Command::Name),
            ("listen", [backlog]) => Ok(Command::Listen(number(backlog)?)),
            ("accept", []) => Ok(Command::Accept),
            ("connect", [ip, port]) => Ok(Command::Connect(address(ip, port)?)),
            ("connect-start", [ip, port]) => Ok(Command::ConnectStart(address(ip, port)?)),
            ("connect-finish", []) => Ok(Command::ConnectFinish),
            ("write-bytes", [count]) => Ok(Command::WriteBytes(number(count)?)),
            ("read", []) => Ok(Command::Read(4096)),
            ("read", [count]) => match number(count)? {
                0 => Err("read needs room for a byte".to_owned()),
                count => Ok(Command::Read(count)),
            },
            ("shutdown", [how]) => Ok(Command::Shutdown(match *how {
                "RD" | "SHUT_RD" => Shutdown::Read,
                "WR" | "SHUT_WR" => Shutdown::Write,
                "RDWR" | "SHUT_RDWR" => Shutdown::Both,
                other => return Err(format!("`{other}` is not RD, WR or RDWR")),
            })),
            ("close", []) => Ok(Command::Close),
            ("select", [fd]) => Ok(Command::Select(number(fd)?)),
            ("error", []) => Ok(Command::Error),
            (word, _) => Err(format!("`{word}{rest}` is not a command; see peer --help")),
        }
    }

    /// The word that begins the answer.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Command::Socket { .. } => "socket",
            Command::SetOption { .. } => "setsockopt",
            Command::Bind(_) => "bind",
            Command::Name => "name",
            Command::Listen(_) => "listen",
            Command::Accept => "accept",
            Command::Connect(_) => "connect",
            Command::ConnectStart(_) => "connect-start",
            Command::ConnectFinish => "connect-finish",
            Command::Write(_) => "write",
            Command::WriteLine(_) => "write-line",
            Command::WriteBytes(_) => "write-bytes",
            Command::Read(_) => "read",
            Command::Shutdown(_) => "shutdown",
            Command::Close => "close",
            Command::Select(_) => "select",
            Command::Error => "error",
        }
    }
}

fn number<N: FromStr>(text: &str) -> Result<N, String> {
    text.parse()
        .map_err(|_| format!("`{text}` is not a number that fits"))
}

fn address(ip: &str, port: &str) -> Result<SocketAddr, String> {
    let ip: IpAddr = ip
        .parse()
        .map_err(|_| format!("`{ip}` is not an IPv4 or IPv6 address"))?;
    Ok(SocketAddr::new(ip, number(port)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read() {
        let parse = |line: &str| Command::parse(line.as_bytes());
        assert_eq!(parse("socket"), Ok(Command::Socket { v6: false }));
        assert_eq!(
            parse("bind ::1 0"),
            Ok(Command::Bind("[::1]:0".parse().expect("an address")))
        );
        assert_eq!(
            parse("setsockopt SO_LINGER 1,0"),
            Ok(Command::SetOption {
                name: "SO_LINGER".to_owned(),
                values: vec![1, 0]
            })
        );
        assert_eq!(
            Command::parse(b"write  a b\xff "),
            Ok(Command::Write(b" a b\xff ".to_vec()))
        );
        assert_eq!(
            parse("write-line a b"),
            Ok(Command::WriteLine(b"a b\n".to_vec()))
        );
        assert_eq!(parse("write"), Ok(Command::Write(Vec::new())));
    }

    #[test]
    fn nonsense_is_answered_in_words() {
        for bad in [
            "sockett",
            "bind ::1",
            "bind localhost 80",
            "connect 127.0.0.1 65536",
            "read 0",
            "read -1",
            "shutdown",
            "shutdown XX",
            "setsockopt SO_LINGER",
            "\x1b[2J",
        ] {
            let error = Command::parse(bad.as_bytes()).expect_err(bad);
            assert!(!error.contains('\x1b'), "{error:?}");
        }
    }
}
