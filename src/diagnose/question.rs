//! [`Question`]: what of a picture is asked about.

use super::picture::{Picture, Process, Socket};

/// What is asked about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// The sockets: indices into [`Picture::sockets`], ascending.
    pub sockets: Vec<usize>,
    /// Other sockets that the reason may lie in: their peers, the listeners that they go to.
    pub beside: Vec<usize>,
    /// The processes: indices into [`Picture::processes`].
    pub processes: Vec<usize>,
    /// Ports that somebody names, or could not bind.
    pub ports: Vec<u16>,
    /// Whether a close that did not come can be the reason.
    pub about_close: bool,
    /// Whether it is about who holds a socket.
    pub about_holders: bool,
    /// Whether a child that nobody collected can be the reason.
    pub about_children: bool,
    /// Whether a process that a signal stopped can be the reason.
    pub about_stops: bool,
    /// Whether it is about data that nobody reads for as long as somebody looks.
    pub about_progress: bool,
}

impl Question {
    /// The sockets that are asked about.
    pub fn asked<'a>(&'a self, picture: &'a Picture) -> impl Iterator<Item = &'a Socket> {
        let indices = self.sockets.iter();
        indices.filter_map(|index| picture.sockets.get(*index))
    }

    /// The sockets that are asked about, and those beside them.
    pub fn ends<'a>(&'a self, picture: &'a Picture) -> impl Iterator<Item = &'a Socket> {
        let indices = self.sockets.iter().chain(&self.beside);
        indices.filter_map(|index| picture.sockets.get(*index))
    }

    /// Whether the socket with this index is asked about, or beside one that is.
    pub fn has_end(&self, index: usize) -> bool {
        self.sockets.binary_search(&index).is_ok() || self.beside.contains(&index)
    }

    /// The processes that are asked about.
    pub fn processes<'a>(&'a self, picture: &'a Picture) -> impl Iterator<Item = &'a Process> {
        let indices = self.processes.iter();
        indices.filter_map(|index| picture.processes.get(*index))
    }
}
