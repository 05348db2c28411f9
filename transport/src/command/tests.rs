//! Both codecs: every message comes back, and no bytes of another process do harm.

mod commands {
    use super::super::*;

    const CHANNEL: &str = "aeron:udp?endpoint=localhost:40123";

    fn one_of_each() -> Vec<Command<'static>> {
        use CommandBody::*;
        let bodies = [
            AddPublication {
                stream_id: 1001,
                channel: CHANNEL,
            },
            AddExclusivePublication {
                stream_id: -5,
                channel: "aeron:ipc",
            },
            RemovePublication {
                registration_id: 7,
                revoke: true,
            },
            RemovePublication {
                registration_id: 7,
                revoke: false,
            },
            AddSubscription {
                stream_id: 9,
                channel: CHANNEL,
            },
            RemoveSubscription {
                registration_id: i64::MIN,
            },
            ClientKeepalive,
            ClientClose,
            AddDestination {
                registration_id: 3,
                channel: CHANNEL,
            },
            RemoveDestination {
                registration_id: 3,
                channel: CHANNEL,
            },
            RemoveDestinationById {
                registration_id: 3,
                destination_id: 4,
            },
            AddRcvDestination {
                registration_id: 3,
                channel: CHANNEL,
            },
            RemoveRcvDestination {
                registration_id: 3,
                channel: "",
            },
            AddCounter {
                type_id: 1000,
                key: &[1, 2, 3, 4, 5],
                label: b"a label",
            },
            AddCounter {
                type_id: 1000,
                key: &[],
                label: b"",
            },
            AddStaticCounter {
                registration_id: 12,
                type_id: 1001,
                key: &[9; 112],
                label: b"x",
            },
            RemoveCounter { registration_id: 8 },
            TerminateDriver { token: b"secret" },
            RejectImage {
                image_correlation_id: 5,
                position: 4096,
                reason: b"no",
            },
            RejectImage {
                image_correlation_id: 5,
                position: 4096,
                reason: b"a longer reason",
            },
            GetNextAvailableSessionId { stream_id: 1001 },
        ];
        bodies
            .into_iter()
            .map(|body| Command {
                client_id: 0x0102_0304,
                correlation_id: 77,
                body,
            })
            .collect()
    }

    fn encoded(command: &Command<'_>) -> Vec<u8> {
        let mut buffer = vec![0xAA; command.encoded_len()];
        assert_eq!(command.encode(&mut buffer), Ok(buffer.len()));
        buffer
    }

    #[test]
    fn every_command_comes_back_and_ignores_what_follows() {
        for command in one_of_each() {
            let type_id = command.body.code().to_wire();
            let mut buffer = encoded(&command);
            assert_eq!(Command::decode(type_id, &buffer), Ok(command));
            buffer.extend_from_slice(&[0xFF; 40]);
            assert_eq!(Command::decode(type_id, &buffer), Ok(command));
        }
    }

    #[test]
    fn every_truncation_is_refused_with_the_correlation_id_if_there() {
        for command in one_of_each() {
            let type_id = command.body.code().to_wire();
            let buffer = encoded(&command);
            for len in 0..buffer.len() {
                match Command::decode(type_id, &buffer[..len]) {
                    Err(refused) => {
                        let readable = (len >= 16).then_some(77);
                        assert_eq!(refused.correlation_id(), readable, "{command:?} at {len}");
                    }
                    // Only what is padded or has an older, shorter form may be cut.
                    Ok(shorter) => match command.body {
                        CommandBody::RemovePublication { .. } => assert_eq!(len, 24),
                        CommandBody::RejectImage { reason, .. } => {
                            assert!(len >= 36 + reason.len());
                            assert_eq!(shorter, command);
                        }
                        _ => panic!("{command:?} was accepted at {len} bytes"),
                    },
                }
            }
        }
    }

    #[test]
    fn no_flip_of_a_bit_panics_and_what_is_accepted_encodes_again() {
        for command in one_of_each() {
            let type_id = command.body.code().to_wire();
            let buffer = encoded(&command);
            for bit in 0..buffer.len() * 8 {
                let mut flipped = buffer.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                if let Ok(other) = Command::decode(type_id, &flipped) {
                    assert_eq!(Command::decode(type_id, &encoded(&other)), Ok(other));
                }
            }
        }
    }

    #[test]
    fn lays_fields_out_as_02_6_2_says() {
        let add = Command {
            client_id: 1,
            correlation_id: 2,
            body: CommandBody::AddCounter {
                type_id: 3,
                key: b"kkkkk",
                label: b"ll",
            },
        };
        let buffer = encoded(&add);
        assert_eq!(buffer.len(), 28 + 8 + 2);
        assert_eq!(&buffer[16..20], &3_i32.to_le_bytes());
        assert_eq!(&buffer[20..24], &5_i32.to_le_bytes());
        assert_eq!(&buffer[24..32], b"kkkkk\0\0\0");
        assert_eq!(&buffer[32..36], &2_i32.to_le_bytes());
        assert_eq!(&buffer[36..], b"ll");

        let subscribe = Command {
            client_id: 1,
            correlation_id: 2,
            body: CommandBody::AddSubscription {
                stream_id: 3,
                channel: "aeron:ipc",
            },
        };
        let buffer = encoded(&subscribe);
        assert_eq!(&buffer[16..24], &(-1_i64).to_le_bytes());
        assert_eq!(&buffer[24..28], &3_i32.to_le_bytes());
        assert_eq!(&buffer[28..32], &9_i32.to_le_bytes());

        // C drivers refuse a REJECT_IMAGE below 40 bytes (02 §6.2).
        let reject = Command {
            client_id: 1,
            correlation_id: 2,
            body: CommandBody::RejectImage {
                image_correlation_id: 3,
                position: 4,
                reason: b"",
            },
        };
        assert_eq!(encoded(&reject).len(), 40);
    }

    #[test]
    fn accepts_the_old_remove_publication_of_exactly_24_bytes() {
        let mut message = [0; 24];
        message[16] = 9;
        assert_eq!(
            Command::decode(2, &message).unwrap().body,
            CommandBody::RemovePublication {
                registration_id: 9,
                revoke: false
            }
        );
        assert!(Command::decode(2, &message[..23]).is_err());
        assert!(Command::decode(2, &[0; 31]).is_err());
    }

    #[test]
    fn refuses_what_it_does_not_know_or_cannot_hold() {
        let refused = Command::decode(0x13, &[1; 16]).unwrap_err();
        assert!(refused.to_string().contains("command=19 unknown"));
        let mut message = vec![0; 24];
        message[20..24].copy_from_slice(&(-1_i32).to_le_bytes());
        assert!(Command::decode(1, &message).is_err(), "negative length");
        message[20..24].copy_from_slice(&2_i32.to_le_bytes());
        message.extend_from_slice(&[0xC3, 0x28]);
        assert!(
            Command::decode(1, &message).is_err(),
            "a channel that is no text"
        );
        let add = Command {
            client_id: 1,
            correlation_id: 2,
            body: CommandBody::ClientClose,
        };
        assert_eq!(
            add.encode(&mut [0; 15]),
            Err(BufferTooShort { need: 16, len: 15 })
        );
    }
}

