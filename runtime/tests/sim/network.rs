//! The simulated network answers as Linux does.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crossbeam_channel::{Receiver, Sender, unbounded};
use taranis_runtime::{
    agent::{Agent, Turn},
    cycle::Cycle,
    io::{Chore, Interest, Multicast, Outcome, Socket, SocketOptions},
    mem::Region,
    sim::{Delay, Fate, HostId, MILLION, Settings, Simulation},
};

use crate::script::{SECOND_NS, Script, at, ip, start};

#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    Bound(SocketAddr),
    Got(SocketAddr, Vec<u8>),
    Moved(usize),
    Failed(i32),
}

/// Binds a socket, does something with it once, and tells what it sees.
fn endpoint(
    local: SocketAddr,
    options: SocketOptions,
    tell: Sender<Seen>,
    then: impl FnOnce(&mut Cycle<'_>, Socket) + Send + 'static,
) -> Box<dyn Agent> {
    let mut then = Some(then);
    let mut bind = Some(Chore::Bind { local, options });
    Script::agent(move |cycle| {
        if let Some(bind) = bind.take() {
            cycle.chores.ask(bind).unwrap();
        }
        for datagram in cycle.mail.datagrams() {
            let got = Seen::Got(datagram.from, datagram.bytes.to_vec());
            tell.send(got).unwrap();
        }
        let completions: Vec<_> = cycle.mail.take_completions().collect();
        for completion in completions {
            match completion.outcome {
                Outcome::Socket(token) => {
                    tell.send(Seen::Bound(token.local_address())).unwrap();
                    let socket = cycle.net.adopt(token, Interest::Receive).unwrap();
                    if let Some(then) = then.take() {
                        then(cycle, socket);
                    }
                }
                Outcome::Moved(bytes) => tell.send(Seen::Moved(bytes)).unwrap(),
                Outcome::Failed(failure) => tell.send(Seen::Failed(failure.errno)).unwrap(),
                Outcome::Done => {}
                other => panic!("{other:?}"),
            }
        }
        Ok(Turn::Worked(0))
    })
}

struct Net {
    simulation: Simulation,
    hosts: [HostId; 3],
    processes: u32,
}

impl Net {
    fn new(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings::seeded(11);
        change(&mut settings);
        let mut simulation = Simulation::new(settings);
        let hosts = [1, 2, 3].map(|host| simulation.add_host(&format!("{host}"), &[ip(host)]));
        Self {
            simulation,
            hosts,
            processes: 0,
        }
    }

    /// Starts an endpoint on host 1, 2 or 3 and lets it bind and act.
    fn endpoint(
        &mut self,
        host: u8,
        local: SocketAddr,
        options: &SocketOptions,
        then: impl FnOnce(&mut Cycle<'_>, Socket) + Send + 'static,
    ) -> Receiver<Seen> {
        let (tell, seen) = unbounded();
        let agent = endpoint(local, options.clone(), tell, then);
        let name = format!("endpoint{}", self.processes);
        self.processes += 1;
        let host = self.hosts[usize::from(host) - 1];
        start(&mut self.simulation, &name, host, vec![agent]);
        self.simulation.run_for(2_000_000);
        seen
    }

    fn listen(&mut self, host: u8, port: u16) -> Receiver<Seen> {
        self.endpoint(host, at(host, port), &SocketOptions::UNICAST, |_, _| {})
    }
}

fn all(seen: &Receiver<Seen>) -> Vec<Seen> {
    seen.try_iter().collect()
}

fn payloads(seen: &Receiver<Seen>) -> Vec<Vec<u8>> {
    let got = seen.try_iter().filter_map(|seen| match seen {
        Seen::Got(_, bytes) => Some(bytes),
        Seen::Bound(_) | Seen::Moved(_) | Seen::Failed(_) => None,
    });
    got.collect()
}

#[test]
fn addresses_and_ports_belong_to_one_socket_of_one_host() {
    let mut net = Net::new(|_| {});
    let plain = SocketOptions::UNICAST;
    assert_eq!(all(&net.listen(1, 7)), [Seen::Bound(at(1, 7))]);
    assert_eq!(all(&net.listen(1, 7)), [Seen::Failed(libc::EADDRINUSE)]);
    let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 7));
    let taken = net.endpoint(1, any, &plain, |_, _| {});
    assert_eq!(all(&taken), [Seen::Failed(libc::EADDRINUSE)]);
    assert_eq!(all(&net.listen(2, 7)), [Seen::Bound(at(2, 7))]);
    let foreign = net.endpoint(1, at(2, 8), &plain, |_, _| {});
    assert_eq!(all(&foreign), [Seen::Failed(libc::EADDRNOTAVAIL)]);
    let ports = [net.listen(3, 0), net.listen(3, 0)].map(|seen| all(&seen));
    assert_ne!(ports[0], ports[1]);
    let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 7));
    let own = net.endpoint(1, loopback, &plain, |_, _| {});
    assert_eq!(all(&own), [Seen::Bound(loopback)]);
}

