//! What threads ask of the world: everything their agents stage, and the datagrams they receive.

use std::collections::BTreeSet;

use super::{
    ProcessId,
    agenda::Event,
    errno,
    network::{Packet, Sending},
    operation::{Operation, Work, Write},
    random::{Delay, happens},
    thread_io::{AgentIo, OpenFile, OpenSocket, ThreadIo},
    trace::Line,
    world::Inner,
};
use crate::io::{
    AgentId, Chore, Desk, Durability, File, FileAccess, FileToken, Interest, Outcome, Socket,
    Ticket,
    files::{FileOp, FileSource},
    mail::Received,
    net::{NetOp, Payload, Send},
    socket::SocketSource,
};
use crate::mem::Span;

/// Datagrams from one socket in one loop.
const RECEIVES_PER_SOCKET: usize = 16;
/// Datagrams that may lie in an agent's mail.
const RECEIVES_PER_AGENT: usize = 64;
/// Alignment of everything about a direct operation.
const DIRECT_ALIGNMENT: usize = 4096;

/// A thread's side of the world.
impl Inner {
    /// Takes everything an agent staged, one by one: its process may be killed at any of them.
    pub(super) fn submit(&mut self, thread: u32, desk: &mut Desk) {
        let agent = desk.agent;
        let small = std::mem::take(&mut desk.net.small);
        let mut net = std::mem::take(&mut desk.net.staged);
        let mut full = BTreeSet::new();
        for op in net.drain(..) {
            if self.goes_on(thread) {
                self.net_op(thread, agent, op, &small, &mut full);
            }
        }
        let mut files = std::mem::take(&mut desk.files.staged);
        for op in files.drain(..) {
            if self.goes_on(thread) {
                self.file_op(thread, agent, op);
            }
        }
        for (ticket, chore) in desk.chores.staged.drain(..) {
            if self.goes_on(thread) {
                self.chore_op(thread, ticket, chore);
            }
        }
        desk.net.small = small;
        desk.net.staged = net;
        desk.net.taken();
        desk.files.staged = files;
        desk.files.taken();
    }

    /// Moves datagrams from sockets into the mail, within the bounds of a turn.
    pub(super) fn collect(&mut self, thread: u32) {
        let Some(mut io) = self.threads.remove(&thread) else {
            return;
        };
        let count = io.agents.len();
        for step in 0..count {
            let at = (io.first + step) % count;
            self.receive(&mut io, at);
        }
        io.first = io.first.wrapping_add(1);
        self.threads.insert(thread, io);
    }

    /// Whether an agent that may have turns has datagrams or completions waiting.
    pub(super) fn has_mail(&self) -> bool {
        self.threads.values().any(|io| {
            let is_stalled = self.process(io.process).stalled_until_ns > self.now_ns;
            !is_stalled && io.agents.iter().any(|agent| self.has_mail_for(agent))
        })
    }

    fn has_mail_for(&self, agent: &AgentIo) -> bool {
        let sockets = agent.sockets.iter().flatten();
        let mut receiving = sockets.filter(|open| open.interest == Interest::Receive);
        !agent.inbox.is_empty() || receiving.any(|open| self.network.has_mail(open.id))
    }

    /// A thread is gone: closes what its agents held. What it left in flight takes place all the same.
    pub(super) fn thread_gone(&mut self, thread: u32) {
        let agents = self.threads.get(&thread).map(ThreadIo::agents);
        for agent in agents.into_iter().flatten() {
            self.retire(thread, agent);
        }
        self.threads.remove(&thread);
    }

    pub(super) fn retire(&mut self, thread: u32, agent: AgentId) {
        let Some(io) = self.threads.get_mut(&thread) else {
            return;
        };
        for socket in io.retire(agent) {
            self.network.close(socket);
        }
    }

    fn goes_on(&mut self, thread: u32) -> bool {
        let process = self.threads.get(&thread).map(|io| io.process);
        process.is_some_and(|process| self.step(process))
    }

    fn thread(&mut self, thread: u32) -> &mut ThreadIo {
        let io = self.threads.get_mut(&thread);
        io.expect("a thread that goes on is in the table")
    }

    fn receive(&mut self, io: &mut ThreadIo, at: usize) {
        let (number, process) = (io.number, io.process);
        let agent = &mut io.agents[at];
        let count = agent.sockets.len();
        for step in 0..count {
            let Some(open) = agent.sockets[(agent.first + step) % count] else {
                continue;
            };
            if open.interest == Interest::SendOnly {
                continue;
            }
            for _ in 0..RECEIVES_PER_SOCKET {
                if agent.inbox.receives() >= RECEIVES_PER_AGENT {
                    break;
                }
                let rng = &mut self.random.network;
                let Some(packets) = self.network.receive(open.id, rng) else {
                    break;
                };
                for packet in &packets {
                    self.note_delivery(process, (number, agent.agent.slot), packet);
                }
                io.work.receives += 1;
                agent.inbox.push_datagram(joined(open.handle, &packets));
            }
        }
        agent.first = agent.first.wrapping_add(1);
    }

