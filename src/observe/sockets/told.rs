//! Sockets that a traced call told of.

use super::Sockets;
use crate::driver::recorder::Recorder;
use crate::model::{Holder, Tuple};
use crate::observe::diag::DiagError;
use crate::observe::holders::HoldersByInode;

/// The only host where there is no wire.
const HOST: usize = 0;

impl Sockets {
    /// A process made a connection or a listener with these addresses.
    ///
    /// # Errors
    /// Those of sock_diag.
    pub fn made(
        &mut self,
        tuple: Tuple,
        inode: u32,
        holder: Holder,
        pen: &mut Recorder,
    ) -> Result<(), DiagError> {
        // A dead tuple answers with the listener on its port.
        let answer = self.hosts[HOST].diag.query(tuple)?;
        let Some(facts) = answer.filter(|facts| facts.tuple.canonical() == tuple.canonical())
        else {
            return Ok(());
        };
        let holders = HoldersByInode::one(inode, holder);
        match self.find_facts(HOST, &facts) {
            Some(index) => self.saw(index, facts, None, &mut |_| holders.clone(), pen),
            None => self.appeared(HOST, facts, None, &holders, pen),
        }
        Ok(())
    }

    /// A process did something with its socket of this inode.
    ///
    /// # Errors
    /// Those of sock_diag.
    pub fn used(&mut self, inode: u32, pen: &mut Recorder) -> Result<(), DiagError> {
        let known = |known: &super::Known| !known.gone && known.facts.inode == inode;
        match self.known.iter().position(known) {
            Some(index) => self.ask_again(index, &HoldersByInode::default(), pen),
            None => Ok(()),
        }
    }
}
