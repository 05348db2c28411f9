//! Agents that use a client in their turns, the client's conductor beside them on the same thread, a real driver below.

use std::sync::{
    Arc,
    mpsc::{Sender, channel},
};

use taranis_runtime::{
    agent::{Agent, Fault, Turn},
    clock::Now,
    cycle::{Cycle, Rng},
    halt::Halt,
    invoker::Invoker,
    io::plain::PlainBackend,
    mem::Names,
};
use taranis_transport::client::{
    Aeron, Connect, Handlers, ImageChange, ImageHandlers, Pending, Publication, Subscription,
};

use crate::harness::{JavaDriver, until, wait_for};

const CHANNEL: &str = "aeron:ipc?term-length=64k";
const PINGS: u32 = 1_000;

/// Sends numbers one after the other, each after the echo of the one before.
struct Pinger {
    stage: Stage,
    tell: Sender<u32>,
}

enum Stage {
    Asking(
        Pending<Publication>,
        Pending<Subscription>,
        Option<Publication>,
        Option<Subscription>,
    ),
    Playing {
        publication: Publication,
        subscription: Subscription,
        number: u32,
        is_sent: bool,
    },
}

impl Pinger {
    fn new(aeron: &Aeron, streams: (i32, i32), tell: Sender<u32>) -> Self {
        let publication = aeron.async_add_publication(CHANNEL, streams.0).unwrap();
        let subscription = aeron
            .async_add_subscription(CHANNEL, streams.1, ImageHandlers::default())
            .unwrap();
        Self {
            stage: Stage::Asking(publication, subscription, None, None),
            tell,
        }
    }
}

impl Agent for Pinger {
    fn name(&self) -> &str {
        "pinger"
    }

    fn do_work(&mut self, _: &mut Cycle<'_>) -> Result<Turn, Fault> {
        match &mut self.stage {
            Stage::Asking(asked_publication, asked_subscription, publication, subscription) => {
                if publication.is_none() {
                    *publication = asked_publication.poll().map_err(Fault::stop)?;
                }
                if subscription.is_none() {
                    *subscription = asked_subscription.poll().map_err(Fault::stop)?;
                }
                if let (Some(_), Some(_)) = (&publication, &subscription) {
                    let (publication, subscription) = (publication.take(), subscription.take());
                    self.stage = Stage::Playing {
                        publication: publication.unwrap(),
                        subscription: subscription.unwrap(),
                        number: 0,
                        is_sent: false,
                    };
                    return Ok(Turn::Worked(1));
                }
                Ok(Turn::Worked(0))
            }
            Stage::Playing {
                publication,
                subscription,
                number,
                is_sent,
            } => {
                if *number == PINGS {
                    let _ = self.tell.send(*number);
                    return Ok(Turn::Finished);
                }
                let mut work = 0;
                if !*is_sent && publication.offer(&number.to_le_bytes()).is_ok() {
                    *is_sent = true;
                    work += 1;
                }
                work += subscription.poll(10, |message| {
                    assert_eq!(message.payload, number.to_le_bytes());
                    *number += 1;
                    *is_sent = false;
                });
                Ok(Turn::Worked(work))
            }
        }
    }
}

/// Sends back what comes, from an image that it took out of its subscription.
struct Echo {
    asked: Option<Pending<Subscription>>,
    subscription: Option<Subscription>,
    image: Option<taranis_transport::client::Image>,
    back: Arc<Publication>,
}

impl Agent for Echo {
    fn name(&self) -> &str {
        "echo"
    }

    fn do_work(&mut self, _: &mut Cycle<'_>) -> Result<Turn, Fault> {
        if let Some(asked) = &mut self.asked {
            let Some(mut subscription) = asked.poll().map_err(Fault::stop)? else {
                return Ok(Turn::Worked(0));
            };
            subscription.track_images();
            self.subscription = Some(subscription);
            self.asked = None;
        }
        let Some(subscription) = &mut self.subscription else {
            return Ok(Turn::Worked(0));
        };
        while let Some(change) = subscription.next_image_change() {
            match change {
                ImageChange::Available(info) => {
                    self.image = subscription.take_image(info.correlation_id())
                }
                ImageChange::Unavailable(_) => return Ok(Turn::Finished),
            }
        }
        let Some(image) = &mut self.image else {
            return Ok(Turn::Worked(0));
        };
        let back = &self.back;
        Ok(Turn::Worked(image.controlled_poll(
            10,
            |message| match back.offer(message.payload) {
                Ok(_) => taranis_transport::client::Action::Continue,
                Err(_) => taranis_transport::client::Action::Abort,
            },
        )))
    }
}

#[test]
fn two_agents_and_their_clients_conductor_share_a_thread() {
    let Some(driver) = JavaDriver::start("agents") else {
        return;
    };
    let names = Names::of_files();
    let mut connect = Connect::new(driver.context(), Handlers::default(), Now::read()).unwrap();
    let (aeron, mut conductor) = until("there is a driver", || {
        connect.poll(Now::read(), &names).unwrap()
    });
    let mut back = aeron.async_add_publication(CHANNEL, 2).unwrap();
    let back = until("the way back is there", || {
        conductor.turn(Now::read(), &names);
        back.poll().unwrap()
    });
    let (tell, told) = channel();
    let echo = Echo {
        asked: Some(
            aeron
                .async_add_subscription(CHANNEL, 1, ImageHandlers::default())
                .unwrap(),
        ),
        subscription: None,
        image: None,
        back: Arc::new(back),
    };
    let pinger = Pinger::new(&aeron, (1, 2), tell);
    let halt = Halt::new();
    let mut invoker = Invoker::new(
        vec![Box::new(conductor), Box::new(echo), Box::new(pinger)],
        Box::new(move || Box::new(PlainBackend::new(names, None))),
        Rng::with_seed(1),
        halt.clone(),
        Box::new(|agent, fault| panic!("{agent}: {fault}")),
    );
    let played = until("all pings came back", || {
        for _ in 0..100 {
            invoker.cycle().unwrap();
        }
        told.try_recv().ok()
    });
    assert_eq!(played, PINGS);
    aeron.close();
    wait_for("the conductor closes", || {
        invoker.cycle().unwrap();
        aeron.is_at_end()
    });
    halt.request("test", "done");
    invoker.cycle().unwrap();
}
