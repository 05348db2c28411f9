//! Lost datagrams.

use taranis_runtime::{io::Durability, sim::Act};

use crate::story::{Story, settings};

#[test]
fn records_arrive_whole_and_in_order_under_ten_per_cent_loss() {
    for seed in 0..5 {
        let mut settings = settings(seed);
        settings.link.loss_ppm = 100_000;
        let mut story = Story::new(settings, Durability::Taken, None);
        story.finish();
    }
}

#[test]
fn nothing_arrives_over_a_cut_link_until_it_heals() {
    let mut story = Story::new(settings(1), Durability::Taken, None);
    let [source, keeper, _] = story.hosts;
    story.simulation.act(Act::Cut(source, keeper));
    story.simulation.run_for(50_000_000);
    assert_eq!(story.kept(0), 0);
    assert!(story.kept(1) > 0);
    story.simulation.act(Act::Heal(source, keeper));
    story.finish();
}
