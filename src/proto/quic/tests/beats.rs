//! What shows that a client waits.

use crate::flow::{Appetite, Side};
use crate::proto::quic::header::version;
use crate::proto::quic::testing::*;

#[test]
fn acknowledgements_are_no_speech_and_silence_shows() {
    let mut talk = Talk::new();
    begin(&mut talk);
    let client = Sealer::handshake(version::V1, Side::Client, KEYS);
    let server = Sealer::handshake(version::V1, Side::Server, KEYS);
    assert_eq!(
        talk.server(&server.packet(0, &[1; 900])),
        ["3 Server ServerFlight 920"]
    );
    // Acknowledgement of both levels, a probe and its answer, data of the server ahead of time.
    let initial = Sealer::initial(version::V1, &DCID, Side::Client);
    let mut both = [initial.packet(1, &ACK), client.packet(0, &ACK)].concat();
    both.resize(1_200, 0);
    assert!(talk.client(&both).is_empty());
    assert!(talk.client(&client.packet(1, &[1])).is_empty());
    assert!(talk.server(&server.packet(1, &ACK)).is_empty());
    assert!(talk.server(&[0x41; 30]).is_empty());
    // Finished, then a request.
    assert_eq!(
        talk.client(&client.packet(2, &[1; 40])),
        ["8 Client Encrypted 60"]
    );
    assert_eq!(talk.client(&[0x41; 300]), ["9 Client AppData 300"]);
    assert_eq!(talk.server(&[0x41; 900]), ["10 Server AppData 900"]);
    assert_eq!(talk.appetite, Appetite::More);
    for _ in 0..3 {
        talk.client(&[0x41; 30]);
    }
    assert_eq!(talk.appetite, Appetite::Done);
    assert!(talk.client(&[0x41; 30]).is_empty());
}

#[test]
fn a_filled_acknowledgement_is_told_from_a_finished_by_what_follows() {
    let client = Sealer::handshake(version::V1, Side::Client, KEYS);
    let initial = Sealer::initial(version::V1, &DCID, Side::Client);
    let doubtful = [initial.packet(1, &ACK), client.packet(0, &[0; 1_000])].concat();
    let mut talk = Talk::new();
    begin(&mut talk);
    assert!(talk.client(&doubtful).is_empty());
    assert_eq!(
        talk.client(&client.packet(2, &[1; 40])),
        ["4 Client Encrypted 60"]
    );
    assert_eq!(talk.client(&[0x41; 30]), ["5 Client AppData 30"]);

    let mut talk = Talk::new();
    begin(&mut talk);
    assert!(talk.client(&doubtful).is_empty());
    assert_eq!(
        talk.client(&[0x41; 30]),
        ["3 Client Encrypted 1020", "4 Client AppData 30"]
    );
}

#[test]
fn a_talkative_server_leaves_room_for_the_client() {
    let mut talk = Talk::new();
    begin(&mut talk);
    let server = Sealer::handshake(version::V1, Side::Server, KEYS);
    let told = (0..100)
        .flat_map(|n| talk.server(&server.packet(n, &[1; 90])))
        .count();
    assert!(told < talk.cx.limits.beats);
    assert_eq!(talk.client(&[0x41; 30]), ["103 Client AppData 30"]);
}