#[test]
fn a_socket_that_was_dropped_or_released_frees_its_port() {
    let mut net = Net::new(|_| {});
    net.endpoint(1, at(1, 7), &SocketOptions::UNICAST, |cycle, socket| {
        cycle.net.release(socket);
    });
    assert_eq!(all(&net.listen(1, 7)), [Seen::Bound(at(1, 7))]);
    let dropping = Script::agent({
        let mut asked = false;
        move |cycle| {
            if !std::mem::replace(&mut asked, true) {
                cycle.chores.ask(crate::script::bind(at(1, 8))).unwrap();
            }
            // The token falls.
            cycle.mail.take_completions().for_each(drop);
            Ok(Turn::Worked(0))
        }
    });
    start(
        &mut net.simulation,
        "dropping",
        net.hosts[0],
        vec![dropping],
    );
    net.simulation.run_for(2_000_000);
    assert_eq!(all(&net.listen(1, 8)), [Seen::Bound(at(1, 8))]);
}

#[test]
fn a_full_send_buffer_says_again_to_all_that_is_behind() {
    let mut net = Net::new(|_| {});
    let there = net.listen(2, 7);
    let small = SocketOptions {
        send_buffer_bytes: 4096,
        ..SocketOptions::UNICAST
    };
    let here = net.endpoint(1, at(1, 7), &small, |cycle, socket| {
        for number in 0..8 {
            let sent = cycle.net.send_copy(socket, &[number; 1024], Some(at(2, 7)));
            sent.unwrap();
        }
    });
    let seen = all(&here);
    let ends = &seen[1..];
    let moved = ends.iter().take_while(|seen| **seen == Seen::Moved(1024));
    let moved = moved.count();
    let refused = &ends[moved..];
    assert!((4..8).contains(&moved), "{seen:?}");
    assert_eq!(refused, vec![Seen::Failed(libc::EAGAIN); 8 - moved]);
    assert_eq!(payloads(&there).len(), moved);
}

#[test]
fn a_full_receive_buffer_drops_what_comes() {
    let mut net = Net::new(|_| {});
    let small = SocketOptions {
        receive_buffer_bytes: 4 * (1024 + 256),
        ..SocketOptions::UNICAST
    };
    let there = net.endpoint(2, at(2, 7), &small, |_, _| {});
    net.endpoint(1, at(1, 7), &SocketOptions::UNICAST, |cycle, socket| {
        for number in 0..100 {
            let sent = cycle.net.send_copy(socket, &[number; 1024], Some(at(2, 7)));
            sent.unwrap();
        }
    });
    let got = payloads(&there);
    assert!((4..100).contains(&got.len()), "{} arrived", got.len());
    assert!(got.is_sorted(), "in order");
}

