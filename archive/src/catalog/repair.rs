//! Repairing the catalog at start: every recording gets a stop position before anybody asks for one (07 §9).

use std::{
    io,
    path::{Path, PathBuf},
};

use taranis_runtime::io::Disk;

use super::{
    index::Catalog,
    layout::FILE_NAME,
    recording::{Recording, Stop},
    recover::{Facts, Verdict, judge, run_tag},
    setup,
    walk::{Tail, walk},
};
use crate::{
    checksum::Checksum,
    context::TornTail,
    recorder::Evidence,
    segment::{BadSegmentName, SegmentFiles, SegmentName, SegmentPlace},
};

/// Why an archive can't start on its files.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepairError {
    /// The system refused.
    #[error("{path}: {error}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A file has a name that is none.
    #[error("{directory}: {problem}")]
    Name {
        /// The directory.
        directory: PathBuf,
        /// The name.
        problem: BadSegmentName,
    },
    /// A last frame may be torn, and the setting says to refuse. No file was changed.
    #[error(
        "Found potentially incomplete last fragment straddling page boundary in file: {path}\n\
         Run `ArchiveTool verify` for corrective action! (The fragment begins at byte {begin}; torn_tail=cut cuts it off.)"
    )]
    Torn {
        /// The segment file.
        path: PathBuf,
        /// Where the frame begins.
        begin: u64,
    },
}

/// How recordings are to be repaired.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// What becomes of a last frame that may be torn.
    pub torn_tail: TornTail,
    /// The checksum that frames were recorded with.
    pub checksum: Option<Checksum>,
    /// The time that repaired recordings stop at.
    pub now_ms: i64,
}

/// What was done to a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repair {
    /// The recording.
    pub recording_id: i64,
    /// Where it stops now.
    pub stop: i64,
    /// From where on its last file was made zero; `None` when it was left as it was.
    pub cut: Option<SegmentPlace>,
    /// The file that was added: a recording that ends with a file has an empty one behind it.
    pub added: Option<i64>,
    /// Whether a frame was cut off that may have been torn.
    pub torn: bool,
}

/// Gives every valid recording without a stop position one: first judges all of them, then changes files and catalog.
///
/// # Errors
/// [`RepairError`]; nothing was changed if it is [`RepairError::Torn`] or [`RepairError::Name`].
pub fn repair(
    disk: &mut dyn Disk,
    directory: &Path,
    catalog: &mut Catalog,
    evidence: &Evidence,
    rules: Rules,
) -> Result<Vec<Repair>, RepairError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error| RepairError::Io { path, error }
    };
    let entries = disk.list(directory).map_err(failed(directory))?;
    let files = SegmentFiles::among(&entries).map_err(|problem| RepairError::Name {
        directory: directory.to_owned(),
        problem,
    })?;
    let mut repairs = Vec::new();
    for recording in catalog.from(i64::MIN).filter(|it| it.stop.is_none()) {
        repairs.push(plan(disk, directory, recording, &files, evidence, rules)?);
    }
    let path = directory.join(FILE_NAME);
    for repair in &repairs {
        let Some(recording) = catalog.get(repair.recording_id) else {
            continue;
        };
        mend_files(disk, directory, recording, repair).map_err(failed(directory))?;
        let stop = Stop {
            position: repair.stop,
            timestamp_ms: rules.now_ms,
        };
        if let Ok(changes) = catalog.stopped(repair.recording_id, stop) {
            setup::write(disk, &path, changes).map_err(failed(&path))?;
        }
    }
    if !repairs.is_empty() {
        disk.sync(&path).map_err(failed(&path))?;
    }
    Ok(repairs)
}

fn plan(
    disk: &dyn Disk,
    directory: &Path,
    recording: &Recording,
    files: &SegmentFiles,
    evidence: &Evidence,
    rules: Rules,
) -> Result<Repair, RepairError> {
    let facts = Facts {
        geometry: recording.geometry,
        start: recording.start_position,
        last_base: files.of(recording.id).next_back().map(|(base, _)| base),
        recorded: evidence.recorded(recording.id, run_tag(recording)),
    };
    let mut repair = Repair {
        recording_id: recording.id,
        stop: facts.start,
        cut: None,
        added: None,
        torn: false,
    };
    match judge(&facts) {
        Verdict::Empty => {}
        Verdict::Exactly { stop } => {
            repair.stop = stop;
            let place = facts.geometry.place(facts.start, stop);
            if facts.last_base == Some(place.base) {
                repair.cut = Some(place);
            } else {
                repair.added = Some(place.base);
            }
        }
        Verdict::Walk { from } => {
            let path = path_of(directory, recording.id, from.base);
            let walked = walk(disk, &path, &facts.geometry, from, rules.checksum);
            let tail = walked.map_err(|error| RepairError::Io {
                path: path.clone(),
                error,
            })?;
            let end = match tail {
                Tail::Whole { end } => end,
                Tail::Doubtful { begin, .. } if rules.torn_tail == TornTail::Refuse => {
                    return Err(RepairError::Torn { path, begin });
                }
                Tail::Doubtful { begin, .. } => {
                    repair.torn = true;
                    repair.cut = Some(SegmentPlace {
                        base: from.base,
                        offset: begin,
                    });
                    begin
                }
            };
            let stop = from.base.saturating_add_unsigned(end);
            repair.stop = stop.max(facts.start);
        }
    }
    Ok(repair)
}

fn mend_files(
    disk: &mut dyn Disk,
    directory: &Path,
    recording: &Recording,
    repair: &Repair,
) -> io::Result<()> {
    if let Some(place) = repair.cut {
        let path = path_of(directory, recording.id, place.base);
        disk.zero_from(&path, place.offset)?;
        disk.sync(&path)?;
    }
    if let Some(base) = repair.added {
        let path = path_of(directory, recording.id, base);
        let length = recording.geometry.segment_length().unsigned_abs();
        disk.create(&path, &[], length.into())?;
    }
    Ok(())
}

fn path_of(directory: &Path, recording_id: i64, base: i64) -> PathBuf {
    directory.join(SegmentName { recording_id, base }.to_string())
}
