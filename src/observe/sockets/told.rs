//! Sockets that were looked at when a traced call was made on them.

use super::Sockets;
use crate::driver::recorder::Recorder;
use crate::model::{Holder, SocketFacts};
use crate::observe::holders::HoldersByInode;
use crate::observe::syscalls::Seen;

/// The only host where there is no wire.
const HOST: usize = 0;

impl Sockets {
    /// Takes in how a socket was. It may be gone by now: the kernel is not asked again.
    pub fn looked_at(
        &mut self,
        seen: Seen,
        inode: u32,
        holder: Option<Holder>,
        pen: &mut Recorder,
    ) {
        // The kernel tells every state itself, and this look is older than what it told last.
        if self.traced.is_some() {
            return;
        }
        let known = |known: &super::Known| !known.gone && known.facts.cookie == seen.cookie;
        let holders = match holder {
            Some(holder) => HoldersByInode::one(inode, holder),
            None => HoldersByInode::default(),
        };
        match self.known.iter().position(known) {
            Some(index) => {
                let facts = SocketFacts {
                    state: seen.state,
                    inode,
                    ..self.known[index].facts.clone()
                };
                self.saw(index, facts, None, &mut |_| holders.clone(), pen);
            }
            None => {
                let facts = SocketFacts {
                    cookie: seen.cookie,
                    inode,
                    uid: nix::unistd::geteuid().as_raw(),
                    ..SocketFacts::unasked(seen.tuple, seen.state)
                };
                self.appeared(HOST, facts, None, &holders, pen);
            }
        }
    }
}