#[test]
fn a_connected_socket_hears_that_nobody_is_there_and_only_its_peer() {
    let mut net = Net::new(|_| {});
    let connected = SocketOptions {
        connect: Some(at(2, 7)),
        ..SocketOptions::UNICAST
    };
    let here = net.endpoint(1, at(1, 7), &connected, |cycle, socket| {
        cycle.net.send_copy(socket, &[1], None).unwrap();
    });
    assert_eq!(all(&here), [Seen::Bound(at(1, 7)), Seen::Moved(1)]);
    net.endpoint(3, at(3, 7), &SocketOptions::UNICAST, |cycle, socket| {
        cycle.net.send_copy(socket, &[2], Some(at(1, 7))).unwrap();
    });
    assert_eq!(all(&here), []);
    net.endpoint(2, at(2, 7), &SocketOptions::UNICAST, |cycle, socket| {
        cycle.net.send_copy(socket, &[3], Some(at(1, 7))).unwrap();
    });
    assert_eq!(all(&here), [Seen::Got(at(2, 7), vec![3])]);
}

#[test]
fn a_connected_sockets_next_send_hears_that_nobody_was_there() {
    let mut net = Net::new(|_| {});
    let options = SocketOptions {
        connect: Some(at(2, 7)),
        ..SocketOptions::UNICAST
    };
    let (tell, told) = unbounded();
    let (mut socket, mut next_ns) = (None, 0);
    let mut bind = Some(Chore::Bind {
        local: at(1, 7),
        options,
    });
    let agent = Script::agent(move |cycle| {
        if let Some(bind) = bind.take() {
            cycle.chores.ask(bind).unwrap();
        }
        for completion in cycle.mail.take_completions() {
            match completion.outcome {
                Outcome::Socket(token) => {
                    socket = Some(cycle.net.adopt(token, Interest::Receive).unwrap());
                }
                Outcome::Failed(failure) => tell.send(failure.errno).unwrap(),
                _ => tell.send(0).unwrap(),
            }
        }
        if let (Some(socket), true) = (socket, cycle.now.mono_ns >= next_ns) {
            cycle.net.send_copy(socket, &[1], None).unwrap();
            next_ns = cycle.now.mono_ns + 1_000_000;
        }
        Ok(Turn::Worked(0))
    });
    start(&mut net.simulation, "connected", net.hosts[0], vec![agent]);
    net.simulation.run_for(3_500_000);
    let errors: Vec<i32> = told.try_iter().collect();
    assert_eq!(errors[..3], [0, libc::ECONNREFUSED, 0]);
}

#[test]
fn a_group_is_heard_by_its_members_on_all_hosts() {
    let mut net = Net::new(|_| {});
    let group = IpAddr::V4(Ipv4Addr::new(224, 20, 30, 39));
    let options = |host: u8| SocketOptions {
        reuse_address: true,
        multicast: Some(Multicast {
            join: Some(group),
            interface: ip(host),
            interface_index: 0,
            ttl: 0,
        }),
        ..SocketOptions::UNICAST
    };
    let to = SocketAddr::new(group, 7);
    let members: Vec<_> = [1, 1, 2]
        .into_iter()
        .map(|host| net.endpoint(host, to, &options(host), |_, _| {}))
        .collect();
    let stranger = net.listen(3, 7);
    net.endpoint(
        1,
        at(1, 9),
        &SocketOptions::UNICAST,
        move |cycle, socket| {
            cycle.net.send_copy(socket, b"all", Some(to)).unwrap();
        },
    );
    for member in &members {
        let expected = [Seen::Bound(to), Seen::Got(at(1, 9), b"all".to_vec())];
        assert_eq!(all(member), expected);
    }
    assert_eq!(payloads(&stranger), Vec::<Vec<u8>>::new());
}

#[test]
fn segments_arrive_as_datagrams_with_and_without_the_systems_help() {
    for without_segments_ppm in [0, MILLION] {
        let mut net = Net::new(|settings| {
            settings.sockets.without_segments_ppm = without_segments_ppm;
        });
        let there = net.listen(2, 7);
        let region = Region::heap(4096);
        let bytes: Vec<u8> = (0..250).collect();
        region.write(0, &bytes).unwrap();
        let here = net.endpoint(
            1,
            at(1, 7),
            &SocketOptions::UNICAST,
            move |cycle, socket| {
                let span = region.span(0, 250).unwrap();
                let sent = cycle.net.send_segments(socket, span, 100, Some(at(2, 7)));
                sent.unwrap();
            },
        );
        assert!(all(&here).contains(&Seen::Moved(250)));
        let expected: Vec<_> = bytes.chunks(100).map(<[u8]>::to_vec).collect();
        assert_eq!(payloads(&there), expected);
    }
}

