//! Names of programs, processes, endpoints and hosts.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Role;

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes the name as it is.
            pub fn new(name: impl Into<String>) -> Self {
                Self(name.into())
            }

            /// The name.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(name: &str) -> Self {
                Self(name.to_owned())
            }
        }
    };
}

name_type! {
    /// A program of a scenario: `server`.
    ProgramName
}
name_type! {
    /// A process of a program: `server`, its forked `server.child`, the next `server.child2`.
    ProcessName
}
name_type! {
    /// One end of a connection, or a listener: `client.conn`, `server.conn2`, `server.listener`.
    EndpointName
}
name_type! {
    /// A network namespace in which programs run: `client`, `server`.
    HostName
}

impl ProcessName {
    /// The program that this process belongs to: the part before the first dot.
    pub fn program(&self) -> ProgramName {
        ProgramName::new(self.0.split('.').next().unwrap_or(&self.0))
    }

    /// The name of this process's `ordinal`th forked child, counted from 1.
    pub fn child(&self, ordinal: usize) -> ProcessName {
        ProcessName(numbered(&format!("{}.child", self.0), ordinal))
    }

    /// Whether this process was forked by another one of the same program.
    pub fn is_child(&self) -> bool {
        self.0.contains('.')
    }
}

impl EndpointName {
    /// The name of a program's `ordinal`th connection (or listener), counted from 1.
    pub fn of(program: &ProgramName, role: Role, ordinal: usize) -> EndpointName {
        EndpointName(numbered(&format!("{program}.{}", role.word()), ordinal))
    }

    /// The program that this endpoint belongs to.
    pub fn program(&self) -> ProgramName {
        ProgramName::new(self.0.split('.').next().unwrap_or(&self.0))
    }

    /// Whether it is a UDP socket's.
    pub fn is_datagram(&self) -> bool {
        let kind = self.local().trim_end_matches(|c: char| c.is_ascii_digit());
        kind == Role::Datagram.word()
    }

    /// The part behind the dot: `conn2`.
    pub fn local(&self) -> &str {
        self.0.split_once('.').map_or(&self.0, |(_, local)| local)
    }
}

/// `base`, with `ordinal` behind it when it is not the first: `conn`, `conn2`.
fn numbered(base: &str, ordinal: usize) -> String {
    match ordinal {
        0 | 1 => base.to_owned(),
        n => format!("{base}{n}"),
    }
}