    fn note_delivery(&mut self, process: ProcessId, agent: (u32, u16), packet: &Packet) {
        let line = Line {
            at_ns: self.now_ns,
            process: &self.process(process).name.clone(),
            agent: Some(agent),
            event: "deliver",
            detail: format_args!("{} bytes from {}", packet.bytes.len(), packet.from),
        };
        let port = packet.from.port().into();
        self.trace.note(&line, &[port], &packet.bytes);
    }

    fn net_op(
        &mut self,
        thread: u32,
        agent: AgentId,
        op: NetOp,
        small: &[u8],
        full: &mut BTreeSet<Socket>,
    ) {
        match op {
            NetOp::Adopt {
                socket,
                token,
                interest,
            } => {
                let SocketSource::Simulated(handle) = token.source else {
                    panic!("a socket of the system was adopted in a simulated world");
                };
                let open = OpenSocket {
                    handle: socket,
                    id: handle.into_id(),
                    interest,
                };
                put(
                    &mut self.thread(thread).agent(agent).sockets,
                    socket.slot,
                    open,
                );
            }
            // What was sent of a turn is a prefix.
            NetOp::Send(send) if full.contains(&send.socket) => {
                let outcome = Outcome::Failed(errno(libc::EAGAIN));
                self.finish_send(thread, send.ticket, outcome);
            }
            NetOp::Send(send) => {
                if self.send(thread, &send, small) {
                    full.insert(send.socket);
                }
            }
            NetOp::Release { ticket, socket } => {
                let io = self.thread(thread).agent(agent);
                let id = io.socket(socket).id;
                io.sockets[usize::from(socket.slot)] = None;
                self.network.close(id);
                self.finish_send(thread, ticket, Outcome::Done);
            }
        }
    }

    /// Sends, and returns whether the socket had no room for all of it.
    fn send(&mut self, thread: u32, send: &Send, small: &[u8]) -> bool {
        let now_ns = self.now_ns;
        let io = self.thread(thread);
        let mut copied = Vec::new();
        let bytes = match &send.payload {
            Payload::Span(span) => {
                copied.resize(span.len(), 0);
                span.read(&mut copied);
                &copied
            }
            Payload::Small { at, len } => {
                io.work.copied_bytes += *len as u64;
                &small[*at..*at + *len]
            }
        };
        let len = bytes.len();
        let sending = Sending {
            socket: io.agent(send.ticket.agent()).socket(send.socket).id,
            bytes,
            segment: send.segment,
            to: send.to,
        };
        let mut due = Vec::new();
        let rng = &mut self.random.network;
        let sent = self.network.send(&sending, now_ns, rng, &mut due);
        if let Ok(bytes) = sent {
            let step = send.segment.map_or(bytes, usize::from).max(1);
            self.thread(thread).work.datagrams_sent += bytes.div_ceil(step).max(1) as u64;
        }
        self.plan_arrivals(&mut due);
        let outcome = sent.map_or_else(Outcome::Failed, Outcome::Moved);
        self.finish_send(thread, send.ticket, outcome);
        match sent {
            Ok(taken) => taken < len,
            Err(failure) => failure.is_would_block(),
        }
    }

    /// Plans a completion that comes after those of the agent's sends before it.
    fn finish_send(&mut self, thread: u32, ticket: Ticket, outcome: Outcome) {
        let delay = self
            .settings
            .sockets
            .completion
            .draw(&mut self.random.network);
        let at = self.now_ns + delay;
        let io = self.thread(thread).agent(ticket.agent());
        io.sends_until_ns = io.sends_until_ns.max(at);
        let at = io.sends_until_ns;
        self.plan(thread, at, ticket, Work::Told(outcome));
    }

