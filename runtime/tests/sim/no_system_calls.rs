//! A run asks the system for nothing but memory: no socket, no file, no clock.
//!
//! The proof is the kernel's: a filter on the running thread lets through what the allocator and the end of the process
//! need and kills the process at anything else, and the processor's time stamp counter, from which a clock can be read
//! without a system call, is switched off for the thread. That the filter bites is shown by runs that ask for one thing too
//! much.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::{
    os::unix::process::ExitStatusExt,
    process::{Command, ExitStatus},
};

use taranis_runtime::{clock::Now, io::Durability, sim::Act};

use crate::story::{Story, settings};

/// What the allocator, a lock in the standard library and the end of a process need.
const ALLOWED: [i64; 9] = [
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_mprotect,
    libc::SYS_brk,
    libc::SYS_madvise,
    libc::SYS_futex,
    libc::SYS_exit_group,
    libc::SYS_rt_sigreturn,
];

const fn instruction(code: u32, jump_if: u8, jump_else: u8, operand: u32) -> libc::sock_filter {
    libc::sock_filter {
        code: code as u16,
        jt: jump_if,
        jf: jump_else,
        k: operand,
    }
}

/// Loads the call's number, compares it with each allowed one, and kills the process when none fits.
fn filter() -> Vec<libc::sock_filter> {
    let load = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    let equal = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    let answer = libc::BPF_RET | libc::BPF_K;
    let mut program = vec![instruction(load, 0, 0, 0)];
    for (at, call) in ALLOWED.iter().enumerate() {
        let to_the_end = (ALLOWED.len() - at) as u8;
        program.push(instruction(equal, to_the_end, 0, *call as u32));
    }
    program.push(instruction(answer, 0, 0, libc::SECCOMP_RET_KILL_PROCESS));
    program.push(instruction(answer, 0, 0, libc::SECCOMP_RET_ALLOW));
    program
}

/// From now on this thread has neither system calls nor a time stamp counter.
fn lock_in() {
    let mut program = filter();
    let program = libc::sock_fprog {
        len: program.len() as u16,
        filter: program.as_mut_ptr(),
    };
    // SAFETY: prctl with numbers only; the filter program lives through the call that installs it.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_TSC, libc::PR_TSC_SIGSEGV), 0);
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        let mode = libc::SECCOMP_MODE_FILTER;
        assert_eq!(
            libc::prctl(libc::PR_SET_SECCOMP, mode, &raw const program),
            0
        );
    }
}

/// Ends the process without any of the clean-up that would need more calls.
fn leave(status: i32) -> ! {
    // SAFETY: ends the process; nothing runs afterwards.
    unsafe { libc::_exit(status) }
}

/// A whole run with kills, power cuts and restarts, locked in from before the first turn.
fn run_locked_in() {
    let mut story = Story::new(settings(8), Durability::OnDisk, None);
    lock_in();
    for keeper in [0, 1, 0] {
        story.simulation.run_for(3_000_000);
        let process = story.keepers[keeper];
        story.simulation.act(Act::Kill(process));
        story.restart_keeper(keeper);
    }
    story.finish();
}

#[test]
#[ignore = "run by the test below, in a process of its own"]
fn child_that_runs_a_world() {
    run_locked_in();
    leave(42);
}

#[test]
#[ignore = "run by the test below, in a process of its own"]
fn child_that_reads_a_clock() {
    lock_in();
    let _ = Now::read();
    leave(42);
}

#[test]
#[ignore = "run by the test below, in a process of its own"]
fn child_that_opens_a_file() {
    lock_in();
    let _ = std::fs::read_dir("/");
    leave(42);
}

#[test]
#[ignore = "run by the test below, in a process of its own"]
fn child_that_makes_a_socket() {
    lock_in();
    // SAFETY: a system call without pointers.
    let _ = unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM, 0) };
    leave(42);
}

fn child(test: &str) -> ExitStatus {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("no_system_calls::{test}")])
        .args(["--ignored", "--nocapture"])
        .output()
        .unwrap();
    output.status
}

#[test]
fn a_whole_run_makes_no_system_call_and_reads_no_clock() {
    let status = child("child_that_runs_a_world");
    assert_eq!(status.code(), Some(42), "{status}");
}

#[test]
fn the_lock_bites_on_a_clock_a_file_and_a_socket() {
    let clock = child("child_that_reads_a_clock").signal();
    assert!(
        matches!(clock, Some(libc::SIGSEGV | libc::SIGSYS)),
        "{clock:?}"
    );
    for test in ["child_that_opens_a_file", "child_that_makes_a_socket"] {
        assert_eq!(child(test).signal(), Some(libc::SIGSYS), "{test}");
    }
}
