//! Where each member takes ingress (08 §3.5).

use std::collections::BTreeMap;

use taranis_transport::uri::{ChannelUri, keys};

use super::error::ClusterError;

/// Ingress endpoints by member id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoints {
    members: BTreeMap<i32, String>,
}

impl Endpoints {
    /// Reads `0=host:port,1=host:port`; the empty text has no members.
    ///
    /// # Errors
    /// [`ClusterError::Endpoints`] with what is wrong.
    pub fn parse(text: &str) -> Result<Self, ClusterError> {
        let refuse = |rule| ClusterError::Endpoints {
            endpoints: text.to_owned(),
            rule,
        };
        let mut members = BTreeMap::new();
        for entry in text.split(',').filter(|entry| !entry.is_empty()) {
            let (id, endpoint) = entry
                .split_once('=')
                .ok_or_else(|| refuse("each entry is `id=host:port`"))?;
            let id = id
                .parse()
                .map_err(|_| refuse("a member id is a 32-bit number"))?;
            if endpoint.is_empty() {
                return Err(refuse("an endpoint is `host:port`"));
            }
            members.insert(id, endpoint.to_owned());
        }
        Ok(Self { members })
    }

    /// Whether there are none: the ingress channel leads to the whole cluster.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Member ids in ascending order.
    pub fn ids(&self) -> impl Iterator<Item = i32> {
        self.members.keys().copied()
    }

    /// The ingress channel of one member; the template itself without endpoints.
    pub(super) fn channel_of(
        &self,
        template: &str,
        member_id: i32,
    ) -> Result<String, ClusterError> {
        let Some(endpoint) = self.members.get(&member_id) else {
            return Ok(template.to_owned());
        };
        let mut uri = ChannelUri::parse(template)?;
        uri.put(keys::ENDPOINT, endpoint)?;
        Ok(uri.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_have_channels_of_their_own() {
        let endpoints = Endpoints::parse("0=a:1,2=b:2").unwrap();
        assert_eq!(endpoints.ids().collect::<Vec<_>>(), [0, 2]);
        let channel = endpoints
            .channel_of("aeron:udp?term-length=64k", 2)
            .unwrap();
        assert!(
            channel.contains("endpoint=b:2") && channel.contains("term-length=64k"),
            "{channel}"
        );
        assert!(Endpoints::parse("").unwrap().is_empty());
    }

    #[test]
    fn says_what_is_wrong() {
        for (text, rule) in [
            ("0", "id=host:port"),
            ("x=a:1", "32-bit number"),
            ("0=", "host:port"),
        ] {
            let error = Endpoints::parse(text).unwrap_err().to_string();
            assert!(error.contains(rule) && error.contains(text), "{error}");
        }
    }
}
