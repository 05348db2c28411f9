//! Choosing a backend: io_uring where the kernel gives it, plain calls with one warning where it is refused.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use crossbeam_channel::{Sender, unbounded};
use taranis_runtime::{
    io::{BackendChoice, Backends},
    mem::Names,
};
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

use crate::conformance;

#[test]
fn a_thread_gets_what_was_chosen() {
    for (choice, kind) in [
        (BackendChoice::Auto, "io_uring"),
        (BackendChoice::Ring, "io_uring"),
        (BackendChoice::Plain, "plain"),
    ] {
        let backends = Backends::choose(choice).unwrap();
        assert_eq!((backends.kind(), backends.refusal()), (kind, None));
        let maker = backends.maker(Names::of_files(), None).unwrap();
        // A ring is bound to the thread that makes the backend of it, not to the one that chose.
        let made = thread::scope(|scope| scope.spawn(|| maker().kind()).join().unwrap());
        assert_eq!(made, kind);
    }
}

#[test]
fn where_seccomp_refuses_the_ring_there_are_plain_calls_and_one_warning() {
    on_a_filtered_thread(libc::SYS_io_uring_setup, libc::EPERM, || {
        let refused = Backends::choose(BackendChoice::Ring).unwrap_err();
        assert_eq!(refused.errno(), libc::EPERM);
        let text = refused.to_string();
        assert!(
            text.starts_with("io_uring_setup: EPERM; likely seccomp"),
            "{text}"
        );

        let (tell, told) = unbounded();
        tracing::subscriber::with_default(Warnings { tell }, || {
            let backends = Backends::choose(BackendChoice::Auto).unwrap();
            assert_eq!(backends.kind(), "plain");
            assert_eq!(backends.refusal(), Some(&refused));
            for _ in 0..2 {
                let maker = backends.maker(Names::of_files(), None).unwrap();
                let work = conformance::carries_datagrams_in_order(maker);
                assert_eq!((work.ring_entries, work.datagrams_sent), (0, 1_000));
            }
        });
        let warnings: Vec<_> = told.try_iter().collect();
        assert_eq!(warnings, [format!("{text}; running on plain system calls")]);
    });
}

#[test]
fn a_filter_that_lets_only_the_setup_pass_is_noticed_at_once() {
    for (call, name) in [
        (libc::SYS_io_uring_enter, "io_uring_enter"),
        (libc::SYS_io_uring_register, "io_uring_register"),
    ] {
        on_a_filtered_thread(call, libc::ENOSYS, move || {
            let refused = Backends::choose(BackendChoice::Ring).unwrap_err();
            let text = refused.to_string();
            assert!(text.starts_with(&format!("{name}: ENOSYS; ")), "{text}");
        });
    }
}

/// Runs `test` on a thread on which a system call is refused; the filter ends with the thread.
fn on_a_filtered_thread(call: libc::c_long, errno: libc::c_int, test: impl FnOnce() + Send) {
    let ran = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&ran);
    thread::scope(|scope| {
        scope.spawn(move || {
            refuse(call, errno);
            test();
            count.fetch_add(1, Ordering::Relaxed);
        });
    });
    assert_eq!(ran.load(Ordering::Relaxed), 1);
}

/// Installs a seccomp filter on the calling thread, as a container's runtime does on its process.
fn refuse(call: libc::c_long, errno: libc::c_int) {
    let step = |code: u32, k: u32, jump_if: u8, jump_else: u8| libc::sock_filter {
        code: code as u16,
        jt: jump_if,
        jf: jump_else,
        k,
    };
    let mut program = [
        // The number of the system call is the first word that the filter sees.
        step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        step(
            libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K,
            call as u32,
            0,
            1,
        ),
        step(
            libc::BPF_RET | libc::BPF_K,
            libc::SECCOMP_RET_ERRNO | errno as u32,
            0,
            0,
        ),
        step(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW, 0, 0),
    ];
    let filter = libc::sock_fprog {
        len: program.len() as u16,
        filter: program.as_mut_ptr(),
    };
    // SAFETY: the kernel copies the program, which outlives the calls; both concern the calling thread alone.
    let installed = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
            && libc::prctl(
                libc::PR_SET_SECCOMP,
                libc::SECCOMP_MODE_FILTER,
                &raw const filter,
            ) == 0
    };
    assert!(installed, "{}", std::io::Error::last_os_error());
}

/// Hands on the texts of warnings.
struct Warnings {
    tell: Sender<String>,
}

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::WARN
    }

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        self.tell.send(text.0).unwrap();
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}
