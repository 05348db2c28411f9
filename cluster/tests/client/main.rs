//! The cluster client against Aeron's own cluster (08 §4).

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![expect(
    clippy::disallowed_methods,
    reason = "a test with a real cluster lives in real time"
)]

use std::time::{Duration, Instant};

use taranis_cluster::client::{AeronCluster, ClusterContext, ClusterError, Egress, State};
use taranis_runtime::{
    config::Nanos,
    testing::{FreshDir, peer::Peer},
};
use taranis_transport::client::{Client, Context, Handlers};

const PATIENCE: Duration = Duration::from_secs(60);
const MESSAGES: usize = 10_000;

struct JavaCluster {
    peer: Peer,
    endpoints: String,
    fresh: FreshDir,
}

impl JavaCluster {
    fn start(test: &str) -> Option<Self> {
        let fresh = FreshDir::on_disk(test);
        let mut peer = Peer::java(
            "tests/peers/ClusterPeer.java",
            &[fresh.path().to_str().unwrap()],
        )?;
        let endpoints = peer.ready(PATIENCE).unwrap();
        Some(Self {
            peer,
            endpoints,
            fresh,
        })
    }

    fn client(&self) -> Client {
        Client::launch(Context::new(self.fresh.join("driver")), Handlers::default()).unwrap()
    }

    fn context(&self) -> ClusterContext {
        ClusterContext {
            ingress_channel: "aeron:udp?term-length=64k".to_owned(),
            ingress_endpoints: self.endpoints.clone(),
            egress_channel: "aeron:udp?endpoint=127.0.0.1:0".to_owned(),
            message_timeout: Nanos(30_000_000_000),
            ..ClusterContext::default()
        }
    }
}

fn message(number: usize) -> Vec<u8> {
    let mut message = number.to_le_bytes().to_vec();
    message.resize(32 + number % 257, number as u8);
    message
}

#[test]
fn a_java_cluster_answers_every_message_in_order() {
    let Some(java) = JavaCluster::start("cluster-client") else {
        return;
    };
    let mut client = java.client();
    let mut cluster = AeronCluster::connect(&mut client, java.context()).unwrap();
    assert_eq!(cluster.session().leader_member_id(), 0);
    assert_eq!(cluster.session().state(), State::Connected);

    let (mut answered, mut bytes) = (0, 0);
    let mut take = |egress: Egress<'_>| {
        if let Egress::Message { payload, .. } = egress {
            assert_eq!(payload, message(answered), "answer {answered}");
            answered += 1;
            bytes += payload.len();
        }
        answered
    };
    for number in 0..MESSAGES {
        cluster
            .offer(&message(number), |egress| {
                take(egress);
            })
            .unwrap();
    }
    let deadline = Instant::now() + PATIENCE;
    let mut seen = 0;
    while seen < MESSAGES {
        cluster.poll(|egress| seen = take(egress)).unwrap();
        assert!(Instant::now() < deadline, "{seen} of {MESSAGES} answers");
    }
    println!(
        "peer-row: peer=java-cluster direction=ours-to-java-and-back transport=udp messages={MESSAGES} bytes={bytes}"
    );
    cluster.close();
}

#[test]
fn a_cluster_that_dies_is_noticed_and_ends_the_session() {
    let Some(java) = JavaCluster::start("cluster-dies") else {
        return;
    };
    let mut client = java.client();
    let context = ClusterContext {
        new_leader_timeout: Some(Nanos(500_000_000)),
        ..java.context()
    };
    let mut cluster = AeronCluster::connect(&mut client, context).unwrap();
    java.peer.kill().unwrap();
    let deadline = Instant::now() + PATIENCE;
    let error = loop {
        assert!(Instant::now() < deadline, "the session still lives");
        // Whatever the offer says, the poll tells when it is over.
        let _ = cluster
            .session()
            .offer(b"anybody there?", taranis_runtime::clock::Now::read());
        if let Err(error) = cluster.poll(|_| {}) {
            break error;
        }
    };
    assert!(
        matches!(error, ClusterError::Closed { .. } | ClusterError::Client(_)),
        "{error}"
    );
}

#[test]
fn a_cluster_that_is_not_there_times_out_and_says_at_which_step() {
    let Some(java) = JavaCluster::start("cluster-absent") else {
        return;
    };
    let mut client = java.client();
    let context = ClusterContext {
        ingress_endpoints: "0=127.0.0.1:9".to_owned(),
        message_timeout: Nanos(300_000_000),
        ..java.context()
    };
    let error = AeronCluster::connect(&mut client, context)
        .err()
        .unwrap()
        .to_string();
    assert_eq!(
        error,
        "not connected to the cluster within 300 ms while waiting for a member to listen"
    );
}