#[test]
fn links_repeat_and_reorder_as_they_are_told_and_keep_the_order_otherwise() {
    let numbers = |change: fn(&mut Settings)| {
        let mut net = Net::new(change);
        let there = net.listen(2, 7);
        net.endpoint(1, at(1, 7), &SocketOptions::UNICAST, |cycle, socket| {
            for number in 0..100 {
                cycle
                    .net
                    .send_copy(socket, &[number], Some(at(2, 7)))
                    .unwrap();
            }
        });
        payloads(&there).concat()
    };
    let in_order: Vec<u8> = (0..100).collect();
    let quiet = numbers(|settings| settings.link.delay = Delay::between(1_000, 500_000));
    assert_eq!(quiet, in_order);
    let mut shuffled = numbers(|settings| settings.link.reorder_ppm = 300_000);
    assert_ne!(shuffled, in_order);
    shuffled.sort_unstable();
    assert_eq!(shuffled, in_order);
    let repeated = numbers(|settings| settings.link.duplicate_ppm = 500_000);
    assert!((120..180).contains(&repeated.len()), "{}", repeated.len());
    let lossy = numbers(|settings| settings.link.loss_ppm = 500_000);
    assert!((20..80).contains(&lossy.len()) && lossy.is_sorted());
}

#[test]
fn a_wire_changes_and_loses_what_it_is_told_to() {
    let mut net = Net::new(|_| {});
    net.simulation.set_wire(Some(Box::new(|on_wire| {
        on_wire.bytes[0] ^= 0x80;
        match on_wire.bytes[0] & 1 {
            0 => Fate::Pass,
            _ => Fate::Lose,
        }
    })));
    let there = net.listen(2, 7);
    net.endpoint(1, at(1, 7), &SocketOptions::UNICAST, |cycle, socket| {
        for number in 0..6 {
            cycle
                .net
                .send_copy(socket, &[number], Some(at(2, 7)))
                .unwrap();
        }
    });
    assert_eq!(payloads(&there).concat(), [0x80, 0x82, 0x84]);
}

#[test]
fn host_names_resolve_from_a_table_that_may_change() {
    let mut net = Net::new(|_| {});
    let ask = |net: &mut Net, name: &str| {
        let (tell, told) = unbounded();
        let mut host = Some(name.to_owned());
        let agent = Script::agent(move |cycle| {
            if let Some(host) = host.take() {
                cycle.chores.ask(Chore::Resolve { host }).unwrap();
            }
            let Some(completion) = cycle.mail.take_completions().next() else {
                return Ok(Turn::Worked(0));
            };
            let answer = match completion.outcome {
                Outcome::Addresses(ips) => Some(ips),
                _ => None,
            };
            tell.send(answer).unwrap();
            Ok(Turn::Finished)
        });
        start(&mut net.simulation, "asking", net.hosts[0], vec![agent]);
        let answered = |_: &mut Simulation| !told.is_empty();
        net.simulation.run_until(SECOND_NS, answered).unwrap();
        told.recv().unwrap()
    };
    assert_eq!(ask(&mut net, "2"), Some(vec![ip(2)]));
    assert_eq!(
        ask(&mut net, "10.9.8.7"),
        Some(vec![IpAddr::from([10, 9, 8, 7])])
    );
    assert_eq!(ask(&mut net, "node"), None);
    net.simulation.set_name("node", &[ip(3)]);
    assert_eq!(ask(&mut net, "node"), Some(vec![ip(3)]));
    net.simulation.set_name("node", &[]);
    assert_eq!(ask(&mut net, "node"), None);
}