mod events {
    use super::super::*;

    fn one_of_each() -> Vec<Event<'static>> {
        let ready = PublicationReady {
            correlation_id: 1,
            registration_id: 2,
            session_id: -3,
            stream_id: 4,
            limit_counter_id: 5,
            channel_status_id: -1,
            log_file: b"/dev/shm/aeron-me/publications/2.logbuffer",
        };
        let error = PublicationError {
            registration_id: 1,
            destination_id: None,
            session_id: 2,
            stream_id: 3,
            receiver_id: -1,
            group_tag: Some(9),
            source: Some("127.0.0.1:40123".parse().unwrap()),
            code: ErrorCode::ImageRejected,
            text: b"no",
        };
        vec![
            Event::Error {
                correlation_id: 1,
                code: ErrorCode::GenericError,
                text: b"(-11) generic error",
            },
            Event::Error {
                correlation_id: 1,
                code: ErrorCode::Unknown(99),
                text: b"",
            },
            Event::AvailableImage(AvailableImage {
                correlation_id: 1,
                session_id: 2,
                stream_id: 3,
                subscription_id: 4,
                subscriber_position_id: 5,
                log_file: b"/a/log.logbuffer!",
                source_identity: b"127.0.0.1:4000",
            }),
            Event::PublicationReady(ready),
            Event::ExclusivePublicationReady(ready),
            Event::OperationSuccess { correlation_id: 6 },
            Event::UnavailableImage {
                image_correlation_id: 1,
                subscription_id: 2,
                stream_id: 3,
                channel: b"aeron:ipc",
            },
            Event::SubscriptionReady {
                correlation_id: 1,
                channel_status_id: 2,
            },
            Event::CounterReady {
                correlation_id: 1,
                counter_id: 2,
            },
            Event::UnavailableCounter {
                registration_id: 1,
                counter_id: 2,
            },
            Event::ClientTimeout { client_id: 7 },
            Event::StaticCounter {
                correlation_id: 1,
                counter_id: 2,
            },
            Event::PublicationError(error),
            Event::PublicationError(PublicationError {
                source: Some("[fe80::1]:9".parse().unwrap()),
                destination_id: Some(4),
                group_tag: None,
                text: b"longer than four",
                ..error
            }),
            Event::PublicationError(PublicationError {
                source: None,
                text: b"",
                ..error
            }),
            Event::NextAvailableSessionId {
                correlation_id: 1,
                session_id: -2,
            },
        ]
    }

    fn encoded(event: &Event<'_>) -> Vec<u8> {
        let mut buffer = vec![0xAA; event.encoded_len()];
        assert_eq!(event.encode(&mut buffer), Ok(buffer.len()));
        buffer
    }

    #[test]
    fn every_event_comes_back_and_ignores_what_follows() {
        for event in one_of_each() {
            let type_id = event.code().to_wire();
            let mut buffer = encoded(&event);
            assert_eq!(Event::decode(type_id, &buffer), Ok(Some(event)));
            buffer.extend_from_slice(&[0xFF; 40]);
            assert_eq!(Event::decode(type_id, &buffer), Ok(Some(event)));
        }
        assert_eq!(Event::decode(0x0F0E, &[]), Ok(None));
    }

    #[test]
    fn every_truncation_is_refused() {
        for event in one_of_each() {
            let type_id = event.code().to_wire();
            let buffer = encoded(&event);
            for len in 0..buffer.len() {
                match Event::decode(type_id, &buffer[..len]) {
                    Err(malformed) => assert_eq!(malformed.len, len),
                    // ON_PUBLICATION_ERROR is padded for C clients.
                    Ok(Some(Event::PublicationError(error))) => {
                        assert!(len >= 68 + error.text.len())
                    }
                    Ok(other) => panic!("{event:?} was accepted at {len} bytes as {other:?}"),
                }
            }
        }
    }

    #[test]
    fn no_flip_of_a_bit_panics_and_what_is_accepted_encodes_again() {
        for event in one_of_each() {
            let type_id = event.code().to_wire();
            let buffer = encoded(&event);
            for bit in 0..buffer.len() * 8 {
                let mut flipped = buffer.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                if let Ok(Some(other)) = Event::decode(type_id, &flipped) {
                    assert_eq!(Event::decode(type_id, &encoded(&other)), Ok(Some(other)));
                }
            }
        }
    }

    #[test]
    fn lays_fields_out_as_02_6_3_says() {
        let image = encoded(&one_of_each()[2]);
        assert_eq!(image.len(), 36 + 20 + 14);
        assert_eq!(&image[28..32], &17_i32.to_le_bytes());
        assert_eq!(&image[52..56], &14_i32.to_le_bytes());
        assert_eq!(&image[56..], b"127.0.0.1:4000");

        let error = encoded(&one_of_each()[12]);
        assert_eq!(error.len(), 72, "C clients refuse less");
        assert_eq!(&error[40..44], &[1, 0, 0xBB, 0x9C]);
        assert_eq!(&error[44..48], &[127, 0, 0, 1]);
        assert_eq!(&error[60..64], &13_i32.to_le_bytes());
    }
}