    fn file_op(&mut self, thread: u32, agent: AgentId, op: FileOp) {
        let disk = &self.settings.disk;
        let (read, sync) = (disk.read, disk.sync);
        let (buffered, direct) = (disk.buffered_write, disk.direct_write);
        match op {
            FileOp::Adopt { file, token } => {
                let files = &mut self.thread(thread).agent(agent).files;
                put(files, file.slot, OpenFile::of(file, token));
            }
            FileOp::Read {
                ticket,
                file,
                span,
                at,
            } => {
                let open = self.thread(thread).agent(agent).file(file);
                let work = refusal(open.access, &span, at).unwrap_or_else(|| Work::Read {
                    file: open.file.clone(),
                    span,
                    at,
                });
                self.disk_op(thread, file, ticket, work, read);
            }
            FileOp::Write {
                ticket,
                file,
                span,
                at,
                durability,
            } => {
                let through = durability == Durability::OnDisk;
                let open = self.thread(thread).agent(agent).file(file);
                let access = open.access;
                let work = refusal(access, &span, at).unwrap_or_else(|| {
                    Work::Write(Write {
                        file: open.file.clone(),
                        span,
                        at,
                        through,
                        access,
                    })
                });
                let takes = match (access, through) {
                    (FileAccess::Buffered, false) => buffered,
                    _ => direct,
                };
                self.disk_op(thread, file, ticket, work, takes);
            }
            FileOp::Sync { ticket, file } => {
                let source = &self.thread(thread).agent(agent).file(file).file;
                let (pages, len) = source.with(|inode| (inode.dirty(), inode.len()));
                let work = Work::Sync {
                    file: source.clone(),
                    pages,
                    len,
                };
                self.disk_op(thread, file, ticket, work, sync);
            }
            FileOp::Release { ticket, file } => {
                let io = self.thread(thread).agent(agent);
                let quiet_at = io.file(file).busy_until_ns;
                io.files[usize::from(file.slot)] = None;
                let at = quiet_at.max(self.now_ns);
                self.plan(thread, at, ticket, Work::Told(Outcome::Done));
            }
        }
    }

    /// Plans an operation on a file for some time from now, in no order with the file's others.
    fn disk_op(&mut self, thread: u32, file: File, ticket: Ticket, work: Work, takes: Delay) {
        let (disk, rng) = (&self.settings.disk, &mut self.random.disk);
        let mut at = self.now_ns + takes.draw(rng);
        if happens(rng, disk.slow_ppm) {
            at += disk.slow.draw(rng);
        }
        let fails = happens(rng, disk.failing_ppm);
        let open = self.thread(thread).agent(ticket.agent()).file(file);
        open.busy_until_ns = open.busy_until_ns.max(at);
        let work = if fails { refused(libc::EIO) } else { work };
        self.plan(thread, at, ticket, work);
    }

    fn chore_op(&mut self, thread: u32, ticket: Ticket, chore: Chore) {
        let delay = self.settings.chore.draw(&mut self.random.chores);
        let now_ns = self.now_ns;
        let io = self.thread(thread);
        let at = io.chores_until_ns.max(now_ns) + delay;
        io.chores_until_ns = at;
        self.plan(thread, at, ticket, Work::Chore(chore));
    }

    fn plan(&mut self, thread: u32, at: u64, ticket: Ticket, work: Work) {
        let io = self.thread(thread);
        // Known from now on, so that its completion finds it.
        io.agent(ticket.agent());
        let process = io.process;
        let operation = Operation {
            process,
            thread,
            ticket,
            work,
        };
        self.agenda.plan(at, Event::Finish(operation));
    }
}

impl OpenFile {
    fn of(handle: File, token: FileToken) -> Self {
        let FileSource::Simulated(file) = token.source else {
            panic!("a file of the system was adopted in a simulated world");
        };
        Self {
            handle,
            file,
            access: token.access,
            busy_until_ns: 0,
        }
    }
}

fn put<T>(table: &mut Vec<Option<T>>, slot: u16, open: T) {
    let slot = usize::from(slot);
    if table.len() <= slot {
        table.resize_with(slot + 1, || None);
    }
    table[slot] = Some(open);
}

fn refused(number: i32) -> Work {
    Work::Told(Outcome::Failed(errno(number)))
}

/// What the system does not even begin.
fn refusal(access: FileAccess, span: &Span, at: u64) -> Option<Work> {
    if i64::try_from(at).is_err() {
        return Some(refused(libc::EOVERFLOW));
    }
    let is_misaligned = !at.is_multiple_of(DIRECT_ALIGNMENT as u64)
        || !span.len().is_multiple_of(DIRECT_ALIGNMENT)
        || !(span.as_ptr() as usize).is_multiple_of(DIRECT_ALIGNMENT);
    (access == FileAccess::Direct && is_misaligned).then(|| refused(libc::EINVAL))
}

/// Datagrams of one sender as one receive.
fn joined(socket: Socket, packets: &[Packet]) -> Received {
    let bytes: Vec<u8> = packets
        .iter()
        .flat_map(|packet| packet.bytes.iter().copied())
        .collect();
    let first = &packets[0];
    Received {
        socket,
        from: first.from,
        len: bytes.len(),
        buffer: bytes.into_boxed_slice(),
        // A datagram is shorter than 64 KiB.
        segment: (packets.len() > 1).then_some(first.bytes.len() as u16),
    }
}
